/**
 * The actions of a person on their way to the server: none is lost, none overtakes another, none counts twice.
 *
 * Every object has a *lane*. The requests of a lane go one after the other, each with the revision that the reply before
 * it told. A request without a reply is sent again, later and later, with the same key. Nothing here knows the browser:
 * `send` and `clock` come from deps.
 */

import { reasonOf, UNREACHABLE } from "./sentence.js";

/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./types.js").ObjectChange} ObjectChange */
/** @typedef {import("./types.js").Step} Step */

/**
 * @typedef {{type: "create", key: string, image: number, label: number | null, size?: [number, number]}
 *   | {type: "step", key: string, step: Step}
 *   | {type: "undoRedo", direction: "undo" | "redo"}
 *   | {type: "change", change: ObjectChange}
 *   | {type: "done", image: number, done: boolean}} Action
 */
/** @typedef {{method: string, path: string, body: object}} Request */
/** @typedef {{status: number, body: any, retryAfter: number | null}} Answer */
/**
 * @typedef {object} Lane
 * @property {number | null} id of the object, null until the server has made it
 * @property {ObjectState | null} state as the server told it last
 * @property {Action[]} waiting those without an answer, the first one perhaps on its way
 * @property {Action[]} unconfirmed those whose effect the last reply that was shown does not hold
 * @property {boolean} running
 * @property {boolean} failing
 */
/** @typedef {"idle" | "busy" | "offline"} Status */
/**
 * @typedef {object} QueueDeps
 * @property {(request: Request) => Promise<Answer>} send rejects if there was no answer
 * @property {{sleep: (ms: number) => {done: Promise<void>, wake: () => void}}} clock
 * @property {(lane: Lane, body: any, newest: boolean) => void} onReply
 * @property {(lane: Lane, action: Action, sentence: string, certain: boolean) => void} onRefused certain: the server has
 *   said that it keeps nothing of it
 * @property {(lane: Lane) => void} onUnlabelled an object was made without the label it was to have, which is gone
 * @property {(status: Status, waiting: number, reason: string) => void} onStatus reason: a sentence, while offline
 */

export const FIRST_WAIT = 500;
export const LONGEST_WAIT = 10_000;
/** How often a request that the server failed at (500) is sent before it is given up. */
export const MOST_FAILURES = 4;
const CHANGED = "This object had been changed elsewhere. What you see now is its present state.";

/**
 * @param {Lane} lane
 * @param {Action} action
 * @returns {Request}
 */
export function request(lane, action) {
  const object = `api/objects/${lane.id}`;
  const revision = lane.state ? lane.state.revision : 0;
  switch (action.type) {
    case "create":
      return {
        method: "POST",
        path: `api/images/${action.image}/objects`,
        body: { key: action.key, label: action.label, ...(action.size && { size: action.size }) },
      };
    case "step":
      return { method: "POST", path: `${object}/steps`, body: { key: action.key, revision, step: action.step } };
    case "undoRedo":
      return { method: "POST", path: `${object}/${action.direction}`, body: { revision } };
    case "change":
      return { method: "PATCH", path: object, body: { ...action.change, known: lane.state && clientState(lane.state) } };
    case "done":
      return { method: "PATCH", path: `api/images/${action.image}`, body: { done: action.done } };
  }
}

/** What the server may leave out of its answer. */
/** @param {ObjectState} state */
const clientState = ({ revision, answered }) => ({ revision, answered });

/**
 * The mergeAnswer state of an object after an answer, which leaves out what the request said to be known.
 *
 * @param {ObjectState | null} former as it was when the request was sent
 * @param {ObjectState} answer
 * @returns {ObjectState}
 */
export function mergeAnswer(former, answer) {
  if (!former || !(answer.since || answer.mask_known)) return answer;
  const live = new Set(answer.live);
  const known = former.steps.slice(0, answer.since).map((step, index) =>
    step.live === live.has(index) ? step : { ...step, live: live.has(index) });
  const mask = answer.mask_known ? former.mask : answer.mask;
  return { ...answer, since: 0, live: [], steps: [...known, ...answer.steps], mask_known: false, mask };
}

/** Whether an action still makes sense for another state of the object than the one it was meant for. */
/** @param {Action} action */
function fitsAnyState(action) {
  return action.type === "step" && action.step.type !== "remove" && action.step.type !== "clear";
}

export class Queue {
  /** @type {Set<Lane>} */
  #lanes = new Set();
  /** @type {Set<() => void>} */
  #sleepers = new Set();
  #reason = "";
  /** @type {QueueDeps} */
  #deps;

  /** @param {QueueDeps} deps */
  constructor(deps) {
    this.#deps = deps;
  }

  /**
   * @param {ObjectState | null} state null for an object that the server does not know yet
   * @returns {Lane}
   */
  lane(state = null) {
    return { id: state && state.id, state, waiting: [], unconfirmed: [], running: false, failing: false };
  }

  /**
   * @param {Lane} lane
   * @param {Action} action
   */
  push(lane, action) {
    lane.waiting.push(action);
    lane.unconfirmed.push(action);
    this.#lanes.add(lane);
    if (!lane.running) void this.#run(lane);
    this.#reportStatus();
  }

  /** Try again at once, as when the machine is back on the net. */
  retryNow() {
    for (const wake of [...this.#sleepers]) wake();
  }

  /** The number of actions that the server has not confirmed. */
  get waiting() {
    let count = 0;
    for (const lane of this.#lanes) count += lane.waiting.length;
    return count;
  }

  #reportStatus() {
    const lanes = [...this.#lanes];
    const status = lanes.some((lane) => lane.failing) ? "offline" : lanes.length ? "busy" : "idle";
    this.#deps.onStatus(status, this.waiting, status === "offline" ? this.#reason : "");
  }

  /** @param {number} ms */
  async #sleep(ms) {
    const { done, wake } = this.#deps.clock.sleep(ms);
    this.#sleepers.add(wake);
    await done;
    this.#sleepers.delete(wake);
  }

  /** @param {Lane} lane */
  async #run(lane) {
    lane.running = true;
    let failures = 0;
    let repeated = false;
    let unlabelled = false;
    while (lane.waiting.length) {
      const action = lane.waiting[0];
      const answer = await this.#deps.send(request(lane, action)).catch(() => null);
      const status = answer ? answer.status : 0;
      const failed = this.#failure(answer);
      if (failed !== null && !(status === 500 && failures + 1 >= MOST_FAILURES)) {
        failures++;
        this.#reason = failed;
        lane.failing = true;
        this.#reportStatus();
        await this.#sleep(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)));
        continue;
      }
      lane.failing = false;
      if (answer && status === 503) {
        this.#reportStatus();
        await this.#sleep(1000 * Math.min(60, Math.max(0.2, answer.retryAfter ?? 1)));
        continue;
      }
      const known = answer && answer.status === 409 ? answer.body?.state : null;
      if (known) lane.state = known;
      if (known && fitsAnyState(action) && !repeated) {
        repeated = true;
        continue;
      }
      if (status === 404 && action.type === "create" && action.label !== null) {
        // Whoever deleted the label did not mean the prompts that wait for this object.
        action.label = null;
        unlabelled = true;
        continue;
      }
      this.#settle(lane, action, answer, failures > 0);
      if (unlabelled && lane.id !== null) this.#deps.onUnlabelled(lane);
      if (failures) this.#reportStatus(); // back from offline
      failures = 0;
      repeated = unlabelled = false;
    }
    lane.running = false;
    this.#lanes.delete(lane);
    this.#reportStatus();
  }

  /** Why an answer counts as none, in a sentence; null if it counts. */
  /** @param {Answer | null} answer */
  #failure(answer) {
    if (!answer) return UNREACHABLE;
    const { status, body } = answer;
    return status === 401 || (status >= 500 && status !== 503) ? reasonOf(status, body) : null;
  }

  /**
   * @param {Lane} lane
   * @param {Action} action
   * @param {Answer | null} answer
   * @param {boolean} again whether it was sent more than once, so that a former one may have been carried out
   */
  #settle(lane, action, answer, again) {
    const fine = answer !== null && answer.status >= 200 && answer.status < 300;
    lane.waiting.shift();
    if (fine && action.type !== "done") {
      lane.state = mergeAnswer(lane.state, answer.body);
      lane.id = answer.body.id;
    }
    if (!fine && action.type === "create") lane.waiting.length = 0; // what follows has no object to go to
    const newest = lane.waiting.length === 0;
    if (newest) lane.unconfirmed.length = 0;
    else if (!fine) lane.unconfirmed.splice(lane.unconfirmed.indexOf(action), 1);
    const conflict = answer !== null && answer.status === 409 && answer.body?.state;
    if (conflict) {
      // An undo whose reply was lost meets its own effect: that is no news.
      if (!again) this.#deps.onRefused(lane, action, CHANGED, true);
    } else if (!fine) {
      const sentence = answer ? reasonOf(answer.status, answer.body) : UNREACHABLE;
      this.#deps.onRefused(lane, action, sentence, answer !== null && answer.status < 500);
    }
    if (action.type === "done") {
      if (fine) this.#deps.onReply(lane, answer.body, newest);
    } else if (lane.state) this.#deps.onReply(lane, lane.state, newest);
  }
}

/** A key for one request; `crypto.randomUUID` is missing where the page comes over plain http from another machine. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
