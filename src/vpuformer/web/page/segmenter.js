/** Prompts on an encoded image, answered as `vpuformer.inference.segment` does. */

import { Answer, maskOf, THRESHOLD } from "./answer.js";
import { around, isSame, keyOf, union, wholeOf } from "./crop.js";
import { honoured, isHonoured, shownPixels } from "./honoured.js";
import { Look, OBJECT_THRESHOLD } from "./look.js";
import { changedLogits } from "./pixels.js";
import { squarePixels, stretch } from "./resample.js";
import { refusedChanges } from "./steady.js";
import { canonicalPrompts } from "./strokes.js";
import { nextCrop, promptsInCrop, refinedCrop, withObjectShown } from "./zoom.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./network.js").Features} Features */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Crops of an image whose features are kept, in addition to the whole image. */
const MAX_CROPS = 8;

/** An image with what the network has computed of it. */
export class EncodedImage {
  /** Newest last. @type {Map<string, Features>} */
  #crops = new Map();
  /** @type {Features | null} */
  #whole = null;
  #network;

  /**
   * @param {import("./network.js").Network} network
   * @param {Uint8ClampedArray} rgba
   * @param {Size} size
   */
  constructor(network, rgba, size) {
    this.#network = network;
    this.rgba = rgba;
    this.size = size;
  }

  /** The features of a crop, computed once. @param {Crop} crop */
  async features(crop) {
    const isWhole = isSame(crop, wholeOf(this.size));
    const key = keyOf(crop);
    const known = isWhole ? this.#whole : this.#crops.get(key);
    const features = known ?? (await this.#network.encode(squarePixels(this.rgba, this.size.width, crop, this.#network.side)));
    if (isWhole) this.#whole = features;
    else {
      this.#crops.delete(key);
      this.#crops.set(key, features);
      if (this.#crops.size > MAX_CROPS) this.#crops.delete(/** @type {string} */ (this.#crops.keys().next().value));
    }
    return features;
  }
}

export class Segmenter {
  #network;

  /** @param {import("./network.js").Network} network */
  constructor(network) {
    this.#network = network;
  }

  /**
   * Encode an image, once for all objects in it.
   *
   * @param {Uint8ClampedArray} rgba
   * @param {Size} size
   */
  async encode(rgba, size) {
    const encoded = new EncodedImage(this.#network, rgba, size);
    await encoded.features(wholeOf(size));
    return encoded;
  }

  /**
   * The object that all these prompts together mean.
   *
   * @param {EncodedImage} encoded
   * @param {readonly Prompt[]} prompts in image pixels and within the image, oldest first
   * @param {Answer | null} previous that to all prompts but the last
   */
  async segment(encoded, prompts, previous) {
    const { size } = encoded;
    const { side } = this.#network;
    const whole = wholeOf(size);
    const before = previous ? previous.probability : null;
    const object = previous && before && around(before, size.width, OBJECT_THRESHOLD, previous.extent);
    const shown = withObjectShown(prompts, object);
    const crop = before ? nextCrop(size, object, shown, previous?.crop ?? null) : whole;
    const mask = before ? stretch(before, size.width, crop, side, side) : new Float32Array(side * side);
    let look = await this.#look(encoded, shown, crop, mask);
    const kept = previous && before && around(before, size.width, THRESHOLD, previous.extent);
    let seen = kept && { probability: look.answer.probability, within: union(look.crop, kept) };
    for (let count = 1; ; count++) {
      const next = refinedCrop(look.crop, look.objectAround(), size, shown, count);
      if (!next) break;
      look = await this.#look(encoded, shown, next, look.probabilityIn(next, side));
      if (seen) seen = over(seen, look.answer);
    }
    return corrected(look.answer, prompts, before, previous?.crop ?? null, seen);
  }

  /** @param {EncodedImage} encoded @param {readonly Prompt[]} prompts @param {Crop} crop @param {Float32Array} mask */
  async #look(encoded, prompts, crop, mask) {
    const shown = canonicalPrompts(promptsInCrop(prompts, crop), crop);
    const logits = await this.#network.decode(await encoded.features(crop), mask, shown);
    return new Look(logits, crop, encoded.size);
  }
}

/** @typedef {{probability: Float32Array, within: Crop}} Seen last probability that a look gave each pixel; outside `within`, there is and was no object */

/**
 * An answer, and outside its crop what earlier looks said, which is background.
 *
 * @param {Seen} seen
 * @param {Answer} answer
 * @returns {Seen}
 */
function over({ probability: looked, within }, answer) {
  const { crop, size } = answer;
  const probability = new Float32Array(looked.length);
  for (let y = within.top, from = y * size.width + within.left; y < within.top + within.height; y++, from += size.width) {
    for (let at = from; at < from + within.width; at++) probability[at] = Math.min(looked[at], THRESHOLD);
  }
  for (let y = crop.top, from = y * size.width + crop.left; y < crop.top + crop.height; y++, from += size.width) {
    probability.set(answer.probability.subarray(from, from + crop.width), from);
  }
  return { probability, within: union(within, crop) };
}

/**
 * The answer without changes far from the new prompt, and with every prompt on the right side.
 *
 * @param {Answer} answer
 * @param {readonly Prompt[]} prompts
 * @param {Float32Array | null} before the previous probabilities
 * @param {Crop | null} lookedAt the previous crop
 * @param {Seen | null} seen null if nothing of the previous mask is kept
 */
function corrected(answer, prompts, before, lookedAt, seen) {
  const { size, crop } = answer;
  const refused = seen && before && refusedChanges(seen.probability, before, prompts.slice(-1), size, lookedAt, seen.within);
  /** @type {Uint8Array | null} */
  let mask = null; // where it differs from that of the answer
  const { probability } = answer;
  let values = probability;
  let wrong = 0;
  let isChanged = (/** @type {number} */ at) => values[at] !== probability[at];
  if (refused && seen && before) {
    mask = maskOf(seen.probability, size, seen.within);
    for (let at = 0; at < mask.length; at++) mask[at] ^= refused[at];
    values = before;
    isChanged = (at) => refused[at] !== 0;
  }
  const shown = shownPixels(prompts, size);
  if (!isHonoured(mask ?? values, shown)) {
    const merged = refused && seen && before ? seen.probability.map((value, at) => (refused[at] ? before[at] : value)) : values;
    const right = honoured(merged, shown, Math.sqrt(crop.width * crop.height), size);
    [values, wrong] = [right.probability, right.corrected];
    mask = maskOf(values, size);
    isChanged = (at) => values[at] !== probability[at];
  }
  if (!mask) return answer;
  return new Answer(changedLogits(answer.logits, probability, values, isChanged, crop, size), crop, size, mask, wrong);
}
