import assert from "node:assert/strict";
import { test } from "node:test";

import { COLOURS, colourOf, UNLABELLED } from "../../src/vpuformer/app/page/colours.js";
import { lighter, luminance, outlineOf, rampColour, rgb } from "../../src/vpuformer/app/page/palette.js";

test("an object has its label's colour, and where there are labels, one without has a colour of no label", () => {
  const entry = (label) => /** @type {any} */ ({ optimistic: { label } });
  const labels = COLOURS.slice(0, 20).map((colour, id) => ({ id, name: `${id}`, colour }));
  const entries = [entry(17), entry(null), entry(null)];
  const scene = { labels, label: null, entries, byObject: false };
  assert.deepEqual([...entries, null].map((each) => colourOf(each, scene)), [COLOURS[17], UNLABELLED, UNLABELLED, UNLABELLED]);
  assert.equal(COLOURS.includes(UNLABELLED), false);
  const many = { labels: [], label: null, entries: Array.from({ length: 40 }, () => entry(null)), byObject: false };
  for (const each of [many, { ...many, labels, byObject: true }]) {
    assert.equal(new Set(many.entries.map((one) => colourOf(one, each))).size, 40);
  }
});

test("colours: parts, a ramp that grows lighter", () => {
  assert.deepEqual(rgb("#0072b2"), [0, 114, 178]);
  assert.deepEqual(lighter([0, 100, 255], 0.5), [128, 178, 255]);
  const light = Array.from({ length: 20 }, (_, i) => rampColour(i / 19)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  for (let i = 1; i < light.length; i++) assert.ok(light[i] > light[i - 1]);
});

test("an outline of any colour stands out from any image", () => {
  const levels = [0, 51, 102, 204, 255];
  const colours = levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => /** @type {[number, number, number]} */ ([r, g, b]))));
  const greys = Array.from({ length: 256 }, (_, level) => /** @type {[number, number, number]} */ ([level, level, level]));
  for (const colour of [...COLOURS, UNLABELLED, "#000000", "#ffffff", "#808080"].map(rgb)) {
    for (const strong of [true, false]) {
      const lines = outlineOf(colour, strong);
      for (const below of [...colours, ...greys]) {
        const contrasts = lines.map((line) => {
          const seen = below.map((part, i) => Math.round(part + (line.colour[i] - part) * line.opacity));
          const [low, high] = [luminance(/** @type {any} */ (seen)), luminance(below)].sort((a, b) => a - b);
          return (high + 0.05) / (low + 0.05);
        });
        assert.ok(Math.max(...contrasts) >= 3, `${colour} on ${below}: ${contrasts}`);
      }
    }
  }
});
