/**
 * News of other people: by server-sent events, or asked for where a proxy holds them back and while the page is hidden.
 */

/** @typedef {import("./types.js").News} News */
/** @typedef {import("./types.js").PersonHere} PersonHere */
/** @typedef {import("./types.js").NewsChange} NewsChange */
/** @typedef {Pick<EventSource, "onmessage" | "onerror" | "close">} Stream */

/** Milliseconds between two questions while the page is visible, and while it is not. */
export const ASK_REST = 5_000;
export const HIDDEN_REST = 20_000;
/** Milliseconds in which a stream must send its first message; a proxy that collects the answer sends none. */
export const FIRST_WAIT = 5_000;
/** Milliseconds without a message after which a stream is broken; the server sends one every 15 seconds. */
const SILENCE = 40_000;
/** Milliseconds until a stream that broke is opened again: a server that was just started is not asked by all at once. */
const BROKEN_REST = 1_000;
/** Milliseconds after which a hidden page asks for the first time: a page that is being closed is hidden as well. */
const CLOSING = 2_000;
/** Milliseconds until a stream is tried again after one that sent nothing. */
export const RETRY_AFTER = 60_000;

export class NewsWatch {
  /** Who else is here. @type {PersonHere[]} */
  people = [];
  /** How news come; null before the first. @type {"stream" | "questions" | null} */
  how = null;
  /** @type {number | undefined} */
  #since = undefined;
  #deps;
  /** Ends the stream or the pause before the next question. */
  #wake = () => {};

  /**
   * @param {object} deps
   * @param {(since: number | undefined, image: number | undefined, hidden: boolean) => Promise<News>} deps.read
   * @param {(since: number | undefined, image: number | undefined) => Stream} deps.connect
   * @param {() => number | undefined} deps.image returns the id of the open image
   * @param {{sleep: (ms: number) => {done: Promise<void>, wake: () => void}, now: () => number}} deps.clock
   * @param {() => void} deps.onPeople
   * @param {(changes: NewsChange[] | null) => void} deps.onChanges null: unknown changes
   */
  constructor(deps) {
    this.#deps = deps;
  }

  /** Begin anew: the page was hidden or shown, or the person has another name. */
  wake() {
    this.#wake();
  }

  /**
   * @param {number | undefined} since number of the last change that the page knows
   * @param {() => boolean} watched returns whether the page is visible
   */
  async run(since, watched) {
    const { clock } = this.#deps;
    this.#since = since;
    for (let silentSince = -Infinity; ; ) {
      if (watched() && clock.now() - silentSince >= RETRY_AFTER) {
        const ended = await this.#listen();
        if (ended === "broken") await clock.sleep(BROKEN_REST).done;
        else if (ended === "silent") silentSince = clock.now();
        else if (!watched()) await clock.sleep(CLOSING).done;
        continue;
      }
      await this.#deps.read(this.#since, this.#deps.image(), !watched()).then((news) => this.#take(news, "questions"), () => {});
      const { done, wake } = clock.sleep(watched() ? ASK_REST : HIDDEN_REST);
      this.#wake = wake;
      await done;
    }
  }

  /** Listen to a stream until it ends. @returns {Promise<"silent" | "broken" | "woken">} silent: no message came */
  #listen() {
    return new Promise((resolve) => {
      const stream = this.#deps.connect(this.#since, this.#deps.image());
      /** @param {"silent" | "broken" | "woken"} how */
      const end = (how) => {
        clearTimeout(timer);
        stream.close();
        resolve(how);
      };
      let timer = setTimeout(end, FIRST_WAIT, "silent");
      stream.onerror = () => end("silent");
      stream.onmessage = ({ data }) => {
        clearTimeout(timer);
        timer = setTimeout(end, SILENCE, "broken");
        stream.onerror = () => end("broken");
        this.#take(JSON.parse(data), "stream");
      };
      this.#wake = () => end("woken");
    });
  }

  /** @param {News} news @param {"stream" | "questions"} how */
  #take({ number, people, changes }, how) {
    const former = JSON.stringify([this.people, this.how]);
    this.#since = number;
    this.how = how;
    this.people = people;
    if (JSON.stringify([people, how]) !== former) this.#deps.onPeople();
    if (changes === null || changes.length) this.#deps.onChanges(changes);
  }
}
