import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_WAIT, LONGEST_WAIT, MOST_FAILURES, newKey, Queue, mergeAnswer } from "../../src/vpuformer/app/page/queue.js";
import { FakeServer, settle, state, storedStep } from "./fakeserver.js";

const click = (x, key = `key-of-${x}-000`) => ({ type: "step", key, step: { type: "click", point: [x, 0], positive: true } });
const undo = { type: "undoRedo", direction: "undo" };

function begin(known = state()) {
  const server = new FakeServer();
  const queue = new Queue(server);
  return { server, queue, lane: queue.lane(known) };
}

test("the requests of an object wait for each other and carry the revision of the reply before", async () => {
  const { server, queue, lane } = begin(state({ revision: 4 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  assert.equal(server.sent.length, 1);
  assert.deepEqual(server.sent[0], { method: "POST", path: "api/objects/7/steps", body: { key: "key-of-1-000", revision: 4, step: click(1).step } });
  await server.answer(state({ revision: 9 }));
  assert.equal(server.sent[1].body.revision, 9);
  assert.equal(queue.waiting, 1);
  await server.answer(state({ revision: 10 }));
  assert.deepEqual(server.replies.map(({ body, newest }) => [body.revision, newest]), [[9, false], [10, true]]);
  assert.equal(server.status, "idle");
});

test("a new object is made first, and what follows goes to the number it got", async () => {
  const { server, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 2 });
  queue.push(lane, click(1));
  await settle();
  assert.deepEqual(server.sent[0], { method: "POST", path: "api/images/3/objects", body: { key: "12345678", label: 2 } });
  await server.answer(state({ id: 55, revision: 1 }), 201);
  assert.equal(server.sent[1].path, "api/objects/55/steps");
  assert.equal(server.sent[1].body.revision, 1);
});

test("objects do not wait for each other, and replies out of order find their own object", async () => {
  const { server, queue, lane } = begin();
  const other = queue.lane(state({ id: 8 }));
  queue.push(lane, click(1));
  queue.push(other, click(2));
  await settle();
  assert.equal(server.open.length, 2);
  server.open.reverse();
  await server.answer(state({ id: 8, revision: 1 }));
  await server.answer(state({ id: 7, revision: 3 }));
  assert.deepEqual(server.replies.map((each) => each.lane), [other, lane]);
  assert.equal(lane.state.revision, 3);
  assert.equal(other.state.revision, 1);
});

test("a lost request is sent again with the same key, later and later, and what waits is kept", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  for (let i = 0; i < 7; i++) {
    await server.lose();
    assert.equal(server.status, "offline");
    assert.equal(queue.waiting, 2);
    await server.wake();
  }
  assert.deepEqual(server.sleeps.map(({ ms }) => ms), [0, 1, 2, 3, 4, 5, 6].map((i) => Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** i)));
  assert.equal(new Set(server.sent.map((each) => each.body.key)).size, 1);
  await server.answer(state({ revision: 1 }));
  assert.equal(server.status, "busy");
  assert.deepEqual(await server.answer(state({ revision: 2 })), server.sent.at(-1));
  assert.equal(server.sent.at(-1).body.key, "key-of-2-000");
  assert.equal(server.refused.length, 0);
});

test("when the net is back nothing waits for its time", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await server.lose();
  queue.retryNow();
  await settle();
  assert.equal(server.open.length, 1);
});

test("a busy server is asked again when it said, and that is not offline", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "busy" }, 503, 3);
  assert.equal(server.sleeps[0].ms, 3000);
  assert.equal(server.status, "busy");
  await server.wake();
  await server.answer(state({ revision: 1 }));
  assert.deepEqual(server.refused, []);
});

test("a prompt for a former state is given once more, for the present one", async () => {
  const { server, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "another revision", state: state({ revision: 5 }) }, 409);
  assert.equal(server.sent[1].body.revision, 5);
  assert.equal(server.sent[1].body.key, server.sent[0].body.key);
  await server.answer({ error: "another revision", state: state({ revision: 6 }) }, 409);
  assert.equal(server.sent.length, 2);
  assert.deepEqual(server.replies.map(({ body, newest }) => [body.revision, newest]), [[6, true]]);
  assert.equal(server.refused.length, 1);
});

test("an undo for a former state is dropped and the present state shown", async () => {
  const { server, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, undo);
  await settle();
  assert.deepEqual(server.sent[0], { method: "POST", path: "api/objects/7/undo", body: { revision: 1 } });
  await server.answer({ error: "another revision", state: state({ revision: 5 }) }, 409);
  assert.equal(server.sent.length, 1);
  assert.equal(server.replies[0].body.revision, 5);
  assert.equal(server.refused.length, 1);
});

test("an undo whose reply was lost counts once and is not reported", async () => {
  const { server, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, undo);
  queue.push(lane, click(1));
  await settle();
  await server.lose();
  await server.wake();
  await server.answer({ error: "another revision", state: state({ revision: 2 }) }, 409);
  assert.deepEqual(server.refused, []);
  assert.equal(server.sent.at(-1).body.revision, 2);
  assert.equal(server.sent.at(-1).body.key, "key-of-1-000");
});

test("what the server refuses is dropped with its sentence, and the rest goes on", async () => {
  const { server, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  await server.answer({ error: "that lies outside" }, 422);
  assert.deepEqual(server.refused.map(({ sentence }) => sentence), ["that lies outside"]);
  assert.deepEqual(lane.unconfirmed.map(({ key }) => key), ["key-of-2-000"]);
  assert.equal(server.sent[1].body.key, "key-of-2-000");
  assert.equal(server.sent[1].body.revision, 1);
});

test("if the last action is refused the state before it is shown as the newest", async () => {
  const { server, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  await server.answer(state({ revision: 2 }));
  await server.answer({ error: "no" }, 400);
  assert.deepEqual(server.replies.map(({ body, newest }) => [body.revision, newest]), [[2, false], [2, true]]);
  assert.deepEqual(lane.unconfirmed, []);
});

test("an object that cannot be made takes what was meant for it along", async () => {
  const { server, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: null });
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "there is no image 3" }, 404);
  assert.equal(server.sent.length, 1);
  assert.equal(server.status, "idle");
  assert.equal(server.refused.length, 1);
});

test("an object whose label is gone is made without one, and what was meant for it follows", async () => {
  const { server, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 99 });
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "there is no label 99" }, 404);
  assert.deepEqual(server.sent[1], { method: "POST", path: "api/images/3/objects", body: { key: "12345678", label: null } });
  assert.deepEqual(server.unlabelled, []);
  await server.answer(state({ id: 55, revision: 1 }), 201);
  assert.deepEqual(server.unlabelled, [lane]);
  assert.equal(server.sent[2].path, "api/objects/55/steps");
  await server.answer(state({ id: 55, revision: 2 }));
  assert.deepEqual([server.refused, server.unlabelled.length, server.status], [[], 1, "idle"]);
});

test("a missing image is not confused with a missing label", async () => {
  const { server, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 99 });
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "there is no image 3" }, 404);
  await server.answer({ error: "there is no image 3" }, 404);
  assert.deepEqual([server.sent.length, server.unlabelled.length, server.status], [2, 0, "idle"]);
  assert.deepEqual(server.refused.map(({ sentence }) => sentence), ["there is no image 3"]);
});

test("without access the actions are kept until there is access again", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "token" }, 401);
  assert.deepEqual([server.status, server.statuses.at(-1).reason], ["offline", "token"]);
  await server.wake();
  await server.answer(state({ revision: 1 }));
  assert.equal(server.status, "idle");
});

test("while the server has another project, the actions are kept", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await server.answer({ error: "another project" }, 421);
  assert.deepEqual([server.status, server.statuses.at(-1).reason, queue.waiting], ["offline", "another project", 1]);
  await server.wake();
  await server.answer(state({ revision: 1 }));
  assert.deepEqual([server.status, server.refused], ["idle", []]);
});

test("the server's sentence on a full disk is shown, and the action waits until there is room", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  for (let i = 0; i <= MOST_FAILURES; i++) {
    await server.answer({ error: "the disk is full; free some space" }, 507);
    assert.deepEqual([server.status, server.statuses.at(-1).reason], ["offline", "the disk is full; free some space"]);
    await server.wake();
  }
  await server.answer("", 502); // a proxy before a server that is down
  assert.equal(server.statuses.at(-1).reason, "The server answered with 502.");
  await server.wake();
  await server.lose();
  assert.match(server.statuses.at(-1).reason, /cannot be reached/);
  await server.wake();
  await server.answer(state({ revision: 1 }));
  assert.deepEqual([server.status, server.statuses.at(-1).reason, server.refused], ["idle", "", []]);
});

test("a request at which the server always fails does not hold up the others for ever", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  for (let i = 0; i < MOST_FAILURES; i++) {
    await server.answer({ error: "a bug" }, 500);
    if (i < MOST_FAILURES - 1) await server.wake();
  }
  assert.deepEqual(server.refused.map(({ sentence }) => sentence), ["a bug"]);
  assert.equal(server.sent.at(-1).body.key, "key-of-2-000");
});

test("changes and done marks have their own addresses", async () => {
  const { server, queue, lane } = begin();
  queue.push(lane, { type: "change", change: { accepted: true } });
  queue.push(queue.lane(), { type: "image", image: 4, change: { done: true } });
  await settle();
  await server.answer(state({ revision: 1 }));
  assert.deepEqual(server.sent, [
    { method: "PATCH", path: "api/objects/7", body: { accepted: true, known: { revision: 0, answered: 0 } } },
    { method: "PATCH", path: "api/images/4", body: { done: true } },
  ]);
});

const prompt = (x, live = true) => storedStep("click", { point: [x, 0], live });
const runs = (text) => ({ width: 4, height: 2, runs: text });

test("an answer that leaves out what is known is put together with it", () => {
  const former = state({ revision: 2, at: 2, answered: 2, steps: [prompt(1), prompt(2)], mask: runs("AA==") });
  const step = state({ revision: 3, at: 3, answered: 3, since: 2, live: [1], steps: [prompt(3)], mask: runs("AQ==") });
  const after = mergeAnswer(former, step);
  assert.deepEqual(after.steps, [prompt(1, false), prompt(2), prompt(3)]);
  assert.deepEqual([after.mask?.runs, after.since, after.live], ["AQ==", 0, []]);
  const change = state({ revision: 4, accepted: true, at: 3, answered: 3, since: 3, live: [1, 2], mask_known: true });
  const accepted = mergeAnswer(after, change);
  assert.deepEqual(accepted, { ...after, revision: 4, accepted: true, live: [] });
  assert.deepEqual(former.steps, [prompt(1), prompt(2)]);
  assert.equal(mergeAnswer(former, state({ revision: 9 })).steps.length, 0); // all of it came
});

test("the lane goes on with the mergeAnswer state, and a conflict brings one", async () => {
  const { server, queue, lane } = begin(state({ revision: 1, at: 1, answered: 1, steps: [prompt(1)] }));
  queue.push(lane, click(2));
  queue.push(lane, { type: "change", change: { label: 3 } });
  await settle();
  await server.answer(state({ revision: 2, at: 2, answered: 2, since: 1, live: [0], steps: [prompt(2)] }));
  assert.deepEqual(lane.state.steps, [prompt(1), prompt(2)]);
  assert.deepEqual(server.sent.at(-1).body, { label: 3, known: { revision: 2, answered: 2 } });
  await server.answer({ error: "another revision", state: state({ revision: 7, at: 1, steps: [prompt(9)] }) }, 409);
  assert.deepEqual(server.replies.at(-1).body.steps, [prompt(9)]);
});

test("keys are new every time and have the letters that the server takes", () => {
  const keys = Array.from({ length: 50 }, newKey);
  assert.equal(new Set(keys).size, 50);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9-]{8,64}$/);
});
