import assert from "node:assert/strict";
import { test } from "node:test";

import { Stage } from "../../src/vpuformer/app/page/stage.js";

test("the image is drawn in the pixels of each screen that the window is moved to", () => {
  const queries = [];
  const window = { devicePixelRatio: 1 };
  Object.assign(globalThis, {
    window,
    ResizeObserver: class { observe() {} },
    requestAnimationFrame: () => 1,
    matchMedia: (/** @type {string} */ media) => queries[queries.push(Object.assign(new EventTarget(), { media })) - 1],
  });
  const canvas = { width: 0, height: 0 };
  const context = { canvas, setTransform() {}, clearRect() {} };
  const host = { querySelectorAll: () => Array(3).fill({ getContext: () => context }), getBoundingClientRect: () => ({ width: 100, height: 60 }) };
  new Stage(/** @type {any} */ (host), { shown: () => "", draw() {} }, /** @type {any} */ ({ current: null }), /** @type {any} */ ({}), () => {});
  for (const density of [2, 1.5]) {
    window.devicePixelRatio = density;
    queries.at(-1).dispatchEvent(new Event("change"));
    assert.deepEqual([canvas.width, queries.at(-1).media], [100 * density, `(resolution: ${density}dppx)`]);
  }
});
