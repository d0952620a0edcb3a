/** Visible tiles of the image: fetched when needed, cached, drawn. */

import { getBitmap, tilePath } from "./api.js";
import { levelFor, tilesShown, visible } from "./viewport.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {import("./viewport.js").TileId} TileId */
/** @typedef {[number, number] | null} Range */

/** Maximum number of cached tiles; each takes a megabyte. */
const MAX_TILES = 200;
const MAX_LOADING = 6;
const RETRY_AFTER = 2500;

export class Tiles {
  /** Newest last. @type {Map<string, ImageBitmap>} */
  #bitmaps = new Map();
  /** @type {Map<string, AbortController>} */
  #loading = new Map();
  /** @type {Set<string>} */
  #failed = new Set();
  /** @type {Range} the former range, shown until new tiles arrive */
  #formerRange = null;
  /** @type {Range} */
  #range = null;
  #onArrive;

  /** @param {() => void} onArrive called when a tile has loaded */
  constructor(onArrive) {
    this.#onArrive = onArrive;
  }

  /**
   * Draw the loaded tiles and fetch the missing ones.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {ImageOpened} image
   * @param {View} view
   * @param {Size} screen in CSS pixels
   * @param {number} ratio device pixels per CSS pixel
   * @param {Range} range
   */
  draw(context, image, view, screen, ratio, range) {
    if (String(range) !== String(this.#range)) [this.#formerRange, this.#range] = [this.#range, range];
    const level = levelFor(view.scale, ratio, image.levels);
    const shown = visible(view, image, screen);
    const wanted = tilesShown(shown, level, image.tile);
    const coarse = tilesShown(shown, image.levels - 1, image.tile);
    context.imageSmoothingEnabled = view.scale * ratio <= 2;
    context.imageSmoothingQuality = "high";
    for (const id of wanted) this.#drawTile(context, image, id, view, ratio);
    this.#fetch(image, level === image.levels - 1 ? wanted : [...coarse, ...wanted]);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ImageOpened} image
   * @param {TileId} id
   * @param {View} view
   * @param {number} ratio
   */
  #drawTile(context, image, id, view, ratio) {
    const nearest = this.#nearest(image, id, this.#range) ?? this.#nearest(image, id, this.#formerRange);
    if (!nearest) return;
    const side = image.tile * 2 ** id.level;
    const right = Math.min(image.width, (id.x + 1) * side);
    const bottom = Math.min(image.height, (id.y + 1) * side);
    // Edges of tiles lie on whole pixels of the device: no seams between them.
    const x0 = Math.round((id.x * side * view.scale + view.x) * ratio);
    const y0 = Math.round((id.y * side * view.scale + view.y) * ratio);
    const x1 = Math.round((right * view.scale + view.x) * ratio);
    const y1 = Math.round((bottom * view.scale + view.y) * ratio);
    const step = 2 ** nearest.level;
    const sx = (id.x * side) / step - nearest.x * image.tile;
    const sy = (id.y * side) / step - nearest.y * image.tile;
    const width = Math.min((right - id.x * side) / step, nearest.bitmap.width - sx);
    const height = Math.min((bottom - id.y * side) / step, nearest.bitmap.height - sy);
    if (width > 0 && height > 0) context.drawImage(nearest.bitmap, sx, sy, width, height, x0, y0, x1 - x0, y1 - y0);
  }

  /**
   * The tile itself, or the finest coarser tile that covers it.
   *
   * @param {ImageOpened} image
   * @param {TileId} id
   * @param {Range} range
   */
  #nearest(image, id, range) {
    let { level, x, y } = id;
    for (; level < image.levels; level++, x >>= 1, y >>= 1) {
      const path = tilePath(image, { level, x, y }, range);
      const bitmap = this.#bitmaps.get(path);
      if (!bitmap) continue;
      this.#bitmaps.delete(path);
      this.#bitmaps.set(path, bitmap);
      return { bitmap, level, x, y };
    }
    return null;
  }

  /**
   * @param {ImageOpened} image
   * @param {TileId[]} ids most needed first
   */
  #fetch(image, ids) {
    const paths = ids.map((id) => tilePath(image, id, this.#range));
    const needed = new Set(paths);
    for (const [path, controller] of this.#loading) {
      if (needed.has(path)) continue;
      controller.abort();
      this.#loading.delete(path);
    }
    for (const path of paths) {
      if (this.#loading.size >= MAX_LOADING) break;
      if (!this.#bitmaps.has(path) && !this.#loading.has(path) && !this.#failed.has(path)) void this.#load(path);
    }
  }

  /** @param {string} path */
  async #load(path) {
    const controller = new AbortController();
    this.#loading.set(path, controller);
    const bitmap = await getBitmap(path, controller.signal).catch(() => null);
    if (this.#loading.get(path) === controller) this.#loading.delete(path);
    if (bitmap) {
      this.#bitmaps.set(path, bitmap);
      this.#trim();
    } else if (!controller.signal.aborted) {
      this.#failed.add(path);
      setTimeout(() => {
        this.#failed.delete(path);
        this.#onArrive();
      }, RETRY_AFTER);
    }
    if (!controller.signal.aborted) this.#onArrive();
  }

  #trim() {
    for (const [path, bitmap] of this.#bitmaps) {
      if (this.#bitmaps.size <= MAX_TILES) return;
      bitmap.close();
      this.#bitmaps.delete(path);
    }
  }
}
