/**
 * Everything that a person can do to the objects of the open image.
 *
 * Changes go to the server through the queue. Views listen with `onChange`.
 */

import { Accepting } from "./accepting.js";
import { candidateText, nextCandidate } from "./candidates.js";
import { newKey } from "./queue.js";
import { contains } from "./rle.js";
import { sentenceOf } from "./sentence.js";
import { livePrompts } from "./steps.js";
import { text } from "./texts.js";
import { sameTidying, tidyingOf, UNTIDIED } from "./tidy.js";

/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Action} Action */
/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */
/** @typedef {import("./objectlist.js").Listener} Listener */

export class Workspace extends Accepting {
  /** Sends what is still being moved, before another change: sliders, prompts and corners rest for a moment. */
  flush = () => {};

  /**
   * Add a step to the current object, or begin an object with it.
   *
   * @param {Step} step
   */
  act(step) {
    if (!this.image || this.opening !== null) return;
    this.flush();
    if (step.type === "click" && step.positive && this.#isTaken(this.current, step.point)) return;
    const entry = this.current ?? this.#begin(step);
    if (!entry) return;
    this.selected = null;
    this.#pushStep(entry, step);
    this.updateCounts();
  }

  /** Begin an object, unless this step has nothing to act on. @param {Step} step */
  #begin(step) {
    if (!this.image || step.type === "clear" || step.type === "remove") return null;
    if (step.type === "brush" && !step.positive) {
      this.listener.onToast(text("tools.nothingToErase"));
      return null;
    }
    const { id, width, height, version } = this.image;
    const entry = this.createEntry(this.queue.lane(), id);
    this.entries = [...this.entries, entry];
    this.select(entry);
    this.push(entry, { type: "create", key: newKey(), image: id, label: this.label, seen: { size: [width, height], version } });
    return entry;
  }

  /**
   * Say so if an object that is kept off has a point.
   *
   * @param {ObjectEntry | null} entry
   * @param {import("./types.js").Point} point
   */
  #isTaken(entry, point) {
    const taken = this.keptOff(entry).find(({ mask }) => mask && contains(mask, ...point));
    if (taken) this.listener.onToast(text("objects.isKeptOff", { number: this.numberOf(taken) }));
    return taken !== undefined;
  }

  /**
   * Add a step that is made of other objects' masks to the current object.
   *
   * @param {Step} step
   * @param {ObjectEntry[]} others
   */
  actOn(step, others = []) {
    if (!this.current || this.opening !== null) return;
    this.flush();
    this.selected = null;
    this.push(this.current, { type: "step", key: newKey(), step, after: others.map(({ lane }) => lane) });
    this.updateCounts();
  }

  /** Objects whose pixels a step on this one leaves out. @param {ObjectEntry | null} entry */
  keptOff(entry) {
    if (!this.keepOff()) return [];
    return this.entries.filter((each) => each !== entry && (each.locked || each.optimistic.accepted));
  }

  /** @param {ObjectEntry} entry @param {Step} step */
  #pushStep(entry, step) {
    this.push(entry, { type: "step", key: newKey(), step, keepOff: this.keptOff(entry).map(({ lane }) => lane) });
  }

  get canUndo() {
    if (this.withdrawLast) return true;
    return this.current ? this.current.optimistic.at > 0 : this.resumed !== null;
  }

  get canRedo() {
    return this.current !== null && this.current.optimistic.at < this.current.optimistic.steps.length;
  }

  /** @param {"undo" | "redo"} direction */
  undoRedo(direction) {
    if (!(direction === "undo" ? this.canUndo : this.canRedo)) return;
    this.selected = null;
    if (direction === "undo" && this.withdrawLast) {
      const back = this.withdrawLast;
      back();
      this.listener.onUndone(back);
    } else if (this.current) {
      this.push(this.current, { type: "undoRedo", direction });
      this.updateCounts();
    } else this.select(this.resumed); // the next undo is about its steps
  }

  clear() {
    if (this.current && this.current.optimistic.at > 0) this.act({ type: "clear" });
  }

  /** Replace the mask by the next candidate for the prompts. */
  choose() {
    const { current } = this;
    if (!current || !livePrompts(current.optimistic).length) {
      this.listener.onToast(text("stage.noPrompts"));
      return;
    }
    const index = nextCandidate(current.optimistic, current.confirmed?.choice ?? null);
    this.#undoLast(current, "choose");
    this.#pushStep(current, { type: "choose", index });
    this.updateCounts();
  }

  /**
   * Tidy the mask as it was before it was tidied last.
   *
   * @param {ObjectEntry} entry
   * @param {import("./tidy.js").Tidying} values
   */
  tidy(entry, values) {
    if (entry.deleted || entry.locked || !entry.optimistic.at) return;
    this.#undoLast(entry, "tidy");
    if (!sameTidying(values, tidyingOf(entry.optimistic) ?? UNTIDIED)) this.#pushStep(entry, { type: "tidy", ...values });
    this.updateCounts();
  }

  /** Undo the last step if it has this type: a person tries several. @param {ObjectEntry} entry @param {Step["type"]} type */
  #undoLast(entry, type) {
    const { steps, at } = entry.optimistic;
    if (steps[at - 1]?.type === type) this.push(entry, { type: "undoRedo", direction: "undo" });
  }

  /** @param {number} index index of a prompt among the steps of the current object */
  removePrompt(index) {
    const entry = this.current;
    if (!entry || !entry.optimistic.steps[index]?.live) return;
    this.act({ type: "remove", step: index });
  }

  /**
   * Move a prompt of an object, or resize it.
   *
   * @param {ObjectEntry} entry
   * @param {number} index of the prompt among the steps
   * @param {import("./promptgrips.js").Place} place
   */
  movePrompt(entry, index, place) {
    const prompt = entry.optimistic.steps[index];
    if (entry.deleted || entry.locked || !prompt?.live) return;
    if (prompt.positive && place.point && this.#isTaken(entry, place.point)) return;
    if (this.current === entry) this.selected = index;
    this.#pushStep(entry, { type: "move", step: index, ...place });
  }

  /**
   * Replace the mask of an object by a polygon.
   *
   * @param {ObjectEntry} entry
   * @param {import("./polygon.js").Outlines} outlines
   */
  reshape(entry, outlines) {
    if (entry.deleted || entry.locked) return;
    if (this.current === entry) this.selected = null;
    this.#pushStep(entry, { type: "polygon", outlines });
    this.updateCounts();
  }

  /** @param {ObjectEntry[]} entries in the order of the list */
  remove(entries) {
    const locked = entries.find((entry) => entry.locked);
    if (locked) return this.refuse(locked);
    const former = entries.map((entry) => ({ entry, index: this.entries.indexOf(entry) })).sort((a, b) => a.index - b.index);
    this.removeAll(entries);
    this.withdrawLast = () => former.forEach(({ entry, index }) => this.#restore(entry, index));
    this.listener.onToast(entries.length === 1 ? text("object.deleted") : text("objects.deleted", { count: entries.length }), this.withdrawLast);
  }

  /** @param {ObjectEntry} entry @param {number} index position in the list */
  #restore(entry, index) {
    if (!entry.deleted) return;
    entry.deleted = false;
    this.push(entry, { type: "change", change: { deleted: false } });
    if (this.image?.id !== entry.image) {
      if (entry.counted) this.folder.addTo(entry.image, entry.optimistic.accepted, 1);
      return;
    }
    this.entries = [...this.entries.slice(0, index), entry, ...this.entries.slice(index)];
    this.select(entry);
    this.updateCounts();
  }

  /**
   * Take a reply of the server from the queue.
   *
   * @param {Lane} lane
   * @param {any} body
   * @param {boolean} newest whether no newer action is pending
   */
  onReply(lane, body, newest) {
    const entry = this.known.get(lane);
    if (entry && newest) {
      this.takeReview(body);
      try {
        entry.confirm(body);
      } catch (error) {
        this.listener.onToast(text("object.maskUnreadable", { reason: sentenceOf(error) }));
      }
      // The list of objects may contain it already, if it came before the reply that created it.
      if (this.entries.includes(entry)) this.entries = this.entries.filter((each) => each === entry || each.id !== entry.id);
      else if (entry.image !== this.opening && entry.image !== this.image?.id) this.known.delete(lane);
      if (body.deleted && !entry.deleted) {
        this.push(entry, { type: "change", change: { deleted: false } });
        this.listener.onToast(text("object.deletedByOther"));
      }
      this.remember(entry);
      if (entry === this.current) {
        const area = text("status.mask", { count: body.area });
        this.listener.onSay(body.choice ? text("stage.candidateAndMask", { candidate: candidateText(body.choice), mask: area }) : area);
      }
      this.updateCounts();
    }
    this.listener.onChange();
  }

  /**
   * Handle an action that the server refused.
   *
   * @param {Lane} lane
   * @param {Action} action
   * @param {string} sentence
   * @param {boolean} certain whether the server stored nothing of it
   */
  onRefused(lane, action, sentence, certain) {
    const entry = this.known.get(lane);
    // An object that began with this prompt would stay empty.
    const empty = certain && action.type === "step" && !lane.waiting.length && !lane.state?.steps.length;
    if (entry && (empty || action.type === "create")) {
      if (empty) {
        entry.deleted = true;
        this.push(entry, { type: "change", change: { deleted: true } });
      }
      this.entries = this.entries.filter((each) => each !== entry);
      if (this.current === entry) this.select(null);
      this.updateCounts();
    }
    if (action.type === "image") this.folder.revert(action);
    this.listener.onToast(sentence);
    this.listener.onChange();
  }
}
