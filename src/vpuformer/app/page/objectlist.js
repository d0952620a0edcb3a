/** The objects of the open image, and the selection among them. */

import { colourOf } from "./colours.js";
import { Folder } from "./folder.js";
import { Locks } from "./locks.js";
import { ObjectEntry } from "./objectentry.js";
import { contains } from "./rle.js";
import { Stack } from "./stack.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} Listener
 * @property {() => void} onChange something changed and must be shown
 * @property {(sentence: string) => void} onSay a message for screen readers
 * @property {(sentence: string, undo?: () => void) => void} onToast
 * @property {(undo: () => void) => void} onUndone what a toast offers to undo was undone otherwise
 */

export class ObjectList {
  /** @type {ImageOpened | null} */
  image = null;
  /** @type {number | null} id of the image that is being opened */
  opening = null;
  /** @type {ObjectEntry[]} of the open image, without the deleted ones */
  entries = [];
  /** @type {ObjectEntry | null} */
  current = null;
  /** The one that was current last, from which Tab goes on. @type {ObjectEntry | null} */
  former = null;
  /** Whether one object is shown alone. If another one is selected, that one is. */
  alone = false;
  /** The object under the pointer, in the image or in the list. @type {ObjectEntry | null} */
  hovered = null;
  /** @type {number | null} index of the selected prompt among the steps of the current object */
  selected = null;
  /** @type {number | null} label for the next objects */
  label = null;
  /** Returns whether objects leave out pixels of accepted and locked ones. */
  keepOff = () => false;
  /** Returns whether each object has its own colour, also where there are labels. */
  byObject = () => false;
  #stack = new Stack();
  /** Undoes the last deletion or acceptance, until another action. @type {(() => void) | null} */
  withdrawLast = null;
  /** Objects of the open image, also deleted ones, and those with pending actions of any image. @type {Map<Lane, ObjectEntry>} */
  known = new Map();
  /** Ids of hidden objects, of any image, until the page is closed. @type {Set<number>} */
  #hidden = new Set();
  locks = new Locks();
  queue;

  /**
   * @param {Queue} queue
   * @param {Listener} listener
   */
  constructor(queue, listener) {
    this.queue = queue;
    this.listener = listener;
    this.folder = new Folder(queue);
  }

  get project() {
    return this.folder.project;
  }

  /** @param {number} id */
  listed(id) {
    return this.folder.listed(id);
  }

  /** Call before requesting an image: replies that arrive from then on are newer than its objects. */
  forgetSettled() {
    for (const [lane, entry] of this.known) if (!entry.busy) this.known.delete(lane);
  }

  closeImage() {
    if (this.alone) this.setHidden(this.entries, false);
    if (this.current) this.#dropEmpty(this.current);
    this.image = null;
    this.entries = [];
    this.current = this.former = null;
    this.alone = false;
    this.hovered = null;
    this.selected = null;
    this.withdrawLast = null;
  }

  /** Send waiting actions again now. */
  retryNow() {
    this.queue.retryNow();
  }

  /**
   * Take the objects of an image that was just opened, except those with a newer state here. None of them is selected:
   * a first prompt begins a new object.
   *
   * @param {ImageOpened} image
   * @param {ObjectEntry | null} former stays selected if the image was open already
   */
  setObjects(image, former) {
    const known = [...this.known.values()].filter((entry) => entry.image === image.id);
    const ids = new Map(known.map((entry) => [entry.id, entry]));
    this.#stack.read(image.objects.map(({ id }) => id));
    const created = [...image.objects].sort((a, b) => a.id - b.id);
    this.entries = created.map((state) => {
      const entry = ids.get(state.id);
      const newer = entry && (entry.busy || (entry.confirmed?.revision ?? -1) >= state.revision);
      return newer ? entry : this.createEntry(this.queue.lane(state), image.id);
    });
    const listed = new Set(this.entries.map((entry) => entry.id));
    const others = known.filter((entry) => entry.id === null || !listed.has(entry.id));
    this.entries = [...this.entries, ...others].filter((entry) => !entry.optimistic.deleted);
    this.current = this.entries.find((entry) => former && entry.reachable && (entry === former || (entry.id !== null && entry.id === former.id))) ?? null;
    this.updateCounts();
  }

  /** @param {number} image @param {import("./types.js").ObjectState[]} states imported objects */
  add(image, states) {
    states.forEach((state) => this.takeReview(state));
    if (this.image?.id !== image) return this.folder.addTo(image, false, states.length);
    this.folder.touch(image);
    const listed = new Set(this.entries.map((entry) => entry.id));
    const entries = states.filter(({ id }) => !listed.has(id)).map((state) => this.createEntry(this.queue.lane(state), image));
    this.entries = [...this.entries, ...entries];
    if (entries.length === 1) this.select(entries[0]);
    this.updateCounts();
  }

  /**
   * Take newer states of objects from the server: some may be new, deleted or restored.
   *
   * @param {number} image
   * @param {ObjectState[]} states
   * @param {number[] | null} order of all objects of the image, from back to front
   */
  takeOver(image, states, order = null) {
    const known = new Map([...this.known.values(), ...this.entries].map((entry) => [entry.id, entry]));
    for (const state of states) {
      this.takeReview(state);
      const entry = known.get(state.id);
      if (this.image?.id !== image) this.folder.addTo(image, state.accepted, state.deleted ? -1 : 1);
      else if (entry) this.#renew(entry, state);
      else if (!state.deleted) this.entries = [...this.entries, this.createEntry(this.queue.lane(state), image)];
    }
    if (this.image?.id !== image) return;
    if (order) this.#stack.read(order);
    this.entries.sort((a, b) => (a.id ?? Infinity) - (b.id ?? Infinity) || a.key - b.key);
    this.updateCounts();
  }

  /** A change of an object removes the acceptance of its image in a review, and an undo restores it. @param {ObjectState} state */
  takeReview({ image, review }) {
    if (review && this.folder.takeVerdict(image, review.verdict) && this.image?.id === image) this.image.review = review;
  }

  /** Take a state unless it is outdated, as of an object that was deleted since. @param {ObjectEntry} entry @param {ObjectState} state */
  #renew(entry, state) {
    const ahead = state.revision - (entry.confirmed?.revision ?? 0);
    if (entry.busy || ahead < 0 || (entry.deleted && ahead === 0)) return; // its own reply is newer
    entry.lane.state = state;
    entry.confirm(state);
    if (entry.deleted === state.deleted) return;
    entry.deleted = state.deleted;
    this.entries = state.deleted ? this.entries.filter((each) => each !== entry) : [...this.entries, entry];
    if (this.current === entry) this.select(null);
  }

  /** Objects from back to front. */
  get stacked() {
    return this.#stack.sorted(this.entries);
  }

  /** @param {ObjectEntry} entry @param {import("./queue.js").Action} action */
  push(entry, action) {
    this.withdrawLast = null;
    this.known.set(entry.lane, entry);
    this.folder.touch(entry.image);
    this.queue.push(entry.lane, action);
    this.listener.onChange();
  }

  /** @param {Lane} lane @param {number} image */
  createEntry(lane, image) {
    const entry = new ObjectEntry(lane, image);
    if (entry.id !== null) {
      entry.hidden = this.#hidden.has(entry.id);
      entry.locked = this.locks.has(entry.id);
    }
    this.known.set(lane, entry);
    return entry;
  }

  /**
   * A hidden object is shown again; a locked one is refused.
   *
   * @param {ObjectEntry | null} entry
   * @param {number | null} prompt of it
   */
  select(entry, prompt = null) {
    if (entry?.locked) return this.refuse(entry);
    const left = this.current;
    if (entry) this.reveal(entry);
    this.withdrawLast = null;
    this.former = entry ?? left ?? this.former;
    this.current = entry;
    this.selected = prompt;
    if (left !== entry && left) this.#dropEmpty(left);
    this.listener.onChange();
  }

  /** Delete objects without a message. @param {ObjectEntry[]} entries */
  removeAll(entries) {
    this.entries = this.entries.filter((each) => !entries.includes(each));
    for (const entry of entries) entry.deleted = true;
    if (this.current && entries.includes(this.current)) this.select(null);
    for (const entry of entries) this.push(entry, { type: "change", change: { deleted: true } });
    this.updateCounts();
  }

  /** Delete an object that a person leaves, if nothing is lost with it. @param {ObjectEntry} entry */
  #dropEmpty(entry) {
    if (entry.empty && !entry.locked && this.entries.includes(entry) && !this.project?.read_only) this.removeAll([entry]);
  }

  /**
   * The topmost object at a point of the image, as it is drawn: the current object is on top.
   *
   * @param {Point} point
   * @param {ObjectEntry | null} [except] an object that is ignored
   */
  entryAt(point, except = null) {
    const { current, stacked } = this;
    const all = current ? [...stacked, current] : stacked;
    return all.findLast((entry) => entry !== except && !entry.hidden && entry.mask && contains(entry.mask, ...point)) ?? null;
  }

  /** @param {ObjectEntry} entry */
  numberOf(entry) {
    return this.entries.indexOf(entry) + 1;
  }

  /** Say that a locked object stays as it is. @param {ObjectEntry} entry */
  refuse(entry) {
    this.listener.onToast(text("objects.isLocked", { number: this.numberOf(entry) }));
  }

  /** Show an object that may be hidden, alone if another one is. @param {ObjectEntry} entry */
  reveal(entry) {
    if (this.alone) this.setHidden(this.entries.filter((each) => each !== entry), true);
    if (entry.hidden) this.setHidden([entry], false);
  }

  /** @param {ObjectEntry[]} entries @param {boolean} hidden */
  setHidden(entries, hidden) {
    for (const entry of entries) {
      entry.hidden = hidden;
      this.leave(entry);
      this.remember(entry);
    }
    this.listener.onChange();
  }

  /** Deselect an object that can no longer be worked on. @param {ObjectEntry} entry */
  leave(entry) {
    if (entry.reachable || this.current !== entry) return;
    this.current = null;
    this.selected = null;
  }

  /** Keep that an object is hidden or locked, once it has an id. @param {ObjectEntry} entry */
  remember({ id, hidden, locked }) {
    if (id === null) return;
    if (hidden) this.#hidden.add(id);
    else this.#hidden.delete(id);
    this.locks.set(id, locked);
  }

  /** @param {ObjectEntry | null} entry null for an object that is being begun */
  colourOf(entry) {
    const { label, entries, project } = this;
    return colourOf(entry, { labels: project?.labels ?? [], label, entries, byObject: this.byObject() });
  }

  /** @param {ObjectEntry} entry */
  labelName(entry) {
    return this.project?.labels.find((each) => each.id === entry.optimistic.label)?.name ?? text("objects.noLabel");
  }

  /** Update the numbers of objects in the list of images. Objects undone to nothing are not counted. */
  updateCounts() {
    const counted = this.entries.filter((entry) => entry.counted);
    if (this.image) this.folder.count(this.image.id, counted.map((entry) => entry.optimistic));
    this.listener.onChange();
  }
}
