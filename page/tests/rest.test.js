import assert from "node:assert/strict";
import { test } from "node:test";

import { actions, fit } from "../../src/vpuformer/app/page/actions.js";
import { importMasks, tilePath } from "../../src/vpuformer/app/page/api.js";
import { COLOURS, UNLABELLED } from "../../src/vpuformer/app/page/colours.js";
import { fieldsOf, formOf } from "../../src/vpuformer/app/page/docs.js";
import { objectCountText, rowsSeen } from "../../src/vpuformer/app/page/filelist.js";
import { matching } from "../../src/vpuformer/app/page/folder.js";
import { comboOf, GROUPS, keyFor, lookUp } from "../../src/vpuformer/app/page/keys.js";
import { colourOf } from "../../src/vpuformer/app/page/overlay.js";
import { rampColour, lighter, rgb } from "../../src/vpuformer/app/page/palette.js";
import { Probability } from "../../src/vpuformer/app/page/probability.js";
import { capitalized } from "../../src/vpuformer/app/page/sentence.js";
import { distanceTo, optimisticState, livePrompts, pendingStrokes } from "../../src/vpuformer/app/page/steps.js";
import { valueAt } from "../../src/vpuformer/app/page/viewpanel.js";
import { settle, state } from "./fakeserver.js";

const kept = (type, more = {}) => ({ type, positive: true, point: null, box: null, path: null, radius: null, step: null, live: true, ...more });
const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
const pushed = (step) => ({ type: "step", key: "12345678", step });

test("steps on their way are foreseen: undo, then another prompt instead of the one undone", () => {
  const known = state({ steps: [kept("click", { point: [1, 1] }), kept("box", { box: [0, 0, 2, 2] })], at: 2 });
  const optimistic = optimisticState(known, [{ type: "undoRedo", direction: "undo" }, pushed({ type: "click", point: [5, 5], positive: false })]);
  assert.deepEqual(optimistic.steps.map((step) => step.type), ["click", "click"]);
  assert.deepEqual([optimistic.at, optimistic.known], [2, 1]);
  assert.deepEqual(livePrompts(optimistic).map(({ index, pending }) => [index, pending]), [[0, false], [1, true]]);
});

test("clear and remove take prompts out of what counts", () => {
  const known = state({ steps: [kept("click", { point: [1, 1] }), kept("click", { point: [2, 2] })], at: 2 });
  assert.equal(livePrompts(optimisticState(known, [pushed({ type: "clear" })])).length, 0);
  const optimistic = optimisticState(known, [pushed({ type: "remove", step: 0 })]);
  assert.deepEqual(livePrompts(optimistic).map(({ index }) => index), [1]);
  assert.equal(known.steps[0].live, true);
});

test("changes on their way are seen at once", () => {
  const optimistic = optimisticState(state(), [{ type: "change", change: { accepted: true, label: 3 } }, { type: "change", change: { deleted: true } }]);
  assert.deepEqual([optimistic.accepted, optimistic.label, optimistic.deleted], [true, 3, true]);
});

test("only strokes since the last clear are drawn over the mask", () => {
  const stroke = (x) => pushed({ type: "brush", path: [[x, 0]], radius: 2, positive: true });
  assert.deepEqual(pendingStrokes([stroke(1), pushed({ type: "clear" }), stroke(2)]).map(({ path }) => path[0][0]), [2]);
});

test("a stroke that was undone before it was answered is not drawn, and one that was redone is", () => {
  const stroke = (x) => pushed({ type: "brush", path: [[x, 0]], radius: 2, positive: true });
  const turn = (direction) => ({ type: "undoRedo", direction });
  const drawn = (...actions) => pendingStrokes(actions).map(({ path }) => path[0][0]);
  assert.deepEqual(drawn(stroke(1), stroke(2), turn("undo")), [1]);
  assert.deepEqual(drawn(stroke(1), stroke(2), turn("undo"), turn("undo"), turn("redo")), [1]);
  assert.deepEqual(drawn(stroke(1), turn("undo"), stroke(2), turn("redo")), [2]);
  assert.deepEqual(drawn(stroke(1), pushed({ type: "clear" }), turn("undo")), [1]);
  assert.deepEqual(drawn(turn("undo"), stroke(3)), [3]); // the undo is of a step that the mask holds
});

test("how far a point is from a prompt", () => {
  assert.equal(distanceTo(kept("click", { point: [0, 0] }), [3, 4]), 5);
  assert.equal(distanceTo(kept("box", { box: [0, 0, 10, 10] }), [5, 4]), 4);
  assert.equal(distanceTo(kept("scribble", { path: [[0, 0], [10, 0]] }), [5, 2]), 2);
});

test("steps are brought into the image, or dropped if they lie beside it", () => {
  const image = { width: 100, height: 50 };
  assert.equal(fit({ type: "click", point: [120, 3], positive: true }, image), null);
  assert.deepEqual(fit({ type: "click", point: [-0.4, 3], positive: true }, image)?.point, [0, 3]);
  assert.deepEqual(fit({ type: "box", box: [-9, -9, 200, 20], positive: true }, image)?.box, [-0.5, -0.5, 99.5, 20]);
  assert.equal(fit({ type: "box", box: [-9, -9, -2, 20], positive: true }, image), null);
  assert.deepEqual(fit({ type: "scribble", path: [[50, 20], [150, 20]], positive: true }, image)?.path, [[50, 20], [99, 20]]);
  assert.equal(fit({ type: "lasso", path: [[150, 20], [160, 20], [150, 30]] }, image), null);
  const brush = (x, radius) => fit({ type: "brush", path: [[x, 20], [x, 30]], radius, positive: true }, image);
  assert.deepEqual([brush(103, 3), brush(-4, 3)], [null, null]);
  assert.deepEqual(brush(102, 3)?.path, [[102, 20], [102, 30]]);
  assert.notEqual(brush(-3, 3), null);
});

test("a corner that the keyboard has set belongs to its image and its tool", () => {
  const sent = [];
  const session = { image: { id: 1, width: 100, height: 50 }, act: (step) => sent.push(step.type) };
  const settings = { tool: "box", positive: true };
  const stage = { image: session.image, cross: [10, 10], draft: null, redraw() {} };
  const still = { updateCursor() {}, refresh() {} };
  const commands = actions(/** @type {any} */ ({ session, settings, stage, input: still, renderer: still }));
  commands.run("positive", ".");
  stage.image = session.image = { id: 2, width: 100, height: 50 };
  stage.cross = [30, 30];
  commands.run("positive", ".");
  assert.deepEqual(sent, []);
  stage.cross = [40, 40];
  commands.run("positive", ".");
  assert.deepEqual(sent, ["box"]);
  commands.run("positive", ".");
  commands.run("tool:click", "k");
  commands.run("tool:box", "r");
  stage.cross = [50, 45];
  commands.run("positive", ".");
  assert.deepEqual(sent, ["box"]);
});

test("a prompt for an image that is seen only until the next frame is not one for the new image", () => {
  const sent = [];
  const former = { id: 1, width: 100, height: 50 };
  const session = { image: former, act: (step) => sent.push(step) };
  const stage = { image: former };
  const commands = actions(/** @type {any} */ ({ session, stage }));
  const click = { type: /** @type {const} */ ("click"), point: /** @type {[number, number]} */ ([3, 4]), positive: true };
  session.image = { ...former, id: 2 };
  commands.prompt(click);
  assert.deepEqual(sent, []);
  stage.image = session.image;
  commands.prompt(click);
  assert.deepEqual(sent, [click]);
});

test("keys: Shift counts with letters only together with Ctrl, and not with signs", () => {
  assert.equal(comboOf(press("Z", { shiftKey: true, ctrlKey: true })), "Ctrl+Shift+z");
  assert.equal(comboOf(press("?", { shiftKey: true })), "?");
  assert.equal(comboOf(press("S")), "s");
  assert.equal(comboOf(press("ArrowLeft", { shiftKey: true })), "Shift+ArrowLeft");
  assert.equal(lookUp(press("z", { metaKey: true }))?.act, "undo");
  assert.equal(lookUp(press("z", { altKey: true })), null);
});

test("no key does two things, and every tool has one", () => {
  const keys = GROUPS.flatMap(([, group]) => group.flatMap((key) => key.keys));
  assert.equal(new Set(keys).size, keys.length);
  for (const tool of ["smart", "click", "box", "scribble", "lasso", "brush", "eraser"]) assert.ok(keyFor(`tool:${tool}`));
});

test("an object has its label's colour, and where there are labels, one without has a colour of no label", () => {
  const entry = (label) => /** @type {any} */ ({ optimistic: { label } });
  const labels = COLOURS.slice(0, 20).map((colour, id) => ({ id, name: `${id}`, colour }));
  const entries = [entry(17), entry(null), entry(null)];
  const scene = { labels, label: null, entries };
  assert.deepEqual([...entries, null].map((each) => colourOf(each, scene)), [COLOURS[17], UNLABELLED, UNLABELLED, UNLABELLED]);
  assert.equal(COLOURS.includes(UNLABELLED), false);
  const none = { labels: [], label: null, entries: Array.from({ length: 40 }, () => entry(null)) };
  assert.equal(new Set(none.entries.map((each) => colourOf(each, none))).size, 40);
});

test("colours: parts, a ramp that grows lighter", () => {
  assert.deepEqual(rgb("#0072b2"), [0, 114, 178]);
  assert.deepEqual(lighter([0, 100, 255], 0.5), [128, 178, 255]);
  const light = Array.from({ length: 20 }, (_, i) => rampColour(i / 19)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  for (let i = 1; i < light.length; i++) assert.ok(light[i] > light[i - 1]);
});

test("a sentence begins with a capital, and the name of a file does not", () => {
  const words = ["one object", "there is no label", "nothing", "photo.jpg is gone", "/tmp/a.png cannot be read", "émile has", ""];
  assert.deepEqual(words.map(capitalized), [
    "One object", "There is no label", "Nothing", "photo.jpg is gone", "/tmp/a.png cannot be read", "Émile has", ""]);
});

test("the list of images makes only the rows that are seen", () => {
  const { from, to } = rowsSeen(60_000, 600, 20_000);
  assert.ok(from <= 1000 && to >= 1010 && to - from < 30);
  assert.deepEqual(rowsSeen(0, 600, 2), { from: 0, to: 2 });
});

test("the list of images says how many objects are accepted and how many are not yet", () => {
  const words = [[0, 0], [1, 0], [3, 0], [0, 2], [1, 2]].map(([objects, unaccepted]) => objectCountText({ objects, unaccepted }));
  assert.deepEqual(words, ["", "1 object", "3 objects", "2 not accepted", "1 of 3 accepted"]);
});

test("a search finds all its words in any order and case", () => {
  const images = ["a/Cat 1.jpg", "a/dog.jpg", "b/cat 2.jpg"].map((name, id) => ({ id, name, done: false, objects: 0, unaccepted: 0 }));
  assert.deepEqual(matching(images, "CAT b/").map(({ id }) => id), [2]);
  assert.equal(matching(images, "  "), images);
});

test("the window of a tile is written so that large numbers come through", () => {
  const path = tilePath(/** @type {any} */ ({ id: 3, version: "v" }), { level: 1, x: 2, y: 0 }, [-3.4e38, 1e21]);
  assert.ok(path.startsWith("api/images/3/tiles/v/1/2/0?"));
  const query = new URL(path, "http://127.0.0.1/").searchParams;
  assert.deepEqual([Number(query.get("low")), Number(query.get("high"))], [-3.4e38, 1e21]);
});

test("the sliders of the window distinguish values that lie close together and far from zero", () => {
  const values = [0, 1, 500, 1000].map((step) => valueAt([1e9, 1e9 + 100], step));
  assert.deepEqual(values, [1e9, 1e9 + 0.1, 1e9 + 50, 1e9 + 100]);
});

test("a file that the server would hang up on is not sent", async () => {
  const file = /** @type {any} */ ({ name: "all.json", type: "application/json", size: 32_000_001 });
  await assert.rejects(importMasks(1, file, null), { message: /larger than 32 MB/ });
});

test("a probability map that could not be had is asked for again", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (path) => {
    asked.push(path);
    return { ok: false };
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const map = new Probability(() => map.of(7, 2));
  assert.equal(map.of(7, 2), null);
  await settle();
  assert.equal(asked.length, 1);
  t.mock.timers.tick(3000);
  assert.deepEqual(asked, ["api/objects/7/probability?revision=2", "api/objects/7/probability?revision=2"]);
});

test("the form of a schema in few words", () => {
  assert.equal(formOf({ anyOf: [{ $ref: "#/components/schemas/RleMask" }, { type: "null" }] }), "RleMask | null");
  assert.equal(formOf({ type: "array", items: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }] } }), "[number, number][]");
  assert.equal(fieldsOf({ required: ["a"], properties: { a: { type: "integer" }, b: { enum: ["x", "y"] } } }), 'a: integer\nb?: "x" | "y"');
});
