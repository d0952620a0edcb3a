/** Hiding and locking objects of the open image, and going from one to the next. */

import { ObjectList } from "./objectlist.js";
import { text } from "./texts.js";

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Hiding extends ObjectList {
  /**
   * Select the next or the previous object. Without a selected object, accepted ones are passed while others are left.
   *
   * @param {1 | -1} by
   */
  cycle(by) {
    const { alone, current, entries } = this;
    const from = current ?? this.former;
    const at = from ? entries.indexOf(from) : -1;
    const turned = by > 0
      ? [...entries.slice(at + 1), ...entries.slice(0, at + 1)]
      : [...entries.slice(0, Math.max(0, at)).reverse(), ...entries.slice(Math.max(0, at)).reverse()];
    const reachable = turned.filter((entry) => entry.reachable || (alone && !entry.locked));
    const next = (current ? null : reachable.find((entry) => !entry.optimistic.accepted)) ?? reachable[0];
    if (!next) return;
    if (!current && this.former?.optimistic.accepted && next.optimistic.accepted) this.listener.onToast(text("objects.allAccepted"));
    this.select(next);
    this.listener.onSay(text("objects.position", { number: this.numberOf(next), all: this.entries.length, label: this.labelName(next) }));
  }

  /** @param {ObjectEntry} entry */
  toggleLock(entry) {
    entry.locked = !entry.locked;
    this.leave(entry);
    this.remember(entry);
    this.listener.onSay(text(entry.locked ? "objects.nowLocked" : "objects.nowUnlocked", { number: this.numberOf(entry) }));
    this.listener.onChange();
  }

  /** @param {ObjectEntry} entry */
  toggleHidden(entry) {
    this.alone = false;
    this.setHidden([entry], !entry.hidden);
    this.listener.onSay(text(entry.hidden ? "objects.nowHidden" : "objects.nowShown", { number: this.numberOf(entry) }));
  }

  /** Hide all other objects, or show all if they are hidden already. @param {ObjectEntry} entry */
  showAlone(entry) {
    const others = this.entries.filter((each) => each !== entry);
    if (!entry.hidden && others.every((each) => each.hidden)) return this.showAll();
    this.alone = true;
    this.reveal(entry);
    this.listener.onSay(text("objects.nowAlone", { number: this.numberOf(entry) }));
  }

  showAll() {
    this.alone = false;
    this.setHidden(this.entries, false);
    this.listener.onSay(text("objects.allShown"));
  }
}
