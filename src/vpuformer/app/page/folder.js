/** The folder of images: its list, the search, counts and done marks. */

/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").ImageListed} ImageListed */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */

/**
 * The images whose names contain all words of a search.
 *
 * @param {ImageListed[]} images
 * @param {string} search
 */
export function matching(images, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return images;
  return images.filter((image) => {
    const name = image.name.toLowerCase();
    return words.every((word) => name.includes(word));
  });
}

export class Folder {
  /** @type {Project | null} */
  project = null;
  /** Images that match the search; all images without a search. @type {ImageListed[]} */
  matches = [];
  /** Increases with every change of object counts and done marks. */
  changes = 0;
  #search = "";
  /** @type {Map<number, ImageListed>} */
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
   * @returns {number | null} id of the image to open first
   */
  read(project) {
    this.project = project;
    this.#listed = new Map(project.images.map((image) => [image.id, image]));
    this.search(this.#search);
    if (project.place !== null && this.#listed.has(project.place)) return project.place;
    return project.images[0]?.id ?? null;
  }

  /**
   * Take over a newer list from the server.
   *
   * @param {Project} fresh
   * @param {{open: number | undefined, counted: boolean}} how the open image, which stays in the list with the counts
   *   known here; and whether the server's counts of the other images are newer
   */
  update(fresh, { open, counted }) {
    const { project } = this;
    if (!project) return;
    const images = fresh.images.map((image) => {
      const known = this.#listed.get(image.id);
      if (known && counted && image.id !== open) Object.assign(known, image);
      return known ?? image;
    });
    const at = this.indexOf(open);
    if (at >= 0 && !images.some(({ id }) => id === open)) images.splice(at, 0, project.images[at]);
    if (images.length === project.images.length && images.every((image, i) => image === project.images[i])) return;
    project.images = images;
    this.#listed = new Map(images.map((image) => [image.id, image]));
    this.search(this.#search);
  }

  /** @param {string} text @returns {number} how many match */
  search(text) {
    this.#search = text;
    this.matches = matching(this.project?.images ?? [], text);
    return this.matches.length;
  }

  /** Whether the search excludes images. */
  get searching() {
    return this.matches.length < (this.project?.images.length ?? 0);
  }

  /**
   * The next or previous matching image in the list, whether the given image matches or not.
   *
   * @param {number | undefined} id
   * @param {1 | -1} by
   */
  neighbour(id, by) {
    const at = this.indexOf(id);
    if (!this.project || at < 0) return null;
    const { images } = this.project;
    const ahead = by > 0 ? images.slice(at + 1) : images.slice(0, at).reverse();
    const matches = new Set(this.matches);
    return ahead.find((image) => matches.has(image)) ?? null;
  }

  /** @param {number} id */
  listed(id) {
    return this.#listed.get(id) ?? null;
  }

  /** @param {number | undefined} id @returns {number} from 0; -1 if there is no such image */
  indexOf(id) {
    return this.project ? this.project.images.findIndex((image) => image.id === id) : -1;
  }

  /**
   * Set the object counts of an image.
   *
   * @param {number} id
   * @param {boolean[]} accepted whether each object is accepted
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
    this.#queue.push(lane, { type: "done", image: id, done });
  }

  /** @param {number} id @param {string[]} tags */
  setTags(id, tags) {
    const listed = this.listed(id);
    if (!listed) return;
    this.changes++;
    const former = listed.tags;
    listed.tags = tags;
    const lane = this.#lanes.get(id) ?? this.#queue.lane();
    this.#lanes.set(id, lane);
    this.#queue.push(lane, { type: "tags", image: id, tags, former });
  }

  /** @param {{image: number, former: string[]}} tags that the server refused, and those before */
  revertTags({ image, former }) {
    this.changes++;
    const listed = this.listed(image);
    if (listed) listed.tags = former;
  }

  /** @param {{image: number, done: boolean}} mark that the server refused */
  revertMark({ image, done }) {
    this.changes++;
    const listed = this.listed(image);
    if (listed) listed.done = !done;
  }
}
