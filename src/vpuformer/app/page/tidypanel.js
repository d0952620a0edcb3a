/** The panel that tidies the mask of the current object. */

import { byId, make } from "./dom.js";
import { Latest } from "./latest.js";
import { text } from "./texts.js";
import { AREA_STEPS, areaAt, areaPosition, LARGEST_RADIUS, sameTidying, tidyingOf, UNTIDIED } from "./tidy.js";

/** @typedef {import("./tidy.js").Tidying} Tidying */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */
/**
 * @typedef {object} Row
 * @property {keyof Tidying} name
 * @property {string} title
 * @property {string} tip
 * @property {number} [min] of the slider
 * @property {number} max
 * @property {(position: number) => number} valueAt
 * @property {(value: number) => number} positionOf
 * @property {(value: number) => string} shown
 */

/** @param {number} value */
const pixels = (value) => (value ? text("units.pixels", { value }) : text("common.off"));
const area = { max: AREA_STEPS, valueAt: areaAt, positionOf: areaPosition, shown: pixels };

/** @type {Row[]} */
const ROWS = [
  {
    name: "threshold", title: text("tidy.threshold"), tip: text("tidy.thresholdTip"),
    min: 1, max: 99, valueAt: (position) => position / 100, positionOf: (value) => value * 100, shown: (value) => text("units.percent", { value: Math.round(value * 100) }),
  },
  { name: "holes", title: text("tidy.holes"), tip: text("tidy.holesTip"), ...area },
  { name: "specks", title: text("tidy.specks"), tip: text("tidy.specksTip"), ...area },
  {
    name: "smooth", title: text("tidy.smooth"), tip: text("tidy.smoothTip"),
    max: LARGEST_RADIUS, valueAt: (position) => position, positionOf: (value) => value, shown: pixels,
  },
];

export class TidyPanel {
  /** @type {Map<keyof Tidying, {input: HTMLInputElement, output: HTMLOutputElement}>} */
  #sliders = new Map();
  /** @type {Tidying} */
  #shown = UNTIDIED;
  /** The object that the sliders belong to. @type {ObjectEntry | null} */
  #of = null;
  #fields = /** @type {HTMLFieldSetElement} */ (byId("tidy-fields"));
  #repeat = /** @type {HTMLButtonElement} */ (byId("tidy-repeat"));
  #reset = /** @type {HTMLButtonElement} */ (byId("tidy-reset"));
  #latest;
  #session;
  #settings;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   */
  constructor(session, settings, clock) {
    this.#session = session;
    this.#settings = settings;
    this.#latest = new Latest((/** @type {Tidying} */ values) => this.#apply(values), () => !this.#of?.busy, clock);
    byId("tidy-rows").append(...ROWS.map((row) => this.#row(row)));
    this.#repeat.addEventListener("click", () => this.#apply(settings.tidying));
    this.#reset.addEventListener("click", () => this.#apply(UNTIDIED));
  }

  /** @param {Row} row */
  #row(row) {
    const { name, title, tip, min = 0, max, valueAt } = row;
    const input = make("input", { type: "range", min, max, step: 1, "aria-label": title });
    const output = make("output", { class: "number" });
    this.#sliders.set(name, { input, output });
    input.addEventListener("input", () => {
      this.#display({ ...this.#shown, [name]: valueAt(Number(input.value)) });
      void this.#latest.put(this.#shown);
    });
    return make("label", { class: "slider", title: tip }, make("span", {}, title), input, output);
  }

  /** @param {Tidying} values */
  #apply(values) {
    this.#latest.drop();
    if (!this.#of) return;
    if (!sameTidying(values, UNTIDIED)) this.#settings.keepTidying(values);
    this.#session.tidy(this.#of, values);
  }

  /** Send values that wait. */
  flush() {
    this.#latest.flush();
  }

  show() {
    const { current } = this.#session;
    if (current === this.#of) this.#latest.settle();
    else this.flush(); // a person who accepts the object expects it as the sliders are
    this.#of = current;
    const tidying = tidyingOf(current?.optimistic ?? null);
    if (!this.#latest.waiting) this.#display(tidying ?? UNTIDIED);
    this.#fields.disabled = !current?.optimistic.at;
    this.#reset.disabled = sameTidying(this.#shown, UNTIDIED);
    this.#repeat.disabled = sameTidying(this.#shown, this.#settings.tidying) || sameTidying(this.#settings.tidying, UNTIDIED);
  }

  /** @param {Tidying} values */
  #display(values) {
    this.#shown = values;
    for (const { name, positionOf, shown } of ROWS) {
      const slider = this.#sliders.get(name);
      if (!slider) continue;
      slider.input.value = String(positionOf(values[name]));
      slider.input.setAttribute("aria-valuetext", shown(values[name]));
      slider.output.textContent = shown(values[name]);
    }
  }
}
