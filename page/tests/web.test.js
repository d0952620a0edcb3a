import assert from "node:assert/strict";
import { test } from "node:test";

import { Answer } from "../../src/vpuformer/web/page/answer.js";
import { edgesOf, union } from "../../src/vpuformer/web/page/crop.js";
import { cocoOf, columnRuns } from "../../src/vpuformer/web/page/downloads.js";
import { History } from "../../src/vpuformer/web/page/history.js";
import { honoured, shownPixels } from "../../src/vpuformer/web/page/honoured.js";
import { BitmapLayer, MOST_PIXELS, openedSize } from "../../src/vpuformer/web/page/bitmaps.js";
import { pixelsUnder } from "../../src/vpuformer/web/page/pixels.js";
import { promptPriors } from "../../src/vpuformer/web/page/prior.js";
import { clip } from "../../src/vpuformer/web/page/prompts.js";
import { stretch } from "../../src/vpuformer/web/page/resample.js";
import { maskOfRows, rowsOf } from "../../src/vpuformer/web/page/rows.js";
import { refusedChanges } from "../../src/vpuformer/web/page/steady.js";
import { canonicalPrompts, densePixels, rint } from "../../src/vpuformer/web/page/strokes.js";
import { promptVectors, VECTOR } from "../../src/vpuformer/web/page/vectors.js";
import { Workspace } from "../../src/vpuformer/web/page/workspace.js";
import { nextCrop, withObjectShown } from "../../src/vpuformer/web/page/zoom.js";

/** @param {number} x @param {number} y */
const click = (x, y, positive = true) => ({ type: /** @type {const} */ ("click"), point: /** @type {[number, number]} */ ([x, y]), positive });
/** @param {[number, number][]} path @param {number[]} [gaps] */
const scribble = (path, gaps) => ({ type: /** @type {const} */ ("scribble"), path, positive: true, ...(gaps && { gaps }) });
/** @param {number} left @param {number} top @param {number} width @param {number} height */
const crop = (left, top, width, height) => ({ left, top, width, height });

// The numbers are those of the examples in the docstrings of `vpuformer.inference`, `encoding` and `prompts`.

test("a stroke that leaves a rectangle is clipped to its pieces", () => {
  assert.deepEqual(clip(scribble([[5, 5], [5, -5], [9, -5], [9, 5]]), [0, 0, 20, 20]), scribble([[5, 5], [5, 0], [9, 0], [9, 5]], [2]));
  assert.equal(clip(click(3, 3), [4, 4, 9, 9]), null);
  const box = { type: /** @type {const} */ ("box"), box: /** @type {[number, number, number, number]} */ ([0, 30, 40, 50]), positive: true };
  assert.deepEqual(clip(box, edgesOf(crop(20, 20, 40, 40))), { ...box, box: [19.5, 30, 40, 50] });
});

test("a stroke becomes one point for each pixel, and halves are rounded as in NumPy", () => {
  assert.deepEqual(densePixels([[[0, 0], [2, 0]]]), [[0, 0], [1, 0], [2, 0]]);
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 1.4].map(rint).map((value) => value + 0), [0, 2, 2, 0, -2, 1]);
});

test("a click is a bell of three pixels, cut at nine", () => {
  const vectors = promptVectors(canonicalPrompts([click(100, 200, false)], crop(0, 0, 448, 448)));
  assert.deepEqual([97, 100, 103, 109, 110].map((i) => Number(vectors[i].toFixed(3))), [0.607, 1, 0.607, 0.011, 0]);
  assert.deepEqual([...vectors.subarray(VECTOR - 2)], [0, 1]);
  const priors = promptPriors(canonicalPrompts([click(100, 200)], crop(0, 0, 448, 448)), 16, 4);
  assert.equal(priors.length, 5 * 256);
  assert.equal(priors.indexOf(Math.max(...priors)), Math.floor(200 / 28) * 16 + Math.floor(100 / 28));
});

test("the crop holds the object and positive prompts, with a margin", () => {
  const size = { width: 1000, height: 1000 };
  const object = crop(300, 400, 300, 100);
  assert.deepEqual(nextCrop(size, object, [], null), crop(270, 390, 360, 120));
  assert.deepEqual(nextCrop(size, object, [click(900, 450)], null), crop(239, 390, 723, 120));
  assert.deepEqual(nextCrop(size, null, [click(900, 450)], null), crop(0, 0, 1000, 1000));
  const negative = [click(3, 3, false)];
  const [box, ...others] = withObjectShown(negative, crop(2, 1, 4, 3));
  assert.deepEqual([box, others], [{ type: "box", box: [1.5, 0.5, 5.5, 3.5], positive: true, only_here: false }, negative]);
  assert.equal(withObjectShown(negative, null), negative);
  assert.deepEqual(union(crop(0, 0, 2, 2), crop(3, 1, 1, 4)), crop(0, 0, 4, 5));
});

test("axes that shrink are averaged, axes that grow interpolated", () => {
  assert.deepEqual([...stretch(Float32Array.of(0, 4, 8, 8), 4, crop(0, 0, 4, 1), 2, 1)], [2, 8]);
  assert.deepEqual([...stretch(Float32Array.of(0, 8), 2, crop(0, 0, 2, 1), 4, 1)], [0, 2, 6, 8]);
});

test("an answer covers its crop, and agrees with the mask that is known", () => {
  const answer = new Answer(new Float32Array(16).fill(20), crop(1, 0, 2, 1), { width: 4, height: 2 });
  assert.deepEqual([...answer.mask], [0, 1, 1, 0, 0, 0, 0, 0]);
  const other = new Answer(new Float32Array(16).fill(0.1), answer.crop, answer.size, Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0));
  assert.deepEqual([...other.probability].map((value) => Number(value.toFixed(2))), [0, 0.47, 0.52, 1, 0, 0, 0, 0]);
});

test("a long stroke visits each pixel once", () => {
  const size = { width: 5, height: 5 };
  assert.deepEqual([...pixelsUnder(scribble([[0, 0], [3, 1]]), size)].sort((a, b) => a - b), [0, 1, 7, 8]);
});

test("prompts end on the right side of the outline; of two that contradict, the later one holds", () => {
  const size = { width: 9, height: 9 };
  const shown = shownPixels([click(4, 4)], size);
  const { probability, corrected } = honoured(new Float32Array(81).fill(0.3), shown, 9, size);
  assert.deepEqual([corrected, probability[40] > 0.49, probability[0] > 0.49], [1, true, false]);
  assert.deepEqual(shownPixels([click(4, 4), click(4, 4, false)], size).map(({ pixels }) => pixels), [[], [40]]);
});

test("changes far from the new prompt are refused unless the network is surer", () => {
  const size = { width: 40, height: 9 };
  const [before, answer] = [new Float32Array(360), new Float32Array(360)];
  for (let y = 3; y < 6; y++) {
    before.fill(0.8, y * 40 + 30, y * 40 + 33);
    answer.fill(0.7, y * 40 + 3, y * 40 + 6);
    answer.fill(0.4, y * 40 + 30, y * 40 + 33);
  }
  const refused = refusedChanges(answer, before, [click(4, 4)], size, null, crop(0, 0, 40, 9), crop(0, 0, 40, 9)) ?? [];
  assert.equal(refused.reduce((sum, each) => sum + each, 0), 9);
  assert.equal(refused[4 * 40 + 31], 1);
});

test("rows and masks are the same, and COCO's runs go down the columns", () => {
  const mask = Uint8Array.of(0, 1, 1, 1, 1, 0, 0, 0, 0);
  const rows = rowsOf(mask, { width: 3, height: 3 });
  assert.deepEqual([rows.area, rows.bounds], [4, [0, 0, 3, 2]]);
  assert.deepEqual(maskOfRows(rows), mask);
  assert.deepEqual(columnRuns(rows), [1, 1, 1, 2, 1, 1, 2]);
  const [annotation] = cocoOf({ id: 1, name: "a.png", width: 3, height: 3 }, [rows]).annotations;
  assert.deepEqual([annotation.bbox, annotation.area, annotation.segmentation.size], [[0, 0, 3, 2], 4, [3, 3]]);
});

test("an earlier answer is restored with the mask that it had", () => {
  const size = { width: 4, height: 2 };
  const history = new History(size);
  const known = Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 0);
  history.push(new Answer(new Float32Array(16).fill(0.1), crop(1, 0, 2, 1), size, known), 1);
  history.push(new Answer(new Float32Array(16).fill(9), crop(0, 0, 4, 2), size), 2);
  assert.equal(history.at(0), null);
  assert.deepEqual(history.at(1)?.mask, known);
  history.push(new Answer(new Float32Array(16).fill(-9), crop(0, 0, 4, 2), size), 1);
  assert.equal(history.at(2), null);
});

test("images beyond the limit become smaller and keep their shape", () => {
  assert.deepEqual(openedSize({ width: 600, height: 400 }), { width: 600, height: 400 });
  const { width, height } = openedSize({ width: 12000, height: 8000 });
  assert.ok(width * height <= MOST_PIXELS && Math.abs(width / height - 1.5) < 0.001);
});

test("an answer reaches its prompt, whatever was undone meanwhile", () => {
  /** @type {[number, number, number][]} */
  const asked = [];
  const workspace = new Workspace((object, step, prompts) => asked.push([object, step, prompts.length]));
  workspace.open({ id: 1, name: "a.png", width: 4, height: 2 });
  const rows = rowsOf(Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0), workspace.image ?? { width: 0, height: 0 });
  workspace.add(click(1, 0));
  workspace.undo();
  workspace.add(click(2, 0));
  workspace.add(click(9, 9)); // outside
  assert.deepEqual(asked.map(([, , count]) => count), [1, 1]);
  workspace.answer(asked[0][1], rows);
  assert.equal(workspace.current?.busy, true);
  workspace.answer(asked[1][1], rows);
  assert.equal(workspace.current?.busy, false);
  assert.equal(workspace.current?.mask, rows);
  workspace.undo();
  assert.equal(workspace.current?.mask, null);
  workspace.redo();
  workspace.begin();
  workspace.add(click(3, 1));
  workspace.drop(asked[2][1]);
  workspace.pick([1, 0]);
  assert.deepEqual([workspace.objects.length, workspace.current?.mask], [1, rows]);
});

test("a key removes the current object alone, the button all objects if none is selected", () => {
  const workspace = new Workspace(() => {});
  workspace.open({ id: 1, name: "a.png", width: 4, height: 2 });
  for (const x of [0, 1, 2]) {
    workspace.begin();
    workspace.add(click(x, 0));
  }
  workspace.remove();
  assert.deepEqual([workspace.objects.length, workspace.current], [2, null]);
  workspace.remove();
  assert.equal(workspace.objects.length, 2);
  workspace.clear();
  assert.equal(workspace.objects.length, 0);
});

test("of two images that are opened at once the later one is shown, whichever is decoded first", async () => {
  const decoded = new Map();
  globalThis.createImageBitmap = /** @type {any} */ ((/** @type {string} */ blob) => new Promise((resolve) => decoded.set(blob, resolve)));
  const bitmaps = new BitmapLayer();
  const opening = ["first", "second"].map((blob) => bitmaps.open(/** @type {any} */ (blob)));
  /** @type {string[]} */
  const closed = [];
  for (const blob of ["second", "first"]) decoded.get(blob)({ width: 4, height: 3, close: () => closed.push(blob) });
  const [first, second] = await Promise.all(opening);
  assert.deepEqual([first, second?.width, closed], [null, 4, ["first"]]);
});
