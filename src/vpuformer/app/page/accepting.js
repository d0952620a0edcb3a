/** Accepting the objects of the open image, and undoing that. */

import { Labelling } from "./labelling.js";
import { text } from "./texts.js";

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Accepting extends Labelling {
  /** Objects with a mask that an export would leave out. */
  get unaccepted() {
    return this.entries.filter((entry) => !entry.optimistic.accepted && (entry.busy || entry.area > 0));
  }

  /** Accept the selected objects. The next prompt begins a new one. */
  accept() {
    if (this.group.length) return this.#acceptGroup();
    const entry = this.current;
    if (!entry) return;
    if (entry.area === 0 && !entry.busy) {
      this.listener.onToast(text("object.isEmpty"));
      return;
    }
    if (!this.mayAccept([entry])) return;
    const back = entry.optimistic.accepted ? null : this.acceptAll([entry]);
    this.listener.onSay(text("object.nowAccepted"));
    this.select(null);
    this.withdrawLast = back;
  }

  #acceptGroup() {
    const left = this.unaccepted;
    const entries = this.group.filter((entry) => left.includes(entry));
    if (!this.mayAccept(entries)) return;
    const back = this.acceptAll(entries);
    this.select(null);
    if (!entries.length) return;
    this.withdrawLast = back;
    this.listener.onToast(text("objects.nowAccepted", { count: entries.length }), back);
  }

  /** @param {ObjectEntry[]} entries @returns {() => void} undoes this and selects the last of the objects */
  acceptAll(entries) {
    for (const entry of entries) this.push(entry, { type: "change", change: { accepted: true } });
    this.updateCounts();
    return () => this.unaccept(entries);
  }

  /** @param {ObjectEntry[]} accepted entries to mark as not accepted */
  unaccept(accepted) {
    // An image that was opened again has new entries for the same objects.
    const here = accepted.map((entry) => this.entries.find(({ id }) => id !== null && id === entry.id) ?? entry);
    const entries = here.filter((entry) => !entry.locked);
    this.withdrawLast = null;
    if (!entries.length) return this.refuse(here[0]);
    for (const entry of entries) {
      if (entry.deleted || !entry.optimistic.accepted) continue;
      this.push(entry, { type: "change", change: { accepted: false } });
      if (this.image?.id === entry.image) continue;
      this.folder.addTo(entry.image, true, -1);
      if (entry.counted) this.folder.addTo(entry.image, false, 1);
    }
    const last = this.entries.findLast((entry) => entries.includes(entry));
    if (last) this.select(last);
    this.listener.onSay(text("objects.nowUnaccepted", { count: entries.length }));
    this.updateCounts();
  }

  /** The object that an undo selects first: the one that was left last, else the last, if possible not accepted. */
  get resumed() {
    const entries = this.entries.filter((entry) => !entry.locked);
    const former = entries.find((entry) => entry === this.former);
    return former ?? entries.findLast((entry) => !entry.optimistic.accepted) ?? entries.at(-1) ?? null;
  }
}
