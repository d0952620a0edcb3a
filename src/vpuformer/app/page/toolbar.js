/** The toolbar, and the names and keys of all buttons. */

import { icon, make } from "./dom.js";
import { keyFor } from "./keys.js";
import { TOOLS } from "./settings.js";

/** @typedef {import("./settings.js").Settings} Settings */

/** Button titles that are shorter than in the table of keys. @type {Record<string, string>} */
const TITLES = {
  "tool:smart": "Smart", "tool:click": "Click", "tool:box": "Box", "tool:scribble": "Scribble", "tool:lasso": "Lasso", "tool:brush": "Brush", "tool:eraser": "Eraser",
  positiveSign: "Positive: belongs to the object", negativeSign: "Negative: does not belong to the object",
  files: "List of images", side: "Side panel", previous: "Previous image", next: "Next image", done: "Image done",
  filter: "Filter and order", jump: "Jump to the next image that needs something", review: "Accept or reject the image", counts: "Counts and time of work",
  import: "Import annotations", theme: "Light or dark", help: "Keys and gestures", zoomOut: "Zoom out", zoomIn: "Zoom in",
  actual: "Show at 100 %", fit: "Fit the image", accept: "Accept and begin the next object", unaccept: "Undo the acceptance", undo: "Undo", redo: "Redo",
  onlyHere: "Only here: prompts change the mask near them alone",
  smaller: "Smaller brush", larger: "Larger brush",
  choose: "Next candidate", tidy: "Tidy the mask", clear: "Clear the object", new: "Begin a new object", deleteObject: "Delete the object",
};
/** @type {Record<string, string>} */
export const HINTS = {
  smart: "Click the object, drag a box, or Shift+drag a scribble. Right button: not the object.",
  click: "Click on the object. Right click: not the object.",
  box: "Drag a box around the object.",
  scribble: "Draw a line over the object. Right button: not the object.",
  lasso: "Draw a line around the object.",
  brush: "Paint on the mask; the right button erases. Size: [ and ]",
  eraser: "Erase from the mask. Size: [ and ]",
};

/** Shown while the switch is on. */
export const ONLY_HERE_HINT = "Only here: prompts change the mask near them alone.";

/** Shown while the polygon is open. */
export const POLYGON_HINT = "Drag a corner, or press an edge to add one. Delete removes the selected corner.";

/** Hints for touch screens, without a right button and keys. @type {Record<string, string>} */
export const TOUCH_HINTS = {
  ...HINTS,
  smart: "Tap the object or drag a box around it. Press − first for what does not belong to it. A long press selects.",
  click: "Tap the object. For what does not belong to it, press − first.",
  scribble: "Draw a line over the object. For what does not belong to it, press − first.",
  brush: "Paint on the mask. Two fingers zoom and move.",
  eraser: "Erase from the mask. Two fingers zoom and move.",
};

export class Toolbar {
  /** @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();
  /** @type {HTMLButtonElement[]} */
  #signs;
  #onlyHere = make("button", { type: "button", id: "only-here", class: "tool", "data-act": "onlyHere" }, icon("near"));
  #host;

  /** @param {HTMLElement} host */
  constructor(host) {
    this.#host = host;
    for (const tool of TOOLS) {
      const button = make("button", { type: "button", class: "tool", "data-act": `tool:${tool}`, "aria-pressed": "false" }, icon(tool));
      this.#buttons.set(tool, button);
      host.append(button);
      if (tool === "smart" || tool === "lasso") host.append(make("span", { class: "rule" }));
    }
    this.#signs = [true, false].map((positive) => make("button",
      { type: "button", class: `tool sign ${positive ? "positive" : "negative"}`, "data-act": positive ? "positiveSign" : "negativeSign" },
      icon(positive ? "plus" : "minus")));
    host.append(
      make("span", { class: "rule" }),
      make("div", { class: "signs", role: "group", "aria-label": "Positive or negative prompts" }, ...this.#signs),
      this.#onlyHere,
      make("span", { class: "rule" }),
      make("button", { type: "button", id: "undo", class: "tool", "data-act": "undo" }, icon("undo")),
      make("button", { type: "button", id: "redo", class: "tool", "data-act": "redo" }, icon("redo")),
    );
    host.addEventListener("keydown", (event) => this.#move(event));
  }

  /** @param {Settings} settings @param {boolean} onlyHere */
  show({ tool, positive }, onlyHere) {
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(name === tool));
    }
    for (const [i, button] of this.#signs.entries()) button.setAttribute("aria-pressed", String(positive === (i === 0)));
    this.#onlyHere.setAttribute("aria-pressed", String(onlyHere));
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!by) return;
    const buttons = [...this.#host.querySelectorAll("button")].filter((button) => !button.disabled); // disabled buttons cannot have the focus
    const at = buttons.findIndex((button) => button === document.activeElement);
    const from = at < 0 && by < 0 ? 0 : at; // from outside, up leads to the last button
    buttons[(from + by + buttons.length) % buttons.length].focus();
    event.preventDefault();
  }
}

/** Give every button that does something its name and key. Call it again when keys have changed. */
export function nameButtons() {
  for (const button of document.querySelectorAll("button[data-act]")) {
    const { act = "", title: own } = /** @type {HTMLElement} */ (button).dataset;
    const title = own ?? TITLES[act];
    if (!title) continue;
    const key = keyFor(act.endsWith("Sign") ? "polarity" : act);
    button.setAttribute("title", key ? `${title} (${key.shown})` : title);
    if (!button.textContent?.trim()) button.setAttribute("aria-label", title);
    if (key && !act.endsWith("Sign")) button.setAttribute("aria-keyshortcuts", key.keys[0].replace("Ctrl", "Control"));
  }
  for (const cap of document.querySelectorAll("kbd[data-key-of]")) {
    cap.textContent = keyFor(/** @type {HTMLElement} */ (cap).dataset.keyOf ?? "")?.shown ?? "";
  }
}
