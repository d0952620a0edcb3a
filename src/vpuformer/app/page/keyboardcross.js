/** Prompts without a pointer: the keys move a cross over the image. */

import { boxOf } from "./gestures.js";
import { clamped } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {Pick<import("./actions.js").ActionDeps, "session" | "settings" | "stage" | "renderer" | "toasts">} CrossDeps */

/** Screen pixels that the cross moves. */
const STEP = 10;

export class KeyboardCross {
  #deps;
  #onPrompt;
  /** First corner of a box or begin of a line, and its image. @type {{at: Point, on: object} | null} */
  #set = null;

  /**
   * @param {CrossDeps} deps
   * @param {(step: Step) => void} onPrompt
   */
  constructor(deps, onPrompt) {
    this.#deps = deps;
    this.#onPrompt = onPrompt;
  }

  /** First corner of a box, or begin of a line, on the open image. */
  get corner() {
    return this.#set && this.#set.on === this.#deps.session.image ? this.#set.at : null;
  }

  dropCorner() {
    const { stage } = this.#deps;
    this.#set = null;
    stage.draft = null;
    stage.redraw();
  }

  /** @param {string} combo an arrow key; with Ctrl it moves by one pixel of the image */
  move(combo) {
    const { session, settings, stage, renderer } = this.#deps;
    const { image } = session;
    if (!image) return;
    const far = combo.startsWith("Ctrl") ? 1 : Math.max(1, STEP / stage.view.scale);
    const dx = combo.endsWith("Left") ? -far : combo.endsWith("Right") ? far : 0;
    const dy = combo.endsWith("Up") ? -far : combo.endsWith("Down") ? far : 0;
    const [x, y] = stage.cross ?? stage.toImage([stage.size.width / 2, stage.size.height / 2]);
    stage.cross = clamped([x + dx, y + dy], image);
    const from = this.corner;
    if (from) stage.draft = { kind: session.picking === "cut" ? "scribble" : "box", positive: settings.positive, path: [from, stage.cross], radius: 0 };
    stage.reveal(stage.cross);
    renderer.where(stage.cross);
    stage.redraw();
  }

  /** Give a prompt at the cross, or set a corner there. @param {boolean} positive */
  prompt(positive) {
    const { session, settings, stage, toasts } = this.#deps;
    const point = stage.cross;
    if (!point) return toasts.show("First move the cross with Shift and the arrow keys.");
    const cuts = session.picking === "cut";
    if (!session.picking && (settings.tool === "brush" || settings.tool === "eraser")) {
      const paints = positive !== (settings.tool === "eraser");
      return this.#onPrompt({ type: "brush", path: [point], radius: settings.radius, positive: paints });
    }
    if (!cuts && (session.picking || settings.tool !== "box")) return this.#onPrompt({ type: "click", point, positive });
    const from = this.corner;
    if (!from) {
      if (session.image) this.#set = { at: point, on: session.image };
      return;
    }
    this.dropCorner();
    if (cuts) return this.#onPrompt({ type: "scribble", path: [from, point], positive });
    const box = boxOf(from, point);
    if (box[0] < box[2] && box[1] < box[3]) this.#onPrompt({ type: "box", box, positive });
  }
}
