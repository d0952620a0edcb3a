/** The order of labels in the list, and the search among them. */

/** @typedef {import("./types.js").Label} Label */

/**
 * Labels as they are listed: those without a group first, then each group in the order of its first label.
 *
 * @param {Label[]} labels
 */
export function grouped(labels) {
  const groups = ["", ...new Set(labels.map(({ group }) => group))];
  return [...new Set(groups)].flatMap((group) => labels.filter((label) => label.group === group));
}

/**
 * The labels whose names or groups contain all words of a search. Names that begin with the first word come first, then
 * those with a word that does.
 *
 * @param {Label[]} labels
 * @param {string} search
 */
export function found(labels, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return labels;
  /** @param {Label} label */
  const rank = ({ name }) => {
    const parts = name.toLowerCase().split(/[\s_-]+/);
    return parts[0].startsWith(words[0]) ? 0 : parts.some((part) => part.startsWith(words[0])) ? 1 : 2;
  };
  return labels
    .filter(({ name, group }) => words.every((word) => `${name} ${group}`.toLowerCase().includes(word)))
    .sort((a, b) => rank(a) - rank(b));
}

/**
 * The labels after one was moved next to another one, whose group it takes.
 *
 * @param {Label[]} labels as they are listed
 * @param {number} id of the label that moves
 * @param {number} target id of the other one
 * @param {boolean} after whether it comes after that one
 */
export function moved(labels, id, target, after) {
  const label = labels.find((each) => each.id === id);
  const rest = labels.filter((each) => each !== label);
  const at = rest.findIndex((each) => each.id === target);
  if (!label || at < 0) return labels;
  return rest.toSpliced(at + Number(after), 0, { ...label, group: rest[at].group });
}

/**
 * The labels after one was moved by one row. At the border of a group it first changes to the next group.
 *
 * @param {Label[]} labels as they are listed
 * @param {number} id of the label that moves
 * @param {1 | -1} by
 */
export function movedBy(labels, id, by) {
  const at = labels.findIndex((each) => each.id === id);
  const target = labels[at + by];
  if (!target) return labels;
  return moved(labels, id, target.id, (by > 0) === (target.group === labels[at].group));
}
