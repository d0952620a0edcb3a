/** The layer with all masks of the image. */

import { bordersOf, paintBorder } from "./border.js";
import { outlineOf, POSITIVE, rgb } from "./palette.js";
import { Coverage, fillRows, fillStroke, packed, paintInside, paintOutside } from "./raster.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Edges} Edges */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {Pick<import("./objectentry.js").ObjectEntry, "mask" | "strokes" | "hidden" | "tentative">} DrawnObject */
/** @typedef {import("./raster.js").Mode} Mode */
/** @typedef {import("./gestures.js").Draft} Draft */

/**
 * @typedef {object} Scene
 * @property {Size} image
 * @property {DrawnObject[]} entries from back to front
 * @property {DrawnObject | null} current
 * @property {DrawnObject[]} group objects that are selected together
 * @property {DrawnObject | null} hovered object that is lit up
 * @property {import("./rle.js").Rows | null} preview a mask that is outlined alone
 * @property {(entry: DrawnObject | null) => string} colourOf
 * @property {Mode} mode
 * @property {number} opacity
 * @property {Draft | null} draft
 */

/** Length in CSS pixels of the dashes around objects that are not accepted. */
const DASH = 5;

export class Overlay {
  /** @type {Coverage | null} */
  #cover = null;
  /** @type {ImageData | null} */
  #image = null;
  /** The objects behind the one that is changed, as they were drawn last. @type {{of: unknown[], pixels: Uint32Array} | null} */
  #behind = null;

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view in device pixels
   * @param {number} ratio device pixels per CSS pixel
   * @param {Scene} scene
   */
  draw(context, view, ratio, scene) {
    const { width, height } = context.canvas;
    if (!this.#cover || !this.#image || this.#cover.width !== width || this.#cover.height !== height) {
      this.#cover = new Coverage(width, height);
      this.#image = context.createImageData(width, height);
    }
    const cover = this.#cover;
    const bitmap = this.#image;
    const pixels = new Uint32Array(bitmap.data.buffer);
    const clear = () => pixels.fill(0);
    const { image, current, hovered, mode } = scene;
    const group = new Set(scene.group);
    const shown = scene.entries.filter((entry) => !entry.hidden);
    /** @type {Edges} */
    const limit = [view.x, view.y, view.x + image.width * view.scale, view.y + image.height * view.scale];
    /** @param {DrawnObject | null} entry */
    const fill = (entry) => {
      if (entry && entry.mask) fillRows(cover, entry.mask, view);
      const strokes = entry ? entry.strokes : [];
      if (entry === current && scene.draft && scene.draft.kind === "brush") strokes.push(scene.draft);
      for (const { path, radius, positive } of strokes) {
        const points = path.map(([x, y]) => /** @type {Point} */ ([(x + 0.5) * view.scale + view.x, (y + 0.5) * view.scale + view.y]));
        fillStroke(cover, points, radius * view.scale, positive ? 1 : 0, limit);
      }
    };
    const line = Math.max(1, Math.round(1.5 * ratio));
    /** @param {DrawnObject | null} entry */
    const drawEntry = (entry) => {
      cover.clear();
      fill(entry);
      const colour = rgb(scene.colourOf(entry));
      const lit = entry !== null && entry === hovered;
      const strong = lit || entry === current || (entry !== null && group.has(entry));
      if (mode === "tint") paintInside(pixels, cover, packed(colour, Math.min(1, scene.opacity * (lit ? 1.5 : strong ? 1 : 0.75))));
      const strength = mode === "outline" && !lit ? scene.opacity : 1;
      const [inner, outer, ...light] = outlineOf(colour, strong).map((part) => packed(part.colour, strength * part.opacity));
      const innerWidth = line + (lit ? line : 0) + (strong && mode === "outline" ? 1 : 0);
      const outerWidth = Math.max(1, line - 1);
      const edges = bordersOf(cover);
      const dash = entry?.tentative && entry !== current ? Math.round(DASH * ratio) : 0;
      const outside = { colour: outer, width: outerWidth };
      for (const white of light) paintBorder(pixels, cover, edges, { colour: white, width: innerWidth + 1 }, outside, dash);
      paintBorder(pixels, cover, edges, { colour: inner, width: innerWidth }, outside, dash);
    };
    if (mode === "cutout") {
      clear();
      cover.clear();
      if (current || scene.draft) fill(current);
      else for (const entry of shown) fill(entry);
      const greys = /** @type {[number, number]} */ ([packed([38, 40, 44], scene.opacity), packed([52, 54, 59], scene.opacity)]);
      paintOutside(pixels, cover, limit, greys, Math.round(10 * ratio));
    } else {
      const behind = shown.filter((entry) => entry !== current && entry !== hovered);
      const of = [width, height, view.x, view.y, view.scale, ratio, mode, scene.opacity, ...behind.flatMap((entry) => [entry.mask, scene.colourOf(entry), entry.tentative, group.has(entry), ...entry.strokes])];
      const known = this.#behind?.of.length === of.length && of.every((part, index) => part === this.#behind?.of[index]);
      if (known && this.#behind) pixels.set(this.#behind.pixels);
      else {
        clear();
        behind.forEach(drawEntry);
        this.#behind = { of, pixels: pixels.slice() };
      }
      if (hovered && hovered !== current) drawEntry(hovered);
      drawEntry(current); // on top, since a person is about to change it; without an object, the brush begins one
    }
    if (hovered && mode === "cutout") drawEntry(hovered);
    if (scene.preview) {
      cover.clear();
      fillRows(cover, scene.preview, view);
      paintBorder(pixels, cover, bordersOf(cover), { colour: packed(rgb(POSITIVE), 1), width: line + 1 }, { colour: packed([255, 255, 255], 1), width: line });
    }
    cover.clear();
    context.putImageData(bitmap, 0, 0);
  }
}
