/** Moving and resizing prompts of the current object, by drags on the image and by arrow keys. */

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
/** @typedef {{step: StoredStep, index: number, moving: Moving}} Held */
/** @typedef {{entry: ObjectEntry, index: number, place: Place}} Move */

/** @type {Moving} */
const WHOLE = [true, true, true, true];
/** Tools that may grip a prompt; the others draw over it. */
const GRIPPING = ["smart", "click", "box"];

/**
 * The prompt that a drag from a point moves: a click, or a box by its corners. The selected prompt can also be moved by
 * its edges or its line.
 *
 * @param {{step: StoredStep, index: number}[]} prompts
 * @param {Point} point
 * @param {number} reach in image pixels
 * @param {number | null} selected index of the selected prompt
 * @returns {Held | null}
 */
export function promptUnder(prompts, point, reach, selected) {
  /** @type {(Held & {far: number})[]} */
  const held = [];
  for (const { step, index } of prompts) {
    const far = distanceTo(step, point);
    if (far > reach) continue;
    /** @type {Moving} */
    const edges = step.box
      ? /** @type {Moving} */ (step.box.map((edge, i) => Math.abs(edge - point[i % 2]) <= reach))
      : WHOLE;
    // A small box has opposite edges in reach: the right and the lower one move, so that it can grow.
    if (step.box && edges[0] && edges[2]) edges[0] = false;
    if (step.box && edges[1] && edges[3]) edges[1] = false;
    const corner = step.box !== null && edges.filter(Boolean).length === 2;
    if (index === selected || corner || step.point) held.push({ step, index, moving: edges, far: step.point ? far - reach : far });
  }
  return held.sort((a, b) => a.far - b.far)[0] ?? null;
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

  /** Prompts that can be moved: the server knows them. */
  get #prompts() {
    const { current, readOnly } = this.#session;
    return current && !readOnly ? livePrompts(current.optimistic).filter(({ pending }) => !pending) : [];
  }

  /**
   * What a drag from a point of the image moves.
   *
   * @param {Point} point
   * @param {number} reach in image pixels
   * @returns {import("./input.js").Grip | null}
   */
  grip(point, reach) {
    const { current, selected, picking, image } = this.#session;
    if (!current || !image || picking || !GRIPPING.includes(this.#settings.tool)) return null;
    const held = promptUnder(this.#prompts, point, reach, selected);
    if (!held) return null;
    const { step, index, moving } = held;
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
    const { current, selected, image } = this.#session;
    const prompt = this.#prompts.find(({ index }) => index === selected);
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
