/** Requests to the server. Changes of objects go through the queue instead. */

import { newKey } from "./queue.js";
import { reasonOf } from "./sentence.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./types.js").ImportResult} ImportResult */
/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./queue.js").Answer} Answer */
/** @typedef {import("./queue.js").Request} Request */

/** Milliseconds; the first answer for a large image takes long on a slow machine. */
const TIMEOUT = 180_000;
/** Id of this window. The server leaves out the window's own changes from its news. */
const WINDOW = newKey();
const CHANGE_HEADER = { "X-VPUFormer": WINDOW };
/** Maximum request size in bytes. The server hangs up on larger ones, and its reason is lost. */
const MAX_BYTES = 32_000_000;

/** Id of the project that the page shows. The server refuses requests if it has another one by now. @type {string | null} */
let shown = null;

/** A refusal by the server, in its own words; status 0 if it could not be reached. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Whether the server refused because the page is outdated. @param {unknown} error */
export const isOutdated = (error) => error instanceof Refusal && (error.status === 404 || error.status === 409);

/** Whether the server has another project by now. @param {unknown} error */
export const isElsewhere = (error) => error instanceof Refusal && error.status === 421;

/**
 * Whether the same request may succeed later without any action on this page: the server is down, requires its token, has
 * another project, or its disk is full.
 *
 * @param {unknown} error
 */
export const isPassing = (error) => error instanceof Refusal && ([0, 401, 421].includes(error.status) || error.status >= 500);

/** @param {string} path @param {RequestInit} options */
const fetchHere = (path, options) => fetch(path, { ...options, headers: { ...options.headers, ...(shown && { "X-VPUFormer-Project": shown }) } });

/**
 * Send one request of the queue; rejects if no answer comes.
 *
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
export async function send({ method, path, body }) {
  const response = await fetchHere(path, { ...jsonRequest(method, body), signal: AbortSignal.timeout(TIMEOUT) });
  const text = await response.text();
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return { status: response.status, body: parsed(text), retryAfter: Number.isFinite(after) ? after : null };
}

/** @param {string} text */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/**
 * Fetch; throws a `Refusal` unless the answer is a success.
 *
 * @param {string} path
 * @param {RequestInit} options
 */
async function reach(path, options = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetchHere(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, text("error.unreachable"));
  }
  if (response.ok) return response;
  throw new Refusal(response.status, reasonOf(response.status, parsed(await response.text())));
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function ask(path, options) {
  const changes = options?.headers !== undefined;
  if (changes) onChanging(++changing);
  try {
    const response = await reach(path, options);
    return parsed(await response.text());
  } finally {
    if (changes) onChanging(--changing);
  }
}

/** Number of changes on their way. */
let changing = 0;
/** @type {(count: number) => void} */
let onChanging = () => {};
/** @param {(count: number) => void} listener hears how many changes are on their way, without those of the queue */
export const watchChanges = (listener) => (onChanging = listener);

/** @param {string} method @param {string} path @param {object} body */
const sendJson = (method, path, body) => ask(path, jsonRequest(method, body));

/** @param {string} method @param {object} body @returns {RequestInit} */
const jsonRequest = (method, body) => ({ method, headers: { ...CHANGE_HEADER, "Content-Type": "application/json" }, body: JSON.stringify(body) });

/**
 * @param {number} [since] time of a former answer: images without a change since then are left out
 * @returns {Promise<Project>}
 */
export async function getProject(since) {
  const project = await ask(since === undefined ? "api/project" : `api/project?since=${since}`);
  shown ??= project.id;
  return project;
}

/** @returns {Promise<import("./types.js").Progress>} */
export const getCounts = () => ask("api/progress");
export const COUNTS_TABLE = "api/progress.csv";

/** @returns {Promise<import("./types.js").NetworkState>} */
export const getNetwork = () => ask("api/network");

/** @param {number | undefined} since @param {number | undefined} image */
const newsQuery = (since, image) => new URLSearchParams({ window: WINDOW, ...(since === undefined ? {} : { since: String(since) }), ...(image === undefined ? {} : { image: String(image) }) });

/**
 * @param {number | undefined} since number of the last change that is known
 * @param {number | undefined} image that is open
 * @param {boolean} hidden whether the page is, so that it asks rarely
 * @returns {Promise<import("./types.js").News>}
 */
export const getNews = (since, image, hidden) => ask(`api/news?${newsQuery(since, image)}&hidden=${hidden}`);

/** @param {number | undefined} since @param {number | undefined} image */
export const streamNews = (since, image) => new EventSource(`api/news/stream?${newsQuery(since, image)}`);

/**
 * @param {number} id
 * @param {AbortSignal} [signal]
 * @param {number} [following] the image that will probably be opened next, which the server prepares
 * @returns {Promise<ImageOpened>}
 */
export const openImage = (id, signal, following) => ask(`api/images/${id}${following === undefined ? "" : `?following=${following}`}`, { signal });

/** @param {number} id @returns {Promise<ObjectState>} after the network has answered its steps */
export const getObject = (id) => ask(`api/objects/${id}`);

/**
 * The mask of an object as outlines.
 *
 * @param {number} id
 * @param {number | null} tolerance in pixels; null for the server's choice
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Polygon>}
 */
export const getPolygon = (id, tolerance, signal) => ask(`api/objects/${id}/polygon${tolerance === null ? "" : `?tolerance=${tolerance}`}`, { signal });

/**
 * The mask that a click would give.
 *
 * @param {number} image
 * @param {import("./types.js").NewPreview} preview
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Preview>}
 */
export async function getPreview(image, preview, signal) {
  const response = await reach(`api/images/${image}/preview`, { ...jsonRequest("POST", preview), signal });
  return response.json();
}

/** @returns {Promise<import("./types.js").WaitingBoxes>} */
export const getBoxes = () => ask("api/boxes");

/**
 * Import annotations of all images.
 *
 * @param {{body: Blob, name: string, label: string | null, accept: boolean}} files label: name of the label for objects
 *   without one
 * @param {boolean} dryRun report and change nothing
 * @returns {Promise<import("./types.js").FolderImport>}
 */
export async function importFolder({ body, name, label, accept }, dryRun) {
  if (body.size > MAX_BYTES) throw new Refusal(413, text("import.filesTooLarge"));
  const query = new URLSearchParams({ name, accept: String(accept), dry_run: String(dryRun), ...(label === null ? {} : { label }) });
  return ask(`api/import?${query}`, { method: "POST", body, headers: { ...CHANGE_HEADER, "Content-Type": "application/octet-stream" } });
}

/** @param {number} image */
export const putPlace = (image) => sendJson("PUT", "api/place", { image });

/** @returns {Promise<import("./types.js").FinetuningState>} */
export const getFinetuning = () => ask("api/finetuning");

/** @param {"check" | "start" | "resume" | "stop"} act @param {{minutes?: number}} body @returns {Promise<import("./types.js").FinetuningState>} */
export const postFinetuning = (act, body) => sendJson("POST", `api/finetuning${act === "start" ? "" : `/${act}`}`, body);

/** @param {"result" | "first"} use @returns {Promise<import("./types.js").FinetuningState>} once the model answers prompts */
export const putModel = (use) => sendJson("PUT", "api/finetuning/model", { use });

/** @param {string} name @returns {Promise<Label>} with the colour that the server chose */
export const addLabel = (name) => sendJson("POST", "api/labels", { name });

/** @param {number} id @param {import("./types.js").LabelChange} change @returns {Promise<Label>} */
export const changeLabel = (id, change) => sendJson("PATCH", `api/labels/${id}`, change);

/** @param {number[]} labels @returns {Promise<null>} */
export const orderLabels = (labels) => sendJson("PUT", "api/labels/order", { labels });

/** @param {import("./types.js").LabelSettings} settings @returns {Promise<import("./types.js").LabelSettings>} */
export const putLabelSettings = (settings) => sendJson("PUT", "api/labels/settings", settings);

/** @param {number} id @returns {Promise<null>} */
export const dropLabel = (id) => ask(`api/labels/${id}`, { method: "DELETE", headers: CHANGE_HEADER });

/**
 * @param {number} image
 * @param {File} file a mask, annotations or an exported archive
 * @param {number | null} label
 * @returns {Promise<ImportResult>}
 */
export async function importMasks(image, file, label) {
  if (file.size > MAX_BYTES) throw new Refusal(413, text("import.fileTooLarge"));
  const json = /\.json$/i.test(file.name) || file.type === "application/json";
  const headers = { ...CHANGE_HEADER, "Content-Type": json ? "application/json" : file.type || "application/octet-stream" };
  const query = new URLSearchParams({ name: file.name ?? "", ...(label === null ? {} : { label: String(label) }) });
  return ask(`api/images/${image}/masks?${query}`, { method: "POST", headers, body: file });
}

/**
 * Fetch and decode an image; null if that failed.
 *
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function getBitmap(path, signal) {
  const response = await fetchHere(path, { signal });
  if (!response.ok) return null;
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "default", premultiplyAlpha: "none" });
}

/** Part of thumbnail addresses: browsers cache them, but another folder may have other images with the same ids. */
const VISIT = Date.now().toString(36);

/** @param {number} id */
export const thumbnailPath = (id) => `api/images/${id}/thumbnail?visit=${VISIT}`;

/**
 * @param {ImageOpened} image
 * @param {import("./viewport.js").TileId} tile
 * @param {[number, number] | null} range values to show as black and white, for images with more than 8 bits
 */
export function tilePath(image, { level, x, y }, range) {
  const query = range ? `?${new URLSearchParams({ low: String(range[0]), high: String(range[1]) })}` : "";
  return `api/images/${image.id}/tiles/${image.version}/${level}/${x}/${y}${query}`;
}

/** @param {number} id @param {number} revision keeps the browser from showing an outdated map */
export const probabilityPath = (id, revision) => `api/objects/${id}/probability?revision=${revision}`;

/** @param {string} format */
export const exportPath = (format) => `api/export?format=${format}`;

/**
 * Fetch an export as one blob. Browsers keep large blobs on disk, and not all of them can stream to a file.
 *
 * @param {string} format
 * @returns {Promise<{file: Blob, name: string}>}
 */
export async function getExport(format) {
  const response = await reach(exportPath(format));
  const [, name] = /filename\*=UTF-8''([^;]+)/i.exec(response.headers.get("Content-Disposition") ?? "") ?? [];
  try {
    return { file: await response.blob(), name: name ? decodeURIComponent(name) : `${format}.zip` };
  } catch {
    throw new Refusal(0, text("export.lost"));
  }
}
