import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../src/vpuformer/app/page/api.js";
import { HURRY, Refreshing, REST } from "../../src/vpuformer/app/page/refreshing.js";
import { Settings } from "../../src/vpuformer/app/page/settings.js";
import { begin, click, image } from "./startsession.js";
import { settle, state } from "./fakeserver.js";

const listed = (id, more = {}) => ({ id, name: `${id}.jpg`, done: false, objects: 0, unaccepted: 0, ...more });
const refuse = (status) => async () => {
  throw new Refusal(status, "no");
};

/** A session whose server lists these images from now on. */
async function listing(images, objects = []) {
  const begun = await begin(objects);
  const project = await begun.api.getProject();
  begun.api.getProject = async (since) => ({ ...project, images: structuredClone(images), number: images.length, time: since ? since + 1 : 1000 });
  return begun;
}

test("files that came are listed, and those that are gone are not", async () => {
  const { session } = await listing([listed(5), listed(2), listed(3)]);
  session.folder.search("jpg");
  await session.refresh();
  assert.deepEqual(session.folder.matches.map(({ id }) => id), [5, 2, 3]);
  assert.deepEqual([session.index, session.listed(5)?.name, session.listed(1)], [1, "5.jpg", null]);
  await session.turnPage(-1);
  assert.equal(session.image?.id, 5);
});

test("the image that is open stays in the list although its file is gone", async () => {
  const { session } = await listing([listed(1), listed(3)]);
  await session.refresh();
  assert.deepEqual(session.project?.images.map(({ id }) => id), [1, 2, 3]);
  await session.turnPage(1);
  await session.refresh();
  assert.deepEqual([session.image?.id, session.project?.images.length], [3, 2]);
});

test("a list that is the same is kept as it is, with the numbers that others made", async () => {
  const { session } = await listing([listed(1, { objects: 4, done: true }), listed(2, { objects: 9 }), listed(3)]);
  const { matches } = session.folder;
  await session.refresh();
  assert.equal(session.folder.matches, matches);
  assert.deepEqual([matches[0].objects, matches[0].done, matches[1].objects], [4, true, 0]); // the open one is counted here
});

test("only what has changed is asked for, and the image that was open once more", async () => {
  const { session, api } = await listing([listed(1), listed(2), listed(3)]);
  const asked = [];
  const { getProject } = api;
  api.getProject = async (since) => {
    asked.push(since);
    const project = await getProject(since);
    return since === undefined ? project : { ...project, images: project.images.slice(0, 1).map((image) => ({ ...image, objects: 5 })) };
  };
  const { images } = session.project;
  await session.refresh();
  await session.refresh();
  assert.deepEqual([asked, session.project.images === images, images[0].objects], [[1000, 1001], true, 5]);
  await session.open(3);
  await session.refresh();
  assert.deepEqual(asked, [1000, 1001, 1000]);
  await session.refresh();
  assert.equal(asked.at(-1), 1001, "a time of the server, not of this page");
});

test("numbers that are older than what the person has done are not taken over", async () => {
  const { session, server, api } = await listing([listed(1, { objects: 4 }), listed(2), listed(3)]);
  session.act(click);
  await session.refresh();
  assert.equal(session.listed(1)?.objects, 0);
  await settle();
  await server.answer(state({ id: 9, image: 2 }), 201);
  const { getProject } = api;
  let come;
  api.getProject = () => new Promise((resolve) => (come = resolve));
  const refreshing = session.refresh();
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  come(await getProject());
  await refreshing;
  assert.equal(session.listed(1)?.objects, 0);
  api.getProject = getProject;
  await session.refresh();
  assert.equal(session.listed(1)?.objects, 4);
});

test("an image that could not be had since the server was away is opened when it is back", async () => {
  for (const status of [0, 401, 502, 507]) {
    const { session, api } = await begin();
    const { getProject, openImage } = api;
    Object.assign(api, { getProject: refuse(0), openImage: refuse(status) });
    await session.open(3);
    await session.refresh();
    assert.deepEqual([session.image, session.trouble], [null, "No"]);
    Object.assign(api, { getProject, openImage });
    await session.refresh();
    assert.deepEqual([session.image?.id, session.trouble], [3, null]);
  }
});

test("when the server has another project, no image is shown until its own one is back", async () => {
  const { session, api } = await begin();
  const { getProject, openImage } = api;
  Object.assign(api, { getProject: refuse(421), openImage: refuse(421) });
  await session.refresh();
  assert.deepEqual([session.image, session.trouble], [null, "No"]);
  session.act(click);
  assert.deepEqual(session.entries, []);
  await session.refresh();
  Object.assign(api, { getProject, openImage });
  await session.refresh();
  assert.deepEqual([session.image?.id, session.trouble], [2, null]);
});

test("objects of an import whose answer was lost are shown once the server is back", async () => {
  const { session, api } = await begin();
  const { getProject } = api;
  Object.assign(api, { importMasks: refuse(0), getProject: refuse(0) });
  api.openImage = async (id) => image(id, [state({ id: 30, image: id, area: 5 })]);
  await session.importFile(new File([], "a.png"));
  await settle();
  assert.deepEqual(session.entries, []);
  api.getProject = getProject;
  await session.refresh();
  assert.deepEqual(session.entries.map(({ id }) => id), [30]);
  api.openImage = () => assert.fail("the image was read again");
  await session.refresh();
});

test("an image that the server refuses is not asked for again and again", async () => {
  const { session, api } = await begin();
  let asked = 0;
  api.openImage = async () => {
    asked++;
    return refuse(422)();
  };
  await session.open(3);
  await session.refresh();
  assert.deepEqual([asked, session.trouble], [1, "No"]);
});

test("a folder that could not be read at first is read when the server is back", async () => {
  const { session, api } = await begin();
  const { getProject } = api;
  session.closeImage();
  session.folder.project = null;
  session.trouble = null;
  api.getProject = refuse(0);
  await session.start();
  assert.equal(session.trouble, "No");
  api.getProject = getProject;
  api.openImage = async (id) => image(id);
  await session.refresh();
  assert.deepEqual([session.trouble, session.image?.id], [null, 2]);
});

test("what waits goes at once when the server is heard of again", async () => {
  const { session, server } = await begin();
  session.markDone(false);
  await settle();
  await server.lose();
  assert.equal(server.status, "offline");
  await session.refresh();
  await settle();
  await server.answer(listed(2, { done: true }));
  assert.equal(server.status, "idle");
});

test("it rests longer where an answer takes long, less where something could not be had, and not while unwatched", async () => {
  const sleeps = [];
  let [now, asked, watched] = [0, 0, true];
  const session = { trouble: null, refresh: async () => { asked++; now += 1000; } };
  const clock = { now: () => now, sleep: (ms) => {
    let wake;
    const done = new Promise((resolve) => (wake = resolve));
    sleeps.push(ms);
    return { done, wake };
  } };
  const refreshing = new Refreshing(session, clock);
  void refreshing.run(() => watched);
  const wake = async () => {
    refreshing.wake();
    await settle();
  };
  await wake();
  session.trouble = "away";
  await wake();
  watched = false;
  await wake();
  assert.deepEqual([sleeps, asked], [[REST, 50_000, HURRY, HURRY], 2]);
});

test("the chosen label is remembered for its folder, by its name", () => {
  const kept = new Map();
  globalThis.localStorage = /** @type {any} */ ({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) });
  const project = (folder, ...names) => /** @type {any} */ ({ folder, labels: names.map((name, i) => ({ id: i + 1, name })) });
  const settings = new Settings();
  assert.equal(settings.recallLabel(project("a", "cat", "cup")), undefined);
  settings.saveLabel(project("a", "cat", "cup"), 2);
  assert.equal(settings.recallLabel(project("a", "cup", "cat")), 1);
  assert.equal(settings.recallLabel(project("b", "cup")), undefined);
  assert.equal(settings.recallLabel(project("a", "dog")), undefined);
  settings.saveLabel(project("a", "cat"), null);
  assert.equal(settings.recallLabel(project("a", "cat")), null);
  settings.saveLabel(project("b"), null);
  assert.equal(settings.recallLabel(project("a", "cat")), null); // without labels nothing is chosen
  delete globalThis.localStorage;
});
