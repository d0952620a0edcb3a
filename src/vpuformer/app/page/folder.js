/** The folder of pictures: what is in it, what a search finds, where the person is, what is done. */

/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").PictureListed} PictureListed */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */

/**
 * The pictures whose names hold all words of a search.
 *
 * @param {PictureListed[]} pictures
 * @param {string} search
 */
export function matching(pictures, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return pictures;
  return pictures.filter((picture) => {
    const name = picture.name.toLowerCase();
    return words.every((word) => name.includes(word));
  });
}

export class Folder {
  /** @type {Project | null} */
  project = null;
  /** What the search finds: everything while there is none. @type {PictureListed[]} */
  found = [];
  /** Grows with every change of how many objects pictures have and which are done. */
  changes = 0;
  #search = "";
  /** @type {Map<number, PictureListed>} */
  #listed = new Map();
  /** @type {Map<number, Lane>} */
  #lanes = new Map();
  #queue;

  /** @param {Queue} queue */
  constructor(queue) {
    this.#queue = queue;
  }

  /**
   * @param {Project} project
   * @returns {number | null} the picture to begin with
   */
  read(project) {
    this.project = project;
    this.#listed = new Map(project.pictures.map((picture) => [picture.id, picture]));
    this.search(this.#search);
    if (project.place !== null && this.#listed.has(project.place)) return project.place;
    return project.pictures[0]?.id ?? null;
  }

  /**
   * Take over what the server lists by now.
   *
   * @param {Project} fresh
   * @param {{open: number | undefined, counted: boolean}} how the picture that is open, which stays in the list and whose
   *   objects are known here; and whether the numbers of the others are newer than those here
   */
  update(fresh, { open, counted }) {
    const { project } = this;
    if (!project) return;
    const pictures = fresh.pictures.map((picture) => {
      const known = this.#listed.get(picture.id);
      if (known && counted && picture.id !== open) Object.assign(known, picture);
      return known ?? picture;
    });
    const at = this.indexOf(open);
    if (at >= 0 && !pictures.some(({ id }) => id === open)) pictures.splice(at, 0, project.pictures[at]);
    if (pictures.length === project.pictures.length && pictures.every((picture, i) => picture === project.pictures[i])) return;
    project.pictures = pictures;
    this.#listed = new Map(pictures.map((picture) => [picture.id, picture]));
    this.search(this.#search);
  }

  /** @param {string} text @returns {number} how many match */
  search(text) {
    this.#search = text;
    this.found = matching(this.project?.pictures ?? [], text);
    return this.found.length;
  }

  /** Whether the search leaves some out. */
  get searching() {
    return this.found.length < (this.project?.pictures.length ?? 0);
  }

  /**
   * The nearest picture after or before another one that the search finds, whether it finds that one or not.
   *
   * @param {number | undefined} id
   * @param {1 | -1} by
   */
  beside(id, by) {
    const at = this.indexOf(id);
    if (!this.project || at < 0) return null;
    const { pictures } = this.project;
    const ahead = by > 0 ? pictures.slice(at + 1) : pictures.slice(0, at).reverse();
    const found = new Set(this.found);
    return ahead.find((picture) => found.has(picture)) ?? null;
  }

  /** @param {number} id */
  listed(id) {
    return this.#listed.get(id) ?? null;
  }

  /** @param {number | undefined} id @returns {number} from 0; -1 if there is no such picture */
  indexOf(id) {
    return this.project ? this.project.pictures.findIndex((picture) => picture.id === id) : -1;
  }

  /**
   * Know how many objects a picture has.
   *
   * @param {number} id
   * @param {boolean[]} accepted of each object
   */
  count(id, accepted) {
    const listed = this.listed(id);
    if (!listed) return;
    this.changes++;
    listed.objects = accepted.filter(Boolean).length;
    listed.unaccepted = accepted.length - listed.objects;
  }

  /** @param {number} id @param {boolean} accepted @param {number} number of further objects */
  addTo(id, accepted, number) {
    const listed = this.listed(id);
    this.changes++;
    if (listed) listed[accepted ? "objects" : "unaccepted"] += number;
  }

  /**
   * @param {number} id
   * @param {boolean} done
   */
  mark(id, done) {
    const listed = this.listed(id);
    if (!listed) return;
    this.changes++;
    listed.done = done;
    const lane = this.#lanes.get(id) ?? this.#queue.lane();
    this.#lanes.set(id, lane);
    this.#queue.push(lane, { type: "done", picture: id, done });
  }

  /** @param {{picture: number, done: boolean}} mark that the server refused */
  takeBack({ picture, done }) {
    this.changes++;
    const listed = this.listed(picture);
    if (listed) listed.done = !done;
  }
}
