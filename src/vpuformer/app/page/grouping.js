/** Several objects that are selected together in the list: what is done to the selection is done to all of them. */

import { Hiding } from "./hiding.js";
import { text } from "./texts.js";

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Grouping extends Hiding {
  /** @type {ObjectEntry[]} */
  #group = [];
  /** The object from which a range begins. @type {ObjectEntry | null} */
  #anchor = null;

  /** Objects that are selected together, of which prompts change none; empty if at most one is selected. */
  get group() {
    if (!this.#group.length) return [];
    const listed = new Set(this.entries);
    return this.#group.filter((entry) => listed.has(entry) && entry.reachable);
  }

  /** All selected objects. */
  get selection() {
    return this.current ? [this.current] : this.group;
  }

  /** Whether a key for the object under the pointer means the group: the pointer is on an object of it, or on none. */
  get pointsAtGroup() {
    const { group, hovered } = this;
    return group.length > 0 && (!hovered || group.includes(hovered));
  }

  closeImage() {
    super.closeImage();
    this.#group = [];
    this.#anchor = null;
  }

  /** @param {ObjectEntry | null} entry @param {number | null} prompt of it */
  select(entry, prompt = null) {
    if (entry?.locked) return this.refuse(entry);
    this.#group = [];
    this.#anchor = entry ?? this.#anchor;
    super.select(entry, prompt);
  }

  /** Add an object to the selected ones, or take it out. @param {ObjectEntry} entry */
  toggleSelected(entry) {
    if (entry.locked) return this.refuse(entry);
    const { selection } = this;
    this.#take(selection.includes(entry) ? selection.filter((each) => each !== entry) : [...selection, entry]);
    this.#anchor = entry;
  }

  /** Select all objects of the list from the one that was selected last to this one. @param {ObjectEntry} entry */
  selectTo(entry) {
    if (entry.locked) return this.refuse(entry);
    const { entries } = this;
    const anchor = this.#anchor && entries.includes(this.#anchor) ? this.#anchor : entry;
    const [first, last] = [entries.indexOf(anchor), entries.indexOf(entry)].sort((a, b) => a - b);
    this.#take(entries.slice(first, last + 1).filter((each) => each === entry || each.reachable));
    this.#anchor = anchor;
  }

  /** @param {ObjectEntry[]} entries */
  #take(entries) {
    if (entries.length === 1) return this.select(entries[0]);
    this.select(null);
    this.alone = false;
    this.#group = entries;
    this.setHidden(entries.filter((entry) => entry.hidden), false);
    if (entries.length) this.listener.onSay(text("objects.selected", { count: entries.length }));
  }
}
