/**
 * Drawing of masks: the screen pixels that a mask covers, and their colours.
 *
 * A screen pixel belongs to the mask if the image pixel under its centre does. The cost depends on the screen and the
 * visible runs, not on the size of the image.
 */

/** @typedef {import("./rle.js").Rows} Rows */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Edges} Edges */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {"tint" | "outline" | "cutout"} Mode */

/** Covered screen pixels, and a rectangle around them. */
export class Coverage {
  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
    /** @type {Edges} */
    this.box = [width, height, 0, 0];
  }

  clear() {
    const [left, top, right, bottom] = this.box;
    for (let y = top; y < bottom; y++) this.data.fill(0, y * this.width + left, y * this.width + right);
    this.box = [this.width, this.height, 0, 0];
  }

  /**
   * @param {number} y
   * @param {number} from
   * @param {number} to column after the last
   * @param {0 | 1} value
   */
  span(y, from, to, value) {
    if (from >= to) return;
    this.data.fill(value, y * this.width + from, y * this.width + to);
    if (!value) return;
    const box = this.box;
    if (from < box[0]) box[0] = from;
    if (to > box[2]) box[2] = to;
    if (y < box[1]) box[1] = y;
    if (y >= box[3]) box[3] = y + 1;
  }
}

/** @param {number} at @param {number} last */
const within = (at, last) => Math.min(last, Math.max(0, at));

/**
 * @param {Coverage} cover
 * @param {Rows} rows
 * @param {View} view in device pixels
 */
export function fillRows(cover, rows, view) {
  if (!rows.bounds) return;
  const { width, height, data } = cover;
  const { first, edges } = rows;
  const { scale, x: dx, y: dy } = view;
  const top = within(Math.ceil(rows.bounds[1] * scale + dy - 0.5), height);
  const bottom = within(Math.ceil(rows.bounds[3] * scale + dy - 0.5), height);
  let before = -1;
  for (let y = top; y < bottom; y++) {
    const row = Math.floor((y + 0.5 - dy) / scale);
    if (row === before && y > top) {
      data.copyWithin(y * width, (y - 1) * width, y * width);
      if (cover.box[3] === y) cover.box[3] = y + 1;
      continue;
    }
    before = row;
    for (let k = first[row]; k < first[row + 1]; k += 2) {
      const from = within(Math.ceil(edges[k] * scale + dx - 0.5), width);
      if (from >= width) break;
      cover.span(y, from, within(Math.ceil(edges[k + 1] * scale + dx - 0.5), width), 1);
    }
  }
}

/**
 * Paint or erase along a path with a round brush, as the server will.
 *
 * @param {Coverage} cover
 * @param {Point[]} path in device pixels from the top left corner of the screen
 * @param {number} radius
 * @param {0 | 1} value
 * @param {Edges} limit what the image covers of the screen
 */
export function fillStroke(cover, path, radius, value, limit) {
  for (let i = 0; i < path.length; i++) {
    if (i > 0 || path.length === 1) fillCapsule(cover, path[Math.max(0, i - 1)], path[i], radius, value, limit);
  }
}

/**
 * Fill the pixels whose centre is within `radius` of the line between two points.
 *
 * @param {Coverage} cover
 * @param {Point} a
 * @param {Point} b
 * @param {number} radius
 * @param {0 | 1} value
 * @param {Edges} limit
 */
function fillCapsule(cover, a, b, radius, value, limit) {
  const [ax, ay] = a;
  const [bx, by] = b;
  const length = Math.hypot(bx - ax, by - ay);
  const nx = length ? (-(by - ay) / length) * radius : 0;
  const ny = length ? ((bx - ax) / length) * radius : 0;
  /** @type {Point[]} */
  const quad = [[ax + nx, ay + ny], [bx + nx, by + ny], [bx - nx, by - ny], [ax - nx, ay - ny]];
  const left = within(Math.ceil(limit[0] - 0.5), cover.width);
  const right = within(Math.ceil(limit[2] - 0.5), cover.width);
  const top = Math.max(Math.ceil(limit[1] - 0.5), Math.ceil(Math.min(ay, by) - radius - 0.5), 0);
  const bottom = Math.min(Math.ceil(limit[3] - 0.5), Math.floor(Math.max(ay, by) + radius - 0.5) + 1, cover.height);
  for (let y = top; y < bottom; y++) {
    const at = y + 0.5;
    let from = Infinity;
    let to = -Infinity;
    for (const [cx, cy] of [a, b]) {
      const rest = radius * radius - (at - cy) ** 2;
      if (rest < 0) continue;
      from = Math.min(from, cx - Math.sqrt(rest));
      to = Math.max(to, cx + Math.sqrt(rest));
    }
    for (let k = 0; k < 4; k++) {
      const [px, py] = quad[k];
      const [qx, qy] = quad[(k + 1) % 4];
      if (py === qy || at < Math.min(py, qy) || at > Math.max(py, qy)) continue;
      const x = px + ((at - py) / (qy - py)) * (qx - px);
      from = Math.min(from, x);
      to = Math.max(to, x);
    }
    if (from > to) continue;
    const start = Math.min(right, Math.max(left, Math.ceil(from - 0.5)));
    cover.span(y, start, Math.min(right, Math.max(left, Math.floor(to - 0.5) + 1)), value);
  }
}

/**
 * A colour as a 32-bit canvas pixel.
 *
 * @param {[number, number, number]} colour
 * @param {number} alpha from 0 to 1
 */
export function packed([r, g, b], alpha) {
  return ((Math.round(alpha * 255) << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * @param {Uint32Array} pixels of the screen
 * @param {Coverage} cover
 * @param {number} value
 */
export function paintInside(pixels, cover, value) {
  const [left, top, right, bottom] = cover.box;
  const { width, data } = cover;
  for (let y = top; y < bottom; y++) {
    for (let i = y * width + left, end = y * width + right; i < end; i++) if (data[i]) pixels[i] = value;
  }
}

/**
 * Cover everything outside the mask with squares in two greys.
 *
 * @param {Uint32Array} pixels
 * @param {Coverage} cover
 * @param {Edges} limit what the image covers of the screen
 * @param {[number, number]} greys
 * @param {number} square
 */
export function paintOutside(pixels, cover, limit, greys, square) {
  const { width, height, data } = cover;
  const [left, right] = [within(Math.round(limit[0]), width), within(Math.round(limit[2]), width)];
  const [top, bottom] = [within(Math.round(limit[1]), height), within(Math.round(limit[3]), height)];
  for (let y = top; y < bottom; y++) {
    const odd = Math.floor(y / square) & 1;
    for (let x = left; x < right; x++) {
      const i = y * width + x;
      if (!data[i]) pixels[i] = greys[(Math.floor(x / square) & 1) ^ odd];
    }
  }
}
