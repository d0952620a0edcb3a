/** The dialog that sets up labels: groups, order, attributes, tags of images, and whether a label is required. */

import { namesIn } from "./attributes.js";
import { closesOutside, dialogHeader } from "./dialogs.js";
import { byId, icon, make, relist, relistRows, swatch } from "./dom.js";
import { movedBy } from "./labelorder.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").Attribute} Attribute */
/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").Project} Project */

/** @type {[Attribute["kind"], string][]} */
const KINDS = [["choice", text("setup.choice")], ["number", text("setup.number")], ["text", text("setup.text")]];

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
      dialogHeader(this.#dialog, text("setup.title")),
      this.#body);
    closesOutside(this.#dialog);
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
    const { attributes, label_required: required } = project.label_settings;
    const kinds = (/** @type {Attribute[]} */ each) => each.map(({ name, kind }) => [name, kind]);
    // Fields that show what was typed in them stay: a new one would lose the focus that is on its way to it.
    const structure = [all.map(({ id, name, attributes }) => [id, name, kinds(attributes)]).sort(), kinds(attributes), this.#shown];
    relist(this.#body, JSON.stringify(structure), () => [this.#labels(), this.#attributes(all), ...this.#settings()]);
    relistRows(byId("setup-labels"), this.#rows(all));
    byId("label-groups").replaceChildren(...[...new Set(all.map(({ group }) => group))].filter(Boolean).map((group) => make("option", { value: group })));
    for (const { id, group } of all) this.#fill(`group-${id}`, group);
    for (const [index, { choices }] of this.#attributesShown.entries()) this.#fill(`choices-${index}`, choices.join(", "));
    this.#fill("tags", project.label_settings.tags.join(", "));
    const box = this.#body.querySelector("[data-key=required]");
    if (box instanceof HTMLInputElement) box.checked = required;
  }

  /** Show a value in a field, unless somebody works in it. @param {string} key @param {string} value */
  #fill(key, value) {
    const field = this.#body.querySelector(`[data-key="${key}"]`);
    if (field instanceof HTMLInputElement && field !== document.activeElement) field.value = value;
  }

  /** Those of the label that is shown, or of all objects. */
  get #attributesShown() {
    const label = this.#changes.all.find(({ id }) => id === this.#shown);
    return (label ?? this.#project()?.label_settings)?.attributes ?? [];
  }

  /** @param {Label[]} all */
  #rows(all) {
    return all.map((label, index) => {
      /** @param {1 | -1} by @param {string} symbol @param {"up" | "down"} way */
      const move = (by, symbol, way) => make("button",
        { type: "button", class: "icon framed", disabled: !all[index + by], "data-key": `${way}-${label.id}`, title: text(`setup.${way}`), "aria-label": text(`setup.${way}One`, { label: label.name }),
          click: () => void this.#changes.arrange(movedBy(this.#changes.all, label.id, by)) }, symbol);
      const build = () => {
        const group = make("input",
          { type: "text", maxlength: 200, list: "label-groups", placeholder: text("setup.noGroup"), "data-key": `group-${label.id}`, "aria-label": text("setup.groupOf", { label: label.name }),
            change: () => void this.#changes.change(label.id, { group: group.value.normalize().trim() }) });
        return make("li", {}, swatch(label.colour), make("span", { class: "ellipsis", title: label.name }, label.name), group, move(-1, "↑", "up"), move(1, "↓", "down"));
      };
      return { key: String(label.id), signature: JSON.stringify([label.name, label.colour, !index, !all[index + 1]]), build };
    });
  }

  #labels() {
    return make("section", {}, make("h3", {}, text("setup.order")),
      make("p", { class: "quiet" }, text("setup.orderNote")),
      make("ul", { class: "setup-labels", id: "setup-labels" }), make("datalist", { id: "label-groups" }));
  }

  /** @param {Label[]} all */
  #attributes(all) {
    const label = all.find(({ id }) => id === this.#shown);
    const attributes = this.#attributesShown;
    /** @param {Attribute[]} changed */
    const save = (changed) => void (label ? this.#changes.change(label.id, { attributes: changed }) : this.#changes.changeSettings({ attributes: changed }));
    const of = make("select",
      { "data-key": "attributes-of", "aria-label": text("setup.labelOfAttributes"), change: () => {
        this.#shown = of.value ? Number(of.value) : null;
        this.show();
      } },
      make("option", { value: "" }, text("setup.anyLabel")), ...all.map(({ id, name }) => make("option", { value: id }, name)));
    of.value = String(label?.id ?? "");
    const rows = attributes.map((attribute, index) => {
      /** @param {Partial<Attribute>} change */
      const change = (change) => save(this.#attributesShown.with(index, { ...this.#attributesShown[index], ...change }));
      const kind = make("select",
        { "data-key": `kind-${index}`, "aria-label": text("setup.kindOf", { attribute: attribute.name }), change: () => change({ kind: /** @type {Attribute["kind"]} */ (kind.value) }) },
        ...KINDS.map(([value, name]) => make("option", { value }, name)));
      kind.value = attribute.kind;
      const choices = make("input",
        { type: "text", placeholder: text("setup.someChoices"), "data-key": `choices-${index}`, "aria-label": text("setup.choicesOf", { attribute: attribute.name }),
          change: () => change({ choices: namesIn(choices.value) }) });
      return make("li", {}, make("span", { class: "ellipsis", title: attribute.name }, attribute.name), kind,
        attribute.kind === "choice" ? choices : make("span"),
        make("button", { type: "button", class: "icon framed", title: text("setup.deleteAttribute"), "aria-label": text("setup.deleteAttributeOne", { attribute: attribute.name }), click: () => save(this.#attributesShown.toSpliced(index, 1)) }, icon("trash")));
    });
    return make("section", {}, make("h3", {}, text("setup.attributes")),
      make("label", { class: "setup-of" }, `${text("setup.attributesOf")} `, of),
      make("ul", { class: "setup-attributes" }, ...rows), this.#newAttribute(save));
  }

  /** @param {(attributes: Attribute[]) => void} save */
  #newAttribute(save) {
    const name = make("input", { type: "text", maxlength: 200, placeholder: text("setup.newAttribute"), "data-key": "new-attribute", "aria-label": text("setup.newAttributeName"), autocomplete: "off" });
    return make("form",
      { class: "new-label", submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const [added] = namesIn(name.value);
        name.value = "";
        const attributes = this.#attributesShown;
        if (added && !attributes.some((each) => each.name === added)) save([...attributes, { name: added, kind: "choice", choices: [] }]);
      } },
      name, make("button", { type: "submit", class: "icon framed", "aria-label": text("setup.addAttribute"), title: text("setup.addAttribute") }, icon("plus")));
  }

  #settings() {
    const tags = make("input",
      { type: "text", placeholder: text("setup.someTags"), "data-key": "tags", "aria-label": text("setup.tagsWithCommas"),
        change: () => void this.#changes.changeSettings({ tags: namesIn(tags.value) }) });
    const required = make("input", { type: "checkbox", "data-key": "required", change: () => void this.#changes.changeSettings({ label_required: required.checked }) });
    return [
      make("section", {}, make("h3", {}, text("setup.tags")), tags),
      make("section", {}, make("label", { class: "check" }, required, make("span", {}, text("setup.labelRequired")))),
    ];
  }
}
