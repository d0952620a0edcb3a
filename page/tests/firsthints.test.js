/** The hints of the first minute. */

import assert from "node:assert/strict";
import test from "node:test";

import { FIRST_HINTS, hintFor } from "../../src/vpuformer/app/page/firsthints.js";

const project = { hints: true, read_only: false };
const outlined = (at, accepted = false) => ({ optimistic: { at, accepted }, area: 100 });
const work = (entries, more = {}) => ({ entries, current: entries.at(-1) ?? null, image: {}, project, ...more });

test("each hint is shown until its action is done, and never again", () => {
  const done = new Set();
  assert.equal(hintFor(done, work([]))?.name, "outline");
  assert.equal(hintFor(done, work([outlined(1)]))?.name, "correct");
  assert.equal(hintFor(done, work([outlined(2)]))?.name, "accept");
  assert.equal(hintFor(done, work([outlined(2, true)])), null);
  assert.equal(hintFor(done, work([])), null);
  assert.deepEqual([...done], FIRST_HINTS.map(({ name }) => name));
});

test("a hint waits until its action is possible", () => {
  const done = new Set();
  assert.equal(hintFor(done, work([], { image: null })), null);
  assert.equal(hintFor(done, work([outlined(1)], { current: null })), null);
  assert.equal(hintFor(done, work([outlined(1)]))?.name, "correct");
});

test("there are none in other folders and in a read-only view", () => {
  assert.equal(hintFor(new Set(), work([], { project: { hints: false, read_only: false } })), null);
  assert.equal(hintFor(new Set(), work([], { project: { hints: true, read_only: true } })), null);
  assert.equal(hintFor(new Set(), work([], { project: null })), null);
});
