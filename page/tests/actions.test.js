import assert from "node:assert/strict";
import { test } from "node:test";

import { actions } from "../../src/vpuformer/app/page/actions.js";
import { fit } from "../../src/vpuformer/app/page/steps.js";

test("steps are brought into the image, or dropped if they lie beside it", () => {
  const image = { width: 100, height: 50 };
  assert.equal(fit({ type: "click", point: [120, 3], positive: true }, image), null);
  assert.deepEqual(fit({ type: "click", point: [-0.4, 3], positive: true }, image)?.point, [0, 3]);
  assert.deepEqual(fit({ type: "box", box: [-9, -9, 200, 20], positive: true }, image)?.box, [-0.5, -0.5, 99.5, 20]);
  assert.equal(fit({ type: "box", box: [-9, -9, -2, 20], positive: true }, image), null);
  assert.deepEqual(fit({ type: "scribble", path: [[50, 20], [150, 20]], positive: true }, image)?.path, [[50, 20], [99, 20]]);
  assert.equal(fit({ type: "lasso", path: [[150, 20], [160, 20], [150, 30]] }, image), null);
  const brush = (x, radius) => fit({ type: "brush", path: [[x, 20], [x, 30]], radius, positive: true }, image);
  assert.deepEqual([brush(103, 3), brush(-4, 3)], [null, null]);
  assert.deepEqual(brush(102, 3)?.path, [[102, 20], [102, 30]]);
  assert.notEqual(brush(-3, 3), null);
});

const preview = { drop() {} };
const polygon = { isOpen: false };
const flush = () => {};

test("a corner that the keyboard has set belongs to its image and its tool", () => {
  const sent = [];
  const session = { image: { id: 1, width: 100, height: 50 }, flush, act: (step) => sent.push(step.type) };
  const settings = { tool: "box", positive: true };
  const stage = { image: session.image, cross: [10, 10], draft: null, redraw() {} };
  const still = { updateCursor() {}, refresh() {} };
  const commands = actions(/** @type {any} */ ({ session, settings, stage, polygon, preview, input: still, renderer: still }));
  commands.run("positive", ".");
  stage.image = session.image = { id: 2, width: 100, height: 50 };
  stage.cross = [30, 30];
  commands.run("positive", ".");
  assert.deepEqual(sent, []);
  stage.cross = [40, 40];
  commands.run("positive", ".");
  assert.deepEqual(sent, ["box"]);
  commands.run("positive", ".");
  commands.run("tool:click", "k");
  commands.run("tool:box", "r");
  stage.cross = [50, 45];
  commands.run("positive", ".");
  assert.deepEqual(sent, ["box"]);
});

test("what still rests is sent before an action, which may undo it", () => {
  const sent = [];
  const session = { flush: () => sent.push("flush"), undoRedo: (direction) => sent.push(direction) };
  const still = { updateCursor() {}, refresh() {} };
  actions(/** @type {any} */ ({ session, input: still, renderer: still })).run("undo", "Ctrl+z");
  assert.deepEqual(sent, ["flush", "undo"]);
});

test("a prompt for an image that is seen only until the next frame is not one for the new image", () => {
  const sent = [];
  const former = { id: 1, width: 100, height: 50 };
  const session = { image: former, act: (step) => sent.push(step) };
  const stage = { image: former };
  const commands = actions(/** @type {any} */ ({ session, stage, polygon, preview, settings: { onlyHere: false } }));
  const click = { type: /** @type {const} */ ("click"), point: /** @type {[number, number]} */ ([3, 4]), positive: true };
  session.image = { ...former, id: 2 };
  commands.prompt(click);
  assert.deepEqual(sent, []);
  stage.image = session.image;
  commands.prompt(click);
  assert.deepEqual(sent, [click]);
});

test("in front of another object, Alt+click selects a prompt only if it hits it", () => {
  const other = { key: 1 };
  const box = { type: "box", box: [20, 10, 60, 40], positive: true, live: true };
  const current = { optimistic: { steps: [box], at: 1, known: 1, pending: [] } };
  const picked = [];
  const session = {
    current, selected: null, entryAt: ([x]) => (x < 20 ? other : null),
    select: (_, index) => picked.push(index), point: (entry) => picked.push(entry),
  };
  const commands = actions(/** @type {any} */ ({ session, stage: { view: { scale: 1 } }, polygon, preview, settings: {} }));
  for (const x of [10, 16, 70]) commands.pick([x, 20]);
  assert.deepEqual(picked, [other, 0, 0]);
});

test("only here holds for prompts on a mask, and ends with the object", () => {
  const sent = [];
  const image = { id: 1, width: 100, height: 50 };
  const session = { image, opening: null, current: null, flush, act: (step) => sent.push(step), accept: () => (session.current = null) };
  const settings = { tool: "smart", positive: true, onlyHere: false };
  const still = { updateCursor() {}, refresh() {} };
  const said = [];
  const toasts = { show: (text) => said.push(text) };
  const commands = actions(/** @type {any} */ ({ session, settings, stage: { image }, polygon, preview, input: still, renderer: still, toasts }));
  const click = /** @type {any} */ ({ type: "click", point: [3, 4], positive: true });
  commands.run("onlyHere", "o");
  assert.deepEqual([settings.onlyHere, said.length], [false, 1]);
  session.current = { optimistic: { at: 0 } };
  commands.run("onlyHere", "o");
  commands.prompt(click);
  session.current = { optimistic: { at: 1 } };
  commands.prompt(click);
  commands.prompt({ type: "brush", path: [[3, 4]], radius: 2, positive: true });
  assert.deepEqual(sent.map((step) => step.only_here), [undefined, true, undefined]);
  commands.run("accept", "Enter");
  assert.equal(settings.onlyHere, false);
});
