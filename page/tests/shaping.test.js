import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";
import { encodeLengths } from "./rleencoding.js";

/** Columns of an image of 8 x 8 pixels. @param {number} first @param {number} count */
const columns = (first, count) => ({
  width: 8, height: 8, runs: encodeLengths([first, ...Array.from({ length: 7 }, () => [count, 8 - count]).flat(), count, 8 - first - count]),
});
const object = (id, more = {}) => state({ id, image: 2, at: 1, area: 16, mask: columns(0, 2), steps: [storedStep("click")], ...more });
const step = ({ body }) => body.step;

test("a merge waits for the other object's changes, which is gone after the answer and back after the undo", async () => {
  const { session, server } = await begin([object(8), object(9)]);
  const [first, second] = session.entries;
  session.select(second);
  session.act(click); // on its way
  session.select(first);
  session.combine("merge", second);
  assert.equal(first.optimistic.steps[0].live, false, "earlier prompts are inactive");
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/9/steps"]);
  await server.answer(object(9, { revision: 1, at: 2 }));
  assert.deepEqual(step(server.sent[1]), { type: "merge", objects: [9] });
  assert.equal("keep_off" in server.sent[1].body, false);
  await server.answer({ ...object(8, { revision: 1, at: 2 }), others: [object(9, { revision: 2, deleted: true })], order: [8] });
  assert.deepEqual(session.entries, [first]);
  assert.equal(first.confirmed?.others.length, 0, "others are taken over once");

  session.undoRedo("undo");
  await settle();
  await server.answer({ ...object(8, { revision: 2 }), others: [object(9, { revision: 3 })], order: [9, 8] });
  assert.deepEqual(session.entries.map(({ id }) => id), [8, 9]);
  assert.deepEqual(session.stacked.map(({ id }) => id), [9, 8]);
  assert.equal(session.folder.listed(2)?.unaccepted, 2);
});

test("a locked object is not merged, and may be subtracted", async () => {
  const { session, server, toasts } = await begin([object(8), object(9)]);
  const [first, second] = session.entries;
  session.toggleLock(second);
  session.select(first);
  session.combine("merge", second);
  assert.match(toasts[0].text, /^Object 2 is locked/);
  session.combine("subtract", second);
  await settle();
  assert.deepEqual(server.sent.map(step), [{ type: "subtract", objects: [9] }]);
});

test("without an object under the pointer, the next one that is pointed at is merged", async () => {
  const { session, server, said } = await begin([object(8), object(9, { mask: columns(4, 2) })]);
  const [first, second] = session.entries;
  session.select(first);
  session.combine("merge");
  assert.equal(session.picking, "merge");
  assert.match(said.at(-1), /^Click on the object/);
  session.pickAlong([[7, 7]]);
  assert.equal(session.picking, "merge", "there is no object");
  session.select(second);
  assert.equal(session.picking, null, "another current object waits for nothing");
  session.select(first);
  session.cancelPicking();
  session.combine("merge");
  session.pickAlong([[4, 4]]);
  session.combine("subtract");
  session.point(second);
  await settle();
  await server.answer(object(8, { revision: 1 }));
  assert.deepEqual(server.sent.map(step), [{ type: "merge", objects: [9] }, { type: "subtract", objects: [9] }]);
  assert.equal(session.current, first);
});

test("a cut waits for a line, and the parts become objects", async () => {
  const { session, server } = await begin([object(8)]);
  session.select(session.entries[0]);
  session.cut();
  session.pickAlong([[0, 0]]);
  assert.equal(session.picking, "cut", "a point is no line");
  session.pickAlong([[0, 4], [7, 4]]);
  assert.equal(session.picking, null);
  await settle();
  assert.deepEqual(step(server.sent[0]), { type: "split", path: [[0, 4], [7, 4]] });
  await server.answer({ ...object(8, { revision: 1 }), others: [object(12, { revision: 1 })], order: [8, 12] });
  assert.deepEqual(session.entries.map(({ id }) => id), [8, 12]);
  assert.equal(session.current?.id, 8);
});

test("an object moves past the next one that it may overlap", async () => {
  const { session, server, toasts } = await begin([object(8), object(9, { mask: columns(5, 2) }), object(10), object(11)]);
  session.select(session.entries[0]);
  for (const [move, above] of [["forward", 10], ["front", 11]]) {
    session.arrange(move);
    await settle();
    assert.deepEqual(step(server.sent.at(-1)), { type: "arrange", above }, move);
    await server.answer(object(8, { revision: server.sent.length }));
  }
  session.takeOver(2, [], [9, 10, 8, 11]);
  assert.equal(session.entryAt([0, 0]), session.entries[0], "the current object is drawn on top");
  session.select(session.entries[2]);
  session.arrange("backward");
  assert.match(toasts[0].text, /already at the back/, "object 9 is somewhere else");
  session.arrange("back");
  await settle();
  assert.deepEqual(step(server.sent.at(-1)), { type: "arrange", above: null });
  session.select(null);
  assert.equal(session.entryAt([0, 0])?.id, 11);
  assert.deepEqual(session.entries.map(({ id }) => id), [8, 9, 10, 11], "the list keeps its order");
});

test("the state of an object with a newer action here stays", async () => {
  const { session } = await begin([object(8), object(9)]);
  const [first] = session.entries;
  session.select(first);
  session.act(click);
  session.takeOver(2, [object(8, { deleted: true, revision: 5 })]);
  assert.equal(session.entries[0], first);
});
