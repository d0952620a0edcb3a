/**
 * Colours of objects and labels: the first colours of `vpuformer.images.palette`. `tests/images/test_palette.py` compares
 * the two.
 */

export const COLOURS = [
  "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#555522",
  "#aa0033", "#664488", "#22ff77", "#ffaa99", "#00eeee", "#889922", "#ccbbff", "#006655",
  "#8877ff", "#ff3355", "#007700", "#997733", "#aacc99", "#884422", "#cc0088", "#0033ff",
  "#008899", "#00bb00", "#eecc99", "#ffbbdd", "#aa11dd", "#bb7766", "#dd0000", "#995566",
  "#8877aa", "#00ddaa", "#aaee22", "#ff9955", "#ff99ff", "#668855", "#11bbcc", "#ff6644",
  "#ff2288", "#4488ff", "#3355aa", "#775500", "#667700", "#bbbb66", "#bb77dd", "#ff8899",
  "#bb9966", "#99bbff", "#995599", "#883366", "#55bbaa", "#77ddff", "#009933", "#cc6677",
  "#7755cc", "#3366ff", "#9999dd", "#996644", "#ffcc44", "#55bb77", "#bb99cc", "#446633",
];
/** Colour of objects without a label, if the project has labels. */
export const UNLABELLED = "#ff00ff";
