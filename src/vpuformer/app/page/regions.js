/** Parts of the page between which a key moves the focus. */

import { byId } from "./dom.js";

const REGIONS = ["stage", "tidy", "polygon", "review", "quick", "side", "search", "tools"];

/** Focus the first control of the next part that is in sight. */
export function nextRegion() {
  const at = REGIONS.findIndex((id) => byId(id).contains(document.activeElement));
  for (let k = 1; k <= REGIONS.length; k++) {
    const region = byId(REGIONS[(at + k) % REGIONS.length]);
    const inner = region.matches("#stage, #search") ? [region] : [...region.querySelectorAll(":is(button, select, input):not(:disabled)")];
    const first = inner.find((each) => each.getClientRects().length); // skips hidden elements
    if (!(first instanceof HTMLElement)) continue;
    delete byId("stage").dataset.pointer;
    first.focus();
    return;
  }
}
