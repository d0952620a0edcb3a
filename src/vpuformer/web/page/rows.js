/** Masks of pixels as spans of their rows, which the drawing takes and an object's history keeps. */

/** @typedef {import("../../app/page/rle.js").Rows} Rows */
/** @typedef {import("./crop.js").Size} Size */

/**
 * @param {Uint8Array} mask 1 for each pixel of the object
 * @param {Size} size
 * @returns {Rows}
 */
export function rowsOf(mask, { width, height }) {
  const first = new Uint32Array(height + 1);
  /** @type {number[]} */
  const edges = [];
  let area = 0;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    const from = y * width;
    const line = mask.subarray(from, from + width);
    let x = line.indexOf(1);
    while (x >= 0) {
      let end = line.indexOf(0, x);
      if (end < 0) end = width;
      edges.push(x, end);
      area += end - x;
      left = Math.min(left, x);
      right = Math.max(right, end);
      top = Math.min(top, y);
      bottom = y + 1;
      x = line.indexOf(1, end);
    }
    first[y + 1] = edges.length;
  }
  return { width, height, first, edges: Uint32Array.from(edges), area, bounds: area ? [left, top, right, bottom] : null };
}

/** The inverse of `rowsOf`. @param {Rows} rows */
export function maskOfRows({ width, height, first, edges }) {
  const mask = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let k = first[y]; k < first[y + 1]; k += 2) mask.fill(1, y * width + edges[k], y * width + edges[k + 1]);
  }
  return mask;
}
