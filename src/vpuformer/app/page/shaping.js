/** Merging, subtracting, splitting and ordering of objects. */

import { text } from "./texts.js";
import { Workspace } from "./workspace.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */
/** @typedef {"merge" | "subtract" | "cut"} Picking another object, or a line, that the current object waits for */
/** @typedef {"front" | "forward" | "backward" | "back"} Move */

/** @type {Record<Picking, string>} */
export const PICKING_HINTS = {
  merge: text("shape.mergeHint"),
  subtract: text("shape.subtractHint"),
  cut: text("shape.cutHint"),
};

export class Shaping extends Workspace {
  /** @type {{type: Picking, on: ObjectEntry} | null} */
  #picking = null;

  /** What the current object waits for. @returns {Picking | null} */
  get picking() {
    return this.#picking && this.#picking.on === this.current ? this.#picking.type : null;
  }

  cancelPicking() {
    this.#picking = null;
    this.listener.onChange();
  }

  /** Whether the current object has a mask; if not, say so. */
  #hasMask() {
    if (this.current && (this.current.area > 0 || this.current.busy)) return true;
    this.listener.onToast(text("shape.noMask"));
    return false;
  }

  /**
   * Merge another object into the current one, or subtract it. Without another one, wait until it is pointed at, or
   * no longer wait.
   *
   * @param {"merge" | "subtract"} type
   * @param {ObjectEntry | null} other
   */
  combine(type, other = null) {
    const { current } = this;
    if (!this.#hasMask() || !current) return;
    if (!other || other === current) return this.picking === type ? this.cancelPicking() : this.#wait(type);
    this.#picking = null;
    if (type === "merge" && other.locked) return this.refuse(other);
    const number = this.numberOf(other);
    if (other.id === null) return this.listener.onToast(text("shape.unsaved", { number }));
    this.listener.onSay(text(type === "merge" ? "shape.merged" : "shape.subtracted", { number, current: this.numberOf(current) }));
    this.actOn({ type, objects: [other.id] }, [other]);
  }

  /** @param {Picking} type */
  #wait(type) {
    if (!this.current) return;
    if (type !== "cut" && this.entries.length < 2) return this.listener.onToast(text("shape.noOther"));
    this.#picking = { type, on: this.current };
    this.listener.onSay(PICKING_HINTS[type]);
    this.listener.onChange();
  }

  /** Select an object, or hand it to the current one that waits for another. @param {ObjectEntry} entry */
  point(entry) {
    const { picking } = this;
    if (picking === "merge" || picking === "subtract") this.combine(picking, entry);
    else this.select(entry);
  }

  /**
   * Take a prompt as what the current object waits for.
   *
   * @param {Point[]} path the points of the prompt
   */
  pickAlong(path) {
    const { picking } = this;
    if (picking === "cut") {
      if (path.length < 2) return this.listener.onToast(PICKING_HINTS.cut);
      this.#picking = null;
      this.actOn({ type: "split", path });
    } else if (picking) {
      const other = this.entryAt(path[0], this.current);
      if (other) this.combine(picking, other);
      else this.listener.onToast(text("shape.noneHere"));
    }
  }

  /** Make every part of the current object an object of its own. */
  split() {
    if (this.#hasMask()) this.actOn({ type: "split" });
  }

  /** Wait for a line that cuts the current object. */
  cut() {
    if (this.#hasMask()) this.#wait("cut");
  }

  /**
   * Move the current object in the order from back to front. One move forward or backward passes the next object that
   * it may overlap.
   *
   * @param {Move} move
   */
  arrange(move) {
    const { current } = this;
    if (!this.#hasMask() || !current) return;
    const stacked = this.stacked.filter(({ id }) => id !== null);
    const at = stacked.indexOf(current);
    const others = stacked.filter((entry) => entry !== current);
    const passed = move === "forward" ? others.findIndex((entry, i) => i >= at && near(entry, current)) : others.findLastIndex((entry, i) => i < at && near(entry, current));
    const below = { front: others.length - 1, forward: passed, backward: passed - 1, back: -1 }[move];
    const stays = move === "forward" || move === "backward" ? passed < 0 : below === at - 1;
    if (stays) return this.listener.onToast(text(move.startsWith("f") ? "shape.isInFront" : "shape.isAtBack", { number: this.numberOf(current) }));
    this.listener.onSay(text(`shape.moved.${move}`, { number: this.numberOf(current) }));
    this.actOn({ type: "arrange", above: below < 0 ? null : others[below].id });
  }
}

/** Whether the boxes around two objects overlap. @param {ObjectEntry} a @param {ObjectEntry} b */
function near(a, b) {
  const [first, second] = [a.mask?.bounds, b.mask?.bounds];
  if (!first || !second) return false;
  return first[0] < second[2] && second[0] < first[2] && first[1] < second[3] && second[1] < first[3];
}
