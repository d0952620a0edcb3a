/** Three hints for whoever sees the page for the first time, one at a time. Each is shown until its action is done. */

import { keep, recall } from "./storage.js";
import { text } from "./texts.js";

/** @typedef {{optimistic: {at: number, accepted: boolean}, area: number}} Outlined */
/** @typedef {{entries: Outlined[], current: Outlined | null, image: object | null, project: {hints: boolean, read_only: boolean} | null}} Work */
/**
 * @typedef {object} FirstHint
 * @property {string} name
 * @property {string} text
 * @property {string} touch the same for fingers
 * @property {(work: Work) => boolean} fits whether its action is possible now
 * @property {(work: Work) => boolean} done
 */

const DONE_KEY = "vpuformer-first-hints";

/** @type {FirstHint[]} */
export const FIRST_HINTS = [
  {
    name: "outline",
    text: text("hint.outline"),
    touch: text("hint.outlineTouch"),
    fits: ({ image }) => image !== null,
    done: ({ entries }) => entries.some(({ optimistic }) => optimistic.at > 0),
  },
  {
    name: "correct",
    text: text("hint.correct"),
    touch: text("hint.correctTouch"),
    fits: ({ current }) => current !== null && current.area > 0,
    done: ({ entries }) => entries.some(({ optimistic }) => optimistic.at > 1),
  },
  {
    name: "accept",
    text: text("hint.accept"),
    touch: text("hint.acceptTouch"),
    fits: ({ current }) => current !== null && current.area > 0,
    done: ({ entries }) => entries.some(({ optimistic }) => optimistic.accepted),
  },
];

/**
 * The hint to show now, or null. Hints whose action is done are added to `done`.
 *
 * @param {Set<string>} done names of hints that are not shown again
 * @param {Work} work
 */
export function hintFor(done, work) {
  if (!work.project?.hints || work.project.read_only) return null;
  for (const hint of FIRST_HINTS) if (!done.has(hint.name) && hint.done(work)) done.add(hint.name);
  const next = FIRST_HINTS.find(({ name }) => !done.has(name));
  return next?.fits(work) ? next : null;
}

export class FirstHints {
  /** @type {Set<string>} */
  #done = new Set();
  /** @type {FirstHint | null} */
  #hint = null;
  #session;
  #card;
  #text;

  /**
   * @param {Work} session
   * @param {HTMLElement} card
   */
  constructor(session, card) {
    this.#session = session;
    this.#card = card;
    this.#text = /** @type {HTMLElement} */ (card.querySelector("span"));
    const done = recall(DONE_KEY);
    if (Array.isArray(done)) this.#done = new Set(done);
    card.querySelector("button")?.addEventListener("click", () => {
      if (this.#hint) this.#done.add(this.#hint.name);
      this.#save();
      this.show();
    });
  }

  show() {
    const before = this.#done.size;
    const hint = hintFor(this.#done, this.#session);
    if (this.#done.size > before) this.#save();
    this.#card.hidden = !hint;
    if (hint === this.#hint) return; // screen readers read every change
    this.#hint = hint;
    const shown = hint && (matchMedia("(pointer: coarse)").matches ? hint.touch : hint.text);
    this.#text.textContent = shown ?? "";
  }

  #save() {
    keep(DONE_KEY, [...this.#done]);
  }
}
