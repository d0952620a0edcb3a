import assert from "node:assert/strict";
import { test } from "node:test";
import { Overlay } from "../../src/vpuformer/app/page/overlay.js";
import { decodeRows } from "../../src/vpuformer/app/page/rle.js";

const image = { width: 12, height: 8 };
const view = { scale: 2, x: 1, y: 3 };

/** An object with rows from `top` to before `bottom`, all but the outermost columns. @param {number} top @param {number} bottom */
function object(top, bottom) {
  const lengths = [12 * top + 1];
  for (let row = top; row < bottom; row++) lengths.push(10, row + 1 < bottom ? 2 : 12 * (8 - bottom) + 1);
  return { mask: decodeRows({ ...image, runs: btoa(String.fromCharCode(...lengths)) }), strokes: [], hidden: false };
}

/** The pixels after a drawing. @param {Overlay} overlay @param {object} scene @param {{place: {x: number}}} [moved] */
function drawn(overlay, scene, moved) {
  /** @type {Uint8ClampedArray | null} */
  let pixels = null;
  const context = {
    canvas: { width: 30, height: 24 },
    createImageData: (/** @type {number} */ width, /** @type {number} */ height) => ({ data: new Uint8ClampedArray(4 * width * height) }),
    putImageData: (/** @type {ImageData} */ { data }) => (pixels = data.slice()),
  };
  overlay.draw(/** @type {any} */ (context), { ...view, ...moved?.place }, 1, /** @type {any} */ (scene));
  return pixels;
}

test("the objects behind the one that is changed are drawn anew only if one of them changes, or the view", () => {
  const [first, second, current] = [object(0, 3), object(2, 5), object(4, 8)];
  let colours = 0;
  const scene = {
    image, entries: [first, second, current], current, hovered: null, preview: null, draft: null, mode: "tint", opacity: 0.5,
    colourOf: (/** @type {object} */ entry) => (colours++, entry === current ? "#00ff00" : "#ff0000"),
  };
  const overlay = new Overlay();
  drawn(overlay, scene);
  const changes = [
    { ...scene, entries: [first, { ...second, tentative: true }, current] },
    scene,
    { ...scene, group: [second] },
    { ...scene, current: object(1, 8) },
    { ...scene, entries: [first, object(2, 6), current] },
    { ...scene, entries: [first, { ...second, strokes: [{ path: [[5, 5]], radius: 2, positive: true }] }, current] },
    { ...scene, entries: [first, { ...second, hidden: true }, current] },
    { ...scene, hovered: second },
    { ...scene, opacity: 0.9 },
    { ...scene, mode: "cutout" },
    scene,
  ];
  for (const changed of changes) assert.deepEqual(drawn(overlay, changed), drawn(new Overlay(), changed));
  const moved = { place: { x: 4 } };
  assert.deepEqual(drawn(overlay, scene, moved), drawn(new Overlay(), scene, moved));
  colours = 0;
  drawn(overlay, scene, moved);
  assert.equal(colours, 3, "two for the comparison, and one to draw the current object");
});
