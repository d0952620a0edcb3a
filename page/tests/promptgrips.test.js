import assert from "node:assert/strict";
import { test } from "node:test";

import { movingFrom, placeAfter, PromptGrips } from "../../src/vpuformer/app/page/promptgrips.js";
import { storedStep } from "./fakeserver.js";

const CLICK = { index: 0, step: storedStep("click", { point: [20, 20] }) };
const BOX = { index: 1, step: storedStep("box", { box: [10, 10, 40, 30] }) };
const LINE = { index: 2, step: storedStep("scribble", { path: [[0, 50], [30, 50]] }) };
const IMAGE = { width: 60, height: 60 };
const WHOLE = [true, true, true, true];

test("a drag moves a click or a line as a whole, and a box by its corners and edges", () => {
  const moving = ({ step }, point) => movingFrom(step, point, 4)?.map(Number).join("") ?? null;
  assert.equal(moving(CLICK, [22, 21]), "1111");
  assert.equal(moving(LINE, [10, 50]), "1111");
  assert.deepEqual([[41, 11], [25, 10], [25, 20]].map((point) => moving(BOX, /** @type {any} */ (point))), ["0110", "0100", null]);
});

test("a small box grows to the right and downwards", () => {
  const small = storedStep("box", { box: [10, 10, 12, 12] });
  assert.deepEqual(movingFrom(small, [11, 11], 4), [false, false, true, true]);
});

test("a box that begins at the corner of another one is drawn, unless that one is selected", () => {
  const entry = { optimistic: { steps: [BOX.step], at: 1, known: 1 } };
  const session = { current: entry, selected: null, image: IMAGE, picking: null, readOnly: false };
  const grips = new PromptGrips(/** @type {any} */ (session), /** @type {any} */ ({}), /** @type {any} */ ({ tool: "box" }), /** @type {any} */ ({}));
  assert.equal(grips.grip([10, 10], 4), null);
  session.selected = 0;
  assert.equal(grips.grip([10, 10], 4)?.solid, false);
});

test("prompts are moved within the image, and a box turned over keeps its order", () => {
  assert.deepEqual(placeAfter(CLICK.step, WHOLE, [100, -3], IMAGE), { point: [59, 17] });
  assert.deepEqual(placeAfter(LINE.step, WHOLE, [-5, 4], IMAGE), { path: [[0, 54], [30, 54]] });
  assert.deepEqual(placeAfter(BOX.step, WHOLE, [100, 0], IMAGE), { box: [29.5, 10, 59.5, 30] });
  assert.deepEqual(placeAfter(BOX.step, [true, false, false, true], [35, 100], IMAGE), { box: [40, 10, 45, 59.5] });
  assert.equal(placeAfter(BOX.step, [true, false, false, false], [30, 0], IMAGE), null);
});
