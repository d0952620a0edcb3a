import assert from "node:assert/strict";
import { test } from "node:test";

import { clamped, fitted, constrained, inside, levelFor, panned, revealing, tilesShown, toImage, toScreen, visible, zoomed } from "../../src/vpuformer/app/page/viewport.js";

const image = { width: 600, height: 400 };
const screen = { width: 800, height: 600 };

test("pixel centres are integers: the top left corner of the image is (-0.5, -0.5)", () => {
  const view = { scale: 2, x: 10, y: 20 };
  assert.deepEqual(toScreen(view, [-0.5, -0.5]), [10, 20]);
  assert.deepEqual(toScreen(view, [0, 0]), [11, 21]);
  assert.deepEqual(toImage(view, toScreen(view, [12.25, 7])), [12.25, 7]);
});

test("a fitted image lies in the middle, with its margin", () => {
  const view = fitted({ width: 600, height: 300 }, screen);
  assert.equal(view.scale, 760 / 600);
  assert.ok(Math.abs(view.x - 20) < 1e-9);
  assert.ok(Math.abs(view.y - (600 - (300 * 760) / 600) / 2) < 1e-9);
  assert.equal(fitted({ width: 4, height: 4 }, screen).scale, 8);
});

test("a fitted image lies above the buttons at the bottom", () => {
  const tall = { width: 300, height: 600 };
  const view = fitted(tall, screen);
  assert.ok(Math.abs(view.y - 20) < 1e-9);
  assert.ok(Math.abs(view.y + tall.height * view.scale - (screen.height - 60)) < 1e-9);
});

test("zooming leaves the point under the pointer where it is", () => {
  const view = fitted(image, screen);
  const before = toImage(view, [300, 250]);
  const after = toImage(zoomed(view, view.scale * 3, [300, 250], image, screen), [300, 250]);
  assert.ok(Math.hypot(after[0] - before[0], after[1] - before[1]) < 1e-9);
});

test("zoom has limits", () => {
  const view = fitted(image, screen);
  assert.equal(zoomed(view, 1e9, [0, 0], image, screen).scale, 64);
  assert.equal(zoomed(view, 1e-9, [0, 0], image, screen).scale, 0.25);
});

test("the image cannot be moved out of sight", () => {
  const view = panned({ scale: 1, x: 0, y: 0 }, -1e6, 1e6, image, screen);
  assert.ok(view.x + image.width >= 200);
  assert.ok(view.y <= screen.height - 150);
  assert.deepEqual(constrained(view, image, screen), view);
});

test("what is shown, and empty if the image lies beside the screen", () => {
  assert.deepEqual(visible({ scale: 2, x: -100, y: 0 }, image, screen), [50, 0, 450, 300]);
  assert.equal(visible({ scale: 1, x: 900, y: 0 }, image, screen), null);
});

test("the level has a pixel for every one of the device", () => {
  assert.deepEqual([1, 0.6, 0.5, 0.3, 0.25, 0.01, 8].map((scale) => levelFor(scale, 1, 5)), [0, 0, 1, 1, 2, 4, 0]);
  assert.equal(levelFor(0.25, 2, 5), 1);
});

test("only the tiles on screen are asked for, the middle ones first", () => {
  const tiles = tilesShown([600, 600, 1500, 700], 0, 512);
  assert.deepEqual(tiles[0], { level: 0, x: 2, y: 1 });
  assert.deepEqual(new Set(tiles.map(({ x, y }) => `${x},${y}`)), new Set(["1,1", "2,1"]));
  assert.deepEqual(tilesShown([0, 0, 12000, 9000], 5, 512), [{ level: 5, x: 0, y: 0 }]);
  assert.deepEqual(tilesShown(null, 0, 512), []);
});

test("points are moved into the image", () => {
  assert.deepEqual(clamped([-3, 500], image), [0, 399]);
  assert.deepEqual(clamped([-3, 500], image, 0.5), [-0.5, 399.5]);
  assert.equal(inside([-0.5, 0], image), true);
  assert.equal(inside([599.5, 0], image), false);
});

test("a point beyond the edge of the screen is brought in, one within it moves nothing", () => {
  const view = { scale: 1, x: 0, y: 0 };
  assert.deepEqual(revealing(view, [100, 100], screen), view);
  assert.equal(toScreen(revealing(view, [1000, 100], screen), [1000, 100])[0], 760);
});
