/** Clicks, boxes and scribbles in image pixels; see `vpuformer.prompts`. */

/** @typedef {import("../../app/page/types.js").Point} Point */
/** @typedef {import("../../app/page/types.js").Edges} Edges */
/** @typedef {import("../../app/page/types.js").ClickStep} Click */
/** @typedef {import("../../app/page/types.js").BoxStep} Box */
/** @typedef {import("../../app/page/types.js").ScribbleStep & {gaps?: number[]}} Scribble gaps: indices of points to which no line leads */
/** @typedef {Click | Box | Scribble} Prompt */

/** @param {Prompt} prompt @returns {Point[]} points of a click or scribble, two corners of a box */
export function pointsOf(prompt) {
  if (prompt.type === "click") return [prompt.point];
  if (prompt.type === "scribble") return prompt.path;
  return [[prompt.box[0], prompt.box[1]], [prompt.box[2], prompt.box[3]]];
}

/** The same prompt in another frame. @param {Prompt} prompt @param {(point: Point) => Point} transform @returns {Prompt} */
export function mapped(prompt, transform) {
  if (prompt.type === "click") return { ...prompt, point: transform(prompt.point) };
  if (prompt.type === "scribble") return { ...prompt, path: prompt.path.map(transform) };
  const [[x0, y0], [x1, y1]] = pointsOf(prompt).map(transform);
  return { ...prompt, box: [x0, y0, x1, y1] };
}

/** The unbroken lines of a stroke, in order. @param {Scribble} stroke @returns {Point[][]} */
export function piecesOf({ path, gaps = [] }) {
  const ends = [0, ...gaps, path.length];
  return ends.slice(1).map((end, i) => path.slice(ends[i], end));
}

/** @param {Prompt} prompt @returns {Edges} */
export function boundsOf(prompt) {
  /** @type {Edges} */
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of pointsOf(prompt)) {
    bounds[0] = Math.min(bounds[0], x);
    bounds[1] = Math.min(bounds[1], y);
    bounds[2] = Math.max(bounds[2], x);
    bounds[3] = Math.max(bounds[3], y);
  }
  return bounds;
}

/** Whether a rectangle holds another one; edges may touch. @param {Edges} outer @param {Edges} inner */
export function encloses(outer, inner) {
  return outer[0] <= inner[0] && outer[1] <= inner[1] && inner[2] <= outer[2] && inner[3] <= outer[3];
}

/** The common part; its edges are out of order if there is none. @param {Edges} a @param {Edges} b @returns {Edges} */
export function intersection(a, b) {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
}

/**
 * The part of a prompt inside a rectangle; null if it lies outside.
 *
 * @param {Prompt} prompt
 * @param {Edges} edges
 * @returns {Prompt | null}
 */
export function clip(prompt, edges) {
  if (encloses(edges, boundsOf(prompt))) return prompt;
  if (prompt.type === "click") return null;
  if (prompt.type === "box") {
    const box = intersection(prompt.box, edges);
    return box[0] < box[2] && box[1] < box[3] ? { ...prompt, box } : null;
  }
  const pieces = piecesOf(prompt).flatMap((piece) => piecesInside(piece, edges));
  // Where the stroke merely touches an edge there is nothing to keep, unless it is all there is.
  const long = pieces.filter((piece) => piece.some(([x, y]) => x !== piece[0][0] || y !== piece[0][1]));
  const kept = long.length ? long : pieces.slice(0, 1);
  if (!kept.length) return null;
  let end = 0;
  const ends = kept.map((piece) => (end += piece.length));
  return { ...prompt, path: kept.flat(), gaps: ends.slice(0, -1) };
}

/**
 * The parts of an unbroken line inside a rectangle, in order, each ending where it leaves.
 *
 * @param {Point[]} path
 * @param {Edges} edges
 */
function piecesInside(path, edges) {
  const line = path.length > 1 ? path : [path[0], path[0]];
  /** @type {Point[][]} */
  const pieces = [];
  let connected = false;
  for (let i = 1; i < line.length; i++) {
    const [start, end] = [line[i - 1], line[i]];
    const shares = sharesInside(start, end, edges);
    if (!shares) {
      connected = false;
      continue;
    }
    if (!connected) pieces.push([between(start, end, shares[0], edges)]);
    pieces[pieces.length - 1].push(between(start, end, shares[1], edges));
    connected = shares[1] === 1;
  }
  return pieces;
}

/**
 * A point of a line; never outside the rectangle by the rounding of the last digit.
 *
 * @param {Point} a
 * @param {Point} b
 * @param {number} share
 * @param {Edges} edges
 * @returns {Point}
 */
function between(a, b, share, [left, top, right, bottom]) {
  const [x, y] = share < 1 ? [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])] : b;
  return [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
}

/**
 * Shares of a line, 0..1, at which it enters and leaves a rectangle (Liang and Barsky, 1984).
 *
 * @param {Point} start
 * @param {Point} end
 * @param {Edges} edges
 * @returns {[number, number] | null}
 */
function sharesInside(start, end, edges) {
  let [enters, leaves] = [0, 1];
  for (const axis of /** @type {const} */ ([0, 1])) {
    const step = end[axis] - start[axis];
    const [low, high] = [edges[axis] - start[axis], edges[axis + 2] - start[axis]];
    if (step === 0) {
      if (low > 0 || high < 0) return null;
      continue;
    }
    enters = Math.max(enters, Math.min(low / step, high / step));
    leaves = Math.min(leaves, Math.max(low / step, high / step));
  }
  return enters <= leaves ? [enters, leaves] : null;
}
