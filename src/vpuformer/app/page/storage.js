/** What the browser keeps for the next visit. Private windows keep nothing. */

/** @param {string} key @returns {any} what was kept; null if there is nothing, or it cannot be read */
export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value a text is kept as it is, everything else as JSON */
export function keep(key, value) {
  try {
    localStorage.setItem(key, typeof value === "string" ? value : JSON.stringify(value));
  } catch {
    // It holds for this visit.
  }
}
