/** The menu of export formats. */

import { exportPath, getExport } from "./api.js";
import { make } from "./dom.js";
import { sentenceOf } from "./sentence.js";
import { isKey, text } from "./texts.js";

/** Milliseconds after which a browser has surely begun to save a file. */
const TAKEN = 60_000;

/**
 * @param {HTMLElement} menu
 * @param {HTMLElement} button opens the menu, and shows that an export is being prepared
 * @param {() => import("./types.js").ExportFormat[]} formats returns those that the server offers
 * @param {() => {accepted: number, others: number}} objects returns how many objects are accepted, and how many are not
 * @param {() => number} unsaved returns the number of unsaved actions
 * @param {Pick<import("./workspace.js").Listener, "onSay" | "onToast">} listener
 */
export function fillExports(menu, button, formats, objects, unsaved, listener) {
  const word = /** @type {HTMLElement} */ (button.querySelector("span"));
  const idle = word.textContent;
  let preparing = 0;
  /** @param {1 | -1} by */
  const count = (by) => {
    preparing += by;
    word.textContent = preparing ? text("export.busy") : idle;
    button.classList.toggle("preparing", preparing > 0);
  };
  // Not a plain link: browsers hide why a download failed, or save the error as the file.
  /** @param {string} format @param {string} called */
  const take = async (format, called) => {
    if (unsaved()) return listener.onToast(text("export.unsaved"));
    count(1);
    listener.onSay(text("export.preparing", { format: called }));
    try {
      const { file, name } = await getExport(format);
      save(file, name);
      listener.onSay(text("export.done", { file: name }));
    } catch (error) {
      listener.onToast(text("export.failed", { format: called, reason: sentenceOf(error) }));
    } finally {
      count(-1);
    }
  };
  menu.addEventListener("beforetoggle", () => {
    const items = formats().map((format) =>
      make("a", { href: exportPath(format.name), download: "", click: (/** @type {Event} */ event) => {
        event.preventDefault();
        menu.hidePopover();
        void take(format.name, about(format, "title"));
      } }, make("strong", {}, about(format, "title")), make("span", { class: "quiet" }, about(format, "summary"))));
    const { accepted, others } = objects();
    const left = accepted ? text("export.left", { count: others }) : text("export.none");
    const note = others || !accepted ? [make("p", {}, left)] : [];
    menu.replaceChildren(...note, make("p", { class: "quiet" }, text("export.note")), ...items);
  });
}

/**
 * A text about a format; the English one of the server if the page has none.
 *
 * @param {import("./types.js").ExportFormat} format
 * @param {"title" | "summary"} what
 */
function about(format, what) {
  const key = `format.${format.name}.${what}`;
  return isKey(key) ? text(key) : format[what];
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const address = URL.createObjectURL(file);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN);
}
