/** Shows the state of the session on the page, at most once a frame. */

import { byId, make, icon } from "./dom.js";
import { candidateText, isChoosing } from "./candidates.js";
import { showObjects, showSteps, statusText } from "./panel.js";
import { capitalized, sentenceOf } from "./sentence.js";
import { livePrompts } from "./steps.js";
import { PICKING_HINTS } from "./shaping.js";
import { number, text } from "./texts.js";
import { HINTS, ONLY_HERE_HINT, POLYGON_HINT, TOUCH_HINTS } from "./toolbar.js";
import { inside } from "./viewport.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./queue.js").Status} Status */
/**
 * @typedef {object} RenderDeps
 * @property {import("./session.js").Session} session
 * @property {import("./settings.js").Settings} settings
 * @property {import("./stage.js").Stage} stage
 * @property {import("./filelist.js").FileList} files
 * @property {import("./labels.js").Labels} labels
 * @property {import("./labelsetup.js").LabelSetup} setup
 * @property {import("./attributepanel.js").AttributePanel} attributes
 * @property {import("./tagpanel.js").TagPanel} tags
 * @property {import("./toolbar.js").Toolbar} toolbar
 * @property {import("./input.js").Input} input
 * @property {import("./viewpanel.js").ViewPanel} view
 * @property {import("./tidypanel.js").TidyPanel} tidy
 * @property {import("./polygonpanel.js").PolygonPanel} polygon
 * @property {import("./preview.js").Preview} preview
 * @property {import("./review.js").Review} review
 * @property {import("./listpanel.js").ListPanel} list
 * @property {import("./networkwatch.js").NetworkWatch} network
 * @property {import("./hover.js").Hover} hover
 * @property {import("./promptgrips.js").PromptGrips} grips
 * @property {import("./moremenu.js").MoreMenu} more
 * @property {import("./boxwatch.js").BoxWatch} boxes
 * @property {import("./importdialog.js").ImportDialog} importing
 * @property {import("./people.js").People} people
 * @property {import("./firsthints.js").FirstHints} firstHints
 */

/** @param {string} act @returns {HTMLButtonElement[]} */
const buttonsFor = (act) => [...document.querySelectorAll(`button[data-act="${act}"]`)].map((button) => /** @type {HTMLButtonElement} */ (button));

const HINT_STAYS = 6000;
/** Width in pixels below which panels cover the image, as in the style sheets. */
const NARROW = 900;
/** Width in pixels that fits both panels next to the image. */
const ROOMY = 1100;

export class Renderer {
  #frame = 0;
  #hint = "";
  #hintTimer = 0;
  /** @type {object | null} the image whose notes are shown or were closed */
  #noted = null;
  /** @type {{status: Status, reason: string}} */
  #connection = { status: "idle", reason: "" };
  #changing = false;
  /** The object that the cards are about. @type {object | null} */
  #of = null;
  #narrow = matchMedia(`(width < ${NARROW}px)`);
  #deps;

  /** @param {RenderDeps} deps */
  constructor(deps) {
    this.#deps = deps;
    const { session, settings } = deps;
    if (window.innerWidth < ROOMY) settings.files = false;
    settings.side = !this.#narrow.matches;
    this.#narrow.addEventListener("change", () => {
      this.foldFiles();
      settings.side = !this.#narrow.matches;
      this.refresh();
    });
    const chooser = /** @type {HTMLInputElement} */ (byId("import-file"));
    chooser.addEventListener("change", () => {
      for (const file of chooser.files ?? []) void session.importFile(file);
      chooser.value = "";
    });
    this.#drops();
  }

  #drops() {
    const { session } = this.#deps;
    const drop = byId("drop");
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.hidden = false;
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) drop.hidden = true;
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.hidden = true;
      for (const file of event.dataTransfer?.files ?? []) void session.importFile(file);
    });
  }

  /** Render in the next frame. */
  refresh() {
    this.#frame ||= requestAnimationFrame(() => this.now());
  }

  now() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { session, settings, stage, files, labels, setup, attributes, tags, toolbar, input, view, tidy, polygon, preview, review, list, network, hover, grips, more, boxes, importing, people, firstHints } = this.#deps;
    const { project, image, current, trouble } = session;
    if (this.#of && !current) this.#closeCards(); // it was accepted or deleted, or its image was left
    this.#of = current;
    byId("files").hidden = !settings.files;
    byId("side").hidden = !settings.side;
    byId("quick").hidden = settings.side; // replaces the side panel
    byId("toggle-files").setAttribute("aria-pressed", String(settings.files));
    byId("toggle-side").setAttribute("aria-pressed", String(settings.side));
    view.open(image);
    stage.show(image);
    const onlyHere = settings.onlyHere && current !== null;
    toolbar.show(settings, onlyHere);
    byId("cancel").hidden = !session.picking;
    const brushes = settings.tool === "brush" || settings.tool === "eraser";
    byId("brush-size").hidden = !brushes || settings.side; // the side panel has a slider
    byId("brush-text").textContent = text("units.pixels", { value: settings.radius });
    byId("tidy").hidden = !settings.tidyOpen;
    byId("toggle-tidy").setAttribute("aria-expanded", String(settings.tidyOpen));
    tidy.show();
    polygon.show();
    preview.show();
    review.show();
    input.updateCursor();
    view.show();
    labels.show();
    setup.show();
    attributes.show();
    tags.show();
    if (project) settings.saveLabel(project, session.label);
    showSteps(byId("steps"), session);
    showObjects(byId("objects"), session);
    hover.show();
    grips.show();
    if (project) {
      files.show(session.folder.matches, session.openId ?? null);
      byId("folder").textContent = project.folder.split(/[\\/]/).filter(Boolean).at(-1) ?? project.folder;
      byId("folder").title = project.folder;
      byId("model").textContent = project.model;
      byId("model").title = `${project.model}, sha256 ${project.model_sha256}; VPUFormer ${project.version}`;
      list.show();
    }
    const counted = session.entries.filter((entry) => entry.counted);
    const accepted = counted.filter((entry) => entry.optimistic.accepted).length;
    byId("object-count").textContent = counted.length ? text("objects.acceptedOf", { accepted, all: counted.length }) : "";
    byId("by-object-row").hidden = !project?.labels.length;
    byId("keep-off-row").hidden = session.entries.length < 2 && !settings.keepOff;
    const absent = session.entries.filter((entry) => entry.hidden).length;
    byId("hidden-objects").hidden = !absent;
    byId("hidden-count").textContent = text("objects.hidden", { count: absent });
    const { group } = session;
    byId("current-state").textContent = group.length ? text("objects.selected", { count: group.length }) : statusText(current, network.loading);
    const choice = current?.confirmed?.choice;
    const choosing = current !== null && isChoosing(current.optimistic);
    byId("choice").textContent = choosing ? text("stage.choosing") : choice ? candidateText(choice) : text("stage.candidates");
    byId("mask-text").textContent = current?.area ? text("status.mask", { count: current.area }) : "";
    const seconds = current?.confirmed?.seconds;
    byId("time-text").textContent = seconds ? text("units.seconds", { value: number(seconds, seconds < 1 ? 2 : 1) }) : "";
    /** @param {string} act @param {boolean} on */
    const enable = (act, on) => buttonsFor(act).forEach((button) => (button.disabled = !on));
    for (const act of ["accept", "deleteObject", "new"]) enable(act, session.selection.length > 0);
    enable("onlyHere", current !== null);
    enable("undo", session.canUndo);
    enable("redo", session.canRedo);
    enable("choose", current !== null && livePrompts(current.optimistic).length > 0);
    enable("clear", current !== null && current.optimistic.at > 0);
    more.show();
    void boxes.look();
    importing.show();
    people.show();
    firstHints.show();
    byId("resume").hidden = current !== null || !session.entries.some((entry) => !entry.locked && !entry.optimistic.accepted);
    for (const button of buttonsFor("unaccept")) button.hidden = !current?.optimistic.accepted;
    this.#image();
    byId("empty").hidden = !trouble;
    byId("empty-text").textContent = trouble ?? "";
    this.#hints(onlyHere);
    stage.draw(); // at once: a person waits for the mask
  }

  #closeCards() {
    Object.assign(this.#deps.settings, { tidyOpen: false, polygonOpen: false });
    if (document.activeElement?.closest("#tidy, #polygon")) byId("stage").focus();
  }

  #image() {
    const { session } = this.#deps;
    const { image } = session;
    const id = session.openId;
    const listed = id === undefined ? null : session.listed(id);
    const name = listed?.name ?? image?.name ?? "";
    byId("image-name").textContent = name || "\u00a0";
    byId("image-name").title = name;
    byId("image-size").textContent =
      session.opening !== null ? text("bar.opening") : image ? `${image.width} × ${image.height}` : "";
    const opening = session.opening === null ? "" : text("stage.opening", { image: name });
    if (byId("opening").textContent !== opening) byId("opening").textContent = opening;
    byId("opening").hidden = !opening;
    byId("done").setAttribute("aria-pressed", String(listed?.done ?? false));
    document.title = name ? `${name} · VPUFormer` : "VPUFormer";
    if (this.#noted === image) return;
    this.#noted = image;
    const notes = byId("notes");
    notes.hidden = !image?.notes.length;
    const close = () => (notes.hidden = true);
    notes.replaceChildren(
      ...(image?.notes ?? []).map((note) => make("li", {}, note)),
      make("li", {}, make("button", { type: "button", class: "icon", "aria-label": text("common.close"), click: close }, icon("close"))));
  }

  /**
   * Show the hint of a tool for a moment after it was chosen, or what the next prompts do instead.
   *
   * @param {boolean} onlyHere
   */
  #hints(onlyHere) {
    const { session, settings } = this.#deps;
    const hint = byId("hint");
    const empty = !session.entries.length && session.image !== null;
    const lasting = settings.polygonOpen ? POLYGON_HINT : session.picking ? PICKING_HINTS[session.picking] : onlyHere ? ONLY_HERE_HINT : null;
    const shown = lasting ?? (matchMedia("(pointer: coarse)").matches ? TOUCH_HINTS : HINTS)[settings.tool];
    if (this.#hint === shown && !empty) return;
    if (this.#hint !== shown) {
      this.#hint = shown;
      hint.textContent = shown;
      hint.classList.remove("gone");
    }
    clearTimeout(this.#hintTimer);
    if (!lasting) this.#hintTimer = window.setTimeout(() => hint.classList.add("gone"), HINT_STAYS);
  }

  /** @param {Status} status @param {string} reason */
  connection(status, reason) {
    this.#connection = { status, reason };
    this.network();
  }

  /** @param {boolean} changing whether something is on its way that the queue does not know */
  changing(changing) {
    this.#changing = changing;
    this.network();
  }

  /** Show whether all is saved, and whether the network is loaded. */
  network() {
    const { network } = this.#deps;
    const { reason } = this.#connection;
    const status = this.#changing && this.#connection.status === "idle" ? "busy" : this.#connection.status;
    byId("connection").dataset.state = status;
    const busy = text(network.loading ? "stage.loadingNetwork" : "status.busy");
    byId("connection-text").textContent = { idle: text(this.#deps.session.readOnly ? "status.readOnly" : "status.saved"), busy, offline: text("status.unsaved") }[status];
    byId("loading").hidden = !network.loading;
    /** @type {HTMLProgressElement} */ (byId("loading-progress")).value = network.state?.progress ?? 0;
    const alarm = byId("alarm");
    const sentence = reason ? text("status.trying", { reason: sentenceOf(reason) }) : capitalized(network.failure);
    if (alarm.textContent !== sentence) alarm.textContent = sentence; // screen readers read every change
    alarm.hidden = !sentence;
    this.refresh();
  }

  /** Hide the list of images if it covers the image. */
  foldFiles() {
    if (this.#narrow.matches) this.#deps.settings.files = false;
  }

  zoom() {
    const { scale } = this.#deps.stage.view;
    const percent = scale * 100;
    byId("zoom").textContent = text("units.percent", { value: number(percent, percent >= 10 ? 0 : 1) });
  }

  /** @param {Point | null} point of the image */
  where(point) {
    const { image } = this.#deps.session;
    byId("where").textContent = point && image && inside(point, image) ? `x ${Math.round(point[0])}, y ${Math.round(point[1])}` : "";
  }
}
