/**
 * What a person works on: the folder, the open picture and, as a bench, its objects.
 *
 * It reads from the server through `api`, which is handed in, so that it can be tried without one.
 */

import { isOutdated } from "./api.js";
import { Bench } from "./bench.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").PictureOpened} PictureOpened */
/** @typedef {import("./queue.js").Queue} Queue */
/** @typedef {import("./bench.js").Listener} Listener */
/** @typedef {typeof import("./api.js")} Api */
/** @typedef {Pick<Api, "getProject" | "openPicture" | "putPlace" | "importMasks">} Reads */

export class Session extends Bench {
  /** @type {string | null} why there is no picture */
  trouble = null;
  /** @type {AbortController | null} */
  #fetching = null;
  /** The picture that could not be opened. @type {number | undefined} */
  #failed = undefined;
  #api;

  /**
   * @param {Reads} api
   * @param {Queue} queue
   * @param {Listener} listener
   */
  constructor(api, queue, listener) {
    super(queue, listener);
    this.#api = api;
  }

  /** Read the folder and go on where the person was. */
  async start() {
    this.trouble = null;
    /** @type {number | null} */
    let first = null;
    try {
      const project = await this.#api.getProject();
      first = this.folder.read(project);
      if (project.labels.length === 1) this.label ??= project.labels[0].id; // there is nothing to choose
      if (first === null) this.trouble = "There is no picture in this folder.";
    } catch (error) {
      this.trouble = sentenceOf(error);
    }
    this.listener.onChange();
    if (first !== null) await this.open(first);
  }

  /** The picture that is open, being opened, or could not be opened. */
  get place() {
    return this.opening ?? this.picture?.id ?? this.#failed;
  }

  /** The place of that picture in the list, from 0; -1 if there is none. */
  get index() {
    return this.folder.indexOf(this.place);
  }

  /** @param {number} id of the picture */
  async open(id) {
    this.#fetching?.abort();
    const fetching = new AbortController();
    this.#fetching = fetching;
    this.forget();
    this.opening = id;
    this.trouble = null;
    this.listener.onChange();
    /** @type {PictureOpened} */
    let picture;
    try {
      picture = await this.#api.openPicture(id, fetching.signal);
    } catch (error) {
      if (fetching.signal.aborted) return;
      this.opening = null;
      this.#failed = id;
      this.leave();
      this.trouble = sentenceOf(error);
      this.listener.onChange();
      return;
    }
    if (fetching.signal.aborted) return;
    this.opening = null;
    if (id !== this.picture?.id) this.#warn();
    this.leave();
    this.kick(); // the server answers: what waits may go at once
    this.picture = picture;
    this.gather(picture);
    this.#learnLabels(picture.objects);
    void this.#api.putPlace(id).catch(() => {}); // only a convenience: the next picture tells it again
    this.listener.onSay(`Picture ${this.index + 1} of ${this.project?.pictures.length ?? 1}: ${picture.name}`);
    this.listener.onChange();
  }

  /** Tell of objects that would be missed in an export. */
  #warn() {
    const left = this.things.filter((thing) => !thing.seen.accepted && (thing.busy || thing.area > 0)).length;
    if (!this.picture || !left) return;
    const what = left === 1 ? "one object" : `${left} objects`;
    this.listener.onToast(`Not accepted, so not exported: ${what} in ${this.picture.name}`);
  }

  /** @param {1 | -1} by to the next or the previous one of those that the search finds */
  async turnPage(by) {
    const next = this.folder.beside(this.place, by);
    if (next) await this.open(next.id);
    else if (this.folder.searching) {
      this.listener.onToast(`The search finds no picture ${by > 0 ? "after" : "before"} this one.`);
    }
  }

  /** Labels that the page does not know were made by an import, or by somebody else. */
  /** @param {import("./types.js").ObjectState[]} states */
  #learnLabels(states) {
    const known = new Set(this.project?.labels.map(({ id }) => id));
    if (states.some(({ label }) => label !== null && !known.has(label))) void this.readLabels();
  }

  /** Read the labels anew, as others may have changed them; one that is gone is not for the next objects either. */
  async readLabels() {
    const { project } = this;
    if (!project) return;
    let before, labels;
    try {
      do {
        before = project.labels;
        ({ labels } = await this.#api.getProject());
      } while (project.labels !== before); // the person has changed them meanwhile
    } catch {
      return; // The objects are there all the same; the next one with an unknown label asks again.
    }
    project.labels = labels;
    if (!labels.some(({ id }) => id === this.label)) this.label = null;
    this.listener.onChange();
  }

  /** @param {import("./queue.js").Lane} lane @param {import("./queue.js").Action} action @param {string} sentence */
  onRefused(lane, action, sentence) {
    super.onRefused(lane, action, sentence);
    if (action.type === "create" || action.type === "change") void this.readLabels(); // its label may be gone
  }

  /** An object was made without the label that was chosen for it. */
  onUnlabelled() {
    this.listener.onToast("The label of this object had been deleted elsewhere. It is kept without one.");
    void this.readLabels();
  }

  /** Mark the picture as done, or not done any more. */
  markDone() {
    const { picture } = this;
    const listed = picture && this.listed(picture.id);
    if (!picture || !listed) return;
    this.folder.mark(picture.id, !listed.done);
    this.listener.onSay(listed.done ? "Picture marked as done" : "Picture marked as not done");
    this.listener.onChange();
  }

  /** @param {File} file with masks for the open picture */
  async importFile(file) {
    const { picture } = this;
    if (!picture) return;
    try {
      const states = await this.#api.importMasks(picture.id, file, this.label);
      this.add(picture.id, states);
      this.#learnLabels(states);
      const what = states.length > 1 ? `${states.length} objects` : states.some(({ area }) => area > 0) ? "One object" : "An empty mask";
      const where = this.picture?.id === picture.id ? "" : ` for ${picture.name}`;
      this.listener.onToast(`${what} read from ${file.name}${where}`);
    } catch (error) {
      this.listener.onToast(`Not read: ${file.name}. ${sentenceOf(error)}`);
      if (isOutdated(error)) void this.readLabels();
    }
  }
}
