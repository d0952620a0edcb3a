/** The dialog that sets up labels: groups, order, attributes, tags of images, and whether a label is required. */

import { namesIn } from "./attributes.js";
import { byId, icon, make, relist, swatch } from "./dom.js";
import { movedBy } from "./labelorder.js";

/** @typedef {import("./types.js").Attribute} Attribute */
/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").Project} Project */

/** @type {[Attribute["kind"], string][]} */
const KINDS = [["choice", "one of"], ["number", "number"], ["text", "text"]];

export class LabelSetup {
  #dialog = /** @type {HTMLDialogElement} */ (byId("setup"));
  /** Id of the label whose attributes are shown; null for those of all objects. @type {number | null} */
  #shown = null;
  #changes;
  #project;
  #body = make("div", { class: "setup-body" });

  /**
   * @param {import("./labelchanges.js").LabelChanges} changes
   * @param {() => Project | null} project
   */
  constructor(changes, project) {
    this.#changes = changes;
    this.#project = project;
    this.#dialog.append(
      make("header", {}, make("h2", { id: "setup-title" }, "Labels, attributes and tags"),
        make("button", { type: "button", class: "icon", "aria-label": "Close", click: () => this.#dialog.close() }, icon("close"))),
      this.#body);
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  open() {
    this.#dialog.showModal();
    this.show();
  }

  show() {
    const project = this.#project();
    if (!this.#dialog.open || !project) return;
    const { all } = this.#changes;
    if (!all.some(({ id }) => id === this.#shown)) this.#shown = null;
    relist(this.#body, JSON.stringify([all, project.label_settings, this.#shown]), () => [
      this.#labels(all), this.#attributes(all, project), ...this.#settings(project)]);
  }

  /** @param {Label[]} all */
  #labels(all) {
    const groups = make("datalist", { id: "label-groups" }, ...[...new Set(all.map(({ group }) => group))].filter(Boolean).map((group) => make("option", { value: group })));
    const rows = all.map((label, index) => {
      const group = make("input",
        { type: "text", value: label.group, maxlength: 200, list: "label-groups", placeholder: "no group", "data-key": `group-${label.id}`, "aria-label": `Group of ${label.name}`,
          change: () => void this.#changes.change(label.id, { group: group.value.normalize().trim() }) });
      /** @param {1 | -1} by @param {string} symbol @param {string} name */
      const move = (by, symbol, name) => make("button",
        { type: "button", class: "icon framed", disabled: !all[index + by], "data-key": `${name}-${label.id}`, title: `Move ${name}`, "aria-label": `Move ${label.name} ${name}`,
          click: () => void this.#changes.arrange(movedBy(all, label.id, by)) }, symbol);
      return make("li", {}, swatch(label.colour), make("span", { class: "ellipsis", title: label.name }, label.name), group, move(-1, "↑", "up"), move(1, "↓", "down"));
    });
    return make("section", {}, make("h3", {}, "Order and groups"),
      make("p", { class: "quiet" }, "Labels with the same group are listed together. On the page, drag a label to its place, or press Alt with ↑ or ↓."),
      make("ul", { class: "setup-labels" }, ...rows), groups);
  }

  /** @param {Label[]} all @param {Project} project */
  #attributes(all, project) {
    const label = all.find(({ id }) => id === this.#shown);
    const attributes = label ? label.attributes : project.label_settings.attributes;
    /** @param {Attribute[]} changed */
    const save = (changed) => void (label ? this.#changes.change(label.id, { attributes: changed }) : this.#changes.changeSettings({ attributes: changed }));
    const of = make("select",
      { "data-key": "attributes-of", "aria-label": "Label with these attributes", change: () => {
        this.#shown = of.value ? Number(of.value) : null;
        this.show();
      } },
      make("option", { value: "" }, "objects of any label"), ...all.map(({ id, name }) => make("option", { value: id }, name)));
    of.value = String(label?.id ?? "");
    const rows = attributes.map((attribute, index) => {
      /** @param {Partial<Attribute>} change */
      const change = (change) => save(attributes.with(index, { ...attribute, ...change }));
      const kind = make("select",
        { "data-key": `kind-${index}`, "aria-label": `Kind of ${attribute.name}`, change: () => change({ kind: /** @type {Attribute["kind"]} */ (kind.value) }) },
        ...KINDS.map(([value, name]) => make("option", { value }, name)));
      kind.value = attribute.kind;
      const choices = make("input",
        { type: "text", value: attribute.choices.join(", "), placeholder: "red, green, blue", "data-key": `choices-${index}`, "aria-label": `Choices of ${attribute.name}`,
          change: () => change({ choices: namesIn(choices.value) }) });
      return make("li", {}, make("span", { class: "ellipsis", title: attribute.name }, attribute.name), kind,
        ...(attribute.kind === "choice" ? [choices] : [make("span")]),
        make("button", { type: "button", class: "icon framed", title: "Delete this attribute", "aria-label": `Delete attribute ${attribute.name}`, click: () => save(attributes.toSpliced(index, 1)) }, icon("trash")));
    });
    return make("section", {}, make("h3", {}, "Attributes"),
      make("label", { class: "setup-of" }, "Attributes of ", of),
      make("ul", { class: "setup-attributes" }, ...rows), this.#newAttribute(attributes, save));
  }

  /** @param {Attribute[]} attributes @param {(attributes: Attribute[]) => void} save */
  #newAttribute(attributes, save) {
    const name = make("input", { type: "text", maxlength: 200, placeholder: "New attribute", "data-key": "new-attribute", "aria-label": "Name of a new attribute", autocomplete: "off" });
    return make("form",
      { class: "new-label", submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const [added] = namesIn(name.value);
        if (added && !attributes.some((each) => each.name === added)) save([...attributes, { name: added, kind: "choice", choices: [] }]);
      } },
      name, make("button", { type: "submit", class: "icon framed", "aria-label": "Add attribute", title: "Add attribute" }, icon("plus")));
  }

  /** @param {Project} project */
  #settings({ label_settings: settings }) {
    const tags = make("input",
      { type: "text", value: settings.tags.join(", "), placeholder: "blurry, night", "data-key": "tags", "aria-label": "Tags of images, with commas",
        change: () => void this.#changes.changeSettings({ tags: namesIn(tags.value) }) });
    const required = make("input", { type: "checkbox", "data-key": "required", change: () => void this.#changes.changeSettings({ label_required: required.checked }) });
    required.checked = settings.label_required;
    return [
      make("section", {}, make("h3", {}, "Tags of images"), tags),
      make("section", {}, make("label", { class: "check" }, required, make("span", {}, "A label is required: objects without one cannot be accepted"))),
    ];
  }
}
