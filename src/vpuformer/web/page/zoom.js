/** The crop that the network sees next, and the prompts in it; see `vpuformer.inference.zoom`. */

import { edgesOf, isSame, wholeOf } from "./crop.js";
import { boundsOf, clip, encloses, intersection } from "./prompts.js";
import { snapped } from "./raster.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./crop.js").Edges} Edges */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Width and height of the crop, in those of what it contains. */
const EXPANSION = 1.2;
/** Least side of the crop in pixels. */
const MIN_SIDE = 80;
/** The previous crop is kept while its overlap with the new one is at least this. */
const KEEP_IOU = 0.85;
/** Largest number of passes of the network for one prompt. */
export const LOOKS = 3;
/** Least distance of the object from an inner border of the crop, in the crop's width or height. */
const INNER_MARGIN = 0.01;
/** How far such a border is moved outwards, in the crop's width or height. */
const WIDENING = 0.5;

/**
 * The crop for the next pass: around the object and all positive prompts, or the previous one while that fits.
 *
 * @param {Size} size
 * @param {Crop | null} around the object so far
 * @param {readonly Prompt[]} prompts
 * @param {Crop | null} previous
 * @returns {Crop}
 */
export function nextCrop(size, around, prompts, previous) {
  const whole = wholeOf(size);
  if (!around) return whole;
  const extents = [edgesOf(around), ...prompts.filter(({ positive }) => positive).map(extentOf)];
  const needed = intersection(hull(extents), edgesOf(whole));
  const [left, width] = expanded(needed[0], needed[2], size.width);
  const [top, height] = expanded(needed[1], needed[3], size.height);
  const wanted = snapped({ left, top, width, height }, size);
  if (!previous) return wanted;
  return encloses(edgesOf(previous), needed) && overlap(wanted, previous) >= KEEP_IOU ? previous : wanted;
}

/**
 * The prompts, after the box around an object that no positive one shows.
 *
 * @param {readonly Prompt[]} prompts
 * @param {Crop | null} around the object so far
 * @returns {readonly Prompt[]}
 */
export function withObjectShown(prompts, around) {
  if (!around || prompts.some(({ positive }) => positive)) return prompts;
  return [{ type: "box", box: edgesOf(around), positive: true, only_here: false }, ...prompts];
}

/**
 * The crop of another look after the `look`-th one; null if the rule calls for no other.
 *
 * @param {Crop} crop of the answer
 * @param {Crop | null} around the object in the answer
 * @param {Size} size
 * @param {readonly Prompt[]} prompts
 * @param {number} look
 * @returns {Crop | null}
 */
export function refinedCrop(crop, around, size, prompts, look) {
  if (look >= LOOKS) return null;
  const wider = around && widened(crop, around, size);
  if (!wider && look > 1) return null;
  const next = !wider ? nextCrop(size, around, prompts, crop) : look < LOOKS - 1 ? wider : wholeOf(size);
  return isSame(next, crop) ? null : next;
}

/** The prompts as far as they lie in the crop, still in image pixels. @param {readonly Prompt[]} prompts @param {Crop} crop */
export function promptsInCrop(prompts, crop) {
  return prompts.flatMap((prompt) => clip(prompt, edgesOf(crop)) ?? []);
}

/**
 * The crop, wider where the object comes too near an inner border; null if it does not.
 *
 * @param {Crop} crop
 * @param {Crop} around
 * @param {Size} size
 */
function widened(crop, around, size) {
  const [left, right] = widenedAxis(crop.left, crop.width, around.left, around.width, size.width);
  const [top, bottom] = widenedAxis(crop.top, crop.height, around.top, around.height, size.height);
  const wider = snapped({ left, top, width: right - left, height: bottom - top }, size);
  return isSame(wider, crop) ? null : wider;
}

/** @param {number} first @param {number} side @param {number} inner @param {number} innerSide @param {number} length */
function widenedAxis(first, side, inner, innerSide, length) {
  const [margin, step, end] = [INNER_MARGIN * side, Math.ceil(WIDENING * side), first + side];
  const low = inner - first <= margin ? Math.max(first - step, 0) : first;
  const high = end - (inner + innerSide) <= margin ? Math.min(end + step, length) : end;
  return [low, high];
}

/** The bounds of a prompt; a point stands for the pixel around it. @param {Prompt} prompt @returns {Edges} */
function extentOf(prompt) {
  const [x0, y0, x1, y1] = boundsOf(prompt);
  const around = prompt.type === "box" ? 0 : 0.5;
  return [x0 - around, y0 - around, x1 + around, y1 + around];
}

/** @param {Edges[]} extents @returns {Edges} */
function hull(extents) {
  return extents.reduce(([x0, y0, x1, y1], [left, top, right, bottom]) => [Math.min(x0, left), Math.min(y0, top), Math.max(x1, right), Math.max(y1, bottom)]);
}

/** First pixel and number of pixels for an interval. @param {number} low @param {number} high @param {number} length */
function expanded(low, high, length) {
  const [centre, half] = [(low + high + 1) / 2, ((high - low) * EXPANSION) / 2];
  // Rounded to 1e-6 first: 1.2 is not a binary fraction, and must not cost a pixel.
  const outer = [centre - half, centre + half].map((edge) => Math.round(edge * 1e6) / 1e6);
  let first = Math.max(Math.min(Math.floor(outer[0]), Math.floor(low + 0.5)), 0);
  const end = Math.min(Math.max(Math.ceil(outer[1]), Math.ceil(high + 0.5)), length);
  const side = Math.min(Math.max(end - first, MIN_SIDE), length);
  first = Math.min(Math.max(first - Math.floor((side - (end - first)) / 2), 0), length - side);
  return [first, side];
}

/** The product of the intersections over union of the two axes. @param {Crop} a @param {Crop} b */
function overlap(a, b) {
  return overlapOfAxis(a.left, a.width, b.left, b.width) * overlapOfAxis(a.top, a.height, b.top, b.height);
}

/** @param {number} a @param {number} aLength @param {number} b @param {number} bLength */
function overlapOfAxis(a, aLength, b, bLength) {
  const shared = Math.max(0, Math.min(a + aLength, b + bLength) - Math.max(a, b));
  return shared / (aLength + bLength - shared);
}
