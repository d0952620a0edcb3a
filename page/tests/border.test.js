import assert from "node:assert/strict";
import { test } from "node:test";

import { bordersOf, paintBorder } from "../../src/vpuformer/app/page/border.js";
import { Coverage } from "../../src/vpuformer/app/page/raster.js";

/** @param {string[]} rows "#" where a pixel is covered */
function covering(rows) {
  const cover = new Coverage(rows[0].length, rows.length);
  rows.forEach((row, y) => [...row].forEach((sign, x) => cover.span(y, x, x + Number(sign === "#"), 1)));
  return cover;
}

/** Rows of digits. @param {Coverage} cover @param {number} dash @param {number} width */
function painted(cover, dash = 0, width = 1) {
  const pixels = new Uint32Array(cover.width * cover.height);
  paintBorder(pixels, cover, bordersOf(cover), { colour: 1, width }, { colour: 2, width }, dash);
  return Array.from({ length: cover.height }, (_, y) => [...pixels.subarray(y * cover.width, (y + 1) * cover.width)].join(""));
}

test("a solid border has a line on either side", () => {
  const cover = covering([".....", ".###.", ".###.", ".###.", "....."]);
  assert.deepEqual(painted(cover), ["02220", "21112", "21012", "21112", "02220"]);
});

test("every edge of any mask is followed once, in one piece for each border", () => {
  let seed = 3;
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647);
  for (let trial = 0; trial < 50; trial++) {
    const rows = Array.from({ length: 9 }, () => Array.from({ length: 11 }, () => (random() < 0.55 ? "#" : ".")).join(""));
    const at = (/** @type {number} */ x, /** @type {number} */ y) => rows[y]?.[x] === "#";
    const wanted = [];
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 11; x++) {
        [[0, -1], [1, 0], [0, 1], [-1, 0]].forEach(([dx, dy], side) => {
          if (at(x, y) && !at(x + dx, y + dy)) wanted.push(4 * (y * 11 + x) + side);
        });
      }
    }
    const cover = covering(rows);
    const before = [...cover.data];
    const edges = bordersOf(cover);
    assert.deepEqual([...edges].sort((a, b) => a - b), wanted.sort((a, b) => a - b));
    assert.deepEqual([...cover.data], before);
    assert.deepEqual(bordersOf(cover), edges, "and the mask can be followed again");
  }
});

test("a dashed border has gaps as long as its dashes, in any direction and around holes", () => {
  const line = covering(["................", ".##############.", "................"]);
  assert.deepEqual(painted(line, 4), ["0222200002222000", "0111110001111100", "0022220000222200"]);
  const round = new Coverage(60, 60);
  for (let y = 0; y < 60; y++) for (let x = 0; x < 60; x++) if (Math.abs(Math.hypot(x - 30, y - 30) - 18) < 8) round.span(y, x, x + 1, 1);
  const [dashed, solid] = [painted(round, 5).join(""), painted(round).join("")];
  const count = (/** @type {string} */ shown) => [...shown].filter((sign) => sign === "1").length;
  assert.ok(count(dashed) > 0.4 * count(solid) && count(dashed) < 0.7 * count(solid), `${count(dashed)} of ${count(solid)}`);
  for (const [i, sign] of [...dashed].entries()) if (sign !== "0") assert.equal(sign, solid[i]);
});

test("a mask that goes on outside the screen has no line there", () => {
  const cover = covering(["##..", "##..", "##.."]);
  assert.deepEqual(painted(cover), ["0120", "0120", "0120"]);
  assert.deepEqual(painted(cover, 0, 2), ["1122", "1122", "1122"]);
});
