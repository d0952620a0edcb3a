/** The folder of pictures: what is in it, where the person is, what is done. */

/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").PictureListed} PictureListed */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */

export class Folder {
  /** @type {Project | null} */
  project = null;
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
    if (project.place !== null && this.#listed.has(project.place)) return project.place;
    return project.pictures[0]?.id ?? null;
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
   * @param {number} id
   * @param {boolean} done
   */
  mark(id, done) {
    const listed = this.listed(id);
    if (!listed) return;
    listed.done = done;
    const lane = this.#lanes.get(id) ?? this.#queue.lane();
    this.#lanes.set(id, lane);
    this.#queue.push(lane, { type: "done", picture: id, done });
  }
}
