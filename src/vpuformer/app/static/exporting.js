/** The menu of formats in which everything that was accepted can be taken away. */

import { exportPath } from "./api.js";
import { make } from "./dom.js";

/** @type {[string, string, string][]} */
const FORMATS = [
  ["coco", "COCO JSON", "Lossless: masks as run lengths"],
  ["png", "PNG, one per object", "Lossless"],
  ["labels", "PNG of labels, one per picture", "Where objects overlap, the later one counts"],
  ["voc", "Pascal VOC", "Class and object masks; where objects overlap, the later one counts"],
  ["labelme", "LabelMe", "Polygons: approximate"],
  ["yolo", "YOLO segmentation", "Polygons: approximate"],
];

/**
 * @param {HTMLElement} menu
 * @param {() => number} unsaved how many actions the server does not know yet
 * @param {(sentence: string) => void} onToast
 */
export function fillExports(menu, unsaved, onToast) {
  const items = FORMATS.map(([format, name, note]) =>
    make("a", { href: exportPath(format), download: "", click: (/** @type {Event} */ event) => {
      if (unsaved()) {
        event.preventDefault();
        onToast("Something is not saved yet. Try again in a moment.");
      }
      menu.hidePopover();
    } }, make("strong", {}, name), make("span", { class: "quiet" }, note)));
  menu.replaceChildren(make("p", { class: "quiet" }, "Accepted objects of all pictures, as a zip file"), ...items);
}
