/** Prompts on the right side of the outline; see `vpuformer.inference.honoured`. */

import { THRESHOLD } from "./answer.js";
import { distanceToZero } from "./distance.js";
import { logitOf, pixelsUnder } from "./pixels.js";

/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./prompts.js").Prompt} Prompt */
/** @typedef {{pixels: number[], positive: boolean}} Shown pixels that a prompt shows, as indices row by row */

/** Standard deviation of the correction, in the geometric mean of the sides of the network's crop. */
const RADIUS = 0.03;
/** Least standard deviation of the correction, in pixels. */
const MIN_RADIUS = 2;
/** Logit of a pixel on the right side, after the correction. */
const MARGIN = 0.5;

/**
 * The pixels of every prompt, without those that a later prompt of the other sign shows again. Prompts alone change a
 * mask here, so nothing else overrules them.
 *
 * @param {readonly Prompt[]} prompts oldest first
 * @param {Size} size
 * @returns {Shown[]}
 */
export function shownPixels(prompts, size) {
  /** @type {Shown[]} */
  const shown = [];
  const later = { positive: new Set(), negative: new Set() };
  for (const prompt of [...prompts].reverse()) {
    const others = prompt.positive ? later.negative : later.positive;
    const pixels = [...pixelsUnder(prompt, size)].filter((pixel) => !others.has(pixel));
    for (const pixel of pixels) (prompt.positive ? later.positive : later.negative).add(pixel);
    shown.unshift({ pixels, positive: prompt.positive });
  }
  return shown;
}

/** Whether every prompt is on the right side. @param {Float32Array | Uint8Array} answer @param {Shown[]} shown */
export function isHonoured(answer, shown) {
  return shown.every(({ pixels, positive }) => pixels.every((pixel) => answer[pixel] > THRESHOLD === positive));
}

/**
 * The probabilities, corrected around clicks and scribbles on the wrong side, and the number of these.
 *
 * @param {Float32Array} probability
 * @param {Shown[]} shown
 * @param {number} extent geometric mean of the sides of what the network looked at, in pixels
 * @param {Size} size
 */
export function honoured(probability, shown, extent, size) {
  const wrong = shown.map(({ pixels, positive }) => pixels.filter((pixel) => probability[pixel] > THRESHOLD !== positive));
  const result = probability.slice();
  for (const [i, pixels] of wrong.entries()) {
    const { positive } = shown[i];
    const others = shown.filter((other) => other.positive !== positive);
    if (pixels.length) moveLogits(result, pixels, others, Math.max(MIN_RADIUS, RADIUS * extent), positive, size);
  }
  for (const { pixels, positive } of shown) {
    // Where prompts are so close together that one correction undid another.
    for (const pixel of pixels) if (result[pixel] > THRESHOLD !== positive) result[pixel] = Number(positive);
  }
  return { probability: result, corrected: wrong.filter((pixels) => pixels.length).length };
}

/**
 * Move the logits around these pixels, in place, so that they lie on the right side. The correction is narrower where a
 * prompt of the other sign is near.
 *
 * @param {Float32Array} probability
 * @param {number[]} pixels
 * @param {Shown[]} others
 * @param {number} widest
 * @param {boolean} positive
 * @param {Size} size
 */
function moveLogits(probability, pixels, others, widest, positive, size) {
  const reach = Math.ceil(3 * widest);
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  for (const pixel of pixels) {
    const [x, y] = [pixel % size.width, Math.floor(pixel / size.width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  }
  [left, top] = [Math.max(left - reach, 0), Math.max(top - reach, 0)];
  [right, bottom] = [Math.min(right + reach + 1, size.width), Math.min(bottom + reach + 1, size.height)];
  const [width, height] = [right - left, bottom - top];
  /** Index in the window; -1 outside. @param {number} pixel */
  const indexOf = (pixel) => {
    const [x, y] = [(pixel % size.width) - left, Math.floor(pixel / size.width) - top];
    return x >= 0 && y >= 0 && x < width && y < height ? y * width + x : -1;
  };
  const elsewhere = new Uint8Array(width * height).fill(1);
  for (const pixel of pixels) elsewhere[indexOf(pixel)] = 0;
  const distance = distanceToZero(elsewhere, width, height);
  let radius = widest;
  for (const other of others) {
    const inside = other.pixels.map(indexOf).filter((index) => index >= 0);
    const nearest = inside.reduce((least, index) => Math.min(least, distance[index]), Infinity);
    radius = Math.min(radius, Math.max(nearest / 2, 0.5));
  }
  const sign = positive ? 1 : -1;
  const least = pixels.reduce((low, pixel) => Math.min(low, sign * logitOf(probability[pixel])), Infinity);
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0, at = (top + y) * size.width + left; x < width; x++, k++, at++) {
      const logit = sign * logitOf(probability[at]) + (MARGIN - least) * Math.exp(-0.5 * (distance[k] / radius) ** 2);
      probability[at] = 1 / (1 + Math.exp(-sign * logit));
    }
  }
}
