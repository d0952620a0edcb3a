/** The objects of the open image: which there are, which one is the current one. */

import { Folder } from "./folder.js";
import { ObjectEntry } from "./objectentry.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} Listener
 * @property {() => void} onChange something is to be shown anew
 * @property {(sentence: string) => void} onSay something a screen reader should tell
 * @property {(sentence: string, undo?: () => void) => void} onToast
 */

export class ObjectList {
  /** @type {ImageOpened | null} */
  image = null;
  /** @type {number | null} the image that is being opened */
  opening = null;
  /** @type {ObjectEntry[]} of the open image, without the deleted ones */
  entries = [];
  /** @type {ObjectEntry | null} */
  current = null;
  /** @type {number | null} the prompt that is selected, its place among the steps of the current object */
  selected = null;
  /** @type {number | null} for objects that are begun from now on */
  label = null;
  /** Takes back the last deletion or acceptance, until something else is done. @type {(() => void) | null} */
  withdrawLast = null;
  /** Those with actions on their way, whatever image is open. @type {Map<Lane, ObjectEntry>} */
  known = new Map();
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

  /** To be called before an image is asked for: what is heard of its objects from then on is newer than what comes. */
  forgetSettled() {
    for (const [lane, entry] of this.known) if (!entry.busy) this.known.delete(lane);
  }

  closeImage() {
    this.image = null;
    this.entries = [];
    this.current = null;
    this.selected = null;
    this.withdrawLast = null;
  }

  /** Send what waits without an answer at once. */
  retryNow() {
    this.queue.retryNow();
  }

  /** The objects of an image that was just opened, with those of which something newer is known. */
  /** @param {ImageOpened} image */
  setObjects(image) {
    const known = [...this.known.values()].filter((entry) => entry.image === image.id);
    const ids = new Map(known.map((entry) => [entry.id, entry]));
    this.entries = image.objects.map((state) => {
      const entry = ids.get(state.id);
      const newer = entry && (entry.busy || (entry.confirmed?.revision ?? -1) >= state.revision);
      return newer ? entry : this.createEntry(this.queue.lane(state), image.id);
    });
    const there = new Set(this.entries.map((entry) => entry.id));
    const others = known.filter((entry) => entry.id === null || !there.has(entry.id));
    this.entries = [...this.entries, ...others].filter((entry) => !entry.optimistic.deleted);
    this.current = this.entries.findLast((entry) => !entry.optimistic.accepted) ?? null;
    this.updateCounts();
  }

  /** @param {number} image @param {import("./types.js").ObjectState[]} states of objects that the server made by itself */
  add(image, states) {
    if (this.image?.id !== image) return this.folder.addTo(image, false, states.length);
    const there = new Set(this.entries.map((entry) => entry.id));
    const entries = states.filter(({ id }) => !there.has(id)).map((state) => this.createEntry(this.queue.lane(state), image));
    this.entries = [...this.entries, ...entries];
    this.select(entries.at(-1) ?? this.current);
    this.updateCounts();
  }

  /** @param {Lane} lane @param {number} image */
  createEntry(lane, image) {
    const entry = new ObjectEntry(lane, image);
    this.known.set(lane, entry);
    return entry;
  }

  /**
   * @param {ObjectEntry | null} entry
   * @param {number | null} prompt of it
   */
  select(entry, prompt = null) {
    this.withdrawLast = null;
    this.current = entry;
    this.selected = prompt;
    this.listener.onChange();
  }

  /** @param {1 | -1} by */
  cycle(by) {
    const count = this.entries.length;
    if (!count) return;
    const at = this.current ? this.entries.indexOf(this.current) : by > 0 ? -1 : 0;
    const next = this.entries[(at + by + count) % count];
    this.select(next);
    this.listener.onSay(`Object ${this.entries.indexOf(next) + 1} of ${count}: ${this.labelName(next)}`);
  }

  /** @param {ObjectEntry} entry */
  labelName(entry) {
    const label = this.project?.labels.find((each) => each.id === entry.optimistic.label);
    return label ? label.name : "no label";
  }

  /** Update the numbers of objects in the list of images. Objects undone to nothing are not counted. */
  updateCounts() {
    const counted = this.entries.filter((entry) => entry.counted);
    if (this.image) this.folder.count(this.image.id, counted.map((entry) => entry.optimistic.accepted));
    this.listener.onChange();
  }
}
