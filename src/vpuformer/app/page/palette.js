/** Colours of prompts and of the probability map. Colours of objects are in `colours.js`. */

/** @typedef {[number, number, number]} Rgb */
/** @typedef {{colour: Rgb, opacity: number}} Line */

/** Blue for positive prompts, vermilion for negative ones; signs and dashes show the same without colour. */
export const POSITIVE = "#0a6fc2";
export const NEGATIVE = "#d9480f";

/** @param {string} hex such as #e69f00 @returns {Rgb} */
export function rgb(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * @param {Rgb} colour
 * @param {number} share of white
 * @returns {Rgb}
 */
export function lighter(colour, share) {
  return /** @type {Rgb} */ (colour.map((part) => Math.round(part + (255 - part) * share)));
}

/** Least relative luminance of a line that stands out wherever the dark line next to it does not. */
const LIGHT = 0.6;

/** Relative luminance, from 0 to 1 (WCAG 2). @param {Rgb} colour */
export function luminance(colour) {
  const [r, g, b] = colour.map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * The lines of an outline: inside the border, outside it, and a white one further inside if the first is not light.
 * One of them stands out from any image.
 *
 * @param {Rgb} colour
 * @param {boolean} strong
 * @returns {Line[]}
 */
export function outlineOf(colour, strong) {
  const inner = { colour: lighter(colour, strong ? 0.5 : 0.15), opacity: strong ? 1 : 0.85 };
  const outer = { colour: /** @type {Rgb} */ ([0, 0, 0]), opacity: 0.75 };
  const white = { colour: /** @type {Rgb} */ ([255, 255, 255]), opacity: 0.85 };
  return luminance(inner.colour) < LIGHT ? [inner, outer, white] : [inner, outer];
}

/** Dark blue to light yellow. Every step is lighter than the one before, so the ramp works without colour too. */
/** @type {Rgb[]} */
const RAMP = [[0, 32, 77], [34, 58, 112], [84, 92, 110], [125, 124, 120], [170, 158, 112], [215, 195, 85], [255, 234, 70]];

/**
 * @param {number} share from 0 to 1
 * @returns {Rgb}
 */
export function rampColour(share) {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  const part = at - low;
  return /** @type {Rgb} */ (RAMP[low].map((value, i) => Math.round(value + (RAMP[low + 1][i] - value) * part)));
}
