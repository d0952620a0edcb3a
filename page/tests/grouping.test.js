import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const object = (id, more = {}) => state({ id, image: 2, at: 1, area: 8, answered: 1, steps: [storedStep("click")], review: null, ...more });
const ids = (entries) => entries.map(({ id }) => id);

/** A session with four objects, of which none is selected. */
async function four(more = {}) {
  const begun = await begin([6, 7, 8, 9].map((id) => object(id, more[id])));
  begun.session.select(null);
  return { ...begun, entries: [...begun.session.entries] };
}

test("Ctrl+click adds an object and takes it out, and one that is left is selected as usual", async () => {
  const { session, entries } = await four();
  session.select(entries[0]);
  session.toggleSelected(entries[2]);
  assert.deepEqual([session.current, ids(session.group), ids(session.selection)], [null, [6, 8], [6, 8]]);
  session.toggleSelected(entries[0]);
  assert.deepEqual([session.current, session.group], [entries[2], []]);
  session.toggleSelected(entries[2]);
  assert.deepEqual([session.current, session.selection], [null, []]);
});

test("Shift+click selects a range from the object that was selected last, without hidden and locked ones", async () => {
  const { session, entries } = await four();
  session.toggleLock(entries[1]);
  session.select(entries[3]);
  session.selectTo(entries[0]);
  assert.deepEqual(ids(session.group), [6, 8, 9]);
  session.selectTo(entries[2]);
  assert.deepEqual(ids(session.group), [8, 9], "the range begins where it began before");
  session.selectTo(entries[1]);
  session.toggleSelected(entries[1]);
  assert.deepEqual(ids(session.group), [8, 9], "a locked object is refused");
  session.setHidden(session.group, true);
  assert.deepEqual(session.group, []);
  session.toggleSelected(entries[2]);
  session.toggleSelected(entries[3]);
  assert.deepEqual([ids(session.group), entries[2].hidden], [[8, 9], false]);
});

test("a label for several objects is one step of undo", async () => {
  const { session, server, entries } = await four({ 7: { label: 4 }, 8: { label: 5 } });
  session.select(entries[0]);
  session.selectTo(entries[2]);
  session.chooseLabel(4);
  const labels = () => entries.map((entry) => entry.optimistic.label);
  assert.deepEqual(labels(), [4, 4, 4, null]);
  assert.deepEqual(ids(session.group), [6, 7, 8], "they stay selected");
  session.undoRedo("undo");
  assert.deepEqual(labels(), [null, 4, 5, null]);
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path.match(/\d+/)?.[0]), ["6", "8"], "what has the label already is not sent");
});

test("a new label is given to all objects that were selected when it was typed", async () => {
  const { session, entries } = await four();
  session.select(entries[0]);
  session.toggleSelected(entries[1]);
  session.awaitLabel()(4);
  assert.deepEqual(entries.map((entry) => entry.optimistic.label), [4, 4, null, null]);
  session.undoRedo("undo");
  assert.deepEqual(entries.map((entry) => entry.optimistic.label), [null, null, null, null]);
});

test("several objects are accepted at once, and undo takes all of that back", async () => {
  const { session, toasts, entries } = await four({ 7: { area: 0 } });
  session.select(entries[0]);
  session.selectTo(entries[2]);
  session.accept();
  assert.deepEqual(entries.map(({ tentative }) => tentative), [false, true, false, true]);
  assert.deepEqual([toasts.at(-1).text, session.selection], ["2 objects accepted", []]);
  session.undoRedo("undo");
  assert.deepEqual(entries.map(({ tentative }) => tentative), [true, true, true, true]);
});

test("where a label is required, several objects stay selected to be given one", async () => {
  const { session, toasts, entries } = await four();
  session.project.label_settings.label_required = true;
  session.select(entries[0]);
  session.selectTo(entries[1]);
  session.accept();
  assert.match(toasts.at(-1).text, /^2 objects need a label/);
  assert.deepEqual(ids(session.group), [6, 7]);
  session.chooseLabel(4);
  session.accept();
  assert.deepEqual(entries.map(({ tentative }) => tentative), [false, false, true, true]);
});

test("several objects are deleted at once, and come back to their places", async () => {
  const { session, toasts, entries } = await four();
  session.toggleSelected(entries[3]);
  session.toggleSelected(entries[0]);
  session.toggleSelected(entries[2]);
  session.remove(session.selection);
  assert.deepEqual([ids(session.entries), toasts.at(-1).text], [[7], "3 objects deleted"]);
  session.undoRedo("undo");
  assert.deepEqual(ids(session.entries), [6, 7, 8, 9]);
});

test("a prompt begins a new object, and changes none of those that are selected together", async () => {
  const { session, entries } = await four();
  session.select(entries[0]);
  session.selectTo(entries[3]);
  session.act(click);
  assert.equal(session.entries.length, 5);
  assert.deepEqual([session.current, session.group], [session.entries[4], []]);
  assert.ok(entries.every((entry) => entry.optimistic.at === 1));
  session.select(null);
  assert.deepEqual(session.group, []);
});

test("another image has no objects that are selected together", async () => {
  const { session, entries } = await four();
  session.select(entries[0]);
  session.selectTo(entries[3]);
  await session.open(3);
  await session.open(2);
  assert.deepEqual(session.group, []);
});
