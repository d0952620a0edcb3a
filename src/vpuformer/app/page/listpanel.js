/** Search, filter and order of the list of images, and how many are done. */

import { byId, make, relist } from "./dom.js";
import { SORTS, STATES } from "./listfilter.js";
import { text } from "./texts.js";

/** @typedef {import("./listfilter.js").Arrangement} Arrangement */
/** @typedef {import("./listfilter.js").StateName} StateName */
/** @typedef {import("./listfilter.js").SortName} SortName */

const ANY = "any";
const NONE = "none";

export class ListPanel {
  #search = /** @type {HTMLInputElement} */ (byId("search"));
  #state = /** @type {HTMLSelectElement} */ (byId("filter-state"));
  #label = /** @type {HTMLSelectElement} */ (byId("filter-label"));
  #tag = /** @type {HTMLSelectElement} */ (byId("filter-tag"));
  #sort = /** @type {HTMLSelectElement} */ (byId("sort"));
  /** What `#done` was counted from. */
  #counted = "";
  #done = 0;
  #session;
  #settings;
  #files;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   * @param {import("./filelist.js").FileList} files
   */
  constructor(session, settings, files) {
    this.#session = session;
    this.#settings = settings;
    this.#files = files;
    this.#search.addEventListener("input", () => this.#arrange({ search: this.#search.value }));
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        files.openFirst();
        byId("stage").focus();
      } else if (event.key === "ArrowDown") byId("file-list").focus();
      else return;
      event.preventDefault();
    });
    for (const name of /** @type {SortName[]} */ (Object.keys(SORTS))) this.#sort.append(make("option", { value: name }, text(`sort.${name}`)));
    this.#state.addEventListener("change", () => this.#arrange({ state: /** @type {StateName} */ (this.#state.value) }));
    this.#sort.addEventListener("change", () => this.#arrange({ sort: /** @type {SortName} */ (this.#sort.value) }));
    this.#tag.addEventListener("change", () => this.#arrange({ tag: this.#tag.value || undefined }));
    this.#label.addEventListener("change", () => {
      const { value } = this.#label;
      this.#arrange({ label: value === ANY ? undefined : value === NONE ? null : Number(value) });
    });
  }

  /** @param {Partial<Arrangement>} change */
  #arrange(change) {
    const { folder, openId } = this.#session;
    folder.arrange(change);
    this.#files.show(folder.matches, openId ?? null);
    if (folder.filtering) this.#files.toTop();
    else this.#files.toOpen();
    this.show();
  }

  show() {
    const { folder, project } = this.#session;
    if (!project) return;
    const { arrangement } = folder;
    if (typeof arrangement.label === "number" && !project.labels.some(({ id }) => id === arrangement.label)) {
      folder.arrange({ label: undefined }); // it was deleted
    }
    const total = project.images.length;
    const shown = folder.matches.length;
    this.#count();
    byId("progress-text").textContent = !shown && total ? text("list.nothing") : folder.filtering ? text("list.shown", { shown, all: total }) : text("list.progress", { done: this.#done, all: total });
    const bar = /** @type {HTMLProgressElement} */ (byId("progress"));
    bar.max = Math.max(1, total);
    bar.value = this.#done;
    const { filterOpen } = this.#settings;
    byId("filter").hidden = !filterOpen;
    const toggle = byId("toggle-filter");
    toggle.setAttribute("aria-expanded", String(filterOpen));
    toggle.classList.toggle("active", arrangement.state !== "all" || arrangement.label !== undefined || arrangement.tag !== undefined || arrangement.sort !== "name");
    if (filterOpen) this.#options();
  }

  /** Count the images that are done, if some have changed. */
  #count() {
    const { folder, project } = this.#session;
    const images = project?.images ?? [];
    const now = `${folder.changes} ${images.length}`;
    if (now === this.#counted) return;
    this.#counted = now;
    this.#done = images.reduce((sum, { done }) => sum + Number(done), 0);
  }

  #options() {
    const { folder, project } = this.#session;
    if (!project) return;
    const { state, label, tag, sort } = folder.arrangement;
    relist(this.#state, this.#counted, () =>
      /** @type {StateName[]} */ (Object.keys(STATES)).map((name) =>
        make("option", { value: name }, text("list.stateCount", { state: text(`state.${name}`), count: project.images.filter(STATES[name]).length }))));
    relist(this.#tag, `${this.#counted} ${tag}`, () => {
      const tags = new Set(project.images.flatMap((image) => image.tags));
      if (tag !== undefined) tags.add(tag);
      this.#tag.hidden = !tags.size;
      return [make("option", { value: "" }, text("list.anyTag")), ...[...tags].sort().map((name) => make("option", { value: name }, name))];
    });
    relist(this.#label, JSON.stringify(project.labels), () => [
      make("option", { value: ANY }, text("list.anyLabel")),
      make("option", { value: NONE }, text("common.noLabel")),
      ...project.labels.map(({ id, name }) => make("option", { value: id }, name)),
    ]);
    this.#label.disabled = !project.labels.length;
    this.#state.value = state;
    this.#label.value = label === undefined ? ANY : label === null ? NONE : String(label);
    this.#tag.value = tag ?? "";
    this.#sort.value = sort;
  }
}
