/** The menu of formats in which everything that was accepted can be taken away. */

import { exportPath } from "./api.js";
import { make } from "./dom.js";

/** @type {[string, string, string][]} */
const FORMATS = [
  ["coco", "COCO JSON", "Lossless: run lengths, with overlaps"],
  ["png", "PNG, one per object", "Lossless, with overlaps"],
  ["labels", "PNG of labels, one per picture", "Labels only; where objects overlap, the later one counts"],
  ["voc", "Pascal VOC", "Labels, objects and boxes; the later one counts"],
  ["labelme", "LabelMe", "Polygons; masks where there are holes"],
  ["yolo", "YOLO segmentation", "One outline an object; approximate once it is painted"],
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
  menu.replaceChildren(make("p", { class: "quiet" }, "Accepted objects of all pictures, as a zip file. Pictures marked as done come along even without one."), ...items);
}
