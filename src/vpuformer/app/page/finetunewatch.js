/** What the server says about fine-tuning: asked for while something goes on, by whomever it was started. */

/** @typedef {import("./types.js").FinetuningState} FinetuningState */

/** Milliseconds between two questions while something goes on. */
export const REST = 1_000;

export class FinetuneWatch {
  /** @type {FinetuningState | null} null until the server has answered, and where it offers none */
  state = null;
  #running = false;
  /** Whether to ask once more: something may have begun since the last answer. */
  #wanted = false;
  #api;
  #session;
  #clock;
  #onChange = () => {};
  /** @type {(model: string) => void} */
  #onResult = () => {};

  /**
   * @param {Pick<typeof import("./api.js"), "getFinetuning" | "postFinetuning" | "putModel">} api
   * @param {import("./session.js").Session} session
   * @param {{sleep: (ms: number) => {done: Promise<void>}}} clock
   */
  constructor(api, session, clock) {
    this.#api = api;
    this.#session = session;
    this.#clock = clock;
  }

  /** @param {() => void} onChange @param {(model: string) => void} onResult hears the name of a new model */
  listen(onChange, onResult) {
    this.#onChange = onChange;
    this.#onResult = onResult;
  }

  get offered() {
    const { project, readOnly } = this.#session;
    return project?.finetuning === true && !readOnly;
  }

  /** Whether a fine-tuning goes on. */
  get running() {
    const state = this.state?.run?.state;
    return state === "running" || state === "stopping";
  }

  /** Ask until nothing goes on. Call it again after news of a change of the whole folder. */
  async run() {
    this.#wanted = true;
    if (this.#running || !this.offered) return;
    this.#running = true;
    do {
      this.#wanted = false;
      await this.#api.getFinetuning().then((state) => this.#take(state), () => {});
      await this.#clock.sleep(REST).done;
    } while (this.#wanted || this.running || this.state?.data?.ready === false);
    this.#running = false;
  }

  /** @param {"check" | "start" | "resume" | "stop"} act @param {{minutes?: number}} body */
  async act(act, body = {}) {
    this.#take(await this.#api.postFinetuning(act, body));
    void this.run();
  }

  /** Answer prompts with another model. @param {"result" | "first"} model */
  async use(model) {
    this.#take(await this.#api.putModel(model));
  }

  /** @param {FinetuningState} state */
  #take(state) {
    const { project, listener } = this.#session;
    const ended = this.running && !state.run && state.result;
    this.state = state;
    if (project && (project.model !== state.model || project.model_sha256 !== state.model_sha256)) {
      Object.assign(project, { model: state.model, model_sha256: state.model_sha256 });
      listener.onChange();
    }
    this.#onChange();
    if (ended) this.#onResult(ended.model);
  }
}
