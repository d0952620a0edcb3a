import assert from "node:assert/strict";
import { test } from "node:test";

import { LONGEST, Preview, REST } from "../../src/vpuformer/app/page/preview.js";
import { FakeServer, settle } from "./fakeserver.js";
import { encodeLengths } from "./rleencoding.js";

/** A pointer over an image of 4 x 2 pixels, and a server that answers when a test makes it. */
function begin() {
  const { clock, sleeps } = new FakeServer();
  const image = { id: 3, width: 4, height: 2 };
  const session = { image, opening: null, current: null, picking: null, queue: { waiting: 0 }, keptOff: () => [{ id: 8 }, { id: null }] };
  const settings = { preview: true, positive: true, tool: "smart", onlyHere: false, polygonOpen: false, turn: (name, on) => (settings[name] = on) };
  const stage = { image, draft: null, preview: null, redraw() {} };
  const asked = [];
  const slow = [];
  const api = {
    getPreview: (id, wanted, signal) => new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      asked.push({ id, wanted, signal, answer: (mask) => resolve({ mask }) });
    }),
  };
  const preview = new Preview(/** @type {any} */ ({ api, session, settings, stage, clock, isLoading: () => false, onSlow: () => slow.push(1) }));
  /** Let the newest pause of this length end. */
  const pass = async (ms) => {
    sleeps.findLast((each) => each.ms === ms).wake();
    await settle();
  };
  return { preview, asked, stage, session, settings, slow, pass };
}

const MASK = { width: 4, height: 2, runs: encodeLengths([1, 3, 4]) };

test("a preview is asked for after a rest, and goes with the next movement", async () => {
  const { preview, asked, stage, pass } = begin();
  void preview.hover([1, 1]);
  assert.equal(asked.length, 0);
  await pass(REST);
  assert.deepEqual([asked[0].id, asked[0].wanted], [3, { point: [1, 1], object: null, only_here: false, keep_off: [8] }]);
  asked[0].answer(MASK);
  await settle();
  assert.equal(stage.preview.area, 3);
  void preview.hover([1, 1]);
  assert.notEqual(stage.preview, null);
  void preview.hover([2, 1]);
  assert.equal(stage.preview, null);
});

test("movement, a prompt and a change cancel a preview", async () => {
  for (const cancel of [(each) => void each.preview.hover([2, 1]), (each) => each.preview.drop(), (each) => ((each.session.current = { key: 5, optimistic: {} }), each.preview.show())]) {
    const all = begin();
    void all.preview.hover([1, 1]);
    await all.pass(REST);
    cancel(all);
    assert.equal(all.asked[0].signal.aborted, true);
    all.asked[0].answer(MASK);
    await settle();
    assert.deepEqual([all.stage.preview, all.slow.length, all.settings.preview], [null, 0, true]);
  }
});

test("previews are for positive clicks of a free hand on an idle server", async () => {
  const cases = [
    ({ settings }) => (settings.preview = false), ({ settings }) => (settings.positive = false), ({ settings }) => (settings.tool = "brush"),
    ({ settings }) => (settings.polygonOpen = true), ({ session }) => (session.picking = "cut"), ({ session }) => (session.queue.waiting = 1),
    ({ stage }) => (stage.draft = {}), ({ stage }) => (stage.image = null), ({ session }) => (session.opening = 4),
  ];
  for (const change of cases) {
    const all = begin();
    void all.preview.hover([1, 1]);
    change(all);
    await all.pass(REST);
    assert.equal(all.asked.length, 0, String(change));
  }
});

test("an answer that takes too long turns previews off", async () => {
  const { preview, asked, stage, settings, slow, pass } = begin();
  void preview.hover([1, 1]);
  await pass(REST);
  await pass(LONGEST);
  assert.deepEqual([settings.preview, slow.length, asked[0].signal.aborted, stage.preview], [false, 1, true, null]);
});

test("an answer in time leaves them on", async () => {
  const { preview, asked, settings, slow, pass } = begin();
  void preview.hover([1, 1]);
  await pass(REST);
  asked[0].answer(null);
  await settle();
  await pass(LONGEST);
  assert.deepEqual([settings.preview, slow.length], [true, 0]);
});
