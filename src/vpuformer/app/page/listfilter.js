/** Filter and order of the list of images. */

/** @typedef {import("./types.js").ImageListed} ImageListed */
/** @typedef {"all" | "open" | "untouched" | "begun" | "unaccepted" | "done" | "unreviewed" | "accepted" | "rejected"} StateName */
/** @typedef {"name" | "most" | "fewest" | "newest" | "oldest"} SortName */
/**
 * @typedef {object} Arrangement
 * @property {string} search words in the name
 * @property {StateName} state
 * @property {number | null | undefined} label of at least one object; null: of none; undefined: any
 * @property {string | undefined} tag undefined: any
 * @property {SortName} sort
 */

/** @type {Readonly<Arrangement>} */
export const PLAIN = { search: "", state: "all", label: undefined, tag: undefined, sort: "name" };

/** Whether an image needs something from an annotator: it is not done, or was rejected. @param {ImageListed} image */
export const needsWork = ({ done }) => !done;

/** Whether an image waits for a reviewer. @param {ImageListed} image */
export const needsReview = ({ done, review }) => done && review === null;

/** @param {ImageListed} image */
const isEmpty = ({ objects, unaccepted }) => !objects && !unaccepted;

/** Whether an image is in a state, by the names of states. @type {Record<StateName, (image: ImageListed) => boolean>} */
export const STATES = {
  all: () => true,
  open: needsWork,
  untouched: (image) => needsWork(image) && image.review === null && isEmpty(image),
  begun: (image) => needsWork(image) && image.review === null && !isEmpty(image),
  unaccepted: ({ unaccepted }) => unaccepted > 0,
  done: ({ done }) => done,
  unreviewed: needsReview,
  accepted: ({ review }) => review === "accepted",
  rejected: ({ review }) => review === "rejected",
};

/** @param {ImageListed} image */
const size = ({ objects, unaccepted }) => objects + unaccepted;
/** @param {ImageListed} image @param {number} never time of an image that never changed */
const time = ({ changed }, never) => changed ?? never;

/** Comparisons by the names of orders; null: as in the folder. @type {Record<SortName, ((a: ImageListed, b: ImageListed) => number) | null>} */
export const SORTS = {
  name: null,
  most: (a, b) => size(b) - size(a),
  fewest: (a, b) => size(a) - size(b),
  newest: (a, b) => time(b, 0) - time(a, 0),
  oldest: (a, b) => time(a, Infinity) - time(b, Infinity) || 0,
};

/** @param {ImageListed[]} images in the order of the folder @param {SortName} sort */
export function sorted(images, sort) {
  const compare = SORTS[sort];
  return compare ? [...images].sort(compare) : images;
}

/**
 * The images that a person wants to see; the same array if these are all.
 *
 * @param {ImageListed[]} images
 * @param {Arrangement} arrangement
 */
export function filtered(images, { search, state, label, tag }) {
  /** @type {((image: ImageListed) => boolean)[]} */
  const conditions = [];
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (state !== "all") conditions.push(STATES[state]);
  if (label !== undefined) conditions.push(({ labels }) => labels.includes(label));
  if (tag !== undefined) conditions.push(({ tags }) => tags.includes(tag));
  if (words.length) {
    conditions.push((image) => {
      const name = image.name.toLowerCase();
      return words.every((word) => name.includes(word));
    });
  }
  return conditions.length ? images.filter((image) => conditions.every((holds) => holds(image))) : images;
}
