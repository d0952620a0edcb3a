/** One object of the image, as the page knows it: what the server said last, and what is on its way there. */

import { decodeRows } from "./runs.js";
import { foresee, pendingStrokes } from "./steps.js";

/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./runs.js").Rows} Rows */
/** @typedef {import("./queue.js").Lane} Lane */

let last = 0;

export class Thing {
  /**
   * @param {Lane} lane its way to the server
   * @param {number} image
   */
  constructor(lane, image) {
    this.key = ++last;
    this.lane = lane;
    this.image = image;
    /** @type {ObjectState | null} the state that is shown: never one that newer actions have overtaken */
    this.shown = null;
    /** @type {Rows | null} */
    this.mask = null;
    /** Whether it was deleted here. */
    this.deleted = false;
    if (lane.state) this.show(lane.state);
  }

  /** @param {ObjectState} state */
  show(state) {
    const before = this.shown && this.shown.mask;
    this.shown = state;
    if (!state.mask) this.mask = null;
    else if (!before || before.runs !== state.mask.runs || !this.mask) this.mask = decodeRows(state.mask);
  }

  get id() {
    return this.lane.id;
  }

  get area() {
    return this.shown ? this.shown.area : 0;
  }

  get busy() {
    return this.lane.unshown.length > 0;
  }

  /** How it will stand once everything has been carried out. */
  get seen() {
    return foresee(this.shown, this.lane.unshown);
  }

  /** Strokes that are to be drawn over the mask. */
  get strokes() {
    return pendingStrokes(this.lane.unshown);
  }
}
