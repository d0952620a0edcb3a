/** Pixels and maps at another size, with the rounding of OpenCV; see `vpuformer.inference.resample`. */

import { rint } from "./strokes.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {{first: Int32Array, count: Int32Array, weights: Float32Array}} Taps for each target the samples that it is made of */

/**
 * Shares of the samples of an axis in each target that averages them.
 *
 * @param {number} length
 * @param {number} target at most `length`
 * @returns {Taps}
 */
function averaged(length, target) {
  const scale = length / target;
  const most = Math.ceil(scale) + 2;
  const taps = { first: new Int32Array(target), count: new Int32Array(target), weights: new Float32Array(target * most) };
  for (let i = 0; i < target; i++) {
    const [low, high] = [i * scale, i * scale + scale];
    const cell = Math.min(scale, length - low);
    const end = Math.min(Math.floor(high), length - 1);
    const start = Math.min(Math.ceil(low), end);
    const weights = [];
    taps.first[i] = start;
    if (start - low > 1e-3) {
      taps.first[i] = start - 1;
      weights.push((start - low) / cell);
    }
    for (let k = start; k < end; k++) weights.push(1 / cell);
    if (high - end > 1e-3) weights.push(Math.min(high - end, 1, cell) / cell);
    taps.count[i] = weights.length;
    taps.weights.set(weights, i * most);
  }
  return taps;
}

/**
 * Shares of two neighbours of an axis in each target that lies between them.
 *
 * @param {number} length
 * @param {number} target
 * @returns {Taps}
 */
function interpolated(length, target) {
  const scale = length / target;
  const taps = { first: new Int32Array(target), count: new Int32Array(target).fill(2), weights: new Float32Array(2 * target) };
  for (let i = 0; i < target; i++) {
    const at = Math.fround((i + 0.5) * scale - 0.5);
    const first = Math.floor(at);
    const share = first < 0 || first >= length - 1 ? 0 : Math.fround(at - first);
    taps.first[i] = Math.min(Math.max(first, 0), length - 1);
    taps.count[i] = share ? 2 : 1;
    taps.weights[2 * i] = 1 - share;
    taps.weights[2 * i + 1] = share;
  }
  return taps;
}

/**
 * Numbers of an image in a longer array, such as one of its channels.
 *
 * @typedef {object} Plane
 * @property {Float32Array | Uint8Array | Uint8ClampedArray} values
 * @property {number} stride columns of the image
 * @property {number} step entries of the array for each pixel
 * @property {number} offset entry of the first pixel
 */

/**
 * A part of a map, averaged along axes that shrink and interpolated along axes that grow.
 *
 * @param {Float32Array} values
 * @param {number} stride columns of the map
 * @param {Crop} crop
 * @param {number} width of the result
 * @param {number} height
 * @returns {Float32Array}
 */
export function stretch(values, stride, crop, width, height) {
  const [across, down] = [Math.min(crop.width, width), Math.min(crop.height, height)];
  const plane = { values, stride, step: 1, offset: 0 };
  if (across === crop.width && down === crop.height) return enlarged(plane, crop, width, height);
  const smaller = shrunk(plane, crop, across, down);
  if (across === width && down === height) return smaller;
  const all = { left: 0, top: 0, width: across, height: down };
  return enlarged({ ...plane, values: smaller, stride: across }, all, width, height);
}

/** @param {Plane} plane @param {Crop} crop @param {number} width @param {number} height */
function shrunk(plane, crop, width, height) {
  return mixed(plane, crop, averaged(crop.width, width), averaged(crop.height, height));
}

/** @param {Plane} plane @param {Crop} crop @param {number} width @param {number} height */
function enlarged(plane, crop, width, height) {
  return mixed(plane, crop, interpolated(crop.width, width), interpolated(crop.height, height));
}

/** @param {Plane} plane @param {Crop} crop @param {Taps} columns @param {Taps} rows */
function mixed({ values, stride, step, offset }, crop, columns, rows) {
  const [width, height] = [columns.first.length, rows.first.length];
  const [across, down] = [columns.weights.length / width, rows.weights.length / height];
  const result = new Float32Array(width * height);
  /** Rows of the crop at the new width, of which neighbouring results share some. @type {Map<number, Float32Array>} */
  const lines = new Map();
  /** @param {number} y */
  const lineAt = (y) => {
    const known = lines.get(y);
    if (known) return known;
    const from = ((crop.top + y) * stride + crop.left) * step + offset;
    const sums = new Float32Array(width);
    for (let x = 0; x < width; x++) {
      const [first, count] = [from + columns.first[x] * step, columns.count[x]];
      let sum = 0;
      for (let k = 0; k < count; k++) sum += values[first + k * step] * columns.weights[x * across + k];
      sums[x] = sum;
    }
    lines.set(y, sums);
    return sums;
  };
  for (let y = 0; y < height; y++) {
    const first = rows.first[y];
    const own = result.subarray(y * width, (y + 1) * width);
    for (const known of lines.keys()) if (known < first) lines.delete(known);
    for (let k = 0; k < rows.count[y]; k++) {
      const sums = lineAt(first + k);
      const weight = rows.weights[y * down + k];
      for (let x = 0; x < width; x++) own[x] += sums[x] * weight;
    }
  }
  return result;
}

/**
 * The rounding of means: OpenCV computes them exactly where a whole number of pixels makes one.
 *
 * @param {number} across pixels of which one is made
 * @param {number} down
 * @returns {(mean: number) => number}
 */
function roundingOf(across, down) {
  if (!Number.isInteger(across) || !Number.isInteger(down)) return rint;
  if (across === 2 && down === 2) return Math.round;
  const share = Math.fround(1 / (across * down));
  return (mean) => rint(Math.fround(Math.round(mean * across * down) * share));
}

/**
 * A crop of an image as the square that the network takes.
 *
 * @param {Uint8ClampedArray} rgba
 * @param {number} stride columns of the image
 * @param {Crop} crop
 * @param {number} side
 * @returns {Uint8Array} RGB, row by row
 */
export function squarePixels(rgba, stride, crop, side) {
  const [across, down] = [Math.min(crop.width, side), Math.min(crop.height, side)];
  const round = roundingOf(crop.width / across, crop.height / down);
  const pixels = new Uint8Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) {
    const smaller = shrunk({ values: rgba, stride, step: 4, offset: channel }, crop, across, down).map(round);
    const square = across < side || down < side ? enlargedPixels(smaller, across, down, side) : smaller;
    for (let i = 0; i < side * side; i++) pixels[3 * i + channel] = square[i];
  }
  return pixels;
}

/** Parts of a whole in the weights of OpenCV's integers. */
const UNIT = 2048;

/** @param {Float32Array} plane whole numbers @param {number} width @param {number} height @param {number} side */
function enlargedPixels(plane, width, height, side) {
  const [columns, rows] = [interpolated(width, side), interpolated(height, side)];
  const lines = new Int32Array(height * side);
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < side; x++) {
      const from = y * width + columns.first[x];
      const next = columns.count[x] > 1 ? plane[from + 1] : 0;
      lines[k++] = plane[from] * rint(columns.weights[2 * x] * UNIT) + next * rint(columns.weights[2 * x + 1] * UNIT);
    }
  }
  const result = new Float32Array(side * side);
  for (let y = 0, k = 0; y < side; y++) {
    const [upper, lower] = [rint(rows.weights[2 * y] * UNIT), rint(rows.weights[2 * y + 1] * UNIT)];
    const from = rows.first[y] * side;
    const next = rows.count[y] > 1 ? from + side : from;
    for (let x = 0; x < side; x++) {
      result[k++] = ((((upper * (lines[from + x] >> 4)) >> 16) + ((lower * (lines[next + x] >> 4)) >> 16) + 2) >> 2);
    }
  }
  return result;
}

/**
 * The mean of each 2 x 2 pixels; an odd row or column at the end is left out.
 *
 * @param {{rgba: Uint8ClampedArray, size: import("./crop.js").Size}} image
 */
export function halved({ rgba, size }) {
  const [width, height] = [size.width >> 1, size.height >> 1];
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    let at = 8 * y * size.width;
    for (let x = 0; x < width; x++, at += 4) {
      for (let channel = 0; channel < 4; channel++, at++, to++) {
        const below = at + 4 * size.width;
        pixels[to] = (rgba[at] + rgba[at + 4] + rgba[below] + rgba[below + 4] + 2) >> 2;
      }
    }
  }
  return { rgba: pixels, size: { width, height } };
}
