/** Which object is selected when an image is opened, when it is left, and when the keys go on. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, click, image } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const object = (id, more = {}) => state({ id, image: 2, at: 1, area: 8, steps: [storedStep("click")], ...more });
const ids = (session) => session.entries.map(({ id }) => id);

test("an image opens with nothing selected, so that a first prompt begins an object", async () => {
  const { session, server, api } = await begin();
  api.openImage = async (id) => image(id, [object(8), object(9, { accepted: true })]);
  await session.open(3);
  assert.equal(session.current, null);
  session.act(click);
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/images/3/objects"]);
});

test("the image that is open already keeps its selection when it is read again", async () => {
  const { session } = await begin([object(8), object(9)]);
  session.select(session.entries[0]);
  await session.open(2);
  assert.equal(session.current?.id, 8);
});

test("Tab leads from no object to those that are not accepted, and from an object to its neighbour", async () => {
  const { session } = await begin([object(7), object(8, { accepted: true }), object(9), object(10, { accepted: true })]);
  const walked = (by) => {
    session.cycle(by);
    return session.current?.id;
  };
  session.select(null);
  await session.open(2);
  assert.equal(walked(1), 7);
  session.accept();
  assert.equal(walked(1), 9);
  assert.deepEqual([walked(1), walked(1), walked(-1)], [10, 7, 10]);
  session.select(session.entries[2]);
  session.accept();
  assert.equal(walked(1), 10, "all are accepted");
  session.select(null);
  assert.equal(walked(-1), 9);
});

test("Tab says when it goes on to accepted objects, once the last one was accepted", async () => {
  const { session, toasts } = await begin([object(7), object(8)]);
  session.accept();
  session.cycle(1);
  assert.equal(toasts.length, 0);
  session.accept();
  session.cycle(1);
  session.cycle(1);
  assert.deepEqual(toasts.map(({ text }) => text), ["All objects of this image are accepted."]);
});

test("objects that are not accepted are reported if the person has changed something on their image", async () => {
  const { session, toasts } = await begin([object(7), object(8)]);
  await session.open(3);
  assert.equal(toasts.length, 0, "the person only looked");
  await session.open(2);
  session.select(session.entries[0]);
  session.accept();
  await session.open(3);
  assert.deepEqual(toasts.map(({ text }) => text), ["Not accepted, so not exported: 1 object in 2.jpg"]);
});

test("Ctrl+Z without a selected object goes back to the one that was left, or to one that is not accepted", async () => {
  const { session, server } = await begin([object(8), object(9, { accepted: true })]);
  session.select(null);
  session.undoRedo("undo");
  assert.deepEqual([session.current?.id, server.sent.length], [8, 0]);
  session.select(session.entries[1]);
  session.select(null);
  session.undoRedo("undo");
  assert.deepEqual([session.current?.id, server.sent.length], [9, 0]);
});

test("what is shown alone is the object that is selected or begun next, until all are shown", async () => {
  const { session } = await begin([object(7), object(8), object(9)]);
  const shown = () => session.entries.filter(({ hidden }) => !hidden).map(({ id }) => id);
  const [first, second, third] = session.entries;
  session.toggleLock(second);
  session.select(first);
  session.showAlone(first);
  session.cycle(1);
  assert.deepEqual([session.current, shown()], [third, [9]], "a locked object is passed");
  session.select(first);
  assert.deepEqual(shown(), [7]);
  session.select(null);
  session.act(click);
  assert.deepEqual(shown(), [null]);
  session.showAll();
  session.select(third);
  assert.deepEqual(shown(), [7, 8, 9, null]);
  session.showAlone(third);
  await session.open(3);
  await session.open(2);
  assert.deepEqual(shown(), [7, 8, 9, null], "another image ends it");
});

test("an object without a prompt goes when another one is selected or the image is left", async () => {
  const { session, server } = await begin([object(7), object(8), object(9, { steps: [storedStep("click"), storedStep("clear")], at: 2, area: 0 })]);
  session.select(session.entries[1]);
  assert.deepEqual(ids(session), [7, 8], "the cleared one");
  session.undoRedo("undo");
  assert.deepEqual(ids(session), [7, 8], "it may be redone");
  session.undoRedo("redo");
  session.select(session.entries[0]);
  assert.deepEqual(ids(session), [7, 8]);
  session.undoRedo("undo");
  await session.open(3);
  await settle();
  assert.deepEqual(server.sent.filter(({ body }) => body.deleted).map(({ path }) => path), ["api/objects/9"]);
  await server.answer(object(9, { deleted: true }));
  for (let i = 0; i < 3; i++) await server.answer(object(server.open[0].request.path.includes("8") ? 8 : 7, { at: 0, area: 0 }));
  assert.deepEqual(server.sent.filter(({ body }) => body.deleted).map(({ path }) => path), ["api/objects/9", "api/objects/7"]);
  assert.equal(session.listed(2)?.unaccepted, 1);
});

test("a read-only view deletes no empty object", async () => {
  const { session, server } = await begin([object(7), object(8, { at: 0, area: 0 })]);
  if (session.project) session.project.read_only = true;
  session.select(session.entries[0]);
  await settle();
  assert.deepEqual([ids(session), server.sent], [[7, 8], []]);
});

test("whoever shows the offer to undo a deletion hears that it was undone", async () => {
  const { session, toasts, undone } = await begin([object(7), object(8)]);
  session.remove([session.entries[0]]);
  assert.deepEqual(undone, []);
  session.undoRedo("undo");
  assert.deepEqual([ids(session), undone], [[7, 8], [toasts[0].back]]);
});

test("locks are kept by the project, as folders of one name may hold others", async () => {
  const kept = [];
  globalThis.localStorage = /** @type {any} */ ({ getItem: () => null, setItem: (...all) => kept.push(all) });
  const { session } = await begin([state({ id: 9, image: 2, at: 1 })]);
  session.toggleLock(session.entries[0]);
  delete globalThis.localStorage;
  assert.deepEqual(kept, [["vpuformer-locked:p", "[9]"]]);
});
