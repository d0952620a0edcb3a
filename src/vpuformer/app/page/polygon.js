/** Corners of outlines: finding, moving, adding and deleting them. All functions return new outlines. */

import { nearestOnLine } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {Point[][]} Outlines closed lines; what lies inside an odd number of them belongs to the object */
/** @typedef {{outline: number, corner: number}} Corner */

/**
 * The corner next to a point, or null if all are out of reach.
 *
 * @param {Outlines} outlines
 * @param {Point} point
 * @param {number} reach in image pixels
 * @returns {Corner | null}
 */
export function cornerAt(outlines, [x, y], reach) {
  /** @type {Corner | null} */
  let nearest = null;
  let least = reach;
  for (const [outline, points] of outlines.entries()) {
    for (const [corner, [px, py]] of points.entries()) {
      const far = Math.hypot(px - x, py - y);
      if (far <= least) [nearest, least] = [{ outline, corner }, far];
    }
  }
  return nearest;
}

/**
 * The place for a new corner on the edge next to a point, or null if all are out of reach.
 *
 * @param {Outlines} outlines
 * @param {Point} point
 * @param {number} reach in image pixels
 * @returns {{at: Corner, point: Point} | null}
 */
export function edgeAt(outlines, point, reach) {
  /** @type {{at: Corner, point: Point} | null} */
  let nearest = null;
  let least = reach;
  for (const [outline, points] of outlines.entries()) {
    for (const [i, corner] of points.entries()) {
      const place = nearestOnLine(point, corner, points[(i + 1) % points.length]);
      const far = Math.hypot(place[0] - point[0], place[1] - point[1]);
      if (far <= least) [nearest, least] = [{ at: { outline, corner: i + 1 }, point: place }, far];
    }
  }
  return nearest;
}

/** @param {Outlines} outlines @param {Corner} at @param {Point} point */
export function withMoved(outlines, { outline, corner }, point) {
  return outlines.map((points, i) => (i === outline ? points.with(corner, point) : points));
}

/** @param {Outlines} outlines @param {Corner} at index of the new corner @param {Point} point */
export function withAdded(outlines, { outline, corner }, point) {
  return outlines.map((points, i) => (i === outline ? points.toSpliced(corner, 0, point) : points));
}

/** The outlines without a corner; an outline of three corners goes as a whole. @param {Outlines} outlines @param {Corner} at */
export function withoutCorner(outlines, { outline, corner }) {
  if (outlines[outline].length > 3) return outlines.map((points, i) => (i === outline ? points.toSpliced(corner, 1) : points));
  return outlines.toSpliced(outline, 1);
}

/**
 * The next or the previous corner, around all outlines.
 *
 * @param {Outlines} outlines
 * @param {Corner | null} at
 * @param {1 | -1} by
 * @returns {Corner | null}
 */
export function neighbour(outlines, at, by) {
  const all = outlines.flatMap((points, outline) => points.map((_, corner) => ({ outline, corner })));
  const index = all.findIndex(({ outline, corner }) => outline === at?.outline && corner === at.corner);
  return all[index < 0 ? (by > 0 ? 0 : all.length - 1) : (index + by + all.length) % all.length] ?? null;
}

/** @param {Outlines} outlines */
export const cornerCount = (outlines) => outlines.reduce((sum, points) => sum + points.length, 0);
