/**
 * Colours of objects and labels: the first colours of `vpuformer.images.palette`. `tests/images/test_palette.py` compares
 * the two.
 */

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export const COLOURS = [
  "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#990033",
  "#66ffee", "#4400dd", "#774477", "#99dd88", "#006655", "#ffbbbb", "#886644", "#ddccff",
  "#bb1100", "#888844", "#114499", "#7788cc", "#ff7788", "#aa00ff", "#bb4477", "#77aa55",
  "#33cc99", "#446611", "#228888", "#bbbb55", "#ff88ff", "#ddeebb", "#aa44aa", "#ff3388",
  "#990066", "#bb6666", "#1188ff", "#aa99cc", "#884455", "#8877aa", "#33ff77", "#dd8833",
  "#ddaacc", "#00aaaa", "#668800", "#8811bb", "#225533", "#ff88bb", "#3344dd", "#ccaa77",
  "#77ccdd", "#556699", "#007733", "#4466dd", "#99eecc", "#eebb00", "#cc3344", "#aadd55",
  "#558866", "#773311", "#bb0055", "#880088", "#889966", "#66dddd", "#cc66cc", "#66bbaa",
];
/** Colour of objects without a label, if the project has labels. */
export const UNLABELLED = "#ff00ff";

/**
 * The colour of an object: its label's colour, or a colour of its own.
 *
 * @param {ObjectEntry | null} entry null for an object that is being begun
 * @param {{labels: Label[], label: number | null, entries: ObjectEntry[], byObject: boolean}} scene label: of an object that
 *   is being begun; byObject: whether each object has its own colour, as always in a project without labels
 */
export function colourOf(entry, { labels, label, entries, byObject }) {
  if (byObject || !labels.length) return COLOURS[((entry ? entries.indexOf(entry) : entries.length) + 1) % COLOURS.length];
  const own = entry ? entry.optimistic.label : label;
  return labels.find((each) => each.id === own)?.colour ?? UNLABELLED;
}
