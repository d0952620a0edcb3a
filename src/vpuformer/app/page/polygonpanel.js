/** The polygon view: the mask of the current object as corners, which a person simplifies and edits. */

import { byId } from "./dom.js";
import { Latest } from "./latest.js";
import { cornerAt, cornerCount, edgeAt, neighbour, withAdded, withMoved, withoutCorner } from "./polygon.js";
import { sentenceOf } from "./sentence.js";
import { MARKS } from "./stage.js";
import { number, text } from "./texts.js";
import { clamped } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./polygon.js").Corner} Corner */
/** @typedef {import("./polygon.js").Outlines} Outlines */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

/** Positions of the slider in a pixel. */
const PER_PIXEL = 2;
/** Corners that the server stores. */
const MOST_CORNERS = 10_000;

export class PolygonPanel {
  /** The object whose outlines are shown, and its revision. @type {{entry: ObjectEntry, revision: number} | null} */
  #of = null;
  /** @type {import("./types.js").Polygon | null} as the server sent them */
  #traced = null;
  /** @type {Outlines} as they are shown */
  #outlines = [];
  /** @type {Corner | null} */
  #selected = null;
  /** Chosen with the slider for the object and revision that are shown. @type {number | null} */
  #tolerance = null;
  /** @type {AbortController | null} */
  #fetching = null;
  /** Stores corners once the arrow keys rest. @type {Latest<{entry: ObjectEntry, outlines: Outlines}>} */
  #nudged;
  /** Asks for the outlines once the slider rests. @type {Latest<number>} */
  #slid;
  #api;
  #session;
  #settings;
  #stage;
  #slider = /** @type {HTMLInputElement} */ (byId("polygon-tolerance"));
  #fields = /** @type {HTMLFieldSetElement} */ (byId("polygon-fields"));
  #use = /** @type {HTMLButtonElement} */ (byId("polygon-use"));
  #add = /** @type {HTMLButtonElement} */ (byId("polygon-add"));
  #delete = /** @type {HTMLButtonElement} */ (byId("polygon-delete"));

  /**
   * @param {Pick<typeof import("./api.js"), "getPolygon">} api
   * @param {import("./session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   * @param {import("./stage.js").Stage} stage
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   */
  constructor(api, session, settings, stage, clock) {
    this.#api = api;
    this.#session = session;
    this.#settings = settings;
    this.#stage = stage;
    this.#nudged = new Latest(({ entry, outlines }) => this.#store(entry, outlines), () => !this.#of?.entry.busy, clock);
    this.#slid = new Latest((tolerance) => void this.#trace(tolerance), () => !this.#fetching, clock);
    this.#slider.addEventListener("input", () => {
      this.#tolerance = Number(this.#slider.value) / PER_PIXEL;
      this.#describe();
      void this.#slid.put(this.#tolerance);
    });
    this.#use.addEventListener("click", () => this.#edit(this.#outlines));
    this.#add.addEventListener("click", () => this.#addNext());
    this.#delete.addEventListener("click", () => this.remove());
  }

  get isOpen() {
    return this.#settings.polygonOpen;
  }

  /** Whether a corner is selected. */
  get isSelecting() {
    return this.isOpen && this.#selected !== null;
  }

  /** Show the outlines of the current object as it is now; call after each change. */
  show() {
    const { current } = this.#session;
    byId("polygon").hidden = !this.isOpen;
    if (!this.isOpen || !current || current !== this.#of?.entry) this.flush();
    if (!this.isOpen || !current?.area) return this.#of ? this.#forget() : this.#describe();
    this.#nudged.settle();
    if (current.busy || this.#nudged.waiting) return; // the outlines on the way are shown
    const revision = current.confirmed?.revision ?? 0;
    if (this.#of?.entry === current && this.#of.revision === revision) return;
    if (this.#of?.entry !== current) this.#forget();
    this.#of = { entry: current, revision };
    this.#tolerance = null;
    this.#slid.drop();
    void this.#trace(null);
  }

  #forget() {
    this.#of = this.#traced = this.#selected = this.#tolerance = null;
    this.#fetching?.abort();
    this.#slid.drop();
    this.#draw([]);
  }

  /** @param {number | null} tolerance null for the server's choice */
  async #trace(tolerance) {
    const id = this.#of?.entry.id;
    if (id === null || id === undefined) return;
    this.#fetching?.abort();
    const fetching = new AbortController();
    this.#fetching = fetching;
    try {
      const traced = await this.#api.getPolygon(id, tolerance, fetching.signal);
      if (fetching.signal.aborted) return;
      this.#traced = traced;
      this.#draw(/** @type {Outlines} */ (traced.outlines));
    } catch (error) {
      if (!fetching.signal.aborted) this.#session.listener.onToast(text("polygon.unreadable", { reason: sentenceOf(error) }));
    } finally {
      if (this.#fetching === fetching) this.#fetching = null;
      this.#slid.settle();
    }
  }

  /** @param {Outlines} outlines */
  #draw(outlines) {
    this.#outlines = outlines;
    const { outline = -1, corner = -1 } = this.#selected ?? {};
    if (!outlines[outline]?.[corner]) this.#selected = null;
    this.#stage.polygon = outlines.length ? { outlines, selected: this.#selected } : null;
    this.#stage.redraw(MARKS);
    this.#describe();
  }

  #describe() {
    const traced = this.#traced;
    const tolerance = this.#tolerance ?? traced?.tolerance ?? 0;
    this.#slider.value = String(tolerance * PER_PIXEL);
    const shift = tolerance ? text("units.pixels", { value: tolerance }) : text("common.off");
    this.#slider.setAttribute("aria-valuetext", shift);
    byId("polygon-tolerance-text").textContent = shift;
    const shown = traced !== null && this.#outlines === traced.outlines;
    const count = cornerCount(this.#outlines);
    const iou = shown ? text("polygon.iou", { iou: number(Math.floor(traced.iou * 1000) / 1000, 3) }) : "";
    byId("polygon-text").textContent = count ? [text("polygon.corners", { count }), iou].filter(Boolean).join(", ") : text("polygon.noMask");
    this.#fields.disabled = !count;
    this.#use.disabled = !shown || (traced.edited && traced.tolerance === 0);
    this.#add.disabled = this.#delete.disabled = this.#selected === null;
  }

  /** Show changed outlines and store them. @param {Outlines} outlines */
  #edit(outlines) {
    this.#nudged.drop();
    const entry = this.#of?.entry;
    if (entry) this.#store(entry, outlines);
  }

  /** @param {ObjectEntry} entry @param {Outlines} outlines */
  #store(entry, outlines) {
    const { listener } = this.#session;
    const count = cornerCount(outlines);
    if (!count) return listener.onToast(text("polygon.tooFew"));
    if (count > MOST_CORNERS) return listener.onToast(text("polygon.tooMany", { count, most: MOST_CORNERS }));
    if (this.#of?.entry === entry) this.#draw(outlines);
    this.#session.reshape(entry, outlines);
  }

  /** Store what the arrow keys have moved, before another action. */
  flush() {
    this.#nudged.flush();
  }

  /**
   * What a drag from a point of the image moves: a corner, or a new one on an edge. A press selects it.
   *
   * @param {Point} point
   * @param {number} reach in image pixels
   * @returns {import("./input.js").Grip | null}
   */
  grip(point, reach) {
    const { image } = this.#session;
    const former = this.#outlines;
    const corner = cornerAt(former, point, reach);
    const edge = corner ? null : edgeAt(former, point, reach);
    const at = corner ?? edge?.at;
    if (!at || !image) return null;
    const outlines = edge ? withAdded(former, at, edge.point) : former;
    const from = outlines[at.outline][at.corner];
    /** @param {Point} by */
    const moved = (by) => withMoved(outlines, at, clamped([from[0] + by[0], from[1] + by[1]], image, 0.5));
    return {
      solid: true,
      move: (by) => {
        this.#selected = at;
        this.#draw(moved(by));
      },
      drop: (by) => {
        this.#selected = at;
        if (edge || by[0] || by[1]) this.#edit(moved(by));
        else this.#draw(former);
      },
      cancel: () => this.#draw(former),
    };
  }

  /** Select the next or the previous corner. @param {1 | -1} by */
  cycle(by) {
    this.flush();
    this.#selected = neighbour(this.#outlines, this.#selected, by);
    this.#draw(this.#outlines);
    if (!this.#selected) return;
    const point = this.#outlines[this.#selected.outline][this.#selected.corner];
    this.#stage.reveal(point);
    this.#session.listener.onSay(text("polygon.cornerAt", { x: String(Math.round(point[0])), y: String(Math.round(point[1])) }));
  }

  deselect() {
    this.flush();
    this.#selected = null;
    this.#draw(this.#outlines);
  }

  /** Delete the selected corner. */
  remove() {
    this.flush();
    if (!this.#selected) return;
    const outlines = withoutCorner(this.#outlines, this.#selected);
    const { outline, corner } = this.#selected;
    if (outlines.length === this.#outlines.length) this.#selected = { outline, corner: Math.max(0, corner - 1) };
    this.#edit(outlines);
  }

  /** Add a corner between the selected one and the next. */
  #addNext() {
    this.flush();
    if (!this.#selected) return;
    const { outline, corner } = this.#selected;
    const points = this.#outlines[outline];
    const [[ax, ay], [bx, by]] = [points[corner], points[(corner + 1) % points.length]];
    this.#selected = { outline, corner: corner + 1 };
    this.#edit(withAdded(this.#outlines, this.#selected, [(ax + bx) / 2, (ay + by) / 2]));
  }

  /**
   * Move the selected corner. Moves in quick succession make one step.
   *
   * @param {Point} by in image pixels
   * @returns {boolean} whether a corner is selected
   */
  nudge(by) {
    const { image } = this.#session;
    if (!this.#selected || !this.#of || !image || !this.isOpen) return false;
    const { outline, corner } = this.#selected;
    const [x, y] = this.#outlines[outline][corner];
    this.#draw(withMoved(this.#outlines, this.#selected, clamped([x + by[0], y + by[1]], image, 0.5)));
    void this.#nudged.put({ entry: this.#of.entry, outlines: this.#outlines });
    return true;
  }
}
