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
  const above = 2 * stride;
  const steps = new Float32Array(stride * (height + 2 * BORDER)).fill(Infinity);
  for (let y = 0; y < height; y++) {
    for (let x = 0, at = (y + BORDER) * stride + BORDER; x < width; x++, at++) {
      steps[at] = values[y * width + x] && Math.min(
        steps[at - above - 1] + KNIGHT, steps[at - above + 1] + KNIGHT, steps[at - stride - 2] + KNIGHT, steps[at - stride + 2] + KNIGHT,
        steps[at - stride - 1] + DIAGONAL, steps[at - stride + 1] + DIAGONAL, steps[at - stride] + STRAIGHT, steps[at - 1] + STRAIGHT,
      );
    }
  }
  const distance = new Float32Array(width * height);
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1, at = (y + BORDER) * stride + BORDER + x; x >= 0; x--, at--) {
      steps[at] = Math.min(
        steps[at], steps[at + above + 1] + KNIGHT, steps[at + above - 1] + KNIGHT, steps[at + stride + 2] + KNIGHT, steps[at + stride - 2] + KNIGHT,
        steps[at + stride + 1] + DIAGONAL, steps[at + stride - 1] + DIAGONAL, steps[at + stride] + STRAIGHT, steps[at + 1] + STRAIGHT,
      );
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
