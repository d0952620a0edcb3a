import assert from "node:assert/strict";
import { test } from "node:test";

import { candidateText, isChoosing, nextCandidate } from "../../src/vpuformer/app/page/candidates.js";
import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const after = (...steps) => ({ steps, at: steps.length, known: steps.length, label: null, accepted: false, deleted: false });
const choose = (index) => storedStep("choose", { index });

test("the mask is the best candidate, then come the others, and the first one again", () => {
  const scores = [0.9, 0.8, 0.4];
  assert.equal(nextCandidate(after(storedStep("click")), null), 1);
  assert.equal(nextCandidate(after(storedStep("click"), choose(1)), { index: 1, scores }), 2);
  assert.equal(nextCandidate(after(storedStep("click"), choose(2)), { index: 2, scores }), 0);
  const pending = { ...after(storedStep("click"), choose(2)), known: 1 };
  assert.equal(nextCandidate(pending, null), 3); // the server counts on
  assert.deepEqual([isChoosing(pending), isChoosing({ ...pending, known: 2 })], [true, false]);
});

test("brush, tidying and order keep the candidate, and a further prompt begins anew", () => {
  const scores = [0.9, 0.8];
  assert.equal(nextCandidate(after(storedStep("click"), choose(1), storedStep("arrange")), { index: 1, scores }), 0);
  assert.equal(nextCandidate(after(storedStep("click"), choose(0), storedStep("brush"), storedStep("tidy")), { index: 0, scores }), 1);
  assert.equal(nextCandidate(after(storedStep("click"), choose(2), storedStep("click")), null), 1);
  assert.equal(nextCandidate({ ...after(storedStep("click"), choose(2)), at: 1 }, null), 1);
});

test("the number of the candidate and its score", () => {
  assert.equal(candidateText({ index: 1, scores: [0.9, 0.875, 0.5] }), "2 of 3, score 0.88");
});

test("candidates replace one another, so that one undo leads back to the prompt", async () => {
  const { session, server, said } = await begin([state({ id: 9, image: 2, revision: 1, at: 1, answered: 1, area: 4, steps: [storedStep("click")] })]);
  session.choose();
  await settle();
  assert.deepEqual(server.sent.at(-1).body.step, { type: "choose", index: 1 });
  const chosen = { revision: 2, at: 2, answered: 2, area: 7, steps: [storedStep("click"), choose(1)] };
  await server.answer(state({ id: 9, image: 2, ...chosen, choice: { index: 1, scores: [0.9, 0.8] } }));
  assert.equal(said.at(-1), "Candidate 2 of 2, score 0.80. Mask: 7 pixels");
  session.choose();
  await settle();
  assert.match(server.sent.at(-1).path, /undo$/);
  assert.deepEqual([session.current?.optimistic.at, session.current?.area], [2, 7]);
  await server.answer(state({ id: 9, image: 2, ...chosen, revision: 3, at: 1, answered: 1, area: 4 }));
  assert.deepEqual(server.sent.at(-1).body, { key: server.sent.at(-1).body.key, revision: 3, step: { type: "choose", index: 0 } });
});

test("without prompts there are no candidates, and the page says so", async () => {
  const { session, server, toasts } = await begin();
  session.choose();
  await settle();
  assert.deepEqual([server.sent, session.entries], [[], []]);
  assert.match(toasts[0].text, /no prompts/);
  session.act(click);
  session.choose(); // for the prompt that is still on its way
  assert.deepEqual(session.current?.optimistic.steps.map(({ type }) => type), ["click", "choose"]);
});

test("a candidate that the server refuses is explained, and leaves the object as it is", async () => {
  const { session, server, toasts } = await begin([state({ id: 9, image: 2, revision: 1, at: 1, answered: 1, area: 4, steps: [storedStep("click")] })]);
  session.choose();
  await settle();
  await server.answer({ error: "this method has no candidates" }, 422);
  assert.deepEqual([toasts[0].text, session.current?.optimistic.at, session.current?.area], ["this method has no candidates", 1, 4]);
});
