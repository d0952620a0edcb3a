/** The layer with the image, which the browser itself has decoded. */

/** @typedef {import("../../app/page/viewport.js").View} View */
/** @typedef {import("../../app/page/viewport.js").Size} Size */

/** Pixels above which an image is made smaller when it is opened. */
export const MOST_PIXELS = 24_000_000;
/** Longest side of the smallest copy of an image. */
const SMALL = 1024;

/** The size in which an image is opened. @param {Size} size @returns {Size} */
export function openedSize({ width, height }) {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  return { width: Math.max(1, Math.floor(width * scale)), height: Math.max(1, Math.floor(height * scale)) };
}

export class BitmapLayer {
  /** The image, then copies of half the size each. @type {ImageBitmap[]} */
  #copies = [];
  /** Number of images that were to be opened. */
  #turn = 0;

  /**
   * @param {Blob} blob
   * @returns {Promise<(Size & {from: Size}) | null>} its size here, and in the file; null if another image was to be opened
   *   meanwhile
   */
  async open(blob) {
    const turn = ++this.#turn;
    const original = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    const from = { width: original.width, height: original.height };
    const { width, height } = openedSize(from);
    const copies = [width === from.width && height === from.height ? original : await halved(original, width, height)];
    while (Math.max(copies[0].width, copies[0].height) > SMALL) {
      copies.unshift(await halved(copies[0], Math.ceil(copies[0].width / 2), Math.ceil(copies[0].height / 2)));
    }
    if (!copies.includes(original)) original.close();
    const newest = turn === this.#turn;
    for (const unused of newest ? this.#copies : copies) unused.close();
    if (!newest) return null;
    this.#copies = copies.reverse();
    return { width, height, from };
  }

  shown() {
    return "";
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Size} image
   * @param {View} view
   * @param {Size} _screen
   * @param {number} ratio device pixels per CSS pixel
   */
  draw(context, image, view, _screen, ratio) {
    const scale = view.scale * ratio;
    const copy = this.#copies.findLast(({ width }) => width >= image.width * scale) ?? this.#copies[0];
    if (!copy) return;
    context.imageSmoothingEnabled = scale <= 2;
    context.imageSmoothingQuality = "high";
    context.drawImage(copy, Math.round(view.x * ratio), Math.round(view.y * ratio), Math.round(image.width * scale), Math.round(image.height * scale));
  }
}

/** @param {ImageBitmap} bitmap @param {number} resizeWidth @param {number} resizeHeight */
function halved(bitmap, resizeWidth, resizeHeight) {
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}
