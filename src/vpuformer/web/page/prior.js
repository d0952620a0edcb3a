/** The place of each prompt as a bias of attention: log-priors over grids; see `vpuformer.encoding.prior`. */

import { CANONICAL } from "./crop.js";
import { rint } from "./strokes.js";
import { clickVector } from "./vectors.js";

/** @typedef {import("./strokes.js").CanonicalPrompt} CanonicalPrompt */

/** Value of a cell that a prompt does not cover. */
const FLOOR = 1e-3;
/** Value of every cell for a token without a position. */
const NOWHERE = 0.1;

/**
 * Log-priors of the prompts, then of the null tokens, over a grid that covers the image.
 *
 * @param {readonly CanonicalPrompt[]} prompts
 * @param {number} side of the grid, in cells
 * @param {number} nullTokens
 */
export function promptPriors(prompts, side, nullTokens) {
  const cells = side * side;
  const priors = new Float32Array((Math.max(1, prompts.length) + nullTokens) * cells).fill(Math.log(NOWHERE));
  for (const [i, prompt] of prompts.entries()) {
    const own = priors.subarray(i * cells, (i + 1) * cells);
    if (prompt.kind === "scribble") setStroke(own, prompt, side);
    else setProduct(own, ...(prompt.kind === "click" ? clickShares(prompt, side) : boxShares(prompt, side)));
  }
  return priors;
}

/** @param {Float32Array} own @param {number[]} rows @param {number[]} columns */
function setProduct(own, rows, columns) {
  let k = 0;
  for (const row of rows) for (const column of columns) own[k++] = Math.log(FLOOR + row * column);
}

/** @param {Float32Array} own @param {CanonicalPrompt} prompt @param {number} side */
function setStroke(own, { points }, side) {
  own.fill(Math.log(FLOOR));
  const scale = Math.fround(side / CANONICAL);
  /** @param {number} at */
  const cell = (at) => Math.min(Math.max(rint(Math.fround(Math.fround(scale * Math.fround(at + 0.5)) - 0.5)), 0), side - 1);
  for (const [x, y] of points) own[cell(y) * side + cell(x)] = Math.log(FLOOR + 1);
}

/** @param {CanonicalPrompt} prompt @param {number} side @returns {[number[], number[]]} of rows, of columns */
function clickShares({ bounds: [x0, y0, x1, y1] }, side) {
  return [pooled(clickVector((y0 + y1) / 2), side), pooled(clickVector((x0 + x1) / 2), side)];
}

/** @param {CanonicalPrompt} prompt @param {number} side @returns {[number[], number[]]} of rows, of columns */
function boxShares({ bounds: [x0, y0, x1, y1] }, side) {
  return [covered(y0, y1, side), covered(x0, x1, side)];
}

/** The maximum over each cell's part of a vector. @param {Float32Array} vector @param {number} cells */
function pooled(vector, cells) {
  return Array.from({ length: cells }, (_, i) => {
    const first = Math.floor((i * vector.length) / cells);
    const end = Math.ceil(((i + 1) * vector.length) / cells);
    return Math.max(...vector.subarray(first, end));
  });
}

/** The share of each cell between two edges. @param {number} low @param {number} high @param {number} cells */
function covered(low, high, cells) {
  const side = CANONICAL / cells;
  return Array.from({ length: cells }, (_, i) => {
    const left = i * side - 0.5;
    return Math.min(Math.max((Math.min(high, left + side) - Math.max(low, left)) / side, 0), 1);
  });
}
