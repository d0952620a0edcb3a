import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../src/vpuformer/app/page/api.js";
import { begin, click } from "./startsession.js";
import { settle, state } from "./fakeserver.js";

const CAT = { id: 6, name: "cat", colour: "#56b4e9" };

/** A session with the label `cup` chosen, while the server has other labels by now. */
async function outdated(labels, objects = []) {
  const begun = await begin(objects);
  const { session, api } = begun;
  const project = await api.getProject();
  api.getProject = async () => ({ ...project, labels });
  assert.equal(session.label, 4);
  return begun;
}

test("an object begun with a label that somebody has deleted keeps its prompts, and the label is offered no more", async () => {
  const { session, server, toasts } = await outdated([CAT]);
  session.act(click);
  await settle();
  await server.answer({ error: "there is no label 4" }, 404);
  await server.answer(state({ id: 9, image: 2 }), 201);
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 40 }));
  assert.deepEqual([session.entries.length, session.current?.area, session.current?.optimistic.label], [1, 40, null]);
  assert.deepEqual([session.project?.labels, session.label], [[CAT], null]);
  assert.deepEqual(toasts.map(({ text }) => text), ["Somebody deleted the label of this object. The object is kept without a label."]);
  session.select(null);
  session.act(click);
  await settle();
  assert.equal(server.sent.at(-1).body.label, null);
});

test("a label that cannot be given as it is gone is offered no more", async () => {
  const { session, server, toasts } = await outdated([CAT], [state({ id: 9, image: 2, at: 1, area: 4 })]);
  session.chooseLabel(4);
  await settle();
  await server.answer({ error: "there is no label 4" }, 404);
  assert.deepEqual([session.project?.labels, session.label, session.current?.optimistic.label], [[CAT], null, null]);
  assert.deepEqual(toasts.map(({ text }) => text), ["there is no label 4"]);
});

test("an import with a label that is gone has the labels read anew, and one that cannot be read has not", async () => {
  const { session, api } = await outdated([CAT]);
  const file = /** @type {any} */ ({ name: "mask.png" });
  const refuse = (status) => {
    api.importMasks = async () => {
      throw new Refusal(status, "no");
    };
  };
  refuse(422);
  await session.importFile(file);
  await settle();
  assert.equal(session.label, 4);
  refuse(404);
  await session.importFile(file);
  await settle();
  assert.deepEqual([session.project?.labels, session.label], [[CAT], null]);
});

test("labels that are read do not overwrite one that was added meanwhile", async () => {
  const { session, api } = await begin();
  const { project } = session;
  const former = await api.getProject();
  const waiting = [];
  api.getProject = () => new Promise((resolve) => waiting.push(resolve));
  const reading = session.refresh();
  project.labels = [...project.labels, CAT];
  session.label = CAT.id;
  waiting[0](former);
  await settle();
  waiting[1]({ ...former, labels: [...former.labels, CAT] });
  await reading;
  assert.deepEqual([project.labels.map(({ id }) => id), session.label], [[4, 6], 6]);
});

test("settings of labels that are read do not overwrite those that were changed meanwhile", async () => {
  const { session, api } = await begin();
  const { project } = session;
  const changed = { ...project.label_settings, tags: ["night"] };
  const former = await api.getProject();
  const answers = [former, { ...former, label_settings: changed }];
  api.getProject = async () => {
    if (answers.length === 2) project.label_settings = changed;
    return answers.shift() ?? assert.fail();
  };
  await session.refresh();
  assert.deepEqual(project.label_settings.tags, ["night"]);
});

test("labels that cannot be read stay as they are", async () => {
  const { session, api } = await begin();
  api.getProject = async () => {
    throw new Refusal(0, "no");
  };
  await session.refresh();
  assert.deepEqual([session.project?.labels.map(({ id }) => id), session.label], [[4], 4]);
});

test("a label that was chosen before a new one was created stays chosen", async () => {
  const { session } = await begin([state({ id: 9, image: 2, at: 1, area: 4 })]);
  const choose = session.awaitLabel();
  session.chooseLabel(4);
  choose(CAT.id);
  assert.deepEqual([session.label, session.current?.optimistic.label], [4, 4]);
});

test("a new label is for the object that was current when it was typed and for those begun since", async () => {
  const objects = [state({ id: 8, image: 2, at: 1, area: 4, label: null }), state({ id: 9, image: 2, at: 1, area: 4 })];
  const { session } = await begin(objects, () => null);
  const [other, first] = session.entries;
  assert.equal(session.current, first);
  const choose = session.awaitLabel();
  session.select(null);
  session.act(click);
  const second = session.current;
  session.select(other);
  choose(CAT.id);
  const labels = [first, second, other].map((entry) => entry?.optimistic.label);
  assert.deepEqual([labels, session.label], [[6, 6, null], 6]);
});

test("a new label replaces that of the current object, until it is undone", async () => {
  const { session } = await begin([state({ id: 9, image: 2, at: 1, area: 4, label: 4 })]);
  session.awaitLabel()(CAT.id);
  assert.equal(session.current?.optimistic.label, 6);
  session.undoRedo("undo");
  assert.equal(session.current?.optimistic.label, 4);
});

test("an object without a required label is selected instead of accepted", async () => {
  const objects = [8, 9].map((id) => state({ id, image: 2, at: 1, area: 4, label: id === 9 ? 4 : null }));
  const { session, toasts, server } = await begin(objects);
  session.project.label_settings.label_required = true;
  session.markDone(true);
  assert.deepEqual([session.current?.id, session.listed(2).done, server.sent.length], [8, false, 0]);
  session.accept();
  assert.deepEqual([session.current?.id, session.current?.optimistic.accepted], [8, false]);
  assert.match(toasts.at(-1).text, /^1 object needs a label\. Choose one/);
  session.chooseLabel(4);
  session.accept();
  assert.deepEqual(session.entries.map((entry) => entry.optimistic.accepted), [true, false]);
});

test("attributes of an object are sent as a whole, and one without a value is left out", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, at: 1, area: 4, attributes: { colour: "red" } })]);
  session.setAttribute("doors", 4);
  session.setAttribute("colour", null);
  assert.deepEqual(session.current?.optimistic.attributes, { doors: 4 });
  await settle();
  await server.answer(state({ id: 9, image: 2, revision: 1, at: 1, area: 4, attributes: { colour: "red", doors: 4 } }));
  assert.deepEqual(server.sent.map(({ body }) => body.attributes), [{ colour: "red", doors: 4 }, { doors: 4 }]);
});

test("tags that the server refuses are taken back", async () => {
  const { session, server, toasts } = await begin();
  session.folder.setTags(2, ["night"]);
  await settle();
  await server.answer({ ...session.listed(2) });
  session.folder.setTags(2, ["night", "fog"]);
  assert.deepEqual(session.listed(2).tags, ["night", "fog"]);
  await settle();
  await server.answer({ error: "no room" }, 422);
  assert.deepEqual([session.listed(2).tags, toasts.map(({ text }) => text)], [["night"], ["no room"]]);
  assert.deepEqual(server.sent.map(({ path, body }) => [path, body]), [["api/images/2", { tags: ["night"] }], ["api/images/2", { tags: ["night", "fog"] }]]);
});
