/** The dialog with all keys and gestures, where keys are changed. */

import { closesOutside, dialogHeader } from "./dialogs.js";
import { make } from "./dom.js";
import { comboOf, GROUPS, refusal, setKeys, shownAs } from "./keys.js";
import { keep, recall } from "./storage.js";

/** @typedef {import("./keys.js").Key} Key */

const KEYS_KEY = "vpuformer-keys";

const POINTER = [
  ["Click", "Belongs to the object"],
  ["Right click", "Does not belong to it"],
  ["Drag", "Box (right button: negative box)"],
  ["Shift+drag", "Scribble (right button: negative)"],
  ["Drag the selected prompt", "Move it, resize the box"],
  ["Alt+click, long press", "Select a prompt, or the object there"],
  ["Wheel", "Zoom"],
  ["Space+drag, middle button", "Move the image"],
  ["Two fingers", "Zoom and move"],
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
    this.#changes = Object.fromEntries(saved.filter(([, combo]) => typeof combo === "string"));
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
    this.#say(act ? "Press the new key. Esc leaves it as it is." : "");
    this.#fill();
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#says.textContent = sentence || (this.#editing ? "Press a key of the list to change it." : "");
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
    this.#say(`Changed to ${shownAs(combo)}.`);
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
      this.#say("All keys are as they were at first.");
    };
    const buttons = [
      ...(editing && Object.keys(this.#changes).length ? [make("button", { type: "button", class: "plain framed", click: reset }, "Reset all keys")] : []),
      make("button", { type: "button", class: "plain framed keys-edit", click: edit }, editing ? "Finish" : "Change keys…"),
    ];
    this.#dialog.replaceChildren(
      dialogHeader(this.#dialog, "Keys and gestures", this.#says, ...buttons),
      make("div", { class: "key-groups" },
        group("Pointer", POINTER.map(([gesture, what]) => row([make("span", {}, gesture)], what))),
        ...GROUPS.map(([title, keys]) => group(title, keys.map((key) => row(this.#caps(key), key.what))))),
    );
    const waiting = this.#dialog.querySelector(".waiting");
    if (waiting instanceof HTMLElement) waiting.focus();
  }

  /** @param {Key} key @returns {(Node | string)[]} */
  #caps({ act, shown, what, fixed }) {
    if (!this.#editing || fixed) return keycaps(shown);
    const waits = act === this.#act;
    const caps = waits ? ["Press a key"] : keycaps(shown);
    return [make("button",
      { type: "button", class: `plain framed${waits ? " waiting" : ""}`, "data-changes-key": act, click: () => this.#wait(waits ? "" : act) },
      ...caps, make("span", { class: "hidden" }, `, change the key for: ${what}`))];
  }
}

/** @param {string} title @param {HTMLElement[]} rows */
const group = (title, rows) => make("section", {}, make("h3", {}, title), make("dl", {}, ...rows));

/** @param {(Node | string)[]} caps @param {string} what */
const row = (caps, what) => make("div", {}, make("dt", {}, ...caps), make("dd", {}, what));

/** @param {string} text @returns {(Node | string)[]} */
function keycaps(text) {
  /** @type {(Node | string)[]} */
  const caps = [];
  for (const part of text.split(/( or | – )/)) {
    if (/^( or | – )$/.test(part)) caps.push(part);
    else caps.push(...(part === "+" ? ["+"] : part.split("+")).map((key) => make("kbd", {}, key)));
  }
  return caps;
}
