/** Drawing of prompts, drafts and cursors, in CSS pixels of the screen. */

import { NEGATIVE, POSITIVE } from "./palette.js";
import { cornerCount } from "./polygon.js";
import { toScreen } from "./viewport.js";

/** @typedef {import("./types.js").StoredStep} StoredStep */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {import("./gestures.js").Draft} Draft */
/** @typedef {CanvasRenderingContext2D} Context */

const RADIUS = 7;
const HALO = "rgb(255 212 0 / 95%)";
const DARK = "rgb(0 0 0 / 60%)";

/** @param {boolean} positive */
const colourOf = (positive) => (positive ? POSITIVE : NEGATIVE);

/**
 * @param {Context} context
 * @param {View} view
 * @param {StoredStep} step
 * @param {{selected: boolean, pending: boolean}} how
 */
export function drawPrompt(context, view, step, { selected, pending }) {
  context.globalAlpha = pending ? 0.75 : 1;
  if (step.type === "click" && step.point) drawClick(context, toScreen(view, step.point), step.positive, selected);
  if (step.type === "box" && step.box) {
    const [x0, y0, x1, y1] = step.box;
    /** @type {Point[]} */
    const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    drawLine(context, view, corners, step.positive, { closed: true, dashed: !step.positive, selected, width: 2 });
    if (selected) drawHandles(context, view, corners, colourOf(step.positive));
  }
  if (step.type === "scribble" && step.path) {
    drawLine(context, view, step.path, step.positive, { closed: false, dashed: !step.positive, selected, width: 3.5 });
  }
  context.globalAlpha = 1;
}

/** Number of corners above which they are drawn without squares: these would cover the image. */
const MOST_SQUARES = 2000;

/**
 * Draw outlines with their corners.
 *
 * @param {Context} context
 * @param {View} view
 * @param {import("./polygon.js").Outlines} outlines
 * @param {import("./polygon.js").Corner | null} selected
 */
export function drawPolygon(context, view, outlines, selected) {
  for (const outline of outlines) drawLine(context, view, outline, true, { closed: true, dashed: false, selected: false, width: 1.5 });
  if (cornerCount(outlines) > MOST_SQUARES) return;
  drawHandles(context, view, outlines.flat(), POSITIVE);
  if (selected) drawHandles(context, view, [outlines[selected.outline][selected.corner]], HALO);
}

/** Draw squares that a drag moves. @param {Context} context @param {View} view @param {Point[]} points @param {string} fill */
function drawHandles(context, view, points, fill) {
  context.beginPath();
  for (const point of points) {
    const [x, y] = toScreen(view, point);
    context.rect(x - 4, y - 4, 8, 8);
  }
  stroked(context, DARK, 4);
  stroked(context, "#fff", 2);
  context.fillStyle = fill;
  context.fill();
}

/** @param {Context} context @param {Point} at @param {boolean} positive @param {boolean} selected */
function drawClick(context, [x, y], positive, selected) {
  /** @param {number} radius @param {string} fill */
  const disc = (radius, fill) => {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
  };
  if (selected) disc(RADIUS + 5, HALO);
  disc(RADIUS + 2.5, DARK);
  disc(RADIUS + 1.5, "#fff");
  disc(RADIUS, colourOf(positive));
  context.beginPath();
  context.moveTo(x - 3.5, y);
  context.lineTo(x + 3.5, y);
  if (positive) {
    context.moveTo(x, y - 3.5);
    context.lineTo(x, y + 3.5);
  }
  context.lineWidth = 2;
  context.lineCap = "butt";
  context.strokeStyle = "#fff";
  context.stroke();
}

/**
 * @param {Context} context
 * @param {View} view
 * @param {Point[]} path
 * @param {boolean} positive
 * @param {{closed: boolean, dashed: boolean, selected: boolean, width: number}} how
 */
function drawLine(context, view, path, positive, { closed, dashed, selected, width }) {
  context.beginPath();
  for (const [i, point] of path.entries()) {
    const [x, y] = toScreen(view, point);
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  if (closed) context.closePath();
  else if (path.length === 1) context.lineTo(...toScreen(view, path[0]));
  context.lineCap = "round";
  context.lineJoin = "round";
  if (selected) stroked(context, HALO, width + 7);
  stroked(context, DARK, width + 3);
  stroked(context, "#fff", width + 1.5);
  if (dashed) {
    context.lineCap = "butt";
    context.setLineDash([7, 5]);
  }
  stroked(context, colourOf(positive), width);
  context.setLineDash([]);
}

/** @param {Context} context @param {string} style @param {number} width */
function stroked(context, style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.stroke();
}

/**
 * Draw the prompt that a person is drawing. Brush strokes are part of the mask and not drawn here.
 *
 * @param {Context} context
 * @param {View} view
 * @param {Draft} draft
 */
export function drawDraft(context, view, draft) {
  const { kind, positive, path } = draft;
  if (kind === "box" && path.length === 2) {
    const [[x0, y0], [x1, y1]] = path;
    const [left, top] = toScreen(view, [Math.min(x0, x1), Math.min(y0, y1)]);
    const [right, bottom] = toScreen(view, [Math.max(x0, x1), Math.max(y0, y1)]);
    context.fillStyle = positive ? "rgb(10 111 194 / 12%)" : "rgb(217 72 15 / 14%)";
    context.fillRect(left, top, right - left, bottom - top);
    const corners = /** @type {Point[]} */ ([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]);
    drawLine(context, view, corners, positive, { closed: true, dashed: !positive, selected: false, width: 2 });
  } else if (kind === "scribble") {
    drawLine(context, view, path, positive, { closed: false, dashed: !positive, selected: false, width: 3.5 });
  } else if (kind === "lasso") {
    drawLine(context, view, path, true, { closed: false, dashed: false, selected: false, width: 2 });
    context.beginPath();
    context.moveTo(...toScreen(view, path[0]));
    context.lineTo(...toScreen(view, path[path.length - 1]));
    context.setLineDash([4, 4]);
    stroked(context, "#fff", 1.5);
    context.setLineDash([]);
  }
}

/**
 * Draw the outline of the brush around the pointer.
 *
 * @param {Context} context
 * @param {Point} at of the screen
 * @param {number} radius of the screen
 * @param {boolean} erasing
 */
export function drawBrush(context, [x, y], radius, erasing) {
  context.beginPath();
  context.arc(x, y, Math.max(1, radius), 0, 2 * Math.PI);
  stroked(context, DARK, 3);
  if (erasing) context.setLineDash([5, 4]);
  stroked(context, "#fff", 1.5);
  context.setLineDash([]);
}

/** Draw the keyboard cross. */
/** @param {Context} context @param {Point} at of the screen */
export function drawCross(context, [x, y]) {
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(x + 16 * dx, y + 16 * dy);
  }
  context.lineCap = "butt";
  stroked(context, DARK, 4.5);
  stroked(context, "#fff", 2);
}

/**
 * Draw a turning arc at a point that waits for the server.
 *
 * @param {Context} context
 * @param {Point} at of the screen
 * @param {number} now in milliseconds
 */
export function drawWaiting(context, [x, y], now) {
  const start = (now / 400) % (2 * Math.PI);
  context.beginPath();
  context.arc(x, y, RADIUS + 6, start, start + 1.7);
  context.lineCap = "round";
  stroked(context, DARK, 4.5);
  stroked(context, "#fff", 2.5);
}
