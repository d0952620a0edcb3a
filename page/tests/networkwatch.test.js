import assert from "node:assert/strict";
import { test } from "node:test";

import { FAILED_REST, NetworkWatch, REST } from "../../src/vpuformer/app/page/networkwatch.js";
import { FakeServer, settle } from "./fakeserver.js";

/** A watch on a server that answers with these states; null for no answer. */
function begin(...states) {
  const { clock, sleeps } = new FakeServer();
  const seen = [];
  const read = async () => states.shift() ?? Promise.reject(new Error("away"));
  const watch = new NetworkWatch(read, clock, () => seen.push([watch.loading, watch.failure, watch.state?.progress]));
  const wake = async () => {
    sleeps.at(-1).wake();
    await settle();
  };
  return { watch, seen, wake, pauses: () => sleeps.map(({ ms }) => ms) };
}
const state = (name, progress = 0, message = null) => ({ state: name, progress, message });

test("the server is asked until its network is ready, and by one question at a time", async () => {
  const { watch, seen, wake, pauses } = begin(state("loading", 0.2), state("loading", 0.7), state("ready", 1));
  const run = watch.run();
  void watch.run();
  await settle();
  await wake();
  await wake();
  await run;
  assert.deepEqual(seen, [[true, "", 0.2], [true, "", 0.7], [false, "", 1]]);
  assert.deepEqual(pauses(), [REST, REST]);
});

test("a failure is shown in the words of the server, and a further attempt is noticed", async () => {
  const { watch, seen, wake, pauses } = begin(state("failed", 0, "no memory"), null, state("loading", 0.1), state("ready", 1));
  const run = watch.run();
  await settle();
  for (let i = 0; i < 3; i++) await wake();
  await run;
  assert.deepEqual(seen.map(([, failure]) => failure), ["no memory", "no memory", "", ""]);
  assert.deepEqual(pauses(), [FAILED_REST, FAILED_REST, REST]);
});

test("a server that was started again is asked again", async () => {
  const { watch, seen, wake } = begin(state("ready", 1), state("loading", 0.4), state("ready", 1));
  await watch.run();
  const run = watch.run();
  await settle();
  await wake();
  await run;
  assert.deepEqual(seen.map(([loading]) => loading), [false, true, false]);
});
