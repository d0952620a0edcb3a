import assert from "node:assert/strict";
import { test } from "node:test";

import { Coverage, fillRows, fillStroke, packed, paintInside, paintOutside } from "../../src/vpuformer/app/page/raster.js";
import { decodeRows, contains } from "../../src/vpuformer/app/page/rle.js";
import { encodeLengths } from "./rleencoding.js";

const drawn = (/** @type {Coverage} */ cover) =>
  Array.from({ length: cover.height }, (_, y) => [...cover.data.subarray(y * cover.width, (y + 1) * cover.width)].join(""));

// ..##
// ####
// #...
const MASK = decodeRows({ width: 4, height: 3, runs: encodeLengths([2, 7, 3]) });

test("at 100 % the screen has the pixels of the mask", () => {
  const cover = new Coverage(5, 4);
  fillRows(cover, MASK, { scale: 1, x: 0, y: 0 });
  assert.deepEqual(drawn(cover), ["00110", "11110", "10000", "00000"]);
  assert.deepEqual(cover.box, [0, 0, 4, 3]);
});

test("enlarged twice every pixel is four, and what lies outside the screen is left out", () => {
  const cover = new Coverage(6, 4);
  fillRows(cover, MASK, { scale: 2, x: -2, y: -1 });
  assert.deepEqual(drawn(cover), ["001111", "111111", "111111", "000000"]);
});

test("a pixel of the screen is what the image is under its centre, at any zoom", () => {
  let seed = 7;
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647);
  const lengths = [];
  for (let left = 31 * 23; left > 0; left -= lengths.at(-1) ?? 0) lengths.push(Math.min(left, 1 + Math.floor(random() * 9)));
  const rows = decodeRows({ width: 31, height: 23, runs: encodeLengths(lengths) });
  for (let trial = 0; trial < 40; trial++) {
    const view = { scale: 0.3 + random() * 4, x: (random() - 0.5) * 40, y: (random() - 0.5) * 40 };
    const cover = new Coverage(37, 29);
    fillRows(cover, rows, view);
    for (let y = 0; y < 29; y++) {
      for (let x = 0; x < 37; x++) {
        const column = Math.floor((x + 0.5 - view.x) / view.scale);
        const row = Math.floor((y + 0.5 - view.y) / view.scale);
        assert.equal(cover.data[y * 37 + x] === 1, contains(rows, column, row), `${x}, ${y} of ${JSON.stringify(view)}`);
      }
    }
    const [left, top, right, bottom] = cover.box;
    for (let i = 0; i < cover.data.length; i++) {
      const [x, y] = [i % 37, Math.floor(i / 37)];
      if (cover.data[i]) assert.ok(x >= left && x < right && y >= top && y < bottom);
    }
    cover.clear();
    assert.ok(cover.data.every((value) => value === 0));
  }
});

test("a stroke covers exactly the centres that are near enough to its line", () => {
  const cover = new Coverage(30, 20);
  const path = /** @type {[number, number][]} */ ([[5.2, 4.1], [20.7, 12.3], [9, 16]]);
  fillStroke(cover, path, 3.3, 1, [0, 0, 30, 20]);
  const far = (/** @type {number} */ x, /** @type {number} */ y) =>
    Math.min(...path.slice(1).map((b, i) => {
      const a = path[i];
      const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
      const t = Math.max(0, Math.min(1, ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy)));
      return Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy);
    }));
  for (let y = 0; y < 20; y++) {
    for (let x = 0; x < 30; x++) assert.equal(cover.data[y * 30 + x] === 1, far(x + 0.5, y + 0.5) <= 3.3, `${x}, ${y}`);
  }
});

test("a single point of a brush is a disc, erasing takes it away again, and nothing leaves the image", () => {
  const cover = new Coverage(9, 9);
  fillStroke(cover, [[4.5, 4.5]], 1, 1, [0, 0, 9, 9]);
  assert.deepEqual(drawn(cover).slice(3, 6), ["000010000", "000111000", "000010000"]);
  fillStroke(cover, [[4.5, 4.5]], 2, 0, [0, 0, 9, 9]);
  assert.ok(cover.data.every((value) => value === 0));
  fillStroke(cover, [[4.5, 4.5]], 20, 1, [2, 3, 5, 6]);
  assert.deepEqual(drawn(cover), ["0", "0", "0", "1", "1", "1", "0", "0", "0"].map((row) => (row === "1" ? "001110000" : "000000000")));
});

test("colours are little-endian RGBA", () => {
  const bytes = new Uint8Array(new Uint32Array([packed([1, 2, 3], 1)]).buffer);
  assert.deepEqual([...bytes], [1, 2, 3, 255]);
});

test("tint and cut-out", () => {
  const cover = new Coverage(5, 5);
  for (let y = 1; y < 4; y++) cover.span(y, 1, 4, 1);
  const tint = new Uint32Array(25);
  paintInside(tint, cover, 9);
  assert.equal(tint.filter((value) => value === 9).length, 9);
  const cut = new Uint32Array(25);
  paintOutside(cut, cover, [0, 0, 5, 4], [7, 7], 2);
  assert.equal(cut.filter((value) => value === 7).length, 20 - 9);
});
