/** How a mask is tidied: the values of a step, and the scales of their sliders. */

/** @typedef {{threshold: number, holes: number, specks: number, smooth: number}} Tidying */

/** A mask as the network answers it. @type {Readonly<Tidying>} */
export const UNTIDIED = Object.freeze({ threshold: 0.49, holes: 0, specks: 0, smooth: 0 });

/** Areas in pixels that the slider can choose, apart from none. */
const SMALLEST_AREA = 4;
const LARGEST_AREA = 1_000_000;
/** Positions of the slider of an area; it is logarithmic: small areas need finer steps. */
export const AREA_STEPS = 40;

/** In pixels. */
export const LARGEST_RADIUS = 20;

/** @param {Tidying} a @param {Tidying} b */
export const sameTidying = (a, b) =>
  a.threshold === b.threshold && a.holes === b.holes && a.specks === b.specks && a.smooth === b.smooth;

/** @param {any} values @returns {values is Tidying} whether saved values are some */
export const isTidying = (values) =>
  Object.keys(UNTIDIED).every((name) => Number.isFinite(values?.[name]) && values[name] >= 0);

/**
 * The area at a position of its slider, with two digits.
 *
 * @param {number} position from 0 (no area) to `AREA_STEPS`
 */
export function areaAt(position) {
  if (position <= 0) return 0;
  const area = SMALLEST_AREA * (LARGEST_AREA / SMALLEST_AREA) ** ((position - 1) / (AREA_STEPS - 1));
  return Math.round(Number(area.toPrecision(2)));
}

/** @param {number} area in pixels @returns {number} the nearest position of its slider */
export function areaPosition(area) {
  if (area <= 0) return 0;
  const share = Math.log(area / SMALLEST_AREA) / Math.log(LARGEST_AREA / SMALLEST_AREA);
  return Math.min(AREA_STEPS, Math.max(1, Math.round(1 + share * (AREA_STEPS - 1))));
}

/**
 * How the current object is tidied.
 *
 * @param {import("./steps.js").OptimisticState | null} optimistic
 * @returns {Tidying | null} null if it is not
 */
export function tidyingOf(optimistic) {
  const step = optimistic?.steps.slice(0, optimistic.at).findLast(({ type }) => type !== "arrange");
  if (step?.type !== "tidy") return null;
  const { threshold, holes, specks, smooth } = step;
  return {
    threshold: threshold ?? UNTIDIED.threshold, holes: holes ?? UNTIDIED.holes, specks: specks ?? UNTIDIED.specks, smooth: smooth ?? UNTIDIED.smooth,
  };
}
