/** Parts of an image around prompts; see `vpuformer.inference.parts`. */

import { intersection } from "./crop.js";
import { pixelsUnder } from "./pixels.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./crop.js").Edges} Edges */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/**
 * Call a function with the index of each pixel of a crop, in the image and in the crop.
 *
 * @param {Crop} crop
 * @param {number} stride
 * @param {(at: number, inside: number) => void} act
 */
export function visit({ left, top, width, height }, stride, act) {
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0, at = (top + y) * stride + left; x < width; x++) act(at++, k++);
  }
}

/**
 * Set ones that are connected with a seed, also across corners, to 2.
 *
 * @param {Uint8Array} values
 * @param {number[]} seeds
 * @param {Size} size
 * @returns {number[]} those that were set
 */
export function fill(values, seeds, { width, height }) {
  const stack = [...seeds];
  /** @type {number[]} */
  const filled = [];
  while (stack.length) {
    const at = /** @type {number} */ (stack.pop());
    if (values[at] !== 1) continue;
    values[at] = 2;
    filled.push(at);
    const [x, y] = [at % width, Math.floor(at / width)];
    for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
      for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
        if (values[row * width + column] === 1) stack.push(row * width + column);
      }
    }
  }
  return filled;
}

/** The rectangle around all these, with a margin where that lies within another one. */
/** @param {Edges[]} extents @param {number} margin @param {Crop} within @returns {Crop} */
export function expanded(extents, margin, within) {
  const left = Math.max(Math.floor(Math.min(...extents.map(([x]) => x))) - margin, within.left);
  const top = Math.max(Math.floor(Math.min(...extents.map(([, y]) => y))) - margin, within.top);
  const right = Math.min(Math.ceil(Math.max(...extents.map(([, , x]) => x))) + margin, within.left + within.width);
  const bottom = Math.min(Math.ceil(Math.max(...extents.map(([, , , y]) => y))) + margin, within.top + within.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** First pixel and number of pixels between two edges. @param {number} low @param {number} high @param {number} length */
function touchedAlong(low, high, length) {
  const first = Math.min(Math.max(Math.floor(low + 0.5), 0), length - 1);
  return [first, Math.max(Math.min(Math.ceil(high - 0.5) + 1, length) - first, 1)];
}

/** The pixels of an image that lie in a rectangle, or partly; at least one. @param {Edges} edges @param {Size} size @returns {Crop} */
export function touched([x0, y0, x1, y1], size) {
  const [left, width] = touchedAlong(x0, x1, size.width);
  const [top, height] = touchedAlong(y0, y1, size.height);
  return { left, top, width, height };
}

/** 0 for the pixels under the prompts and within boxes, 1 for all others of a part. */
/** @param {Prompt[]} prompts @param {Crop} part @param {Size} size */
export function elsewhere(prompts, part, size) {
  const values = new Uint8Array(part.width * part.height).fill(1);
  for (const prompt of prompts) {
    if (prompt.type === "box") {
      const inside = intersection(touched(prompt.box, size), part);
      if (!inside) continue;
      for (let y = 0, from = (inside.top - part.top) * part.width + inside.left - part.left; y < inside.height; y++, from += part.width) {
        values.fill(0, from, from + inside.width);
      }
    } else {
      for (const pixel of pixelsUnder(prompt, size)) {
        values[(Math.floor(pixel / size.width) - part.top) * part.width + (pixel % size.width) - part.left] = 0;
      }
    }
  }
  return values;
}
