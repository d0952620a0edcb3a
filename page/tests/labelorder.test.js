import assert from "node:assert/strict";
import { test } from "node:test";

import { attributesOf, namesIn, valueOf } from "../../src/vpuformer/app/page/attributes.js";
import { found, grouped, moved, movedBy } from "../../src/vpuformer/app/page/labelorder.js";

const label = (id, name, group = "") => ({ id, name, group, colour: "#000000", attributes: [] });
const LABELS = [label(1, "cat", "animals"), label(2, "cup"), label(3, "car", "vehicles"), label(4, "dog", "animals"), label(5, "traffic light")];
const ids = (labels) => labels.map(({ id, group }) => `${id}${group[0] ?? ""}`).join(" ");

test("labels without a group come first, then groups in the order of their first label", () => {
  assert.equal(ids(grouped(LABELS)), "2 5 1a 4a 3v");
  assert.deepEqual(grouped([]), []);
});

test("a search finds parts of names and groups, and names that begin with it first", () => {
  const names = (search) => found(grouped(LABELS), search).map(({ name }) => name);
  assert.deepEqual(names("ca"), ["cat", "car"]);
  assert.deepEqual(names("LI"), ["traffic light"]);
  assert.deepEqual(names("light tra"), ["traffic light"]);
  assert.deepEqual(names("animal"), ["cat", "dog"]);
  assert.deepEqual(names("zebra"), []);
  assert.equal(names(" ").length, 5);
});

test("a label that is dropped next to another one takes its group", () => {
  const labels = grouped(LABELS);
  assert.equal(ids(moved(labels, 2, 4, false)), "5 1a 2a 4a 3v");
  assert.equal(ids(moved(labels, 3, 5, true)), "2 5 3 1a 4a");
  assert.equal(moved(labels, 9, 5, true), labels);
});

test("a label that is moved by one row changes its group before its place", () => {
  const labels = grouped(LABELS);
  assert.equal(ids(movedBy(labels, 2, 1)), "5 2 1a 4a 3v");
  assert.equal(ids(movedBy(labels, 5, 1)), "2 5a 1a 4a 3v");
  assert.equal(ids(movedBy(labels, 3, -1)), "2 5 1a 4a 3a");
  assert.equal(movedBy(labels, 2, -1), labels);
});

test("an object shows the attributes of its label, of all labels, and values without a definition", () => {
  const colour = { name: "colour", kind: "choice", choices: ["red"] };
  const note = { name: "note", kind: "text", choices: [] };
  const project = { labels: [{ ...label(1, "car"), attributes: [colour] }], label_settings: { attributes: [note, { ...colour, kind: "text" }], tags: [], label_required: false } };
  const shown = (object) => attributesOf(/** @type {any} */ (project), object).map(({ name, kind }) => `${name} ${kind}`);
  assert.deepEqual(shown({ label: 1, attributes: { doors: 4, note: "x" } }), ["colour choice", "note text", "doors number"]);
  assert.deepEqual(shown({ label: null, attributes: {} }), ["note text", "colour text"]);
  assert.deepEqual(attributesOf(null, { label: null, attributes: {} }), []);
});

test("a value is what its kind says, and nothing for a blank text", () => {
  const of = (kind, text) => valueOf({ name: "a", kind, choices: [] }, text);
  assert.deepEqual([of("number", " 4.5 "), of("number", "four"), of("number", " "), of("text", " a b "), of("choice", "")], [4.5, null, null, "a b", null]);
  assert.deepEqual(namesIn(" red, ,green,red"), ["red", "green"]);
});
