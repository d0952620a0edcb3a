/** Input methods choose characters by Enter, Escape and the arrow keys: neither a field nor the page acts on these. */

/** @param {EventTarget} target that every key press passes before it reaches an element */
export function ignoreComposing(target) {
  target.addEventListener("keydown", (event) => {
    const { isComposing, keyCode } = /** @type {KeyboardEvent} */ (event);
    if (isComposing || keyCode === 229) event.stopImmediatePropagation(); // Safari has ended the composition by then
  }, true);
}
