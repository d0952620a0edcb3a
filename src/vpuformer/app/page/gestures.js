/**
 * From pointer events to prompts: a state machine that is independent of the browser.
 *
 * Every call takes one pointer event and returns its outcomes. Screen distances distinguish clicks from drags. Points of
 * prompts are image points, computed at the time of the event.
 */

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Edges} Edges */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {"smart" | "click" | "box" | "scribble" | "lasso" | "brush" | "eraser"} Tool */
/**
 * @typedef {object} Pointer
 * @property {number} id
 * @property {number} x screen position in CSS pixels
 * @property {number} y
 * @property {Point} at image point
 * @property {number} button 0 left, 1 middle, 2 right, 5 a pen's eraser
 * @property {boolean} touch
 * @property {boolean} shift
 * @property {boolean} alt
 */
/** @typedef {{tool: Tool, positive: boolean, radius: number, panning: boolean, grip?: "open" | "solid" | null}} Settings grip: what is under the pointer can be dragged; a press on something solid gives no prompt */
/** @typedef {"click" | "box" | "scribble" | "lasso" | "brush"} Kind */
/** @typedef {{kind: Kind, positive: boolean, path: Point[], radius: number}} Draft what is being drawn */
/**
 * @typedef {{type: "draft", draft: Draft | null}
 *   | {type: "prompt", step: Step}
 *   | {type: "grip", by: Point | null, done: boolean}
 *   | {type: "pan", dx: number, dy: number}
 *   | {type: "pinch", factor: number, x: number, y: number, dx: number, dy: number}
 *   | {type: "pick", x: number, y: number}} Outcome
 */

/** Screen pixels below which a drag is a click. */
const CLICK_REACH = 4;
/** The same for fingers, which are less steady. */
const TOUCH_REACH = 9;
/** Screen pixels between two points of a path. */
const STEP = 1.5;
/** Maximum number of points in a path; beyond it, every second point is dropped. */
export const MOST_POINTS = 8000;

/**
 * @typedef {object} Drag
 * @property {number} id
 * @property {Kind} kind prompt to draw if the drag goes far enough
 * @property {Tool} tool
 * @property {boolean} touch
 * @property {boolean} positive
 * @property {number} radius
 * @property {number} x start
 * @property {number} y
 * @property {boolean} far
 * @property {Point[]} path
 * @property {number} lastX
 * @property {number} lastY
 * @property {number} step
 * @property {Point} at
 * @property {"open" | "solid" | null} grip
 */

export class Gestures {
  /** @type {Drag | null} */
  #drag = null;
  /** Where the pointer is that moves the image, and how far it went. @type {{id: number, x: number, y: number, far: number, picks: boolean} | null} */
  #pan = null;
  /** @type {Map<number, {x: number, y: number}>} */
  #fingers = new Map();
  /** Whether two fingers were down; the remaining one draws nothing until it is lifted. */
  #pinching = false;

  /** Whether something is being drawn, moved or zoomed. */
  get active() {
    return this.#drag !== null || this.#pan !== null || this.#pinching;
  }

  /**
   * @param {Pointer} pointer
   * @param {Settings} settings
   * @returns {Outcome[]}
   */
  down(pointer, settings) {
    const { id, x, y } = pointer;
    if (pointer.touch) {
      if (this.#drag && !this.#drag.touch) return []; // the hand that holds a pen
      this.#fingers.set(id, { x, y });
      if (this.#fingers.size > 1) {
        this.#pinching = true;
        this.#pan = null;
        return this.#dropDrag();
      }
    }
    if (this.#drag || this.#pan) return [];
    if (pointer.button === 1 || settings.panning) {
      this.#pan = { id, x, y, far: 0, picks: pointer.button === 0 };
      return [];
    }
    if (![0, 2, 5].includes(pointer.button)) return [];
    if (pointer.alt && pointer.button === 0) return [{ type: "pick", x, y }];
    const { tool } = settings;
    const other = pointer.button !== 0;
    this.#drag = {
      id,
      kind: kindOf(tool, pointer.shift),
      tool,
      touch: pointer.touch,
      positive: tool === "eraser" ? other : settings.positive !== other,
      radius: settings.radius,
      x,
      y,
      far: false,
      path: [pointer.at],
      lastX: x,
      lastY: y,
      step: STEP,
      at: pointer.at,
      grip: pointer.button === 0 && !pointer.shift ? (settings.grip ?? null) : null,
    };
    return this.#drafted();
  }

  /**
   * @param {Pointer} pointer
   * @returns {Outcome[]}
   */
  move(pointer) {
    const { id, x, y } = pointer;
    if (this.#pinching && this.#fingers.has(id)) return this.#pinch(pointer);
    const finger = this.#fingers.get(id);
    if (finger) [finger.x, finger.y] = [x, y];
    if (this.#pan && this.#pan.id === id) {
      const moved = { dx: x - this.#pan.x, dy: y - this.#pan.y };
      this.#pan = { ...this.#pan, x, y, far: this.#pan.far + Math.hypot(moved.dx, moved.dy) };
      return [{ type: "pan", ...moved }];
    }
    const drag = this.#drag;
    if (!drag || drag.id !== id) return [];
    drag.at = pointer.at;
    if (Math.hypot(x - drag.x, y - drag.y) >= (drag.touch ? TOUCH_REACH : CLICK_REACH)) drag.far = true;
    if (Math.hypot(x - drag.lastX, y - drag.lastY) >= drag.step) {
      [drag.lastX, drag.lastY] = [x, y];
      drag.path.push(pointer.at);
      if (drag.path.length >= MOST_POINTS) {
        drag.path = drag.path.filter((_, i) => i % 2 === 0);
        drag.step *= 2;
      }
    }
    return this.#drafted();
  }

  /**
   * @param {Pointer} pointer
   * @returns {Outcome[]}
   */
  up(pointer) {
    const { id, x, y } = pointer;
    this.#lift(id);
    if (this.#pan && this.#pan.id === id) {
      const { far, picks } = this.#pan;
      this.#pan = null;
      return picks && far < (pointer.touch ? TOUCH_REACH : CLICK_REACH) ? [{ type: "pick", x, y }] : [];
    }
    const drag = this.#drag;
    if (!drag || drag.id !== id) return [];
    this.move(pointer);
    if (drag.grip && (drag.far || drag.grip === "solid")) {
      this.#drag = null;
      return [{ type: "grip", by: pathOf(drag), done: true }];
    }
    const step = stepOf(drag);
    /** @type {Outcome[]} */
    const outcomes = this.#dropDrag();
    return step ? [...outcomes, { type: "prompt", step }] : outcomes;
  }

  /**
   * A finger has rested for a while: it selects what is there, and draws nothing. A brush has painted by then.
   *
   * @returns {Outcome[]}
   */
  rest() {
    const drag = this.#drag;
    if (!drag || !drag.touch || drag.far || drag.kind === "brush" || drag.grip === "solid") return [];
    return [...this.#dropDrag(), { type: "pick", x: drag.x, y: drag.y }];
  }

  /**
   * Cancel the gesture of a pointer, or of all pointers.
   *
   * @param {number | null} id null for all pointers
   * @returns {Outcome[]}
   */
  cancel(id = null) {
    if (id === null) this.#fingers.clear();
    else this.#lift(id);
    if (id === null) this.#pinching = false;
    if (this.#pan && (id === null || this.#pan.id === id)) this.#pan = null;
    return this.#drag && (id === null || this.#drag.id === id) ? this.#dropDrag() : [];
  }

  /** Drop what a finger has begun but not drawn far: it was the hand that holds a pen. @returns {Outcome[]} */
  dropTouch() {
    if (this.#pan && this.#fingers.has(this.#pan.id) && this.#pan.far < TOUCH_REACH) this.#pan = null;
    return this.#drag?.touch && !this.#drag.far ? this.#dropDrag() : [];
  }

  /** @param {number} id */
  #lift(id) {
    this.#fingers.delete(id);
    if (this.#fingers.size === 0) this.#pinching = false;
  }

  /** @returns {Outcome[]} */
  #dropDrag() {
    const drag = this.#drag;
    if (!drag) return [];
    this.#drag = null;
    return [drag.grip ? { type: "grip", by: null, done: true } : { type: "draft", draft: null }];
  }

  /** @returns {Outcome[]} */
  #drafted() {
    const drag = this.#drag;
    if (!drag) return [];
    const { kind, positive, radius } = drag;
    if (drag.grip) return drag.far ? [{ type: "grip", by: pathOf(drag), done: false }] : [];
    if (kind === "click" || (!drag.far && kind !== "brush")) return [{ type: "draft", draft: null }];
    const path = kind === "box" ? [drag.path[0], drag.at] : drag.path;
    return [{ type: "draft", draft: { kind, positive, path, radius } }];
  }

  /**
   * @param {Pointer} pointer
   * @returns {Outcome[]}
   */
  #pinch({ id, x, y }) {
    const fingers = [...this.#fingers.keys()].slice(0, 2);
    const other = this.#fingers.get(fingers[0] === id ? fingers[1] : fingers[0]);
    const own = this.#fingers.get(id);
    if (!own) return [];
    const was = { ...own };
    [own.x, own.y] = [x, y];
    if (!other || !fingers.includes(id)) return [];
    const before = Math.hypot(was.x - other.x, was.y - other.y);
    const after = Math.hypot(x - other.x, y - other.y);
    return [
      {
        type: "pinch",
        factor: before > 8 && after > 8 ? after / before : 1,
        x: (x + other.x) / 2,
        y: (y + other.y) / 2,
        dx: (x - was.x) / 2,
        dy: (y - was.y) / 2,
      },
    ];
  }
}

/** How far a drag went; nowhere if it is a press. @param {Drag} drag @returns {Point} in image pixels */
function pathOf({ far, path, at }) {
  return far ? [at[0] - path[0][0], at[1] - path[0][1]] : [0, 0];
}

/** @param {Tool} tool @param {boolean} shift @returns {Kind} */
function kindOf(tool, shift) {
  if (tool === "smart") return shift ? "scribble" : "box";
  return tool === "eraser" ? "brush" : tool;
}

/**
 * The step that a finished drag means; null if none.
 *
 * @param {Drag} drag
 * @returns {Step | null}
 */
function stepOf(drag) {
  const { positive, path } = drag;
  if (drag.tool === "click" || (drag.tool === "smart" && !drag.far)) return { type: "click", point: path[0], positive };
  switch (drag.kind) {
    case "brush":
      return { type: "brush", path, radius: drag.radius, positive };
    case "scribble":
      return { type: "scribble", path, positive };
    case "lasso":
      return drag.far && path.length > 2 ? { type: "lasso", path } : null;
    case "box":
      return drag.far ? { type: "box", box: boxOf(path[0], drag.at), positive } : null;
    default:
      return null;
  }
}

/** @param {Point} a @param {Point} b @returns {Edges} */
export function boxOf(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}
