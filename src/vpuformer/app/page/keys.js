/** All keys of the page, in one table for key events, button titles and the dialog. */

import { text } from "./texts.js";

/**
 * @typedef {object} Key
 * @property {string} act name of the action
 * @property {string[]} keys as `comboOf` writes them
 * @property {string} shown
 * @property {string} what
 * @property {boolean} [repeats] whether it repeats while the key is held down
 * @property {boolean} [fixed] whether it cannot be changed
 */

/** Names of keys in the language of the page. @type {Record<string, string>} */
const NAMES = {
  "Ctrl+": text("key.ctrl"), "Alt+": text("key.alt"), "Shift+": text("key.shift"), ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→",
  PageUp: text("key.pageUp"), PageDown: text("key.pageDown"), Home: text("key.home"), End: text("key.end"), Enter: text("key.enter"), Escape: text("key.escape"),
  Tab: text("key.tab"), Delete: text("key.delete"), Backspace: text("key.backspace"), " ": text("key.space"),
};

/** @param {string} combo as `comboOf` writes it */
export function shownAs(combo) {
  const [modifiers = "", ctrl, alt, shift] = /^(Ctrl\+)?(Alt\+)?(Shift\+)?/.exec(combo) ?? [];
  const name = combo.slice(modifiers.length);
  const parts = [ctrl, alt, shift].flatMap((each) => (each ? `${NAMES[each]}+` : []));
  return parts.join("") + (NAMES[name] ?? (name.length === 1 ? name.toUpperCase() : name));
}

/** Word between two keys. */
export const OR = ` ${text("key.or")} `;

/** @param {string} a @param {string} b */
const either = (a, b) => shownAs(a) + OR + shownAs(b);

/**
 * @param {string} act
 * @param {string[]} keys
 * @param {string} what
 * @param {Partial<Key>} more
 * @returns {Key}
 */
const key = (act, keys, what, more = {}) => ({ act, keys, shown: shownAs(keys[0]), what, ...more });

/** @type {[string, Key[]][]} */
export const GROUPS = [
  [text("keys.groupTools"), [
    key("tool:smart", ["s"], text("keys.smart")),
    key("tool:click", ["k"], text("keys.click")),
    key("tool:box", ["r"], text("keys.box")),
    key("tool:scribble", ["w"], text("keys.scribble")),
    key("tool:lasso", ["l"], text("keys.lasso")),
    key("tool:brush", ["b"], text("keys.brush")),
    key("tool:eraser", ["e"], text("keys.eraser")),
    key("polarity", ["x"], text("keys.polarity")),
    key("onlyHere", ["o"], text("keys.onlyHere")),
    key("smaller", ["["], text("keys.smaller"), { repeats: true }),
    key("larger", ["]"], text("keys.larger"), { repeats: true }),
  ]],
  [text("keys.groupObject"), [
    key("accept", ["Enter"], text("keys.accept")),
    key("unaccept", ["Shift+Enter"], text("keys.unaccept")),
    key("new", ["n"], text("keys.new")),
    key("undo", ["Ctrl+z"], text("keys.undo"), { repeats: true }),
    key("redo", ["Ctrl+Shift+z", "Ctrl+y"], text("keys.redo"), { repeats: true }),
    key("choose", ["a"], text("keys.choose")),
    key("tidy", ["y"], text("keys.tidy")),
    key("polygon", ["F9"], text("keys.polygon")),
    key("merge", ["j"], text("keys.merge")),
    key("subtract", ["Ctrl+j"], text("keys.subtract")),
    key("split", ["Ctrl+k"], text("keys.split")),
    key("front", ["Ctrl+Home"], text("keys.front")),
    key("forward", ["Ctrl+ArrowUp"], text("keys.forward")),
    key("backward", ["Ctrl+ArrowDown"], text("keys.backward")),
    key("back", ["Ctrl+End"], text("keys.back")),
    key("copy", ["Ctrl+c"], text("keys.copy")),
    key("paste", ["Ctrl+v"], text("keys.paste")),
    key("duplicate", ["Ctrl+d"], text("keys.duplicate")),
    key("copyOn", ["Shift+PageDown"], text("keys.copyOn")),
    key("clear", ["c"], text("keys.clear")),
    key("nudge", ["ArrowUp", "ArrowDown"], text("keys.nudge"), { shown: text("key.arrows"), fixed: true }),
    key("delete", ["Delete", "Backspace"], text("keys.delete")),
    key("cycle", ["Tab"], text("keys.cycle"), { fixed: true }),
    key("cycleBack", ["Shift+Tab"], text("keys.cycleBack"), { fixed: true }),
    key("label", ["1", "2", "3", "4", "5", "6", "7", "8", "9"], text("keys.label"), { shown: "1 – 9", fixed: true }),
    key("label", ["0"], text("keys.labelNone"), { fixed: true }),
    key("findLabel", ["F2"], text("keys.findLabel")),
    key("moveLabel", ["Alt+ArrowUp", "Alt+ArrowDown"], text("keys.moveLabel"), { shown: either("Alt+ArrowUp", "Alt+ArrowDown"), repeats: true, fixed: true }),
    key("details", ["F4"], text("keys.details")),
    key("keepOff", ["u"], text("keys.keepOff")),
    key("lock", ["g"], text("keys.lock")),
    key("import", ["i"], text("keys.import")),
    key("escape", ["Escape"], text("keys.escape"), { fixed: true }),
  ]],
  [text("keys.groupImages"), [
    key("next", ["PageDown", "ArrowRight"], text("keys.next"), { shown: either("PageDown", "ArrowRight") }),
    key("previous", ["PageUp", "ArrowLeft"], text("keys.previous"), { shown: either("PageUp", "ArrowLeft") }),
    key("done", ["d"], text("keys.done")),
    key("jump", ["Ctrl+ArrowRight"], text("keys.jump")),
    key("review", ["F8"], text("keys.review")),
    key("acceptImage", ["Ctrl+Enter"], text("keys.acceptImage")),
    key("people", ["F7"], text("keys.people")),
    key("search", ["/"], text("keys.search")),
    key("files", ["Ctrl+b"], text("keys.files")),
    key("side", ["Ctrl+e"], text("keys.side")),
    key("export", ["Ctrl+s"], text("keys.export")),
  ]],
  [text("keys.groupView"), [
    key("fit", ["f"], text("keys.fit")),
    key("actual", ["z"], text("keys.actual")),
    key("zoomIn", ["+", "="], text("keys.zoomIn"), { repeats: true }),
    key("zoomOut", ["-", "_"], text("keys.zoomOut"), { shown: "−", repeats: true }),
    key("mode", ["m"], text("keys.mode")),
    key("probability", ["p"], text("keys.probability")),
    key("hideObject", ["v"], text("keys.hideObject")),
    key("showAlone", ["q"], text("keys.showAlone")),
    key("hide", ["h"], text("keys.hide"), { fixed: true }),
    key("theme", ["t"], text("keys.theme")),
    key("help", ["?"], text("keys.help")),
  ]],
  [text("keys.groupNoMouse"), [
    key("cross", ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], text("keys.cross"), { shown: `${shownAs("Shift+")}${text("key.arrows")}`, repeats: true, fixed: true }),
    key("cross", ["Ctrl+Shift+ArrowLeft", "Ctrl+Shift+ArrowRight", "Ctrl+Shift+ArrowUp", "Ctrl+Shift+ArrowDown"], text("keys.crossByPixel"), { shown: `${shownAs("Ctrl+Shift+")}${text("key.arrows")}`, repeats: true, fixed: true }),
    key("positive", ["."], text("keys.positive")),
    key("negative", [","], text("keys.negative")),
    key("region", ["F6"], text("keys.region")),
  ]],
];

const ALL = GROUPS.flatMap(([, keys]) => keys);
/** Keys as they are in the table above. */
const FIRST = new Map(ALL.map((key) => [key, { keys: key.keys, shown: key.shown }]));

/** @type {Map<string, Key>} */
let table = new Map();
setKeys({});

/**
 * Change the keys of some actions; all others get those of the table. Keys that another action has are left out.
 *
 * @param {Record<string, string>} changes keys, as `comboOf` writes them, by the names of actions
 */
export function setKeys(changes) {
  for (const key of ALL) {
    const combo = key.fixed ? undefined : changes[key.act];
    Object.assign(key, combo ? { keys: [combo], shown: shownAs(combo) } : FIRST.get(key));
  }
  table = new Map();
  for (const key of ALL) for (const combo of key.keys) if (!table.has(combo)) table.set(combo, key);
}

/** Keys that browsers keep, or that the page needs for something else. */
const KEPT = new Set([" ", "F5", "F11", "F12", "Ctrl+n", "Ctrl+r", "Ctrl+t", "Ctrl+w", "Ctrl+q", "Ctrl+Tab", "Ctrl+Shift+Tab"]);

/**
 * Why an action cannot have a key; empty if it can.
 *
 * @param {string} act
 * @param {string} combo
 */
export function refusal(act, combo) {
  const holder = table.get(combo);
  if (KEPT.has(combo)) return text("keys.kept", { key: shownAs(combo) });
  if (!holder || holder.act === act) return "";
  return text("keys.taken", { key: shownAs(combo), action: holder.what });
}

/**
 * The key of an event. Of letters of other scripts, such as Cyrillic ones, the Latin letter on the same key: all keys of
 * the table are there then.
 *
 * @param {{key: string, code?: string}} event
 */
export function keyOf({ key, code = "" }) {
  const [, latin] = /^Key([A-Z])$/.exec(code) ?? [];
  return latin && /^\p{L}$/u.test(key) && !/\p{Script=Latin}/u.test(key) ? latin.toLowerCase() : key;
}

/**
 * A key with its modifiers as one word. Shift and Alt are included only if they do not change the character: signs such as
 * brackets need them on some keyboards.
 *
 * @param {{key: string, code?: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event
 */
export function comboOf(event) {
  const { ctrlKey, metaKey, altKey, shiftKey } = event;
  const key = keyOf(event);
  const letter = /^[a-z]$/i.test(key);
  const ctrl = ctrlKey || metaKey ? "Ctrl+" : "";
  const shift = shiftKey && (key.length > 1 || (letter && ctrl)) ? "Shift+" : "";
  const sign = /^[^\p{L}\p{N}\s]$/u.test(key);
  const alt = altKey && (ctrl || !sign) ? "Alt+" : "";
  return ctrl + alt + shift + (letter ? key.toLowerCase() : key);
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };

/** Where an arrow key leads, with x to the right and y down; null if it is none. @param {string} combo */
export function arrowOf(combo) {
  return ARROWS[/Arrow(\w+)$/.exec(combo)?.[1] ?? ""] ?? null;
}

/** @param {Parameters<typeof comboOf>[0]} event @returns {Key | null} */
export function lookUp(event) {
  return table.get(comboOf(event)) ?? null;
}

/** @param {string} act @returns {Key | null} first key for an action */
export function keyFor(act) {
  return ALL.find((key) => key.act === act) ?? null;
}

/**
 * Whether the focused element handles a key itself.
 *
 * @param {EventTarget | null} target
 * @param {string} combo
 */
export function belongsTo(target, combo) {
  if (!(target instanceof HTMLElement)) return false;
  if (combo === "Tab" || combo === "Shift+Tab") return !target.matches("#stage, body");
  if (target instanceof HTMLInputElement) {
    if (target.type === "range") return /Arrow|Page|Home|End/.test(combo);
    if (target.type === "checkbox") return combo === " " || combo === "Enter";
    if (target.type === "color") return combo === " " || combo === "Enter";
    return combo !== "F6" && combo !== "Escape";
  }
  if (target instanceof HTMLTextAreaElement) return !["F6", "F8", "Escape", "Ctrl+Enter"].includes(combo);
  if (target instanceof HTMLSelectElement) return combo !== "F6" && combo !== "Escape";
  if (target instanceof HTMLButtonElement) return combo === "Enter" || combo === " ";
  if (target.getAttribute("role") === "listbox") return /^(Arrow(Up|Down)|Enter|Home|End|Page(Up|Down))$/.test(combo);
  return false;
}
