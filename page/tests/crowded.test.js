import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, click } from "./startsession.js";
import { settle, state } from "./fakeserver.js";
import { encodeLengths } from "./rleencoding.js";

/** The left column of an image of 8 x 8 pixels. */
const LEFT = { width: 8, height: 8, runs: encodeLengths([0, ...Array.from({ length: 8 }, () => [1, 7]).flat()]) };
const object = (id, more = {}) => state({ id, image: 2, at: 1, area: 8, mask: LEFT, accepted: true, ...more });
const elsewhere = { ...click, point: [5, 5] };

test("a step names the objects that it keeps off, and waits until the server has their masks", async () => {
  const { session, server } = await begin([object(8, { accepted: false }), object(9), object(10, { accepted: false })]);
  session.keepOff = () => true;
  session.toggleLock(session.entries[0]);
  session.select(session.entries[2]);
  session.accept(); // on its way
  session.act(elsewhere);
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/10", "api/images/2/objects"]);
  await server.answer(object(10, { revision: 1 }));
  await server.answer(state({ id: 11, image: 2 }));
  assert.deepEqual(server.sent.at(-1).body.keep_off, [8, 9, 10]);
});

test("without the switch, a step names no object and waits for none", async () => {
  const { session, server } = await begin([object(9), object(10, { accepted: false })]);
  session.accept();
  session.act(click);
  await settle();
  await server.answer(object(10, { revision: 1 }));
  await server.answer(state({ id: 11, image: 2 }));
  assert.equal("keep_off" in server.sent.at(-1).body, false);
});

test("two objects that keep off each other do not wait for each other for ever", async () => {
  const { session, server } = await begin([object(9), object(10)]);
  const [first, second] = session.entries;
  session.keepOff = () => true;
  for (const entry of [first, second]) {
    session.select(entry);
    session.act(elsewhere);
  }
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/9/steps"]);
  await server.answer(object(9, { revision: 1 }));
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/9/steps", "api/objects/10/steps"]);
});

test("a positive click into an object that is kept off is explained and not sent", async () => {
  const { session, server, toasts } = await begin([object(9)]);
  session.keepOff = () => true;
  session.act({ ...click, point: [0, 3] });
  await settle();
  assert.equal(server.sent.length, 0);
  assert.match(toasts[0].text, /^Object 1 has this point/);
});

test("a hidden object is not under the pointer, keys do not lead to it, and to select it shows it", async () => {
  const { session } = await begin([object(8), object(9), object(10)]);
  const [first, second, third] = session.entries;
  assert.equal(session.entryAt([0, 0]), third);
  session.select(second);
  assert.equal(session.entryAt([0, 0]), second);
  session.toggleHidden(second);
  session.toggleHidden(third);
  assert.deepEqual([session.current, session.entryAt([0, 0])], [null, first]);
  session.cycle(1);
  session.cycle(1);
  assert.equal(session.current, first);
  session.select(third);
  assert.equal(third.hidden, false);
  session.showAlone(third);
  assert.deepEqual(session.entries.map(({ hidden }) => hidden), [true, true, false]);
  session.showAlone(third);
  assert.deepEqual(session.entries.map(({ hidden }) => hidden), [false, false, false]);
  session.toggleHidden(second);
  await session.open(2);
  assert.deepEqual(session.entries.map(({ hidden }) => hidden), [false, true, false]);
});

test("a locked object is neither selected nor changed, and undo leaves hiding and locking alone", async () => {
  const { session, server, toasts } = await begin([object(8), object(9)]);
  const [first, second] = session.entries;
  session.select(second);
  session.toggleLock(second);
  assert.equal(session.current, null);
  session.select(second);
  session.remove([second]);
  session.unaccept([second]);
  assert.deepEqual([session.current, server.sent.length, toasts.length], [null, 0, 3]);
  session.undoRedo("undo");
  assert.deepEqual([session.current, second.locked], [first, true]);
  session.toggleLock(second);
  session.select(second);
  assert.equal(session.current, second);
});
