/** Prompts on an encoded image, answered as `vpuformer.inference.segment` does. */

import { corrected, seenBefore } from "./corrections.js";
import { isSame, keyOf, wholeOf } from "./crop.js";
import { beginsAfresh } from "./enclosing.js";
import { Look } from "./look.js";
import { levelOf } from "./raster.js";
import { halved, squarePixels } from "./resample.js";
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
  #reduced;
  #network;

  /**
   * @param {import("./network.js").Network} network
   * @param {Uint8ClampedArray} rgba
   * @param {Size} size
   */
  constructor(network, rgba, size) {
    this.#network = network;
    this.size = size;
    /** The image, and its halves. */
    this.#reduced = [{ rgba, size }];
  }

  /** The pixels of a crop, square; those of a large crop come from a reduced image. @param {Crop} crop */
  #pixels(crop) {
    const level = levelOf(crop, this.size, this.#network.side);
    while (2 ** (this.#reduced.length - 1) < level) this.#reduced.push(halved(this.#reduced[this.#reduced.length - 1]));
    const { rgba, size } = this.#reduced[Math.log2(level)];
    const [left, top] = [crop.left / level, crop.top / level];
    const right = Math.min(Math.ceil((crop.left + crop.width) / level), size.width);
    const bottom = Math.min(Math.ceil((crop.top + crop.height) / level), size.height);
    return squarePixels(rgba, size.width, { left, top, width: right - left, height: bottom - top }, this.#network.side);
  }

  /** The features of a crop, computed once. @param {Crop} crop */
  async features(crop) {
    const isWhole = isSame(crop, wholeOf(this.size));
    const key = keyOf(crop);
    const known = isWhole ? this.#whole : this.#crops.get(key);
    const features = known ?? (await this.#network.encode(this.#pixels(crop)));
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
   * @param {import("./answer.js").Answer | null} previous that to all prompts but the last
   */
  async segment(encoded, prompts, previous) {
    const { size } = encoded;
    const { side } = this.#network;
    const whole = wholeOf(size);
    const before = previous && !beginsAfresh(prompts, previous) ? seenBefore(previous) : null;
    const shown = withObjectShown(prompts, before && before.object);
    const crop = before ? nextCrop(size, before.object, shown, before.answer.crop) : whole;
    const mask = before ? before.raster.stretchedTo(before.probability, crop, side) : new Float32Array(side * side);
    const looks = [await this.#look(encoded, shown, crop, mask)];
    for (;;) {
      const look = looks[looks.length - 1];
      const next = refinedCrop(look.crop, look.objectAround(), size, shown, looks.length);
      if (!next) break;
      looks.push(await this.#look(encoded, shown, next, look.probabilityIn(next, side)));
    }
    return corrected(prompts, before, looks);
  }

  /** @param {EncodedImage} encoded @param {readonly Prompt[]} prompts @param {Crop} crop @param {Float32Array} mask */
  async #look(encoded, prompts, crop, mask) {
    const shown = canonicalPrompts(promptsInCrop(prompts, crop), crop);
    const logits = await this.#network.decode(await encoded.features(crop), mask, shown);
    return new Look(logits, crop, encoded.size);
  }
}
