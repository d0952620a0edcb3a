/** What went wrong, as a sentence for people. */

export const UNREACHABLE = "The server cannot be reached. Is it still running?";
const BARRED = "The server wants its token. Open the address again that it wrote when it started.";

/**
 * Why the server said no, in its own words if there are any.
 *
 * @param {number} status
 * @param {any} body of the answer
 */
export const reasonOf = (status, body) => String(body?.error ?? (status === 401 ? BARRED : `The server answered with ${status}.`));

/** @param {unknown} error */
export function sentenceOf(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text ? capitalized(text) : "Something went wrong.";
}

/**
 * A sentence with a capital at its beginning, but for one that begins with the name of a file, which stays as it is.
 *
 * @param {string} text
 */
export function capitalized(text) {
  return /^\p{Ll}[\p{L}'-]*(?:[\s,;:]|\.?$)/u.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}
