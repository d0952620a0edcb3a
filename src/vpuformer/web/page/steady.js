/** Corrections that stay near their prompts; see `vpuformer.inference.steady`. */

import { THRESHOLD } from "./answer.js";
import { around, edgesOf, holds, intersection, isSame, wholeOf } from "./crop.js";
import { distanceToZero, nthSmallest } from "./distance.js";
import { elsewhere, expanded, fill, visit } from "./parts.js";
import { implausibleChanges, markedThickness } from "./plausible.js";
import { boundsOf } from "./prompts.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Distance from the new prompts up to which a change is near, in radii of the change that they bring about. */
const REACH = 1.5;
/** How much surer of a far pixel the network must be than before, as a difference of probabilities. */
const SURER = Math.fround(0.08);
/** The same where the change has a sign that no new prompt has. */
const SURER_AGAINST = Math.fround(0.12);
/** How much surer still the network must be of an implausible change. */
const SURER_IF_IMPLAUSIBLE = 0.3;
/** How sure the previous answer is of the object beyond its crop: it was kept there, and does not yield. */
const SURENESS_BEYOND = 0.25;
/** How far a pixel whose change is refused moves towards the network's answer, on its side of the threshold. */
const YIELDS = Math.fround(0.3);
/** Probabilities next to the threshold at which such a pixel stops. */
const [LEAST_INSIDE, MOST_OUTSIDE] = [0.01, -0.01].map((step) => Math.fround(THRESHOLD + Math.fround(step)));
/** Pixels that a change has at least when its radius is measured. */
const LEAST_CHANGE = 25;

/**
 * Pixels whose change is refused, as ones; null if no change is.
 *
 * @param {Float32Array} probability the network's answer
 * @param {Float32Array} before the previous answer
 * @param {readonly Prompt[]} prompts the new ones
 * @param {Size} size of the image
 * @param {Crop | null} lookedAt crop of the previous answer; outside of it 0 says nothing, and 1 that a mask was kept
 * @param {Crop} within outside of it both answers show no object
 * @param {Crop} seen crop of the last look
 */
export function refusedChanges(probability, before, prompts, size, lookedAt, within, seen) {
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
  const marked = markedThickness(before, prompts, size, changed);
  const implausible = implausibleChanges(refused, before, prompts, size, changed, marked);
  let nearChanges = 0;
  for (const positive of [true, false]) {
    const own = prompts.filter((prompt) => prompt.positive === positive);
    if (!own.length) continue;
    const change = new Uint8Array(window.width * window.height);
    visit(window, width, (at, k) => (change[k] = Number(refused[at] && probability[at] > THRESHOLD === positive)));
    const { part, near } = nearPart(change, own, window, size);
    visit(part, width, (at, k) => {
      nearChanges += near[k];
      if (near[k] && !implausible?.[at]) refused[at] = 0;
    });
  }
  const isThere = (/** @type {boolean} */ positive) => prompts.some((prompt) => prompt.positive === positive);
  const [toAdd, toTake] = [true, false].map((sign) => (isThere(sign) ? SURER : SURER_AGAINST));
  const unseen = lookedAt && !isSame(lookedAt, wholeOf(size)) ? lookedAt : null;
  const removed = new Uint8Array(changed.width * changed.height);
  /** @type {[number[], number[]]} */
  const [far, surer] = [[], []];
  visit(changed, width, (at, k) => {
    if (!refused[at]) return;
    removed[k] = Number(!(probability[at] > THRESHOLD));
    const stored = (before[at] !== 0 && before[at] !== 1) || !unseen || holds(unseen, at % width, Math.floor(at / width));
    const sureness = stored ? Math.abs(Math.fround(before[at] - 0.5)) : before[at] * SURENESS_BEYOND;
    const needed = probability[at] > THRESHOLD ? toAdd : toTake;
    const gain = Math.fround(
      Math.fround(Math.abs(Math.fround(probability[at] - 0.5)) - sureness) - (implausible?.[at] ? Math.fround(needed + SURER_IF_IMPLAUSIBLE) : needed),
    );
    if (!sureness && gain > 0) refused[at] = 0; // where nobody had looked, no answer changes
    else {
      far.push(at);
      surer.push(gain);
    }
  });
  const bound = exceededBy(marked < Infinity ? nearChanges : count, surer);
  far.forEach((at, k) => (refused[at] = Number(surer[k] <= bound)));
  const inside = intersection(seen, changed);
  if (inside && !isSame(inside, changed)) decideAsOne(removed, refused, width, changed, inside);
  return refused.includes(1) ? refused : null;
}

/** The least number, at least 0, that no more than so many of the values exceed. */
/** @param {number} most @param {number[]} values */
function exceededBy(most, values) {
  const above = Float32Array.from(values.filter((value) => value > 0));
  return above.length > most ? nthSmallest(above, above.length - most - 1) : 0;
}

/**
 * The previous probability, a part of the way to the answer where a change is refused, on its side of the threshold.
 *
 * @param {Float32Array} before
 * @param {Float32Array} answer
 * @param {Uint8Array} refused
 */
export function yielding(before, answer, refused) {
  return before.map((kept, at) => {
    if (!refused[at] || kept <= 0 || kept >= 1) return kept;
    const moved = Math.fround(kept + Math.fround(YIELDS * Math.fround(answer[at] - kept)));
    return kept > THRESHOLD ? Math.max(moved, LEAST_INSIDE) : Math.min(moved, MOST_OUTSIDE);
  });
}

/**
 * Refuse a connected removal that crosses the border of the last look as a whole or not at all, as most of its pixels.
 *
 * @param {Uint8Array} removed ones in `part`; it is overwritten
 * @param {Uint8Array} refused of the image; it is changed
 * @param {number} stride
 * @param {Crop} part
 * @param {Crop} inside what of it the last look saw
 */
function decideAsOne(removed, refused, stride, part, inside) {
  for (let seed = removed.indexOf(1); seed >= 0; seed = removed.indexOf(1, seed + 1)) {
    const pixels = fill(removed, [seed], part).map((k) => [part.left + (k % part.width), part.top + Math.floor(k / part.width)]);
    const inner = pixels.filter(([x, y]) => holds(inside, x, y)).length;
    if (!inner || inner === pixels.length) continue;
    const kept = pixels.filter(([x, y]) => refused[y * stride + x]).length;
    for (const [x, y] of pixels) refused[y * stride + x] = Number(2 * kept > pixels.length);
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
  const count = fill(change, seeds, window).length - bare.length;
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
