/** Entry point: connects the image, the stage, the network's thread, the buttons and the keys. */

import { byId } from "../../app/page/dom.js";
import { Input } from "../../app/page/input.js";
import { belongsTo, comboOf, lookUp } from "../../app/page/keys.js";
import { KeyboardCross } from "../../app/page/keyboardcross.js";
import { plural } from "../../app/page/sentence.js";
import { BASE, Stage } from "../../app/page/stage.js";
import { BitmapLayer } from "./bitmaps.js";
import { cocoOf, pngOf, save } from "./downloads.js";
import { failure, thread } from "./thread.js";
import { Workspace } from "./workspace.js";

/** @typedef {import("../../app/page/gestures.js").Tool} Tool */
/** @typedef {import("./worker.js").Request} Request */
/** @typedef {import("./worker.js").Reply} Reply */

const EXAMPLE = "coffee.jpg";
const HINT = matchMedia("(pointer: coarse)").matches
  ? "Tap the object, or drag a box around it. The button + Object switches to background."
  : "Click the object, drag a box around it, or draw a scribble with Shift. Right button: not the object.";

const host = byId("stage");
const settings = {
  tool: /** @type {Tool} */ ("smart"),
  positive: true,
  radius: 0,
  mode: /** @type {const} */ ("tint"),
  opacity: { tint: 0.45, outline: 1, cutout: 0.9 },
  probability: false,
  hidden: false,
  polygonOpen: false,
};
const bitmaps = new BitmapLayer();
/** Messages to the thread that are not answered: the network, then images. */
let loads = 0;
let loaded = false;
let trouble = "";
/** Remarks on the open image. */
let remark = "";
/** Whether the person has chosen an image. */
let chosen = false;

/** @param {Request} request */
function send(request) {
  if (request.type !== "prompt") loads++;
  thread.postMessage(request);
  show();
}

const workspace = new Workspace((object, step, prompts) => send({ type: "prompt", object, step, prompts }));
/** @type {Stage} */
const stage = new Stage(host, bitmaps, workspace, settings, () => {});
const toasts = { show: (/** @type {string} */ sentence) => ((remark = sentence), show()) };
const cross = new KeyboardCross({ session: { picking: null, get image() { return workspace.image; } }, settings, stage, renderer: { where() {} }, toasts }, prompt);
const input = new Input({
  host,
  stage,
  settings,
  tool: () => settings.tool,
  grip: () => null,
  pans: () => false,
  moving: () => false,
  onPrompt: prompt,
  onPick(point) {
    workspace.pick(point);
    refresh();
  },
  onHover() {},
});

/** @param {import("../../app/page/types.js").Step} step */
function prompt(step) {
  remark = "";
  workspace.add(step);
  refresh();
}

thread.addEventListener("message", ({ data }) => {
  const reply = /** @type {Reply} */ (data);
  trouble = reply.type === "failed" ? reply.reason : "";
  if (reply.type === "answer") workspace.answer(reply.step, reply.rows);
  else if (reply.type === "ready") {
    loads--;
    loaded = true;
  } else {
    if (reply.to.type === "prompt") workspace.drop(reply.to.step);
    else loads--;
  }
  refresh();
});
void failure.then((reason) => {
  trouble = reason;
  show();
});

function refresh() {
  stage.redraw();
  show();
}

/** Show what can be done, and what has happened. */
function show() {
  const { image, current, outlined } = workspace;
  const answered = current?.answered;
  const mask = current?.mask;
  document.body.dataset.state = trouble ? "failed" : loads ? "loading" : workspace.busy ? "busy" : "idle";
  byId("image-name").textContent = image ? `${image.name}, ${image.width}×${image.height}` : "";
  const waiting = loads ? `${loaded ? "Opening the image" : "Loading the network"}. You can begin: prompts are answered then.` : "";
  const result = answered && mask ? `${mask.area.toLocaleString("en")} pixels, after ${(answered.took / 1000).toFixed(2)} s` : HINT;
  byId("status").textContent = trouble ? `The network does not answer: ${trouble}` : waiting || remark || result;
  byId("status").className = trouble ? "trouble" : "";
  const usable = {
    undo: current?.at,
    redo: current && current.at < current.steps.length,
    new: current,
    clearAny: workspace.objects.length,
    png: mask?.area && !current?.busy,
    coco: outlined.length && !workspace.busy,
  };
  for (const button of document.querySelectorAll("button")) {
    const act = button.dataset.act ?? "";
    if (act in usable) button.disabled = !usable[/** @type {keyof typeof usable} */ (act)];
    if (act.startsWith("tool:")) button.setAttribute("aria-pressed", String(act === `tool:${settings.tool}`));
    if (act === "polarity") {
      button.textContent = settings.positive ? "+ Object" : "− Background";
      button.classList.toggle("negative", !settings.positive);
    }
  }
}

/** @param {Blob} blob @param {string} name */
async function open(blob, name) {
  remark = "";
  try {
    const opened = await bitmaps.open(blob);
    if (!opened) return;
    const { width, height, from } = opened;
    workspace.open({ id: Date.now(), name, width, height });
    if (from.width !== width) remark = `This image of ${from.width}×${from.height} is shown, and outlined, at ${width}×${height}.`;
    stage.show(workspace.image);
    stage.redraw(BASE);
    send({ type: "open", image: blob, size: { width, height } });
  } catch {
    toasts.show(`${name} is not an image that this browser reads; open a JPEG, PNG or WebP.`);
  }
}

/** @param {Iterable<File>} [files] */
function openFirst(files = []) {
  const [file] = files;
  if (!file) return;
  chosen = true;
  void open(file, file.name || "image.png");
}

/** The name of the image without its ending. */
const stem = () => workspace.image?.name.replace(/\.[^.]*$/, "") ?? "image";

/** What the buttons and keys do. @type {Record<string, () => void>} */
const actions = {
  undo: () => workspace.undo(),
  redo: () => workspace.redo(),
  new: () => workspace.begin(),
  accept: () => workspace.begin(),
  clear: () => workspace.remove(),
  delete: () => workspace.remove(),
  clearAny: () => workspace.clear(), // only a button removes all: nothing brings them back
  polarity: () => (settings.positive = !settings.positive),
  fit: () => stage.fit(),
  actual: () => stage.zoomTo(1),
  zoomIn: () => stage.zoom(1.25),
  zoomOut: () => stage.zoom(0.8),
  positive: () => cross.prompt(settings.positive),
  negative: () => cross.prompt(!settings.positive),
  escape() {
    input.cancel();
    cross.drop();
    stage.cross = null;
  },
  async png() {
    const mask = workspace.current?.mask;
    if (mask) save(await pngOf(mask), `${stem()}-mask.png`);
  },
  coco() {
    const masks = workspace.outlined.flatMap(({ mask }) => mask ?? []);
    if (!workspace.image) return;
    save(new Blob([JSON.stringify(cocoOf(workspace.image, masks))], { type: "application/json" }), `${stem()}.json`);
    toasts.show(`${plural(masks.length, "object")} in ${stem()}.json`);
  },
};

/** @param {string} act @param {string} combo @returns {boolean} whether it is an action of this page */
function run(act, combo = "") {
  const tool = act.startsWith("tool:") ? act.slice(5) : "";
  if (["smart", "click", "box", "scribble"].includes(tool)) settings.tool = /** @type {Tool} */ (tool);
  else if (act === "cross") cross.move(combo);
  else if (act in actions) actions[act]();
  else return false;
  input.updateCursor();
  refresh();
  return true;
}

document.addEventListener("click", ({ target }) => {
  const button = target instanceof Element ? target.closest("button") : null;
  if (button?.dataset.act) run(button.dataset.act);
});
document.addEventListener("keydown", (event) => {
  const combo = comboOf(event);
  if (belongsTo(event.target, combo)) return;
  if (combo === " ") input.space = true;
  const key = lookUp(event);
  if (combo === " " || (key && (!event.repeat || key.repeats) && run(key.act, combo))) event.preventDefault();
  input.updateCursor();
});
document.addEventListener("keyup", (event) => {
  if (event.key === " ") input.space = false;
  input.updateCursor();
});
byId("file").addEventListener("change", ({ target }) => {
  const chooser = /** @type {HTMLInputElement} */ (target);
  openFirst(chooser.files ?? []);
  chooser.value = "";
});
document.addEventListener("paste", (event) => openFirst(event.clipboardData?.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").hidden = false;
});
document.addEventListener("dragleave", (event) => (byId("drop").hidden = event.relatedTarget === null));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").hidden = true;
  openFirst(event.dataTransfer?.files);
});

send({ type: "load" });
input.updateCursor();
const example = await fetch(new URL(`../../${EXAMPLE}`, import.meta.url));
const blob = await example.blob();
if (!chosen) await open(blob, EXAMPLE);
