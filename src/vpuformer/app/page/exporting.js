/** The menu of export formats. */

import { exportPath, getExport } from "./api.js";
import { make } from "./dom.js";
import { sentenceOf } from "./sentence.js";

/** @type {[string, string, string][]} */
const FORMATS = [
  ["coco", "COCO JSON", "Lossless: run lengths, with overlaps"],
  ["png", "PNG, one per object", "Lossless, with overlaps"],
  ["labels", "Label map, one PNG per image", "Labels only; the later object wins overlaps"],
  ["voc", "Pascal VOC", "Labels, objects and boxes; the later object wins overlaps"],
  ["labelme", "LabelMe", "Polygons; masks for objects with holes"],
  ["yolo", "YOLO segmentation", "One outline per object; approximate"],
];
/** Milliseconds after which a browser has surely begun to save a file. */
const TAKEN = 60_000;

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button opens the menu, and shows that an export is being prepared
 * @param {() => number} unsaved returns the number of unsaved actions
 * @param {Pick<import("./workspace.js").Listener, "onSay" | "onToast">} listener
 */
export function fillExports(menu, button, unsaved, listener) {
  const word = /** @type {HTMLElement} */ (button.querySelector("span"));
  const idle = word.textContent;
  let preparing = 0;
  /** @param {1 | -1} by */
  const count = (by) => {
    preparing += by;
    word.textContent = preparing ? "Preparing…" : idle;
    button.classList.toggle("preparing", preparing > 0);
  };
  // Not a plain link: browsers hide why a download failed, or save the error as the file.
  /** @param {string} format @param {string} called */
  const take = async (format, called) => {
    if (unsaved()) return listener.onToast("Some changes are not saved yet. Try again in a moment.");
    count(1);
    listener.onSay(`Preparing ${called}`);
    try {
      const { file, name } = await getExport(format);
      save(file, name);
      listener.onSay(`Exported: ${name}`);
    } catch (error) {
      listener.onToast(`Not exported as ${called}. ${sentenceOf(error)}`);
    } finally {
      count(-1);
    }
  };
  const items = FORMATS.map(([format, name, note]) =>
    make("a", { href: exportPath(format), download: "", click: (/** @type {Event} */ event) => {
      event.preventDefault();
      menu.hidePopover();
      void take(format, name);
    } }, make("strong", {}, name), make("span", { class: "quiet" }, note)));
  menu.replaceChildren(make("p", { class: "quiet" }, "A zip file with the accepted objects of all images, and with images that are done."), ...items);
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const address = URL.createObjectURL(file);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN);
}
