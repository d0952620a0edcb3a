import assert from "node:assert/strict";
import { test } from "node:test";

import { BoxWatch } from "../../src/vpuformer/app/page/boxwatch.js";
import { Clipboard } from "../../src/vpuformer/app/page/clipboard.js";
import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const object = (id, more = {}) => state({ id, image: 2, at: 1, answered: 1, area: 9, ...more });

/** @param {object[]} objects */
async function start(objects) {
  const begun = await begin(objects);
  const copies = [];
  let last = 50;
  /** Answer the copy that is on its way. @param {Promise<void>} copying */
  const copied = async (copying) => {
    await settle();
    const { path, body } = begun.server.open[0].request;
    const image = Number(path.split("/")[2]);
    copies.push({ image, objects: body.objects, boxes: body.boxes });
    await begun.server.answer({ objects: body.objects.map(() => object(++last, { image })), notes: ["a note"], tags: [] }, 201);
    await copying;
  };
  return { ...begun, copied, copies, clipboard: new Clipboard(begun.session, /** @type {any} */ (null)) };
}

test("copied objects are pasted on another image, and undo deletes them again", async () => {
  const { session, clipboard, copied, copies, server, toasts } = await start([object(8), object(9), object(10, { area: 0 })]);
  session.select(null);
  clipboard.copy();
  assert.match(toasts.at(-1).text, /^Nothing is selected, so all objects of the image were copied: 2 objects/);
  await session.open(3);
  await copied(clipboard.paste());
  assert.deepEqual(copies, [{ image: 3, objects: [8, 9], boxes: false }], "all with a mask, as none is selected");
  assert.deepEqual(session.entries.map(({ id }) => id), [51, 52]);
  assert.equal(toasts.at(-1).text, "2 objects copied to 3.jpg. a note");
  session.undoRedo("undo");
  assert.deepEqual([session.entries, session.current], [[], null]);
  await settle();
  assert.deepEqual(server.sent.slice(1).map(({ body }) => body.deleted), [true, true]);
});

test("a copy on another image is undone there", async () => {
  const { session, copied, server, toasts } = await start([object(8)]);
  await copied(session.copy(3, [8]));
  assert.equal(session.listed(3).unaccepted, 1);
  toasts.at(-1).back();
  await settle();
  assert.deepEqual([session.listed(3).unaccepted, session.entries.length], [0, 1]);
  assert.deepEqual(server.sent.slice(1).map(({ path, body }) => [path, body.deleted]), [["api/objects/51", true]]);
});

test("a duplicate is the current object, without the clipboard", async () => {
  const { session, clipboard, copied, copies, toasts } = await start([object(8), object(9)]);
  session.select(session.entries[0]);
  await copied(clipboard.duplicate());
  assert.deepEqual(copies, [{ image: 2, objects: [8], boxes: false }]);
  assert.deepEqual([session.current?.id, clipboard.isEmpty], [51, true]);
  session.select(null);
  await clipboard.duplicate();
  assert.deepEqual([copies.length, toasts.at(-1).text], [1, "Select the objects to duplicate first."]);
});

test("objects that are selected together are copied together", async () => {
  const { session, clipboard, copied, copies, toasts } = await start([object(8), object(9), object(10)]);
  session.select(session.entries[0]);
  session.toggleSelected(session.entries[2]);
  clipboard.copy();
  assert.match(toasts.at(-1).text, /^2 objects copied\./);
  await copied(clipboard.paste());
  assert.deepEqual(copies[0].objects, [8, 10]);
});

test("without a mask nothing is copied, and a failure is said", async () => {
  const { session, server, clipboard, copies, toasts } = await start([]);
  clipboard.copy();
  assert.deepEqual([copies, clipboard.isEmpty, toasts.length], [[], true, 1]);
  const copying = session.copy(3, [8]);
  await server.answer({ error: "the sizes differ" }, 422);
  await copying;
  assert.equal(toasts.at(-1).text, "Not copied to 3.jpg. The sizes differ");
});

test("a copy waits for the corrections before it", async () => {
  const { session, clipboard, copied, server } = await start([object(8)]);
  session.act(click);
  const copying = clipboard.duplicate();
  await settle();
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/8/steps"]);
  await server.answer(object(8, { revision: 1, at: 2, answered: 2 }));
  await copied(copying);
  assert.deepEqual(session.entries.map(({ id }) => id), [8, 51]);
});

test("a copy whose answer was lost is asked for again, and made once", async () => {
  const { session, clipboard, copied, server, toasts } = await start([object(8)]);
  const copying = clipboard.duplicate();
  await server.lose();
  await server.wake();
  await copied(copying);
  assert.equal(new Set(server.sent.map(({ body }) => body.key)).size, 1);
  assert.deepEqual([session.entries.map(({ id }) => id), toasts.length], [[8, 51], 1]);
});

test("boxes of the open image are asked for one after the other, and their number is shown", async () => {
  const box = { answered: 0, area: 0, steps: [storedStep("box")] };
  const { session } = await begin([object(8, box), object(9, box), object(10)]);
  const asked = [];
  const sleeps = [];
  const states = [{ waiting: 2, answered: 0 }, { waiting: 0, answered: 2 }];
  const api = {
    getBoxes: async () => states.shift() ?? { waiting: 0, answered: 0 },
    getObject: async (id) => {
      asked.push(id);
      return object(id, id === 9 && asked.length === 2 ? box : {}); // the network fails once
    },
  };
  const clock = { sleep: (ms) => ({ done: (async () => void sleeps.push(ms))() }) };
  const text = /** @type {any} */ ({ hidden: true, textContent: "" });
  const watch = new BoxWatch(/** @type {any} */ (api), session, clock, text);
  await watch.look();
  assert.deepEqual([asked, sleeps.filter((ms) => ms > 1000)], [[8, 9, 9], [5000]]);
  assert.deepEqual(session.entries.map(({ area, waits }) => [area, waits]), [[9, false], [9, false], [9, false]]);
  await settle();
  assert.deepEqual([text.hidden, text.textContent], [true, "Masks of boxes: 2 of 2"]);
  assert.equal(sleeps.filter((ms) => ms === 1000).length, 1);
});

test("the mask of a box counts nowhere once its image is left", async () => {
  const { session } = await begin([object(8, { answered: 0, area: 0, steps: [storedStep("box")] })]);
  const api = {
    getBoxes: async () => ({ waiting: 0, answered: 0 }),
    getObject: async (id) => {
      await session.open(3);
      return object(id);
    },
  };
  await new BoxWatch(/** @type {any} */ (api), session, /** @type {any} */ ({}), /** @type {any} */ ({})).look();
  assert.deepEqual([session.listed(2).unaccepted, session.entries], [1, []]);
});
