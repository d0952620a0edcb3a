/** One object of the image, as the page knows it: what the server said last, and what is on its way there. */

import { decodeRows } from "./rle.js";
import { optimisticState, pendingStrokes } from "./steps.js";

/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./rle.js").Rows} Rows */
/** @typedef {import("./queue.js").Lane} Lane */

let last = 0;

export class ObjectEntry {
  /**
   * @param {Lane} lane its way to the server
   * @param {number} image
   */
  constructor(lane, image) {
    this.key = ++last;
    this.lane = lane;
    this.image = image;
    /** @type {ObjectState | null} the state that is shown: never one that newer actions have overtaken */
    this.confirmed = null;
    /** @type {Rows | null} */
    this.mask = null;
    /** Whether it was deleted here. */
    this.deleted = false;
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

  /** How it will stand once everything has been carried out. */
  get optimistic() {
    return optimisticState(this.confirmed, this.lane.unconfirmed);
  }

  /** Whether the list of images counts it: an object that was undone to nothing is not. */
  get counted() {
    const { accepted, at } = this.optimistic;
    return accepted || at > 0;
  }

  /** Brush strokes to draw over the mask. */
  get strokes() {
    return pendingStrokes(this.lane.unconfirmed);
  }
}
