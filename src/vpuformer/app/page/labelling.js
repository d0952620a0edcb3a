/** Labels and attributes that a person gives to objects. */

import { Grouping } from "./grouping.js";
import { text } from "./texts.js";

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Labelling extends Grouping {
  /** Number of times that the person chose a label. */
  #labelChoices = 0;

  /** @param {number | null} label for the selected objects and the next ones */
  chooseLabel(label) {
    this.label = label;
    this.#labelChoices++;
    this.#labelAll(this.selection.filter((entry) => entry.optimistic.label !== label), label);
    this.listener.onChange();
  }

  /** Give objects a label so that the next undo gives all of them back what they had. @param {ObjectEntry[]} entries @param {number | null} label */
  #labelAll(entries, label) {
    if (!entries.length) return;
    const former = entries.map((entry) => entry.optimistic.label);
    for (const entry of entries) this.push(entry, { type: "change", change: { label } });
    if (entries.length > 1) this.listener.onSay(text("objects.nowLabelled", { count: entries.length }));
    this.withdrawLast = () => entries.forEach((entry, index) => this.push(entry, { type: "change", change: { label: former[index] } }));
  }

  /**
   * Give the current object an attribute.
   *
   * @param {string} name
   * @param {string | number | null} value null to take it away
   */
  setAttribute(name, value) {
    const { current } = this;
    if (!current) return;
    const former = current.optimistic.attributes;
    const attributes = { ...former };
    if (value === null) delete attributes[name];
    else attributes[name] = value;
    this.push(current, { type: "change", change: { attributes } });
    this.withdrawLast = () => this.push(current, { type: "change", change: { attributes: former } });
  }

  /**
   * To be called before a label is created, which takes a while.
   *
   * @returns {(label: number) => void} chooses the new label for the objects that it was meant for: the selected ones, and
   *   those begun meanwhile, if they have none. If the person chose another label meanwhile, that choice stays.
   */
  awaitLabel() {
    const { selection, image } = this;
    const choices = this.#labelChoices;
    const former = new Set(this.entries);
    return (label) => {
      if (choices !== this.#labelChoices) return;
      this.label = label;
      const begun = this.image === image ? this.entries.filter((entry) => !former.has(entry)) : [];
      const meant = [...selection, ...begun.filter((entry) => entry.optimistic.label === null)].filter((entry) => !entry.deleted);
      const stillSelected = new Set(this.selection);
      for (const entry of meant) if (!stillSelected.has(entry)) this.push(entry, { type: "change", change: { label } });
      this.#labelAll(meant.filter((entry) => stillSelected.has(entry)), label);
      this.listener.onChange();
    };
  }

  /**
   * Whether these objects have a label, if one is required. If not, the first one without is selected.
   *
   * @param {ObjectEntry[]} entries
   */
  mayAccept(entries) {
    const without = this.project?.label_settings.label_required ? entries.filter(({ optimistic }) => optimistic.label === null) : [];
    if (!without.length) return true;
    if (!this.selection.includes(without[0])) this.select(without[0]);
    this.listener.onToast(text("objects.needLabel", { count: without.length }));
    return false;
  }
}
