/** Prompts as vectors along x and y (Eqs. 1-6, Algorithm 1 of the paper); see `vpuformer.encoding.gaussian` and `pue`. */

import { CANONICAL } from "./crop.js";
import { rint } from "./strokes.js";

/** @typedef {import("../../app/page/types.js").Point} Point */
/** @typedef {import("./strokes.js").CanonicalPrompt} CanonicalPrompt */

/** Standard deviation of a click's bell, and the least one of a scribble's. */
const SIGMA = 3;
/** Length of the vector [q_h, q_v, q_b] of a prompt. */
export const VECTOR = 2 * CANONICAL + 2;

/**
 * The vectors of prompts, one after the other.
 *
 * @param {readonly CanonicalPrompt[]} prompts
 */
export function promptVectors(prompts) {
  const vectors = new Float32Array(Math.max(1, prompts.length) * VECTOR);
  for (const [i, prompt] of prompts.entries()) {
    const own = vectors.subarray(i * VECTOR, (i + 1) * VECTOR);
    const [horizontal, vertical] = axesOf(prompt);
    own.set(horizontal);
    own.set(vertical, CANONICAL);
    own[prompt.positive ? VECTOR - 2 : VECTOR - 1] = 1;
  }
  return vectors;
}

/** @param {CanonicalPrompt} prompt @returns {[Float32Array, Float32Array]} */
function axesOf({ kind, bounds, points }) {
  const [x0, y0, x1, y1] = bounds;
  if (kind === "click") return [clickVector((x0 + x1) / 2), clickVector((y0 + y1) / 2)];
  if (kind === "box") return [boxVector(x0, x1), boxVector(y0, y1)];
  return scribbleVectors(points, bounds);
}

/** @param {number} distance @param {number} sigma @param {number} cut */
function bell(distance, sigma, cut) {
  return distance <= cut ? Math.exp(-(distance ** 2) / (2 * sigma ** 2)) : 0;
}

/** A bell around the centre, cut at three standard deviations. @param {number} centre */
export function clickVector(centre) {
  return Float32Array.from({ length: CANONICAL }, (_, i) => bell(Math.abs(i - centre), SIGMA, 3 * SIGMA));
}

/** A bell around the centre of a side, zero outside. @param {number} low @param {number} high */
export function boxVector(low, high) {
  const [centre, side] = [(low + high) / 2, high - low];
  // Half a pixel at least, so that a side that covers no pixel centre leaves a trace.
  return Float32Array.from({ length: CANONICAL }, (_, i) => bell(Math.abs(i - centre), Math.max(side / 6, 1), Math.max(side / 2, 0.5)));
}

/**
 * In each column that a stroke passes, the distance of its middle point there from the top; in each row from the left.
 *
 * @param {Point[]} points dense
 * @param {import("../../app/page/types.js").Edges} bounds
 * @returns {[Float32Array, Float32Array]}
 */
export function scribbleVectors(points, [left, top, right, bottom]) {
  const usable = new Uint8Array(points.length).fill(1);
  const columns = middlePoints(points, 0, usable);
  // A point that has served a column is not used for a row again, unless the row has no other one.
  for (const chosen of columns.values()) usable[chosen] = 0;
  const rows = new Map([...middlePoints(points, 1, new Uint8Array(points.length).fill(1)), ...middlePoints(points, 1, usable)]);
  const horizontal = new Float32Array(CANONICAL);
  const vertical = new Float32Array(CANONICAL);
  const [across, down] = [Math.max((right - left) / 3, SIGMA), Math.max((bottom - top) / 3, SIGMA)];
  for (const [column, chosen] of columns) horizontal[column] = bell(points[chosen][1] - top, down, Infinity);
  for (const [row, chosen] of rows) vertical[row] = bell(points[chosen][0] - left, across, Infinity);
  return [horizontal, vertical];
}

/**
 * For each column (or row) that holds a usable point, the index of the middle one along the other axis.
 *
 * @param {Point[]} points
 * @param {0 | 1} axis 0 for columns
 * @param {Uint8Array} usable
 */
function middlePoints(points, axis, usable) {
  /** @type {Map<number, {index: number, order: number}[]>} */
  const slots = new Map();
  for (const [index, point] of points.entries()) {
    if (!usable[index]) continue;
    const slot = Math.min(Math.max(rint(point[axis]), 0), CANONICAL - 1);
    const order = Math.min(Math.max(rint(point[1 - axis] * 64), 0), 2 ** 20 - 1); // in 64ths of a pixel
    const held = slots.get(slot);
    if (held) held.push({ index, order });
    else slots.set(slot, [{ index, order }]);
  }
  /** @type {Map<number, number>} */
  const chosen = new Map();
  for (const [slot, held] of slots) {
    held.sort((a, b) => a.order - b.order || a.index - b.index);
    chosen.set(slot, held[(held.length - 1) >> 1].index);
  }
  return chosen;
}
