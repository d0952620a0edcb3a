/** The attributes of the current object, in the side panel. */

import { attributesOf, valueOf } from "./attributes.js";
import { byId, make, relist } from "./dom.js";

/** @typedef {import("./types.js").Attribute} Attribute */

/** Maximum length of a text in characters. */
const LONGEST = 1000;

export class AttributePanel {
  #host = byId("attributes");
  #session;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
    this.#host.addEventListener("keydown", (event) => {
      const input = event.target instanceof HTMLInputElement ? event.target : null;
      if (event.key !== "Escape" && !(event.key === "Enter" && input)) return;
      if (event.key === "Escape" && input) input.value = input.defaultValue;
      byId("stage").focus();
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Focus the first attribute. Returns whether there is one. */
  focus() {
    const first = this.#host.querySelector("input, select");
    if (first instanceof HTMLElement) first.focus();
    return first !== null;
  }

  show() {
    const { current, project } = this.#session;
    const values = current?.optimistic.attributes ?? {};
    const attributes = current ? attributesOf(project, current.optimistic) : [];
    this.#host.hidden = !attributes.length;
    const former = attributes.map(({ name, kind, choices }) => (kind === "choice" && !choices.includes(String(values[name])) ? values[name] : null));
    relist(this.#host, JSON.stringify([current?.key, attributes, former]), () =>
      attributes.map((attribute) => make("label", { class: "attribute" },
        make("span", { class: "ellipsis", title: attribute.name }, attribute.name),
        this.#field(attribute, values[attribute.name] ?? ""))));
    // Fields stay when their values change: a new one would lose the focus that is on its way to it.
    for (const field of this.#host.querySelectorAll("input, select")) {
      const each = /** @type {HTMLInputElement | HTMLSelectElement} */ (field);
      const value = String(values[each.dataset.key ?? ""] ?? "");
      if (each !== document.activeElement && each.value !== value) each.value = value;
    }
  }

  /** @param {Attribute} attribute @param {string | number} value */
  #field(attribute, value) {
    const { name, kind, choices } = attribute;
    const common = {
      "data-key": name,
      "aria-label": name,
      change: (/** @type {Event} */ event) => this.#session.setAttribute(name, valueOf(attribute, /** @type {HTMLInputElement} */ (event.target).value)),
    };
    if (kind !== "choice") {
      return make("input", { ...common, type: kind, step: "any", maxlength: LONGEST, value, autocomplete: "off" });
    }
    const offered = [...new Set(["", ...choices, String(value)])];
    const select = make("select", common, ...offered.map((each) => make("option", { value: each }, each || "–")));
    select.value = String(value);
    return select;
  }
}
