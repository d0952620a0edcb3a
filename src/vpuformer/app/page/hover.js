/**
 * The object under the pointer: lit up in the image and in the list, with its number and label next to the pointer.
 *
 * In the image, the current object is left as it is: a person is about to change it.
 */

import { byId, make, scrollTo, swatch } from "./dom.js";
import { MASKS } from "./stage.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

/** Distance of the tag from the pointer in screen pixels. */
const AWAY = 16;
/** Screen pixels that the pointer moves after a prompt before it lights up an object: until then, the answer is looked at. */
const MOVED = 4;

export class Hover {
  /** Key of the object whose row has the pointer or the focus. */
  #row = "";
  /** Where the pointer was when something was drawn; null once it has moved on. @type {Point | null} */
  #drawn = null;
  #rows = byId("objects");
  #tag = byId("under");
  #session;
  #stage;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./stage.js").Stage} stage
   */
  constructor(session, stage) {
    this.#session = session;
    this.#stage = stage;
    for (const type of ["pointerover", "focusin"]) {
      this.#rows.addEventListener(type, ({ target }) => this.#enter(target instanceof Element ? target : null));
    }
    for (const type of ["pointerleave", "focusout"]) this.#rows.addEventListener(type, () => this.#enter(null));
  }

  /** @param {Element | null} element in a row; null if no row has the pointer */
  #enter(element) {
    const row = element?.closest("[data-object]");
    this.#row = row instanceof HTMLElement ? (row.dataset.object ?? "") : "";
    this.show();
  }

  /** Find the object again after the pointer, the view or the objects have changed. */
  show() {
    const listed = this.#session.entries.find((entry) => String(entry.key) === this.#row) ?? null;
    const under = listed ? null : this.#underPointer();
    const hovered = listed ?? under;
    if (hovered !== this.#session.hovered) {
      this.#session.hovered = hovered;
      this.#stage.redraw(MASKS);
    }
    for (const row of this.#rows.querySelectorAll(".hovered")) row.classList.remove("hovered");
    const row = hovered && this.#rows.querySelector(`[data-object="${hovered.key}"]`);
    row?.classList.add("hovered");
    if (under && this.#tag.dataset.object !== String(under.key)) scrollTo(this.#rows, row);
    this.#label(under);
  }

  /** The object that the pointer points at in the image; null while something is drawn. */
  #underPointer() {
    const { pointer, draft, image } = this.#stage;
    if (draft) this.#drawn = pointer;
    if (!pointer || draft || image !== this.#session.image) return null;
    if (this.#drawn && Math.hypot(pointer[0] - this.#drawn[0], pointer[1] - this.#drawn[1]) < MOVED) return null;
    this.#drawn = null;
    const entry = this.#session.entryAt(this.#stage.toImage(pointer));
    return entry === this.#session.current ? null : entry;
  }

  /** @param {ObjectEntry | null} entry */
  #label(entry) {
    const { pointer, size } = this.#stage;
    const tag = this.#tag;
    tag.hidden = !entry || !pointer;
    tag.dataset.object = entry ? String(entry.key) : "";
    if (!entry || !pointer) return;
    const name = entry.optimistic.label === null ? [] : [make("span", { class: "ellipsis" }, this.#session.labelName(entry))];
    const { current, readOnly } = this.#session;
    const how = current || readOnly ? [] : [make("span", { class: "quiet" }, text("objects.howToSelect"))];
    tag.replaceChildren(swatch(this.#session.colourOf(entry), String(this.#session.numberOf(entry))), ...name, ...how);
    const [x, y] = pointer;
    const left = x + AWAY + tag.offsetWidth > size.width ? x - AWAY - tag.offsetWidth : x + AWAY;
    const top = y + AWAY + tag.offsetHeight > size.height ? y - AWAY - tag.offsetHeight : y + AWAY;
    tag.style.translate = `${left}px ${top}px`;
  }
}
