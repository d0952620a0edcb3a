/** Prompts and probabilities as pixels; see `vpuformer.inference.pixels`. */

import { stretch } from "./resample.js";
import { piecesOf } from "./prompts.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Logits beyond are clipped: a probability of 0 or 1 has none. */
const SURE = 8;

/**
 * The pixels under a click or along a scribble, each once, as indices row by row; none for a box.
 *
 * @param {Prompt} prompt
 * @param {Size} size
 */
export function pixelsUnder(prompt, { width, height }) {
  /** @type {Set<number>} */
  const pixels = new Set();
  if (prompt.type === "box") return pixels;
  /** Halves go down: the pixel -0.5..0.5 is number 0. @param {number} at @param {number} length */
  const nearest = (at, length) => Math.min(Math.max(Math.ceil(at - 0.5), 0), length - 1);
  for (const piece of prompt.type === "click" ? [[prompt.point]] : piecesOf(prompt)) {
    for (const [i, [x1, y1]] of piece.entries()) {
      const [x0, y0] = piece[Math.max(0, i - 1)];
      const steps = Math.ceil(2 * Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0)));
      for (let k = 0; k <= steps; k++) {
        const share = steps ? k / steps : 0;
        pixels.add(nearest(y0 + (y1 - y0) * share, height) * width + nearest(x0 + (x1 - x0) * share, width));
      }
    }
  }
  return pixels;
}

/** Logit, within -8..8. @param {number} probability */
export function logitOf(probability) {
  return Math.min(Math.max(Math.log(probability) - Math.log1p(-probability), -SURE), SURE);
}

/**
 * Logits of a crop, moved by the mean change of the pixels in each cell.
 *
 * @param {Float32Array} logits side x side
 * @param {Float32Array} before the probability of each pixel of the image
 * @param {Float32Array} after the new one
 * @param {(at: number) => boolean} isChanged whether the pixel of this index gets another probability
 * @param {Crop} crop
 * @param {Size} size of the image
 */
export function changedLogits(logits, before, after, isChanged, crop, size) {
  const change = new Float32Array(crop.width * crop.height);
  for (let y = 0, k = 0; y < crop.height; y++) {
    let at = (crop.top + y) * size.width + crop.left;
    for (let x = 0; x < crop.width; x++, k++, at++) {
      if (isChanged(at)) change[k] = logitOf(after[at]) - logitOf(before[at]);
    }
  }
  const side = Math.sqrt(logits.length);
  const moved = stretch(change, crop.width, { ...crop, left: 0, top: 0 }, side, side);
  return logits.map((logit, i) => Math.min(Math.max(logit, -SURE), SURE) + moved[i]);
}
