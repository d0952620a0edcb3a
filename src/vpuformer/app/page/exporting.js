/** The menu of formats in which everything that was accepted can be taken away. */

import { exportPath, getExport } from "./api.js";
import { make } from "./dom.js";
import { sentenceOf } from "./sentence.js";

/** @type {[string, string, string][]} */
const FORMATS = [
  ["coco", "COCO JSON", "Lossless: run lengths, with overlaps"],
  ["png", "PNG, one per object", "Lossless, with overlaps"],
  ["labels", "PNG of labels, one per image", "Labels only; where objects overlap, the later one counts"],
  ["voc", "Pascal VOC", "Labels, objects and boxes; the later one counts"],
  ["labelme", "LabelMe", "Polygons; masks where there are holes"],
  ["yolo", "YOLO segmentation", "One outline an object; approximate once it is painted"],
];
/** Milliseconds after which a browser has surely begun to read a file that it was told to save. */
const TAKEN = 60_000;

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button that opens it, and says while an export is being prepared
 * @param {() => number} unsaved how many actions the server does not know yet
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
  // Not left to the link: a browser keeps to itself why a download failed, or saves the reason as if it were the file.
  /** @param {string} format @param {string} called */
  const take = async (format, called) => {
    if (unsaved()) return listener.onToast("Something is not saved yet. Try again in a moment.");
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
  menu.replaceChildren(make("p", { class: "quiet" }, "Accepted objects of all images, as a zip file. Images marked as done come along even without one."), ...items);
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const address = URL.createObjectURL(file);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN);
}
