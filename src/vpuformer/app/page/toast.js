/** Short messages at the edge of the image, with an undo button if possible. */

import { icon, make } from "./dom.js";
import { capitalized } from "./sentence.js";
import { text } from "./texts.js";

const STAYS = 7000;
const MOST = 4;

export class Toasts {
  #host;
  /** Functions that close the toasts that offer to undo something. @type {WeakMap<() => void, () => void>} */
  #offers = new WeakMap();

  /** @param {HTMLElement} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {string} sentence @param {() => void} [undo] */
  show(sentence, undo) {
    const message = capitalized(sentence);
    for (const former of this.#host.children) if (former.textContent === message) former.remove(); // one copy is enough
    const toast = make("div", { class: "toast" }, make("span", {}, message));
    const close = () => toast.remove();
    let timer = setTimeout(close, STAYS);
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", () => (timer = setTimeout(close, STAYS)));
    if (undo) {
      this.#offers.set(undo, close);
      const back = () => {
        close();
        undo();
      };
      toast.append(make("button", { type: "button", class: "plain", click: back }, text("common.undo")));
    }
    toast.append(make("button", { type: "button", class: "icon", "aria-label": text("common.closeMessage"), click: close }, icon("close")));
    this.#host.append(toast);
    while (this.#host.children.length > MOST) this.#host.firstElementChild?.remove();
  }

  /** Close the toast that offers this. @param {() => void} undo */
  settle(undo) {
    this.#offers.get(undo)?.();
  }
}
