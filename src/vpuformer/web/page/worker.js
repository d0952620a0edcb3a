/** The network in a thread of its own, so that the page stays free: messages in, masks out. */

import { History } from "./history.js";
import { Network } from "./network.js";
import { Segmenter } from "./segmenter.js";

/** @typedef {import("./prompts.js").Prompt} Prompt */
/** @typedef {import("../../app/page/viewport.js").Size} Size */
/**
 * @typedef {{type: "load"}
 *   | {type: "open", image: Blob, size: Size}
 *   | {type: "prompt", object: number, step: number, prompts: Prompt[]}} Request prompts: all of the object, of which the
 *   last, given in this step, is new
 */
/**
 * @typedef {{type: "ready", to: "load" | "open"}
 *   | {type: "answer", step: number, rows: import("./rows.js").Rows}
 *   | {type: "failed", to: Request, reason: string}} Reply
 */

/** @param {string} name */
const fileOf = (name) => new URL(`../../${name}`, import.meta.url);

/** @type {import("./segmenter.js").EncodedImage | null} */
let encoded = null;
/** By object. @type {Map<number, History>} */
let histories = new Map();
/** Settled when all earlier messages are answered. */
let earlier = Promise.resolve();

const loading = load();
loading.catch(() => {}); // every message reports it

async function load() {
  const runtime = await import(fileOf("runtime/ort.js").href);
  runtime.env.logLevel = "error";
  runtime.env.wasm.wasmPaths = { mjs: fileOf("runtime/ort-wasm.js").href, wasm: fileOf("runtime/ort-wasm.wasm").href };
  // Threads share memory, which browsers allow only on pages that a server isolates from others.
  runtime.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(2, navigator.hardwareConcurrency) : 1;
  const network = await Network.load(runtime, async (name) => {
    const response = await fetch(fileOf(`model/${name}`));
    if (!response.ok) throw new Error(`${name} cannot be fetched: ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  });
  return new Segmenter(network);
}

/** @param {Blob} image @param {Size} size */
async function pixelsOf(image, { width, height }) {
  const bitmap = await createImageBitmap(image, { colorSpaceConversion: "none", resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("the browser has no room for the image");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** @param {Request} request @returns {Promise<Reply>} */
async function answer(request) {
  const segmenter = await loading;
  if (request.type === "load") return { type: "ready", to: "load" };
  if (request.type === "open") {
    histories = new Map();
    encoded = null; // if this image fails, no prompt is answered on the former one
    encoded = await segmenter.encode(await pixelsOf(request.image, request.size), request.size);
    return { type: "ready", to: "open" };
  }
  if (!encoded) throw new Error("there is no image");
  const { object, step, prompts } = request;
  const history = histories.get(object) ?? new History(encoded.size);
  histories.set(object, history);
  const next = await segmenter.segment(encoded, prompts, history.at(prompts.length - 1));
  return { type: "answer", step, rows: history.push(next, prompts.length) };
}

self.addEventListener("message", (event) => {
  const request = event.data;
  earlier = earlier.then(async () => {
    /** @type {Reply} */
    const reply = await answer(request).catch((error) => ({ type: "failed", to: request, reason: String(error?.message ?? error) }));
    self.postMessage(reply);
  });
});
