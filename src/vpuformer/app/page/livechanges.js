/** Shows what others change while they do: the objects of the open image, and the list. */

import { EASE } from "./refreshing.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").NewsChange} NewsChange */

/** Milliseconds between two updates. */
const REST = 1_000;
/** Number of objects above which the whole image is read. */
const MANY = 10;

export class LiveChanges {
  /** Ids of objects of the open image. @type {Set<number>} */
  #objects = new Set();
  #wholeImage = false;
  #listWaits = false;
  /** Time from which the list may be read. */
  #listFrom = -Infinity;
  #running = false;
  #session;
  #api;
  #clock;

  /**
   * @param {import("./session.js").Session} session
   * @param {Pick<typeof import("./api.js"), "getObject" | "openImage">} api
   * @param {{sleep: (ms: number) => {done: Promise<void>}, now: () => number}} clock
   */
  constructor(session, api, clock) {
    this.#session = session;
    this.#api = api;
    this.#clock = clock;
  }

  /** @param {NewsChange[] | null} changes null: unknown ones */
  take(changes) {
    for (const { image, object } of changes ?? []) {
      if (image !== 0 && image !== this.#session.openId) continue; // 0: several
      if (object === null) this.#wholeImage = true;
      else this.#objects.add(object);
    }
    if (changes === null || this.#objects.size > MANY) this.#wholeImage = true;
    this.#listWaits = true;
    void this.#run();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#listWaits || this.#wholeImage || this.#objects.size) {
      if (this.#session.opening === null) await this.#readOpen();
      const begun = this.#clock.now();
      if (this.#listWaits && begun >= this.#listFrom) {
        this.#listWaits = false;
        await this.#readList();
        this.#listFrom = begun + EASE * (this.#clock.now() - begun);
      }
      await this.#clock.sleep(REST).done;
    }
    this.#running = false;
  }

  async #readOpen() {
    const [whole, objects] = [this.#wholeImage, [...this.#objects]];
    this.#wholeImage = false;
    this.#objects.clear();
    if (whole) await this.#readImage();
    else for (const id of objects) await this.#readObject(id);
  }

  async #readList() {
    const { label, listener, project } = this.#session;
    const known = project?.labels.some(({ id }) => id === label);
    await this.#session.refresh();
    if (known && label !== null && this.#session.label === null && !project?.labels.some(({ id }) => id === label)) {
      listener.onToast(text("labels.chosenDeleted"));
    }
  }

  /** @param {number} id */
  async #readObject(id) {
    const { image } = this.#session;
    const state = await this.#api.getObject(id).catch(() => null);
    if (state && state.image === image?.id && image === this.#session.image) this.#session.takeOver(state.image, [state]);
  }

  async #readImage() {
    const { image } = this.#session;
    const before = new Map(this.#session.entries.map((entry) => [entry, entry.confirmed?.revision]));
    const fresh = image && (await this.#api.openImage(image.id).catch(() => null));
    if (!fresh || image !== this.#session.image) return;
    const ids = fresh.objects.map(({ id }) => id);
    // What was added or changed here meanwhile may be newer than the answer.
    const known = this.#session.entries.filter((entry) => before.get(entry) === entry.confirmed?.revision);
    const gone = known.flatMap(({ id, confirmed }) => (confirmed && id !== null && !ids.includes(id) ? [{ ...confirmed, deleted: true }] : []));
    if (!this.#session.queue.waiting) image.review = fresh.review;
    this.#session.takeOver(fresh.id, [...fresh.objects, ...gone], ids);
  }
}
