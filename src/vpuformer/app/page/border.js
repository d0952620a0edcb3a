/** The border of a mask on the screen: followed pixel by pixel, and painted as a solid or dashed line. */

/** @typedef {import("./raster.js").Coverage} Coverage */

/** Steps to the pixel on the other side of the top, right, bottom and left edge of a pixel. */
const STEPS = [[0, -1], [1, 0], [0, 1], [-1, 0]];
/** Marks covered pixels whose top edge was followed. */
const SEEN = 2;

/**
 * Edges between covered pixels and others, in their order along each border, clockwise around the mask.
 *
 * An edge is `4 * pixel + side`, where `side` is an index of `STEPS`. Edges on the rim of the screen are among them.
 *
 * @param {Coverage} cover
 */
export function bordersOf(cover) {
  const { width, height, data } = cover;
  const [left, top, right, bottom] = cover.box;
  /** @type {number[]} */
  const edges = [];
  /** @param {number} x @param {number} y */
  const covered = (x, y) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] > 0;
  /** @param {number} fromX @param {number} fromY a pixel whose top edge is on the border */
  const follow = (fromX, fromY) => {
    let [x, y, side] = [fromX, fromY, 0];
    do {
      const pixel = y * width + x;
      edges.push(4 * pixel + side);
      if (side === 0) data[pixel] = SEEN;
      const [outX, outY] = STEPS[side];
      const [alongX, alongY] = STEPS[(side + 1) & 3];
      if (covered(x + alongX + outX, y + alongY + outY)) [x, y, side] = [x + alongX + outX, y + alongY + outY, (side + 3) & 3];
      else if (covered(x + alongX, y + alongY)) [x, y] = [x + alongX, y + alongY];
      else side = (side + 1) & 3;
    } while (x !== fromX || y !== fromY || side !== 0);
  };
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      // Every border has a top edge: that of an object has its highest, that of a hole its lowest.
      if (data[y * width + x] === 1 && !covered(x, y - 1)) follow(x, y);
    }
  }
  for (const edge of edges) if ((edge & 3) === 0) data[edge >> 2] = 1;
  return edges;
}

/**
 * Draw a line on either side of the mask's border; one light and one dark line are visible on any image.
 *
 * @param {Uint32Array} pixels
 * @param {Coverage} cover
 * @param {number[]} edges from `bordersOf`
 * @param {{colour: number, width: number}} inner line inside the mask, its width in pixels
 * @param {{colour: number, width: number}} outer line outside
 * @param {number} dash length of dashes and of the gaps between them, in pixels; 0 for a solid line
 */
export function paintBorder(pixels, cover, edges, inner, outer, dash = 0) {
  const { width, height, data } = cover;
  for (let k = 0; k < edges.length; k++) {
    if (dash && Math.floor(k / dash) & 1) continue;
    const pixel = edges[k] >> 2;
    const [stepX, stepY] = STEPS[edges[k] & 3];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    if (x + stepX < 0 || y + stepY < 0 || x + stepX >= width || y + stepY >= height) continue; // the mask goes on outside
    for (let n = 0, i = pixel, px = x, py = y; n < inner.width && px >= 0 && py >= 0 && px < width && py < height; n++, px -= stepX, py -= stepY, i = py * width + px) {
      if (data[i]) pixels[i] = inner.colour;
    }
    for (let n = 1, px = x + stepX, py = y + stepY; n <= outer.width && px >= 0 && py >= 0 && px < width && py < height; n++, px += stepX, py += stepY) {
      const i = py * width + px;
      if (!data[i]) pixels[i] = outer.colour;
    }
  }
}
