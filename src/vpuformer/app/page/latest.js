/** Of values that change many times a second, sends the newest: after a rest, and once the former one is answered. */

/** Milliseconds without a change before a value is sent. */
export const REST = 200;

/** @template T */
export class Latest {
  /** @type {{value: T} | null} */
  #unsent = null;
  #timer = 0;
  #send;
  #isReady;

  /**
   * @param {(value: T) => void} send
   * @param {() => boolean} isReady returns whether nothing sent is unanswered
   */
  constructor(send, isReady) {
    this.#send = send;
    this.#isReady = isReady;
  }

  /** Whether a value waits to be sent. */
  get waiting() {
    return this.#unsent !== null;
  }

  /** @param {T} value */
  put(value) {
    this.drop();
    this.#unsent = { value };
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.settle();
    }, REST);
  }

  /** Send what waits, if it may be sent by now. Call after each answer. */
  settle() {
    if (!this.#timer && this.#isReady()) this.flush();
  }

  /** Send what waits. */
  flush() {
    const unsent = this.#unsent;
    this.drop();
    if (unsent) this.#send(unsent.value);
  }

  /** Forget what waits. */
  drop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#unsent = null;
  }
}
