/**
 * Decoding of run-length masks: base64 of LEB128 run lengths, row by row from the top left, background first.
 *
 * A mask is decoded to *rows*: the spans of the mask in each row of the image. Nothing here holds a value per pixel,
 * because images may have a hundred million.
 */

/** @typedef {import("./types.js").RleMask} RleMask */

/**
 * @typedef {object} Rows
 * @property {number} width
 * @property {number} height
 * @property {Uint32Array} first index in `edges` of each row's first span; one entry more than rows
 * @property {Uint32Array} edges first column of each span, and the column after its last
 * @property {number} area pixels
 * @property {[number, number, number, number] | null} bounds first column and row, and the column and row after the last
 */

/**
 * Decode the run lengths in base64.
 *
 * @param {string} text
 * @returns {Uint32Array}
 */
export function decodeLengths(text) {
  const bytes = atob(text);
  const lengths = new Uint32Array(bytes.length);
  let count = 0;
  let value = 0;
  let scale = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    value += (byte & 127) * scale;
    if (byte & 128) {
      scale *= 128;
      if (scale > 2 ** 35) throw new RangeError("a run length of the mask is too long");
    } else {
      lengths[count++] = value;
      value = 0;
      scale = 1;
    }
  }
  if (scale !== 1) throw new RangeError("the mask ends in the middle of a run length");
  return lengths.subarray(0, count);
}

/**
 * @param {RleMask} mask
 * @returns {Rows}
 */
export function decodeRows(mask) {
  const { width, height } = mask;
  const lengths = decodeLengths(mask.runs);
  const first = new Uint32Array(height + 1);
  const spans = countSpans(lengths, width, height);
  const edges = new Uint32Array(2 * spans);
  let at = 0;
  let row = 0;
  let column = 0;
  let filled = 0;
  let area = 0;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let i = 0; i < lengths.length; i++) {
    let rest = lengths[i];
    if (i % 2 === 0) {
      column += rest;
      const rows = Math.floor(column / width);
      column -= rows * width;
      for (let k = 0; k < rows; k++) first[++row] = filled;
      at += rest;
      continue;
    }
    area += rest;
    at += rest;
    while (rest > 0) {
      const end = Math.min(width, column + rest);
      edges[filled++] = column;
      edges[filled++] = end;
      if (column < left) left = column;
      if (end > right) right = end;
      if (row < top) top = row;
      bottom = row + 1;
      rest -= end - column;
      column = end;
      if (column === width) {
        column = 0;
        first[++row] = filled;
      }
    }
  }
  if (at > width * height) throw new RangeError("the runs of the mask are longer than its image");
  while (row < height) first[++row] = filled;
  return { width, height, first, edges, area, bounds: area ? [left, top, right, bottom] : null };
}

/**
 * Number of spans after cutting the runs at the ends of rows.
 *
 * @param {Uint32Array} lengths
 * @param {number} width
 * @param {number} height
 */
function countSpans(lengths, width, height) {
  let spans = 0;
  let at = 0;
  for (let i = 0; i < lengths.length; i++) {
    if (i % 2 === 1 && lengths[i] > 0) {
      spans += Math.floor((at + lengths[i] - 1) / width) - Math.floor(at / width) + 1;
    }
    at += lengths[i];
    if (at > width * height) throw new RangeError("the runs of the mask are longer than its image");
  }
  return spans;
}

/**
 * Whether a pixel belongs to the mask.
 *
 * @param {Rows} rows
 * @param {number} x
 * @param {number} y
 */
export function contains(rows, x, y) {
  const column = Math.round(x);
  const row = Math.round(y);
  if (row < 0 || row >= rows.height) return false;
  for (let k = rows.first[row]; k < rows.first[row + 1]; k += 2) {
    if (column < rows.edges[k]) return false;
    if (column < rows.edges[k + 1]) return true;
  }
  return false;
}
