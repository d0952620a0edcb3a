/** Prompts that the keys draw with a cross. */

import assert from "node:assert/strict";
import test from "node:test";

import { KeyboardCross } from "../../src/vpuformer/app/page/keyboardcross.js";

/** @param {string} tool */
function begin(tool) {
  const image = { width: 100, height: 100 };
  const session = { image, picking: null };
  const stage = {
    cross: null, draft: null, view: { scale: 1 }, size: image, toImage: (/** @type {unknown} */ at) => at, reveal() {}, redraw() {},
  };
  /** @type {any[]} */
  const steps = [];
  /** @type {string[]} */
  const toasts = [];
  const deps = { session, stage, settings: { tool, positive: true, radius: 3 }, renderer: { where() {} }, toasts: { show: (/** @type {string} */ text) => toasts.push(text) } };
  const cross = new KeyboardCross(/** @type {any} */ (deps), (step) => steps.push(step));
  const move = (/** @type {string[]} */ ...ways) => {
    for (const way of ways) cross.move(`Shift+Arrow${way}`);
  };
  return { cross, move, steps, toasts, stage, session };
}

test("a scribble follows the cross from one press to the next", () => {
  const { cross, move, steps, stage } = begin("scribble");
  move("Left");
  cross.prompt(false);
  move("Up", "Right");
  assert.equal(stage.draft.path.length, 3);
  cross.prompt(false);
  assert.deepEqual(steps, [{ type: "scribble", path: [[40, 50], [40, 40], [50, 40]], positive: false }]);
  assert.equal(stage.draft, null);
});

test("a lasso needs an area", () => {
  const { cross, move, steps, toasts } = begin("lasso");
  move("Left");
  cross.prompt(true);
  cross.prompt(true);
  assert.equal(toasts.length, 1);
  move("Up", "Right");
  cross.prompt(true);
  assert.deepEqual(steps, [{ type: "lasso", path: [[40, 50], [40, 40], [50, 40]] }]);
});

test("a box has two corners, and the smart tool clicks at once", () => {
  const box = begin("box");
  box.move("Left");
  box.cross.prompt(true);
  box.move("Up", "Right");
  box.cross.prompt(true);
  assert.deepEqual(box.steps, [{ type: "box", box: [40, 40, 50, 50], positive: true }]);
  const smart = begin("smart");
  smart.move("Left");
  smart.cross.prompt(true);
  assert.deepEqual(smart.steps, [{ type: "click", point: [40, 50], positive: true }]);
});

test("what was begun is dropped by Escape, and is nothing on another image", () => {
  const { cross, move, steps, session } = begin("scribble");
  move("Left");
  cross.prompt(true);
  assert.ok(cross.draws);
  session.image = { width: 100, height: 100 };
  assert.ok(!cross.draws);
  cross.prompt(true);
  assert.ok(cross.draws);
  cross.drop();
  assert.ok(!cross.draws);
  assert.deepEqual(steps, []);
});
