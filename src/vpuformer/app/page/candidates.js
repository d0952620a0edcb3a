/** Candidates: the masks that the prompts of an object may mean, such as a shirt and the person in it. */

import { number, text } from "./texts.js";

/** @typedef {import("./types.js").Choice} Choice */
/** @typedef {import("./steps.js").OptimisticState} OptimisticState */

/** Types of steps that keep the candidate that was chosen before them. */
const KEEPING = ["choose", "tidy", "brush", "arrange"];

/**
 * Index of the candidate to show next. The server starts again from 0 after the last one, so that nobody has to wait for
 * their number.
 *
 * @param {OptimisticState} optimistic
 * @param {Choice | null} choice of the confirmed steps
 */
export function nextCandidate({ steps, at, known }, choice) {
  const since = steps.slice(0, at).findLastIndex((step) => !KEEPING.includes(step.type));
  const last = steps.slice(0, at).findLastIndex((step) => step.type === "choose");
  if (last < since) return 1; // the mask is the best candidate already
  if (choice && last < known) return (choice.index + 1) % choice.scores.length;
  return (steps[last].index ?? 0) + 1;
}

/**
 * Whether the server was asked for another candidate, and has not answered.
 *
 * @param {OptimisticState} optimistic
 */
export const isChoosing = ({ steps, at, known }) => at > known && steps[at - 1].type === "choose";

/**
 * The candidate that is shown, and its score.
 *
 * @param {Choice} choice
 */
export const candidateText = ({ index, scores }) => text("stage.candidate", { number: index + 1, all: scores.length, score: number(scores[index], 2) });
