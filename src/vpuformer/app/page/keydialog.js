/** The dialog with all keys and gestures, where keys are changed. */

import { closesOutside, dialogHeader } from "./dialogs.js";
import { make } from "./dom.js";
import { comboOf, GROUPS, OR, refusal, setKeys, shownAs } from "./keys.js";
import { chooseLanguage, language, LANGUAGES } from "./language.js";
import { keep, recall } from "./storage.js";
import { text } from "./texts.js";

/** @typedef {import("./keys.js").Key} Key */

const KEYS_KEY = "vpuformer-keys";

const POINTER = [
  [text("pointer.click"), text("pointer.clickDoes")],
  [text("pointer.rightClick"), text("pointer.rightClickDoes")],
  [text("pointer.drag"), text("pointer.dragDoes")],
  [text("pointer.shiftDrag"), text("pointer.shiftDragDoes")],
  [text("pointer.dragPrompt"), text("pointer.dragPromptDoes")],
  [text("pointer.select"), text("pointer.selectDoes")],
  [text("pointer.several"), text("pointer.severalDoes")],
  [text("pointer.wheel"), text("pointer.wheelDoes")],
  [text("pointer.pan"), text("pointer.panDoes")],
  [text("pointer.fingers"), text("pointer.fingersDoes")],
];

export class KeyDialog {
  #editing = false;
  /** Action that waits for its new key. */
  #act = "";
  /** @type {Record<string, string>} */
  #changes = {};
  #says = make("p", { class: "keys-say quiet", role: "status" });
  #dialog;
  #onChange;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {() => void} onChange after keys have changed
   */
  constructor(dialog, onChange) {
    this.#dialog = dialog;
    this.#onChange = onChange;
    const saved = Object.entries(recall(KEYS_KEY) ?? {});
    // No press has Alt and a sign: on some keyboards, Alt makes the sign.
    this.#changes = Object.fromEntries(saved.filter(([, combo]) => typeof combo === "string" && !/^Alt\+[^\p{L}\p{N}\s]$/u.test(combo)));
    setKeys(this.#changes);
    this.#fill();
    closesOutside(dialog);
    dialog.addEventListener("keydown", (event) => this.#press(event), true);
    dialog.addEventListener("cancel", (event) => {
      if (this.#act) event.preventDefault(); // Escape leaves the key as it is
    });
    dialog.addEventListener("close", () => {
      this.#editing = false;
      this.#wait("");
    });
  }

  /** @param {string} act waits for its new key; empty for none */
  #wait(act) {
    this.#act = act;
    this.#say(act ? text("keys.pressNew") : "");
    this.#fill();
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#says.textContent = sentence || (this.#editing ? text("keys.chooseOne") : "");
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const act = this.#act;
    if (!act || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return this.#wait("");
    const combo = comboOf(event);
    const reason = refusal(act, combo);
    if (reason) return this.#say(reason);
    this.#change({ ...this.#changes, [act]: combo }, act);
    this.#say(text("keys.changed", { key: shownAs(combo) }));
  }

  /** @param {Record<string, string>} changes @param {string} [act] whose button gets the focus */
  #change(changes, act) {
    this.#changes = changes;
    setKeys(changes);
    keep(KEYS_KEY, changes);
    this.#wait("");
    const button = act && this.#dialog.querySelector(`[data-changes-key="${act}"]`);
    if (button instanceof HTMLElement) button.focus();
    this.#onChange();
  }

  #fill() {
    const editing = this.#editing;
    const edit = () => {
      this.#editing = !editing;
      this.#wait("");
      /** @type {HTMLElement | null} */ (this.#dialog.querySelector(".keys-edit"))?.focus();
    };
    const reset = () => {
      this.#change({});
      this.#say(text("keys.areReset"));
    };
    const buttons = [
      ...(editing && Object.keys(this.#changes).length ? [make("button", { type: "button", class: "plain framed", click: reset }, text("keys.reset"))] : []),
      make("button", { type: "button", class: "plain framed keys-edit", click: edit }, text(editing ? "keys.finish" : "keys.change")),
    ];
    this.#dialog.replaceChildren(
      dialogHeader(this.#dialog, text("keys.title"), this.#says, languages(), ...buttons),
      make("div", { class: "key-groups" },
        group(text("keys.groupPointer"), POINTER.map(([gesture, what]) => row([make("span", {}, gesture)], what))),
        ...GROUPS.map(([title, keys]) => group(title, keys.map((key) => row(this.#caps(key), key.what))))),
    );
    const waiting = this.#dialog.querySelector(".waiting");
    if (waiting instanceof HTMLElement) waiting.focus();
  }

  /** @param {Key} key @returns {(Node | string)[]} */
  #caps({ act, shown, what, fixed }) {
    if (!this.#editing || fixed) return keycaps(shown);
    const waits = act === this.#act;
    const caps = waits ? [text("keys.press")] : keycaps(shown);
    return [make("button",
      { type: "button", class: `plain framed${waits ? " waiting" : ""}`, "data-changes-key": act, click: () => this.#wait(waits ? "" : act) },
      ...caps, make("span", { class: "hidden" }, `, ${text("keys.changeFor", { action: what })}`))];
  }
}

/** A list of the languages, each under its own name. The page opens again in the chosen one. */
function languages() {
  const codes = /** @type {import("./language.js").Language[]} */ (Object.keys(LANGUAGES));
  const select = make("select", { "aria-label": text("keys.language"), title: text("keys.language"), change: () => {
    chooseLanguage(codes[select.selectedIndex]);
    location.reload();
  } }, ...codes.map((code) => make("option", { lang: code, selected: code === language }, LANGUAGES[code])));
  return select;
}

/** @param {string} title @param {HTMLElement[]} rows */
const group = (title, rows) => make("section", {}, make("h3", {}, title), make("dl", {}, ...rows));

/** @param {(Node | string)[]} caps @param {string} what */
const row = (caps, what) => make("div", {}, make("dt", {}, ...caps), make("dd", {}, what));

/** @param {string} shown @returns {(Node | string)[]} */
function keycaps(shown) {
  /** @type {(Node | string)[]} */
  const caps = [];
  const [between] = [OR, " – "].filter((each) => shown.includes(each));
  for (const [i, part] of (between ? shown.split(between) : [shown]).entries()) {
    if (i) caps.push(between);
    caps.push(...(part === "+" ? ["+"] : part.split("+")).map((key) => make("kbd", {}, key)));
  }
  return caps;
}
