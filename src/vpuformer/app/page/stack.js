/** The order of the objects of an image, from back to front. */

/** @typedef {import("./objectentry.js").ObjectEntry} ObjectEntry */

export class Stack {
  /** Places of the objects by their ids, as far as they are known. @type {Map<number, number>} */
  #places = new Map();

  /** @param {number[]} order ids from back to front */
  read(order) {
    this.#places = new Map(order.map((id, place) => [id, place]));
  }

  /** Objects from back to front; those without a place, such as new ones, are in front. @param {ObjectEntry[]} entries */
  sorted(entries) {
    const places = this.#places;
    /** @param {ObjectEntry} entry */
    const placeOf = ({ id }) => (id === null ? undefined : places.get(id)) ?? places.size;
    return [...entries].sort((a, b) => placeOf(a) - placeOf(b));
  }
}
