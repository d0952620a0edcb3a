/** Of values that change many times a second, sends the newest: after a rest, and once the former one is answered. */

/** Milliseconds without a change before a value is sent. */
export const REST = 200;

/** @template T */
export class Latest {
  /** @type {{value: T} | null} */
  #unsent = null;
  #resting = false;
  #send;
  #isReady;
  #clock;

  /**
   * @param {(value: T) => void} send
   * @param {() => boolean} isReady returns whether nothing sent is unanswered
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   */
  constructor(send, isReady, clock) {
    this.#send = send;
    this.#isReady = isReady;
    this.#clock = clock;
  }

  /** Whether a value waits to be sent. */
  get waiting() {
    return this.#unsent !== null;
  }

  /** @param {T} value */
  async put(value) {
    const unsent = { value };
    this.#unsent = unsent;
    this.#resting = true;
    await this.#clock.sleep(REST).done;
    if (this.#unsent !== unsent) return; // it was sent, dropped or replaced
    this.#resting = false;
    this.settle();
  }

  /** Send what waits, if it may be sent by now. Call after each answer. */
  settle() {
    if (!this.#resting && this.#isReady()) this.flush();
  }

  /** Send what waits. */
  flush() {
    const unsent = this.#unsent;
    this.drop();
    if (unsent) this.#send(unsent.value);
  }

  /** Forget what waits. */
  drop() {
    this.#unsent = null;
    this.#resting = false;
  }
}
