/** A view that changes nothing: what of the page stays. */

/** Actions that change nothing on the server. */
const READING = new Set([
  "next", "previous", "jump", "files", "side", "search", "filter", "counts", "export", "fit", "actual", "zoomIn", "zoomOut", "mode",
  "probability", "hideObject", "showAlone", "showAll", "hide", "theme", "help", "cycle", "cycleBack", "new", "escape", "region", "again", "people",
]);

/** @param {string} act */
export const isReading = (act) => READING.has(act);

/** Hide what changes something, and leave what shows values without a way to change them. */
export function showReadOnly() {
  document.body.dataset.readOnly = "";
  for (const id of ["labels", "attributes", "tags"]) document.getElementById(id)?.setAttribute("inert", "");
}
