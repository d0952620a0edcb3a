/** Masks as the server writes them. */

export function encodeLengths(lengths) {
  /** @type {string[]} */
  const letters = [];
  for (let value of lengths) {
    while (value >= 128) {
      letters.push(String.fromCharCode((value % 128) | 128));
      value = Math.floor(value / 128);
    }
    letters.push(String.fromCharCode(value));
  }
  return btoa(letters.join(""));
}

/** The inverse of `decodeRows`. */
export function encodeRows(rows) {
  const { width, height, first, edges } = rows;
  /** @type {number[]} */
  const lengths = [];
  let end = 0;
  for (let row = 0; row < height; row++) {
    for (let k = first[row]; k < first[row + 1]; k += 2) {
      const from = row * width + edges[k];
      const length = edges[k + 1] - edges[k];
      if (lengths.length && from === end) lengths[lengths.length - 1] += length;
      else lengths.push(from - end, length);
      end = from + length;
    }
  }
  if (end < width * height || !lengths.length) lengths.push(width * height - end);
  return { width, height, runs: encodeLengths(lengths) };
}
