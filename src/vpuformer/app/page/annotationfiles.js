/** Files with annotations, as one request takes them; and the report of what an import did with them. */

import { text } from "./texts.js";
import { zipOf } from "./zip.js";

/** @typedef {import("./types.js").FolderImport} FolderImport */

export const TEXTS = [".json", ".txt", ".xml", ".yaml", ".yml", ".names"];
export const RASTERS = [".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"];
/** Folders whose images are masks, whatever their names are. */
const MASKS = /(^|\/)(masks?|labels?|annotations?|segmentation\w*)\//i;
/** Maximum size in bytes of a file that is sent as it is. */
const PLAIN = 8_000_000;

/** @param {string} name @param {string[]} endings */
const ends = (name, endings) => endings.some((ending) => name.toLowerCase().endsWith(ending));

/**
 * The path of a file in the chosen folder, or its name.
 *
 * @param {File} file
 */
export const pathOf = (file) => file.webkitRelativePath.split("/").slice(1).join("/") || file.name;

/**
 * The files that may hold annotations. Photographs next to them are left out.
 *
 * @param {File[]} files
 * @param {(name: string) => boolean} isImage whether the project has an image of this name, without folders
 */
export function annotationFiles(files, isImage) {
  const known = files.filter(({ name }) => ends(name, [...TEXTS, ...RASTERS, ".zip"]) && !name.startsWith("."));
  if (!known.some(({ name }) => ends(name, TEXTS))) return known;
  return known.filter((file) => !ends(file.name, RASTERS) || MASKS.test(pathOf(file)) || !isImage(file.name));
}

/**
 * The files as one body and its name: a file as it is, others as a zip archive with the name of their folder.
 *
 * @param {File[]} files at least one
 * @returns {Promise<{body: Blob, name: string}>}
 */
export async function bundleOf(files) {
  const [first] = files;
  const folder = first.webkitRelativePath.split("/")[0];
  if (files.length === 1 && !folder && (first.size <= PLAIN || ends(first.name, [".zip"]))) return { body: first, name: first.name };
  const body = await zipOf(files.map((file) => ({ name: pathOf(file), content: file })));
  return { body, name: folder || (files.length === 1 ? first.name : "files") };
}

/**
 * What an import has done, or would do, a sentence each.
 *
 * @param {FolderImport} report
 */
export function summaryOf({ format, dry_run, images, new: added, changed, same, refused, waiting }) {
  const lines = [text("import.images", { format, count: images }), text(dry_run ? "import.willBeNew" : "import.new", { count: added })];
  if (changed) lines.push(text(dry_run ? "import.willChange" : "import.changed", { count: changed }));
  if (same) lines.push(text("import.same", { count: same }));
  if (waiting) lines.push(text("import.waiting", { count: waiting }));
  if (refused) lines.push(text("import.refused", { count: refused }));
  return lines;
}
