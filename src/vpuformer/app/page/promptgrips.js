/** Moving and resizing the selected prompt, by drags on the image and by arrow keys. */

import { boxOf } from "./gestures.js";
import { Latest } from "./latest.js";
import { MARKS } from "./stage.js";
import { distanceTo, livePrompts } from "./steps.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Edges} Edges */
/** @typedef {import("./types.js").StoredStep} StoredStep */
/** @typedef {import("./viewport.js").Size} Size */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */
/** @typedef {{point?: Point, box?: Edges, path?: Point[]}} Place of a click, a box or a scribble */
/** @typedef {[boolean, boolean, boolean, boolean]} Moving which edges of a box move: left, top, right, bottom */
/** @typedef {{entry: ObjectEntry, index: number, place: Place}} Move */

/** @type {Moving} */
const WHOLE = [true, true, true, true];
/** Tools that may grip a prompt; the others draw over it. */
const GRIPPING = ["smart", "click", "box"];

/**
 * What a drag from a point moves of a prompt: edges of a box, a click or a line as a whole. Null if it is out of reach.
 *
 * @param {StoredStep} step
 * @param {Point} point
 * @param {number} reach in image pixels
 * @returns {Moving | null}
 */
export function movingFrom(step, point, reach) {
  if (distanceTo(step, point) > reach) return null;
  if (!step.box) return WHOLE;
  const edges = /** @type {Moving} */ (step.box.map((edge, i) => Math.abs(edge - point[i % 2]) <= reach));
  // A small box has opposite edges in reach: the right and the lower one move, so that it can grow.
  if (edges[2]) edges[0] = false;
  if (edges[3]) edges[1] = false;
  return edges;
}

/**
 * Where a prompt is after a move, inside the image; null if a box would have no area.
 *
 * @param {StoredStep} step
 * @param {Moving} moving
 * @param {Point} by
 * @param {Size} image
 * @returns {Place | null}
 */
export function placeAfter(step, moving, by, image) {
  const points = step.path ?? (step.point ? [step.point] : []);
  const edge = step.box ? 0.5 : 0;
  const [left, top, right, bottom] = step.box ?? boundsOf(points);
  /** @param {number} shift @param {number} from @param {number} to @param {number} length */
  const within = (shift, from, to, length) => Math.min(length - 1 + edge - to, Math.max(-edge - from, shift));
  if (step.box && !moving.every(Boolean)) {
    const [x0, y0, x1, y1] = step.box.map((each, i) =>
      moving[i] ? each + within(by[i % 2], each, each, i % 2 ? image.height : image.width) : each);
    const box = boxOf([x0, y0], [x1, y1]);
    return box[0] < box[2] && box[1] < box[3] ? { box } : null;
  }
  const dx = within(by[0], left, right, image.width);
  const dy = within(by[1], top, bottom, image.height);
  if (step.box) return { box: [left + dx, top + dy, right + dx, bottom + dy] };
  const shifted = points.map(([x, y]) => /** @type {Point} */ ([x + dx, y + dy]));
  return step.point ? { point: shifted[0] } : { path: shifted };
}

/** @param {Point[]} points @returns {Edges} */
function boundsOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const least = (/** @type {number[]} */ all) => all.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (/** @type {number[]} */ all) => all.reduce((a, b) => Math.max(a, b), -Infinity);
  return [least(xs), least(ys), most(xs), most(ys)];
}

export class PromptGrips {
  /** Sends the place of a prompt once the arrow keys rest. @type {Latest<Move>} */
  #latest;
  #session;
  #stage;
  #settings;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./stage.js").Stage} stage
   * @param {import("./settings.js").Settings} settings
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   */
  constructor(session, stage, settings, clock) {
    this.#session = session;
    this.#stage = stage;
    this.#settings = settings;
    this.#latest = new Latest((move) => this.#send(move), () => !session.current?.busy, clock);
  }

  /** The selected prompt, if it can be moved: the server knows it. A drag from any other prompt draws. */
  get #prompt() {
    const { current, selected, readOnly } = this.#session;
    const prompts = current && selected !== null && !readOnly ? livePrompts(current.optimistic) : [];
    return prompts.find(({ index, pending }) => index === selected && !pending);
  }

  /**
   * What a drag from a point of the image moves.
   *
   * @param {Point} point
   * @param {number} reach in image pixels
   * @returns {import("./input.js").Grip | null}
   */
  grip(point, reach) {
    const { current, picking, image } = this.#session;
    const prompt = this.#prompt;
    const moving = prompt && movingFrom(prompt.step, point, reach);
    if (!current || !image || !moving || picking || !GRIPPING.includes(this.#settings.tool)) return null;
    const { step, index } = prompt;
    const show = (/** @type {Place | null} */ place) => this.#show(place && { index, place });
    return {
      solid: false,
      move: (by) => show(placeAfter(step, moving, by, image)),
      drop: (by) => {
        this.flush();
        const place = placeAfter(step, moving, by, image);
        this.#send(place && { entry: current, index, place });
      },
      cancel: () => show(null),
    };
  }

  /**
   * Move the selected prompt. Moves in quick succession make one step.
   *
   * @param {Point} by in image pixels
   * @returns {boolean} whether a prompt is selected
   */
  nudge(by) {
    const { current, image } = this.#session;
    const prompt = this.#prompt;
    if (!current || !image || !prompt) return false;
    const { index } = prompt;
    const held = this.#latest.waiting && this.#stage.held?.index === index ? this.#stage.held.place : {};
    const place = placeAfter({ ...prompt.step, ...held }, WHOLE, by, image);
    if (place) {
      this.#show({ index, place });
      void this.#latest.put({ entry: current, index, place });
    }
    return true;
  }

  /** Send a move that waits, before another action. */
  flush() {
    this.#latest.flush();
  }

  /** Call after each answer. */
  show() {
    this.#latest.settle();
  }

  /** @param {{index: number, place: Place} | null} held */
  #show(held) {
    this.#stage.held = held;
    this.#stage.redraw(MARKS);
  }

  /** @param {Move | null} move */
  #send(move) {
    this.#show(null);
    if (move) this.#session.movePrompt(move.entry, move.index, move.place);
  }
}
