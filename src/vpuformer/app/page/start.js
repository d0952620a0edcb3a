/**
 * Fills the texts of `index.html` in, and then loads all other modules: while these come, a person sees the page.
 *
 * The page is hidden until its texts are there.
 */

import { language } from "./language.js";
import { text } from "./texts.js";

/** @typedef {import("./texts.js").Key} Key */

/** Attributes with a text. The key of each is in `data-text-` and its name; that of the content in `data-text`. */
const ATTRIBUTES = ["title", "aria-label", "placeholder"];

for (const element of document.querySelectorAll("[data-text]")) {
  element.textContent = text(/** @type {Key} */ (element.getAttribute("data-text")));
}
for (const name of ATTRIBUTES) {
  for (const element of document.querySelectorAll(`[data-text-${name}]`)) {
    element.setAttribute(name, text(/** @type {Key} */ (element.getAttribute(`data-text-${name}`))));
  }
}
document.documentElement.lang = language;
await import("./main.js");
