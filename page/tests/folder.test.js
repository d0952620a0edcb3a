import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, click, image } from "./startsession.js";
import { settle, state } from "./fakeserver.js";

test("pages are turned among the images that the search finds, wherever the person is", async () => {
  const { session, toasts } = await begin();
  const { project } = session;
  project.images = [..."abcde"].map((letter, i) => ({ id: i + 1, name: `${i % 2 ? "dog" : "cat"} ${letter}.jpg`, done: false, objects: 0, unaccepted: 0 }));
  session.folder.read(project);
  assert.equal(session.folder.search("cat"), 3);
  await session.turnPage(1); // from dog b
  assert.equal(session.image?.id, 3);
  await session.turnPage(1);
  assert.equal(session.image?.id, 5);
  await session.turnPage(1);
  assert.equal(session.image?.id, 5);
  assert.deepEqual(toasts.map(({ text }) => text), ["The search finds no image after this one."]);
  await session.turnPage(-1);
  await session.turnPage(-1);
  assert.equal(session.image?.id, 1);
  session.folder.search("");
  await session.turnPage(1);
  assert.equal(session.image?.id, 2);
  session.folder.search("cat");
  session.folder.read(project); // as after the connection was lost
  assert.deepEqual(session.folder.matches.map(({ id }) => id), [1, 3, 5]);
  await session.turnPage(-1);
  assert.equal(session.image?.id, 1);
  assert.equal(toasts.length, 1);
});

test("the list knows how many objects an image has, and how many are not accepted", async () => {
  const objects = [state({ id: 8, image: 2, area: 4, accepted: true }), state({ id: 9, image: 2, at: 1, area: 4 })];
  const { session, server, toasts } = await begin(objects);
  const counts = () => [session.listed(2)?.objects, session.listed(2)?.unaccepted];
  assert.deepEqual(counts(), [1, 1]);
  session.accept();
  assert.deepEqual(counts(), [2, 0]);
  await settle();
  objects[1] = state({ id: 9, image: 2, at: 1, area: 4, accepted: true });
  await server.answer(objects[1]);
  session.act(click);
  assert.deepEqual(counts(), [2, 1]);
  await settle();
  assert.deepEqual([server.sent.at(-1).body.size, server.sent.at(-1).body.version], [[8, 8], "v"]);
  await server.answer({ error: "no" }, 422);
  await settle();
  assert.deepEqual(counts(), [2, 0]);
  session.remove([session.entries[0]]);
  assert.deepEqual(counts(), [1, 0]);
  await session.open(3);
  toasts.at(-1).back();
  assert.deepEqual(counts(), [2, 0]);
  assert.deepEqual([session.listed(3)?.objects, session.listed(3)?.unaccepted], [0, 0]);
});

test("an object undone to nothing is not counted until something of it is redone", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, at: 1, area: 4, steps: [{ type: "click", live: true }] })]);
  session.undoRedo("undo");
  assert.equal(session.listed(2)?.unaccepted, 0);
  await settle();
  await server.answer(state({ id: 9, image: 2, at: 0, revision: 1, steps: [{ type: "click", live: false }] }));
  assert.deepEqual([session.listed(2)?.unaccepted, session.entries.length], [0, 1]);
  session.undoRedo("redo");
  assert.equal(session.listed(2)?.unaccepted, 1);
});

test("a done mark that is refused is taken back", async () => {
  const { session, server } = await begin();
  session.markDone(false);
  assert.equal(session.listed(2)?.done, true);
  await settle();
  await server.answer({ error: "no" }, 400);
  assert.equal(session.listed(2)?.done, false);
});

test("masks from a file become objects, the last one the current one", async () => {
  const { session } = await begin();
  await session.importFile(/** @type {File} */ (new Blob()));
  assert.equal(session.current?.id, 30);
});

test("labels that an import has made are known at once", async () => {
  const { session, api } = await begin();
  const { getProject } = api;
  api.getProject = async () => ({ ...(await getProject()), labels: [{ id: 4, name: "cup", colour: "#e69f00" }, { id: 6, name: "dog", colour: "#56b4e9" }] });
  api.importMasks = async () => ({ objects: [state({ id: 30, image: 2, area: 5, label: 6 })], notes: [] });
  await session.importFile(/** @type {File} */ (new Blob()));
  await settle();
  assert.equal(session.labelName(session.current), "dog");
  assert.equal(session.project?.labels.length, 2);
});

test("labels that somebody else has made are known with the objects that have them", async () => {
  const { session, api } = await begin();
  const { getProject } = api;
  let asked = 0;
  api.getProject = async () => {
    asked++;
    return { ...(await getProject()), labels: [{ id: 6, name: "dog", colour: "#56b4e9" }] };
  };
  api.openImage = async (id) => image(id, [state({ id: 9, image: id, at: 1, area: 4, label: id === 1 ? 4 : 6 })]);
  await session.open(1);
  await settle();
  assert.equal(asked, 0);
  await session.open(3);
  await settle();
  assert.deepEqual([asked, session.labelName(session.entries[0])], [1, "dog"]);
});

test("masks that arrive when another image is open are reported and counted", async () => {
  const { session, api, toasts } = await begin();
  let come;
  api.importMasks = () => new Promise((resolve) => (come = resolve));
  const coming = session.importFile(new File([], "a.png"));
  await session.open(3);
  come({ objects: [state({ id: 30, image: 2, area: 5 })], notes: ["a.png was read as 2 labels: 1, 2"] });
  await coming;
  assert.deepEqual(session.entries, []);
  assert.equal(session.listed(2)?.unaccepted, 1);
  assert.equal(toasts.at(-1).text, "1 object imported from a.png for 2.jpg. a.png was read as 2 labels: 1, 2");
});
