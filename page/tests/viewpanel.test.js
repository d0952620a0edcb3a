import assert from "node:assert/strict";
import { test } from "node:test";

import { valueAt } from "../../src/vpuformer/app/page/viewpanel.js";

test("the sliders of the window distinguish values that lie close together and far from zero", () => {
  const values = [0, 1, 500, 1000].map((step) => valueAt([1e9, 1e9 + 100], step));
  assert.deepEqual(values, [1e9, 1e9 + 0.1, 1e9 + 50, 1e9 + 100]);
});
