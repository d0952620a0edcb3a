/** Connects the session, the stage, the lists and the keys. */

import * as api from "./api.js";
import { actions } from "./actions.js";
import { BoxWatch } from "./boxwatch.js";
import { Clipboard } from "./clipboard.js";
import { ignoreComposing } from "./composing.js";
import { Counts } from "./counts.js";
import { byId } from "./dom.js";
import { fillExports } from "./exporting.js";
import { FileList } from "./filelist.js";
import { FinetuneDialog } from "./finetunedialog.js";
import { FinetuneWatch } from "./finetunewatch.js";
import { FirstHints } from "./firsthints.js";
import { Hover } from "./hover.js";
import { ImageLayer } from "./imagelayer.js";
import { ImportDialog } from "./importdialog.js";
import { Input } from "./input.js";
import { KeyDialog } from "./keydialog.js";
import { belongsTo, comboOf, keyOf, lookUp } from "./keys.js";
import { MoreMenu } from "./moremenu.js";
import { AttributePanel } from "./attributepanel.js";
import { LabelChanges } from "./labelchanges.js";
import { Labels } from "./labels.js";
import { LabelSetup } from "./labelsetup.js";
import { ListPanel } from "./listpanel.js";
import { LiveChanges } from "./livechanges.js";
import { TagPanel } from "./tagpanel.js";
import { NetworkWatch } from "./networkwatch.js";
import { NewsWatch } from "./newswatch.js";
import { People } from "./people.js";
import { Person } from "./person.js";
import { PolygonPanel } from "./polygonpanel.js";
import { Preview } from "./preview.js";
import { PromptGrips } from "./promptgrips.js";
import { Queue } from "./queue.js";
import { showReadOnly } from "./readonly.js";
import { Refreshing } from "./refreshing.js";
import { Review } from "./review.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { Renderer } from "./render.js";
import { BASE, Stage } from "./stage.js";
import { text } from "./texts.js";
import { TidyPanel } from "./tidypanel.js";
import { Toasts } from "./toast.js";
import { nameButtons, Toolbar } from "./toolbar.js";
import { ViewPanel } from "./viewpanel.js";

/** Keys that act while they are held down. */
const HOLD_KEYS = { " ": "space", h: "hide" };

/** Milliseconds without an answer after which the network is asked for: the server may have been started again. */
const LONG_WAIT = 1000;
let patience = 0;

const clock = {
  now: () => performance.now(),
  /** @param {number} ms */
  sleep(ms) {
    let wake = () => {};
    const done = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return { done, wake };
  },
};

const host = byId("stage");
const settings = new Settings();
const toasts = new Toasts(byId("toasts"));
/** @param {string} sentence */
const say = (sentence) => (byId("said").textContent = sentence);

const queue = new Queue({
  send: api.send,
  clock,
  onReply: (lane, body, newest) => session.onReply(lane, body, newest),
  onRefused: (lane, action, sentence, certain) => session.onRefused(lane, action, sentence, certain),
  onOthers: (image, others, order) => session.takeOver(image, others, order),
  onUnlabelled: () => session.onUnlabelled(),
  onStatus(status, _, reason) {
    renderer.connection(status, reason);
    clearTimeout(patience);
    if (status === "busy") patience = setTimeout(() => void network.run(), LONG_WAIT);
  },
});
/** Number of label changes, uploads and the like on their way. */
let changing = 0;
api.watchChanges((count) => {
  changing = count;
  renderer.changing(count > 0);
});
const session = new Session(api, queue, {
  onChange() {
    if (session.readOnly) showReadOnly();
    renderer.network();
  },
  onSay: say,
  onToast: (sentence, undo) => toasts.show(sentence, undo),
  onUndone: (undo) => toasts.settle(undo),
}, (project) => settings.recallLabel(project));
session.keepOff = () => settings.keepOff;
session.byObject = () => settings.byObject;
const firstHints = new FirstHints(session, byId("first-hint"));
const network = new NetworkWatch(api.getNetwork, clock, () => renderer.network());
const refreshing = new Refreshing(session, clock);
const live = new LiveChanges(session, api, clock);
const news = new NewsWatch({
  read: api.getNews,
  connect: api.streamNews,
  image: () => session.openId,
  clock,
  onPeople: () => renderer.refresh(),
  onChanges(changes) {
    live.take(changes);
    if (changes === null || changes.some(({ image }) => image === null)) void finetuning.run();
  },
});
const finetuning = new FinetuneWatch(api, session, clock);
const person = new Person();
const people = new People(session, person, news);
session.ownName = () => person.name;
session.takenBy = (/** @type {number} */ image) => people.on(image);
const imageLayer = new ImageLayer(session, settings, () => stage.redraw(BASE));
/** @type {Stage} */
const stage = new Stage(host, imageLayer, session, settings, () => {
  renderer.zoom();
  hover.show();
  preview.drop();
});
const preview = new Preview({
  api, session, settings, stage, clock,
  isLoading: () => network.loading,
  onSlow() {
    toasts.show(text("view.previewOff"));
    renderer.refresh();
  },
});
const hover = new Hover(session, stage);
const grips = new PromptGrips(session, stage, settings, clock);
const labelChanges = new LabelChanges(session);
const labels = new Labels(session, labelChanges, settings);
const setup = new LabelSetup(labelChanges, () => session.project);
const attributes = new AttributePanel(session);
const tags = new TagPanel(session);
const files = new FileList(byId("file-list"), (id) => {
  renderer.foldFiles(); // if the list covers the image
  void session.open(id);
}, session.takenBy);
const toolbar = new Toolbar(byId("tools"));
const input = new Input({
  host,
  stage,
  settings,
  moving: () => session.readOnly,
  tool: () => (session.picking === "cut" ? "scribble" : settings.tool),
  grip: (point, reach) => (polygon.isOpen ? polygon : grips).grip(point, reach),
  pans: () => polygon.isOpen,
  onPrompt: (step) => commands.prompt(step),
  onPick: (point) => commands.pick(point),
  onHover(point) {
    renderer.where(point);
    void preview.hover(point);
    hover.show();
  },
});
const view = new ViewPanel(settings, () => renderer.refresh());
const clipboard = new Clipboard(session, byId("ask"));
const boxes = new BoxWatch(api, session, clock, byId("boxes"));
const importing = new ImportDialog(byId("import-dialog"), session, api, boxes, byId("import-file"));
const finetune = new FinetuneDialog(/** @type {HTMLDialogElement} */ (byId("finetune")), finetuning, (sentence) => toasts.show(sentence));
const more = new MoreMenu(byId("more-menu"), session, clipboard);
const tidy = new TidyPanel(session, settings, clock);
const polygon = new PolygonPanel(api, session, settings, stage, clock);
session.flush = () => [tidy, polygon, grips].forEach((view) => view.flush());
const review = new Review(session, settings);
const list = new ListPanel(session, settings, files);
const renderer = new Renderer({ session, settings, stage, files, labels, setup, attributes, tags, toolbar, input, view, tidy, polygon, preview, review, list, network, hover, grips, more, boxes, importing, people, firstHints });
const counts = new Counts(/** @type {HTMLDialogElement} */ (byId("counts")), (sentence) => toasts.show(sentence));
const commands = actions({ session, settings, stage, labels, setup, attributes, tags, input, grips, polygon, preview, renderer, toasts, counts, clipboard, importing, people, finetune, review });

new KeyDialog(/** @type {HTMLDialogElement} */ (byId("keys")), nameButtons);
fillExports(byId("export-menu"), byId("export"), () => session.project?.formats ?? [], () => session.folder.objects, () => queue.waiting, { onSay: say, onToast: (sentence) => toasts.show(sentence) });
nameButtons();

ignoreComposing(window);
document.addEventListener("keydown", (event) => {
  const combo = comboOf(event);
  if (document.querySelector("dialog[open], [popover]:popover-open") || belongsTo(event.target, combo)) return;
  if (combo in HOLD_KEYS) {
    event.preventDefault();
    if (!event.repeat) commands.hold(combo, true);
    return;
  }
  if (!event.defaultPrevented && commands.nudge(combo)) return event.preventDefault();
  const key = lookUp(event);
  if (!key || (event.repeat && !key.repeats)) return;
  if (commands.run(key.act, combo) !== false) event.preventDefault();
});
document.addEventListener("keyup", (event) => {
  const key = keyOf(event);
  const combo = key.length === 1 ? key.toLowerCase() : key;
  if (combo in HOLD_KEYS) commands.hold(combo, false);
});
document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const button = target?.closest("button[data-act]");
  if (button instanceof HTMLElement) commands.run(button.dataset.act ?? "", "");
  // After a mouse click the focus returns to the image; after a key press it stays.
  const elsewhere = document.querySelector("dialog[open]") || document.activeElement?.matches("input");
  if (event.detail > 0 && !elsewhere && target?.closest("button, .file")) {
    host.dataset.pointer = "";
    host.focus({ preventScroll: true });
  }
});
window.addEventListener("blur", () => commands.hold("h", false));
for (const event of ["online", "focus"]) {
  window.addEventListener(event, () => {
    queue.retryNow();
    refreshing.wake();
  });
}
document.addEventListener("visibilitychange", () => {
  refreshing.wake();
  news.wake();
});
window.addEventListener("pagehide", () => session.flush());
window.addEventListener("beforeunload", (event) => {
  session.flush();
  if (queue.waiting || changing) event.preventDefault();
});

void network.run();
void boxes.run();
void session.start().then(() => {
  const watched = () => !document.hidden;
  people.greet();
  finetune.show();
  void finetuning.run();
  void news.run(session.project?.news, watched);
  return refreshing.run(watched);
});
