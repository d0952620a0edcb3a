import assert from "node:assert/strict";
import { test } from "node:test";

import { needsReview } from "../../src/vpuformer/app/page/listfilter.js";
import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const accepted = { verdict: "accepted", comment: "", person: "Ann", outdated: false };
const outdated = { ...accepted, verdict: null, outdated: true };
const object = (more = {}) => state({ id: 9, image: 2, at: 1, area: 8, steps: [storedStep("click")], review: null, ...more });

/** A session on an image that a reviewer has accepted. */
async function reviewed() {
  const begun = await begin([object()]);
  const { session, server } = begun;
  session.review({ verdict: "accepted", comment: "" });
  await settle();
  return { ...begun, image: session.listed(2), finish: () => server.answer({ id: 2, review: "accepted", done: true }) };
}

test("an edit removes the acceptance of the image, and its undo restores it", async () => {
  const { session, server, image, finish } = await reviewed();
  await finish();
  session.act(click);
  await settle();
  await server.answer(object({ revision: 1, at: 2, review: outdated }));
  assert.deepEqual([image?.review, image?.done, session.image?.review], [null, true, outdated]);
  assert.ok(image && needsReview(image));
  session.undoRedo("undo");
  await settle();
  await server.answer(object({ revision: 2, review: accepted }));
  assert.deepEqual([image?.review, session.image?.review], ["accepted", accepted]);
});

test("edits by others do the same, on any image", async () => {
  const { session, image, finish } = await reviewed();
  session.takeOver(2, [object({ revision: 1, review: { ...outdated, verdict: "rejected" } })]);
  assert.equal(image?.review, "accepted", "the own review is still on its way");
  await finish();
  await session.open(3);
  session.takeOver(2, [object({ revision: 2, review: outdated })]);
  assert.deepEqual([image?.review, session.image?.review?.verdict], [null, null]);
});

test("an image that is accepted and left can be taken back, from wherever the reviewer is", async () => {
  const { session, server, toasts } = await begin([object({ accepted: true })]);
  session.image.review = { verdict: null, comment: "the cup is missing", person: null, outdated: false };
  assert.equal(session.acceptImage("fine"), true);
  await session.open(3);
  const image = session.listed(2);
  assert.deepEqual([image?.done, image?.review, toasts.at(-1).text], [true, "accepted", "2.jpg accepted in review"]);
  toasts.at(-1).back();
  assert.deepEqual([image?.done, image?.review], [false, null]);
  await settle();
  for (let turn = 0; turn < 3; turn++) await server.answer({ id: 2 });
  const changes = server.sent.map(({ body }) => body);
  assert.deepEqual(changes.at(0), { review: { verdict: "accepted", comment: "fine" } });
  assert.deepEqual(changes.slice(1), [{ review: { verdict: null, comment: "the cup is missing" } }, { done: false }]);
});

test("a review waits for the changes before it, which would end it", async () => {
  const { session, server } = await begin([object()]);
  session.act(click);
  session.accept();
  session.acceptImage("");
  await settle();
  await server.answer(object({ revision: 1, at: 2 }));
  assert.equal(server.open.length, 1);
  await server.answer(object({ revision: 2, at: 2, accepted: true }));
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/9/steps", "api/objects/9", "api/images/2"]);
});

test("a change made after a review waits for it, unless it is of another image", async () => {
  const { session, server } = await begin([object()]);
  session.act(click);
  session.acceptImage("");
  session.accept();
  await settle();
  await server.answer(object({ revision: 1, at: 2 }));
  assert.deepEqual(server.sent.map(({ path }) => path), ["api/objects/9/steps", "api/images/2"]);
  const { queue } = session;
  queue.push(queue.lane(), { type: "create", key: "12345678", image: 2, label: null });
  queue.push(queue.lane(state({ id: 5, image: 3 })), { type: "change", change: { accepted: true } });
  await settle();
  assert.deepEqual(server.sent.slice(2).map(({ path }) => path), ["api/objects/5"]);
  await server.answer({ id: 2 });
  assert.deepEqual(server.sent.slice(3).map(({ path }) => path), ["api/objects/9", "api/images/2/objects"]);
});

test("an image that is being opened is not accepted", async () => {
  const { session } = await begin([object()]);
  const opened = session.open(3);
  assert.equal(session.acceptImage(""), false);
  await opened;
  assert.equal(session.listed(2)?.review, null);
});
