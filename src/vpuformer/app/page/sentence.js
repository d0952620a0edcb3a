/** Sentences for people: errors and counts. */

import { spaced } from "./dom.js";

export const UNREACHABLE = "The server cannot be reached. Start it again with the same command; this page then goes on by itself.";
const NO_TOKEN = "The server requires its token. Open the address that it printed when it started.";

/**
 * A number with its noun: "1 object", "3 objects".
 *
 * @param {number} count
 * @param {string} noun
 */
export const plural = (count, noun) => `${spaced(count)} ${noun}${count === 1 ? "" : "s"}`;

/**
 * The server's reason for a refusal, in its own words if it gave any.
 *
 * @param {number} status
 * @param {any} body of the answer
 */
export const reasonOf = (status, body) => String(body?.error ?? (status === 401 ? NO_TOKEN : `The server answered with ${status}.`));

/** @param {unknown} error */
export function sentenceOf(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text ? capitalized(text) : "Something went wrong.";
}

/**
 * A sentence with a capital first letter, unless it begins with a file name.
 *
 * @param {string} text
 */
export function capitalized(text) {
  return /^\p{Ll}[\p{L}'-]*(?:[\s,;:]|\.?$)/u.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}
