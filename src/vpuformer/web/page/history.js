/** The answers of an object, one for each number of prompts, kept small; see `vpuformer.inference.session`. */

import { Answer } from "./answer.js";
import { maskOfRows, rowsOf } from "./rows.js";

/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {{logits: Float32Array, crop: import("./crop.js").Crop, known: Rows | null}} Kept */

export class History {
  /** The answer to the first prompt first. @type {Kept[]} */
  #kept = [];
  /** The answer that is complete. @type {{count: number, answer: Answer} | null} */
  #newest = null;
  #size;

  /** @param {import("./crop.js").Size} size of the image */
  constructor(size) {
    this.#size = size;
  }

  /** The answer to the first `count` prompts; null to none. @param {number} count */
  at(count) {
    if (this.#newest?.count === count) return this.#newest.answer;
    const kept = this.#kept[count - 1];
    return kept ? new Answer(kept.logits, kept.crop, this.#size, kept.known && maskOfRows(kept.known)) : null;
  }

  /** Keep the answer to the first `count` prompts, and forget later ones. @param {Answer} answer @param {number} count */
  push(answer, count) {
    const rows = rowsOf(answer.mask, this.#size);
    this.#kept.length = count - 1;
    this.#kept.push({ logits: answer.logits, crop: answer.crop, known: answer.known && rows });
    this.#newest = { count, answer };
    return rows;
  }
}
