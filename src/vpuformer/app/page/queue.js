/**
 * Actions on their way to the server. They arrive in order, exactly once.
 *
 * Every object has a *lane*. Requests of a lane are sent one after the other, each with the revision of the reply before
 * it. A request without a reply is sent again with the same key, after growing pauses. `send` and `clock` are parameters,
 * so nothing here depends on the browser.
 */

import { reasonOf } from "./sentence.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./types.js").ObjectChange} ObjectChange */
/** @typedef {import("./types.js").Step} Step */

/**
 * @typedef {{type: "create", key: string, image: number, label: number | null, seen?: {size: [number, number], version: string}}
 *   | {type: "step", key: string, step: Step, keepOff?: Lane[], after?: Lane[]}
 *   | {type: "undoRedo", direction: "undo" | "redo"}
 *   | {type: "change", change: ObjectChange}
 *   | ImageAction | CopyAction} Action
 */
/** @typedef {{type: "copy", image: number, copies: import("./types.js").NewCopies, done: (result: import("./types.js").ImportResult | null) => void}} CopyAction done: with null if it was refused */
/**
 * @typedef {object} ImageAction
 * @property {"image"} type
 * @property {number} image
 * @property {import("./types.js").ImageChange} change
 * @property {Pick<import("./types.js").ImageListed, "done" | "review" | "tags">} [former] what the list showed before
 */
/** @typedef {{method: string, path: string, body: object}} Request */
/** @typedef {{status: number, body: any, retryAfter: number | null}} Answer */
/**
 * @typedef {object} Lane
 * @property {number | null} id id of the object, null until the server has created it
 * @property {ObjectState | null} state last state from the server
 * @property {Action[]} waiting unanswered actions; the first may be on its way
 * @property {Action[]} unconfirmed actions whose effect is not in the state that is shown
 * @property {boolean} running
 * @property {boolean} failing
 */
/** @typedef {{lane: Lane, action: Action}} Earlier an action that must be settled before another one */
/** @typedef {"idle" | "busy" | "offline"} Status */
/**
 * @typedef {object} QueueDeps
 * @property {(request: Request) => Promise<Answer>} send rejects if no answer came
 * @property {{sleep: (ms: number) => {done: Promise<void>, wake: () => void}}} clock
 * @property {(lane: Lane, body: any, newest: boolean) => void} onReply
 * @property {(lane: Lane, action: Action, sentence: string, certain: boolean) => void} onRefused certain: the server
 *   stored nothing of it
 * @property {(image: number, others: ObjectState[], order: number[] | null) => void} onOthers other objects that an action
 *   has changed, and the order of all objects of their image, if known
 * @property {(lane: Lane) => void} onUnlabelled an object was created without its label, because that was deleted
 * @property {(status: Status, waiting: number, reason: string) => void} onStatus reason: a sentence if offline
 */

export const FIRST_WAIT = 500;
export const LONGEST_WAIT = 10_000;
/** Number of attempts for a request that fails with status 500. */
export const MOST_FAILURES = 4;

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
        body: { key: action.key, label: action.label, ...action.seen },
      };
    case "step": {
      const ids = (action.keepOff ?? []).flatMap(({ id }) => id ?? []);
      const body = { key: action.key, revision, step: action.step, ...(ids.length && { keep_off: ids }) };
      return { method: "POST", path: `${object}/steps`, body };
    }
    case "undoRedo":
      return { method: "POST", path: `${object}/${action.direction}`, body: { revision } };
    case "change":
      return { method: "PATCH", path: object, body: { ...action.change, known: lane.state && clientState(lane.state) } };
    case "copy":
      return { method: "POST", path: `api/images/${action.image}/copies`, body: action.copies };
    case "image":
      return { method: "PATCH", path: `api/images/${action.image}`, body: action.change };
  }
}

/** The part of the state that the server may omit from its answer. @param {ObjectState} state */
const clientState = ({ revision, answered }) => ({ revision, answered });

/**
 * The complete state of an object after an answer that omits what the page knows.
 *
 * @param {ObjectState | null} former state when the request was sent
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

/** Whether an action still makes sense after somebody else changed the object. @param {Action} action */
function fitsAnyState(action) {
  return action.type === "step" && !["remove", "move", "clear", "polygon"].includes(action.step.type);
}

export class Queue {
  /** @type {Set<Lane>} */
  #lanes = new Set();
  /** @type {Set<() => void>} */
  #sleepers = new Set();
  /**
   * What an action waits for: a step for objects whose masks it needs; a copy or an image, whose review a late change
   * would end, for everything before it; and a change of an object for the reviews of its image, which it ends.
   *
   * @type {WeakMap<Action, Earlier[]>}
   */
  #earlier = new WeakMap();
  /** Lanes that wait for another one. @type {Set<() => void>} */
  #held = new Set();
  #reason = "";
  /** @type {QueueDeps} */
  #deps;

  /** @param {QueueDeps} deps */
  constructor(deps) {
    this.#deps = deps;
  }

  /**
   * @param {ObjectState | null} state null for a new object
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
    const earlier = this.#before(lane, action);
    if (earlier.length) this.#earlier.set(action, earlier);
    lane.waiting.push(action);
    lane.unconfirmed.push(action);
    this.#lanes.add(lane);
    if (!lane.running) void this.#run(lane);
    this.#reportStatus();
  }

  /** @param {Lane} lane @param {Action} action @returns {Earlier[]} what the action waits for */
  #before(lane, action) {
    const { type } = action;
    const others = type === "step" ? [...(action.keepOff ?? []), ...(action.after ?? [])] : type === "copy" || type === "image" ? this.#lanes : [];
    const last = [...others].flatMap((other) => (other.waiting.length ? { lane: other, action: other.waiting[other.waiting.length - 1] } : []));
    if (type === "copy" || type === "image") return last;
    const [image] = lane.state ? [lane.state.image] : [...lane.waiting, action].flatMap((each) => (each.type === "create" ? each.image : []));
    const reviews = [...this.#lanes].flatMap((other) => other.waiting.flatMap((each) =>
      each.type === "image" && each.image === image && each.change.review ? { lane: other, action: each } : []));
    return [...last, ...reviews];
  }

  /** Try again now, as when the machine is online again. */
  retryNow() {
    for (const wake of [...this.#sleepers]) wake();
  }

  /** Number of unconfirmed actions. */
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
      if (this.#earlier.get(action)?.some((other) => other.lane.waiting.includes(other.action))) {
        await new Promise((/** @type {(value?: undefined) => void} */ settled) => this.#held.add(settled));
        continue;
      }
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
        // Whoever deleted the label did not mean to lose the prompts of this object.
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

  /** Reason to send a request again, as a sentence; null if the answer is final. */
  /** @param {Answer | null} answer */
  #failure(answer) {
    if (!answer) return text("error.unreachable");
    const { status, body } = answer;
    return status === 401 || status === 421 || (status >= 500 && status !== 503) ? reasonOf(status, body) : null;
  }

  /**
   * @param {Lane} lane
   * @param {Action} action
   * @param {Answer | null} answer
   * @param {boolean} again whether it was sent more than once, so that an earlier attempt may have succeeded
   */
  #settle(lane, action, answer, again) {
    const fine = answer !== null && answer.status >= 200 && answer.status < 300;
    lane.waiting.shift();
    for (const settled of this.#held) settled();
    this.#held.clear();
    if (fine && action.type !== "image" && action.type !== "copy") {
      const { others = [], order = null, ...state } = answer.body;
      lane.state = mergeAnswer(lane.state, { ...state, others: [], order: null });
      lane.id = answer.body.id;
      if (others.length || order) this.#deps.onOthers(state.image, others, order);
    }
    if (!fine && action.type === "create") lane.waiting.length = 0; // the other actions have no object
    const newest = lane.waiting.length === 0;
    if (newest) lane.unconfirmed.length = 0;
    else if (!fine) lane.unconfirmed.splice(lane.unconfirmed.indexOf(action), 1);
    const conflict = answer !== null && answer.status === 409 && answer.body?.state;
    if (conflict) {
      // After a lost reply, the conflict may be with this action's own effect: not worth a message.
      if (!again) this.#deps.onRefused(lane, action, text("object.changedByOther"), true);
    } else if (!fine) {
      const sentence = answer ? reasonOf(answer.status, answer.body) : text("error.unreachable");
      this.#deps.onRefused(lane, action, sentence, answer !== null && answer.status < 500);
    }
    if (action.type === "copy") action.done(fine ? answer.body : null);
    else if (action.type === "image") {
      if (fine) this.#deps.onReply(lane, answer.body, newest);
    } else if (lane.state) this.#deps.onReply(lane, lane.state, newest);
  }
}

/** A random key. `crypto.randomUUID` is missing if the page comes over plain http from another machine. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
