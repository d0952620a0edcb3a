/** The figures of a fine-tuned model before and after, as a table. */

import { make } from "./dom.js";
import { isKey, number, text } from "./texts.js";

/** @typedef {import("./types.js").FinetuningResult} FinetuningResult */
/** @typedef {import("./types.js").FinetuningRow} FinetuningRow */

/** The IoU of a row that counts clicks, in percent; undefined for other rows. @param {string} name */
const clicksTo = (name) => /^NoC@(\d+)$/.exec(name)?.[1];

/** Name of a row in the language of the page. @param {string} name as in the report: "IoU after 1 box", "NoC@85" */
function rowTitle(name) {
  const iou = clicksTo(name);
  if (iou !== undefined) return text("finetune.clicks", { iou: text("units.percent", { value: iou }) });
  const key = `finetune.iou.${name.split(" ").at(-1)}`;
  return isKey(key) ? text(key) : name;
}

/** @param {FinetuningRow} row */
function cells({ name, before, after, change }) {
  const decimals = clicksTo(name) === undefined ? 3 : 2;
  const signed = (/** @type {number} */ value) => (value > 0 ? "+" : "") + number(value, decimals).replace("-", "−");
  const differs = signed(after - before);
  const shown = change === null ? differs : text("finetune.interval", { change: differs, low: signed(change[0]), high: signed(change[1]) });
  return [number(before, decimals), number(after, decimals), shown];
}

/** @param {FinetuningResult} result */
export function resultTable({ rows }) {
  const head = [text("finetune.heldOut"), text("finetune.before"), text("finetune.after"), text("finetune.change")];
  return make("table", {},
    make("thead", {}, make("tr", {}, ...head.map((word) => make("th", { scope: "col" }, word)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {},
      make("th", { scope: "row" }, rowTitle(row.name)), ...cells(row).map((cell) => make("td", { class: "number" }, cell))))));
}

/** What was measured, and how to read it. @param {FinetuningResult} result */
export const noteOf = ({ images, objects }) => text("finetune.note", { images: number(images), objects: number(objects) });
