/** What all dialogs have: a heading with a button that closes them. A press next to them closes them too. */

import { icon, make } from "./dom.js";
import { text } from "./texts.js";

/** @param {HTMLDialogElement} dialog */
export function closesOutside(dialog) {
  let outside = false;
  dialog.addEventListener("pointerdown", ({ target }) => (outside = target === dialog));
  dialog.addEventListener("click", ({ target }) => {
    if (outside && target === dialog) dialog.close(); // not after text was selected from the inside to the outside
  });
}

/**
 * @param {HTMLDialogElement} dialog that is labelled by its heading
 * @param {string} title
 * @param {Node[]} more between the heading and the button
 */
export function dialogHeader(dialog, title, ...more) {
  return make("header", {}, make("h2", { id: dialog.getAttribute("aria-labelledby") }, title), ...more,
    make("button", { type: "button", class: "icon", autofocus: true, "aria-label": text("common.close"), click: () => dialog.close() }, icon("close")));
}
