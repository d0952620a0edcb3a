/** Asks the server whether its network is loaded, until it is. */

import { text } from "./texts.js";

/** @typedef {import("./types.js").NetworkState} NetworkState */

/** Milliseconds between two questions while the network is loading, and while loading has failed. */
export const REST = 300;
export const FAILED_REST = 3_000;

export class NetworkWatch {
  /** @type {NetworkState | null} null until the server has answered */
  state = null;
  #running = false;
  #read;
  #clock;
  #onChange;

  /**
   * @param {() => Promise<NetworkState>} read
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   * @param {() => void} onChange
   */
  constructor(read, clock, onChange) {
    this.#read = read;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get loading() {
    return this.state?.state === "loading";
  }

  /** Why the network cannot be loaded; empty if it can. */
  get failure() {
    return this.state?.state === "failed" ? (this.state.message ?? text("status.networkFailed")) : "";
  }

  /** Ask until the network is ready. Call again when the server is back: it may be another one. */
  async run() {
    if (this.#running) return;
    this.#running = true;
    for (let ready = false; !ready; ) {
      this.state = await this.#read().catch(() => this.state);
      this.#onChange();
      ready = this.state?.state === "ready";
      if (!ready) await this.#clock.sleep(this.loading ? REST : FAILED_REST).done;
    }
    this.#running = false;
  }
}
