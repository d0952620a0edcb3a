/** The toolbar, and the names and keys of all buttons. */

import { icon, make } from "./dom.js";
import { keyFor } from "./keys.js";
import { TOOLS } from "./settings.js";
import { text } from "./texts.js";

/** @typedef {import("./settings.js").Settings} Settings */

/** Button titles that are shorter than in the table of keys. @type {Record<string, string>} */
const TITLES = {
  "tool:smart": text("tools.smart"), "tool:click": text("tools.click"), "tool:box": text("tools.box"), "tool:scribble": text("tools.scribble"), "tool:lasso": text("tools.lasso"),
  "tool:brush": text("tools.brush"), "tool:eraser": text("tools.eraser"),
  positiveSign: text("button.positiveSign"), negativeSign: text("button.negativeSign"), files: text("button.files"), side: text("button.side"),
  previous: text("button.previous"), next: text("button.next"), done: text("button.done"), filter: text("list.filter"), jump: text("keys.jump"),
  review: text("button.review"), counts: text("button.counts"), import: text("keys.import"), theme: text("keys.theme"), help: text("keys.title"),
  zoomOut: text("keys.zoomOut"), zoomIn: text("keys.zoomIn"), actual: text("button.actual"), fit: text("keys.fit"),
  accept: text("keys.accept"), unaccept: text("keys.unaccept"), undo: text("keys.undo"), redo: text("keys.redo"),
  onlyHere: text("button.onlyHere"), smaller: text("keys.smaller"), larger: text("keys.larger"), choose: text("button.choose"),
  tidy: text("keys.tidy"), clear: text("button.clear"), new: text("keys.new"), deleteObject: text("button.deleteObject"),
};
/** @type {Record<string, string>} */
export const HINTS = {
  smart: text("tools.smartHint"),
  click: text("tools.clickHint"),
  box: text("tools.boxHint"),
  scribble: text("tools.scribbleHint"),
  lasso: text("tools.lassoHint"),
  brush: text("tools.brushHint"),
  eraser: text("tools.eraserHint"),
};

/** Shown while the switch is on. */
export const ONLY_HERE_HINT = text("tools.onlyHereHint");

/** Shown while the polygon is open. */
export const POLYGON_HINT = text("polygon.hint");

/** Hints for touch screens, without a right button and keys. @type {Record<string, string>} */
export const TOUCH_HINTS = {
  ...HINTS,
  smart: text("tools.smartTouch"),
  click: text("tools.clickTouch"),
  scribble: text("tools.scribbleTouch"),
  brush: text("tools.brushTouch"),
  eraser: text("tools.eraserTouch"),
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
      make("div", { class: "signs", role: "group", "aria-label": text("tools.signs") }, ...this.#signs),
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
    const { act = "", textTitle: own } = /** @type {HTMLElement} */ (button).dataset;
    const title = own ? text(/** @type {import("./texts.js").Key} */ (own)) : TITLES[act];
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
