/** The view settings in the side panel. */

import { byId, make } from "./dom.js";
import { LARGEST_BRUSH, MODES, SMALLEST_BRUSH } from "./settings.js";
import { text } from "./texts.js";

/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {import("./types.js").ImageOpened} ImageOpened */

/** Steps of the black and white sliders. */
const STEPS = 1000;
/** Milliseconds without change before tiles with another range are requested. */
const REST = 160;

/**
 * The value of a black or white slider, with enough digits to distinguish neighbours far from zero.
 *
 * @param {[number, number]} range
 * @param {number} step
 */
export function valueAt([least, most], step) {
  return Number((least + ((most - least) * step) / STEPS).toPrecision(12));
}

export class ViewPanel {
  /** @type {HTMLButtonElement[]} */
  #modes;
  /** @type {ImageOpened | null} */
  #image = null;
  #timer = 0;
  #settings;
  #onChange;
  #opacity = /** @type {HTMLInputElement} */ (byId("opacity"));
  #radius = /** @type {HTMLInputElement} */ (byId("radius"));
  #low = /** @type {HTMLInputElement} */ (byId("low"));
  #high = /** @type {HTMLInputElement} */ (byId("high"));
  /** @type {["keepOff" | "byObject" | "preview", HTMLInputElement][]} */
  #switches = [["keepOff", byId("keep-off")], ["byObject", byId("by-object")], ["preview", byId("preview")]];
  #probability = /** @type {HTMLInputElement} */ (byId("probability"));

  /**
   * @param {Settings} settings
   * @param {() => void} onChange
   */
  constructor(settings, onChange) {
    this.#settings = settings;
    this.#onChange = onChange;
    this.#modes = MODES.map((mode) =>
      make("button", { type: "button", role: "radio", title: text("view.nextMode"), click: () => this.#choose(mode) }, text(`view.${mode}`)));
    const modes = byId("modes");
    modes.append(...this.#modes);
    modes.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      const next = (MODES.indexOf(settings.mode) + by + MODES.length) % MODES.length;
      this.#choose(MODES[next]);
      this.#modes[next].focus();
    });
    this.#opacity.addEventListener("input", () => {
      settings.opacity[settings.mode] = Number(this.#opacity.value) / 100;
      settings.save();
      onChange();
    });
    this.#radius.addEventListener("input", () => {
      // A logarithmic slider: small brushes need finer steps.
      const share = Number(this.#radius.value) / 100;
      settings.radius = SMALLEST_BRUSH;
      settings.scaleRadius((LARGEST_BRUSH / SMALLEST_BRUSH) ** share);
      onChange();
    });
    this.#probability.addEventListener("change", () => {
      settings.probability = this.#probability.checked;
      onChange();
    });
    for (const [name, box] of this.#switches) {
      box.addEventListener("change", () => {
        settings.turn(name, box.checked);
        onChange();
      });
    }
    for (const slider of [this.#low, this.#high]) slider.addEventListener("input", () => this.#window(slider));
    byId("window").addEventListener("dblclick", () => this.#resetWindow());
  }

  /** @param {Settings["mode"]} mode */
  #choose(mode) {
    this.#settings.mode = mode;
    this.#settings.save();
    this.#onChange();
  }

  #resetWindow() {
    this.#low.value = "0";
    this.#high.value = String(STEPS);
    this.#window(this.#high);
  }

  /** @param {HTMLInputElement} moved the slider that pushes the other one along */
  #window(moved) {
    const range = this.#image && this.#image.range;
    if (!range) return;
    let low = Number(this.#low.value);
    let high = Number(this.#high.value);
    if (low >= high) {
      if (moved === this.#low) this.#high.value = String((high = Math.min(STEPS, low + 1)));
      else this.#low.value = String((low = Math.max(0, high - 1)));
      if (low >= high) low = high - 1;
    }
    this.#showWindow();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      const whole = low === 0 && high === STEPS;
      this.#settings.range = whole ? null : [this.#value(low), this.#value(high)];
      this.#onChange();
    }, REST);
  }

  /** @param {number} step */
  #value(step) {
    return valueAt(this.#image?.range ?? [0, 1], step);
  }

  #showWindow() {
    byId("low-text").textContent = String(Number(this.#value(Number(this.#low.value)).toPrecision(5)));
    byId("high-text").textContent = String(Number(this.#value(Number(this.#high.value)).toPrecision(5)));
  }

  /** @param {ImageOpened | null} image */
  open(image) {
    if (image === this.#image) return;
    this.#image = image;
    clearTimeout(this.#timer);
    this.#settings.range = null;
    byId("window").hidden = !image?.range;
    this.#low.max = this.#high.max = String(STEPS);
    this.#low.value = "0";
    this.#high.value = String(STEPS);
    if (image?.range) this.#showWindow();
  }

  show() {
    const { mode, opacity, radius, probability, tool } = this.#settings;
    for (const [name, box] of this.#switches) box.checked = this.#settings[name];
    for (const [i, button] of this.#modes.entries()) {
      button.setAttribute("aria-checked", String(MODES[i] === mode));
      button.tabIndex = MODES[i] === mode ? 0 : -1;
    }
    this.#opacity.value = String(Math.round(opacity[mode] * 100));
    byId("opacity-text").textContent = text("units.percent", { value: Math.round(opacity[mode] * 100) });
    byId("radius-row").hidden = tool !== "brush" && tool !== "eraser";
    this.#radius.value = String((100 * Math.log(radius / SMALLEST_BRUSH)) / Math.log(LARGEST_BRUSH / SMALLEST_BRUSH));
    byId("radius-text").textContent = text("units.pixels", { value: radius });
    this.#probability.checked = probability;
  }
}
