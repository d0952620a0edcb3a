import assert from "node:assert/strict";
import { test } from "node:test";

import { objectCountText, rowsSeen } from "../../src/vpuformer/app/page/filelist.js";
import { filtered, PLAIN } from "../../src/vpuformer/app/page/listfilter.js";

test("the list of images makes only the rows that are seen", () => {
  const { from, to } = rowsSeen(60_000, 600, 20_000);
  assert.ok(from <= 1000 && to >= 1010 && to - from < 30);
  assert.deepEqual(rowsSeen(0, 600, 2), { from: 0, to: 2 });
});

test("the list of images says how many objects are accepted and how many are not yet", () => {
  const words = [[0, 0], [1, 0], [3, 0], [0, 2], [1, 2]].map(([objects, unaccepted]) => objectCountText({ objects, unaccepted }));
  assert.deepEqual(words, ["", "1 object", "3 objects", "2 objects not accepted", "1 of 3 objects accepted"]);
});

test("a search finds all its words in any order and case", () => {
  const images = ["a/Cat 1.jpg", "a/dog.jpg", "b/cat 2.jpg"].map((name, id) => ({ id, name, done: false, objects: 0, unaccepted: 0 }));
  assert.deepEqual(filtered(images, { ...PLAIN, search: "CAT b/" }).map(({ id }) => id), [2]);
  assert.equal(filtered(images, { ...PLAIN, search: "  " }), images);
});
