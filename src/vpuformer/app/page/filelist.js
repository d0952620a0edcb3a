/** The list of images. Only visible rows exist, so a folder may have tens of thousands of images. */

import { thumbnailPath } from "./api.js";
import { icon, make } from "./dom.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ImageListed} ImageListed */

const ROW = 60;
const MARGIN = 4;
/** Milliseconds without scrolling before thumbnails are requested. */
const REST = 90;
/** Milliseconds after which a failed thumbnail is requested again: the server may have been away. */
const RETRY_AFTER = 60_000;

/**
 * The number of objects of an image in words; empty for none.
 *
 * @param {{objects: number, unaccepted: number}} image
 */
export function objectCountText({ objects, unaccepted }) {
  if (!unaccepted) return objects ? text("objects.count", { count: objects }) : "";
  return objects ? text("list.acceptedOf", { accepted: objects, all: objects + unaccepted }) : text("objects.notAccepted", { count: unaccepted });
}

/**
 * The first row to create and the row after the last.
 *
 * @param {number} top scrolled pixels
 * @param {number} height of the list on screen
 * @param {number} count
 */
export function rowsSeen(top, height, count) {
  const from = Math.max(0, Math.floor(top / ROW) - MARGIN);
  return { from, to: Math.min(count, Math.ceil((top + height) / ROW) + MARGIN) };
}

export class FileList {
  /** @type {ImageListed[]} */
  #shown = [];
  /** @type {number | null} */
  #open = null;
  #focused = 0;
  #timer = 0;
  /** Images whose thumbnail failed, and when. @type {Map<number, number>} */
  #broken = new Map();
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();
  #space = make("div", { class: "file-space", role: "presentation" });
  #host;
  #onOpen;
  #takenBy;

  /**
   * @param {HTMLElement} host
   * @param {(id: number) => void} onOpen
   * @param {(id: number) => string} takenBy returns who else has an image open
   */
  constructor(host, onOpen, takenBy) {
    this.#host = host;
    this.#takenBy = takenBy;
    this.#onOpen = onOpen;
    host.append(this.#space);
    host.addEventListener("scroll", () => this.#fill(), { passive: true });
    host.addEventListener("keydown", (event) => this.#key(event));
    host.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("[data-image]") : null;
      if (row instanceof HTMLElement) onOpen(Number(row.dataset.image));
    });
    new ResizeObserver(() => this.#fill()).observe(host);
  }

  /**
   * @param {ImageListed[]} images
   * @param {number | null} open
   */
  show(images, open) {
    const others = images !== this.#shown;
    const moved = open !== this.#open;
    if (others || moved) {
      const focused = moved ? open : (this.#shown[this.#focused]?.id ?? open);
      this.#focused = Math.max(0, images.findIndex((image) => image.id === focused));
    }
    if (others) {
      this.#shown = images;
      this.#space.style.height = `${images.length * ROW}px`;
      for (const row of this.#rows.values()) row.remove();
      this.#rows.clear();
    }
    this.#open = open;
    if (moved && others) this.toOpen();
    else if (moved) this.#reveal();
    this.#fill();
  }

  /** Scroll to the open image if it is out of sight. */
  toOpen() {
    const at = this.#shown.findIndex((image) => image.id === this.#open);
    if (at < 0) return;
    this.#focused = at;
    const top = at * ROW;
    const { scrollTop, clientHeight } = this.#host;
    if (top < scrollTop || top + ROW > scrollTop + clientHeight) this.#host.scrollTop = Math.max(0, top - 2 * ROW);
  }

  toTop() {
    this.#host.scrollTop = 0;
  }

  openFirst() {
    if (this.#shown.length) this.#onOpen(this.#shown[0].id);
  }

  #reveal() {
    const top = this.#focused * ROW;
    const { scrollTop, clientHeight } = this.#host;
    if (top < scrollTop) this.#host.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.#host.scrollTop = top + ROW - clientHeight;
  }

  #fill() {
    const { from, to } = rowsSeen(this.#host.scrollTop, this.#host.clientHeight, this.#shown.length);
    for (const [index, row] of this.#rows) {
      if (index >= from && index < to) continue;
      row.remove();
      this.#rows.delete(index);
    }
    for (let index = from; index < to; index++) {
      let row = this.#rows.get(index);
      if (!row) {
        row = this.#make(index);
        this.#rows.set(index, row);
        this.#space.append(row);
      }
      this.#update(row, index);
    }
    this.#host.setAttribute("aria-activedescendant", this.#shown.length ? `file-${this.#focused}` : "");
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#thumbnails(), REST);
  }

  /** @param {number} index */
  #make(index) {
    const image = this.#shown[index];
    const slash = image.name.lastIndexOf("/") + 1;
    const row = make("div",
      { class: "file", id: `file-${index}`, role: "option", "data-image": image.id, "aria-setsize": this.#shown.length, "aria-posinset": index + 1 },
      make("span", { class: "thumb" }),
      make("span", { class: "file-text" },
        make("span", { class: "file-name ellipsis" }, image.name.slice(slash)),
        make("span", { class: "file-note quiet ellipsis" })),
      make("span", { class: "file-done" }, icon("check"), make("span", { class: "hidden" }, text("list.done"))));
    row.style.transform = `translateY(${index * ROW}px)`;
    return row;
  }

  /** @param {HTMLElement} row @param {number} index */
  #update(row, index) {
    const { id, done, name, review } = this.#shown[index];
    const count = objectCountText(this.#shown[index]);
    const taken = this.#takenBy(id);
    const state = `${id === this.#open}|${done}|${review}|${count}|${index === this.#focused}|${taken}`;
    if (row.dataset.state === state) return;
    row.dataset.state = state;
    row.setAttribute("aria-selected", String(id === this.#open));
    row.classList.toggle("focused", index === this.#focused);
    row.classList.toggle("done", done);
    row.classList.toggle("rejected", review === "rejected");
    row.classList.toggle("taken", taken !== "");
    const folder = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    const reviewed = review && text(review === "accepted" ? "list.reviewed" : "list.rejected");
    const note = [taken && text("list.openBy", { names: taken }), reviewed, count, folder].filter(Boolean).join(" · ") || text("list.noObjects");
    row.title = `${name}\n${note}`;
    /** @type {HTMLElement} */ (row.querySelector(".file-note")).textContent = note;
  }

  #thumbnails() {
    for (const row of this.#rows.values()) {
      const thumb = row.querySelector(".thumb");
      const id = Number(row.dataset.image);
      const asked = this.#broken.get(id) ?? -Infinity;
      if (!thumb || thumb.firstChild || performance.now() - asked < RETRY_AFTER) continue;
      const fail = () => {
        this.#broken.set(id, performance.now()); // no request on every scroll
        thumbnail.remove();
      };
      const thumbnail = make("img", { alt: "", decoding: "async", draggable: "false", error: fail });
      thumbnail.src = thumbnailPath(id);
      thumb.append(thumbnail);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#host.clientHeight / ROW) - 1);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter" && this.#shown[this.#focused]) this.#onOpen(this.#shown[this.#focused].id);
    else if (event.key in moves) {
      this.#focused = Math.min(this.#shown.length - 1, Math.max(0, this.#focused + moves[event.key]));
      this.#reveal();
      this.#fill();
    } else return;
    event.preventDefault();
  }
}
