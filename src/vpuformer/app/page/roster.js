/** The objects of the open image: which there are, which one is the current one. */

import { Folder } from "./folder.js";
import { Thing } from "./objects.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} Listener
 * @property {() => void} onChange something is to be shown anew
 * @property {(sentence: string) => void} onSay something a screen reader should tell
 * @property {(sentence: string, undo?: () => void) => void} onToast
 */

export class Roster {
  /** @type {ImageOpened | null} */
  image = null;
  /** @type {number | null} the image that is being opened */
  opening = null;
  /** @type {Thing[]} of the open image, without the deleted ones */
  things = [];
  /** @type {Thing | null} */
  current = null;
  /** @type {number | null} the prompt that is selected, its place among the steps of the current object */
  selected = null;
  /** @type {number | null} for objects that are begun from now on */
  label = null;
  /** Takes back the last deletion or acceptance, until something else is done. @type {(() => void) | null} */
  takeBack = null;
  /** Those with actions on their way, whatever image is open. @type {Map<Lane, Thing>} */
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
  forget() {
    for (const [lane, thing] of this.known) if (!thing.busy) this.known.delete(lane);
  }

  leave() {
    this.image = null;
    this.things = [];
    this.current = null;
    this.selected = null;
    this.takeBack = null;
  }

  /** Send what waits without an answer at once. */
  kick() {
    this.queue.kick();
  }

  /** The objects of an image that was just opened, with those of which something newer is known. */
  /** @param {ImageOpened} image */
  gather(image) {
    const known = [...this.known.values()].filter((thing) => thing.image === image.id);
    const ids = new Map(known.map((thing) => [thing.id, thing]));
    this.things = image.objects.map((state) => {
      const thing = ids.get(state.id);
      const newer = thing && (thing.busy || (thing.shown?.revision ?? -1) >= state.revision);
      return newer ? thing : this.adopt(this.queue.lane(state), image.id);
    });
    const there = new Set(this.things.map((thing) => thing.id));
    const others = known.filter((thing) => thing.id === null || !there.has(thing.id));
    this.things = [...this.things, ...others].filter((thing) => !thing.seen.deleted);
    this.current = this.things.findLast((thing) => !thing.seen.accepted) ?? null;
    this.count();
  }

  /** @param {number} image @param {import("./types.js").ObjectState[]} states of objects that the server made by itself */
  add(image, states) {
    if (this.image?.id !== image) return this.folder.addTo(image, false, states.length);
    const there = new Set(this.things.map((thing) => thing.id));
    const things = states.filter(({ id }) => !there.has(id)).map((state) => this.adopt(this.queue.lane(state), image));
    this.things = [...this.things, ...things];
    this.select(things.at(-1) ?? this.current);
    this.count();
  }

  /** @param {Lane} lane @param {number} image */
  adopt(lane, image) {
    const thing = new Thing(lane, image);
    this.known.set(lane, thing);
    return thing;
  }

  /**
   * @param {Thing | null} thing
   * @param {number | null} prompt of it
   */
  select(thing, prompt = null) {
    this.takeBack = null;
    this.current = thing;
    this.selected = prompt;
    this.listener.onChange();
  }

  /** @param {1 | -1} by */
  cycle(by) {
    const count = this.things.length;
    if (!count) return;
    const at = this.current ? this.things.indexOf(this.current) : by > 0 ? -1 : 0;
    const next = this.things[(at + by + count) % count];
    this.select(next);
    this.listener.onSay(`Object ${this.things.indexOf(next) + 1} of ${count}: ${this.labelName(next)}`);
  }

  /** @param {Thing} thing */
  labelName(thing) {
    const label = this.project?.labels.find((each) => each.id === thing.seen.label);
    return label ? label.name : "no label";
  }

  /** Keep the numbers of objects in the list of images. */
  count() {
    if (this.image) this.folder.count(this.image.id, this.things.map((thing) => thing.seen.accepted));
    this.listener.onChange();
  }
}
