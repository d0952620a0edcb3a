/** Distances from pixels that are 0, as `cv2.distanceTransform` measures them with a mask of 5 x 5. */

/** Lengths of steps to the next pixel, across a corner, and like a knight. */
const [STRAIGHT, DIAGONAL, KNIGHT] = [1, 1.4, 2.1969].map(Math.fround);
const BORDER = 2;

/**
 * @param {Uint8Array} values
 * @param {number} width
 * @param {number} height
 */
export function distanceToZero(values, width, height) {
  const stride = width + 2 * BORDER;
  const steps = new Float32Array(stride * (height + 2 * BORDER)).fill(Infinity);
  const lengths = [
    [-2 * stride - 1, KNIGHT], [-2 * stride + 1, KNIGHT], [-stride - 2, KNIGHT], [-stride - 1, DIAGONAL],
    [-stride, STRAIGHT], [-stride + 1, DIAGONAL], [-stride + 2, KNIGHT], [-1, STRAIGHT],
  ];
  /** @param {number} at @param {1 | -1} sign */
  const nearer = (at, sign) => {
    let least = steps[at];
    for (const [offset, length] of lengths) least = Math.min(least, Math.fround(steps[at + sign * offset] + length));
    steps[at] = least;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0, at = (y + BORDER) * stride + BORDER; x < width; x++, at++) {
      if (values[y * width + x]) nearer(at, 1);
      else steps[at] = 0;
    }
  }
  const distance = new Float32Array(width * height);
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1, at = (y + BORDER) * stride + BORDER + x; x >= 0; x--, at--) {
      if (steps[at]) nearer(at, -1);
      distance[y * width + x] = steps[at];
    }
  }
  return distance;
}

/**
 * The value that would have this index if all were sorted; the array is reordered.
 *
 * @param {Float32Array} values
 * @param {number} index
 */
export function nthSmallest(values, index) {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        [values[i], values[j]] = [values[j], values[i]];
        i++;
        j--;
      }
    }
    if (index <= j) high = j;
    else if (index >= i) low = i;
    else break;
  }
  return values[index];
}
