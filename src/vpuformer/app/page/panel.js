/** The side panel's lists: the steps of the current object, and the objects of the image. */

import { icon, make, relist, spaced, swatch } from "./dom.js";
import { colourOf } from "./overlay.js";
import { isPrompt, nameOf, placeOf } from "./steps.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./objects.js").Thing} Thing */

/** @type {Record<string, string>} */
const ICONS = {
  click: "click", box: "box", scribble: "scribble", lasso: "lasso", mask: "import", clear: "clear", remove: "trash",
};

/**
 * @param {HTMLElement} host
 * @param {Session} session
 */
export function showSteps(host, session) {
  const thing = session.current;
  if (!thing || !thing.seen.steps.length) {
    relist(host, "none", () => [make("li", { class: "nothing" }, "No prompts yet. Click on an object in the image.")]);
    return;
  }
  const { steps, at, known } = thing.seen;
  const signature = JSON.stringify([thing.key, at, known, session.selected, steps.map((step) => [step.type, step.positive, step.live, placeOf(step)])]);
  const fresh = relist(host, signature, () =>
    steps.map((step, index) => {
      const prompt = isPrompt(step) && step.live && index < at;
      const name = icon(step.type === "brush" ? (step.positive ? "brush" : "eraser") : ICONS[step.type]);
      const select = () => session.select(thing, session.selected === index ? null : index);
      const text = [
        make("span", { class: `step-icon ${isPrompt(step) ? (step.positive ? "positive" : "negative") : ""}` }, name),
        make("span", { class: "step-name ellipsis" }, nameOf(step)),
        make("span", { class: "quiet number" }, placeOf(step)),
      ];
      const row = prompt
        ? make("button", { type: "button", class: "row", "data-key": `step-${index}`, "aria-pressed": String(index === session.selected), click: select }, ...text)
        : make("span", { class: "row" }, ...text);
      const item = make("li", { class: `step ${index >= at ? "undone" : step.live || !isPrompt(step) ? "" : "dead"}` }, row);
      if (prompt) {
        const label = `Take away: ${nameOf(step)}`;
        item.append(make("button", { type: "button", class: "icon small", disabled: index >= known, title: "Take this prompt away", "aria-label": label, click: () => session.removePrompt(index) }, icon("close")));
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
  const { things, current } = session;
  const labels = session.project?.labels ?? [];
  const signature = JSON.stringify([
    labels, current?.key, things.map((thing) => [thing.key, thing.area, thing.busy, thing.seen.label, thing.seen.accepted]),
  ]);
  const fresh = relist(host, signature, () => {
    if (!things.length) return [make("li", { class: "nothing" }, "None yet.")];
    return things.map((thing, index) => {
      const name = session.labelName(thing);
      const state = thing.seen.accepted ? "accepted" : "not accepted yet";
      const row = make("button",
        { type: "button", class: "row", "data-key": `object-${thing.key}`, "aria-current": String(thing === current), title: `Object ${index + 1}, ${state}`, click: () => session.select(thing) },
        swatch(colourOf(thing, { labels, label: null, things }), String(index + 1)),
        make("span", { class: `ellipsis ${name === "no label" ? "quiet" : ""}` }, name),
        make("span", { class: "quiet number" }, thing.busy ? "…" : spaced(thing.area)),
        make("span", { class: `object-state ${thing.seen.accepted ? "accepted" : ""}` }, ...(thing.seen.accepted ? [icon("check")] : []), make("span", { class: "hidden" }, state)));
      const drop = make("button",
        { type: "button", class: "icon small", title: "Delete this object", "aria-label": `Delete object ${index + 1}`, click: () => session.remove(thing) },
        icon("trash"));
      return make("li", { class: thing === current ? "object current" : "object" }, row, drop);
    });
  });
  if (fresh) host.querySelector(".current")?.scrollIntoView({ block: "nearest" });
}

/** @param {Thing | null} thing */
export function stateOf(thing) {
  if (!thing) return "new";
  if (thing.seen.accepted) return "accepted";
  return thing.busy ? "working…" : "not accepted yet";
}
