import assert from "node:assert/strict";
import { test } from "node:test";

import { comboOf, GROUPS, keyFor, lookUp } from "../../src/vpuformer/app/page/keys.js";

const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

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
