/** The network's answer, corrected; see `vpuformer.inference.corrections`. */

import { Answer, maskOf, THRESHOLD } from "./answer.js";
import { around, union, wholeOf } from "./crop.js";
import { honoured, isHonoured, shownPixels } from "./honoured.js";
import { OBJECT_THRESHOLD } from "./look.js";
import { changedLogits } from "./pixels.js";
import { Raster } from "./raster.js";
import { refusedChanges, yielding } from "./steady.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./look.js").Look} Look */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/**
 * A previous answer on the raster over what it says something about.
 *
 * @typedef {object} Seen
 * @property {Answer} answer
 * @property {Crop | null} kept the rectangle around the mask
 * @property {Raster} raster
 * @property {Float32Array} probability of its cells
 * @property {Crop | null} object the rectangle around the object
 */

/** @param {Answer} answer @returns {Seen} */
export function seenBefore(answer) {
  const kept = around(answer.mask, answer.size.width, 0, wholeOf(answer.size));
  const raster = new Raster(kept ? union(kept, answer.crop) : answer.crop, answer.size, Math.sqrt(answer.logits.length));
  const probability = answer.on(raster);
  const object = around(probability, raster.size.width, OBJECT_THRESHOLD, wholeOf(raster.size));
  return { answer, kept, raster, probability, object: object && raster.pixels(object) };
}

/**
 * The last look without changes far from the new prompt, and with every prompt on the right side.
 *
 * @param {readonly Prompt[]} prompts
 * @param {Seen | null} before
 * @param {Look[]} looks at least one
 */
export function corrected(prompts, before, looks) {
  const { answer } = looks[looks.length - 1];
  const { size, crop } = answer;
  const kept = before && before.kept;
  if (!kept && !prompts.some(({ positive }) => positive)) {
    return new Answer(answer.logits, crop, size, new Uint8Array(size.width * size.height)); // nobody has shown an object
  }
  const raster = new Raster(kept ? looks.reduce((part, look) => union(part, look.crop), kept) : crop, size, Math.sqrt(answer.logits.length), crop);
  const own = answer.on(raster);
  let [looked, values, wrong] = [own, own, 0];
  /** @type {Uint8Array | null} */
  let mask = null; // where it differs from that of the answer
  /** @type {((at: number) => boolean) | null} */
  let isChanged = null;
  if (before && kept) {
    const seen = lookedAt(looks, kept, raster);
    const earlier = before.answer.on(raster);
    looked = seen.probability;
    const refused = refusedChanges(looked, earlier, raster.prompts(prompts.slice(-1)), raster.size, raster.cells(before.answer.crop), seen.within, raster.cells(crop));
    if (refused) {
      mask = maskOf(looked, raster.size, seen.within);
      for (let at = 0; at < mask.length; at++) mask[at] ^= refused[at];
      values = yielding(earlier, looked, refused);
      isChanged = (at) => refused[at] !== 0;
    }
  }
  const merged = () => (isChanged ? looked.map((value, at) => (isChanged?.(at) ? values[at] : value)) : looked);
  const shown = shownPixels(raster.prompts(prompts), raster.size);
  if (!isHonoured(mask ?? values, shown)) {
    const right = honoured(isChanged ? merged() : values, shown, Math.sqrt(crop.width * crop.height) / raster.factor, raster.size);
    [looked, values, wrong] = [right.probability, right.probability, right.corrected];
    mask = maskOf(values, raster.size);
    isChanged = (at) => values[at] !== own[at];
  }
  const { logits } = answer;
  const moved = isChanged ? changedLogits(logits, own, values, isChanged, raster.cells(crop), raster.size) : logits;
  if (raster.factor > 1) {
    const lifted = raster.lifted(kept && before ? before.answer.mask : answer.mask, merged(), THRESHOLD);
    for (const { pixels, positive } of shownPixels(prompts, size)) for (const pixel of pixels) lifted[pixel] = Number(positive);
    return new Answer(moved, crop, size, lifted, wrong);
  }
  if (!mask && raster.whole) return answer;
  return new Answer(moved, crop, size, mask ? raster.placed(mask) : answer.mask, wrong);
}

/**
 * The last probability that a look gave each cell; outside `within`, there is and was no object.
 *
 * @param {Look[]} looks
 * @param {Crop} kept
 * @param {Raster} raster
 */
function lookedAt(looks, kept, raster) {
  let probability = looks[0].answer.on(raster);
  let part = union(looks[0].crop, kept);
  const { width } = raster.size;
  for (const { answer, crop } of looks.slice(1)) {
    const own = answer.on(raster);
    const over = new Float32Array(probability.length);
    const [before, inside] = [raster.cells(part), raster.cells(crop)];
    for (let y = before.top, from = y * width + before.left; y < before.top + before.height; y++, from += width) {
      for (let at = from; at < from + before.width; at++) over[at] = Math.min(probability[at], THRESHOLD);
    }
    for (let y = inside.top, from = y * width + inside.left; y < inside.top + inside.height; y++, from += width) {
      over.set(own.subarray(from, from + inside.width), from);
    }
    probability = over;
    part = union(part, crop);
  }
  return { probability, within: raster.cells(part) };
}
