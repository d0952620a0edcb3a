/** The mask that a click would give, outlined while the pointer rests. Nothing of it is stored. */

import { decodeRows } from "./rle.js";
import { MASKS } from "./stage.js";
import { inside } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/**
 * @typedef {object} PreviewDeps
 * @property {Pick<typeof import("./api.js"), "getPreview">} api
 * @property {import("./session.js").Session} session
 * @property {import("./settings.js").Settings} settings
 * @property {Pick<import("./stage.js").Stage, "image" | "draft" | "preview" | "redraw">} stage
 * @property {{sleep: (ms: number) => {done: Promise<void>, wake: () => void}}} clock
 * @property {() => boolean} isLoading returns whether the network is being loaded
 * @property {() => void} onSlow an answer took so long that previews are now off
 */

/** Milliseconds without movement before a preview is asked for. */
export const REST = 200;
/** Milliseconds that an answer may take. */
export const LONGEST = 300;

export class Preview {
  /** The image point under the pointer. @type {Point | null} */
  #point = null;
  /** @type {AbortController | null} */
  #fetching = null;
  /** What the preview was made for. */
  #situation = "";
  #deps;

  /** @param {PreviewDeps} deps */
  constructor(deps) {
    this.#deps = deps;
  }

  /** @param {Point | null} point of the image under the pointer */
  async hover(point) {
    if (point?.[0] === this.#point?.[0] && point?.[1] === this.#point?.[1]) return;
    this.drop();
    this.#point = point;
    if (!point || !this.#deps.settings.preview) return;
    await this.#deps.clock.sleep(REST).done;
    if (this.#point === point && this.#mayAsk(point)) await this.#ask(point);
  }

  /** Forget the preview, for instance because of a prompt. The pointer has to move for another one. */
  drop() {
    this.#fetching?.abort();
    this.#fetching = null;
    const { stage } = this.#deps;
    if (!stage.preview) return;
    stage.preview = null;
    stage.redraw(MASKS);
  }

  /** Forget the preview if it is no longer true; call after each change. */
  show() {
    if (this.#situation !== this.#now) this.drop();
  }

  get #now() {
    const { session, settings } = this.#deps;
    const { image, current } = session;
    return JSON.stringify([image?.id, current?.key, current?.optimistic.at, current?.confirmed?.revision, settings.tool, settings.positive, settings.preview]);
  }

  /** @param {Point} point */
  #mayAsk(point) {
    const { session, settings, stage, isLoading } = this.#deps;
    const { image } = session;
    const clicks = settings.positive && (settings.tool === "smart" || settings.tool === "click");
    const elsewhere = session.picking !== null || settings.polygonOpen || stage.draft !== null;
    const free = session.opening === null && !session.readOnly && !session.queue.waiting && !isLoading();
    return settings.preview && clicks && !elsewhere && free && image !== null && image === stage.image && inside(point, image);
  }

  /** @param {Point} point */
  async #ask(point) {
    const { api, session, settings, stage, clock, onSlow } = this.#deps;
    const { current, image } = session;
    if (!image) return;
    this.drop();
    const fetching = new AbortController();
    this.#fetching = fetching;
    this.#situation = this.#now;
    const limit = clock.sleep(LONGEST);
    void limit.done.then(() => {
      if (this.#fetching !== fetching) return; // it was answered, or dropped
      this.drop();
      settings.turn("preview", false);
      onSlow();
    });
    const preview = {
      point,
      object: current?.id ?? null,
      only_here: settings.onlyHere && Boolean(current?.optimistic.at),
      keep_off: session.keptOff(current).flatMap(({ id }) => id ?? []),
    };
    try {
      const { mask } = await api.getPreview(image.id, preview, fetching.signal);
      if (this.#fetching !== fetching) return;
      stage.preview = mask && decodeRows(mask);
      stage.redraw(MASKS);
    } catch {
      // A preview is not important: the next rest asks again.
    } finally {
      if (this.#fetching === fetching) this.#fetching = null;
      limit.wake();
    }
  }
}
