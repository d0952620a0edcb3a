/**
 * The objects of the open picture and everything that a person can do to them.
 *
 * It knows the server through the queue and the screen not at all; whoever shows it listens with `onChange`.
 */

import { Folder } from "./folder.js";
import { Thing } from "./objects.js";
import { newKey } from "./queue.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./types.js").PictureOpened} PictureOpened */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Action} Action */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} Listener
 * @property {() => void} onChange something is to be shown anew
 * @property {(sentence: string) => void} onSay something a screen reader should tell
 * @property {(sentence: string, undo?: () => void) => void} onToast
 */

export class Bench {
  /** @type {PictureOpened | null} */
  picture = null;
  /** @type {number | null} the picture that is being opened */
  opening = null;
  /** @type {Thing[]} of the open picture, without the deleted ones */
  things = [];
  /** @type {Thing | null} */
  current = null;
  /** @type {number | null} the prompt that is selected, its place among the steps of the current object */
  selected = null;
  /** @type {number | null} for objects that are begun from now on */
  label = null;
  /** The object that was deleted last, until something else is done. @type {{thing: Thing, place: number} | null} */
  #removed = null;
  /** Those with actions on their way, whatever picture is open. @type {Map<Lane, Thing>} */
  #known = new Map();
  #queue;

  /**
   * @param {Queue} queue
   * @param {Listener} listener
   */
  constructor(queue, listener) {
    this.#queue = queue;
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

  /** To be called before a picture is asked for: what is heard of its objects from then on is newer than what comes. */
  forget() {
    for (const [lane, thing] of this.#known) if (!thing.busy) this.#known.delete(lane);
  }

  leave() {
    this.picture = null;
    this.things = [];
    this.current = null;
    this.selected = null;
    this.#removed = null;
  }

  /** Send what waits without an answer at once. */
  kick() {
    this.#queue.kick();
  }

  /** The objects of a picture that was just opened, with those of which something newer is known. */
  /** @param {PictureOpened} picture */
  gather(picture) {
    const known = [...this.#known.values()].filter((thing) => thing.picture === picture.id);
    const ids = new Map(known.map((thing) => [thing.id, thing]));
    this.things = picture.objects.map((state) => {
      const thing = ids.get(state.id);
      const newer = thing && (thing.busy || (thing.shown?.revision ?? -1) >= state.revision);
      return newer ? thing : this.#adopt(this.#queue.lane(state), picture.id);
    });
    const there = new Set(this.things.map((thing) => thing.id));
    const others = known.filter((thing) => thing.id === null || !there.has(thing.id));
    this.things = [...this.things, ...others].filter((thing) => !thing.seen.deleted);
    this.current = this.things.findLast((thing) => !thing.seen.accepted) ?? null;
    this.#count();
  }

  /** @param {number} picture @param {import("./types.js").ObjectState[]} states of objects that the server made by itself */
  add(picture, states) {
    if (this.picture?.id !== picture) return this.folder.addTo(picture, false, states.length);
    const there = new Set(this.things.map((thing) => thing.id));
    const things = states.filter(({ id }) => !there.has(id)).map((state) => this.#adopt(this.#queue.lane(state), picture));
    this.things = [...this.things, ...things];
    this.select(things.at(-1) ?? this.current);
    this.#count();
  }

  /** @param {Lane} lane @param {number} picture */
  #adopt(lane, picture) {
    const thing = new Thing(lane, picture);
    this.#known.set(lane, thing);
    return thing;
  }

  /**
   * A prompt, a stroke or whatever else for the current object, which is begun if there is none.
   *
   * @param {Step} step
   */
  act(step) {
    if (!this.picture || this.opening !== null) return;
    if (!this.current) {
      if (step.type === "clear" || step.type === "remove") return;
      if (step.type === "brush" && !step.positive) return this.listener.onToast("There is nothing to erase: select an object first.");
      const thing = this.#adopt(this.#queue.lane(), this.picture.id);
      this.things = [...this.things, thing];
      this.current = thing;
      this.#push(thing, { type: "create", key: newKey(), picture: this.picture.id, label: this.label });
      this.#count();
    }
    this.selected = null;
    this.#push(this.current, { type: "step", key: newKey(), step });
  }

  /** @param {Thing} thing @param {Action} action */
  #push(thing, action) {
    this.#removed = null;
    this.#known.set(thing.lane, thing);
    this.#queue.push(thing.lane, action);
    this.listener.onChange();
  }

  get canUndo() {
    if (this.#removed) return true;
    return this.current ? this.current.seen.at > 0 : this.things.some((thing) => thing.seen.accepted);
  }

  get canRedo() {
    return this.current !== null && this.current.seen.at < this.current.seen.steps.length;
  }

  /** @param {"undo" | "redo"} turn */
  turn(turn) {
    if (!(turn === "undo" ? this.canUndo : this.canRedo)) return;
    this.selected = null;
    if (turn === "undo" && this.#removed) this.#restore(this.#removed);
    else if (this.current) this.#push(this.current, { type: "turn", turn });
    else this.select(this.things.findLast((thing) => thing.seen.accepted) ?? null); // to correct what was accepted
  }

  clear() {
    if (this.current && this.current.seen.at > 0) this.act({ type: "clear" });
  }

  /** @param {number} index of a prompt of the current object */
  removePrompt(index) {
    const thing = this.current;
    if (!thing || !thing.seen.steps[index]?.live) return;
    this.act({ type: "remove", step: index });
  }

  /** Accept the current object; the next prompt begins another one. */
  accept() {
    const thing = this.current;
    if (!thing) return;
    if (thing.area === 0 && !thing.busy) {
      this.listener.onToast("This object is empty. Give it a prompt first, or delete it.");
      return;
    }
    if (!thing.seen.accepted) this.#push(thing, { type: "change", change: { accepted: true } });
    this.listener.onSay("Object accepted");
    this.select(null);
    this.#count();
  }

  /**
   * @param {Thing | null} thing
   * @param {number | null} prompt of it
   */
  select(thing, prompt = null) {
    this.#removed = null;
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

  /** @param {Thing} thing */
  remove(thing) {
    const place = this.things.indexOf(thing);
    this.things = this.things.filter((each) => each !== thing);
    if (this.current === thing) this.select(null);
    thing.deleted = true;
    this.#push(thing, { type: "change", change: { deleted: true } });
    this.#count();
    this.#removed = { thing, place };
    this.listener.onToast("Object deleted", () => this.#restore({ thing, place }));
  }

  /** @param {{thing: Thing, place: number}} removed */
  #restore({ thing, place }) {
    if (!thing.deleted) return;
    thing.deleted = false;
    this.#push(thing, { type: "change", change: { deleted: false } });
    if (this.picture?.id !== thing.picture) return this.folder.addTo(thing.picture, thing.seen.accepted, 1);
    this.things = [...this.things.slice(0, place), thing, ...this.things.slice(place)];
    this.select(thing);
    this.#count();
  }

  /** @param {number | null} label for the current object and those that follow */
  chooseLabel(label) {
    this.label = label;
    if (this.current && this.current.seen.label !== label) {
      this.#push(this.current, { type: "change", change: { label } });
    }
    this.listener.onChange();
  }

  /**
   * A reply of the server, from the queue.
   *
   * @param {Lane} lane
   * @param {any} body
   * @param {boolean} newest whether nothing newer is on its way
   */
  onReply(lane, body, newest) {
    const thing = this.#known.get(lane);
    if (thing && newest) {
      try {
        thing.show(body);
      } catch (error) {
        this.listener.onToast(`The mask cannot be shown: ${sentenceOf(error)}`);
      }
      // Listed by the server before it told of its making, it is there twice.
      if (this.things.includes(thing)) this.things = this.things.filter((each) => each === thing || each.id !== thing.id);
      else if (thing.picture !== this.opening) this.#known.delete(lane);
      if (body.deleted && !thing.deleted) {
        this.#push(thing, { type: "change", change: { deleted: false } });
        this.listener.onToast("This object had been deleted elsewhere. It is kept, as you went on with it.");
      }
      if (thing === this.current) this.listener.onSay(`Mask: ${body.area.toLocaleString("en").replaceAll(",", " ")} pixels`);
      this.#count();
    }
    this.listener.onChange();
  }

  /**
   * The server said no to an action.
   *
   * @param {Lane} lane
   * @param {Action} action
   * @param {string} sentence
   */
  onRefused(lane, action, sentence) {
    const thing = this.#known.get(lane);
    if (thing && action.type === "create") {
      this.things = this.things.filter((each) => each !== thing);
      if (this.current === thing) this.select(null);
      this.#count();
    }
    if (action.type === "done") this.folder.takeBack(action);
    this.listener.onToast(sentence);
    this.listener.onChange();
  }

  /** Keep the numbers of objects in the list of pictures. */
  #count() {
    if (this.picture) this.folder.count(this.picture.id, this.things.map((thing) => thing.seen.accepted));
    this.listener.onChange();
  }
}
