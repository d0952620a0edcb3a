/** The folder of images: its list, what of it is shown, counts, done marks and reviews. */

import { filtered, PLAIN, sorted } from "./listfilter.js";

/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./types.js").ImageListed} ImageListed */
/** @typedef {import("./queue.js").Lane} Lane */
/** @typedef {import("./queue.js").Queue} Queue */
/** @typedef {import("./listfilter.js").Arrangement} Arrangement */

export class Folder {
  /** @type {Project | null} */
  project = null;
  /** Images that are shown, in their order. @type {ImageListed[]} */
  matches = [];
  /** Increases with every change of object counts, done marks and reviews. */
  changes = 0;
  /** @type {Arrangement} */
  arrangement = { ...PLAIN };
  /** All images in the order that was chosen. It stays while they change, so that the list does not jump. @type {ImageListed[]} */
  #order = [];
  /** @type {Map<number, ImageListed>} */
  #listed = new Map();
  /** Id of the image that was changed here last. @type {number | null} */
  touched = null;
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
    this.#list(project.images);
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
    let images = fresh.images.map((image) => {
      const known = this.#listed.get(image.id);
      const { done, review, tags } = image;
      if (known && counted) Object.assign(known, image.id === open ? { done, review, tags } : image);
      return known ?? image;
    });
    if (images.length < fresh.number) images = project.images; // the others have not changed
    const at = this.indexOf(open);
    if (at >= 0 && !images.some(({ id }) => id === open)) images.splice(at, 0, project.images[at]);
    if (counted) this.changes++;
    if (sameImages(images, project.images)) return;
    project.images = images;
    this.#list(images);
  }

  /** @param {ImageListed[]} images */
  #list(images) {
    this.#listed = new Map(images.map((image) => [image.id, image]));
    this.#order = sorted(images, this.arrangement.sort);
    this.match();
  }

  /**
   * Show other images, or the same in another order.
   *
   * @param {Partial<Arrangement>} change
   * @returns {number} how many images are shown
   */
  arrange(change) {
    Object.assign(this.arrangement, change);
    if (change.sort) this.#order = sorted(this.project?.images ?? [], change.sort);
    return this.match();
  }

  /** Filter the images again: some have changed. @returns {number} how many are shown */
  match() {
    const matches = filtered(this.#order, this.arrangement);
    if (!sameImages(matches, this.matches)) this.matches = matches;
    return matches.length;
  }

  /** @param {string} text @returns {number} how many images are shown */
  search(text) {
    return this.arrange({ search: text });
  }

  /** Whether some images are not shown. */
  get filtering() {
    return this.matches.length < (this.project?.images.length ?? 0);
  }

  /**
   * The next or previous image that is shown, whether the given image is shown or not.
   *
   * @param {number | undefined} id
   * @param {1 | -1} by
   */
  neighbour(id, by) {
    const shown = this.filtering ? new Set(this.matches) : null;
    const order = this.#order;
    const at = order.findIndex((image) => image.id === id);
    for (let next = at + by; at >= 0 && next in order; next += by) if (shown?.has(order[next]) ?? true) return order[next];
    return null;
  }

  /**
   * The next image that is shown and needs something; after the last one, the search goes on from the first.
   *
   * @param {number | undefined} id
   * @param {(image: ImageListed) => boolean} needs
   */
  following(id, needs) {
    const shown = new Set(this.matches);
    const order = this.#order;
    const at = order.findIndex((image) => image.id === id);
    const turned = [...order.slice(at + 1), ...order.slice(0, Math.max(0, at))];
    return turned.find((image) => shown.has(image) && needs(image)) ?? null;
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
   * @param {{accepted: boolean, label: number | null}[]} objects
   */
  count(id, objects) {
    const listed = this.listed(id);
    if (!listed) return;
    this.changes++;
    listed.objects = objects.filter(({ accepted }) => accepted).length;
    listed.unaccepted = objects.length - listed.objects;
    listed.labels = [...new Set(objects.map(({ label }) => label))];
  }

  /** Number of accepted objects of all images, and of those that are not accepted. */
  get objects() {
    let [accepted, others] = [0, 0];
    for (const { objects, unaccepted } of this.project?.images ?? []) [accepted, others] = [accepted + objects, others + unaccepted];
    return { accepted, others };
  }

  /** Note that an image or its objects were changed now. @param {number} id */
  touch(id) {
    this.touched = id;
    const listed = this.listed(id);
    if (listed) listed.changed = Date.now() / 1000;
  }

  /** @param {number} id @param {boolean} accepted @param {number} number of further objects */
  addTo(id, accepted, number) {
    const listed = this.listed(id);
    this.changes++;
    if (listed) listed[accepted ? "objects" : "unaccepted"] += number;
  }

  /** @param {number} id @param {boolean} done */
  mark(id, done) {
    this.#change({ type: "image", image: id, change: { done } }, { done, review: null });
  }

  /** @param {number} id @param {import("./types.js").ImageReview} review */
  review(id, review) {
    const { verdict } = review;
    const done = verdict ? verdict === "accepted" : (this.listed(id)?.done ?? false);
    this.#change({ type: "image", image: id, change: { review } }, { done, review: verdict });
  }

  /**
   * Take the verdict on an image from the server, unless a change of it is on its way.
   *
   * @param {number} id
   * @param {import("./types.js").Verdict} verdict
   * @returns {boolean} whether it was another one
   */
  takeVerdict(id, verdict) {
    const listed = this.listed(id);
    if (!listed || listed.review === verdict || this.#lanes.get(id)?.waiting.length) return false;
    this.changes++;
    listed.review = verdict;
    return true;
  }

  /** @param {number} id @param {string[]} tags */
  setTags(id, tags) {
    this.#change({ type: "image", image: id, change: { tags } }, { tags });
  }

  /** @param {import("./queue.js").ImageAction} action @param {Partial<ImageListed>} values */
  #change(action, values) {
    const listed = this.listed(action.image);
    if (!listed) return;
    this.changes++;
    this.touch(action.image);
    const { done, review, tags } = listed;
    Object.assign(listed, values);
    const lane = this.#lanes.get(action.image) ?? this.#queue.lane();
    this.#lanes.set(action.image, lane);
    this.#queue.push(lane, { ...action, former: { done, review, tags } });
  }

  /** @param {import("./queue.js").ImageAction} action that the server refused */
  revert({ image, former }) {
    this.changes++;
    Object.assign(this.listed(image) ?? {}, former);
  }
}

/** @param {ImageListed[]} some @param {ImageListed[]} others */
function sameImages(some, others) {
  return some.length === others.length && some.every((image, index) => image === others[index]);
}
