/** Sentences for people, some of them in the words of the server, which are English. */

import { text } from "./texts.js";

/**
 * A number with an English noun: "1 object", "3 objects".
 *
 * @param {number} count
 * @param {string} noun
 */
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/**
 * The server's reason for a refusal, in its own words if it gave any.
 *
 * @param {number} status
 * @param {any} body of the answer
 */
export const reasonOf = (status, body) => String(body?.error ?? (status === 401 ? text("error.noToken") : text("error.status", { status: String(status) })));

/** @param {unknown} error */
export function sentenceOf(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message ? capitalized(message) : text("error.unknown");
}

/**
 * A sentence with a capital first letter, unless it begins with a file name.
 *
 * @param {string} sentence
 */
export function capitalized(sentence) {
  return /^\p{Ll}[\p{L}'-]*(?:[\s,;:]|\.?$)/u.test(sentence) ? sentence[0].toUpperCase() + sentence.slice(1) : sentence;
}
