/** Hiding and locking objects of the open image, and going from one to the next. */

import { ObjectList } from "./objectlist.js";

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
    this.select(next);
    this.listener.onSay(`Object ${this.numberOf(next)} of ${this.entries.length}: ${this.labelName(next)}`);
  }

  /** @param {ObjectEntry} entry */
  toggleLock(entry) {
    entry.locked = !entry.locked;
    this.leave(entry);
    this.remember(entry);
    this.listener.onSay(`Object ${this.numberOf(entry)} ${entry.locked ? "locked" : "unlocked"}`);
    this.listener.onChange();
  }

  /** @param {ObjectEntry} entry */
  toggleHidden(entry) {
    this.alone = false;
    this.setHidden([entry], !entry.hidden);
    this.listener.onSay(`Object ${this.numberOf(entry)} ${entry.hidden ? "hidden" : "shown"}`);
  }

  /** Hide all other objects, or show all if they are hidden already. @param {ObjectEntry} entry */
  showAlone(entry) {
    const others = this.entries.filter((each) => each !== entry);
    if (!entry.hidden && others.every((each) => each.hidden)) return this.showAll();
    this.alone = true;
    this.reveal(entry);
    this.listener.onSay(`Object ${this.numberOf(entry)} shown alone`);
  }

  showAll() {
    this.alone = false;
    this.setHidden(this.entries, false);
    this.listener.onSay("All objects shown");
  }
}
