/** The dialog that imports annotations made elsewhere: for the open image, or for the whole folder. */

import { annotationFiles, bundleOf, RASTERS, summaryOf, TEXTS } from "./annotationfiles.js";
import { closesOutside, dialogHeader } from "./dialogs.js";
import { make } from "./dom.js";
import { plural, sentenceOf } from "./sentence.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").FolderImport} FolderImport */
/** @typedef {import("./session.js").Session} Session */
/** @typedef {{body: Blob, name: string, label: string | null, accept: boolean}} Import */

export class ImportDialog {
  #dialog;
  #session;
  #api;
  #boxes;
  #accept = make("input", { type: "checkbox", id: "import-accept" });
  #report = make("div", { class: "import-report", role: "status" });
  #progress = make("p", { class: "import-progress", hidden: true });
  /** Increases with every choice of files, so that the report of an earlier one is dropped. */
  #turn = 0;

  /**
   * @param {HTMLDialogElement} dialog
   * @param {Session} session
   * @param {Pick<typeof import("./api.js"), "importFolder">} api
   * @param {import("./boxwatch.js").BoxWatch} boxes
   * @param {HTMLInputElement} forImage chooser of files for the open image
   */
  constructor(dialog, session, api, boxes, forImage) {
    this.#dialog = dialog;
    this.#session = session;
    this.#api = api;
    this.#boxes = boxes;
    const endings = [...RASTERS, ...TEXTS, ".zip"].join();
    const files = this.#chooser({ multiple: true, accept: endings });
    const folder = this.#chooser({ webkitdirectory: true });
    forImage.accept = endings;
    forImage.addEventListener("change", () => dialog.close());
    /** @param {string} name @param {HTMLInputElement} chooser @param {boolean} usual */
    const button = (name, chooser, usual = false) => make("button", { type: "button", class: usual ? "primary" : "plain framed", click: () => chooser.click() }, name);
    closesOutside(dialog);
    dialog.append(
      dialogHeader(dialog, text("import.title")),
      make("div", { class: "import-body" },
        make("p", {}, text("import.about")),
        make("h3", {}, text("import.allImages")),
        make("p", { class: "quiet" }, text("import.allNote")),
        make("div", { class: "answers" }, button(text("import.files"), files, true), button(text("import.folder"), folder)),
        make("label", { class: "check" }, this.#accept, make("span", {}, text("import.accept"))),
        this.#report, this.#progress,
        make("h3", {}, text("import.openImage")),
        make("div", { class: "answers" }, button(text("import.filesForImage"), forImage))),
      files, folder);
  }

  open() {
    this.#clear();
    this.#dialog.showModal();
  }

  #clear() {
    this.#turn++;
    this.#report.replaceChildren();
    this.#progress.hidden = true;
  }

  /** @param {Record<string, string | boolean>} attributes */
  #chooser(attributes) {
    const input = make("input", { type: "file", hidden: true, ...attributes });
    input.addEventListener("change", () => {
      void this.#check([...(input.files ?? [])]);
      input.value = "";
    });
    return input;
  }

  /** Ask the server what it would import. @param {File[]} chosen */
  async #check(chosen) {
    this.#clear();
    const turn = this.#turn;
    const { project, label } = this.#session;
    const names = new Set(project?.images.map(({ name }) => name.split("/").at(-1)));
    const files = annotationFiles(chosen, (name) => names.has(name));
    if (!files.length) return this.#say(text("import.noFiles"));
    this.#say(text("import.reading", { count: files.length }));
    try {
      const ofLabel = project?.labels.find(({ id }) => id === label)?.name ?? null;
      const settings = { ...(await bundleOf(files)), label: ofLabel, accept: false };
      const report = await this.#api.importFolder(settings, true);
      if (turn !== this.#turn) return;
      const go = make("button", { type: "button", class: "primary", click: () => void this.#import({ ...settings, accept: this.#accept.checked }) }, text("import.go"));
      const other = ofLabel === null ? [] : [text("import.label", { label: ofLabel })];
      this.#show(report, other, report.new || report.changed ? [go] : []);
    } catch (error) {
      if (turn === this.#turn) this.#say(sentenceOf(error));
    }
  }

  /** @param {Import} settings */
  async #import(settings) {
    const session = this.#session;
    this.#clear();
    const turn = this.#turn;
    this.#say(text("import.busy"));
    try {
      const report = await this.#api.importFolder(settings, false);
      if (turn === this.#turn) this.#show(report, [], []);
      session.listener.onSay(text("import.done", { count: report.new }));
      this.#progress.hidden = !report.waiting;
    } catch (error) {
      if (turn === this.#turn) this.#say(sentenceOf(error));
    }
    void this.#boxes.run();
    await session.refresh();
    if (session.image && !session.queue.waiting) await session.open(session.image.id);
  }

  /** Show how many boxes have a mask by now. */
  show() {
    if (!this.#dialog.open) return;
    const { waiting, answered } = this.#boxes.state;
    const bar = make("progress", { max: Math.max(1, waiting + answered), value: answered, "aria-label": text("import.boxesBar") });
    this.#progress.replaceChildren(bar, ` ${text("import.boxes", { answered, all: answered + waiting })}`);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#report.replaceChildren(make("p", {}, sentence));
  }

  /** @param {FolderImport} report @param {string[]} more @param {Node[]} buttons */
  #show(report, more, buttons) {
    /** @param {string} title @param {FolderImport["remarks"]} reasons */
    const list = (title, reasons) => (reasons.length
      ? [make("h4", {}, title), make("ul", {}, ...reasons.map(({ thing, why, number, examples }) => make("li", {}, `${plural(number, thing)}: ${why}`,
          make("span", { class: "quiet" }, ` (${examples.join(", ")}${examples.length < number ? ", …" : ""})`))))]
      : []);
    this.#report.replaceChildren(
      make("h4", {}, text(report.dry_run ? "import.planned" : "import.imported")),
      make("ul", {}, ...[...summaryOf(report), ...more].map((line) => make("li", {}, line))),
      ...list(text("import.leftOut"), report.left_out), ...list(text("import.remarks"), report.remarks),
      make("div", { class: "answers" }, ...buttons));
    this.#report.querySelector("button")?.focus();
  }
}
