/** The image with masks and prompts: three canvases of the size of the screen, drawn on change. */

import { drawBrush, drawCross, drawDraft, drawPolygon, drawPrompt, drawWaiting } from "./marks.js";
import { Overlay } from "./overlay.js";
import { livePrompts } from "./steps.js";
import { fitted, constrained, panned, revealing, toImage, toScreen, zoomed } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {import("./overlay.js").DrawnObject} DrawnObject */
/** @typedef {import("./gestures.js").Draft} Draft */
/** @typedef {Pick<import("./settings.js").Settings, "tool" | "positive" | "radius" | "mode" | "opacity" | "probability" | "hidden" | "polygonOpen">} Settings */
/** @typedef {Pick<ImageOpened, "id" | "width" | "height">} Image */
/** @typedef {DrawnObject & {busy: boolean, optimistic: import("./steps.js").OptimisticState}} PromptedObject */
/**
 * What is drawn of the session.
 *
 * @typedef {object} Session
 * @property {DrawnObject[]} stacked from back to front
 * @property {PromptedObject | null} current
 * @property {DrawnObject[]} group objects that are selected together
 * @property {DrawnObject | null} hovered
 * @property {number | null} selected index of the selected prompt
 * @property {(entry: any) => string} colourOf
 */
/**
 * The layer with the image itself.
 *
 * @typedef {object} BaseLayer
 * @property {() => string} shown what it draws of the session and of the settings, for comparison
 * @property {(context: CanvasRenderingContext2D, image: any, view: View, screen: Size, ratio: number) => void} draw screen:
 *   in CSS pixels; ratio: device pixels per CSS pixel
 */

export const BASE = 1;
export const MASKS = 2;
export const MARKS = 4;
export const ALL = BASE | MASKS | MARKS;

/** Milliseconds between two frames of the waiting arc. */
const TURN = 80;

export class Stage {
  /** @type {Size} */
  size = { width: 1, height: 1 };
  ratio = 1;
  /** @type {View} */
  view = { scale: 1, x: 0, y: 0 };
  /** @type {Draft | null} */
  draft = null;
  /** The prompt that is being moved, and where it is. @type {{index: number, place: import("./promptgrips.js").Place} | null} */
  held = null;
  /** The mask that a click would give. @type {import("./rle.js").Rows | null} */
  preview = null;
  /** The corners that are being edited. @type {{outlines: import("./polygon.js").Outlines, selected: import("./polygon.js").Corner | null} | null} */
  polygon = null;
  /** @type {Point | null} the pointer, on the screen */
  pointer = null;
  /** @type {Point | null} the cross of the keyboard, on the image */
  cross = null;
  /** @type {Image | null} */
  #image = null;
  /** Whether the image is fitted to the screen. */
  #fitting = true;
  /** Last views of other images. @type {Map<number, View>} */
  #views = new Map();
  #dirty = 0;
  #frame = 0;
  #turning = 0;
  /** What the base layer showed when it was drawn last. */
  #based = "";
  #overlay = new Overlay();
  #host;
  #base;
  #session;
  #settings;
  #onView;
  #contexts;

  /**
   * @param {HTMLElement} host
   * @param {BaseLayer} base
   * @param {Session} session
   * @param {Settings} settings
   * @param {() => void} onView the view has changed
   */
  constructor(host, base, session, settings, onView) {
    this.#host = host;
    this.#base = base;
    this.#session = session;
    this.#settings = settings;
    this.#onView = onView;
    this.#contexts = [...host.querySelectorAll("canvas")].map(
      (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")),
    );
    new ResizeObserver(() => this.#resize()).observe(host);
    this.#resize();
    this.#watchDensity();
  }

  /** Draw anew on a screen of another density, where the size in CSS pixels stays. */
  #watchDensity() {
    matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.#resize();
      this.#watchDensity();
    }, { once: true });
  }

  #resize() {
    const box = this.#host.getBoundingClientRect();
    const size = { width: Math.max(1, box.width), height: Math.max(1, box.height) };
    const before = this.size;
    this.size = size;
    this.ratio = window.devicePixelRatio || 1;
    for (const { canvas } of this.#contexts) {
      canvas.width = Math.max(1, Math.round(size.width * this.ratio));
      canvas.height = Math.max(1, Math.round(size.height * this.ratio));
    }
    if (this.#image && !this.#fitting) {
      this.pan((size.width - before.width) / 2, (size.height - before.height) / 2);
    } else this.fit();
    this.#paint(ALL); // at once: a resized canvas is empty
  }

  /** The image on the screen, which `toImage` refers to. The session's image may be newer by a frame. */
  get image() {
    return this.#image;
  }

  /** @param {Image | null} image */
  show(image) {
    if (image === this.#image) return;
    if (this.#image && !this.#fitting) this.#views.set(this.#image.id, this.view);
    else if (this.#image) this.#views.delete(this.#image.id);
    this.#image = image;
    this.cross = null;
    this.draft = null;
    this.held = this.preview = null;
    const former = image && this.#views.get(image.id);
    this.#fitting = !former;
    if (image && former) this.#setView(constrained(former, image, this.size));
    else this.fit();
  }

  /** @param {View} view */
  #setView(view) {
    this.view = view;
    this.#onView();
    this.redraw(ALL);
  }

  fit() {
    this.#fitting = true;
    if (this.#image) this.#setView(fitted(this.#image, this.size));
    else this.redraw(ALL);
  }

  /** @param {number} factor @param {Point} [about] point of the screen; by default its centre */
  zoom(factor, about = [this.size.width / 2, this.size.height / 2]) {
    this.zoomTo(this.view.scale * factor, about);
  }

  /** @param {number} scale @param {Point} [about] */
  zoomTo(scale, about = this.pointer ?? [this.size.width / 2, this.size.height / 2]) {
    if (!this.#image) return;
    this.#fitting = false;
    this.#setView(zoomed(this.view, scale, about, this.#image, this.size));
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    if (!this.#image) return;
    this.#fitting = false;
    this.#setView(panned(this.view, dx, dy, this.#image, this.size));
  }

  /** @param {Point} point of the image */
  reveal(point) {
    const view = revealing(this.view, point, this.size);
    if (view.x === this.view.x && view.y === this.view.y) return;
    this.#fitting = false;
    this.#setView(view);
  }

  /** @param {Point} screen @returns {Point} */
  toImage(screen) {
    return toImage(this.view, screen);
  }

  /** @param {number} [layers] */
  redraw(layers = ALL) {
    this.#dirty |= layers;
    if (!this.#frame) this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  /** Draw what may have changed now, for callers that already run in a frame. The image takes as long as all else. */
  draw() {
    cancelAnimationFrame(this.#frame);
    this.#dirty |= this.#base.shown() === this.#based ? MASKS | MARKS : ALL;
    this.#tick(performance.now());
  }

  /** @param {number} now */
  #tick(now) {
    this.#frame = 0;
    const dirty = this.#dirty;
    this.#dirty = 0;
    this.#paint(dirty, now);
    // The arc turns at a low frame rate: browser and network may share a processor.
    if (this.#session.current?.busy && !this.#turning) {
      this.#turning = setTimeout(() => {
        this.#turning = 0;
        this.redraw(MARKS);
      }, TURN);
    }
  }

  /** @param {number} layers @param {number} now */
  #paint(layers, now = performance.now()) {
    const [base, masks, marks] = this.#contexts;
    if (layers & BASE) this.#paintBase(base);
    if (layers & MASKS) this.#paintMasks(masks);
    if (layers & MARKS) this.#paintMarks(marks, now);
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintBase(context) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    this.#based = this.#base.shown();
    if (this.#image) this.#base.draw(context, this.#image, this.view, this.size, this.ratio);
  }

  /** @param {CanvasRenderingContext2D} context */
  #paintMasks(context) {
    const image = this.#image;
    if (!image || this.#settings.hidden) {
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      return;
    }
    const { view, ratio, draft } = this;
    const { stacked: entries, current, group, hovered } = this.#session;
    const { opacity, probability } = this.#settings;
    const mode = probability && current ? "outline" : this.#settings.mode; // a tint would change the map's colours
    const scene = { image, entries, current, group, hovered, preview: this.preview, colourOf: (/** @type {DrawnObject | null} */ entry) => this.#session.colourOf(entry), mode, opacity: opacity[mode], draft };
    this.#overlay.draw(context, { scale: view.scale * ratio, x: view.x * ratio, y: view.y * ratio }, ratio, scene);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} now */
  #paintMarks(context, now) {
    const { view, ratio, draft } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.size.width, this.size.height);
    if (!this.#image || this.#settings.hidden) return;
    const { current, selected } = this.#session;
    if (current && !this.polygon) {
      const prompts = livePrompts(current.optimistic);
      for (const { step, index, pending } of prompts) {
        const placed = index === this.held?.index ? { ...step, ...this.held.place } : step;
        drawPrompt(context, view, placed, { selected: index === selected, pending });
      }
      const newest = prompts.at(-1);
      if (current.busy && newest?.pending) {
        const { point, box, path } = newest.step;
        const at = point ?? (box ? /** @type {Point} */ ([box[2], box[1]]) : path?.at(-1));
        if (at) drawWaiting(context, toScreen(view, at), now);
      }
    }
    if (this.polygon) drawPolygon(context, view, this.polygon.outlines, this.polygon.selected);
    if (draft) drawDraft(context, view, draft);
    const { tool, radius, positive } = this.#settings;
    if (this.pointer && !this.#settings.polygonOpen && (tool === "brush" || tool === "eraser")) {
      drawBrush(context, this.pointer, radius * view.scale, tool === "eraser" || !positive);
    }
    if (this.cross) drawCross(context, toScreen(view, this.cross));
  }
}
