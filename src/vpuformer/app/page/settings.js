/** How the page shows and draws things; kept in the browser from one visit to the next where that makes sense. */

/** @typedef {import("./gestures.js").Tool} Tool */
/** @typedef {import("./raster.js").Mode} Mode */

/** @type {Tool[]} */
export const TOOLS = ["smart", "click", "box", "scribble", "lasso", "brush", "eraser"];
/** @type {Mode[]} */
export const MODES = ["tint", "outline", "cutout"];
export const SMALLEST_BRUSH = 0.5;
export const LARGEST_BRUSH = 500;

const PLACE = "vpuformer-settings";
const LABEL = "vpuformer-label";

/** @typedef {import("./types.js").Project} Project */

export class Settings {
  /** @type {Tool} */
  tool = "smart";
  positive = true;
  radius = 10;
  /** @type {Mode} */
  mode = "tint";
  /** @type {Record<Mode, number>} */
  opacity = { tint: 0.45, outline: 1, cutout: 0.9 };
  probability = false;
  hidden = false;
  files = true;
  side = true;
  /** The window of the open image, if it has more than 8 bits. @type {[number, number] | null} */
  range = null;
  #label = "";

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
      if (MODES.includes(kept.mode)) this.mode = kept.mode;
      for (const mode of MODES) {
        const value = kept.opacity?.[mode];
        if (typeof value === "number" && value >= 0 && value <= 1) this.opacity[mode] = value;
      }
      if (kept.radius >= SMALLEST_BRUSH && kept.radius <= LARGEST_BRUSH) this.radius = kept.radius;
    } catch {
      // Nothing was kept, or nothing that can be read.
    }
  }

  keep() {
    try {
      const { mode, opacity, radius } = this;
      localStorage.setItem(PLACE, JSON.stringify({ mode, opacity, radius }));
    } catch {
      // Private windows keep nothing.
    }
  }

  /** @param {Project} project @param {number | null} id of the label for the next objects */
  keepLabel({ folder, labels }, id) {
    if (!labels.length) return; // nothing was chosen
    const kept = JSON.stringify({ folder, label: labels.find((label) => label.id === id)?.name ?? null });
    if (kept === this.#label) return;
    this.#label = kept;
    try {
      localStorage.setItem(LABEL, kept);
    } catch {
      // Private windows keep nothing.
    }
  }

  /** @param {Project} project @returns {number | null | undefined} the label that was kept; undefined if there is none */
  recallLabel({ folder, labels }) {
    try {
      const kept = JSON.parse(localStorage.getItem(LABEL) ?? "{}");
      if (kept.folder !== folder) return undefined;
      return kept.label === null ? null : labels.find((label) => label.name === kept.label)?.id;
    } catch {
      return undefined;
    }
  }

  /** @param {number} factor */
  scaleRadius(factor) {
    const radius = Math.min(LARGEST_BRUSH, Math.max(SMALLEST_BRUSH, this.radius * factor));
    this.radius = Number(radius.toPrecision(3));
    this.keep();
  }

  nextMode() {
    this.mode = MODES[(MODES.indexOf(this.mode) + 1) % MODES.length];
    this.keep();
  }
}
