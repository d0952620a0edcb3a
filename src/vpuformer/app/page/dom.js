/** Helpers to create and find elements. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | ((event: any) => void)>} attributes functions become listeners
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** @param {string} name name of an SVG symbol in the page */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/**
 * A small square of a colour.
 *
 * @param {string} colour
 * @param {string} text
 */
export function swatch(colour, text = "") {
  const element = make("span", { class: "swatch" }, text);
  element.style.backgroundColor = colour;
  element.style.color = isLight(colour) ? "#000" : "#fff";
  return element;
}

/** @param {string} hex */
function isLight(hex) {
  const value = Number.parseInt(hex.slice(1), 16);
  return 0.3 * (value >> 16) + 0.59 * ((value >> 8) & 255) + 0.11 * (value & 255) > 140;
}

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return /** @type {T} */ (element);
}

/**
 * Rebuild a list if its content has changed, and restore the focus.
 *
 * @param {HTMLElement} host
 * @param {string} signature changes with the content
 * @param {() => Node[]} build returns the children; those that can have the focus carry `data-key`
 */
export function relist(host, signature, build) {
  if (host.dataset.signature === signature) return false;
  host.dataset.signature = signature;
  keepFocus(host, () => host.replaceChildren(...build()));
  return true;
}

/**
 * Rebuild the rows of a long list that have changed, and restore the focus.
 *
 * @param {HTMLElement} host
 * @param {{key: string, signature: string, build: () => HTMLElement}[]} rows key: of its own for each row; signature:
 *   changes with the content of the row
 * @returns {boolean} whether something has changed
 */
export function relistRows(host, rows) {
  const former = new Map([...host.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.row ?? "", child]));
  const next = rows.map(({ key, signature, build }) => {
    const known = former.get(key);
    if (known instanceof HTMLElement && known.dataset.signature === signature) return known;
    const row = build();
    row.dataset.row = key;
    row.dataset.signature = signature;
    return row;
  });
  if (next.length === host.children.length && next.every((row, index) => row === host.children[index])) return false;
  keepFocus(host, () => {
    const stays = new Set(next);
    for (const row of former.values()) if (!stays.has(/** @type {HTMLElement} */ (row))) row.remove();
    for (const [index, row] of next.entries()) if (host.children[index] !== row) host.insertBefore(row, host.children[index] ?? null);
  });
  return true;
}

/** Scroll a list to one of its rows, and nothing around the list. @param {HTMLElement} host @param {Element | null | undefined} row */
export function scrollTo(host, row) {
  if (!row) return;
  const [list, item] = [host, row].map((element) => element.getBoundingClientRect());
  host.scrollTop += Math.min(0, item.top - list.top) + Math.max(0, item.bottom - list.bottom);
}

/** @param {HTMLElement} host @param {() => void} act may replace the element with the focus by another with its `data-key` */
function keepFocus(host, act) {
  const focused = document.activeElement;
  const key = focused instanceof HTMLElement && host.contains(focused) ? focused.dataset.key : undefined;
  act();
  if (key === undefined || (focused && host.contains(focused) && document.activeElement === focused)) return;
  const next = [...host.querySelectorAll("[data-key]")].find((each) => /** @type {HTMLElement} */ (each).dataset.key === key);
  if (next instanceof HTMLElement) next.focus();
}
