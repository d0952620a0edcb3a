/** The dialog that fine-tunes the model on what was annotated, and puts the result to use. */

import { closesOutside, dialogHeader } from "./dialogs.js";
import { byId, make, relist } from "./dom.js";
import { noteOf, resultTable } from "./finetunetable.js";
import { sentenceOf } from "./sentence.js";
import { isKey, number, text } from "./texts.js";

/** @typedef {import("./types.js").FinetuningState} FinetuningState */
/** @typedef {import("./types.js").FinetuningRun} FinetuningRun */

const MINUTES = "20";
const MOST_MINUTES = 24 * 60;

/** A stage of a fine-tuning in the language of the page. @param {string} stage as the server names it */
function stageText(stage) {
  const key = `finetune.stage.${stage.replaceAll(" ", "_") || "starting"}`;
  return isKey(key) ? text(key) : stage;
}

/** Stage, share and time left in a line. @param {FinetuningRun} run */
function progressText({ state, stage, done, seconds_left: left }) {
  if (state === "stopping") return text("finetune.stopping");
  const percent = text("units.percent", { value: Math.floor(100 * done) });
  const shown = stage ? text("finetune.share", { stage: stageText(stage), percent }) : stageText(stage);
  return left === null ? shown : `${shown} · ${text("finetune.left", { count: Math.max(1, Math.round(left / 60)) })}`;
}

/** Sentences of the server under a heading; nothing without sentences. @param {string} heading @param {string[]} list */
function sentences(heading, list) {
  return list.length ? [make("h4", {}, heading), make("ul", {}, ...list.map((sentence) => make("li", {}, sentence)))] : [];
}

export class FinetuneDialog {
  #dialog;
  #watch;
  #onToast;
  /** Why the last request was refused; empty if it was not. */
  #refusal = "";
  /** Whether a model is being loaded. */
  #loading = false;
  #model = make("p", { class: "finetune-model" });
  #now = make("div", { role: "status" });
  #result = make("div");
  #data = make("div");
  #bar = make("progress", { max: 1, "aria-labelledby": "finetune-progress" });
  #line = make("p", { id: "finetune-progress" });
  #minutes = make("input", { type: "number", min: 1, max: MOST_MINUTES, value: MINUTES, required: true });
  #start = make("button", { type: "submit", class: "primary" }, text("finetune.start"));
  #form = make("form", { class: "finetune-form" }, make("label", {}, text("finetune.minutes"), " ", this.#minutes), this.#start);
  #alarm = make("p", { role: "alert", class: "finetune-alarm" });

  /**
   * @param {HTMLDialogElement} dialog
   * @param {import("./finetunewatch.js").FinetuneWatch} watch
   * @param {(sentence: string) => void} onToast
   */
  constructor(dialog, watch, onToast) {
    this.#dialog = dialog;
    this.#watch = watch;
    this.#onToast = onToast;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do(() => watch.act("start", { minutes: Number(this.#minutes.value) }));
    });
    closesOutside(dialog);
    dialog.append(
      dialogHeader(dialog, text("finetune.title")),
      make("div", { class: "finetune-body" }, make("p", {}, text("finetune.about")), this.#model, this.#alarm, this.#now, this.#result, this.#data, this.#form));
    watch.listen(() => this.show(), (model) => onToast(text("finetune.ready", { model })));
  }

  open() {
    if (!this.#watch.offered) return;
    this.#refusal = "";
    this.#dialog.showModal();
    if (!this.#watch.running) this.#do(() => this.#watch.act("check"));
    this.show();
  }

  /** @param {() => Promise<void>} act */
  #do(act) {
    this.#refusal = "";
    void act().catch((error) => (this.#refusal = sentenceOf(error))).finally(() => {
      this.#loading = false;
      this.show();
    });
  }

  /** @param {"result" | "first"} model */
  #use(model) {
    this.#loading = true;
    this.#do(async () => {
      await this.#watch.use(model);
      this.#onToast(text("finetune.used", { model: this.#watch.state?.model ?? "" }));
    });
    this.show();
  }

  /** Show the state, on the status line as well. */
  show() {
    const { state, running, offered } = this.#watch;
    const status = byId("finetuning");
    status.hidden = !running;
    if (state?.run) status.textContent = text("finetune.status", { stage: progressText(state.run) });
    for (const button of document.querySelectorAll('button[data-act="finetune"]')) /** @type {HTMLButtonElement} */ (button).disabled = !offered;
    if (!state || !this.#dialog.open) return;
    if (this.#alarm.textContent !== this.#refusal) this.#alarm.textContent = this.#refusal; // screen readers read every change
    this.#showModel(state);
    this.#showNow(state.run);
    this.#showResult(state);
    this.#showData(state);
    this.#form.hidden = running || state.missing !== null;
    this.#start.disabled = !state.data?.ready || state.data.problem !== null || this.#loading;
  }

  /** @param {FinetuningState} state */
  #showModel({ model, first }) {
    relist(this.#model, JSON.stringify([model, first, this.#loading]), () => [
      make("span", {}, text("finetune.model", { model })),
      ...(model === first ? [] : [make("button", { type: "button", class: "plain framed", disabled: this.#loading, click: () => this.#use("first") }, text("finetune.back", { model: first }))]),
    ]);
  }

  /** @param {FinetuningRun | null} run */
  #showNow(run) {
    const { running } = this.#watch;
    const fixed = run && [run.state, run.person, run.problem, run.resumable];
    relist(this.#now, JSON.stringify(fixed), () => {
      if (!run) return [];
      if (running) {
        return [make("h3", {}, text("finetune.progress")), this.#line, this.#bar,
          ...(run.person ? [make("p", { class: "quiet" }, text("finetune.by", { name: run.person }))] : []),
          make("div", { class: "answers" }, make("button", { type: "button", class: "plain framed", disabled: run.state === "stopping", click: () => this.#do(() => this.#watch.act("stop")) }, text("finetune.stop")))];
      }
      const sentence = run.state === "failed" ? text("finetune.failed", { reason: run.problem ?? "" }) : text(run.state === "stopped" ? "finetune.stopped" : "finetune.interrupted");
      return [make("p", { class: "finetune-alarm" }, sentence),
        ...(run.resumable ? [make("div", { class: "answers" }, make("button", { type: "button", class: "plain framed", click: () => this.#do(() => this.#watch.act("resume")) }, text("finetune.resume")))] : [])];
    });
    if (!run || !running) return;
    this.#line.textContent = progressText(run);
    this.#bar.value = run.done;
  }

  /** @param {FinetuningState} state */
  #showResult({ result }) {
    const hidden = !result || this.#watch.running;
    relist(this.#result, JSON.stringify([hidden, result, this.#loading]), () => {
      if (hidden) return [];
      const answers = [
        make("button", { type: "button", class: "primary", disabled: this.#loading, click: () => this.#use("result") }, text("finetune.use")),
        make("button", { type: "button", class: "plain framed", disabled: this.#loading, click: () => this.#dialog.close() }, text("finetune.keep")),
      ];
      return [
        make("h3", {}, text("finetune.result", { model: result.model })), resultTable(result),
        make("p", { class: "quiet" }, noteOf(result)),
        ...(result.share ? [] : [make("p", {}, text("finetune.noBetter", { model: result.start }))]),
        ...(this.#loading ? [make("p", {}, text("finetune.loading"))] : []),
        result.in_use ? make("p", {}, text("finetune.inUse")) : make("div", { class: "answers" }, ...answers),
        make("p", { class: "quiet" }, text("finetune.line")), make("code", {}, result.command),
      ];
    });
  }

  /** @param {FinetuningState} state */
  #showData({ missing, data }) {
    const hidden = this.#watch.running;
    relist(this.#data, JSON.stringify([hidden, missing, data]), () => {
      if (hidden || !data) return [];
      const head = make("h3", {}, text("finetune.data"));
      const lacking = missing === null ? [] : [make("p", { class: "finetune-alarm" }, text("finetune.missing")), make("code", {}, missing)];
      if (!data.ready) {
        const progress = data.total ? text("finetune.checking", { done: data.done, all: data.total }) : text("finetune.stage.checking_images");
        return [head, make("p", {}, progress), ...lacking];
      }
      if (data.problem !== null) return [head, make("p", { class: "finetune-alarm" }, sentenceOf(data.problem)), ...lacking];
      const { objects, images, prompts, notes, left_out: leftOut } = data;
      return [head, make("p", {}, text("finetune.found", { objects: number(objects), images: number(images), prompts: number(prompts) })),
        ...sentences(text("finetune.notes"), notes), ...sentences(text("import.leftOut"), leftOut), ...lacking];
    });
  }
}
