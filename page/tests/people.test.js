import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { LiveChanges } from "../../src/vpuformer/app/page/livechanges.js";
import { ASK_REST, FIRST_WAIT, HIDDEN_REST, NewsWatch, RETRY_AFTER } from "../../src/vpuformer/app/page/newswatch.js";
import { namesOn, namesText } from "../../src/vpuformer/app/page/people.js";
import { cookieFor, nameIn } from "../../src/vpuformer/app/page/person.js";
import { settle, state } from "./fakeserver.js";
import { begin, click, image } from "./startsession.js";

const BOB = { name: "Bob", image: 3 };

/** A watch whose streams and questions a test answers. */
function watching(read = async () => ({ number: 9, people: [BOB], changes: [] })) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const seen = { streams: [], asked: [], changes: [], people: [], sleeps: [], now: 0, watched: true };
  const clock = { now: () => seen.now, sleep: (ms) => {
    let wake;
    const done = new Promise((resolve) => (wake = resolve));
    seen.sleeps.push({ ms, wake });
    return { done, wake };
  } };
  const connect = (since) => {
    const stream = { since, close: () => (stream.closed = true), send: (news) => stream.onmessage({ data: JSON.stringify(news) }) };
    seen.streams.push(stream);
    return stream;
  };
  const watch = new NewsWatch({
    read: (since, _, hidden) => { seen.asked.push(hidden ? `${since}, hidden` : since); return read(); }, connect, image: () => 2, clock,
    onPeople: () => seen.people.push([watch.people.length, watch.how]), onChanges: (changes) => seen.changes.push(changes),
  });
  void watch.run(5, () => seen.watched);
  return { watch, seen };
}

test("news come by a stream, which is opened again where it left off", async () => {
  const { watch, seen } = watching();
  const [first] = seen.streams;
  first.send({ number: 6, people: [BOB], changes: [] });
  first.send({ number: 7, people: [BOB], changes: [{ image: 2, object: 1 }] });
  first.send({ number: 8, people: [BOB], changes: null });
  assert.deepEqual([watch.people, seen.people, seen.changes], [[BOB], [[1, "stream"]], [[{ image: 2, object: 1 }], null]]);
  first.onerror();
  await settle();
  seen.sleeps.at(-1).wake();
  await settle();
  assert.deepEqual([first.since, first.closed, seen.streams[1].since, seen.asked], [5, true, 8, []]);
  mock.timers.reset();
});

test("where a proxy holds the stream back, news are asked for, and a stream is tried again later", async () => {
  const { watch, seen } = watching();
  mock.timers.tick(FIRST_WAIT);
  await settle();
  assert.deepEqual([seen.streams[0].closed, seen.asked, watch.how, seen.sleeps.at(-1).ms], [true, [5], "questions", ASK_REST]);
  seen.sleeps.at(-1).wake();
  await settle();
  assert.deepEqual([seen.asked, seen.streams.length], [[5, 9], 1]);
  seen.now += RETRY_AFTER;
  seen.sleeps.at(-1).wake();
  await settle();
  assert.equal(seen.streams.length, 2);
  mock.timers.reset();
});

test("a hidden page holds no stream, and asks rarely", async () => {
  const { watch, seen } = watching();
  seen.streams[0].send({ number: 6, people: [], changes: [] });
  seen.watched = false;
  watch.wake();
  await settle();
  assert.deepEqual(seen.asked, [], "it may be closed in this moment");
  seen.sleeps.at(-1).wake();
  await settle();
  assert.deepEqual([seen.streams[0].closed, seen.asked, seen.sleeps.at(-1).ms], [true, ["6, hidden"], HIDDEN_REST]);
  seen.watched = true;
  watch.wake();
  await settle();
  assert.equal(seen.streams.length, 2);
  mock.timers.reset();
});

test("a server that is away is asked again", async () => {
  const { watch, seen } = watching(() => Promise.reject(new Error("away")));
  seen.streams[0].onerror();
  await settle();
  assert.deepEqual([seen.asked, watch.how, seen.sleeps.at(-1).ms], [[5], null, ASK_REST]);
  mock.timers.reset();
});

test("what others change on the open image is shown", async () => {
  const { session, api, server } = await begin([state({ id: 1, image: 2, at: 1, revision: 1 }), state({ id: 2, image: 2, at: 1, revision: 1 })]);
  const sleeps = [];
  const clock = { now: () => 0, sleep: (ms) => ({ done: new Promise((resolve) => sleeps.push({ ms, resolve })) }) };
  api.getObject = async (id) => state({ id, image: id === 9 ? 3 : 2, at: 2, revision: 4, area: 10 * id });
  api.openImage = async (id) => image(id, [state({ id: 1, image: 2, at: 3, revision: 5, area: 7 })]);
  const live = new LiveChanges(session, api, clock);
  live.take([{ image: 2, object: 1 }, { image: 2, object: 7 }, { image: 3, object: 8 }, { image: 2, object: 9 }]);
  await settle();
  assert.deepEqual(session.entries.map(({ id, area }) => [id, area]), [[1, 10], [2, 0], [7, 70]]);
  live.take([{ image: 2, object: null }]);
  await settle();
  assert.equal(session.entries.length, 3, "there is a pause between two updates");
  sleeps[0].resolve();
  await settle();
  assert.deepEqual(session.entries.map(({ id, area }) => [id, area]), [[1, 7]]);

  session.act(click);
  await settle();
  api.openImage = async (id) => image(id, []);
  live.take(null);
  sleeps[1].resolve();
  await settle();
  assert.equal(session.entries.some(({ id }) => id === 1), false);
  assert.ok(server.open.length, "what is on its way here is not touched");
});

test("an object that is added while the image is read stays", async () => {
  const { session, api } = await begin([state({ id: 1, image: 2, at: 1 })]);
  let answer;
  api.openImage = () => new Promise((resolve) => (answer = resolve));
  const live = new LiveChanges(session, api, { now: () => 0, sleep: () => ({ done: new Promise(() => {}) }) });
  live.take(null);
  session.add(2, [state({ id: 5, image: 2, at: 1 })]);
  answer(image(2, []));
  await settle();
  assert.deepEqual(session.entries.map(({ id }) => id), [5]);
});

test("what others import for the whole folder is shown on the open image too", async () => {
  const { session, api } = await begin();
  api.openImage = async (id) => image(id, [state({ id: 5, image: 2, at: 1 })]);
  new LiveChanges(session, api, { now: () => 0, sleep: () => ({ done: new Promise(() => {}) }) }).take([{ image: 0, object: null }]);
  await settle();
  assert.deepEqual(session.entries.map(({ id }) => id), [5]);
});

test("the next image that needs something is one that nobody else has open", async () => {
  const { session, toasts, api } = await begin();
  session.takenBy = (id) => (id === 3 ? "Bob" : "");
  await session.jump(false);
  assert.equal(session.image?.id, 1);
  session.listed(2).done = true;
  const { project } = session;
  api.getProject = async () => /** @type {any} */ (project);
  await session.jump(false);
  assert.deepEqual([session.image?.id, toasts.at(-1)?.text], [1, "Bob has 3.jpg open, and no other image needs something."]);
});

test("before it says that no image needs something, a jump asks what others have done", async () => {
  const { session, api, toasts } = await begin();
  const project = await api.getProject();
  await session.jump(true);
  assert.deepEqual([session.image?.id, toasts.length], [2, 1]);
  api.getProject = async () => ({ ...project, images: project.images.map((listed) => ({ ...listed, done: listed.id === 3 })) });
  await session.jump(true);
  assert.deepEqual([session.image?.id, toasts.length], [3, 1]);
});

test("names are put together in words", () => {
  assert.deepEqual([[], ["Ann"], ["Ann", "Bob"], ["Ann", "Bob", null], ["Ann", "Bob", "Cem", "Dan"], ["Ann", "Ann"]].map(namesText),
    ["", "Ann", "Ann and Bob", "Ann, Bob and Somebody", "Ann, Bob and 2 others", "Ann"]);
  assert.deepEqual([3, 2, undefined].map((id) => namesOn([BOB, { name: null, image: 3 }, { name: "Cem", image: null }], id)), ["Bob and Somebody", "", ""]);
});

test("a name survives the cookie, whatever it holds", () => {
  for (const name of ["Ann Lee", "a;b=c, \"d\"", "<b>", "\u00e9\u4e2d\u{1F600}", ""]) {
    assert.equal(nameIn(`a=1; ${cookieFor("0123456789abcdef", name).split("; ")[0]}; b=2`), name);
  }
  assert.equal(nameIn(cookieFor("0123456789abcdef", " x\ud83d ")), "x");
  assert.deepEqual(["", "vpuformer-person=0123.%E0%A4%A; b=2"].map(nameIn), ["", ""]);
});

test("a label that somebody deletes while it is chosen is not missed", async () => {
  const { session, api, toasts } = await begin();
  session.chooseLabel(4);
  const project = await api.getProject();
  api.getProject = async () => ({ ...project, labels: [] });
  const live = new LiveChanges(session, api, { now: () => 0, sleep: () => ({ done: Promise.resolve() }) });
  live.take([{ image: null, object: null }]);
  await settle();
  live.take([{ image: null, object: null }]);
  await settle();
  assert.deepEqual([session.label, toasts.map(({ text }) => text)], [null, ["Somebody deleted the chosen label. The next objects have none."]]);
});
