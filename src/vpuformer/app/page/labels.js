/** The list of labels: choose, add, rename, recolour, delete. */

import { addLabel, changeLabel, dropLabel, isOutdated } from "./api.js";
import { byId, icon, make, relist } from "./dom.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./session.js").Session} Session */

export class Labels {
  /** @type {number | null} label that is being renamed */
  #renaming = null;
  /** @type {number | null} label that the shown list has a text field for */
  #shown = null;
  /** A drop-down list for narrow screens. */
  #quick = /** @type {HTMLSelectElement} */ (byId("quick-label"));
  #host;
  #session;
  #onChange;
  #onToast;

  /**
   * @param {Session} session
   * @param {() => void} onChange
   * @param {(sentence: string) => void} onToast
   */
  constructor(session, onChange, onToast) {
    this.#host = byId("labels");
    this.#session = session;
    this.#onChange = onChange;
    this.#onToast = onToast;
    this.#quick.addEventListener("change", () => session.chooseLabel(this.#quick.value ? Number(this.#quick.value) : null));
    this.#host.addEventListener("focusout", () => onChange()); // updates that waited for the focus
    const name = /** @type {HTMLInputElement} */ (byId("new-label-name"));
    byId("new-label").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = name.value.normalize().trim();
      if (!text) return;
      name.value = "";
      void this.#add(text).then((added) => {
        if (!added) name.value ||= text; // to correct or send again
      });
    });
    name.addEventListener("keydown", (event) => {
      if (event.key === "Escape") byId("stage").focus();
    });
  }

  get #labels() {
    return this.#session.project?.labels ?? [];
  }

  /** @param {number} position from 1; 0 for no label */
  choose(position) {
    const label = this.#labels[position - 1];
    if (position === 0) this.#session.chooseLabel(null);
    else if (label) this.#session.chooseLabel(label.id);
  }

  show() {
    const { current, label } = this.#session;
    const chosen = current ? current.optimistic.label : label;
    this.#list(chosen);
    relist(this.#quick, JSON.stringify(this.#labels), () => [
      make("option", { value: "" }, "No label"), ...this.#labels.map(({ id, name }) => make("option", { value: id }, name))]);
    this.#quick.value = String(chosen ?? "");
  }

  /** @param {number | null} chosen */
  #list(chosen) {
    // Changes by others must not interrupt typing or the choice of a colour.
    const { activeElement } = document;
    const busy = activeElement instanceof HTMLInputElement && this.#host.contains(activeElement);
    if (busy && this.#renaming === this.#shown) return;
    this.#shown = this.#renaming;
    const fresh = relist(this.#host, JSON.stringify([this.#labels, chosen, this.#renaming]), () => {
      const none = this.#labels.length
        ? [make("li", { class: "label" }, this.#button(null, "No label", "0", chosen === null))]
        : [make("li", { class: "nothing" }, "No labels yet. Objects do not need one.")];
      return [...this.#labels.map((each, index) => this.#row(each, index, each.id === chosen)), ...none];
    });
    if (fresh) this.#host.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest" }); // may be outside the visible part
  }

  /** @param {number | null} id @param {string} name @param {string} key @param {boolean} chosen */
  #button(id, name, key, chosen) {
    const start = () => this.#rename(id);
    return make("button",
      { type: "button", class: "row", "data-key": `label-${id}`, "aria-pressed": String(chosen), click: () => this.#session.chooseLabel(id), dblclick: start },
      make("span", { class: `ellipsis ${id === null ? "quiet" : ""}` }, name), ...(key ? [make("kbd", {}, key)] : []));
  }

  /** @param {Label} label @param {number} index @param {boolean} chosen */
  #row(label, index, chosen) {
    const colour = make("input",
      { type: "color", value: label.colour, "aria-label": `Colour of ${label.name}`, title: "Change the colour",
        change: () => void this.#change(label.id, { colour: colour.value.toLowerCase() }) });
    const item = make("li", { class: `label ${chosen ? "chosen" : ""}` }, colour);
    if (this.#renaming === label.id) item.append(this.#field(label));
    else {
      item.append(
        this.#button(label.id, label.name, index < 9 ? String(index + 1) : "", chosen),
        make("button", { type: "button", class: "icon small", title: "Rename", "aria-label": `Rename ${label.name}`, click: () => this.#rename(label.id) }, icon("pencil")),
        make("button", { type: "button", class: "icon small", title: "Delete this label", "aria-label": `Delete label ${label.name}`, click: () => void this.#drop(label.id) }, icon("trash")));
    }
    return item;
  }

  /** @param {Label} label */
  #field(label) {
    let settled = false;
    /** @param {boolean} keep */
    const end = (keep) => {
      if (settled) return;
      settled = true;
      const name = field.value.normalize().trim();
      this.#rename(null);
      if (keep && name && name !== label.name) void this.#change(label.id, { name });
    };
    const field = make("input",
      { type: "text", value: label.name, maxlength: 200, "data-key": `label-${label.id}`, "aria-label": `New name of ${label.name}`, blur: () => end(true),
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Enter") end(true);
          else if (event.key === "Escape") end(false);
          else return;
          event.preventDefault();
          event.stopPropagation();
        } });
    queueMicrotask(() => field.select());
    return field;
  }

  /** @param {number | null} id */
  #rename(id) {
    this.#renaming = id;
    this.show();
  }

  /** @param {string} name */
  async #add(name) {
    const existing = this.#named(name);
    if (existing) {
      this.#session.chooseLabel(existing.id);
      return true;
    }
    const choose = this.#session.awaitLabel();
    return this.#attempt(async (project) => {
      const label = await addLabel(name);
      project.labels = [...project.labels.filter((each) => each.id !== label.id), label]; // a refresh may have added it
      choose(label.id);
    }, () => {
      const added = this.#named(name); // by somebody else
      if (added) choose(added.id);
      return added !== undefined;
    });
  }

  /** @param {string} name */
  #named(name) {
    return this.#labels.find((label) => label.name.toLowerCase() === name.toLowerCase());
  }

  /** @param {number} id @param {{name?: string, colour?: string}} change */
  async #change(id, change) {
    await this.#attempt(async (project) => {
      const label = await changeLabel(id, change);
      project.labels = project.labels.map((each) => (each.id === id ? label : each));
    });
  }

  /** @param {number} id */
  async #drop(id) {
    await this.#attempt(async (project) => {
      await dropLabel(id);
      project.labels = project.labels.filter((each) => each.id !== id);
      if (this.#session.label === id) this.#session.label = null;
    });
  }

  /**
   * @param {(project: import("./types.js").Project) => Promise<void>} what
   * @param {() => boolean} otherwise called if the page was outdated, with fresh labels; whether that is good enough
   * @returns {Promise<boolean>} whether it was done
   */
  async #attempt(what, otherwise = () => false) {
    const { project } = this.#session;
    if (!project) return false;
    let done = true;
    try {
      await what(project);
    } catch (error) {
      const outdated = isOutdated(error);
      if (outdated) await this.#session.refresh();
      done = outdated && otherwise();
      if (!done) this.#onToast(sentenceOf(error));
    }
    this.#onChange();
    return done;
  }
}
