/**
 * The objects of the open image and everything that a person can do to them.
 *
 * It knows the server through the queue and the screen not at all; whoever shows it listens with `onChange`.
 */

import { newKey } from "./queue.js";
import { Roster } from "./roster.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Action} Action */
/** @typedef {import("./objects.js").Thing} Thing */
/** @typedef {import("./roster.js").Listener} Listener */

export class Bench extends Roster {
  /**
   * A prompt, a stroke or whatever else for the current object, which is begun if there is none.
   *
   * @param {Step} step
   */
  act(step) {
    if (!this.image || this.opening !== null) return;
    if (!this.current) {
      if (step.type === "clear" || step.type === "remove") return;
      if (step.type === "brush" && !step.positive) return this.listener.onToast("There is nothing to erase: select an object first.");
      const { id, width, height } = this.image;
      const thing = this.adopt(this.queue.lane(), id);
      this.things = [...this.things, thing];
      this.current = thing;
      this.#push(thing, { type: "create", key: newKey(), image: id, label: this.label, size: [width, height] });
      this.count();
    }
    this.selected = null;
    this.#push(this.current, { type: "step", key: newKey(), step });
  }

  /** @param {Thing} thing @param {Action} action */
  #push(thing, action) {
    this.takeBack = null;
    this.known.set(thing.lane, thing);
    this.queue.push(thing.lane, action);
    this.listener.onChange();
  }

  get canUndo() {
    if (this.takeBack) return true;
    return this.current ? this.current.seen.at > 0 : this.things.some((thing) => thing.seen.accepted);
  }

  get canRedo() {
    return this.current !== null && this.current.seen.at < this.current.seen.steps.length;
  }

  /** @param {"undo" | "redo"} turn */
  turn(turn) {
    if (!(turn === "undo" ? this.canUndo : this.canRedo)) return;
    this.selected = null;
    if (turn === "undo" && this.takeBack) this.takeBack();
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

  /** Objects that an export would leave out, although there is something of them. */
  get unaccepted() {
    return this.things.filter((thing) => !thing.seen.accepted && (thing.busy || thing.area > 0));
  }

  /** Accept the current object; the next prompt begins another one. */
  accept() {
    const thing = this.current;
    if (!thing) return;
    if (thing.area === 0 && !thing.busy) {
      this.listener.onToast("This object is empty. Give it a prompt first, or delete it.");
      return;
    }
    const back = thing.seen.accepted ? null : this.acceptAll([thing]);
    this.listener.onSay("Object accepted");
    this.select(null);
    this.takeBack = back;
  }

  /** @param {Thing[]} things @returns {() => void} takes it back; the last of them is then the current object */
  acceptAll(things) {
    for (const thing of things) this.#push(thing, { type: "change", change: { accepted: true } });
    this.count();
    return () => this.unaccept(things);
  }

  /** @param {Thing[]} accepted that are then not accepted any more */
  unaccept(accepted) {
    // Those of an image that was left and opened again are others.
    const things = accepted.map((thing) => this.things.find(({ id }) => id !== null && id === thing.id) ?? thing);
    for (const thing of things) {
      if (thing.deleted || !thing.seen.accepted) continue;
      this.#push(thing, { type: "change", change: { accepted: false } });
      if (this.image?.id === thing.image) continue;
      this.folder.addTo(thing.image, true, -1);
      this.folder.addTo(thing.image, false, 1);
    }
    const here = this.things.findLast((thing) => things.includes(thing));
    if (here) this.select(here);
    this.listener.onSay(things.length === 1 ? "Not accepted any more" : `${things.length} objects are not accepted any more`);
    this.count();
  }

  /** @param {Thing} thing */
  remove(thing) {
    const place = this.things.indexOf(thing);
    this.things = this.things.filter((each) => each !== thing);
    if (this.current === thing) this.select(null);
    thing.deleted = true;
    this.#push(thing, { type: "change", change: { deleted: true } });
    this.count();
    this.takeBack = () => this.#restore(thing, place);
    this.listener.onToast("Object deleted", this.takeBack);
  }

  /** @param {Thing} thing @param {number} place in the list */
  #restore(thing, place) {
    if (!thing.deleted) return;
    thing.deleted = false;
    this.#push(thing, { type: "change", change: { deleted: false } });
    if (this.image?.id !== thing.image) return this.folder.addTo(thing.image, thing.seen.accepted, 1);
    this.things = [...this.things.slice(0, place), thing, ...this.things.slice(place)];
    this.select(thing);
    this.count();
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
    const thing = this.known.get(lane);
    if (thing && newest) {
      try {
        thing.show(body);
      } catch (error) {
        this.listener.onToast(`The mask cannot be shown: ${sentenceOf(error)}`);
      }
      // Listed by the server before it told of its making, it is there twice.
      if (this.things.includes(thing)) this.things = this.things.filter((each) => each === thing || each.id !== thing.id);
      else if (thing.image !== this.opening) this.known.delete(lane);
      if (body.deleted && !thing.deleted) {
        this.#push(thing, { type: "change", change: { deleted: false } });
        this.listener.onToast("This object had been deleted elsewhere. It is kept, as you went on with it.");
      }
      if (thing === this.current) this.listener.onSay(`Mask: ${body.area.toLocaleString("en").replaceAll(",", " ")} pixels`);
      this.count();
    }
    this.listener.onChange();
  }

  /**
   * The server said no to an action.
   *
   * @param {Lane} lane
   * @param {Action} action
   * @param {string} sentence
   * @param {boolean} certain whether it keeps nothing of it
   */
  onRefused(lane, action, sentence, certain) {
    const thing = this.known.get(lane);
    // An object that was begun with this prompt would be left empty.
    const empty = certain && action.type === "step" && !lane.waiting.length && !lane.state?.steps.length;
    if (thing && (empty || action.type === "create")) {
      if (empty) {
        thing.deleted = true;
        this.#push(thing, { type: "change", change: { deleted: true } });
      }
      this.things = this.things.filter((each) => each !== thing);
      if (this.current === thing) this.select(null);
      this.count();
    }
    if (action.type === "done") this.folder.takeBack(action);
    this.listener.onToast(sentence);
    this.listener.onChange();
  }
}
