/** All keys of the page, in one table for key events, button titles and the dialog. */

/**
 * @typedef {object} Key
 * @property {string} act name of the action
 * @property {string[]} keys as `comboOf` writes them
 * @property {string} shown
 * @property {string} what
 * @property {boolean} [repeats] whether it repeats while the key is held down
 * @property {boolean} [fixed] whether it cannot be changed
 */

/** @type {[string, Key[]][]} */
export const GROUPS = [
  ["Tools", [
    { act: "tool:smart", keys: ["s"], shown: "S", what: "Smart: click, drag a box, Shift+drag a scribble" },
    { act: "tool:click", keys: ["k"], shown: "K", what: "Click" },
    { act: "tool:box", keys: ["r"], shown: "R", what: "Box (rectangle)" },
    { act: "tool:scribble", keys: ["w"], shown: "W", what: "Scribble (write)" },
    { act: "tool:lasso", keys: ["l"], shown: "L", what: "Lasso around the object" },
    { act: "tool:brush", keys: ["b"], shown: "B", what: "Brush: paint the mask" },
    { act: "tool:eraser", keys: ["e"], shown: "E", what: "Eraser" },
    { act: "polarity", keys: ["x"], shown: "X", what: "Swap positive and negative" },
    { act: "onlyHere", keys: ["o"], shown: "O", what: "Only here: change the mask near prompts" },
    { act: "smaller", keys: ["["], shown: "[", what: "Smaller brush", repeats: true },
    { act: "larger", keys: ["]"], shown: "]", what: "Larger brush", repeats: true },
  ]],
  ["Object", [
    { act: "accept", keys: ["Enter"], shown: "Enter", what: "Accept and begin the next object" },
    { act: "unaccept", keys: ["Shift+Enter"], shown: "Shift+Enter", what: "Undo the acceptance" },
    { act: "new", keys: ["n"], shown: "N", what: "Begin a new object" },
    { act: "undo", keys: ["Ctrl+z"], shown: "Ctrl+Z", what: "Undo", repeats: true },
    { act: "redo", keys: ["Ctrl+Shift+z", "Ctrl+y"], shown: "Ctrl+Shift+Z", what: "Redo", repeats: true },
    { act: "choose", keys: ["a"], shown: "A", what: "Next candidate for the prompts" },
    { act: "tidy", keys: ["y"], shown: "Y", what: "Tidy the mask" },
    { act: "polygon", keys: ["F9"], shown: "F9", what: "Edit the mask as a polygon" },
    { act: "merge", keys: ["j"], shown: "J", what: "Join: merge the object under the pointer into the current one" },
    { act: "subtract", keys: ["Ctrl+j"], shown: "Ctrl+J", what: "Subtract the object under the pointer from the current one" },
    { act: "split", keys: ["Ctrl+k"], shown: "Ctrl+K", what: "Split the object into its parts" },
    { act: "front", keys: ["Ctrl+Home"], shown: "Ctrl+Home", what: "Move the object to the front" },
    { act: "forward", keys: ["Ctrl+ArrowUp"], shown: "Ctrl+↑", what: "Move it in front of the next object" },
    { act: "backward", keys: ["Ctrl+ArrowDown"], shown: "Ctrl+↓", what: "Move it behind the next object" },
    { act: "back", keys: ["Ctrl+End"], shown: "Ctrl+End", what: "Move it to the back" },
    { act: "copy", keys: ["Ctrl+c"], shown: "Ctrl+C", what: "Copy the object, or all objects if none is selected" },
    { act: "paste", keys: ["Ctrl+v"], shown: "Ctrl+V", what: "Paste copied objects" },
    { act: "duplicate", keys: ["Ctrl+d"], shown: "Ctrl+D", what: "Duplicate the object" },
    { act: "copyOn", keys: ["Shift+PageDown"], shown: "Shift+PgDn", what: "Copy the object, or all objects, to the next image" },
    { act: "clear", keys: ["c"], shown: "C", what: "Clear the object" },
    { act: "nudge", keys: ["ArrowUp", "ArrowDown"], shown: "arrows", what: "Move the selected prompt or corner by a pixel, with Shift by ten", fixed: true },
    { act: "delete", keys: ["Delete", "Backspace"], shown: "Delete", what: "Delete the selected prompt, or the object" },
    { act: "cycle", keys: ["Tab"], shown: "Tab", what: "Next object (when the image has focus)", fixed: true },
    { act: "cycleBack", keys: ["Shift+Tab"], shown: "Shift+Tab", what: "Previous object", fixed: true },
    { act: "label", keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: "1 – 9", what: "Label for this and the next objects", fixed: true },
    { act: "label", keys: ["0"], shown: "0", what: "No label", fixed: true },
    { act: "findLabel", keys: ["F2"], shown: "F2", what: "Label by a part of its name, then Enter" },
    { act: "moveLabel", keys: ["Alt+ArrowUp", "Alt+ArrowDown"], shown: "Alt+↑ or Alt+↓", what: "Move the label up or down in the list", repeats: true, fixed: true },
    { act: "details", keys: ["F4"], shown: "F4", what: "Attributes of the object, or tags of the image" },
    { act: "keepOff", keys: ["u"], shown: "U", what: "Keep off accepted and locked objects, or reach into them" },
    { act: "lock", keys: ["g"], shown: "G", what: "Lock (guard) the object under the pointer, or the current one" },
    { act: "import", keys: ["i"], shown: "I", what: "Import annotations" },
    { act: "escape", keys: ["Escape"], shown: "Esc", what: "Cancel the drawing or selection", fixed: true },
  ]],
  ["Images", [
    { act: "next", keys: ["PageDown", "ArrowRight"], shown: "Page Down or →", what: "Next image in the list" },
    { act: "previous", keys: ["PageUp", "ArrowLeft"], shown: "Page Up or ←", what: "Previous image in the list" },
    { act: "done", keys: ["d"], shown: "D", what: "Mark the image as done, or not done" },
    { act: "jump", keys: ["Ctrl+ArrowRight"], shown: "Ctrl+→", what: "Jump to the next image that needs something" },
    { act: "review", keys: ["F8"], shown: "F8", what: "Review: accept or reject the image" },
    { act: "people", keys: ["F7"], shown: "F7", what: "People: your name, and who else is here" },
    { act: "search", keys: ["/"], shown: "/", what: "Search images" },
    { act: "files", keys: ["Ctrl+b"], shown: "Ctrl+B", what: "Show or hide the list of images" },
    { act: "side", keys: ["Ctrl+e"], shown: "Ctrl+E", what: "Show or hide the side panel" },
    { act: "export", keys: ["Ctrl+s"], shown: "Ctrl+S", what: "Export (saving is automatic)" },
  ]],
  ["View", [
    { act: "fit", keys: ["f"], shown: "F", what: "Fit the image" },
    { act: "actual", keys: ["z"], shown: "Z", what: "100 %" },
    { act: "zoomIn", keys: ["+", "="], shown: "+", what: "Zoom in", repeats: true },
    { act: "zoomOut", keys: ["-", "_"], shown: "−", what: "Zoom out", repeats: true },
    { act: "mode", keys: ["m"], shown: "M", what: "Tint, outline or cut-out" },
    { act: "probability", keys: ["p"], shown: "P", what: "Probability map" },
    { act: "hideObject", keys: ["v"], shown: "V", what: "Hide the object under the pointer, or the current one" },
    { act: "showAlone", keys: ["q"], shown: "Q", what: "Show this object alone, or all again" },
    { act: "hide", keys: ["h"], shown: "H", what: "Hide everything while held", fixed: true },
    { act: "theme", keys: ["t"], shown: "T", what: "Light or dark" },
    { act: "help", keys: ["?"], shown: "?", what: "This list" },
  ]],
  ["Without a mouse", [
    { act: "cross", keys: ["Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"], shown: "Shift+arrows", what: "Move the cross", repeats: true, fixed: true },
    { act: "cross", keys: ["Ctrl+Shift+ArrowLeft", "Ctrl+Shift+ArrowRight", "Ctrl+Shift+ArrowUp", "Ctrl+Shift+ArrowDown"], shown: "Ctrl+Shift+arrows", what: "Move it by one pixel", repeats: true, fixed: true },
    { act: "positive", keys: ["."], shown: ".", what: "Positive click at the cross; begins and ends a box, scribble or lasso" },
    { act: "negative", keys: [","], shown: ",", what: "The same, negative" },
    { act: "region", keys: ["F6"], shown: "F6", what: "Next part of the page" },
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

/** @type {Record<string, string>} */
const SHOWN = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", PageUp: "Page Up", PageDown: "Page Down" };

/** @param {string} combo as `comboOf` writes it */
export function shownAs(combo) {
  const name = combo.replace(/^(Ctrl\+)?(Alt\+)?(Shift\+)?/, "");
  return combo.slice(0, combo.length - name.length) + (SHOWN[name] ?? (name.length === 1 ? name.toUpperCase() : name));
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
  if (KEPT.has(combo)) return `${shownAs(combo).replace(" ", "Space")} cannot be used: browser or page need it. Press another key.`;
  if (!holder || holder.act === act) return "";
  return `${shownAs(combo)} is already the key for: ${holder.what}. Press another key, or change that one first.`;
}

/**
 * A key with its modifiers as one word. Shift is included only if it does not change the character.
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event
 */
export function comboOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const letter = /^[a-z]$/i.test(key);
  const ctrl = ctrlKey || metaKey ? "Ctrl+" : "";
  const shift = shiftKey && (key.length > 1 || (letter && ctrl)) ? "Shift+" : "";
  return ctrl + (altKey ? "Alt+" : "") + shift + (letter ? key.toLowerCase() : key);
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
  if (target instanceof HTMLTextAreaElement) return combo !== "F6" && combo !== "F8" && combo !== "Escape";
  if (target instanceof HTMLSelectElement) return combo !== "F6" && combo !== "Escape";
  if (target instanceof HTMLButtonElement) return combo === "Enter" || combo === " ";
  if (target.getAttribute("role") === "listbox") return /^(Arrow(Up|Down)|Enter|Home|End|Page(Up|Down))$/.test(combo);
  return false;
}
