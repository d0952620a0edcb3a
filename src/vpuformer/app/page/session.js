/**
 * What a person works on: the folder, the open image and its objects.
 *
 * Reads from the server go through `api`, a parameter, so that tests need no server.
 */

import { isElsewhere, isOutdated, isPassing } from "./api.js";
import { Deciding } from "./deciding.js";
import { needsReview, needsWork } from "./listfilter.js";
import { newKey } from "./queue.js";
import { capitalized, sentenceOf } from "./sentence.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./queue.js").Queue} Queue */
/** @typedef {import("./objectlist.js").Listener} Listener */
/** @typedef {import("./types.js").Project} Project */
/** @typedef {typeof import("./api.js")} Api */
/** @typedef {Pick<Api, "getProject" | "openImage" | "putPlace" | "importMasks">} Reads */

export class Session extends Deciding {
  /** @type {string | null} reason why no image is shown */
  trouble = null;
  /** @type {AbortController | null} */
  #fetching = null;
  /** Time of the list when the image was opened. */
  #opened = Infinity;
  /** Id of the image that could not be opened. @type {number | undefined} */
  #failed = undefined;
  /** Id of an image that may have objects which are not shown: the answer to an import was lost. @type {number | null} */
  #incomplete = null;
  /** Whether the trouble may pass by itself. */
  #passing = false;
  /** Returns who else has an image open; empty if nobody has. @type {(image: number) => string} */
  takenBy = () => "";
  /** Returns the name of the person; empty if none was given. */
  ownName = () => "";
  #api;
  #recall;

  /**
   * @param {Reads} api
   * @param {Queue} queue
   * @param {Listener} listener
   * @param {(project: Project) => number | null | undefined} recall returns the label chosen on the last visit; undefined
   *   if unknown
   */
  constructor(api, queue, listener, recall = () => undefined) {
    super(queue, listener);
    this.#api = api;
    this.#recall = recall;
  }

  /** Read the folder and open the image of the last visit. */
  async start() {
    this.trouble = null;
    /** @type {number | null} */
    let first = null;
    try {
      const project = await this.#api.getProject();
      first = this.folder.read(project);
      this.locks.open(project.id ?? project.folder);
      const only = project.labels.length === 1 ? project.labels[0].id : null; // no choice to make
      const recalled = this.#recall(project);
      this.label ??= recalled === undefined ? only : recalled;
      if (first === null) this.trouble = text("error.noImages");
      this.#passing = first === null;
    } catch (error) {
      this.#passing = isPassing(error);
      this.trouble = sentenceOf(error);
    }
    this.listener.onChange();
    if (first !== null) await this.open(first);
  }

  /** Ask again for what changed since the former image was opened: its counts in the list were this page's own. */
  #listAgain() {
    const { project } = this;
    if (!project) return;
    const { time } = project;
    project.time = Math.min(time, this.#opened);
    this.#opened = time;
  }

  /** Whether the server refuses every change. */
  get readOnly() {
    return this.project?.read_only ?? false;
  }

  /** Id of the image that is open, being opened, or could not be opened. */
  get openId() {
    return this.opening ?? this.image?.id ?? this.#failed;
  }

  /** Position of that image in the list, from 0; -1 if there is none. */
  get index() {
    return this.folder.indexOf(this.openId);
  }

  /** @param {number} id of the image */
  async open(id) {
    this.#fetching?.abort();
    const fetching = new AbortController();
    this.#fetching = fetching;
    this.forgetSettled();
    this.opening = id;
    this.#incomplete = null;
    this.#listAgain();
    this.folder.match(); // images that no longer fit leave the list now, not under the person's hands
    this.trouble = null;
    this.listener.onChange();
    /** @type {ImageOpened} */
    let image;
    try {
      image = await this.#api.openImage(id, fetching.signal, this.folder.neighbour(id, 1)?.id);
    } catch (error) {
      if (!fetching.signal.aborted) this.#fail(id, error);
      return;
    }
    if (fetching.signal.aborted) return;
    this.opening = null;
    const former = id === this.image?.id ? this.current : null;
    if (id !== this.image?.id) this.#warn();
    this.closeImage();
    this.retryNow(); // the server answers: send waiting actions
    this.image = image;
    this.setObjects(image, former);
    this.#learnLabels(image.objects);
    if (!this.readOnly) void this.#api.putPlace(id).catch(() => {}); // not important: sent again with the next image
    this.listener.onSay(text("list.position", { number: this.index + 1, all: this.project?.images.length ?? 1, image: image.name }));
    this.listener.onChange();
  }

  /** Show an error instead of an image. @param {number | undefined} id of the image @param {unknown} error */
  #fail(id, error) {
    this.opening = null;
    this.#failed = id;
    this.#passing = isPassing(error);
    this.closeImage();
    this.trouble = sentenceOf(error);
    this.listener.onChange();
  }

  closeImage() {
    this.flush(); // while the other objects of this image are known
    super.closeImage();
  }

  /** Report objects that an export would leave out, unless the person only looked at the image. */
  #warn() {
    const left = this.unaccepted.length;
    if (!this.image || !left || this.folder.touched !== this.image.id) return;
    this.listener.onToast(text("objects.leftBehind", { count: left, image: this.image.name }));
  }

  /** @param {1 | -1} by to the next or the previous image that the search finds */
  async turnPage(by) {
    const next = this.folder.neighbour(this.openId, by);
    if (next) await this.open(next.id);
    else if (this.folder.filtering) {
      this.listener.onToast(text(by > 0 ? "list.noneAfter" : "list.noneBefore"));
    }
  }

  /** Open the next image that needs something and nobody else has open: work, or in a review the reviewer. @param {boolean} reviewing */
  async jump(reviewing) {
    const needs = reviewing ? needsReview : needsWork;
    const free = () => this.folder.following(this.openId, (image) => needs(image) && !this.takenBy(image.id));
    if (!free()) await this.refresh(); // others may have finished one
    const next = free();
    if (next) return this.open(next.id);
    const taken = this.folder.following(this.openId, needs);
    if (taken) return this.listener.onToast(text("list.othersTaken", { names: this.takenBy(taken.id), image: taken.name }));
    const where = this.folder.filtering ? "list" : "folder";
    this.listener.onToast(text(reviewing ? `list.noReview.${where}` : `list.allDone.${where}`));
  }

  /** Read the labels again if objects have unknown ones, of an import or of others. @param {import("./types.js").ObjectState[]} states */
  #learnLabels(states) {
    const known = new Set(this.project?.labels.map(({ id }) => id));
    if (states.some(({ label }) => label !== null && !known.has(label))) void this.refresh();
  }

  /**
   * Read the list of images and the labels again: others may have changed them, and files come and go. If the server was
   * away, open the image that could not be opened, or whose objects are not known for sure.
   */
  async refresh() {
    const { project } = this;
    let labels, settings, fresh, counts;
    try {
      do {
        [labels, settings] = [project?.labels, project?.label_settings];
        counts = this.#changes;
        fresh = await this.#api.getProject(project?.time);
        if (project && fresh.number !== project.images.length) fresh = await this.#api.getProject(); // files came or went
      } while (project?.labels !== labels || project?.label_settings !== settings); // changed here meanwhile
    } catch (error) {
      if (isElsewhere(error)) this.#fail(this.openId, error);
      return; // try again next time
    }
    this.retryNow();
    if (project) {
      const settled = counts !== null && counts === this.#changes;
      this.folder.update(fresh, { open: this.openId, counted: settled });
      project.labels = fresh.labels;
      if (settled) project.time = fresh.time;
      project.label_settings = fresh.label_settings;
      if (!fresh.labels.some(({ id }) => id === this.label)) this.label = null; // deleted elsewhere
      this.listener.onChange();
    }
    if (this.trouble ? !this.#passing : this.#incomplete === null || this.#incomplete !== this.image?.id) return;
    this.#passing = false;
    await (this.openId === undefined ? this.start() : this.open(this.openId));
  }

  /** A number that changes with the object counts of images; null while a change is pending. */
  get #changes() {
    return this.queue.waiting ? null : this.folder.changes;
  }

  /** @param {import("./queue.js").Lane} lane @param {import("./queue.js").Action} action @param {string} sentence @param {boolean} certain */
  onRefused(lane, action, sentence, certain) {
    if (action.type === "copy") return this.listener.onToast(text("copy.failed", { image: this.#nameOf(action.image), reason: capitalized(sentence) }));
    super.onRefused(lane, action, sentence, certain);
    if (action.type === "create" || action.type === "change") void this.refresh(); // its label may be gone
    const shown = action.type === "create" || (action.type === "image" && action.change.review);
    if (shown && action.image === this.image?.id) void this.open(action.image); // its file may be gone; its review is not stored
  }

  /** An object was created without its label, because that was deleted. */
  onUnlabelled() {
    this.listener.onToast(text("labels.deletedOfObject"));
    void this.refresh();
  }

  /** @param {number} image */
  #nameOf(image) {
    return this.listed(image)?.name ?? text("copy.theImage");
  }

  /**
   * Copy objects to an image: their masks, or boxes around them for the network.
   *
   * @param {number} image
   * @param {number[]} objects ids of objects of any image
   * @param {boolean} boxes
   */
  async copy(image, objects, boxes = false) {
    this.flush(); // copies have the masks that are shown
    /** @type {import("./types.js").ImportResult | null} */
    const result = await new Promise((done) => {
      this.queue.push(this.queue.lane(), { type: "copy", image, copies: { key: newKey(), objects, boxes }, done });
    });
    if (!result) return;
    const { objects: states, notes } = result;
    this.add(image, states);
    const added = new Set(states.map(({ id }) => id));
    const back = () => {
      if (this.image?.id === image) return this.removeAll(this.entries.filter(({ id }) => id !== null && added.has(id)));
      this.folder.addTo(image, false, -states.length);
      this.removeAll(states.map((state) => this.createEntry(this.queue.lane(state), image)));
    };
    if (this.image?.id === image) this.withdrawLast = back;
    this.listener.onToast([text("copy.done", { count: states.length, image: this.#nameOf(image) }), ...notes].join(". "), back);
  }

  /** @param {File} file with masks for the open image */
  async importFile(file) {
    const { image } = this;
    if (!image) return;
    try {
      const { objects: states, notes, tags } = await this.#api.importMasks(image.id, file, this.label);
      this.add(image.id, states);
      const listed = this.listed(image.id);
      if (listed) listed.tags = tags;
      this.#learnLabels(states);
      const here = this.image?.id === image.id;
      const what = text(states.length ? (here ? "import.fromFile" : "import.fromFileFor") : "import.nothingNew", { count: states.length, file: file.name, image: image.name });
      this.listener.onToast([what, ...notes].join(". "));
    } catch (error) {
      this.listener.onToast(text("import.failed", { file: file.name, reason: sentenceOf(error) }));
      if (isPassing(error)) this.#incomplete = image.id;
      if (isPassing(error) || isOutdated(error)) void this.refresh();
    }
  }
}
