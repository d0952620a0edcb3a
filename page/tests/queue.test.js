import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST_WAIT, LONGEST_WAIT, MOST_FAILURES, newKey, Queue, whole } from "../../src/vpuformer/app/page/queue.js";
import { Outside, settle, state } from "./outside.js";

const click = (x, key = `key-of-${x}-000`) => ({ type: "step", key, step: { type: "click", point: [x, 0], positive: true } });
const undo = { type: "turn", turn: "undo" };

function begin(known = state()) {
  const outside = new Outside();
  const queue = new Queue(outside);
  return { outside, queue, lane: queue.lane(known) };
}

test("the requests of an object wait for each other and carry the revision of the reply before", async () => {
  const { outside, queue, lane } = begin(state({ revision: 4 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  assert.equal(outside.sent.length, 1);
  assert.deepEqual(outside.sent[0], { method: "POST", path: "api/objects/7/steps", body: { key: "key-of-1-000", revision: 4, step: click(1).step } });
  await outside.answer(state({ revision: 9 }));
  assert.equal(outside.sent[1].body.revision, 9);
  assert.equal(queue.waiting, 1);
  await outside.answer(state({ revision: 10 }));
  assert.deepEqual(outside.replies.map(({ body, newest }) => [body.revision, newest]), [[9, false], [10, true]]);
  assert.equal(outside.status, "idle");
});

test("a new object is made first, and what follows goes to the number it got", async () => {
  const { outside, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 2 });
  queue.push(lane, click(1));
  await settle();
  assert.deepEqual(outside.sent[0], { method: "POST", path: "api/images/3/objects", body: { key: "12345678", label: 2 } });
  await outside.answer(state({ id: 55, revision: 1 }), 201);
  assert.equal(outside.sent[1].path, "api/objects/55/steps");
  assert.equal(outside.sent[1].body.revision, 1);
});

test("objects do not wait for each other, and replies out of order find their own object", async () => {
  const { outside, queue, lane } = begin();
  const other = queue.lane(state({ id: 8 }));
  queue.push(lane, click(1));
  queue.push(other, click(2));
  await settle();
  assert.equal(outside.open.length, 2);
  outside.open.reverse();
  await outside.answer(state({ id: 8, revision: 1 }));
  await outside.answer(state({ id: 7, revision: 3 }));
  assert.deepEqual(outside.replies.map((each) => each.lane), [other, lane]);
  assert.equal(lane.state.revision, 3);
  assert.equal(other.state.revision, 1);
});

test("a lost request is sent again with the same key, later and later, and what waits is kept", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  for (let i = 0; i < 7; i++) {
    await outside.lose();
    assert.equal(outside.status, "offline");
    assert.equal(queue.waiting, 2);
    await outside.wake();
  }
  assert.deepEqual(outside.sleeps.map(({ ms }) => ms), [0, 1, 2, 3, 4, 5, 6].map((i) => Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** i)));
  assert.equal(new Set(outside.sent.map((each) => each.body.key)).size, 1);
  await outside.answer(state({ revision: 1 }));
  assert.equal(outside.status, "busy");
  assert.deepEqual(await outside.answer(state({ revision: 2 })), outside.sent.at(-1));
  assert.equal(outside.sent.at(-1).body.key, "key-of-2-000");
  assert.equal(outside.refused.length, 0);
});

test("when the net is back nothing waits for its time", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await outside.lose();
  queue.kick();
  await settle();
  assert.equal(outside.open.length, 1);
});

test("a busy server is asked again when it said, and that is not offline", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "busy" }, 503, 3);
  assert.equal(outside.sleeps[0].ms, 3000);
  assert.equal(outside.status, "busy");
  await outside.wake();
  await outside.answer(state({ revision: 1 }));
  assert.deepEqual(outside.refused, []);
});

test("a prompt for a former state is given once more, for the present one", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "another revision", state: state({ revision: 5 }) }, 409);
  assert.equal(outside.sent[1].body.revision, 5);
  assert.equal(outside.sent[1].body.key, outside.sent[0].body.key);
  await outside.answer({ error: "another revision", state: state({ revision: 6 }) }, 409);
  assert.equal(outside.sent.length, 2);
  assert.deepEqual(outside.replies.map(({ body, newest }) => [body.revision, newest]), [[6, true]]);
  assert.equal(outside.refused.length, 1);
});

test("an undo for a former state is dropped and the present state shown", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, undo);
  await settle();
  assert.deepEqual(outside.sent[0], { method: "POST", path: "api/objects/7/undo", body: { revision: 1 } });
  await outside.answer({ error: "another revision", state: state({ revision: 5 }) }, 409);
  assert.equal(outside.sent.length, 1);
  assert.equal(outside.replies[0].body.revision, 5);
  assert.equal(outside.refused.length, 1);
});

test("an undo whose reply was lost counts once and is no news", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, undo);
  queue.push(lane, click(1));
  await settle();
  await outside.lose();
  await outside.wake();
  await outside.answer({ error: "another revision", state: state({ revision: 2 }) }, 409);
  assert.deepEqual(outside.refused, []);
  assert.equal(outside.sent.at(-1).body.revision, 2);
  assert.equal(outside.sent.at(-1).body.key, "key-of-1-000");
});

test("what the server refuses is dropped with its sentence, and the rest goes on", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  await outside.answer({ error: "that lies outside" }, 422);
  assert.deepEqual(outside.refused.map(({ sentence }) => sentence), ["that lies outside"]);
  assert.deepEqual(lane.unshown.map(({ key }) => key), ["key-of-2-000"]);
  assert.equal(outside.sent[1].body.key, "key-of-2-000");
  assert.equal(outside.sent[1].body.revision, 1);
});

test("if the last action is refused the state before it is shown as the newest", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1 }));
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  await outside.answer(state({ revision: 2 }));
  await outside.answer({ error: "no" }, 400);
  assert.deepEqual(outside.replies.map(({ body, newest }) => [body.revision, newest]), [[2, false], [2, true]]);
  assert.deepEqual(lane.unshown, []);
});

test("an object that cannot be made takes what was meant for it along", async () => {
  const { outside, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: null });
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "there is no image 3" }, 404);
  assert.equal(outside.sent.length, 1);
  assert.equal(outside.status, "idle");
  assert.equal(outside.refused.length, 1);
});

test("an object whose label is gone is made without one, and what was meant for it follows", async () => {
  const { outside, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 99 });
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "there is no label 99" }, 404);
  assert.deepEqual(outside.sent[1], { method: "POST", path: "api/images/3/objects", body: { key: "12345678", label: null } });
  assert.deepEqual(outside.unlabelled, []);
  await outside.answer(state({ id: 55, revision: 1 }), 201);
  assert.deepEqual(outside.unlabelled, [lane]);
  assert.equal(outside.sent[2].path, "api/objects/55/steps");
  await outside.answer(state({ id: 55, revision: 2 }));
  assert.deepEqual([outside.refused, outside.unlabelled.length, outside.status], [[], 1, "idle"]);
});

test("an image that is gone is not taken for a label that is", async () => {
  const { outside, queue } = begin();
  const lane = queue.lane();
  queue.push(lane, { type: "create", key: "12345678", image: 3, label: 99 });
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "there is no image 3" }, 404);
  await outside.answer({ error: "there is no image 3" }, 404);
  assert.deepEqual([outside.sent.length, outside.unlabelled.length, outside.status], [2, 0, "idle"]);
  assert.deepEqual(outside.refused.map(({ sentence }) => sentence), ["there is no image 3"]);
});

test("without access the actions are kept until there is access again", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  await outside.answer({ error: "token" }, 401);
  assert.deepEqual([outside.status, outside.statuses.at(-1).reason], ["offline", "token"]);
  await outside.wake();
  await outside.answer(state({ revision: 1 }));
  assert.equal(outside.status, "idle");
});

test("what the server says of a full disk is told, and the action waits until there is room", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  await settle();
  for (let i = 0; i <= MOST_FAILURES; i++) {
    await outside.answer({ error: "the disk is full; free some space" }, 507);
    assert.deepEqual([outside.status, outside.statuses.at(-1).reason], ["offline", "the disk is full; free some space"]);
    await outside.wake();
  }
  await outside.answer("", 502); // a proxy before a server that is down
  assert.equal(outside.statuses.at(-1).reason, "The server answered with 502.");
  await outside.wake();
  await outside.lose();
  assert.match(outside.statuses.at(-1).reason, /cannot be reached/);
  await outside.wake();
  await outside.answer(state({ revision: 1 }));
  assert.deepEqual([outside.status, outside.statuses.at(-1).reason, outside.refused], ["idle", "", []]);
});

test("a request at which the server always fails does not hold up the others for ever", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, click(1));
  queue.push(lane, click(2));
  await settle();
  for (let i = 0; i < MOST_FAILURES; i++) {
    await outside.answer({ error: "a bug" }, 500);
    if (i < MOST_FAILURES - 1) await outside.wake();
  }
  assert.deepEqual(outside.refused.map(({ sentence }) => sentence), ["a bug"]);
  assert.equal(outside.sent.at(-1).body.key, "key-of-2-000");
});

test("changes and done marks have their own addresses", async () => {
  const { outside, queue, lane } = begin();
  queue.push(lane, { type: "change", change: { accepted: true } });
  queue.push(queue.lane(), { type: "done", image: 4, done: true });
  await settle();
  assert.deepEqual(outside.sent, [
    { method: "PATCH", path: "api/objects/7", body: { accepted: true, known: { revision: 0, answered: 0 } } },
    { method: "PATCH", path: "api/images/4", body: { done: true } },
  ]);
});

const prompt = (x, live = true) => ({ type: "click", positive: true, point: [x, 0], box: null, path: null, radius: null, step: null, live });
const runs = (text) => ({ width: 4, height: 2, runs: text });

test("an answer that leaves out what is known is put together with it", () => {
  const former = state({ revision: 2, at: 2, answered: 2, steps: [prompt(1), prompt(2)], mask: runs("AA==") });
  const step = state({ revision: 3, at: 3, answered: 3, since: 2, live: [1], steps: [prompt(3)], mask: runs("AQ==") });
  const after = whole(former, step);
  assert.deepEqual(after.steps, [prompt(1, false), prompt(2), prompt(3)]);
  assert.deepEqual([after.mask?.runs, after.since, after.live], ["AQ==", 0, []]);
  const change = state({ revision: 4, accepted: true, at: 3, answered: 3, since: 3, live: [1, 2], mask_known: true });
  const accepted = whole(after, change);
  assert.deepEqual(accepted, { ...after, revision: 4, accepted: true, live: [] });
  assert.deepEqual(former.steps, [prompt(1), prompt(2)]);
  assert.equal(whole(former, state({ revision: 9 })).steps.length, 0); // all of it came
});

test("the lane goes on with the whole state, and a conflict brings one", async () => {
  const { outside, queue, lane } = begin(state({ revision: 1, at: 1, answered: 1, steps: [prompt(1)] }));
  queue.push(lane, click(2));
  queue.push(lane, { type: "change", change: { label: 3 } });
  await settle();
  await outside.answer(state({ revision: 2, at: 2, answered: 2, since: 1, live: [0], steps: [prompt(2)] }));
  assert.deepEqual(lane.state.steps, [prompt(1), prompt(2)]);
  assert.deepEqual(outside.sent.at(-1).body, { label: 3, known: { revision: 2, answered: 2 } });
  await outside.answer({ error: "another revision", state: state({ revision: 7, at: 1, steps: [prompt(9)] }) }, 409);
  assert.deepEqual(outside.replies.at(-1).body.steps, [prompt(9)]);
});

test("keys are new every time and have the letters that the server takes", () => {
  const keys = Array.from({ length: 50 }, newKey);
  assert.equal(new Set(keys).size, 50);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9-]{8,64}$/);
});
