import assert from "node:assert/strict";
import { test } from "node:test";

import { boxOf, Gestures, MOST_POINTS } from "../../src/vpuformer/app/page/gestures.js";

const SMART = { tool: /** @type {const} */ ("smart"), positive: true, radius: 5, panning: false };

/** @param {number} x @param {number} y @param {object} more */
const at = (x, y, more = {}) => ({ id: 1, x, y, at: /** @type {[number, number]} */ ([x / 2, y / 2]), button: 0, touch: false, shift: false, alt: false, ...more });

/** @param {import("../../src/vpuformer/app/page/gestures.js").Settings} settings @param {object} more @param {[number, number][]} path */
function drag(settings, more, path) {
  const gestures = new Gestures();
  gestures.down(at(...path[0], more), settings);
  for (const point of path.slice(1)) gestures.move(at(...point, more));
  return gestures.up(at(...path[path.length - 1], more)).filter(({ type }) => type === "prompt").map((each) => each.step);
}

test("smart: a press without a drag is a click, by either button", () => {
  assert.deepEqual(drag(SMART, {}, [[10, 20], [12, 22]]), [{ type: "click", point: [5, 10], positive: true }]);
  assert.deepEqual(drag(SMART, { button: 2 }, [[10, 20]]), [{ type: "click", point: [5, 10], positive: false }]);
});

test("smart: a drag is a box, its corners in order", () => {
  assert.deepEqual(drag(SMART, {}, [[100, 80], [20, 10]]), [{ type: "box", box: [10, 5, 50, 40], positive: true }]);
  assert.deepEqual(drag(SMART, { button: 2 }, [[0, 0], [8, 8]]), [{ type: "box", box: [0, 0, 4, 4], positive: false }]);
});

test("smart: with Shift a drag is a scribble and a press still a click", () => {
  assert.deepEqual(drag(SMART, { shift: true }, [[0, 0], [10, 0], [20, 0]]), [{ type: "scribble", path: [[0, 0], [5, 0], [10, 0]], positive: true }]);
  assert.equal(drag(SMART, { shift: true, button: 2 }, [[0, 0], [10, 0]])[0].positive, false);
  assert.equal(drag(SMART, { shift: true }, [[0, 0], [1, 0]])[0].type, "click");
});

test("fingers tremble: a small drag by touch is a click", () => {
  assert.equal(drag(SMART, { touch: true }, [[0, 0], [6, 0]])[0].type, "click");
  assert.equal(drag(SMART, {}, [[0, 0], [6, 0]])[0].type, "box");
});

test("only the left button without Shift grips", () => {
  const grip = /** @type {const} */ ("open");
  assert.deepEqual(drag({ ...SMART, grip }, {}, [[0, 0], [8, 8]]), []);
  assert.equal(drag({ ...SMART, grip }, {}, [[0, 0], [1, 1]])[0].type, "click");
  assert.equal(drag({ ...SMART, grip }, { button: 2 }, [[0, 0], [8, 8]])[0].type, "box");
  assert.equal(drag({ ...SMART, grip }, { shift: true }, [[0, 0], [8, 8]])[0].type, "scribble");
});

test("the switch turns the meaning of the buttons round", () => {
  const negative = { ...SMART, positive: false };
  assert.equal(drag(negative, {}, [[0, 0]])[0].positive, false);
  assert.equal(drag(negative, { button: 2 }, [[0, 0]])[0].positive, true);
});

test("the tools of the bar", () => {
  const tool = (/** @type {any} */ name) => ({ ...SMART, tool: name });
  const line = /** @type {[number, number][]} */ ([[0, 0], [20, 0], [20, 20]]);
  assert.equal(drag(tool("click"), {}, line)[0].type, "click");
  assert.deepEqual(drag(tool("box"), {}, [[0, 0], [1, 1]]), []);
  assert.equal(drag(tool("scribble"), {}, [[4, 4]])[0].path.length, 1);
  assert.deepEqual(drag(tool("lasso"), {}, line)[0], { type: "lasso", path: [[0, 0], [10, 0], [10, 10]] });
  assert.deepEqual(drag(tool("lasso"), {}, [[0, 0], [20, 0]]), []);
  assert.deepEqual(drag(tool("brush"), {}, [[4, 4]])[0], { type: "brush", path: [[2, 2]], radius: 5, positive: true });
  assert.equal(drag(tool("eraser"), {}, [[4, 4]])[0].positive, false);
  assert.equal(drag(tool("eraser"), { button: 2 }, [[4, 4]])[0].positive, true);
});

test("Alt+click selects and draws nothing", () => {
  const gestures = new Gestures();
  assert.deepEqual(gestures.down(at(3, 4, { alt: true }), SMART), [{ type: "pick", x: 3, y: 4 }]);
  assert.deepEqual(gestures.up(at(3, 4)), []);
});

test("the middle button and the space bar move the image", () => {
  for (const [more, settings] of /** @type {[object, typeof SMART][]} */ ([[{ button: 1 }, SMART], [{}, { ...SMART, panning: true }]])) {
    const gestures = new Gestures();
    gestures.down(at(10, 10, more), settings);
    assert.deepEqual(gestures.move(at(15, 7)), [{ type: "pan", dx: 5, dy: -3 }]);
    assert.deepEqual(gestures.up(at(15, 7)), []);
    assert.equal(gestures.active, false);
  }
});

test("a second finger turns a stroke into a pinch, and no finger left over draws", () => {
  const gestures = new Gestures();
  const finger = (/** @type {number} */ id, /** @type {number} */ x) => at(x, 0, { id, touch: true });
  gestures.down(finger(1, 0), SMART);
  gestures.move(finger(1, 30));
  assert.deepEqual(gestures.down(finger(2, 100), SMART), [{ type: "draft", draft: null }]);
  const [pinch] = gestures.move(finger(2, 170));
  assert.deepEqual(pinch, { type: "pinch", factor: 2, x: 100, y: 0, dx: 35, dy: 0 });
  assert.deepEqual(gestures.up(finger(2, 170)), []);
  assert.deepEqual(gestures.move(finger(1, 60)), []);
  assert.deepEqual(gestures.up(finger(1, 60)), []);
  gestures.down(finger(3, 5), SMART);
  assert.equal(gestures.up(finger(3, 5)).at(-1)?.type, "prompt");
});

test("the hand beside a pen does nothing", () => {
  const gestures = new Gestures();
  gestures.down(at(0, 0), SMART);
  assert.deepEqual(gestures.down(at(50, 50, { id: 2, touch: true }), SMART), []);
  gestures.move(at(20, 20));
  assert.equal(gestures.up(at(20, 20)).at(-1)?.step.type, "box");
});

test("what is cancelled leaves nothing behind", () => {
  const gestures = new Gestures();
  gestures.down(at(0, 0), SMART);
  gestures.move(at(50, 0));
  assert.deepEqual(gestures.cancel(), [{ type: "draft", draft: null }]);
  assert.deepEqual(gestures.up(at(50, 0)), []);
});

test("endless strokes keep a bounded number of points", () => {
  const gestures = new Gestures();
  const settings = { ...SMART, tool: /** @type {const} */ ("scribble") };
  gestures.down(at(0, 0), settings);
  for (let i = 1; i < 40_000; i++) gestures.move(at(i * 2, 0));
  const step = gestures.up(at(80_000, 0)).at(-1)?.step;
  assert.ok(step.path.length <= MOST_POINTS && step.path.length > 1000);
  assert.equal(step.path[0][0], 0);
});

test("corners in any order", () => {
  assert.deepEqual(boxOf([3, 1], [1, 4]), [1, 1, 3, 4]);
});

test("while drags move the image, a press that stays selects what is there", () => {
  const gestures = new Gestures();
  const moving = { ...SMART, panning: true };
  const press = (/** @type {[number, number][]} */ path) => {
    gestures.down(at(...path[0]), moving);
    for (const point of path) gestures.move(at(...point));
    return gestures.up(at(...path[path.length - 1]));
  };
  assert.deepEqual(press([[10, 20], [11, 20]]), [{ type: "pick", x: 11, y: 20 }]);
  assert.deepEqual(press([[10, 20], [60, 20], [10, 20]]), []);
});

test("a finger that rests selects what is there, unless it draws", () => {
  const gestures = new Gestures();
  const finger = { touch: true };
  gestures.down(at(10, 20, finger), SMART);
  assert.deepEqual(gestures.rest(), [{ type: "draft", draft: null }, { type: "pick", x: 10, y: 20 }]);
  assert.deepEqual(gestures.up(at(10, 20, finger)), []);
  gestures.down(at(10, 20, finger), SMART);
  gestures.move(at(60, 20, finger));
  assert.deepEqual(gestures.rest(), []);
  gestures.cancel();
  gestures.down(at(10, 20, finger), { ...SMART, tool: "brush" });
  assert.deepEqual(gestures.rest(), []);
  gestures.cancel();
  gestures.down(at(10, 20), SMART);
  assert.deepEqual(gestures.rest(), []);
});
