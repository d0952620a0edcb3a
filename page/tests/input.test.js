import assert from "node:assert/strict";
import { test } from "node:test";

import { Input } from "../../src/vpuformer/app/page/input.js";

/** Hands on a host without a browser around it. */
function begin(tool = "box") {
  globalThis.window ??= /** @type {any} */ (new EventTarget());
  globalThis.Element ??= /** @type {any} */ (class {});
  const host = Object.assign(new EventTarget(), { dataset: {}, focus() {}, setPointerCapture() {}, getBoundingClientRect: () => ({ left: 0, top: 0 }) });
  const stage = { image: { id: 1 }, draft: null, view: { scale: 1 }, toImage: (at) => at, redraw() {}, pan() {} };
  const steps = [];
  const moves = [];
  const grip = (point) => (point[0] < 200 ? null : { solid: point[0] > 250, move: (by) => moves.push(["move", ...by]), drop: (by) => moves.push(["drop", ...by]), cancel: () => moves.push(["cancel"]) });
  const settings = { positive: true, radius: 5 };
  const input = new Input(/** @type {any} */ ({ host, stage, settings, moving: () => false, tool: () => tool, grip, pans: () => false, onPrompt: (step) => steps.push(step), onPick() {}, onHover() {} }));
  const hand = (type, x, y, more = {}) => {
    const event = { clientX: x, clientY: y, pointerId: 1, button: 0, pointerType: "mouse", shiftKey: false, altKey: false, ...more };
    host.dispatchEvent(Object.assign(new Event(`pointer${type}`), event));
  };
  return { input, stage, steps, moves, hand };
}

test("what is drawn becomes a prompt when the pointer is lifted", () => {
  const { hand, steps } = begin();
  hand("down", 10, 10);
  hand("move", 60, 40);
  hand("up", 60, 40);
  assert.deepEqual(steps, [{ type: "box", box: [10, 10, 60, 40], positive: true }]);
});

test("a drag moves what it grips, and a press on it is a prompt unless it is solid", () => {
  const { hand, input, moves, steps } = begin("click");
  hand("down", 210, 10);
  hand("move", 230, 20);
  hand("up", 230, 20);
  assert.deepEqual(moves.splice(0), [["move", 20, 10], ["drop", 20, 10]]);
  hand("down", 210, 10);
  hand("move", 230, 20);
  input.cancel();
  assert.deepEqual(moves.splice(0).at(-1), ["cancel"]);
  hand("down", 210, 10);
  hand("up", 211, 10);
  assert.deepEqual([moves.splice(0), steps.length], [[["cancel"]], 1]);
  hand("down", 260, 10);
  hand("up", 261, 10);
  assert.deepEqual([moves, steps.length], [[["drop", 0, 0]], 1]);
});

test("what was begun on one image is nothing on the next", () => {
  for (const tool of ["box", "scribble", "lasso", "brush", "click"]) {
    const { input, hand, stage, steps } = begin(tool);
    hand("down", 10, 10);
    hand("move", 60, 40);
    stage.image = { id: 2 };
    stage.draft = null; // as the stage does
    hand("move", 70, 60);
    assert.deepEqual([stage.draft, input.active], [null, false]);
    hand("up", 20, 60);
    assert.deepEqual(steps, [], tool);
    hand("down", 5, 5);
    hand("move", 30, 8);
    hand("move", 30, 30);
    hand("up", 30, 30);
    assert.equal(steps.length, 1, tool);
  }
});

test("a pen draws also if the hand that holds it touches first", () => {
  for (const tool of ["box", "brush"]) {
    for (const palm of [90, 210]) {
      const { hand, moves, steps } = begin(tool);
      hand("down", palm, 90, { pointerId: 2, pointerType: "touch" });
      hand("down", 10, 10, { pointerType: "pen" });
      hand("move", 60, 40, { pointerType: "pen" });
      hand("up", palm, 90, { pointerId: 2, pointerType: "touch" });
      hand("up", 60, 40, { pointerType: "pen" });
      assert.deepEqual(steps.map(({ type }) => type), [tool]);
      assert.deepEqual(moves, palm === 210 ? [["cancel"]] : []);
    }
  }
});

test("a pen that touches during a finger's drag does not end that", () => {
  const { hand, steps } = begin();
  hand("down", 10, 10, { pointerId: 2, pointerType: "touch" });
  hand("move", 60, 40, { pointerId: 2, pointerType: "touch" });
  hand("down", 90, 90, { pointerType: "pen" });
  hand("up", 60, 40, { pointerId: 2, pointerType: "touch" });
  assert.deepEqual(steps, [{ type: "box", box: [10, 10, 60, 40], positive: true }]);
});

test("a hand beside the pen does not bring what the pen draws to another image", () => {
  const { hand, stage, steps } = begin();
  hand("down", 10, 10, { pointerType: "pen" });
  hand("move", 60, 40, { pointerType: "pen" });
  stage.image = { id: 2 };
  hand("down", 90, 90, { pointerId: 2, pointerType: "touch" });
  hand("up", 60, 40, { pointerType: "pen" });
  assert.deepEqual(steps, []);
});
