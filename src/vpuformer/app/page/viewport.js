/**
 * Position of the image on the screen. A view is an immutable value.
 *
 * The image covers x from -0.5 to width - 0.5 (pixel centres at integers). Screen coordinates are CSS pixels from the
 * top left of the canvas: `screen = (image + 0.5) * scale + offset`.
 */

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Edges} Edges */
/** @typedef {{width: number, height: number}} Size */
/**
 * @typedef {object} View
 * @property {number} scale CSS pixels per image pixel
 * @property {number} x left edge of the image in CSS pixels
 * @property {number} y top edge of the image in CSS pixels
 */
/** @typedef {{level: number, x: number, y: number}} TileId */

const MAX_SCALE = 64;
/** Around a fitted image, in CSS pixels. */
const MARGIN = 20;
/** Below a fitted image: the buttons at the bottom of the screen must not cover it. */
const FOOT = 60;
/** Fraction of the screen that the image must cover in each direction, if it is large enough. */
const MIN_VISIBLE = 0.25;

/**
 * @param {View} view
 * @param {Point} point of the image
 * @returns {Point}
 */
export function toScreen(view, [x, y]) {
  return [(x + 0.5) * view.scale + view.x, (y + 0.5) * view.scale + view.y];
}

/**
 * @param {View} view
 * @param {Point} point of the screen
 * @returns {Point}
 */
export function toImage(view, [x, y]) {
  return [(x - view.x) / view.scale - 0.5, (y - view.y) / view.scale - 0.5];
}

/**
 * The whole image in the middle, with a margin around it and a foot below; small images are enlarged at most 8 times.
 *
 * @param {Size} image
 * @param {Size} screen
 * @returns {View}
 */
export function fitted(image, screen) {
  const room = { width: Math.max(1, screen.width - 2 * MARGIN), height: Math.max(1, screen.height - MARGIN - FOOT) };
  const scale = Math.min(room.width / image.width, room.height / image.height, 8);
  const height = image.height * scale;
  return {
    scale,
    x: (screen.width - image.width * scale) / 2,
    y: Math.min((screen.height - height) / 2, screen.height - FOOT - height),
  };
}

/**
 * Zoom so that the point of the image under (x, y) stays there.
 *
 * @param {View} view
 * @param {number} scale the new one
 * @param {Point} about of the screen
 * @param {Size} image
 * @param {Size} screen
 * @returns {View}
 */
export function zoomed(view, scale, [x, y], image, screen) {
  const smallest = Math.min(1, fitted(image, screen).scale) / 4;
  const next = Math.min(MAX_SCALE, Math.max(smallest, scale));
  const ratio = next / view.scale;
  return constrained({ scale: next, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }, image, screen);
}

/**
 * @param {View} view
 * @param {number} dx
 * @param {number} dy
 * @param {Size} image
 * @param {Size} screen
 * @returns {View}
 */
export function panned(view, dx, dy, image, screen) {
  return constrained({ scale: view.scale, x: view.x + dx, y: view.y + dy }, image, screen);
}

/**
 * The view, moved so that the image stays on the screen.
 *
 * @param {View} view
 * @param {Size} image
 * @param {Size} screen
 * @returns {View}
 */
export function constrained(view, image, screen) {
  const width = image.width * view.scale;
  const height = image.height * view.scale;
  const keepX = Math.min(width, screen.width * MIN_VISIBLE);
  const keepY = Math.min(height, screen.height * MIN_VISIBLE);
  return {
    scale: view.scale,
    x: Math.min(screen.width - keepX, Math.max(keepX - width, view.x)),
    y: Math.min(screen.height - keepY, Math.max(keepY - height, view.y)),
  };
}

/**
 * The view, moved as little as needed to show an image point.
 *
 * @param {View} view
 * @param {Point} point of the image
 * @param {Size} screen
 * @param {number} margin
 * @returns {View}
 */
export function revealing(view, point, screen, margin = 40) {
  const [x, y] = toScreen(view, point);
  const dx = Math.max(0, margin - x) + Math.min(0, screen.width - margin - x);
  const dy = Math.max(0, margin - y) + Math.min(0, screen.height - margin - y);
  return { scale: view.scale, x: view.x + dx, y: view.y + dy };
}

/**
 * Visible image pixels: first column and row, and the column and row after the last; null if none are visible.
 *
 * @param {View} view
 * @param {Size} image
 * @param {Size} screen
 * @returns {Edges | null}
 */
export function visible(view, image, screen) {
  const left = Math.max(0, Math.floor(-view.x / view.scale));
  const top = Math.max(0, Math.floor(-view.y / view.scale));
  const right = Math.min(image.width, Math.ceil((screen.width - view.x) / view.scale));
  const bottom = Math.min(image.height, Math.ceil((screen.height - view.y) / view.scale));
  return left < right && top < bottom ? [left, top, right, bottom] : null;
}

/**
 * The coarsest pyramid level with at least one pixel per device pixel.
 *
 * @param {number} scale
 * @param {number} ratio device pixels per CSS pixel
 * @param {number} levels
 */
export function levelFor(scale, ratio, levels) {
  const level = Math.floor(Math.log2(1 / (scale * ratio)) + 1e-9);
  return Math.min(levels - 1, Math.max(0, level));
}

/**
 * The visible tiles of a level, from the middle outwards.
 *
 * @param {Edges | null} shown from `visible`
 * @param {number} level
 * @param {number} tile its side
 * @returns {TileId[]}
 */
export function tilesShown(shown, level, tile) {
  if (!shown) return [];
  const side = tile * 2 ** level;
  const [left, top, right, bottom] = shown;
  const centre = [(left + right) / 2, (top + bottom) / 2];
  /** @type {{id: TileId, far: number}[]} */
  const tiles = [];
  for (let y = Math.floor(top / side); y * side < bottom; y++) {
    for (let x = Math.floor(left / side); x * side < right; x++) {
      const far = Math.hypot((x + 0.5) * side - centre[0], (y + 0.5) * side - centre[1]);
      tiles.push({ id: { level, x, y }, far });
    }
  }
  return tiles.sort((a, b) => a.far - b.far).map((each) => each.id);
}

/**
 * A point moved into the image; `edge` is the margin allowed beyond the outer pixel centres (0.5 for box edges).
 *
 * @param {Point} point
 * @param {Size} image
 * @param {number} edge
 * @returns {Point}
 */
export function clamped([x, y], image, edge = 0) {
  return [
    Math.min(image.width - 1 + edge, Math.max(0 - edge, x)),
    Math.min(image.height - 1 + edge, Math.max(0 - edge, y)),
  ];
}

/**
 * @param {Point} point
 * @param {Size} image
 */
export function inside([x, y], image) {
  return x >= -0.5 && y >= -0.5 && x < image.width - 0.5 && y < image.height - 0.5;
}

/**
 * The point of a line between two points that is nearest to another one.
 *
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 * @returns {Point}
 */
export function nearestOnLine([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy;
  const share = square ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / square)) : 0;
  return [ax + share * dx, ay + share * dy];
}
