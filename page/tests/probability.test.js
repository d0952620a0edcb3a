import assert from "node:assert/strict";
import { test } from "node:test";

import { Probability } from "../../src/vpuformer/app/page/probability.js";
import { settle } from "./fakeserver.js";

test("a probability map that could not be had is asked for again", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (path) => {
    asked.push(path);
    return { ok: false };
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const map = new Probability(() => map.of(7, 2));
  assert.equal(map.of(7, 2), null);
  await settle();
  assert.equal(asked.length, 1);
  t.mock.timers.tick(3000);
  assert.deepEqual(asked, ["api/objects/7/probability?revision=2", "api/objects/7/probability?revision=2"]);
});
