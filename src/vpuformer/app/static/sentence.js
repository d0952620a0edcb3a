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
  return text ? text[0].toUpperCase() + text.slice(1) : "Something went wrong.";
}
