/** Steps of an object, including unconfirmed ones: their effect, names and geometry. */

import { text } from "./texts.js";
import { clamped, inside, nearestOnLine } from "./viewport.js";

/** @typedef {import("./types.js").StoredStep} StoredStep */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./queue.js").Action} Action */

/**
 * @typedef {object} OptimisticState
 * @property {StoredStep[]} steps
 * @property {number} at number of steps in force
 * @property {number} known number of steps that the server has confirmed
 * @property {number | null} label
 * @property {boolean} accepted
 * @property {boolean} deleted
 * @property {Record<string, string | number>} attributes
 */

/** Types of steps that make earlier prompts inactive. */
const STARTS = ["clear", "lasso", "polygon", "merge", "subtract", "split"];

/** @param {Step} step @returns {StoredStep} */
function storedStep(step) {
  return {
    type: step.type,
    positive: "positive" in step ? step.positive : true,
    point: "point" in step ? (step.point ?? null) : null,
    box: "box" in step ? (step.box ?? null) : null,
    path: "path" in step ? (step.path ?? null) : null,
    radius: step.type === "brush" ? step.radius : null,
    only_here: "only_here" in step && step.only_here === true,
    step: "step" in step ? step.step : null,
    index: step.type === "choose" ? step.index : null,
    threshold: step.type === "tidy" ? step.threshold : null,
    holes: step.type === "tidy" ? step.holes : null,
    specks: step.type === "tidy" ? step.specks : null,
    smooth: step.type === "tidy" ? step.smooth : null,
    objects: "objects" in step ? step.objects : null,
    live: true,
    person: null,
  };
}

/**
 * The state of an object after all pending actions.
 *
 * @param {ObjectState | null} state
 * @param {Action[]} actions
 * @returns {OptimisticState}
 */
export function optimisticState(state, actions) {
  /** @type {OptimisticState} */
  const optimistic = {
    steps: state ? [...state.steps] : [],
    at: state ? state.at : 0,
    known: state ? state.steps.length : 0,
    label: state ? state.label : null,
    accepted: state ? state.accepted : false,
    deleted: state ? state.deleted : false,
    attributes: state ? state.attributes : {},
  };
  for (const action of actions) {
    if (action.type === "create") optimistic.label = action.label;
    else if (action.type === "change") Object.assign(optimistic, action.change);
    else if (action.type === "undoRedo") {
      optimistic.at = Math.max(0, Math.min(optimistic.steps.length, optimistic.at + (action.direction === "undo" ? -1 : 1)));
    } else if (action.type === "step") {
      optimistic.steps.length = optimistic.at;
      optimistic.known = Math.min(optimistic.known, optimistic.at);
      const { step } = action;
      if (STARTS.includes(step.type)) {
        optimistic.steps = optimistic.steps.map((former) => ({ ...former, live: false }));
      } else if (step.type === "remove" && step.step < optimistic.steps.length) {
        optimistic.steps[step.step] = { ...optimistic.steps[step.step], live: false };
      }
      optimistic.at = optimistic.steps.push(storedStep(step));
    }
  }
  return optimistic;
}

/** Whether a step is a prompt, which can be removed on its own. */
/** @param {StoredStep} step */
export function isPrompt(step) {
  return step.type === "click" || step.type === "box" || step.type === "scribble";
}

/**
 * The step as one that changes the mask near it alone, if it is a prompt.
 *
 * @param {Step} step
 * @returns {Step}
 */
export function onlyHere(step) {
  return step.type === "click" || step.type === "box" || step.type === "scribble" ? { ...step, only_here: true } : step;
}

/**
 * The steps, with each prompt where it was moved to.
 *
 * @param {OptimisticState} optimistic
 * @returns {StoredStep[]}
 */
export function placedSteps({ steps, at }) {
  const placed = [...steps];
  for (const { type, step, point, box, path } of steps.slice(0, at)) {
    if (type === "move" && step !== null) placed[step] = { ...placed[step], point, box, path };
  }
  return placed;
}

/**
 * The active prompts.
 *
 * @param {OptimisticState} optimistic
 * @returns {{step: StoredStep, index: number, pending: boolean}[]}
 */
export function livePrompts(optimistic) {
  return placedSteps(optimistic)
    .slice(0, optimistic.at)
    .map((step, index) => ({ step, index, pending: index >= optimistic.known }))
    .filter(({ step }) => step.live && isPrompt(step));
}

/**
 * Brush strokes that are not part of the mask yet.
 *
 * @param {Action[]} actions
 * @returns {{path: Point[], radius: number, positive: boolean}[]}
 */
export function pendingStrokes(actions) {
  /** @type {Step[]} */
  const steps = [];
  /** @type {Step[]} */
  let undone = [];
  for (const action of actions) {
    if (action.type === "step") {
      steps.push(action.step);
      undone = [];
    } else if (action.type === "undoRedo") {
      const [from, to] = action.direction === "undo" ? [steps, undone] : [undone, steps];
      to.push(...from.splice(-1));
    }
  }
  return steps.slice(steps.findLastIndex((step) => step.type === "clear") + 1).filter((step) => step.type === "brush");
}

/** @param {StoredStep} step */
export function stepName(step) {
  switch (step.type) {
    case "click":
      return text(step.positive ? "steps.click" : "steps.negativeClick");
    case "box":
      return text(step.positive ? "steps.box" : "steps.negativeBox");
    case "scribble":
      return text(step.positive ? "steps.scribble" : "steps.negativeScribble");
    case "brush":
      return text(step.positive ? "steps.brush" : "steps.eraser");
    case "lasso":
      return text("steps.lasso");
    case "mask":
      return text("steps.mask");
    case "polygon":
      return text("steps.polygon");
    case "clear":
      return text("steps.clear");
    case "remove":
      return text("steps.removed", { number: (step.step ?? 0) + 1 });
    case "move":
      return text("steps.moved", { number: (step.step ?? 0) + 1 });
    case "choose":
      return text("steps.choose");
    case "tidy":
      return text("steps.tidy");
    case "merge":
      return text("steps.merge");
    case "subtract":
      return text("steps.subtract");
    case "split":
      return text("steps.split");
    case "arrange":
      return text("steps.arrange");
  }
}

/**
 * Position or size of a step as a short text.
 *
 * @param {StoredStep} step
 */
export function positionText(step) {
  if (step.point) return `${Math.round(step.point[0])}, ${Math.round(step.point[1])}`;
  if (step.box) return `${Math.round(step.box[2] - step.box[0])} × ${Math.round(step.box[3] - step.box[1])}`;
  if (step.type === "choose" && step.index !== null) return String(step.index + 1);
  if (step.type === "brush" && step.radius) return text("steps.radius", { value: Number(step.radius.toPrecision(2)) });
  if (step.objects && step.objects.length > 1) return text("objects.count", { count: step.objects.length });
  return "";
}

/**
 * Distance of a point from the drawing of a prompt, in image pixels.
 *
 * @param {StoredStep} step
 * @param {Point} point
 */
export function distanceTo(step, point) {
  /** @type {Point[]} */
  let path = step.path ?? (step.point ? [step.point] : []);
  if (step.box) {
    const [x0, y0, x1, y1] = step.box;
    path = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]];
  }
  let nearest = Infinity;
  for (let i = 0; i < path.length; i++) {
    const [x, y] = nearestOnLine(point, path[Math.max(0, i - 1)], path[i]);
    nearest = Math.min(nearest, Math.hypot(x - point[0], y - point[1]));
  }
  return nearest;
}

/**
 * The step moved into the image; null if it lies outside.
 *
 * @param {Step} step
 * @param {import("./viewport.js").Size} image
 * @returns {Step | null}
 */
export function fit(step, image) {
  switch (step.type) {
    case "click":
      return inside(step.point, image) ? { ...step, point: clamped(step.point, image) } : null;
    case "box": {
      const [x0, y0] = clamped([step.box[0], step.box[1]], image, 0.5);
      const [x1, y1] = clamped([step.box[2], step.box[3]], image, 0.5);
      return x0 < x1 && y0 < y1 ? { ...step, box: [x0, y0, x1, y1] } : null;
    }
    case "scribble":
    case "lasso": {
      if (!step.path.some((point) => inside(point, image))) return null;
      return { ...step, path: step.path.map((point) => clamped(point, image)) };
    }
    case "brush": {
      const reach = { width: image.width + 2 * step.radius, height: image.height + 2 * step.radius };
      return step.path.some(([x, y]) => inside([x + step.radius, y + step.radius], reach)) ? step : null;
    }
    default:
      return step;
  }
}
