/** One pass of the network, which becomes probabilities only where these are needed; see `vpuformer.inference.looks`. */

import { Answer, sigmoid } from "./answer.js";
import { around } from "./crop.js";
import { isSmall } from "./raster.js";
import { stretch } from "./resample.js";
import { rint } from "./strokes.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */

/** A pixel above this probability belongs to the object that the crop is drawn around. */
export const OBJECT_THRESHOLD = 0.5;
/** Pixels of the map in which the object of a large image is found: making all probabilities would take longer. */
const COARSE = 1 << 18;
/** Parts of a pixel in OpenCV's `remap`. */
const PARTS = 32;

export class Look {
  /** @type {Answer | null} */
  #answer = null;

  /**
   * @param {Float32Array} logits side x side
   * @param {Crop} crop the part of the image that the network saw
   * @param {Size} size of the image
   */
  constructor(logits, crop, size) {
    this.logits = logits;
    this.crop = crop;
    this.size = size;
  }

  get answer() {
    return (this.#answer ??= new Answer(this.logits, this.crop, this.size));
  }

  get #side() {
    return Math.sqrt(this.logits.length);
  }

  /** The rectangle around the object, in a large image to within some pixels; null if there is no object. */
  objectAround() {
    const { crop, size } = this;
    if (isSmall(size)) return around(this.answer.probability, size.width, OBJECT_THRESHOLD, crop);
    const shrunk = Math.max(1, Math.sqrt((crop.width * crop.height) / COARSE));
    const [width, height] = [Math.ceil(crop.width / shrunk), Math.ceil(crop.height / shrunk)];
    const side = this.#side;
    const coarse = stretch(this.logits, side, { left: 0, top: 0, width: side, height: side }, width, height);
    const inside = around(coarse, width, 0, { left: 0, top: 0, width, height });
    if (!inside) return null;
    const [across, down] = [crop.width / width, crop.height / height];
    const [left, top] = [Math.floor(inside.left * across), Math.floor(inside.top * down)];
    const right = Math.min(Math.ceil((inside.left + inside.width) * across), crop.width);
    const bottom = Math.min(Math.ceil((inside.top + inside.height) * down), crop.height);
    return { left: crop.left + left, top: crop.top + top, width: right - left, height: bottom - top };
  }

  /**
   * The probabilities in another crop, stretched to side x side; 0 outside the own.
   *
   * @param {Crop} crop
   * @param {number} side
   */
  probabilityIn(crop, side) {
    if (isSmall(this.size)) return stretch(this.answer.probability, this.size.width, crop, side, side);
    const columns = shares(crop.left, crop.width, side, this.crop.left, this.crop.width);
    const rows = shares(crop.top, crop.height, side, this.crop.top, this.crop.height);
    const values = new Float32Array(side * side);
    for (let y = 0, k = 0; y < side; y++) {
      for (let x = 0; x < side; x++, k++) {
        if (rows[y] >= 0 && rows[y] <= 1 && columns[x] >= 0 && columns[x] <= 1) values[k] = sigmoid(this.#logitAt(columns[x], rows[y]));
      }
    }
    return values;
  }

  /** @param {number} column as a share of the crop @param {number} row */
  #logitAt(column, row) {
    const side = this.#side;
    const [x, y] = [rint((column * side - 0.5) * PARTS), rint((row * side - 0.5) * PARTS)];
    const [left, top] = [Math.floor(x / PARTS), Math.floor(y / PARTS)];
    const [right, down] = [x / PARTS - left, y / PARTS - top];
    /** @param {number} at */
    const within = (at) => Math.min(Math.max(at, 0), side - 1);
    /** @param {number} dy */
    const line = (dy) => {
      const from = within(top + dy) * side;
      return (1 - right) * this.logits[from + within(left)] + right * this.logits[from + within(left + 1)];
    };
    return (1 - down) * line(0) + down * line(1);
  }
}

/**
 * Centres of `side` cells of a crop along an axis, as shares of the own crop from its edge.
 *
 * @param {number} first
 * @param {number} length
 * @param {number} side
 * @param {number} ownFirst
 * @param {number} ownLength
 */
function shares(first, length, side, ownFirst, ownLength) {
  return Float64Array.from({ length: side }, (_, i) => (((i + 0.5) / side) * length + first - ownFirst) / ownLength);
}
