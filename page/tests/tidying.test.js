import assert from "node:assert/strict";
import { test } from "node:test";

import { UNTIDIED } from "../../src/vpuformer/app/page/tidy.js";
import { begin, click } from "./startsession.js";
import { settle, state, storedStep } from "./fakeserver.js";

const values = (more) => ({ ...UNTIDIED, ...more });
const tidied = (holes) => storedStep("tidy", values({ holes }));

test("tidying replaces what was tidied before, and none of it undoes that", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, revision: 1, at: 1, answered: 1, area: 4, steps: [storedStep("click")] })]);
  session.tidy(session.current, UNTIDIED);
  await settle();
  assert.deepEqual(server.sent, []);
  session.tidy(session.current, values({ holes: 20 }));
  session.tidy(session.current, values({ holes: 30 }));
  await settle();
  assert.deepEqual(session.current?.optimistic.steps.map(({ type, holes }) => [type, holes]), [["click", null], ["tidy", 30]]);
  assert.deepEqual(server.sent.at(-1).body.step, { type: "tidy", threshold: 0.49, holes: 20, specks: 0, smooth: 0 });
  const steps = [storedStep("click"), tidied(20)];
  await server.answer(state({ id: 9, image: 2, revision: 2, at: 2, answered: 2, steps }));
  await server.answer(state({ id: 9, image: 2, revision: 3, at: 1, answered: 1, steps }));
  await server.answer(state({ id: 9, image: 2, revision: 4, at: 2, answered: 2, steps: [storedStep("click"), tidied(30)] }));
  assert.deepEqual(server.sent.map(({ path }) => path.split("/").at(-1)), ["steps", "undo", "steps"]);
  session.tidy(session.current, UNTIDIED);
  await settle();
  assert.match(server.sent.at(-1).path, /undo$/);
  assert.equal(session.current?.optimistic.at, 1);
});

test("an object that was moved to the front since it was tidied is tidied anew, or no longer", async () => {
  const { session } = await begin([state({ id: 9, image: 2, revision: 1, at: 3, answered: 3, area: 4, steps: [storedStep("click"), tidied(20), storedStep("arrange")] })]);
  const after = () => session.current?.optimistic.steps.slice(2, session.current.optimistic.at).map(({ type, holes }) => [type, holes]);
  session.tidy(session.current, values({ holes: 30 }));
  assert.deepEqual(after(), [["arrange", null], ["tidy", 30]]);
  session.tidy(session.current, UNTIDIED);
  assert.deepEqual(after(), [["arrange", null], ["tidy", 0]]);
  session.tidy(session.current, values({ holes: 20 }));
  assert.deepEqual(after(), [["arrange", null]]);
});

test("an object without steps has nothing to tidy", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2 })]);
  session.tidy(session.current, values({ specks: 5 }));
  await settle();
  assert.deepEqual(server.sent, []);
});

test("an object that was accepted meanwhile is tidied all the same, unless it was deleted", async () => {
  const { session, server } = await begin([state({ id: 9, image: 2, revision: 1, at: 1, answered: 1, area: 4, steps: [storedStep("click")] })]);
  const entry = session.current;
  session.accept();
  session.tidy(entry, values({ specks: 5 }));
  assert.deepEqual([session.current, entry.optimistic.at, entry.optimistic.accepted], [null, 2, true]);
  session.remove([entry]);
  session.tidy(entry, UNTIDIED);
  await settle();
  for (const revision of [2, 3, 4]) await server.answer(state({ id: 9, image: 2, revision }));
  assert.deepEqual(server.sent.map(({ method, path }) => [method, path.split("/").at(-1)]), [["PATCH", "9"], ["POST", "steps"], ["PATCH", "9"]]);
});

test("values that wait are sent before the next prompt, and before a step with other objects", async () => {
  const { session } = await begin([state({ id: 9, image: 2, revision: 1, at: 1, answered: 1, area: 4, steps: [storedStep("click")] })]);
  const { current } = session;
  for (const next of [() => session.act(click), () => session.split()]) {
    session.flush = () => ((session.flush = () => {}), session.tidy(current, values({ holes: 20 })));
    next();
  }
  assert.deepEqual(current.optimistic.steps.map(({ type }) => type), ["click", "tidy", "click", "tidy", "split"]);
});

test("values that are sent as the image is left keep off its own objects", async () => {
  const { session, server } = await begin([8, 9].map((id) => state({ id, image: 2, at: 1, area: 4, accepted: id === 8, steps: [storedStep("click")] })));
  const { current } = session;
  session.keepOff = () => true;
  session.flush = () => session.tidy(current, values({ holes: 20 }));
  await session.open(3);
  assert.deepEqual(server.sent.map(({ body }) => body.keep_off), [[8]]);
});
