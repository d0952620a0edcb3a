/** Pointer and wheel events of the browser, passed to the gestures. */

import { Gestures } from "./gestures.js";
import { BASE, MARKS, MASKS } from "./stage.js";

/** @typedef {import("./gestures.js").Outcome} Outcome */
/** @typedef {import("./gestures.js").Pointer} Pointer */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Step} Step */

/**
 * @typedef {object} Grip something on the image that a drag moves
 * @property {boolean} solid whether a press on it is not a prompt
 * @property {(by: Point) => void} move
 * @property {(by: Point) => void} drop [0, 0] after a press without a drag
 * @property {() => void} cancel
 */
/**
 * @typedef {object} InputDeps
 * @property {HTMLElement} host
 * @property {import("./stage.js").Stage} stage
 * @property {Pick<import("./settings.js").Settings, "positive" | "radius">} settings
 * @property {() => import("./gestures.js").Tool} tool that the next gesture draws with
 * @property {(point: Point, reach: number) => Grip | null} grip what a drag from there moves; both in image pixels
 * @property {() => boolean} pans whether drags move the image where nothing is gripped
 * @property {() => boolean} moving whether a drag moves the image and a click selects, as in a read-only view
 * @property {(step: Step) => void} onPrompt
 * @property {(point: Point) => void} onPick
 * @property {(point: Point | null) => void} onHover image point under the pointer
 */

/** Screen pixels within which something is gripped, with a mouse or pen and with a finger. */
const GRIP_REACH = 9;
const TOUCH_GRIP_REACH = 20;
/** Milliseconds after which a finger that rests selects what is there. */
const LONG_PRESS = 500;

export class Input {
  /** Whether the space bar is down, so that drags move the image. */
  space = false;
  #gestures = new Gestures();
  /** What the pointer holds. @type {Grip | null} */
  #grip = null;
  #resting = 0;
  /** The image of the last event. @type {object | null} */
  #on = null;
  #deps;

  /** @param {InputDeps} deps */
  constructor(deps) {
    this.#deps = deps;
    const { host } = deps;
    host.addEventListener("pointerdown", (event) => this.#down(event));
    host.addEventListener("pointermove", (event) => this.#move(event));
    host.addEventListener("pointerup", (event) => this.#up(event));
    host.addEventListener("pointercancel", (event) => this.#apply(this.#gestures.cancel(event.pointerId)));
    host.addEventListener("pointerleave", () => this.#hover(null));
    host.addEventListener("contextmenu", (event) => event.preventDefault());
    host.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    window.addEventListener("blur", () => this.cancel());
  }

  /** Whether something is being drawn. */
  get active() {
    return this.#gestures.active;
  }

  cancel() {
    this.space = false;
    this.#apply(this.#gestures.cancel());
    this.updateCursor();
  }

  /** Cancel a gesture that began on another image. */
  #follow() {
    const { image } = this.#deps.stage;
    if (image !== this.#on) this.#apply(this.#gestures.cancel());
    this.#on = image;
  }

  /** Set the cursor to what a press would do. */
  updateCursor() {
    const { host } = this.#deps;
    const tool = this.#deps.tool();
    const pans = this.space || this.#deps.moving() || this.#deps.pans();
    const brush = !pans && (tool === "brush" || tool === "eraser");
    const { pointer } = this.#deps.stage;
    const grips = pointer !== null && !brush && (this.#grip ?? this.#gripAt(this.#deps.stage.toImage(pointer), false));
    host.dataset.cursor = this.space ? "grab" : grips ? "grip" : pans ? "grab" : brush ? "none" : "cross";
  }

  /** @param {Point} point of the image @param {boolean} touch */
  #gripAt(point, touch) {
    return this.#deps.grip(point, (touch ? TOUCH_GRIP_REACH : GRIP_REACH) / this.#deps.stage.view.scale);
  }

  /** @param {PointerEvent} event @returns {Pointer} */
  #pointer(event) {
    const box = this.#deps.host.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const { pointerId: id, button, shiftKey: shift, altKey: alt } = event;
    return { id, x, y, at: this.#deps.stage.toImage([x, y]), button, touch: event.pointerType === "touch", shift, alt };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const { host, settings } = this.#deps;
    if (event.target instanceof Element && event.target.closest("button, .above, .notes, .group, .empty")) return;
    event.preventDefault();
    host.dataset.pointer = ""; // hides the focus frame around the image
    host.focus({ preventScroll: true });
    host.setPointerCapture(event.pointerId);
    this.#follow();
    const { positive, radius } = settings;
    const tool = this.#deps.tool();
    const pointer = this.#pointer(event);
    clearTimeout(this.#resting);
    if (!pointer.touch) this.#apply(this.#gestures.dropTouch());
    else this.#resting = setTimeout(() => this.#apply(this.#gestures.rest()), LONG_PRESS);
    this.#hover(pointer.touch ? null : pointer);
    if (!this.active) this.#grip = this.space ? null : this.#gripAt(pointer.at, pointer.touch);
    const grip = this.#grip && (this.#grip.solid ? "solid" : "open");
    const panning = this.space || this.#deps.moving() || (!grip && this.#deps.pans());
    this.#apply(this.#gestures.down(pointer, { tool, positive, radius, panning, grip }));
    if (!this.active) this.#grip = null;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.#follow();
    const pointer = this.#pointer(event);
    // Browsers merge moves into one per frame; the coalesced events make smooth lines. Their places are read before
    // anything is shown: each would cost a layout afterwards.
    const events = event.getCoalescedEvents?.() ?? [];
    const pointers = (events.length ? events : [event]).map((each) => ({ ...this.#pointer(each), id: pointer.id }));
    if (event.pointerType !== "touch") this.#hover(pointer);
    for (const each of pointers) this.#apply(this.#gestures.move(each));
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#follow();
    this.#apply(this.#gestures.up(this.#pointer(event)));
  }

  /** @param {Outcome[]} outcomes */
  #apply(outcomes) {
    const { stage } = this.#deps;
    for (const outcome of outcomes) {
      switch (outcome.type) {
        case "draft": {
          const brush = stage.draft?.kind === "brush" || outcome.draft?.kind === "brush";
          stage.draft = outcome.draft;
          stage.redraw(brush ? MARKS | MASKS : MARKS);
          break;
        }
        case "grip":
          if (!outcome.by) this.#grip?.cancel();
          else if (outcome.done) this.#grip?.drop(outcome.by);
          else this.#grip?.move(outcome.by);
          if (outcome.done) this.#grip = null;
          break;
        case "pan":
          stage.pan(outcome.dx, outcome.dy);
          break;
        case "pinch":
          stage.pan(outcome.dx, outcome.dy);
          stage.zoom(outcome.factor, [outcome.x, outcome.y]);
          break;
        case "pick":
          this.#deps.onPick(stage.toImage([outcome.x, outcome.y]));
          break;
        case "prompt":
          this.#deps.onPrompt(outcome.step);
          break;
      }
    }
  }

  /** @param {Pointer | null} pointer */
  #hover(pointer) {
    const { stage } = this.#deps;
    stage.pointer = pointer && [pointer.x, pointer.y];
    if (pointer) stage.cross = null;
    stage.redraw(MARKS);
    if (!this.active) this.updateCursor();
    this.#deps.onHover(pointer && pointer.at);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const { stage, host } = this.#deps;
    const box = host.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
    if (event.shiftKey && !event.ctrlKey) {
      stage.pan(-(event.deltaX || event.deltaY) * unit, event.deltaX ? -event.deltaY * unit : 0);
      return;
    }
    // Touchpads report a pinch as a wheel with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    const factor = Math.exp(-Math.max(-240, Math.min(240, event.deltaY * unit)) * speed);
    stage.zoom(factor, [event.clientX - box.left, event.clientY - box.top]);
    stage.redraw(BASE);
  }
}
