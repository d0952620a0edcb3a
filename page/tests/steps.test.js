import assert from "node:assert/strict";
import { test } from "node:test";

import { distanceTo, optimisticState, livePrompts, pendingStrokes } from "../../src/vpuformer/app/page/steps.js";
import { state, storedStep } from "./fakeserver.js";

const pushed = (step) => ({ type: "step", key: "12345678", step });

test("steps on their way are in the optimistic state: undo, then another prompt instead of the one undone", () => {
  const known = state({ steps: [storedStep("click", { point: [1, 1] }), storedStep("box", { box: [0, 0, 2, 2] })], at: 2 });
  const optimistic = optimisticState(known, [{ type: "undoRedo", direction: "undo" }, pushed({ type: "click", point: [5, 5], positive: false })]);
  assert.deepEqual(optimistic.steps.map((step) => step.type), ["click", "click"]);
  assert.deepEqual([optimistic.at, optimistic.known], [2, 1]);
  assert.deepEqual(livePrompts(optimistic).map(({ index, pending }) => [index, pending]), [[0, false], [1, true]]);
});

test("clear and remove take prompts out of what counts", () => {
  const known = state({ steps: [storedStep("click", { point: [1, 1] }), storedStep("click", { point: [2, 2] })], at: 2 });
  assert.equal(livePrompts(optimisticState(known, [pushed({ type: "clear" })])).length, 0);
  const optimistic = optimisticState(known, [pushed({ type: "remove", step: 0 })]);
  assert.deepEqual(livePrompts(optimistic).map(({ index }) => index), [1]);
  assert.equal(known.steps[0].live, true);
});

test("a moved prompt is where steps in force have moved it", () => {
  const known = state({ steps: [storedStep("click", { point: [1, 1] }), storedStep("move", { step: 0, point: [5, 5], live: false })], at: 2 });
  const places = (...actions) => livePrompts(optimisticState(known, actions)).map(({ step }) => step.point);
  assert.deepEqual(places(), [[5, 5]]);
  assert.deepEqual(places({ type: "undoRedo", direction: "undo" }), [[1, 1]]);
  assert.deepEqual(places(pushed({ type: "move", step: 0, point: [7, 7] })), [[7, 7]]);
});

test("changes on their way are seen at once", () => {
  const optimistic = optimisticState(state(), [{ type: "change", change: { accepted: true, label: 3 } }, { type: "change", change: { deleted: true } }]);
  assert.deepEqual([optimistic.accepted, optimistic.label, optimistic.deleted], [true, 3, true]);
});

test("only strokes since the last clear are drawn over the mask", () => {
  const stroke = (x) => pushed({ type: "brush", path: [[x, 0]], radius: 2, positive: true });
  assert.deepEqual(pendingStrokes([stroke(1), pushed({ type: "clear" }), stroke(2)]).map(({ path }) => path[0][0]), [2]);
});

test("a stroke that was undone before it was answered is not drawn, and one that was redone is", () => {
  const stroke = (x) => pushed({ type: "brush", path: [[x, 0]], radius: 2, positive: true });
  const turn = (direction) => ({ type: "undoRedo", direction });
  const drawn = (...actions) => pendingStrokes(actions).map(({ path }) => path[0][0]);
  assert.deepEqual(drawn(stroke(1), stroke(2), turn("undo")), [1]);
  assert.deepEqual(drawn(stroke(1), stroke(2), turn("undo"), turn("undo"), turn("redo")), [1]);
  assert.deepEqual(drawn(stroke(1), turn("undo"), stroke(2), turn("redo")), [2]);
  assert.deepEqual(drawn(stroke(1), pushed({ type: "clear" }), turn("undo")), [1]);
  assert.deepEqual(drawn(turn("undo"), stroke(3)), [3]); // the undo is of a step that the mask holds
});

test("how far a point is from a prompt", () => {
  assert.equal(distanceTo(storedStep("click", { point: [0, 0] }), [3, 4]), 5);
  assert.equal(distanceTo(storedStep("box", { box: [0, 0, 10, 10] }), [5, 4]), 4);
  assert.equal(distanceTo(storedStep("scribble", { path: [[0, 0], [10, 0]] }), [5, 2]), 2);
});
