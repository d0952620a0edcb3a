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

/** States by their names: a title, and whether an image is in it. @type {Record<StateName, [string, (image: ImageListed) => boolean]>} */
export const STATES = {
  all: ["All images", () => true],
  open: ["Needs something", needsWork],
  untouched: ["Untouched", (image) => needsWork(image) && image.review === null && isEmpty(image)],
  begun: ["Begun", (image) => needsWork(image) && image.review === null && !isEmpty(image)],
  unaccepted: ["With objects not accepted", ({ unaccepted }) => unaccepted > 0],
  done: ["Done", ({ done }) => done],
  unreviewed: ["Done, not reviewed", needsReview],
  accepted: ["Accepted in review", ({ review }) => review === "accepted"],
  rejected: ["Rejected in review", ({ review }) => review === "rejected"],
};

/** @param {ImageListed} image */
const size = ({ objects, unaccepted }) => objects + unaccepted;
/** @param {ImageListed} image @param {number} never time of an image that never changed */
const time = ({ changed }, never) => changed ?? never;

/** Orders by their names: a title, and a comparison. @type {Record<SortName, [string, ((a: ImageListed, b: ImageListed) => number) | null]>} */
export const SORTS = {
  name: ["By name", null],
  most: ["Most objects first", (a, b) => size(b) - size(a)],
  fewest: ["Fewest objects first", (a, b) => size(a) - size(b)],
  newest: ["Latest change first", (a, b) => time(b, 0) - time(a, 0)],
  oldest: ["Earliest change first", (a, b) => time(a, Infinity) - time(b, Infinity) || 0],
};

/** @param {ImageListed[]} images in the order of the folder @param {SortName} sort */
export function sorted(images, sort) {
  const [, compare] = SORTS[sort];
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
  if (state !== "all") conditions.push(STATES[state][1]);
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
