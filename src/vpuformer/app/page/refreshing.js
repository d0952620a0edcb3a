/** Regular refresh: new files, labels of others, and whether the server is back. */

/** Milliseconds between two refreshes; the shorter pause is for when something failed. */
export const REST = 20_000;
export const HURRY = 2_000;
/** Minimum pause as a multiple of the time that the last refresh took, for long lists. */
export const EASE = 50;

export class Refreshing {
  #session;
  #clock;
  /** @type {() => void} */
  #wake = () => {};

  /**
   * @param {{trouble: string | null, refresh: () => Promise<void>}} session
   * @param {{sleep: (ms: number) => {done: Promise<void>, wake: () => void}, now: () => number}} clock
   */
  constructor(session, clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /** Refresh now, as when the person comes back to the page. */
  wake() {
    this.#wake();
  }

  /** @param {() => boolean} watched returns whether the page is visible */
  async run(watched) {
    for (let took = 0; ; ) {
      const { done, wake } = this.#clock.sleep(this.#session.trouble ? HURRY : Math.max(REST, EASE * took));
      this.#wake = wake;
      await done;
      if (!watched()) continue;
      const begun = this.#clock.now();
      await this.#session.refresh();
      took = this.#clock.now() - begun;
    }
  }
}
