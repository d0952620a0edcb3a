/** Copies of objects, on the same image or on others. */

import { ask } from "./ask.js";
import { text } from "./texts.js";

/** @typedef {import("./session.js").Session} Session */

export class Clipboard {
  /** Ids of the copied objects. @type {number[]} */
  #ids = [];
  #session;
  #dialog;

  /**
   * @param {Session} session
   * @param {HTMLDialogElement} dialog asks how to copy
   */
  constructor(session, dialog) {
    this.#session = session;
    this.#dialog = dialog;
  }

  get isEmpty() {
    return !this.#ids.length;
  }

  /** Ids of the objects to copy: the selected ones, else all. Those without a mask are left out. */
  get chosen() {
    const { selection, entries } = this.#session;
    return (selection.length ? selection : entries).flatMap(({ id, area }) => (id !== null && area > 0 ? [id] : []));
  }

  /** The same; say so if there is no mask. */
  #choose() {
    const ids = this.chosen;
    if (!ids.length) this.#session.listener.onToast(text("copy.nothing"));
    return ids;
  }

  copy() {
    const ids = this.#choose();
    if (!ids.length) return;
    this.#ids = ids;
    this.#session.listener.onToast(text(this.#session.selection.length ? "copy.copied" : "copy.copiedAll", { count: ids.length }));
    this.#session.listener.onChange();
  }

  async paste() {
    const { image } = this.#session;
    if (image) await this.#session.copy(image.id, this.#ids);
  }

  /** Copy the selected objects on their own image. Without any, nothing is copied: doubles of all are hardly meant. */
  async duplicate() {
    const { image, selection, listener } = this.#session;
    if (!selection.length) return listener.onToast(text("copy.selectFirst"));
    const ids = this.#choose();
    if (image && ids.length) await this.#session.copy(image.id, ids);
  }

  /** Copy to the next image of the list, and open it. */
  async copyOn() {
    const session = this.#session;
    const { image } = session;
    const next = session.folder.neighbour(image?.id, 1);
    if (!next) return session.listener.onToast(text("copy.noNext"));
    const ids = this.#choose();
    if (!ids.length) return;
    const answer = await ask(this.#dialog, {
      title: text("copy.title", { count: ids.length, image: next.name }),
      text: [session.selection.length ? "" : text("copy.all"), text("copy.question")].filter(Boolean).join(" "),
      answers: [["masks", text("copy.masks")], ["boxes", text("copy.boxes")]],
    });
    if (!answer || session.image !== image) return;
    await session.copy(next.id, ids, answer === "boxes");
    if (session.image === image) await session.open(next.id);
  }
}
