import assert from "node:assert/strict";
import { test } from "node:test";

import { Latest, REST } from "../../src/vpuformer/app/page/latest.js";

test("of many values the newest is sent after a rest", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent = [];
  const latest = new Latest((value) => sent.push(value), () => true);
  for (const value of [1, 2, 3]) {
    latest.put(value);
    t.mock.timers.tick(REST - 1);
  }
  latest.settle();
  assert.deepEqual([sent, latest.waiting], [[], true]);
  t.mock.timers.tick(1);
  assert.deepEqual([sent, latest.waiting], [[3], false]);
  latest.settle();
  assert.deepEqual(sent, [3]);
});

test("a value waits for the answer to the former one, and gives way to newer ones", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent = [];
  let ready = false;
  const latest = new Latest((value) => sent.push(value), () => ready);
  latest.put(1);
  t.mock.timers.tick(REST);
  latest.put(2);
  t.mock.timers.tick(REST);
  assert.deepEqual([sent, latest.waiting], [[], true]);
  ready = true;
  latest.settle();
  assert.deepEqual(sent, [2]);
  ready = false;
  latest.put(3);
  latest.flush();
  assert.deepEqual([sent, latest.waiting], [[2, 3], false]);
  latest.put(4);
  latest.drop();
  t.mock.timers.tick(REST);
  assert.deepEqual([sent, latest.waiting], [[2, 3], false]);
});
