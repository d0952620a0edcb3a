/** A box around the object, given after other prompts; see `vpuformer.inference.enclosing`. */

import { fill, touched, visit } from "./parts.js";
import { boundsOf, encloses } from "./prompts.js";

/** @typedef {import("./prompts.js").Box} Box */
/** @typedef {import("./prompts.js").Prompt} Prompt */

/** Share of the mask from which on too much lies beyond a box around the object. */
const BEYOND = 0.05;
/** How far from the box, in its sides, beyond begins. */
const MARGIN = 0.05;
/** Width and height, in sides of the box, from which a patch without mask may be what the box is around. */
const SPAN = 0.7;
/** Most pixels of the box that are looked at; of more, every n-th along both axes. */
const CELLS = 2 ** 18;

/**
 * Whether the last prompt is a box around the object that says that much of the previous answer is not the object.
 *
 * @param {readonly Prompt[]} prompts
 * @param {import("./answer.js").Answer} previous that to all prompts but the last
 */
export function beginsAfresh(prompts, previous) {
  const box = prompts[prompts.length - 1];
  const shown = prompts.slice(0, -1).filter(({ positive }) => positive);
  if (box.type !== "box" || !box.positive || !shown.length) return false;
  const [x0, y0, x1, y1] = box.box;
  const [across, down] = [MARGIN * (x1 - x0), MARGIN * (y1 - y0)];
  /** @type {import("./crop.js").Edges} */
  const widened = [x0 - across, y0 - down, x1 + across, y1 + down];
  if (!shown.every((prompt) => encloses(widened, boundsOf(prompt))) || mayBeAMissingPart(previous, box)) return false;
  const { mask, size } = previous;
  let inside = 0;
  visit(touched(widened, size), size.width, (at) => (inside += mask[at]));
  return inside < (1 - BEYOND) * mask.reduce((sum, value) => sum + value, 0);
}

/** Whether a patch of the box that is not in the mask is nearly as wide and high as the box. */
/** @param {import("./answer.js").Answer} answer @param {Box} box */
function mayBeAMissingPart({ mask, size }, { box }) {
  const part = touched(box, size);
  const step = Math.ceil(Math.sqrt((part.width * part.height) / CELLS));
  const [width, height] = [Math.ceil(part.width / step), Math.ceil(part.height / step)];
  const missing = new Uint8Array(width * height);
  visit({ left: 0, top: 0, width, height }, width, (at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    missing[at] = Number(!mask[(part.top + y * step) * size.width + part.left + x * step]);
  });
  for (let seed = missing.indexOf(1); seed >= 0; seed = missing.indexOf(1, seed)) {
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (const at of fill(missing, [seed], { width, height })) {
      const [x, y] = [at % width, Math.floor(at / width)];
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
    }
    if (right - left >= SPAN * width && bottom - top >= SPAN * height) return true;
  }
  return false;
}
