import assert from "node:assert/strict";
import { test } from "node:test";

import { capitalized } from "../../src/vpuformer/app/page/sentence.js";

test("a sentence begins with a capital, and the name of a file does not", () => {
  const words = ["one object", "there is no label", "nothing", "photo.jpg is gone", "/tmp/a.png cannot be read", "émile has", ""];
  assert.deepEqual(words.map(capitalized), [
    "One object", "There is no label", "Nothing", "photo.jpg is gone", "/tmp/a.png cannot be read", "Émile has", ""]);
});
