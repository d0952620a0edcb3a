/** Lists in the side panel: steps of the current object, and objects of the image. */

import { icon, make, relist, relistRows, scrollTo, swatch } from "./dom.js";
import { keyFor } from "./keys.js";
import { isPrompt, placedSteps, stepName, positionText } from "./steps.js";
import { number, text } from "./texts.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

/** @type {Record<string, string>} */
const ICONS = {
  click: "click", box: "box", scribble: "scribble", lasso: "lasso", mask: "import", polygon: "polygon", clear: "clear", remove: "trash", move: "move", choose: "choose", tidy: "tidy",
  merge: "merge", subtract: "subtract", split: "split", arrange: "front",
};

/**
 * @param {HTMLElement} host
 * @param {Session} session
 */
export function showSteps(host, session) {
  const entry = session.current;
  if (!entry || !entry.optimistic.steps.length) {
    const nothing = text(session.readOnly ? "steps.noneReadOnly" : "steps.none");
    relist(host, nothing, () => [make("li", { class: "nothing" }, nothing)]);
    return;
  }
  const { at, known } = entry.optimistic;
  const steps = placedSteps(entry.optimistic);
  const signature = JSON.stringify([entry.key, at, known, session.selected, steps.map((step) => [stepName(step), step.live, step.only_here, positionText(step), step.person])]);
  const fresh = relist(host, signature, () =>
    steps.map((step, index) => {
      const prompt = isPrompt(step) && step.live && index < at;
      const name = icon(step.type === "brush" ? (step.positive ? "brush" : "eraser") : ICONS[step.type]);
      const select = () => session.select(entry, session.selected === index ? null : index);
      const shown = [
        make("span", { class: `step-icon ${isPrompt(step) ? (step.positive ? "positive" : "negative") : ""}` }, name),
        make("span", { class: "step-name ellipsis", title: stepName(step) }, stepName(step)),
        ...(step.only_here ? [icon("near"), make("span", { class: "hidden" }, text("steps.onlyHere"))] : []),
        ...(step.person && step.person !== session.ownName() ? [make("span", { class: "quiet ellipsis step-person", title: step.person }, step.person)] : []),
        make("span", { class: "quiet number" }, positionText(step)),
      ];
      const row = prompt
        ? make("button", { type: "button", class: "row", "data-key": `step-${index}`, "aria-pressed": String(index === session.selected), click: select }, ...shown)
        : make("span", { class: "row" }, ...shown);
      const item = make("li", { class: `step ${index >= at ? "undone" : step.live || !isPrompt(step) ? "" : "dead"}` }, row);
      if (prompt) {
        const label = text("steps.removeOne", { step: stepName(step) });
        item.append(make("button", { type: "button", class: "icon small", "data-changes": true, disabled: index >= known, title: text("steps.remove"), "aria-label": label, click: () => session.removePrompt(index) }, icon("close")));
      }
      return item;
    }));
  if (fresh) host.scrollTop = host.scrollHeight;
}

/**
 * @param {HTMLElement} host
 * @param {Session} session
 */
export function showObjects(host, session) {
  const { entries, current } = session;
  const group = new Set(session.group);
  const many = entries.length > 1;
  const rows = entries.map((entry, index) => {
    const { accepted } = entry.optimistic;
    const { key, area, busy, waits, hidden, locked } = entry;
    const shown = { name: session.labelName(entry), colour: session.colourOf(entry), state: statusText(entry), accepted, isCurrent: entry === current, isGrouped: group.has(entry), many };
    const signature = JSON.stringify([index, area, busy, waits, hidden, locked, shown]);
    return { key: String(key), signature, build: () => objectRow(session, entry, index, shown) };
  });
  const nothing = { key: "nothing", signature: "", build: () => make("li", { class: "nothing" }, text("objects.none")) };
  host.style.setProperty("--rows", String(rows.length));
  const fresh = relistRows(host, rows.length ? rows : [nothing]);
  if (fresh) scrollTo(host, host.querySelector(".current"));
}

/**
 * @param {Session} session
 * @param {ObjectEntry} entry
 * @param {number} index
 * @param {{name: string, colour: string, state: string, accepted: boolean, isCurrent: boolean, isGrouped: boolean, many: boolean}} shown
 */
function objectRow(session, entry, index, { name, colour, state, accepted, isCurrent, isGrouped, many }) {
  const click = (/** @type {MouseEvent} */ event) => {
    if (event.shiftKey) session.selectTo(entry);
    else if (event.ctrlKey || event.metaKey) session.toggleSelected(entry);
    else session.point(entry);
  };
  const row = make("button",
    { type: "button", class: "row", "data-key": `object-${entry.key}`, "aria-current": String(isCurrent), "aria-pressed": isGrouped ? "true" : null, title: text("objects.numberAndState", { number: index + 1, label: name, pixels: entry.area, state }), click },
    swatch(colour, String(index + 1)),
    make("span", { class: `ellipsis ${entry.optimistic.label === null ? "quiet" : ""}` }, name),
    make("span", { class: "quiet number" }, entry.busy || entry.waits ? "…" : number(entry.area)),
    make("span", { class: `object-state ${accepted ? "accepted" : ""}` }, ...(accepted ? [icon("check")] : []), make("span", { class: "hidden" }, state)));
  const drop = make("button",
    { type: "button", class: "icon small", "data-changes": true, title: text("objects.delete"), "aria-label": text("objects.deleteOne", { number: index + 1 }), click: () => session.remove([entry]) },
    icon("trash"));
  /** @param {"hide" | "lock"} name @param {string} symbol @param {string} act @param {boolean} pressed @param {() => void} click */
  const switched = (name, symbol, act, pressed, click) => make("button",
    { type: "button", class: "icon small switch", "data-key": `${name}-${entry.key}`, "aria-pressed": String(pressed), title: `${text(`objects.${name}`)} (${keyFor(act)?.shown})`, "aria-label": text(`objects.${name}One`, { number: index + 1 }), click },
    icon(symbol));
  const switches = many || !entry.reachable
    ? [
        switched("hide", entry.hidden ? "hidden" : "eye", "hideObject", entry.hidden, () => session.toggleHidden(entry)),
        switched("lock", "lock", "lock", entry.locked, () => session.toggleLock(entry)),
      ]
    : [];
  return make("li", { class: `object${isCurrent ? " current" : ""}${isGrouped ? " grouped" : ""}${entry.hidden ? " absent" : ""}`, "data-object": String(entry.key) }, row, ...switches, drop);
}

/** @param {ObjectEntry | null} entry @param {boolean} loading whether the network is being loaded */
export function statusText(entry, loading = false) {
  if (!entry) return text("object.new");
  if (entry.optimistic.accepted) return text("object.accepted");
  if (entry.waits) return text("object.boxWaits");
  if (entry.busy) return text(loading ? "object.waits" : "object.busy");
  return text(entry.optimistic.at ? "object.notAccepted" : "object.empty");
}
