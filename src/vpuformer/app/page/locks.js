/**
 * Objects that are locked in this browser, by their ids.
 *
 * A lock guards against a person's own slips. It is not in the store, so that nobody locks out anybody else.
 */

import { keep, recall } from "./storage.js";

const KEY = "vpuformer-locked";

export class Locks {
  #project = "";
  /** @type {Set<number>} */
  #ids = new Set();

  /** @param {string} project its id: folders of one name may hold others, with the same ids of objects */
  open(project) {
    this.#project = project;
    this.#read();
  }

  #read() {
    const kept = recall(`${KEY}:${this.#project}`);
    if (Array.isArray(kept)) this.#ids = new Set(kept);
  }

  /** @param {number} id of an object */
  has(id) {
    return this.#ids.has(id);
  }

  /** @param {number} id of an object @param {boolean} locked */
  set(id, locked) {
    if (this.has(id) === locked) return;
    this.#read(); // another window may have changed it
    if (locked) this.#ids.add(id);
    else this.#ids.delete(id);
    keep(`${KEY}:${this.#project}`, [...this.#ids]);
  }
}
