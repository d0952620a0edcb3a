/** Rectangles of whole pixels; see `vpuformer.geometry`. */

/** @typedef {import("../../app/page/types.js").Point} Point */
/** @typedef {import("../../app/page/types.js").Edges} Edges */
/** @typedef {import("../../app/page/viewport.js").Size} Size */
/** @typedef {{left: number, top: number, width: number, height: number}} Crop from column `left` and row `top` on */

/** Side of the square frame in which prompts are encoded. */
export const CANONICAL = 448;

/** @param {Size} size @returns {Crop} */
export const wholeOf = ({ width, height }) => ({ left: 0, top: 0, width, height });

/** Edges half a pixel outside the outermost pixel centres. @param {Crop} crop @returns {Edges} */
export const edgesOf = ({ left, top, width, height }) => [left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5];

/** @param {Crop} crop */
export const keyOf = ({ left, top, width, height }) => [left, top, width, height].join();

/** @param {Crop} a @param {Crop} b */
export const isSame = (a, b) => keyOf(a) === keyOf(b);

/** @param {Crop} crop @param {number} column @param {number} row */
export function holds({ left, top, width, height }, column, row) {
  return column >= left && column < left + width && row >= top && row < top + height;
}

/**
 * The smallest crop that holds both.
 *
 * @param {Crop} a
 * @param {Crop} b
 * @returns {Crop}
 */
export function union(a, b) {
  const left = Math.min(a.left, b.left);
  const top = Math.min(a.top, b.top);
  const right = Math.max(a.left + a.width, b.left + b.width);
  const bottom = Math.max(a.top + a.height, b.top + b.height);
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * What both crops hold; null if that is nothing.
 *
 * @param {Crop} a
 * @param {Crop} b
 * @returns {Crop | null}
 */
export function intersection(a, b) {
  const left = Math.max(a.left, b.left);
  const top = Math.max(a.top, b.top);
  const width = Math.min(a.left + a.width, b.left + b.width) - left;
  const height = Math.min(a.top + a.height, b.top + b.height) - top;
  return width > 0 && height > 0 ? { left, top, width, height } : null;
}

/**
 * The tight rectangle around the values above a threshold; null if none are.
 *
 * @param {Float32Array | Uint8Array} values of a map of `stride` columns
 * @param {number} stride
 * @param {number} threshold
 * @param {Crop} within the part to look at
 * @returns {Crop | null}
 */
export function around(values, stride, threshold, within) {
  let [left, top, right, bottom] = [Infinity, -1, -1, -1];
  const end = within.left + within.width;
  for (let y = within.top; y < within.top + within.height; y++) {
    const row = y * stride;
    let first = within.left;
    while (first < end && !(values[row + first] > threshold)) first++;
    if (first === end) continue;
    let last = end - 1;
    while (!(values[row + last] > threshold)) last--;
    if (top < 0) top = y;
    bottom = y;
    left = Math.min(left, first);
    right = Math.max(right, last);
  }
  return top < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/**
 * An image point in the frame in which prompts are encoded, which the crop fills.
 *
 * @param {Crop} crop
 * @param {Point} point
 * @returns {Point}
 */
export function toCanonical({ left, top, width, height }, [x, y]) {
  return [(CANONICAL / width) * (x - left + 0.5) - 0.5, (CANONICAL / height) * (y - top + 0.5) - 0.5];
}
