import assert from "node:assert/strict";
import { test } from "node:test";

import { Latest, REST } from "../../src/vpuformer/app/page/latest.js";
import { FakeServer, settle } from "./fakeserver.js";

/** Values on their way to `sent`, and the pauses that they wait for. */
function begin() {
  const { clock, sleeps } = new FakeServer();
  const sent = [];
  const server = { ready: true };
  const latest = new Latest((value) => sent.push(value), () => server.ready, clock);
  /** End all pauses that began so far. */
  const rest = async () => {
    for (const { wake } of sleeps.splice(0)) wake();
    await settle();
  };
  return { latest, sent, server, sleeps, rest };
}

test("of many values the newest is sent after a rest", async () => {
  const { latest, sent, sleeps, rest } = begin();
  for (const value of [1, 2]) void latest.put(value);
  await rest();
  assert.deepEqual(sent, [2]);
  void latest.put(3);
  const [pause] = sleeps.splice(0);
  void latest.put(4);
  pause.wake();
  await settle();
  latest.settle();
  assert.deepEqual([sent, latest.waiting, pause.ms], [[2], true, REST]);
  await rest();
  assert.deepEqual([sent, latest.waiting], [[2, 4], false]);
});

test("a value waits for the answer to the former one, and gives way to newer ones", async () => {
  const { latest, sent, server, rest } = begin();
  server.ready = false;
  for (const value of [1, 2]) {
    void latest.put(value);
    await rest();
  }
  assert.deepEqual([sent, latest.waiting], [[], true]);
  server.ready = true;
  latest.settle();
  latest.settle();
  assert.deepEqual(sent, [2]);
});

test("a value that must not be lost is sent at once, and one that is dropped is not sent", async () => {
  const { latest, sent, server, rest } = begin();
  server.ready = false;
  void latest.put(1);
  latest.flush();
  void latest.put(2);
  latest.drop();
  await rest();
  latest.flush();
  assert.deepEqual([sent, latest.waiting], [[1], false]);
});
