/** Boxes without a mask: asks for the answers on the open image, and shows how many wait in the folder. */

import { text } from "./texts.js";

/** Milliseconds between two questions how many boxes wait. */
export const REST = 1_000;
/** Milliseconds until a box that the network could not answer is asked for again. */
export const FAILED_REST = 5_000;

export class BoxWatch {
  /** @type {import("./types.js").WaitingBoxes} */
  state = { waiting: 0, answered: 0 };
  #running = false;
  #looking = false;
  #api;
  #session;
  #clock;
  #text;

  /**
   * @param {Pick<typeof import("./api.js"), "getBoxes" | "getObject">} api
   * @param {import("./session.js").Session} session
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   * @param {HTMLElement} text shows the number
   */
  constructor(api, session, clock, text) {
    this.#api = api;
    this.#session = session;
    this.#clock = clock;
    this.#text = text;
  }

  /** Show how many boxes wait until none does. Call it after boxes were added. */
  async run() {
    if (this.#running) return;
    this.#running = true;
    do {
      this.state = await this.#api.getBoxes().catch(() => this.state);
      const { waiting, answered } = this.state;
      this.#text.hidden = !waiting;
      this.#text.textContent = text("status.boxes", { answered, all: answered + waiting });
      this.#session.listener.onChange();
      if (waiting) await this.#clock.sleep(REST).done;
    } while (this.state.waiting);
    this.#running = false;
  }

  /** Get the masks of the boxes on the open image, one after the other, so that no prompt waits for more than one. */
  async look() {
    if (this.#looking) return;
    this.#looking = true;
    for (let entry, begun = false; (entry = this.#session.entries.find(({ waits }) => waits)); begun = true) {
      if (!begun) void this.run();
      const { image } = this.#session;
      const state = await this.#api.getObject(Number(entry.id)).catch(() => null);
      if (state && image === this.#session.image) this.#session.takeOver(state.image, [state]);
      if (entry.waits && this.#session.entries.includes(entry)) await this.#clock.sleep(FAILED_REST).done;
    }
    this.#looking = false;
  }
}
