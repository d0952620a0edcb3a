/** Actions of keys and buttons. */

import { ask } from "./ask.js";
import { byId } from "./dom.js";
import { KeyboardCross } from "./keyboardcross.js";
import { arrowOf, keyFor } from "./keys.js";
import { isReading } from "./readonly.js";
import { nextRegion } from "./regions.js";
import { keep } from "./storage.js";
import { distanceTo, fit, livePrompts, onlyHere } from "./steps.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Step} Step */
/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} ActionDeps
 * @property {import("./session.js").Session} session
 * @property {Settings} settings
 * @property {import("./stage.js").Stage} stage
 * @property {import("./labels.js").Labels} labels
 * @property {import("./labelsetup.js").LabelSetup} setup
 * @property {import("./attributepanel.js").AttributePanel} attributes
 * @property {import("./tagpanel.js").TagPanel} tags
 * @property {import("./input.js").Input} input
 * @property {import("./promptgrips.js").PromptGrips} grips
 * @property {import("./polygonpanel.js").PolygonPanel} polygon
 * @property {import("./preview.js").Preview} preview
 * @property {import("./render.js").Renderer} renderer
 * @property {import("./toast.js").Toasts} toasts
 * @property {import("./counts.js").Counts} counts
 * @property {import("./clipboard.js").Clipboard} clipboard
 * @property {import("./importdialog.js").ImportDialog} importing
 * @property {import("./people.js").People} people
 * @property {import("./finetunedialog.js").FinetuneDialog} finetune
 * @property {import("./review.js").Review} review
 */

/** Screen pixels within which Alt+click selects a prompt, and those within which it does so in front of another object. */
const PICK_RADIUS = 14;
const PICK_IN_FRONT = 6;
const ZOOM = 1.25;
/** Image pixels that an arrow key with Shift moves a prompt. */
const FAR = 10;

/** Settings that open cards, and the elements of these. */
const CARDS = { tidyOpen: "tidy", reviewOpen: "review", polygonOpen: "polygon" };
const CARD_NAMES = /** @type {(keyof typeof CARDS)[]} */ (Object.keys(CARDS));

/** @param {ActionDeps} deps */
export function actions({ session, settings, stage, labels, setup, attributes, tags, input, grips, polygon, preview, renderer, toasts, counts, clipboard, importing, people, finetune, review }) {
  /** @param {Step} step */
  const prompt = (step) => {
    const { image } = session;
    if (!image || image !== stage.image) return; // meant for the former image, which is visible until the next frame
    if (settings.polygonOpen) return toasts.show(text("polygon.onlyCorners", { key: keyFor("polygon")?.shown ?? "" }));
    if (session.picking) return session.pickAlong(pointsOf(step));
    const fitted = fit(step, image);
    if (!fitted) return;
    preview.drop();
    const keeps = settings.onlyHere && session.current?.optimistic.at; // there is a mask to keep
    session.act(keeps ? onlyHere(fitted) : fitted);
  };

  /** @param {Point} point */
  const pick = (point) => {
    const { current } = session;
    const other = session.entryAt(point, current);
    const reach = (other ? PICK_IN_FRONT : PICK_RADIUS) / stage.view.scale;
    const near = (current && !polygon.isOpen ? livePrompts(current.optimistic) : [])
      .filter(({ pending }) => !pending)
      .map(({ step, index }) => ({ index, far: distanceTo(step, point) }))
      .filter(({ far }) => far <= reach)
      .sort((a, b) => a.far - b.far)[0];
    if (current && near) session.select(current, session.selected === near.index ? null : near.index);
    else {
      const entry = other ?? current;
      if (entry) session.point(entry);
    }
  };

  /** @param {() => unknown} act if the next prompt begins an object afterwards, it is positive and may reach anywhere */
  const thenPlain = (act) => {
    act();
    if (!session.current || session.opening !== null) Object.assign(settings, { positive: true, onlyHere: false });
  };

  const cross = new KeyboardCross({ session, settings, stage, renderer, toasts }, prompt);

  const escape = () => {
    const focused = document.activeElement;
    const card = CARD_NAMES.find((each) => settings[each]);
    if (focused instanceof HTMLInputElement || focused instanceof HTMLTextAreaElement) byId("stage").focus();
    else if (input.active) input.cancel();
    else if (cross.draws) cross.drop();
    else if (session.picking) session.cancelPicking();
    else if (session.selected !== null) session.select(session.current);
    else if (polygon.isSelecting) polygon.deselect();
    else if (session.group.length) session.select(null);
    else if (card) toggleCard(card);
    else if (stage.cross) {
      stage.cross = null;
      stage.redraw();
    }
  };

  /** Open the side panel for a field in it. @param {() => boolean} focus returns whether there is such a field */
  const openSide = (focus) => {
    const open = settings.side;
    settings.side = true;
    renderer.now();
    if (focus()) return true;
    settings.side = open;
    return false;
  };

  /** Open or close a card over the image; the cards share a place. @param {keyof typeof CARDS} card */
  const toggleCard = (card) => {
    const open = !settings[card];
    for (const each of CARD_NAMES) settings[each] = false;
    settings[card] = open;
    renderer.now();
    const first = open && byId(CARDS[card]).querySelector(":is(input, textarea):enabled");
    (first instanceof HTMLElement ? first : byId("stage")).focus();
  };

  const turnTheme = () => {
    const { dataset } = document.documentElement;
    const dark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    dataset.theme = dark ? "light" : "dark";
    keep("vpuformer-theme", dataset.theme);
  };

  const remove = () => {
    const { current, selected } = session;
    if (polygon.isOpen) polygon.remove();
    else if (current && selected !== null) session.removePrompt(selected);
    else if (session.selection.length) session.remove(session.selection);
  };

  const done = async () => {
    const { image } = session;
    const left = session.unaccepted.length;
    const hidden = session.unaccepted.filter((entry) => entry.hidden).length;
    if (!image || !left || session.listed(image.id)?.done) return session.markDone(false);
    const answer = await ask(/** @type {HTMLDialogElement} */ (byId("ask")), {
      title: text("done.title", { count: left }),
      text: [text("done.question", { image: image.name }), hidden && text("done.hidden", { count: hidden })].filter(Boolean).join(" "),
      answers: [["accept", text("done.accept")], ["leave", text("done.only")]],
    });
    if (answer && session.image === image) thenPlain(() => session.markDone(answer === "accept"));
  };

  /** @param {1 | -1} by */
  const cycle = (by) => (polygon.isOpen ? polygon.cycle(by) : session.entries.some((entry) => entry !== session.current) ? session.cycle(by) : false);

  /** @param {(entry: import("./objectentry.js").ObjectEntry) => void} act on the object under the pointer, or the current one */
  const onTarget = (act) => {
    const entry = session.hovered ?? session.current;
    if (entry) thenPlain(() => act(entry));
    else toasts.show(text("object.pointFirst"));
  };

  /** @type {Record<string, (combo: string) => unknown>} */
  const table = {
    polarity: () => (settings.positive = !settings.positive),
    positiveSign: () => (settings.positive = true),
    negativeSign: () => (settings.positive = false),
    onlyHere: () => {
      if (session.current) settings.onlyHere = !settings.onlyHere;
      else toasts.show(text("tools.onlyHereFirst"));
    },
    smaller: () => settings.scaleRadius(1 / 1.15),
    larger: () => settings.scaleRadius(1.15),
    accept: () => thenPlain(() => session.accept()),
    unaccept: () => session.current?.optimistic.accepted && session.unaccept([session.current]),
    new: () => thenPlain(() => session.select(null)),
    undo: () => session.undoRedo("undo"),
    redo: () => session.undoRedo("redo"),
    choose: () => session.choose(),
    tidy: () => toggleCard("tidyOpen"),
    review: () => toggleCard("reviewOpen"),
    acceptImage: () => {
      if (!settings.reviewOpen) toggleCard("reviewOpen");
      else if (session.acceptImage(review.comment)) thenPlain(() => void session.jump(true));
    },
    nudge: () => false, // nothing is selected: the browser scrolls
    polygon: () => {
      toggleCard("polygonOpen");
      byId("stage").focus();
    },
    filter: () => (settings.filterOpen = !settings.filterOpen),
    counts: () => void counts.open(),
    people: () => people.open(),
    jump: () => thenPlain(() => void session.jump(settings.reviewOpen)),
    clear: () => session.clear(),
    delete: remove,
    deleteObject: () => session.selection.length && session.remove(session.selection),
    cycle: () => cycle(1),
    cycleBack: () => cycle(-1),
    label: (combo) => labels.choose(Number(combo)),
    findLabel: () => labels.find(),
    moveLabel: (combo) => void labels.move(combo.endsWith("Up") ? -1 : 1),
    labelSetup: () => setup.open(),
    details: () => openSide(() => attributes.focus() || tags.focus()) || toasts.show(text("object.noDetails")),
    lock: () => onTarget((entry) => session.toggleLock(entry)),
    keepOff: () => {
      settings.turn("keepOff", !settings.keepOff);
      toasts.show(text(settings.keepOff ? "objects.keptOff" : "objects.notKeptOff"));
    },
    merge: () => session.combine("merge", session.hovered),
    subtract: () => session.combine("subtract", session.hovered),
    split: () => session.split(),
    cut: () => session.cut(),
    front: () => session.arrange("front"),
    forward: () => session.arrange("forward"),
    backward: () => session.arrange("backward"),
    back: () => session.arrange("back"),
    copy: () => (String(getSelection()) ? false : clipboard.copy()), // of text
    paste: () => (clipboard.isEmpty ? false : void clipboard.paste()),
    duplicate: () => void clipboard.duplicate(),
    copyOn: () => thenPlain(() => void clipboard.copyOn()),
    hideObject: () => (session.pointsAtGroup ? session.setHidden(session.group, true) : onTarget((entry) => session.toggleHidden(entry))),
    showAlone: () => (session.hovered || session.current ? onTarget((entry) => session.showAlone(entry)) : session.showAll()),
    showAll: () => session.showAll(),
    import: () => importing.open(),
    finetune: () => finetune.open(),
    escape,
    next: () => thenPlain(() => void session.turnPage(1)),
    previous: () => thenPlain(() => void session.turnPage(-1)),
    done,
    search: () => {
      settings.files = true;
      renderer.now();
      /** @type {HTMLInputElement} */ (byId("search")).select();
    },
    files: () => (settings.files = !settings.files),
    side: () => (settings.side = !settings.side),
    export: () => {
      const menu = byId("export-menu");
      menu.showPopover();
      menu.querySelector("a")?.focus();
    },
    fit: () => stage.fit(),
    actual: () => stage.zoomTo(1),
    zoomIn: () => stage.zoom(ZOOM),
    zoomOut: () => stage.zoom(1 / ZOOM),
    mode: () => settings.nextMode(),
    probability: () => (settings.probability = !settings.probability),
    theme: turnTheme,
    help: () => /** @type {HTMLDialogElement} */ (byId("keys")).showModal(),
    cross: (combo) => cross.move(combo),
    positive: () => cross.prompt(settings.positive),
    negative: () => cross.prompt(!settings.positive),
    region: nextRegion,
    again: () => void (session.openId === undefined ? session.start() : session.open(session.openId)),
  };

  return {
    prompt,
    pick,
    /** @param {string} act @param {string} combo @returns {unknown} false if the browser should handle the key */
    run(act, combo) {
      session.flush();
      let result;
      if (session.readOnly && !isReading(act)) toasts.show(text("status.isReadOnly"));
      else if (act.startsWith("tool:")) {
        settings.tool = /** @type {Settings["tool"]} */ (act.slice(5));
        if (cross.draws) cross.drop();
      } else result = table[act]?.(combo);
      input.updateCursor();
      renderer.refresh();
      return result;
    },
    /** Move the selected prompt by an arrow key. @param {string} combo @returns {boolean} whether there is one */
    nudge(combo) {
      const by = /^(Shift\+)?Arrow/.test(combo) && arrowOf(combo);
      if (!by) return false;
      const far = combo.startsWith("Shift") ? FAR : 1;
      return (polygon.isOpen ? polygon : grips).nudge([by[0] * far, by[1] * far]);
    },
    /** @param {string} key @param {boolean} down */
    hold(key, down) {
      if (key === " ") input.space = down;
      else settings.hidden = down;
      input.updateCursor();
      stage.redraw();
    },
  };
}

/** The points that a prompt was drawn along. @param {Step} step @returns {Point[]} */
function pointsOf(step) {
  if ("path" in step && step.path) return step.path;
  if (step.type === "box") return [[step.box[0], step.box[1]], [step.box[2], step.box[3]]];
  return step.type === "click" ? [step.point] : [];
}
