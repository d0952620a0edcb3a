/** Prompts in the canonical frame: bounds, and one point for each pixel of a stroke; see `vpuformer.encoding.batch`. */

import { CANONICAL, toCanonical } from "./crop.js";
import { boundsOf, piecesOf } from "./prompts.js";

/** @typedef {import("../../app/page/types.js").Point} Point */
/** @typedef {import("../../app/page/types.js").Edges} Edges */
/** @typedef {import("./prompts.js").Prompt} Prompt */
/** @typedef {import("./crop.js").Crop} Crop */
/**
 * @typedef {object} CanonicalPrompt
 * @property {"click" | "box" | "scribble"} kind
 * @property {boolean} positive
 * @property {Edges} bounds of a click its point, twice
 * @property {Point[]} points of a click one, of a scribble dense ones, of a box none
 */

/** Largest number of prompts that the network takes. */
const MAX_PROMPTS = 96;
/** Largest number of points of an encoded stroke. */
const MAX_STROKE_PIXELS = 4096;
/** @type {("click" | "box" | "scribble")[]} */
export const KINDS = ["click", "box", "scribble"];

/** The nearest whole number; halves go to the even one, as in NumPy. @param {number} value */
export function rint(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/**
 * @param {readonly Prompt[]} prompts within the crop, oldest first
 * @param {Crop} crop
 * @returns {CanonicalPrompt[]}
 */
export function canonicalPrompts(prompts, crop) {
  return limited(prompts).map((prompt) => {
    const { type: kind, positive } = prompt;
    /** @param {Point} point */
    const map = (point) => toCanonical(crop, point);
    if (prompt.type === "click") {
      const point = rounded(map(prompt.point));
      return { kind, positive, bounds: [...point, ...point], points: [point] };
    }
    if (prompt.type === "box") {
      const [x0, y0, x1, y1] = prompt.box;
      return { kind, positive, bounds: [...rounded(map([x0, y0])), ...rounded(map([x1, y1]))], points: [] };
    }
    const pieces = piecesOf(prompt).map((piece) => piece.map(map));
    const bounds = /** @type {Edges} */ (boundsOf({ ...prompt, path: pieces.flat() }).map(Math.fround));
    return { kind, positive, bounds, points: densePixels(pieces).map(rounded) };
  });
}

/** A point in single precision, as the network takes it. @param {Point} point @returns {Point} */
const rounded = ([x, y]) => [Math.fround(x), Math.fround(y)];

/**
 * If there are too many, without the oldest prompts of the most frequent kinds, but with the newest positive one.
 *
 * @param {readonly Prompt[]} prompts
 */
function limited(prompts) {
  const counts = KINDS.map((kind) => prompts.filter(({ type }) => type === kind).length);
  const surplus = KINDS.map(() => 0);
  for (let excess = prompts.length - MAX_PROMPTS; excess > 0; excess--) {
    const most = counts.indexOf(Math.max(...counts));
    counts[most]--;
    surplus[most]++;
  }
  const newest = prompts.findLast(({ positive }) => positive);
  return prompts.filter((prompt) => prompt === newest || surplus[KINDS.indexOf(prompt.type)]-- <= 0);
}

/**
 * The lines of a stroke as one point for every pixel that they visit, in order, at most a pixel apart.
 *
 * @param {Point[][]} pieces in the canonical frame
 * @returns {Point[]}
 */
export function densePixels(pieces) {
  // Steps along the longer axis: a straight piece leaves one point in every column or row that it crosses.
  const walked = pieces.map((piece) => {
    const along = [0];
    for (let i = 1; i < piece.length; i++) {
      const [dx, dy] = [piece[i][0] - piece[i - 1][0], piece[i][1] - piece[i - 1][1]];
      along.push(along[i - 1] + Math.max(Math.abs(dx), Math.abs(dy)));
    }
    return along;
  });
  const length = walked.reduce((sum, along) => sum + along[along.length - 1], 0);
  const spacing = Math.max(1, length / CANONICAL ** 2);
  /** @type {Map<number, Point>} */
  const first = new Map();
  for (const [k, piece] of pieces.entries()) {
    for (const [x, y] of resampled(piece, walked[k], spacing)) {
      /** @type {Point} */
      const point = [Math.min(Math.max(x, -0.5), CANONICAL - 0.5), Math.min(Math.max(y, -0.5), CANONICAL - 0.5)];
      const pixel = rint(point[0]) * (CANONICAL + 1) + rint(point[1]);
      if (!first.has(pixel)) first.set(pixel, point);
    }
  }
  const points = [...first.values()];
  if (points.length <= MAX_STROKE_PIXELS) return points;
  const step = (points.length - 1) / (MAX_STROKE_PIXELS - 1);
  return Array.from({ length: MAX_STROKE_PIXELS }, (_, i) => points[rint(i * step)]);
}

/**
 * Points at most `spacing` apart on a line whose points have distances `along` it.
 *
 * @param {Point[]} piece
 * @param {number[]} along
 * @param {number} spacing
 * @returns {Point[]}
 */
function resampled(piece, along, spacing) {
  const total = along[along.length - 1];
  const count = Math.ceil(total / spacing);
  /** @type {Point[]} */
  const points = [];
  let k = 0;
  for (let i = 0; i <= count; i++) {
    const at = count ? (total / count) * i : 0;
    while (k < along.length - 1 && along[k + 1] <= at) k++;
    if (k === along.length - 1 || i === count) {
      points.push(i === count ? piece[piece.length - 1] : piece[k]);
      continue;
    }
    const share = (at - along[k]) / (along[k + 1] - along[k]);
    const [[x0, y0], [x1, y1]] = [piece[k], piece[k + 1]];
    points.push([x0 + share * (x1 - x0), y0 + share * (y1 - y0)]);
  }
  return points;
}
