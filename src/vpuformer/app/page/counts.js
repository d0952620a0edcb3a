/** The dialog with counts of images and objects, and the time of work. */

import { COUNTS_TABLE, getCounts } from "./api.js";
import { closesOutside, dialogHeader } from "./dialogs.js";
import { make, spaced } from "./dom.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").Progress} Progress */
/** @typedef {import("./types.js").WorkCounts} WorkCounts */

/** @type {[keyof Progress["images"], string][]} */
const STATES = [
  ["untouched", "Untouched"], ["begun", "Begun"], ["rejected", "Rejected in review"], ["done", "Done, not reviewed"], ["accepted", "Accepted in review"],
];

/**
 * A time of work in words, such as "2 h 05 min".
 *
 * @param {number} seconds
 */
export function durationText(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** @param {string} title @param {string[]} head @param {(string | number)[][]} rows */
function table(title, head, rows) {
  const shown = (/** @type {string | number} */ value) => (typeof value === "number" ? spaced(value) : value);
  return make("table", {},
    make("caption", {}, title),
    make("thead", {}, make("tr", {}, ...head.map((word) => make("th", { scope: "col" }, word)))),
    make("tbody", {}, ...rows.map(([name, ...values]) =>
      make("tr", {}, make("th", { scope: "row" }, shown(name)), ...values.map((value) => make("td", { class: "number" }, shown(value)))))));
}

/** @param {WorkCounts} row @param {string} unnamed */
const cells = ({ name, images, objects, accepted, seconds }, unnamed) => [name ?? unnamed, images, objects, accepted, durationText(seconds)];

export class Counts {
  #dialog;
  #onToast;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {(sentence: string) => void} onToast
   */
  constructor(dialog, onToast) {
    this.#dialog = dialog;
    this.#onToast = onToast;
    closesOutside(dialog);
  }

  async open() {
    try {
      this.#show(await getCounts());
    } catch (error) {
      return this.#onToast(`The counts cannot be read. ${sentenceOf(error)}`);
    }
    this.#dialog.showModal();
  }

  /** @param {Progress} counts */
  #show(counts) {
    const { images, objects, accepted, seconds, seconds_per_object: each, labels, people, days } = counts;
    const head = ["Images", "Objects", "Accepted", "Work"];
    const time = each === null ? "" : `, ${each.toFixed(1)} s per object`;
    this.#dialog.replaceChildren(
      dialogHeader(this.#dialog, "Counts"),
      make("div", {},
        make("p", {}, `${spaced(objects)} object${objects === 1 ? "" : "s"}, ${spaced(accepted)} accepted. ${durationText(seconds)} of work${time}.`),
        table("Images", ["State", "Images"], STATES.map(([name, title]) => [title, images[name]])),
        table("Labels", ["Label", ...head], labels.map((row) => cells(row, "No label"))),
        ...(people.length ? [table("People", ["Person", ...head], people.map((row) => cells(row, "No name")))] : []),
        table("Days", ["Day", ...head], days.map((row) => cells(row, ""))),
        make("p", { class: "quiet" }, "Work is the time between steps. Pauses of more than a minute are left out."),
        make("a", { href: COUNTS_TABLE, download: "" }, "Save as CSV")));
  }
}
