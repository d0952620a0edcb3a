/** Masks as files: a PNG of one object, COCO annotations of all. */

import { maskOfRows } from "./rows.js";

/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {import("./workspace.js").OpenImage} OpenImage */

/** A mask as a black and white PNG. @param {Rows} rows @returns {Promise<Blob>} */
export async function pngOf(rows) {
  const canvas = new OffscreenCanvas(rows.width, rows.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#000";
  context.fillRect(0, 0, rows.width, rows.height);
  context.fillStyle = "#fff";
  for (let y = 0; y < rows.height; y++) {
    for (let k = rows.first[y]; k < rows.first[y + 1]; k += 2) context.fillRect(rows.edges[k], y, rows.edges[k + 1] - rows.edges[k], 1);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Objects as the content of a COCO file, with uncompressed run lengths.
 *
 * @param {OpenImage} image
 * @param {Rows[]} masks
 */
export function cocoOf({ name, width, height }, masks) {
  const annotations = masks.map((rows, i) => {
    const [left, top, right, bottom] = rows.bounds ?? [0, 0, 0, 0];
    const segmentation = { size: [height, width], counts: columnRuns(rows) };
    const bbox = [left, top, right - left, bottom - top];
    return { id: i + 1, image_id: 1, category_id: 1, segmentation, area: rows.area, bbox, iscrowd: 0 };
  });
  return { images: [{ id: 1, file_name: name, width, height }], categories: [{ id: 1, name: "object" }], annotations };
}

/** Lengths of the runs of a mask, column by column, background first. @param {Rows} rows */
export function columnRuns(rows) {
  const { width, height } = rows;
  const mask = maskOfRows(rows);
  const runs = [0];
  let inside = 0;
  for (let x = 0; x < width; x++) {
    for (let at = x; at < mask.length; at += width) {
      if (mask[at] !== inside) {
        inside = mask[at];
        runs.push(0);
      }
      runs[runs.length - 1]++;
    }
  }
  return height ? runs : [];
}

/** Let the browser save a file. @param {Blob} content @param {string} name */
export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
