/** The menu of what is rarely done with the current object. */

import { make } from "./dom.js";
import { keyFor } from "./keys.js";

/** Distance of the menu from its button and from the edges of the window, in pixels. */
const GAP = 6;

export class MoreMenu {
  #menu;
  #session;
  #clipboard;
  #openers = [...document.querySelectorAll('[popovertarget="more-menu"]')].map((each) => /** @type {HTMLButtonElement} */ (each));
  #items;

  /**
   * @param {HTMLElement} menu
   * @param {import("./session.js").Session} session
   * @param {import("./clipboard.js").Clipboard} clipboard
   */
  constructor(menu, session, clipboard) {
    this.#menu = menu;
    this.#session = session;
    this.#clipboard = clipboard;
    this.#items = [...menu.querySelectorAll("button")];
    for (const item of this.#items) {
      const { act = "" } = item.dataset;
      if (keyFor(act)) item.append(make("kbd", { "data-key-of": act }));
      item.addEventListener("click", () => menu.hidePopover());
    }
    let opener = this.#openers[0];
    for (const button of this.#openers) button.addEventListener("click", () => (opener = button));
    menu.addEventListener("toggle", () => this.#place(opener));
    menu.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Put the menu next to its button, inside the window. @param {HTMLElement} opener */
  #place(opener) {
    const menu = this.#menu;
    if (!menu.matches(":popover-open")) return;
    const { top, bottom, right } = opener.getBoundingClientRect();
    const below = bottom + GAP + menu.offsetHeight <= window.innerHeight;
    menu.style.top = `${Math.max(GAP, below ? bottom + GAP : top - GAP - menu.offsetHeight)}px`;
    menu.style.left = `${Math.max(GAP, right - menu.offsetWidth)}px`;
    this.#items.find((item) => !item.disabled)?.focus();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (!by) return;
    const items = this.#items.filter((item) => !item.disabled);
    const at = items.findIndex((item) => item === document.activeElement);
    items[(at + by + items.length) % items.length]?.focus();
    event.preventDefault();
  }

  show() {
    const { current, entries, selection } = this.#session;
    const masked = current !== null && (current.area > 0 || current.busy);
    const { chosen, isEmpty } = this.#clipboard;
    /** @type {Record<string, boolean>} */
    const possible = {
      new: selection.length > 0, showAlone: entries.length > 1, split: masked, cut: masked, polygon: masked, copy: chosen.length > 0, duplicate: chosen.length > 0 && selection.length > 0, copyOn: chosen.length > 0, paste: !isEmpty,
    };
    for (const button of this.#openers) button.hidden = !entries.length && isEmpty;
    for (const item of this.#items) if (item.dataset.act !== "finetune") item.disabled = !(possible[item.dataset.act ?? ""] ?? (masked && entries.length > 1));
  }
}
