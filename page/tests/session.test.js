import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_FAILURES } from "../../src/vpuformer/app/page/queue.js";
import { begin, click, image } from "./startsession.js";
import { settle, state } from "./fakeserver.js";

test("it goes on at the place where the person was", async () => {
  const { session, said } = await begin();
  assert.equal(session.image?.id, 2);
  assert.equal(said.at(-1), "Image 2 of 3: 2.jpg");
  await session.turnPage(1);
  assert.equal(session.image?.id, 3);
  await session.turnPage(1);
  assert.equal(session.image?.id, 3);
});

test("an eraser without an object makes none", async () => {
  const { session, server, toasts } = await begin();
  session.act({ type: "brush", path: [[1, 1]], radius: 2, positive: false });
  await settle();
  assert.deepEqual([session.entries, server.sent], [[], []]);
  assert.match(toasts[0].text, /Nothing to erase/);
});

test("an object is made with the first prompt, and its mask shown only when nothing newer is on its way", async () => {
  const { session, server, said } = await begin();
  session.act(click);
  session.act({ ...click, positive: false });
  assert.equal(session.entries.length, 1);
  assert.equal(session.current?.optimistic.at, 2);
  await settle();
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 11 }));
  assert.equal(session.current?.area, 0);
  await server.answer(state({ id: 9, image: 2, revision: 2, at: 2, area: 1234 }));
  assert.equal(session.current?.area, 1234);
  assert.equal(said.at(-1), "Mask: 1,234 pixels");
});

test("a reply that comes after another image was opened changes nothing there, and is there on coming back", async () => {
  const { session, server, api } = await begin();
  session.act(click);
  await settle();
  await session.open(3);
  assert.deepEqual(session.entries, []);
  await server.answer(state({ id: 9, image: 2 }), 201);
  assert.equal(session.current, null);
  api.openImage = async (id) => image(id, [state({ id: 9, image: 2 })]);
  await session.open(2);
  assert.equal(session.entries.length, 1);
  assert.equal(session.entries[0].optimistic.at, 1); // the click that is still on its way
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  assert.equal(session.entries[0].area, 40);
});

test("a reply that overtakes the image on coming back is not undone by it", async () => {
  const { session, server, api } = await begin();
  session.act(click);
  await settle();
  await session.open(3);
  let come;
  api.openImage = () => new Promise((resolve) => (come = resolve));
  const coming = session.open(2);
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  come(image(2, [state({ id: 9, image: 2 })]));
  await coming;
  assert.deepEqual(session.entries.map(({ area, confirmed }) => [area, confirmed?.revision]), [[40, 1]]);
});

test("an object that the server lists before the reply that created it is one", async () => {
  const { session, server, api } = await begin();
  session.act(click);
  await settle();
  await session.open(3);
  api.openImage = async (id) => image(id, [state({ id: 9, image: 2 })]);
  await session.open(2);
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  assert.deepEqual(session.entries.map(({ id, area }) => [id, area]), [[9, 40]]);
});

test("what somebody else has done meanwhile is seen on coming back", async () => {
  const { session, server, api } = await begin();
  session.act(click);
  await settle();
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  api.openImage = async (id) => image(id, [state({ id: 9, image: 2, revision: 5, at: 3, area: 70 })]);
  await session.open(2);
  assert.equal(session.current?.area, 70);
  api.openImage = async (id) => image(id);
  await session.open(2);
  assert.deepEqual(session.entries, []);
});

test("of two images opened at once the later one is shown, whichever comes first", async () => {
  const { session, api } = await begin();
  const waiting = new Map();
  api.openImage = (id) => new Promise((resolve) => waiting.set(id, resolve));
  const first = session.open(1);
  const second = session.open(3);
  waiting.get(3)(image(3));
  await second;
  waiting.get(1)(image(1));
  await first;
  assert.equal(session.image?.id, 3);
});

test("an object whose first prompt is refused is not left empty", async () => {
  const { session, server, toasts } = await begin();
  session.act(click);
  session.act(click);
  await settle();
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer({ error: "the file is gone" }, 422);
  assert.equal(session.entries.length, 1); // the second one may be better
  await server.answer({ error: "the file is gone" }, 422);
  assert.deepEqual([session.entries, session.current, session.listed(2)?.unaccepted], [[], null, 0]);
  assert.match(server.sent.at(-1).path, /api\/objects\/9$/);
  assert.equal(server.sent.at(-1).body.deleted, true);
  await server.answer(state({ id: 9, image: 2, deleted: true, revision: 1 }));
  assert.deepEqual([server.sent.length, toasts.length, server.status], [4, 2, "idle"]);
});

test("an object with prompts outlives one that is refused, and so does one on which the network fails", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, at: 1, area: 4, steps: [{ type: "click", live: true }] })]);
  session.act(click);
  await settle();
  await server.answer({ error: "no" }, 422);
  assert.equal(session.entries.length, 1);
  session.select(null);
  session.act(click);
  await settle();
  await server.answer(state({ id: 10, image: 2 }), 201);
  for (let i = 0; i < MOST_FAILURES; i++) {
    await server.answer({ error: "out of memory" }, 500);
    if (i < MOST_FAILURES - 1) await server.wake();
  }
  assert.equal(session.entries.length, 2);
});

test("a deleted object comes back to its place", async () => {
  const objects = [1, 2, 3].map((id) => state({ id, image: 2, area: 4, accepted: true }));
  const { session, server, toasts } = await begin(objects);
  const [, second] = session.entries;
  session.remove([second]);
  assert.deepEqual(session.entries.map((entry) => entry.id), [1, 3]);
  await settle();
  await server.answer(state({ id: 2, image: 2, deleted: true, accepted: true, revision: 1 }));
  toasts[0].back();
  assert.deepEqual(session.entries.map((entry) => entry.id), [1, 2, 3]);
  await settle();
  assert.equal(server.sent.at(-1).body.deleted, false);
});

test("a deleted object does not come back with a late answer, but if somebody restores it", async () => {
  const late = state({ id: 9, image: 2, at: 1, area: 4 });
  const { session, server } = await begin([late]);
  session.remove(session.entries);
  session.takeOver(2, [late]);
  await settle();
  await server.answer({ ...late, deleted: true, revision: 1 });
  session.takeOver(2, [late]);
  assert.deepEqual(session.entries, []);
  session.takeOver(2, [{ ...late, revision: 2 }]);
  session.takeOver(2, [{ ...late, deleted: true, revision: 1 }]);
  assert.deepEqual(session.entries.map(({ id, deleted }) => [id, deleted]), [[9, false]]);
});

test("Ctrl+Z brings a deleted object back before it undoes anything else, and only once", async () => {
  const objects = [1, 2].map((id) => state({ id, image: 2, at: 1, area: 4, accepted: true }));
  const { session, server, toasts } = await begin(objects);
  session.select(session.entries[1]);
  session.remove([session.entries[0]]);
  assert.equal(session.canUndo, true);
  session.undoRedo("undo");
  toasts[0].back();
  assert.deepEqual(session.entries.map((entry) => entry.id), [1, 2]);
  await settle();
  await server.answer(state({ id: 1, image: 2, deleted: true, at: 1, area: 4 }));
  await server.answer(state({ id: 1, image: 2, at: 1, area: 4 }));
  assert.deepEqual(server.sent.map(({ body }) => body.deleted), [true, false]);
  session.remove([session.entries[0]]);
  session.act(click);
  session.undoRedo("undo"); // of the click
  assert.deepEqual(session.entries.map((entry) => entry.id), [2, null]);
});

test("an object that was deleted elsewhere is kept by whoever goes on with it", async () => {
  const { session, server, toasts } = await begin([state({ id: 9, image: 2, at: 1, area: 4 })]);
  session.accept();
  await settle();
  await server.answer(state({ id: 9, image: 2, at: 1, area: 4, accepted: true, deleted: true }));
  assert.match(toasts[0].text, /Somebody deleted this object/);
  assert.equal(server.sent.at(-1).body.deleted, false);
  await server.answer(state({ id: 9, image: 2, at: 1, area: 4, accepted: true }));
  assert.equal(toasts.length, 1);
  assert.equal(server.sent.length, 2);
});

test("turning the page reports objects that are not accepted", async () => {
  const { session, toasts } = await begin([state({ id: 9, image: 2, at: 1, area: 4 }), state({ id: 10, image: 2 })]);
  await session.open(2);
  assert.equal(toasts.length, 0);
  await session.turnPage(1);
  assert.match(toasts[0].text, /not exported: 1 object in 2\.jpg$/);
  await session.open(1);
  assert.equal(toasts.length, 1);
});

test("the label of the last visit is chosen, and so is none", async () => {
  assert.equal((await begin([], () => 4)).session.label, 4);
  assert.equal((await begin([], () => null)).session.label, null);
});

test("a label that is the only one need not be chosen", async () => {
  const { session, server } = await begin();
  session.act(click);
  await settle();
  assert.equal(server.sent[0].body.label, 4);
});

test("a label is for the current object and for the next ones", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, at: 1, area: 4 })]);
  session.chooseLabel(4);
  assert.equal(session.labelName(session.current), "cup");
  await settle();
  assert.equal(server.sent[0].body.label, 4);
  await server.answer(state({ id: 9, image: 2, at: 1, area: 4, label: 4 }));
  session.select(null);
  session.act(click);
  await settle();
  assert.equal(server.sent[1].body.label, 4);
});

test("an object that the server refuses to make is gone again", async () => {
  const { session, server, toasts } = await begin();
  session.act(click);
  await settle();
  await server.answer({ error: "no" }, 422);
  assert.deepEqual([session.entries, session.current], [[], null]);
  assert.equal(toasts[0].text, "no");
});

test("an image that cannot be opened says why, and can be tried again", async () => {
  const { session, api } = await begin();
  api.openImage = async () => {
    throw new Error("the file is gone");
  };
  await session.open(3);
  assert.deepEqual([session.image, session.trouble, session.index], [null, "The file is gone", 2]);
  api.openImage = async (id) => image(id);
  await session.open(3);
  assert.deepEqual([session.image?.id, session.trouble], [3, null]);
});

test("an empty folder says what to do, and the first image that comes is opened", async () => {
  const { session, api } = await begin();
  const full = await api.getProject();
  api.getProject = async () => ({ ...full, images: [], number: 0, place: null });
  session.closeImage();
  await session.start();
  assert.match(session.trouble ?? "", /Put some into it/);
  api.getProject = async () => full;
  await session.refresh();
  assert.equal(session.trouble, null);
  assert.equal(session.image?.id, 2);
});

test("a read-only view tells the server nothing", async () => {
  const { session, api } = await begin();
  const project = await api.getProject();
  api.getProject = async () => ({ ...project, read_only: true });
  api.putPlace = () => assert.fail("the place was sent");
  await session.start();
  await session.open(3);
  assert.ok(session.readOnly);
});
