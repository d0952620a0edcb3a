/** Asks the server now and then what is new: files that came, labels of others, and whether it is back. */

/** Milliseconds between two questions, and while something could not be had. */
export const REST = 20_000;
export const HURRY = 2_000;
/** How many times as long as the last answer took it rests at least: a long list is not asked for all the time. */
const EASE = 50;

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

  /** Ask at once, as when the person comes back to the page. */
  wake() {
    this.#wake();
  }

  /** @param {() => boolean} watched whether anybody looks at the page */
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
