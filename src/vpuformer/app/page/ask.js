/** A dialog with a question and a few answers. */

import { make } from "./dom.js";
import { text } from "./texts.js";

/**
 * Ask a question and wait for the answer.
 *
 * @template {string} A
 * @param {HTMLDialogElement} dialog
 * @param {{title: string, text: string, answers: [A, string][]}} question answers with their texts, the usual one first
 * @returns {Promise<A | null>} null if cancelled
 */
export function ask(dialog, { title, text: question, answers }) {
  const heading = `${dialog.id}-title`;
  const note = `${dialog.id}-text`;
  dialog.setAttribute("aria-labelledby", heading);
  dialog.setAttribute("aria-describedby", note);
  return new Promise((resolve) => {
    /** @param {A | null} answer */
    const end = (answer) => {
      resolve(answer);
      dialog.close();
    };
    dialog.replaceChildren(
      make("h2", { id: heading }, title),
      make("p", { id: note }, question),
      make("div", { class: "answers" },
        ...answers.map(([answer, word], i) => make("button", { type: "button", class: i ? "plain framed" : "primary", click: () => end(answer) }, word)),
        make("button", { type: "button", class: "plain framed", click: () => end(null) }, text("common.cancel"))));
    dialog.addEventListener("close", () => resolve(null), { once: true });
    dialog.showModal();
  });
}
