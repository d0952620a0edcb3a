/** Answers of the network: logits of a crop as probabilities and masks; see `vpuformer.inference.prediction`. */

import { wholeOf } from "./crop.js";
import { Raster } from "./raster.js";
import { stretch } from "./resample.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */

/** Probability above which a pixel belongs to the object. */
export const THRESHOLD = Math.fround(0.49);
/** Logits contradict a mask weakly if their probability is nearer than this to the threshold. */
const WEAKLY = 0.25;

/** @param {number} logit */
export const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

export class Answer {
  /** @type {Float32Array | null} */
  #probability = null;
  /** @type {Uint8Array | null} */
  #mask = null;

  /**
   * @param {Float32Array} logits side x side
   * @param {Crop} crop the part of the image that they cover
   * @param {Size} size of the image
   * @param {Uint8Array | null} known the mask, if it differs from that of the logits
   * @param {number} corrected number of prompts that the network left on the wrong side of the outline
   */
  constructor(logits, crop, size, known = null, corrected = 0) {
    this.logits = logits;
    this.crop = crop;
    this.size = size;
    this.corrected = corrected;
    this.known = known;
  }

  /** The probability of each pixel of the image; outside the crop 1 where an earlier mask was kept, else 0. */
  get probability() {
    if (this.#probability) return this.#probability;
    const { crop, size, known } = this;
    const side = Math.sqrt(this.logits.length);
    const inside = stretch(this.logits, side, { left: 0, top: 0, width: side, height: side }, crop.width, crop.height);
    const probability = known ? new Float32Array(known) : new Float32Array(size.width * size.height);
    for (let y = 0; y < crop.height; y++) {
      const line = inside.subarray(y * crop.width, (y + 1) * crop.width);
      for (let x = 0; x < line.length; x++) line[x] = sigmoid(line[x]);
      const from = (crop.top + y) * size.width + crop.left;
      if (known) agree(line, known.subarray(from, from + line.length));
      probability.set(line, from);
    }
    this.#probability = probability;
    return probability;
  }

  /** The probability at the centre of each cell. @param {import("./raster.js").Raster} raster */
  on(raster) {
    if (raster.whole) return this.probability;
    const { crop, logits, known } = this;
    const { width, height } = raster.size;
    const mask = known && raster.sampled(known);
    const values = mask ? new Float32Array(mask) : new Float32Array(width * height);
    const cells = raster.inside(crop);
    if (!cells) return values;
    const inside = raster.stretched(logits, crop, cells);
    for (let y = 0; y < cells.height; y++) {
      const line = inside.subarray(y * cells.width, (y + 1) * cells.width);
      for (let x = 0; x < line.length; x++) line[x] = sigmoid(line[x]);
      const from = (cells.top + y) * width + cells.left;
      if (mask) agree(line, mask.subarray(from, from + line.length));
      values.set(line, from);
    }
    return values;
  }

  /** The part of the image outside which the probability is 0. */
  get extent() {
    return this.known ? wholeOf(this.size) : this.crop;
  }

  /** 1 for each pixel of the object. */
  get mask() {
    this.#mask ??= this.known ?? this.#made();
    return this.#mask;
  }

  #made() {
    const raster = new Raster(this.crop, this.size, Infinity); // in pixels
    const mask = raster.whole ? maskOf(this.probability, this.size, this.crop) : maskOf(this.on(raster), raster.size);
    return raster.placed(mask);
  }
}

/** Put probabilities on the side of the threshold that the mask says. @param {Float32Array} values @param {Uint8Array} mask */
function agree(values, mask) {
  for (let x = 0; x < values.length; x++) {
    const inside = mask[x] !== 0;
    if (values[x] > THRESHOLD === inside) continue;
    values[x] = Math.abs(values[x] - THRESHOLD) >= WEAKLY ? mask[x] : inside ? 0.51 : 0.47;
  }
}

/**
 * @param {Float32Array} probability
 * @param {Size} size
 * @param {Crop} [within] outside of it, no pixel belongs to the object
 */
export function maskOf(probability, size, within = wholeOf(size)) {
  const mask = new Uint8Array(probability.length);
  for (let y = within.top; y < within.top + within.height; y++) {
    const end = y * size.width + within.left + within.width;
    for (let at = end - within.width; at < end; at++) mask[at] = Number(probability[at] > THRESHOLD);
  }
  return mask;
}
