/** The list of labels: search, choose, order, add, rename, recolour, delete. */

import { byId, icon, make, relist, scrollTo } from "./dom.js";
import { dragRows } from "./dragrows.js";
import { found, moved, movedBy } from "./labelorder.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./session.js").Session} Session */

/** Number of labels that digits choose. With more of them, the list has a search field. */
const DIGITS = 9;

export class Labels {
  /** @type {number | null} label that is being renamed */
  #renaming = null;
  /** @type {number | null} label that the shown list has a text field for */
  #shown = null;
  /** Index of the marked row while a label is searched. */
  #marked = 0;
  /** Whether the side panel was opened for the search. */
  #unfolded = false;
  /** A drop-down list for narrow screens. */
  #quick = /** @type {HTMLSelectElement} */ (byId("quick-label"));
  #search = /** @type {HTMLInputElement} */ (byId("label-search"));
  #host = byId("labels");
  #session;
  #changes;
  #settings;

  /**
   * @param {Session} session
   * @param {import("./labelchanges.js").LabelChanges} changes
   * @param {import("./settings.js").Settings} settings
   */
  constructor(session, changes, settings) {
    this.#session = session;
    this.#changes = changes;
    this.#settings = settings;
    this.#quick.addEventListener("change", () => session.chooseLabel(this.#quick.value ? Number(this.#quick.value) : null));
    this.#host.addEventListener("focusout", () => this.#change()); // updates that waited for the focus
    const name = /** @type {HTMLInputElement} */ (byId("new-label-name"));
    byId("new-label").addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = name.value.normalize().trim();
      if (!typed) return;
      name.value = "";
      void changes.add(typed).then((added) => {
        if (!added) name.value ||= typed; // to correct or send again
      });
    });
    name.addEventListener("keydown", (event) => {
      if (event.key === "Escape") byId("stage").focus();
    });
    this.#search.addEventListener("input", () => this.#mark(0));
    this.#search.addEventListener("keydown", (event) => this.#searchKey(event));
    this.#host.addEventListener("mousedown", (event) => {
      if (document.activeElement === this.#search) event.preventDefault(); // else the row would go before the click
    });
    this.#search.addEventListener("blur", () => this.#endSearch());
    dragRows(this.#host, "label", (id, target, after) => void changes.arrange(moved(this.#all, id, target, after)));
  }

  #change() {
    this.#session.listener.onChange();
  }

  get #all() {
    return this.#changes.all;
  }

  get #matches() {
    return found(this.#all, this.#search.value);
  }

  /** @param {number} position from 1; 0 for no label */
  choose(position) {
    const label = this.#all[position - 1];
    if (position === 0) this.#session.chooseLabel(null);
    else if (label) this.#session.chooseLabel(label.id);
  }

  /** Let the person type a part of a label's name. */
  find() {
    if (!this.#all.length) return byId("new-label-name").focus();
    this.#unfolded = !this.#settings.side;
    this.#settings.side = true;
    byId("side").hidden = false;
    this.#search.hidden = false;
    this.#search.focus();
    this.#mark(0);
  }

  /** @param {KeyboardEvent} event */
  #searchKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) this.#mark(this.#marked + by);
    else if (event.key === "Enter") {
      const label = this.#matches[this.#marked];
      if (label) this.#choose(label.id);
      else this.#add(this.#search.value);
    } else return;
    event.preventDefault();
  }

  /** Add the label that was searched in vain. @param {string} typed */
  #add(typed) {
    const name = typed.normalize().trim();
    if (!name) return;
    byId("stage").focus();
    void this.#changes.add(name);
  }

  /** @param {number | null} id */
  #choose(id) {
    this.#session.chooseLabel(id);
    if (document.activeElement === this.#search) byId("stage").focus();
  }

  /** @param {number} index of a row among those that match */
  #mark(index) {
    const matches = this.#matches;
    this.#marked = Math.max(0, Math.min(matches.length - 1, index));
    const label = matches[this.#marked];
    this.#session.listener.onSay(label ? text("labels.position", { label: label.name, number: this.#marked + 1, all: matches.length }) : text("labels.notFound"));
    this.#change();
  }

  #endSearch() {
    this.#search.value = "";
    this.#marked = 0;
    if (this.#unfolded) this.#settings.side = false;
    this.#unfolded = false;
    this.#change();
  }

  show() {
    const { selection, label } = this.#session;
    const labels = new Set(selection.length ? selection.map((entry) => entry.optimistic.label) : [label]);
    const [chosen] = labels.size === 1 ? labels : [undefined]; // objects with different labels are selected together
    const searching = document.activeElement === this.#search;
    this.#search.hidden = this.#all.length <= DIGITS && !searching;
    byId("label-setup").hidden = !this.#all.length;
    this.#list(chosen, searching);
    relist(this.#quick, JSON.stringify(this.#all), () => [
      make("option", { value: "" }, text("common.noLabel")), ...this.#all.map(({ id, name }) => make("option", { value: id }, name))]);
    this.#quick.value = String(chosen ?? "");
  }

  /** @param {number | null | undefined} chosen @param {boolean} searching */
  #list(chosen, searching) {
    // Changes by others must not interrupt typing or the choice of a colour.
    const { activeElement } = document;
    const busy = activeElement instanceof HTMLInputElement && this.#host.contains(activeElement);
    if (busy && this.#renaming === this.#shown) return;
    this.#shown = this.#renaming;
    const all = this.#all;
    const matches = this.#matches;
    const marked = searching ? (matches[this.#marked]?.id ?? null) : null;
    const fresh = relist(this.#host, JSON.stringify([all, matches.length, chosen, this.#renaming, this.#search.value, marked]), () => {
      if (this.#search.value) {
        const rows = matches.map((each) => this.#row(each, all.indexOf(each), each.id === chosen, each.id === marked));
        return rows.length ? rows : [make("li", { class: "nothing" }, text("labels.notFound"))];
      }
      if (!all.length) return [make("li", { class: "nothing" }, text("labels.none"))];
      const rows = all.flatMap((each, index) => [
        ...(each.group && each.group !== all[index - 1]?.group ? [make("li", { class: "label-group ellipsis" }, each.group)] : []),
        this.#row(each, index, each.id === chosen, each.id === marked)]);
      return [...rows, make("li", { class: "label" }, this.#button(null, text("common.noLabel"), "0", chosen === null))];
    });
    this.#host.classList.toggle("many", all.length > DIGITS);
    // The row may be outside the visible part.
    if (fresh) scrollTo(this.#host, this.#host.querySelector(marked === null ? ".chosen" : ".marked"));
  }

  /** @param {number | null} id @param {string} name @param {string} key @param {boolean} chosen */
  #button(id, name, key, chosen) {
    const start = () => this.#rename(id);
    return make("button",
      { type: "button", class: "row", "data-key": `label-${id}`, "aria-pressed": String(chosen), click: () => this.#choose(id), dblclick: start },
      make("span", { class: `ellipsis ${id === null ? "quiet" : ""}`, title: name }, name), ...(key ? [make("kbd", {}, key)] : []));
  }

  /** @param {Label} label @param {number} index @param {boolean} chosen @param {boolean} marked */
  #row(label, index, chosen, marked) {
    const colour = make("input",
      { type: "color", value: label.colour, "aria-label": text("labels.colourOf", { label: label.name }), title: text("labels.colour"),
        change: () => void this.#changes.change(label.id, { colour: colour.value.toLowerCase() }) });
    const item = make("li", { class: `label ${chosen ? "chosen" : ""} ${marked ? "marked" : ""}`, "data-label": label.id }, colour);
    if (this.#renaming === label.id) item.append(this.#field(label));
    else {
      item.append(
        this.#button(label.id, label.name, index < DIGITS ? String(index + 1) : "", chosen),
        make("button", { type: "button", class: "icon small", title: text("labels.rename"), "aria-label": text("labels.renameOne", { label: label.name }), click: () => this.#rename(label.id) }, icon("pencil")),
        make("button", { type: "button", class: "icon small", title: text("labels.delete"), "aria-label": text("labels.deleteOne", { label: label.name }), click: () => void this.#changes.drop(label.id) }, icon("trash")));
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
      if (keep && name && name !== label.name) void this.#changes.change(label.id, { name });
    };
    const field = make("input",
      { type: "text", value: label.name, maxlength: 200, "data-key": `label-${label.id}`, "aria-label": text("labels.newNameOf", { label: label.name }), blur: () => end(true),
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

  /** Move the label that has the focus, or the chosen one, by a row. @param {1 | -1} by */
  async move(by) {
    const row = document.activeElement?.closest("#labels [data-label]") ?? this.#host.querySelector(".chosen");
    if (!(row instanceof HTMLElement)) return;
    const id = Number(row.dataset.label);
    await this.#changes.arrange(movedBy(this.#all, id, by));
    const all = this.#all;
    const at = all.findIndex((each) => each.id === id);
    const { name: label = "", group = "" } = all[at] ?? {};
    this.#session.listener.onSay(text(group ? "labels.positionInGroup" : "labels.position", { label, number: at + 1, all: all.length, group }));
  }

  /** @param {number | null} id */
  #rename(id) {
    this.#renaming = id;
    this.show();
  }
}
