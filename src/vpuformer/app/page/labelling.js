/** Labels and attributes that a person gives to objects. */

import { Hiding } from "./hiding.js";
import { text } from "./texts.js";

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Labelling extends Hiding {
  /** Number of times that the person chose a label. */
  #labelChoices = 0;

  /** @param {number | null} label for the current object and the next ones */
  chooseLabel(label) {
    this.label = label;
    this.#labelChoices++;
    if (this.current && this.current.optimistic.label !== label) {
      this.#change(this.current, { label }, { label: this.current.optimistic.label });
    }
    this.listener.onChange();
  }

  /**
   * Change an object so that the next undo changes it back.
   *
   * @param {import("./objectentry.js").ObjectEntry} entry
   * @param {import("./types.js").ObjectChange} change
   * @param {import("./types.js").ObjectChange} former
   */
  #change(entry, change, former) {
    this.push(entry, { type: "change", change });
    this.withdrawLast = () => this.push(entry, { type: "change", change: former });
  }

  /**
   * Give the current object an attribute.
   *
   * @param {string} name
   * @param {string | number | null} value null to take it away
   */
  setAttribute(name, value) {
    if (!this.current) return;
    const former = this.current.optimistic.attributes;
    const attributes = { ...former };
    if (value === null) delete attributes[name];
    else attributes[name] = value;
    this.#change(this.current, { attributes }, { attributes: former });
  }

  /**
   * To be called before a label is created, which takes a while.
   *
   * @returns {(label: number) => void} chooses the new label for the objects that it was meant for: the current one, and
   *   those begun meanwhile, if they have none. If the person chose another label meanwhile, that choice stays.
   */
  awaitLabel() {
    const { current, image } = this;
    const choices = this.#labelChoices;
    const former = new Set(this.entries);
    return (label) => {
      if (choices !== this.#labelChoices) return;
      this.label = label;
      const begun = this.image === image ? this.entries.filter((entry) => !former.has(entry)) : [];
      for (const entry of new Set([current, ...begun])) {
        const former = entry?.optimistic.label ?? null;
        if (!entry || entry.deleted || (entry !== current && former !== null)) continue;
        if (entry === this.current) this.#change(entry, { label }, { label: former });
        else this.push(entry, { type: "change", change: { label } });
      }
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
    if (without[0] !== this.current) this.select(without[0]);
    this.listener.onToast(text("objects.needLabel", { count: without.length }));
    return false;
  }
}
