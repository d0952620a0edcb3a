import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, image } from "./startsession.js";
import { settle, state } from "./fakeserver.js";

test("Enter accepts and the next prompt begins another object; Ctrl+Z takes that back", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, revision: 3, at: 1, area: 40, steps: [] })]);
  const accepted = session.current;
  session.accept();
  assert.equal(session.current, null);
  assert.equal(session.listed(2)?.objects, 1);
  await settle();
  await server.answer(state({ id: 9, image: 2, revision: 4, at: 1, area: 40, accepted: true }));
  session.undoRedo("undo");
  assert.equal(session.current, accepted);
  assert.deepEqual([accepted.optimistic.accepted, session.listed(2)?.objects, session.listed(2)?.unaccepted], [false, 0, 1]);
  await settle();
  assert.deepEqual(server.sent.map(({ body }) => body.accepted), [true, false]);
  await server.answer(state({ id: 9, image: 2, revision: 5, at: 1, area: 40 }));
  session.undoRedo("undo"); // then it is the step's turn
  await settle();
  assert.match(server.sent.at(-1).path, /undo$/);
});

test("an object that was accepted long ago is gone back to, and stays accepted until that is taken back", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, at: 1, area: 40, accepted: true })]);
  session.undoRedo("undo");
  assert.equal(session.current?.id, 9);
  session.accept();
  session.undoRedo("undo");
  assert.deepEqual([session.current?.id, server.sent.length], [9, 0]);
  session.unaccept([session.current]);
  await settle();
  assert.deepEqual([server.sent.at(-1).body.accepted, session.unaccepted.length], [false, 1]);
});

test("done with all objects accepted first, and both taken back", async () => {
  const objects = [state({ id: 8, image: 2, at: 1, area: 4 }), state({ id: 9, image: 2, at: 1, area: 4 }), state({ id: 10, image: 2 })];
  const { session, toasts } = await begin(objects);
  assert.deepEqual(session.unaccepted.map(({ id }) => id), [8, 9]); // nothing is lost with an empty one
  session.markDone(true);
  assert.deepEqual([session.listed(2)?.done, session.unaccepted.length, session.current], [true, 0, null]);
  assert.equal(toasts.at(-1).text, "2 objects accepted");
  session.undoRedo("undo");
  assert.deepEqual([session.listed(2)?.done, session.unaccepted.map(({ id }) => id)], [false, [8, 9]]);
  session.toggleHidden(session.entries[0]);
  session.markDone(true);
  assert.equal(toasts.at(-1).text, "2 objects accepted, 1 of them hidden");
  session.undoRedo("undo");
  session.markDone(false);
  assert.deepEqual([session.listed(2)?.done, session.unaccepted.length], [true, 2]);
});

test("acceptance is taken back of objects whose image was left and opened again", async () => {
  const accepted = state({ id: 8, image: 2, at: 1, area: 4, accepted: true, revision: 1 });
  const { session, server, toasts, api } = await begin([{ ...accepted, accepted: false, revision: 0 }]);
  session.markDone(true);
  await settle();
  await server.answer(accepted);
  await server.answer({ id: 2, done: true });
  await session.open(3);
  api.openImage = async (id) => image(id, [accepted]);
  await session.open(2);
  assert.equal(session.unaccepted.length, 0);
  toasts.find(({ text }) => text === "1 object accepted").back();
  assert.deepEqual([session.unaccepted.map(({ id }) => id), session.current?.id, session.listed(2)?.unaccepted], [[8], 8, 1]);
});

test("acceptance that is taken back after the page was turned is counted where it belongs", async () => {
  const { session, toasts } = await begin([state({ id: 8, image: 2, at: 1, area: 4 })]);
  session.markDone(true);
  await session.open(3);
  toasts.find(({ text }) => text === "1 object accepted").back();
  assert.deepEqual([session.listed(2)?.objects, session.listed(2)?.unaccepted, session.listed(2)?.done], [0, 1, false]);
  assert.deepEqual([session.listed(3)?.objects, session.listed(3)?.unaccepted, session.current], [0, 0, null]);
});

test("an empty object is not accepted", async () => {
  const { session, toasts, server } = await begin([state({ id: 9, image: 2 })]);
  session.accept();
  assert.equal(server.sent.length, 0);
  assert.equal(toasts.length, 1);
});
