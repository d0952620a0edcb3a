import assert from "node:assert/strict";
import { test } from "node:test";

import { COLOURS, UNLABELLED } from "../../src/vpuformer/app/page/colours.js";
import { colourOf } from "../../src/vpuformer/app/page/overlay.js";
import { rampColour, lighter, rgb } from "../../src/vpuformer/app/page/palette.js";

test("an object has its label's colour, and where there are labels, one without has a colour of no label", () => {
  const entry = (label) => /** @type {any} */ ({ optimistic: { label } });
  const labels = COLOURS.slice(0, 20).map((colour, id) => ({ id, name: `${id}`, colour }));
  const entries = [entry(17), entry(null), entry(null)];
  const scene = { labels, label: null, entries };
  assert.deepEqual([...entries, null].map((each) => colourOf(each, scene)), [COLOURS[17], UNLABELLED, UNLABELLED, UNLABELLED]);
  assert.equal(COLOURS.includes(UNLABELLED), false);
  const none = { labels: [], label: null, entries: Array.from({ length: 40 }, () => entry(null)) };
  assert.equal(new Set(none.entries.map((each) => colourOf(each, none))).size, 40);
});

test("colours: parts, a ramp that grows lighter", () => {
  assert.deepEqual(rgb("#0072b2"), [0, 114, 178]);
  assert.deepEqual(lighter([0, 100, 255], 0.5), [128, 178, 255]);
  const light = Array.from({ length: 20 }, (_, i) => rampColour(i / 19)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  for (let i = 1; i < light.length; i++) assert.ok(light[i] > light[i - 1]);
});
