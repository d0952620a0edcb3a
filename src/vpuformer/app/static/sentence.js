/** What went wrong, as a sentence for people. */

/** @param {unknown} error */
export function sentenceOf(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text ? text[0].toUpperCase() + text.slice(1) : "Something went wrong.";
}
