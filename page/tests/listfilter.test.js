import assert from "node:assert/strict";
import { test } from "node:test";

import { durationText } from "../../src/vpuformer/app/page/counts.js";
import { filtered, PLAIN, sorted, STATES } from "../../src/vpuformer/app/page/listfilter.js";
import { reviewText } from "../../src/vpuformer/app/page/review.js";
import { begin, click } from "./startsession.js";
import { settle } from "./fakeserver.js";

const listed = (id, more = {}) => ({ id, name: `${id}.jpg`, done: false, objects: 0, unaccepted: 0, labels: [], changed: null, review: null, tags: [], ...more });
const IMAGES = [
  listed(1),
  listed(2, { unaccepted: 1, labels: [null], changed: 30 }),
  listed(3, { objects: 2, labels: [4], changed: 10 }),
  listed(4, { objects: 1, unaccepted: 1, done: true, labels: [null, 4], changed: 20 }),
  listed(5, { done: true, review: "accepted" }),
  listed(6, { objects: 1, review: "rejected", labels: [4] }),
];
const ids = (images) => images.map(({ id }) => id);

test("each state has its images", () => {
  const states = Object.fromEntries(Object.keys(STATES).map((state) => [state, ids(filtered(IMAGES, { ...PLAIN, state })).join("")]));
  assert.deepEqual(states, {
    all: "123456", open: "1236", untouched: "1", begun: "23", unaccepted: "24", done: "45", unreviewed: "4", accepted: "5", rejected: "6",
  });
});

test("a label, a state and a search apply together", () => {
  assert.deepEqual(ids(filtered(IMAGES, { ...PLAIN, label: 4 })), [3, 4, 6]);
  assert.deepEqual(ids(filtered(IMAGES, { ...PLAIN, label: null })), [2, 4]);
  assert.deepEqual(ids(filtered(IMAGES, { ...PLAIN, label: 4, state: "open", search: "6" })), [6]);
  assert.deepEqual(ids(filtered([listed(7, { tags: ["night"] }), ...IMAGES], { ...PLAIN, tag: "night" })), [7]);
  assert.equal(filtered(IMAGES, PLAIN), IMAGES);
});

test("images are ordered by objects and by change, those without a change last or first", () => {
  const order = (sort) => ids(sorted(IMAGES, sort)).join("");
  assert.deepEqual(["name", "most", "fewest", "newest", "oldest"].map(order), ["123456", "342615", "152634", "243156", "342156"]);
});

test("the order stays while images change, and the filter is applied again when another image is opened", async () => {
  const { session } = await begin();
  const { folder } = session;
  folder.arrange({ sort: "newest", state: "untouched" });
  assert.deepEqual(ids(folder.matches), [1, 2, 3]);
  session.act(click);
  assert.ok(session.listed(2)?.changed);
  assert.deepEqual(ids(folder.matches), [1, 2, 3]);
  await session.turnPage(1);
  assert.deepEqual([session.image?.id, ids(folder.matches)], [3, [1, 3]]);
  folder.arrange({ sort: "newest", state: "all" });
  assert.equal(folder.matches[0].id, 2);
});

test("a jump leads to the next image that needs something, from the last one on to the first", async () => {
  const { session, toasts } = await begin();
  session.markDone(false);
  await session.jump(false);
  await session.jump(false);
  assert.equal(session.image?.id, 1);
  session.markDone(false);
  await session.jump(true);
  assert.equal(session.image?.id, 2, "a reviewer gets the images that are done");
  session.listed(3).done = true;
  session.listed(1).review = "accepted";
  session.listed(3).review = "accepted";
  await session.jump(true);
  await session.jump(false);
  assert.deepEqual(toasts.map(({ text }) => text), ["No other image waits for a review.", "All other images are done."]);
});

test("a review that is refused is taken back", async () => {
  const { session, server } = await begin();
  session.markDone(false);
  await settle();
  await server.answer({});
  session.review({ verdict: "rejected", comment: "again" });
  assert.deepEqual([session.listed(2)?.review, session.listed(2)?.done], ["rejected", false]);
  await settle();
  assert.deepEqual(server.sent.at(-1).body, { review: { verdict: "rejected", comment: "again" } });
  await server.answer({ error: "no" }, 400);
  assert.deepEqual([session.listed(2)?.review, session.listed(2)?.done], [null, true]);
});

test("reviews and durations are put in words", () => {
  const outdated = reviewText({ verdict: null, comment: "fine", person: "Ann", outdated: true });
  assert.equal(outdated, "Accepted in review by Ann, but changed since. It waits for a review again. Comment: fine");
  const texts = [[null, ""], [null, "why"], ["accepted", ""], ["accepted", "well done"], ["rejected", ""]].map(([verdict, comment]) => reviewText({ verdict, comment }));
  assert.deepEqual(texts, ["", "Comment of the last review: why", "", "Accepted in review: well done", "Rejected in review"]);
  assert.deepEqual([4.4, 99, 600, 7500].map(durationText), ["4 s", "99 s", "10 min", "2 h 05 min"]);
});
