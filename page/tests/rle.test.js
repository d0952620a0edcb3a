import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeLengths, decodeRows, contains } from "../../src/vpuformer/app/page/rle.js";
import { encodeLengths, encodeRows } from "./rleencoding.js";

/** @param {number} width @param {number} height @param {(x: number, y: number) => boolean} is */
function runsOf(width, height, is) {
  const lengths = [0];
  let inside = false;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (is(x, y) !== inside) {
        inside = !inside;
        lengths.push(0);
      }
      lengths[lengths.length - 1]++;
    }
  }
  return { width, height, runs: encodeLengths(lengths) };
}

test("lengths are LEB128 in base64: 200 is 72 + 128, 1", () => {
  assert.equal(encodeLengths([0, 200]), btoa("\x00\xc8\x01"));
  assert.deepEqual([...decodeLengths("AgIC")], [2, 2, 2]);
  const long = [0, 127, 128, 16383, 16384, 108_000_000];
  assert.deepEqual([...decodeLengths(encodeLengths(long))], long);
});

test("a length that is cut short is an error", () => {
  assert.throws(() => decodeLengths(btoa("\x02\x80")), RangeError);
});

test("a run over the end of a row becomes a span in each row", () => {
  const rows = decodeRows({ width: 3, height: 2, runs: "AgIC" }); // 2 off, 2 on, 2 off
  assert.deepEqual([...rows.first], [0, 2, 4]);
  assert.deepEqual([...rows.edges], [2, 3, 0, 1]);
  assert.equal(rows.area, 2);
  assert.deepEqual(rows.bounds, [0, 0, 3, 2]);
});

test("a full and an empty mask", () => {
  const full = decodeRows({ width: 4, height: 3, runs: encodeLengths([0, 12]) });
  assert.deepEqual([...full.edges], [0, 4, 0, 4, 0, 4]);
  assert.deepEqual([...full.first], [0, 2, 4, 6]);
  const empty = decodeRows({ width: 4, height: 3, runs: encodeLengths([12]) });
  assert.deepEqual([...empty.first], [0, 0, 0, 0]);
  assert.equal(empty.bounds, null);
});

test("runs longer than the image are an error and not a crash later", () => {
  assert.throws(() => decodeRows({ width: 4, height: 3, runs: encodeLengths([0, 13]) }), RangeError);
  assert.throws(() => decodeRows({ width: 4, height: 3, runs: encodeLengths([13]) }), RangeError);
});

test("any mask comes back the same, pixel by pixel", () => {
  let seed = 1;
  const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647);
  for (let trial = 0; trial < 60; trial++) {
    const width = 1 + Math.floor(random() * 9);
    const height = 1 + Math.floor(random() * 9);
    const share = random();
    const bits = Array.from({ length: width * height }, () => random() < share);
    const mask = runsOf(width, height, (x, y) => bits[y * width + x]);
    const rows = decodeRows(mask);
    assert.equal(rows.area, bits.filter(Boolean).length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) assert.equal(contains(rows, x, y), bits[y * width + x]);
    }
    assert.deepEqual(encodeRows(rows), mask);
  }
});
