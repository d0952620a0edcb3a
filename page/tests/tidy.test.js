import assert from "node:assert/strict";
import { test } from "node:test";

import { AREA_STEPS, areaAt, areaPosition, isTidying, tidyingOf, UNTIDIED } from "../../src/vpuformer/app/page/tidy.js";

test("every position of the slider of an area is another area, and leads back to itself", () => {
  const positions = Array.from({ length: AREA_STEPS + 1 }, (_, position) => position);
  const areas = positions.map(areaAt);
  assert.deepEqual([areas[0], areas[1], areas.at(-1)], [0, 4, 1_000_000]);
  assert.equal(new Set(areas).size, areas.length);
  assert.ok(areas.every(Number.isInteger));
  assert.deepEqual(areas.map(areaPosition), positions);
  assert.deepEqual([areaPosition(1), areaPosition(9e9)], [1, AREA_STEPS]); // areas that another program chose
});

test("an object is tidied while its last step in force says so", () => {
  const step = { type: "tidy", threshold: 0.3, holes: 20, specks: null, smooth: 2 };
  const optimistic = /** @type {any} */ ({ steps: [{ type: "click" }, step], at: 2 });
  assert.deepEqual(tidyingOf(optimistic), { threshold: 0.3, holes: 20, specks: 0, smooth: 2 });
  assert.equal(tidyingOf({ ...optimistic, at: 1 }), null);
  assert.equal(tidyingOf(null), null);
  assert.equal(tidyingOf({ ...optimistic, steps: [...optimistic.steps, { type: "arrange" }], at: 3 })?.holes, 20);
});

test("saved values that are none are not taken", () => {
  assert.ok(isTidying({ ...UNTIDIED, holes: 5 }));
  for (const values of [undefined, null, 3, {}, { ...UNTIDIED, holes: "5" }, { ...UNTIDIED, smooth: -1 }]) assert.ok(!isTidying(values));
});
