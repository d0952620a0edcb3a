/** Prompts without a pointer: the keys move a cross over the image. */

import { boxOf } from "./gestures.js";
import { arrowOf } from "./keys.js";
import { text } from "./texts.js";
import { clamped } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Step} Step */
/**
 * @typedef {object} CrossDeps
 * @property {{image: import("./viewport.js").Size | null, picking: import("./session.js").Session["picking"]}} session
 * @property {Pick<import("./settings.js").Settings, "tool" | "positive" | "radius">} settings
 * @property {import("./stage.js").Stage} stage
 * @property {{where: (point: Point) => void}} renderer
 * @property {{show: (sentence: string) => void}} toasts
 */

/** Screen pixels that the cross moves. */
const STEP = 10;

/** Minimum number of points of a lasso, which needs an area. */
const LEAST_POINTS = 3;

/** @typedef {"box" | "scribble" | "lasso"} Kind */

export class KeyboardCross {
  #deps;
  #onPrompt;
  /** What is being drawn, where the cross has been, and the image. @type {{kind: Kind, path: Point[], on: object} | null} */
  #drawing = null;

  /**
   * @param {CrossDeps} deps
   * @param {(step: Step) => void} onPrompt
   */
  constructor(deps, onPrompt) {
    this.#deps = deps;
    this.#onPrompt = onPrompt;
  }

  /** Whether a box, a scribble or a lasso has been begun on the open image. */
  get draws() {
    return this.#drawing !== null && this.#drawing.on === this.#deps.session.image;
  }

  drop() {
    const { stage } = this.#deps;
    this.#drawing = null;
    stage.draft = null;
    stage.redraw();
  }

  /** @param {string} combo an arrow key; with Ctrl it moves by one pixel of the image */
  move(combo) {
    const { session, stage, settings, renderer } = this.#deps;
    const { image } = session;
    const by = arrowOf(combo);
    if (!image || !by) return;
    const far = combo.startsWith("Ctrl") ? 1 : Math.max(1, STEP / stage.view.scale);
    const [x, y] = stage.cross ?? stage.toImage([stage.size.width / 2, stage.size.height / 2]);
    stage.cross = clamped([x + by[0] * far, y + by[1] * far], image);
    if (this.#drawing && this.draws) {
      const { kind, path } = this.#drawing;
      this.#drawing.path = kind === "box" ? [path[0], stage.cross] : [...path, stage.cross];
      stage.draft = { kind, positive: settings.positive, path: this.#drawing.path, radius: 0 };
    }
    stage.reveal(stage.cross);
    renderer.where(stage.cross);
    stage.redraw();
  }

  /** What the tool draws with the cross; null for a click or a brush. @returns {Kind | null} */
  get #kind() {
    const { session, settings } = this.#deps;
    if (session.picking) return session.picking === "cut" ? "scribble" : null;
    return settings.tool === "box" || settings.tool === "scribble" || settings.tool === "lasso" ? settings.tool : null;
  }

  /** Give a prompt at the cross, or begin or end a drawing there. @param {boolean} positive */
  prompt(positive) {
    const { session, settings, stage, toasts } = this.#deps;
    const point = stage.cross;
    if (!point) return toasts.show(text("cross.moveFirst"));
    if (!session.picking && (settings.tool === "brush" || settings.tool === "eraser")) {
      const paints = positive !== (settings.tool === "eraser");
      return this.#onPrompt({ type: "brush", path: [point], radius: settings.radius, positive: paints });
    }
    const kind = this.#kind;
    if (!kind) return this.#onPrompt({ type: "click", point, positive });
    if (!this.#drawing || !this.draws) {
      if (session.image) this.#drawing = { kind, path: [point], on: session.image };
      return;
    }
    const { path } = this.#drawing;
    if (kind === "lasso" && path.length < LEAST_POINTS) return toasts.show(text("cross.moveAround"));
    this.drop();
    if (kind === "scribble") return this.#onPrompt({ type: "scribble", path, positive });
    if (kind === "lasso") return this.#onPrompt({ type: "lasso", path });
    const box = boxOf(path[0], point);
    if (box[0] < box[2] && box[1] < box[3]) this.#onPrompt({ type: "box", box, positive });
  }
}
