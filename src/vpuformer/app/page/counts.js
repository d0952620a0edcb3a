/** The dialog with counts of images and objects, and the time of work. */

import { COUNTS_TABLE, getCounts } from "./api.js";
import { closesOutside, dialogHeader } from "./dialogs.js";
import { make } from "./dom.js";
import { sentenceOf } from "./sentence.js";
import { date, number, text } from "./texts.js";

/** @typedef {import("./types.js").Progress} Progress */
/** @typedef {import("./types.js").WorkCounts} WorkCounts */

/** States of images in their order, by the names of their counts. @type {[keyof Progress["images"], import("./listfilter.js").StateName][]} */
const STATES = [["untouched", "untouched"], ["begun", "begun"], ["rejected", "rejected"], ["done", "unreviewed"], ["accepted", "accepted"]];

/**
 * A time of work in words, such as "2 h 05 min".
 *
 * @param {number} seconds
 */
export function durationText(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 100) return text("units.seconds", { value: Math.round(seconds) });
  if (minutes < 60) return text("units.minutes", { value: minutes });
  return text("units.hours", { hours: Math.floor(minutes / 60), minutes: String(minutes % 60).padStart(2, "0") });
}

/** @param {string} title @param {string[]} head @param {(string | number)[][]} rows */
function table(title, head, rows) {
  const shown = (/** @type {string | number} */ value) => (typeof value === "number" ? number(value) : value);
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
      return this.#onToast(text("counts.unreadable", { reason: sentenceOf(error) }));
    }
    this.#dialog.showModal();
  }

  /** @param {Progress} counts */
  #show(counts) {
    const { images, objects, accepted, seconds, seconds_per_object: each, labels, people, days } = counts;
    const head = [text("counts.images"), text("counts.objects"), text("counts.accepted"), text("counts.work")];
    const work = durationText(seconds);
    const time = each === null ? text("counts.time", { work }) : text("counts.timeEach", { work, seconds: number(each, 1) });
    this.#dialog.replaceChildren(
      dialogHeader(this.#dialog, text("counts.title")),
      make("div", {},
        make("p", {}, `${text("counts.summary", { count: objects, accepted })} ${time}`),
        table(text("counts.images"), [text("counts.state"), text("counts.images")], STATES.map(([name, state]) => [text(`state.${state}`), images[name]])),
        table(text("counts.labels"), [text("counts.label"), ...head], labels.map((row) => cells(row, text("common.noLabel")))),
        ...(people.length ? [table(text("counts.people"), [text("counts.person"), ...head], people.map((row) => cells(row, text("counts.noName"))))] : []),
        table(text("counts.days"), [text("counts.day"), ...head], days.map((row) => cells({ ...row, name: date(row.name ?? "") }, ""))),
        make("p", { class: "quiet" }, text("counts.note")),
        make("a", { href: COUNTS_TABLE, download: "" }, text("counts.save"))));
  }
}
