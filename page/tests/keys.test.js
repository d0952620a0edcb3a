import assert from "node:assert/strict";
import { test } from "node:test";

import { comboOf, GROUPS, keyFor, lookUp, refusal, setKeys, shownAs } from "../../src/vpuformer/app/page/keys.js";

const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test("keys: Shift counts with letters only together with Ctrl, and neither Shift nor Alt with signs", () => {
  assert.equal(comboOf(press("Z", { shiftKey: true, ctrlKey: true })), "Ctrl+Shift+z");
  assert.equal(comboOf(press("?", { shiftKey: true })), "?");
  assert.deepEqual(["[", "1", " "].map((key) => comboOf(press(key, { altKey: true }))), ["[", "Alt+1", "Alt+ "]);
  assert.equal(comboOf(press("S")), "s");
  assert.equal(comboOf(press("ArrowLeft", { shiftKey: true })), "Shift+ArrowLeft");
  assert.equal(lookUp(press("z", { metaKey: true }))?.act, "undo");
  assert.equal(lookUp(press("z", { altKey: true })), null);
});

test("letters of other scripts are the Latin ones on their keys, and those of other Latin layouts stay", () => {
  assert.equal(lookUp(press("я", { code: "KeyZ", ctrlKey: true }))?.act, "undo");
  assert.equal(lookUp(press("Я", { code: "KeyZ", ctrlKey: true, shiftKey: true }))?.act, "redo");
  assert.equal(lookUp(press("β", { code: "KeyB" }))?.act, "tool:brush");
  assert.equal(comboOf(press("z", { code: "KeyY", ctrlKey: true })), "Ctrl+z");
  assert.equal(comboOf(press("ö", { code: "Semicolon" })), "ö");
  assert.equal(comboOf(press("é", { code: "KeyE", altKey: true })), "Alt+é");
  assert.equal(comboOf(press("ж", { code: "Semicolon" })), "ж");
});

test("no key does two things, and every tool has one", () => {
  const keys = GROUPS.flatMap(([, group]) => group.flatMap((key) => key.keys));
  assert.equal(new Set(keys).size, keys.length);
  for (const tool of ["smart", "click", "box", "scribble", "lasso", "brush", "eraser"]) assert.ok(keyFor(`tool:${tool}`));
});

test("a key is changed, and all come back", () => {
  setKeys({ "tool:box": "Alt+b", escape: "q" });
  assert.equal(lookUp(press("b", { altKey: true }))?.act, "tool:box");
  assert.equal(lookUp(press("r")), null);
  assert.equal(keyFor("tool:box")?.shown, "Alt+B");
  assert.equal(lookUp(press("q"))?.act, "showAlone");
  setKeys({});
  assert.equal(lookUp(press("r"))?.act, "tool:box");
  assert.equal(keyFor("tool:box")?.shown, "R");
});

test("a key that something else needs is refused with a reason", () => {
  assert.match(refusal("tool:box", "j"), /^J is already the key for: Join/);
  assert.match(refusal("tool:box", "F5"), /cannot be used/);
  assert.match(refusal("tool:box", " "), /^Space cannot be used/);
  assert.match(refusal("tool:box", "3"), /Label/);
  assert.equal(refusal("tool:box", "r"), "");
  assert.equal(refusal("tool:box", "F10"), "");
});

test("keys are written as people read them", () => {
  assert.deepEqual(["Ctrl+ArrowUp", "Ctrl+Shift+z", "+", "Ctrl++", "F9"].map(shownAs), ["Ctrl+↑", "Ctrl+Shift+Z", "+", "Ctrl++", "F9"]);
});
