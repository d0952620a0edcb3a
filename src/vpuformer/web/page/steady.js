/** Corrections that stay near their prompts; see `vpuformer.inference.steady`. */

import { THRESHOLD } from "./answer.js";
import { around, edgesOf, holds, isSame, wholeOf } from "./crop.js";
import { distanceToZero, nthSmallest } from "./distance.js";
import { pixelsUnder } from "./pixels.js";
import { boundsOf } from "./prompts.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./crop.js").Edges} Edges */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Distance from the new prompts up to which a change is near, in radii of the change that they bring about. */
const REACH = 1.5;
/** How much surer of a far pixel the network must be than before, as a difference of probabilities. */
const SURER = Math.fround(0.05);
/** The same where the change has a sign that no new prompt has. */
const SURER_AGAINST = Math.fround(0.1);
/** Pixels that a change has at least when its radius is measured. */
const LEAST_CHANGE = 25;

/**
 * Pixels whose change is refused, as ones; null if no change is.
 *
 * @param {Float32Array} probability the network's answer
 * @param {Float32Array} before the previous answer
 * @param {readonly Prompt[]} prompts the new ones
 * @param {Size} size of the image
 * @param {Crop | null} lookedAt crop of the previous answer, which says nothing about pixels outside it
 * @param {Crop} within outside of it both answers show no object
 */
export function refusedChanges(probability, before, prompts, size, lookedAt, within) {
  const { width } = size;
  const refused = new Uint8Array(probability.length);
  for (let y = within.top; y < within.top + within.height; y++) {
    const end = y * width + within.left + within.width;
    for (let at = end - within.width; at < end; at++) {
      refused[at] = Number(probability[at] > THRESHOLD !== before[at] > THRESHOLD);
    }
  }
  const changed = around(refused, width, 0, within);
  if (!changed) return null;
  let count = 0;
  visit(changed, width, (at) => (count += refused[at]));
  const window = expanded([edgesOf(changed), ...prompts.map(boundsOf)], Math.ceil(REACH * Math.sqrt(count)) + 2, wholeOf(size));
  for (const positive of [true, false]) {
    const own = prompts.filter((prompt) => prompt.positive === positive);
    if (!own.length) continue;
    const change = new Uint8Array(window.width * window.height);
    visit(window, width, (at, k) => (change[k] = Number(refused[at] && probability[at] > THRESHOLD === positive)));
    const { part, near } = nearPart(change, own, window, size);
    visit(part, width, (at, k) => {
      if (near[k]) refused[at] = 0;
    });
  }
  const isThere = (/** @type {boolean} */ positive) => prompts.some((prompt) => prompt.positive === positive);
  const [toAdd, toTake] = [true, false].map((sign) => (isThere(sign) ? SURER : SURER_AGAINST));
  const unseen = lookedAt && !isSame(lookedAt, wholeOf(size)) ? lookedAt : null;
  let any = false;
  visit(changed, width, (at) => {
    if (!refused[at]) return;
    const looked = before[at] !== 0 || !unseen || holds(unseen, at % width, Math.floor(at / width));
    const gain = Math.fround(Math.abs(Math.fround(probability[at] - 0.5)) - (looked ? Math.abs(Math.fround(before[at] - 0.5)) : 0));
    if (gain > (probability[at] > THRESHOLD ? toAdd : toTake)) refused[at] = 0;
    else any = true;
  });
  return any ? refused : null;
}

/**
 * Call a function with the index of each pixel of a crop, in the image and in the crop.
 *
 * @param {Crop} crop
 * @param {number} stride
 * @param {(at: number, inside: number) => void} act
 */
function visit({ left, top, width, height }, stride, act) {
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0, at = (top + y) * stride + left; x < width; x++) act(at++, k++);
  }
}

/**
 * What of a change is near the prompts, in a part of the image that holds all of that.
 *
 * @param {Uint8Array} change 1 for each pixel of the window that changes; it is overwritten
 * @param {Prompt[]} prompts within the window
 * @param {Crop} window
 * @param {Size} size
 */
function nearPart(change, prompts, window, size) {
  const bounds = prompts.map(boundsOf);
  const first = expanded(bounds, 1, window);
  const shown = elsewhere(prompts, first, size);
  /** @type {number[]} */
  const seeds = [];
  visit({ ...first, left: first.left - window.left, top: first.top - window.top }, window.width, (at, k) => {
    if (!shown[k]) seeds.push(at);
  });
  const bare = seeds.filter((at) => !change[at]);
  for (const at of bare) change[at] = 1; // so that a fill from there finds the changes that touch a prompt
  const count = fill(change, seeds, window) - bare.length;
  for (const at of bare) change[at] = 0;
  const pixels = Math.min(Math.max(count, LEAST_CHANGE), change.length - 1);
  let margin = Math.ceil(REACH * Math.sqrt(pixels / 3)) + 2; // enough for a disk; at an edge of the image the radius is larger
  for (;;) {
    const part = expanded(bounds, margin, window);
    const distance = distanceToZero(elsewhere(prompts, part, size), part.width, part.height);
    const radius = pixels < distance.length ? nthSmallest(distance.slice(), pixels) : Infinity;
    if (REACH * radius < margin || isSame(part, window)) {
      const near = new Uint8Array(distance.length);
      visit({ ...part, left: part.left - window.left, top: part.top - window.top }, window.width, (at, k) => {
        near[k] = Number(change[at] === 2 && distance[k] <= REACH * radius);
      });
      return { part, near };
    }
    margin *= 2;
  }
}

/**
 * Set ones that are connected with a seed, also across corners, to 2.
 *
 * @param {Uint8Array} values
 * @param {number[]} seeds
 * @param {Size} size
 * @returns {number} how many were set
 */
function fill(values, seeds, { width, height }) {
  const stack = [...seeds];
  let count = 0;
  while (stack.length) {
    const at = /** @type {number} */ (stack.pop());
    if (values[at] !== 1) continue;
    values[at] = 2;
    count++;
    const [x, y] = [at % width, Math.floor(at / width)];
    for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
      for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
        if (values[row * width + column] === 1) stack.push(row * width + column);
      }
    }
  }
  return count;
}

/** The rectangle around all these, with a margin where that lies within another one. */
/** @param {Edges[]} extents @param {number} margin @param {Crop} within @returns {Crop} */
function expanded(extents, margin, within) {
  const left = Math.max(Math.floor(Math.min(...extents.map(([x]) => x))) - margin, within.left);
  const top = Math.max(Math.floor(Math.min(...extents.map(([, y]) => y))) - margin, within.top);
  const right = Math.min(Math.ceil(Math.max(...extents.map(([, , x]) => x))) + margin, within.left + within.width);
  const bottom = Math.min(Math.ceil(Math.max(...extents.map(([, , , y]) => y))) + margin, within.top + within.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** 0 for the pixels under the prompts and within boxes, 1 for all others of a part. */
/** @param {Prompt[]} prompts @param {Crop} part @param {Size} size */
function elsewhere(prompts, part, size) {
  const values = new Uint8Array(part.width * part.height).fill(1);
  for (const prompt of prompts) {
    if (prompt.type === "box") {
      const [x0, y0, x1, y1] = prompt.box;
      const [left, right] = [Math.max(Math.floor(x0 + 0.5), 0) - part.left, Math.max(Math.ceil(x1 - 0.5), 0) + 1 - part.left];
      const [top, bottom] = [Math.max(Math.floor(y0 + 0.5), 0) - part.top, Math.max(Math.ceil(y1 - 0.5), 0) + 1 - part.top];
      for (let y = top; y < Math.min(bottom, part.height); y++) {
        values.fill(0, y * part.width + left, y * part.width + Math.min(right, part.width));
      }
    } else {
      for (const pixel of pixelsUnder(prompt, size)) {
        values[(Math.floor(pixel / size.width) - part.top) * part.width + (pixel % size.width) - part.left] = 0;
      }
    }
  }
  return values;
}
