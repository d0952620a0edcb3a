/** Settings of tools and view; some are stored in the browser for the next visit. */

import { keep, recall } from "./storage.js";
import { isTidying, UNTIDIED } from "./tidy.js";

/** @typedef {import("./gestures.js").Tool} Tool */
/** @typedef {import("./raster.js").Mode} Mode */

/** @type {Tool[]} */
export const TOOLS = ["smart", "click", "box", "scribble", "lasso", "brush", "eraser"];
/** @type {Mode[]} */
export const MODES = ["tint", "outline", "cutout"];
export const SMALLEST_BRUSH = 0.5;
export const LARGEST_BRUSH = 500;

const SETTINGS_KEY = "vpuformer-settings";
const LABEL_KEY = "vpuformer-label";

/** @typedef {import("./types.js").Project} Project */

export class Settings {
  /** @type {Tool} */
  tool = "smart";
  positive = true;
  /** Whether prompts change pixels near them alone. */
  onlyHere = false;
  /** Whether objects leave out pixels of accepted and locked ones. */
  keepOff = false;
  radius = 10;
  /** @type {Mode} */
  mode = "tint";
  /** @type {Record<Mode, number>} */
  opacity = { tint: 0.45, outline: 1, cutout: 0.9 };
  /** Whether each object has its own colour, also where there are labels. */
  byObject = false;
  probability = false;
  /** Whether the mask that a click would give is shown while the pointer rests. */
  preview = false;
  hidden = false;
  tidyOpen = false;
  reviewOpen = false;
  polygonOpen = false;
  filterOpen = false;
  /** How a mask was tidied last. @type {import("./tidy.js").Tidying} */
  tidying = UNTIDIED;
  files = true;
  side = true;
  /** Values shown as black and white, for images with more than 8 bits. @type {[number, number] | null} */
  range = null;
  #label = "";

  constructor() {
    const saved = recall(SETTINGS_KEY) ?? {};
    if (MODES.includes(saved.mode)) this.mode = saved.mode;
    for (const mode of MODES) {
      const value = saved.opacity?.[mode];
      if (typeof value === "number" && value >= 0 && value <= 1) this.opacity[mode] = value;
    }
    if (saved.radius >= SMALLEST_BRUSH && saved.radius <= LARGEST_BRUSH) this.radius = saved.radius;
    this.keepOff = saved.keepOff === true;
    this.byObject = saved.byObject === true;
    this.preview = saved.preview === true;
    if (isTidying(saved.tidying)) this.tidying = saved.tidying;
  }

  save() {
    const { mode, opacity, radius, tidying, keepOff, byObject, preview } = this;
    keep(SETTINGS_KEY, { mode, opacity, radius, tidying, keepOff, byObject, preview });
  }

  /** @param {Project} project @param {number | null} id label for the next objects */
  saveLabel({ folder, labels }, id) {
    if (!labels.length) return; // nothing was chosen
    const saved = JSON.stringify({ folder, label: labels.find((label) => label.id === id)?.name ?? null });
    if (saved === this.#label) return;
    this.#label = saved;
    keep(LABEL_KEY, saved);
  }

  /** @param {Project} project @returns {number | null | undefined} the saved label; undefined if there is none */
  recallLabel({ folder, labels }) {
    const saved = recall(LABEL_KEY);
    if (saved?.folder !== folder) return undefined;
    return saved.label === null ? null : labels.find((label) => label.name === saved.label)?.id;
  }

  /** @param {number} factor */
  scaleRadius(factor) {
    const radius = Math.min(LARGEST_BRUSH, Math.max(SMALLEST_BRUSH, this.radius * factor));
    this.radius = Number(radius.toPrecision(3));
    this.save();
  }

  /** @param {import("./tidy.js").Tidying} values */
  keepTidying(values) {
    this.tidying = values;
    this.save();
  }

  /** @param {"keepOff" | "byObject" | "preview"} name @param {boolean} on */
  turn(name, on) {
    this[name] = on;
    this.save();
  }

  nextMode() {
    this.mode = MODES[(MODES.indexOf(this.mode) + 1) % MODES.length];
    this.save();
  }
}
