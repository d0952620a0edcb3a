import assert from "node:assert/strict";
import { test } from "node:test";

import { placeAfter, promptUnder } from "../../src/vpuformer/app/page/promptgrips.js";
import { storedStep } from "./fakeserver.js";

const CLICK = { index: 0, step: storedStep("click", { point: [20, 20] }) };
const BOX = { index: 1, step: storedStep("box", { box: [10, 10, 40, 30] }) };
const LINE = { index: 2, step: storedStep("scribble", { path: [[0, 50], [30, 50]] }) };
const IMAGE = { width: 60, height: 60 };
const WHOLE = [true, true, true, true];

test("a click is gripped, a box by its corners, and a selected prompt by its edges and its line", () => {
  const under = (point, selected = null) => {
    const held = promptUnder([CLICK, BOX, LINE], point, 4, selected);
    return held && [held.index, held.moving.map(Number).join("")];
  };
  assert.deepEqual(under([22, 21]), [0, "1111"]);
  assert.deepEqual(under([41, 11]), [1, "0110"]);
  assert.equal(under([25, 10]), null);
  assert.deepEqual(under([25, 10], 1), [1, "0100"]);
  assert.equal(under([25, 20], 1), null);
  assert.equal(under([10, 50]), null);
  assert.deepEqual(under([10, 50], 2), [2, "1111"]);
});

test("a small box grows to the right and downwards", () => {
  const small = { index: 0, step: storedStep("box", { box: [10, 10, 12, 12] }) };
  assert.deepEqual(promptUnder([small], [11, 11], 4, null)?.moving, [false, false, true, true]);
});

test("prompts are moved within the image, and a box turned over keeps its order", () => {
  assert.deepEqual(placeAfter(CLICK.step, WHOLE, [100, -3], IMAGE), { point: [59, 17] });
  assert.deepEqual(placeAfter(LINE.step, WHOLE, [-5, 4], IMAGE), { path: [[0, 54], [30, 54]] });
  assert.deepEqual(placeAfter(BOX.step, WHOLE, [100, 0], IMAGE), { box: [29.5, 10, 59.5, 30] });
  assert.deepEqual(placeAfter(BOX.step, [true, false, false, true], [35, 100], IMAGE), { box: [40, 10, 45, 59.5] });
  assert.equal(placeAfter(BOX.step, [true, false, false, false], [30, 0], IMAGE), null);
});
