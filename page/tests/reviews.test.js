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
