/** Changes of labels and of their settings, sent to the server. */

import { addLabel, changeLabel, dropLabel, isOutdated, orderLabels, putLabelSettings } from "./api.js";
import { grouped } from "./labelorder.js";
import { sentenceOf } from "./sentence.js";

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").LabelSettings} LabelSettings */
/** @typedef {import("./types.js").Project} Project */

export class LabelChanges {
  #session;
  /** The last change on its way: each is sent after the one before. @type {Promise<unknown>} */
  #sending = Promise.resolve();
  #waiting = 0;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** All labels as they are listed. */
  get all() {
    return grouped(this.#session.project?.labels ?? []);
  }

  /** @param {Label[]} labels in their new order; one may have another group */
  async arrange(labels) {
    await this.#attempt((project) => {
      const former = new Map(project.labels.map((label) => [label.id, label]));
      const regrouped = labels.filter(({ id, group }) => former.get(id)?.group !== group);
      project.labels = labels;
      this.#session.listener.onChange();
      return this.#send(async () => {
        for (const { id, group } of regrouped) await changeLabel(id, { group });
        await orderLabels(labels.map(({ id }) => id));
      });
    });
  }

  /**
   * Send a change after all others.
   *
   * @template T
   * @param {() => Promise<T>} request
   * @param {(answer: T) => void} [show] called unless a newer change waits, which the page shows already
   */
  async #send(request, show = () => {}) {
    this.#waiting++;
    const sent = this.#sending.then(request);
    this.#sending = sent.catch(() => {});
    try {
      const answer = await sent;
      if (this.#waiting === 1) show(answer);
    } finally {
      this.#waiting--;
    }
  }

  /** Add a label and choose it. @param {string} name @returns {Promise<boolean>} whether that was done */
  async add(name) {
    const existing = this.#named(name);
    if (existing) {
      this.#session.chooseLabel(existing.id);
      return true;
    }
    const choose = this.#session.awaitLabel();
    return this.#attempt(async (project) => {
      const label = await addLabel(name);
      project.labels = [...project.labels.filter((each) => each.id !== label.id), label]; // a refresh may have added it
      choose(label.id);
    }, () => {
      const added = this.#named(name); // by somebody else
      if (added) choose(added.id);
      return added !== undefined;
    });
  }

  /** @param {string} name */
  #named(name) {
    return this.all.find((label) => label.name.toLowerCase() === name.toLowerCase());
  }

  /** @param {number} id @param {import("./types.js").LabelChange} change */
  async change(id, change) {
    await this.#attempt(async (project) => {
      const former = project.labels.find((each) => each.id === id);
      /** @param {Label} label */
      const show = (label) => {
        project.labels = project.labels.map((each) => (each.id === id ? label : each));
        this.#session.listener.onChange();
      };
      if (former) show(/** @type {Label} */ ({ ...former, ...change })); // whoever calls gives no null
      try {
        await this.#send(() => changeLabel(id, change), show);
      } catch (error) {
        if (former) show(former);
        throw error;
      }
    });
  }

  /** @param {number} id */
  async drop(id) {
    await this.#attempt(async (project) => {
      await dropLabel(id);
      project.labels = project.labels.filter((each) => each.id !== id);
      if (this.#session.label === id) this.#session.label = null;
    });
  }

  /** @param {Partial<LabelSettings>} change */
  async changeSettings(change) {
    await this.#attempt(async (project) => {
      const former = project.label_settings;
      const changed = { ...former, ...change };
      project.label_settings = changed;
      this.#session.listener.onChange();
      try {
        await this.#send(() => putLabelSettings(changed), (settings) => (project.label_settings = settings));
      } catch (error) {
        project.label_settings = former;
        throw error;
      }
    });
  }

  /**
   * @param {(project: Project) => Promise<void>} what
   * @param {() => boolean} otherwise called if the page was outdated, with fresh labels; whether that is good enough
   * @returns {Promise<boolean>} whether it was done
   */
  async #attempt(what, otherwise = () => false) {
    const { project, listener } = this.#session;
    if (!project) return false;
    let done = true;
    try {
      await what(project);
    } catch (error) {
      const outdated = isOutdated(error);
      if (outdated) await this.#session.refresh();
      done = outdated && otherwise();
      if (!done) listener.onToast(sentenceOf(error));
    }
    listener.onChange();
    return done;
  }
}
