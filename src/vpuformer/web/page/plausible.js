/** Which changes of a mask are plausible after a prompt; see `vpuformer.inference.plausible`. */

import { THRESHOLD } from "./answer.js";
import { around, edgesOf, wholeOf } from "./crop.js";
import { distanceToZero } from "./distance.js";
import { elsewhere, expanded, fill, visit } from "./parts.js";
import { boundsOf } from "./prompts.js";

/** @typedef {import("./crop.js").Crop} Crop */
/** @typedef {import("./crop.js").Size} Size */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Radius of the disks of changes that are implausible, in distances of the new prompt from the outline. */
const THICKER = 1.25;
/** The same for a patch that the new prompt is in. */
const OFF_CENTRE = 2;

/**
 * Largest radius of an error that the prompts mark, in pixels. Infinite without prompts, and if one of them marks no error:
 * it is on its side already, or a positive box that the object fills at least by half.
 *
 * @param {Float32Array} before
 * @param {readonly Prompt[]} prompts
 * @param {Size} size
 * @param {Crop} changed the rectangle around all changes; a radius of half its shorter side or more is not measured exactly
 */
export function markedThickness(before, prompts, size, changed) {
  const most = Math.ceil(Math.min(changed.width, changed.height) / 2);
  let thickest = 0;
  for (const prompt of prompts) {
    const part = expanded([boundsOf(prompt)], most + 1, wholeOf(size));
    const wrong = new Uint8Array(part.width * part.height);
    visit(part, size.width, (at, k) => (wrong[k] = Number(before[at] > THRESHOLD !== prompt.positive)));
    const depth = distanceToZero(wrong, part.width, part.height);
    let [radius, under, errors] = [0, 0, 0];
    elsewhere([prompt], part, size).forEach((away, k) => {
      if (away) return;
      radius = Math.max(radius, depth[k]);
      under++;
      errors += wrong[k];
    });
    if (prompt.type === "box") {
      const [x0, y0, x1, y1] = prompt.box;
      radius = Math.min(radius, (x1 - x0) / 2, (y1 - y0) / 2);
      if (prompt.positive && 2 * errors <= under) return Infinity;
    }
    if (!(radius > 0)) return Infinity;
    thickest = Math.max(thickest, Math.min(radius, most));
  }
  return prompts.length ? thickest : Infinity;
}

/**
 * Ones for changes in patches that are thicker than what the prompts mark; null without any.
 *
 * @param {Uint8Array} changes
 * @param {Float32Array} before
 * @param {readonly Prompt[]} prompts
 * @param {Size} size
 * @param {Crop} changed the rectangle around all changes
 * @param {number} marked see `markedThickness`
 */
export function implausibleChanges(changes, before, prompts, size, changed, marked) {
  const most = Math.min(changed.width, changed.height) / 2;
  const radius = THICKER * marked + 1;
  if (radius >= most) return null;
  /** @type {Uint8Array | null} */
  let implausible = null;
  for (const added of [true, false]) {
    const changing = changes.map((each, at) => Number(each && !(before[at] > THRESHOLD) === added));
    const part = around(changing, size.width, 0, changed);
    if (!part || Math.min(part.width, part.height) / 2 <= radius) continue;
    const depth = depthOf(changing, size.width, part);
    const patches = disksIn(depth, part, radius);
    if (!patches) continue;
    const shown = shownIn(prompts, part, size);
    fill(patches, [...shown.keys()].filter((k) => shown[k]), part); // a patch that a prompt is in becomes 2
    const own = disksIn(depth, part, OFF_CENTRE * marked + 1);
    const found = (implausible ??= new Uint8Array(changes.length));
    visit(part, size.width, (at, k) => {
      if (patches[k] === 1 || (patches[k] === 2 && own?.[k])) found[at] = 1;
    });
  }
  return implausible;
}

/**
 * The distance of each pixel of a part from the outside of a change, which the part holds.
 *
 * @param {Uint8Array} change
 * @param {number} stride
 * @param {Crop} part
 */
function depthOf(change, stride, part) {
  const [across, down] = [part.width + 2, part.height + 2];
  const padded = { left: 1, top: 1, width: part.width, height: part.height };
  const [inside, depth] = [new Uint8Array(across * down), new Float32Array(part.width * part.height)];
  visit(part, stride, (at, k) => (depth[k] = change[at]));
  visit(padded, across, (at, k) => (inside[at] = depth[k]));
  const distance = distanceToZero(inside, across, down);
  visit(padded, across, (at, k) => (depth[k] = distance[at]));
  return depth;
}

/**
 * Ones for the pixels of all disks of a radius that fit into a change; null if none fits.
 *
 * @param {Float32Array} depth
 * @param {Size} size
 * @param {number} radius
 */
function disksIn(depth, { width, height }, radius) {
  const most = Math.fround(radius);
  const core = Uint8Array.from(depth, (distance) => Number(distance <= most));
  if (!core.includes(0)) return null;
  const fromCore = distanceToZero(core, width, height);
  return Uint8Array.from(depth, (distance, k) => Number(distance > 0 && fromCore[k] <= most));
}

/** Ones for the pixels of a part that are under the prompts or within boxes. */
/** @param {readonly Prompt[]} prompts @param {Crop} part @param {Size} size */
function shownIn(prompts, part, size) {
  const window = expanded([edgesOf(part), ...prompts.map(boundsOf)], 1, wholeOf(size));
  const away = elsewhere([...prompts], window, size);
  const shown = new Uint8Array(part.width * part.height);
  visit({ ...part, left: part.left - window.left, top: part.top - window.top }, window.width, (at, k) => (shown[k] = Number(!away[at])));
  return shown;
}
