/** An object on the page: its last state from the server, and the actions on their way there. */

import { decodeRows } from "./rle.js";
import { optimisticState, pendingStrokes } from "./steps.js";

/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./rle.js").Rows} Rows */
/** @typedef {import("./queue.js").Lane} Lane */

let last = 0;

export class ObjectEntry {
  /**
   * @param {Lane} lane queue of its actions
   * @param {number} image
   */
  constructor(lane, image) {
    this.key = ++last;
    this.lane = lane;
    this.image = image;
    /** @type {ObjectState | null} last state without newer actions pending */
    this.confirmed = null;
    /** @type {Rows | null} */
    this.mask = null;
    /** Whether it was deleted on this page. */
    this.deleted = false;
    /** Whether it is not drawn. */
    this.hidden = false;
    /** Whether it can neither be selected nor deleted. */
    this.locked = false;
    if (lane.state) this.confirm(lane.state);
  }

  /** @param {ObjectState} state */
  confirm(state) {
    const before = this.confirmed && this.confirmed.mask;
    this.confirmed = state;
    if (!state.mask) this.mask = null;
    else if (!before || before.runs !== state.mask.runs || !this.mask) this.mask = decodeRows(state.mask);
  }

  get id() {
    return this.lane.id;
  }

  get area() {
    return this.confirmed ? this.confirmed.area : 0;
  }

  get busy() {
    return this.lane.unconfirmed.length > 0;
  }

  /** Whether it is a box, imported or copied, that the network has not answered yet. */
  get waits() {
    const state = this.confirmed;
    return state !== null && !this.busy && state.at === 1 && state.answered === 0 && state.steps[0]?.type === "box";
  }

  /** The state after all pending actions. */
  get optimistic() {
    return optimisticState(this.confirmed, this.lane.unconfirmed);
  }

  /** Whether it is not accepted yet. */
  get tentative() {
    return !this.optimistic.accepted;
  }

  /** Whether the list of images counts it: an object that was undone to nothing is not. */
  get counted() {
    const { accepted, at } = this.optimistic;
    return accepted || at > 0;
  }

  /** Whether nothing is lost with it: all is undone or cleared. */
  get empty() {
    const { accepted, steps, at } = this.optimistic;
    return !accepted && (at === 0 || steps[at - 1]?.type === "clear");
  }

  /** Whether keys lead to it. */
  get reachable() {
    return !this.hidden && !this.locked;
  }

  /** Brush strokes to draw over the mask. */
  get strokes() {
    return pendingStrokes(this.lane.unconfirmed);
  }
}
