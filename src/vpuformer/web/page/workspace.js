/** The open image, its objects and their prompts: what the stage draws. */

import { COLOURS } from "../../app/page/colours.js";
import { contains } from "../../app/page/rle.js";
import { fit, optimisticState } from "../../app/page/steps.js";

/** @typedef {import("./prompts.js").Prompt} Prompt */
/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {import("../../app/page/types.js").Point} Point */
/** @typedef {import("../../app/page/types.js").Step} Step */
/** @typedef {{id: number, name: string, width: number, height: number}} OpenImage */
/**
 * @typedef {object} PromptStep
 * @property {number} id
 * @property {Prompt} prompt
 * @property {Rows | null} rows the mask after the prompt; null until it is answered
 * @property {number} asked when the prompt was given, in milliseconds
 * @property {number} took milliseconds until its answer
 */

let last = 0;

export class OutlinedObject {
  id = ++last;
  hidden = false;
  /** Nothing is accepted on this page, so its outlines are all solid. */
  tentative = false;
  /** @type {[]} brush strokes, of which this page has none */
  strokes = [];
  /** @type {PromptStep[]} */
  steps = [];
  /** Number of steps in force; those after it were undone. */
  at = 0;

  get prompts() {
    return this.steps.slice(0, this.at).map(({ prompt }) => prompt);
  }

  /** The newest step in force that is answered. */
  get answered() {
    return this.steps.slice(0, this.at).findLast(({ rows }) => rows) ?? null;
  }

  get mask() {
    return this.answered?.rows ?? null;
  }

  get busy() {
    return this.steps.slice(0, this.at).some(({ rows }) => !rows);
  }

  get optimistic() {
    const state = optimisticState(null, this.steps.map(({ prompt }) => ({ type: "step", key: "", step: prompt })));
    return { ...state, at: this.at, known: this.steps.filter(({ rows }) => rows).length };
  }
}

export class Workspace {
  /** @type {OpenImage | null} */
  image = null;
  /** In the order in which they were begun. @type {OutlinedObject[]} */
  objects = [];
  /** @type {OutlinedObject | null} */
  current = null;
  hovered = null;
  /** @type {OutlinedObject[]} one object at a time is selected */
  group = [];
  selected = null;
  #ask;

  /** @param {(object: number, step: number, prompts: Prompt[]) => void} ask asks for the mask of an object's prompts */
  constructor(ask) {
    this.#ask = ask;
  }

  get stacked() {
    return this.objects;
  }

  get busy() {
    return this.objects.some((each) => each.busy);
  }

  /** Objects with a mask. */
  get outlined() {
    return this.objects.filter(({ mask }) => mask?.area);
  }

  /** @param {OpenImage} image */
  open(image) {
    this.image = image;
    this.objects = [];
    this.current = null;
  }

  /** @param {OutlinedObject | null} entry */
  colourOf(entry) {
    return COLOURS[((entry ? this.objects.indexOf(entry) : this.objects.length) + 1) % COLOURS.length];
  }

  /** Give a prompt to the current object, or begin one. @param {Step} step */
  add(step) {
    const fitting = this.image && fit(step, this.image);
    if (!fitting || (fitting.type !== "click" && fitting.type !== "box" && fitting.type !== "scribble")) return;
    if (!this.current) {
      this.current = new OutlinedObject();
      this.objects.push(this.current);
    }
    const { current } = this;
    current.steps.length = current.at;
    const id = ++last;
    current.at = current.steps.push({ id, prompt: fitting, rows: null, asked: performance.now(), took: 0 });
    this.#ask(current.id, id, current.prompts);
  }

  /** @param {number} id of the step @param {Rows} rows */
  answer(id, rows) {
    const step = this.objects.flatMap(({ steps }) => steps).find((each) => each.id === id);
    if (step) Object.assign(step, { rows, took: performance.now() - step.asked });
  }

  /** Drop a step that got no answer, and those after it. @param {number} id of the step */
  drop(id) {
    for (const object of this.objects) {
      const index = object.steps.findIndex((step) => step.id === id);
      if (index >= 0) object.steps.length = index;
      object.at = Math.min(object.at, object.steps.length);
    }
  }

  undo() {
    if (this.current?.at) this.current.at--;
  }

  redo() {
    if (this.current && this.current.at < this.current.steps.length) this.current.at++;
  }

  /** Let the next prompt begin an object. */
  begin() {
    this.objects = this.objects.filter((each) => each.at);
    this.current = null;
  }

  /** Remove the current object. */
  remove() {
    this.objects = this.objects.filter((each) => each !== this.current);
    this.current = null;
  }

  /** Remove the current object, or all if there is none. */
  clear() {
    if (this.current) this.remove();
    else this.objects = [];
  }

  /** Make the topmost object at this point the current one. @param {Point} point */
  pick([x, y]) {
    const picked = this.objects.findLast(({ mask }) => mask && contains(mask, x, y));
    if (!picked || picked === this.current) return;
    this.begin();
    this.current = picked;
  }
}
