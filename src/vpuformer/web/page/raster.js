/** Parts of large images, reduced by a whole factor, on which answers are corrected; see `vpuformer.inference.raster`. */

import { around, edgesOf, isSame, wholeOf } from "./crop.js";
import { clip, mapped } from "./prompts.js";
import { stretch } from "./resample.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Number of pixels up to which an image is worked on as it is. */
const SMALL = 1_600_000;
/** Number of cells of a raster over a part of a larger image, unless the answer's outline needs more. */
const MOST_CELLS = 400_000;
/** Least number of cells for a logit, along the shorter side of the crop that an answer was made for, if they are reduced. */
const DETAIL = 1.5;
/** Edges of large crops lie on multiples of this. */
const STEP = 4;
/** Least sides of a crop in pixels that is snapped. */
const LEAST_SNAPPED = 512;
/** Least number of pixels of a reduced image for one that the network sees, along both axes. */
const OVERSAMPLED = 2;

/** Whether an image is worked on as it is. @param {Size} size */
export const isSmall = ({ width, height }) => width * height <= SMALL;

/** The crop, if it and its image are large with edges moved outwards to multiples of `STEP`. @param {Crop} crop @param {Size} size */
export function snapped(crop, size) {
  return isSmall(size) || Math.min(crop.width, crop.height) < LEAST_SNAPPED ? crop : outward(crop, STEP, size);
}

/**
 * The factor by which an image may be reduced before the network sees a crop.
 *
 * @param {Crop} crop
 * @param {Size} size
 * @param {number} side of the network's input
 */
export function levelOf(crop, size, side) {
  const [right, bottom] = [crop.left + crop.width, crop.top + crop.height];
  let level = isSmall(size) ? 1 : STEP;
  const fits = () =>
    Math.min(crop.width, crop.height) >= level * OVERSAMPLED * side &&
    [crop.left, crop.top, right === size.width ? 0 : right, bottom === size.height ? 0 : bottom].every((edge) => edge % level === 0);
  while (level > 1 && !fits()) level /= 2;
  return level;
}

/** @param {Crop} crop @param {number} step @param {Size} size @returns {Crop} */
function outward(crop, step, size) {
  const [left, top] = [crop.left, crop.top].map((edge) => Math.floor(edge / step) * step);
  const right = Math.min(Math.ceil((crop.left + crop.width) / step) * step, size.width);
  const bottom = Math.min(Math.ceil((crop.top + crop.height) / step) * step, size.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** The common part of two crops, or null. @param {Crop} one @param {Crop} other @returns {Crop | null} */
function intersected(one, other) {
  const [left, top] = [Math.max(one.left, other.left), Math.max(one.top, other.top)];
  const right = Math.min(one.left + one.width, other.left + other.width);
  const bottom = Math.min(one.top + one.height, other.top + other.height);
  return left < right && top < bottom ? { left, top, width: right - left, height: bottom - top } : null;
}

/** Cells of `factor` x `factor` pixels that fill a part of an image. */
export class Raster {
  /**
   * @param {Crop} part what the raster has to hold; it holds all of a small image
   * @param {Size} image
   * @param {number} side number of logits along a side of an answer
   * @param {Crop} detail the crop of the answer, of whose outline nothing may be lost
   */
  constructor(part, image, side, detail = part) {
    const small = isSmall(image);
    const most = small ? 1 : Math.min(detail.width, detail.height) / (DETAIL * side);
    let factor = 1;
    while (part.width * part.height > MOST_CELLS * factor ** 2 && 2 * factor <= most) factor *= 2;
    this.image = image;
    this.factor = factor;
    this.part = small ? wholeOf(image) : outward(part, factor, image);
    /** Whether the cells are the pixels of the image, all of them. */
    this.whole = factor === 1 && isSame(this.part, wholeOf(image));
    /** Columns and rows of cells. */
    this.size = { width: Math.ceil(this.part.width / factor), height: Math.ceil(this.part.height / factor) };
  }

  /** The cells that a crop touches; they may lie outside. @param {Crop} crop @returns {Crop} */
  cells(crop) {
    const { part, factor } = this;
    const [left, top] = [Math.floor((crop.left - part.left) / factor), Math.floor((crop.top - part.top) / factor)];
    const right = Math.ceil((crop.left + crop.width - part.left) / factor);
    const bottom = Math.ceil((crop.top + crop.height - part.top) / factor);
    return { left, top, width: right - left, height: bottom - top };
  }

  /** The cells of a crop that lie in the raster, or null. @param {Crop} crop */
  inside(crop) {
    return intersected(this.cells(crop), wholeOf(this.size));
  }

  /** The pixels of some cells, within the part. @param {Crop} cells @returns {Crop} */
  pixels(cells) {
    const { part, factor } = this;
    const [left, top] = [factor * cells.left, factor * cells.top];
    const right = Math.min(left + factor * cells.width, part.width);
    const bottom = Math.min(top + factor * cells.height, part.height);
    return { left: part.left + left, top: part.top + top, width: right - left, height: bottom - top };
  }

  /** Prompts in cells, as far as they lie in the part. @param {readonly Prompt[]} prompts */
  prompts(prompts) {
    if (this.whole) return prompts;
    const { part, factor } = this;
    const shown = prompts.flatMap((prompt) => clip(prompt, edgesOf(part)) ?? []);
    return shown.map((prompt) => mapped(prompt, ([x, y]) => [(x - part.left + 0.5) / factor - 0.5, (y - part.top + 0.5) / factor - 0.5]));
  }

  /** The values of a map of the image at the centre of each cell. @template {Uint8Array | Float32Array} T @param {T} values @returns {T} */
  sampled(values) {
    if (this.whole) return values;
    const { part, factor, size } = this;
    const found = /** @type {T} */ (values.slice(0, size.width * size.height));
    for (let y = 0, k = 0; y < size.height; y++) {
      const row = (part.top + Math.min(y * factor + (factor >> 1), part.height - 1)) * this.image.width + part.left;
      for (let x = 0; x < size.width; x++, k++) found[k] = values[row + Math.min(x * factor + (factor >> 1), part.width - 1)];
    }
    return found;
  }

  /**
   * The logits of a crop, side x side, in those of its cells that lie in the raster.
   *
   * @param {Float32Array} logits
   * @param {Crop} crop
   * @param {Crop} cells
   */
  stretched(logits, crop, cells) {
    const { part, factor } = this;
    const side = Math.sqrt(logits.length);
    if (isSame(this.pixels(cells), crop) && crop.width % factor === 0 && crop.height % factor === 0) {
      return stretch(logits, side, { left: 0, top: 0, width: side, height: side }, cells.width, cells.height);
    }
    const places = [[part.left - crop.left, cells.left, cells.width, crop.width], [part.top - crop.top, cells.top, cells.height, crop.height]];
    const [columns, rows] = places.map(([offset, first, count, length]) =>
      Float64Array.from({ length: count }, (_, i) => Math.min(Math.max(((offset + factor * (first + i + 0.5)) / length) * side - 0.5, 0), side - 1)));
    const values = new Float32Array(cells.width * cells.height);
    for (const [y, row] of rows.entries()) {
      const [up, down] = [Math.floor(row) * side, Math.min(Math.floor(row) + 1, side - 1) * side];
      for (const [x, column] of columns.entries()) {
        const [left, right, share] = [Math.floor(column), Math.min(Math.floor(column) + 1, side - 1), column % 1];
        const line = (/** @type {number} */ from) => (1 - share) * logits[from + left] + share * logits[from + right];
        values[y * cells.width + x] = (1 - (row % 1)) * line(up) + (row % 1) * line(down);
      }
    }
    return values;
  }

  /** The values of the cells of a crop, 0 outside the raster, at another size. @param {Float32Array} values @param {Crop} crop @param {number} side */
  stretchedTo(values, crop, side) {
    const cells = this.cells(crop);
    const inside = this.inside(crop);
    if (!inside || isSame(inside, cells)) return inside ? stretch(values, this.size.width, cells, side, side) : new Float32Array(side * side);
    const padded = new Float32Array(cells.width * cells.height);
    for (let y = inside.top; y < inside.top + inside.height; y++) {
      const from = y * this.size.width + inside.left;
      padded.set(values.subarray(from, from + inside.width), (y - cells.top) * cells.width + inside.left - cells.left);
    }
    return stretch(padded, cells.width, { ...cells, left: 0, top: 0 }, side, side);
  }

  /** The mask of the image, of which a mask of the cells shows all; they are pixels. @param {Uint8Array} mask */
  placed(mask) {
    if (this.whole) return mask;
    const placed = new Uint8Array(this.image.width * this.image.height);
    for (let y = 0; y < this.size.height; y++) {
      const from = y * this.size.width;
      placed.set(mask.subarray(from, from + this.size.width), (this.part.top + y) * this.image.width + this.part.left);
    }
    return placed;
  }

  /**
   * A mask of the image, changed to agree with the probability of each cell: in cells that change, and next to them.
   *
   * @param {Uint8Array} mask
   * @param {Float32Array} values
   * @param {number} threshold
   */
  lifted(mask, values, threshold) {
    const { part, factor, size } = this;
    const result = mask.slice();
    const before = this.sampled(mask);
    const near = new Uint8Array(values.length);
    for (let y = 0, k = 0; y < size.height; y++) {
      for (let x = 0; x < size.width; x++, k++) {
        if (values[k] > threshold === (before[k] !== 0)) continue;
        for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, size.height - 1); v++) {
          near.fill(1, v * size.width + Math.max(x - 1, 0), v * size.width + Math.min(x + 1, size.width - 1) + 1);
        }
      }
    }
    const changed = around(near, size.width, 0, wholeOf(size));
    if (!changed) return result;
    for (let y = changed.top; y < changed.top + changed.height; y++) {
      const [first, last] = [Math.max(y - 1, 0), Math.min(y + 1, size.height - 1)];
      const rows = { left: 0, top: first, width: size.width, height: last + 1 - first };
      const lines = stretch(values, size.width, rows, factor * size.width, factor * rows.height);
      const pixels = this.pixels({ left: 0, top: y, width: size.width, height: 1 });
      for (let v = 0; v < pixels.height; v++) {
        const from = (factor * (y - first) + v) * factor * size.width;
        const to = (pixels.top + v) * this.image.width + part.left;
        for (let x = 0; x < pixels.width; x++) {
          if (near[y * size.width + Math.floor(x / factor)]) result[to + x] = Number(lines[from + x] > threshold);
        }
      }
    }
    return result;
  }
}
