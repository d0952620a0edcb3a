import assert from "node:assert/strict";
import { test } from "node:test";

import { cornerAt, cornerCount, edgeAt, neighbour, withAdded, withMoved, withoutCorner } from "../../src/vpuformer/app/page/polygon.js";

const SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]];
const HOLE = [[4, 4], [6, 4], [5, 6]];
const BOTH = [SQUARE, HOLE];

test("the nearest corner within reach is found, and the nearest edge", () => {
  assert.deepEqual(cornerAt(BOTH, [9, 1], 2), { outline: 0, corner: 1 });
  assert.deepEqual(cornerAt(BOTH, [5.2, 5.8], 9), { outline: 1, corner: 2 });
  assert.equal(cornerAt(BOTH, [20, 20], 5), null);
  assert.deepEqual(edgeAt(BOTH, [5, -1], 2), { at: { outline: 0, corner: 1 }, point: [5, 0] });
  assert.deepEqual(edgeAt(BOTH, [1, 5], 2), { at: { outline: 0, corner: 4 }, point: [0, 5] });
  assert.equal(edgeAt(BOTH, [2, 2], 1), null);
});

test("corners are moved, added and deleted, and the former outlines stay as they are", () => {
  const moved = withMoved(BOTH, { outline: 0, corner: 2 }, [12, 12]);
  assert.deepEqual(moved[0][2], [12, 12]);
  const added = withAdded(moved, { outline: 0, corner: 4 }, [0, 5]);
  assert.deepEqual([added[0].at(-1), cornerCount(added)], [[0, 5], 8]);
  assert.deepEqual(withoutCorner(added, { outline: 0, corner: 0 })[0][0], [10, 0]);
  assert.deepEqual(withoutCorner(BOTH, { outline: 1, corner: 1 }), [SQUARE]);
  assert.deepEqual(BOTH, [[[0, 0], [10, 0], [10, 10], [0, 10]], [[4, 4], [6, 4], [5, 6]]]);
});

test("a key goes round the corners of all outlines", () => {
  assert.deepEqual(neighbour(BOTH, null, 1), { outline: 0, corner: 0 });
  assert.deepEqual(neighbour(BOTH, { outline: 0, corner: 3 }, 1), { outline: 1, corner: 0 });
  assert.deepEqual(neighbour(BOTH, { outline: 0, corner: 0 }, -1), { outline: 1, corner: 2 });
  assert.equal(neighbour([], null, 1), null);
});
