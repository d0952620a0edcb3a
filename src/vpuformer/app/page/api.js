/** Requests to the server this page came from. Those that change an object go through the queue, not through here. */

import { reasonOf, UNREACHABLE } from "./sentence.js";

/** @typedef {import("./types.js").Label} Label */
/** @typedef {import("./types.js").ObjectState} ObjectState */
/** @typedef {import("./types.js").ImportResult} ImportResult */
/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./types.js").Project} Project */
/** @typedef {import("./queue.js").Answer} Answer */
/** @typedef {import("./queue.js").Request} Request */

/** The first answer for a large image takes a while on a slow machine. */
const TIMEOUT = 180_000;
const CHANGE_HEADER = { "X-VPUFormer": "1" };
/** Bytes that the server takes at a time; it hangs up on more, and nothing is heard of its reason. */
const MAX_BYTES = 32_000_000;

/** What the server said no to, in its own words; status 0 where it could not be reached. */
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

/**
 * Whether the server said no since something is not, or not any more, as the page has it.
 *
 * @param {unknown} error
 */
export const isOutdated = (error) => error instanceof Refusal && (error.status === 404 || error.status === 409);

/**
 * Whether the same may be granted later, without anything that the person does on this page: the server is down, wants
 * its token, or has no room.
 *
 * @param {unknown} error
 */
export const isPassing = (error) => error instanceof Refusal && (error.status === 0 || error.status === 401 || error.status >= 500);

/**
 * One request of the queue; rejects if no answer comes.
 *
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
export async function send({ method, path, body }) {
  const response = await fetch(path, {
    method,
    body: JSON.stringify(body),
    headers: { ...CHANGE_HEADER, "Content-Type": "application/json" },
    signal: AbortSignal.timeout(TIMEOUT),
  });
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
 * A good answer; any other one is thrown as a `Refusal`.
 *
 * @param {string} path
 * @param {RequestInit} options
 */
async function reach(path, options = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, UNREACHABLE);
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
  const response = await reach(path, options);
  return parsed(await response.text());
}

/** @param {string} method @param {string} path @param {object} body */
function sendJson(method, path, body) {
  const headers = { ...CHANGE_HEADER, "Content-Type": "application/json" };
  return ask(path, { method, headers, body: JSON.stringify(body) });
}

/** @returns {Promise<Project>} */
export const getProject = () => ask("api/project");

/** @param {number} id @param {AbortSignal} [signal] @returns {Promise<ImageOpened>} */
export const openImage = (id, signal) => ask(`api/images/${id}`, { signal });

/** @param {number} image */
export const putPlace = (image) => sendJson("PUT", "api/place", { image });

/** @param {string} name @returns {Promise<Label>} with the colour that the server chose */
export const addLabel = (name) => sendJson("POST", "api/labels", { name });

/** @param {number} id @param {{name?: string, colour?: string}} change @returns {Promise<Label>} */
export const changeLabel = (id, change) => sendJson("PATCH", `api/labels/${id}`, change);

/** @param {number} id @returns {Promise<null>} */
export const dropLabel = (id) => ask(`api/labels/${id}`, { method: "DELETE", headers: CHANGE_HEADER });

/**
 * @param {number} image
 * @param {File} file a mask, annotations or an exported archive
 * @param {number | null} label
 * @returns {Promise<ImportResult>}
 */
export async function importMasks(image, file, label) {
  if (file.size > MAX_BYTES) throw new Refusal(413, "It has more than 32 MB; give the annotations of this image alone.");
  const json = /\.json$/i.test(file.name) || file.type === "application/json";
  const headers = { ...CHANGE_HEADER, "Content-Type": json ? "application/json" : file.type || "application/octet-stream" };
  const query = new URLSearchParams({ name: file.name ?? "", ...(label === null ? {} : { label: String(label) }) });
  return ask(`api/images/${image}/masks?${query}`, { method: "POST", headers, body: file });
}

/**
 * An image from the server, unpacked; null if it could not be had.
 *
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function getBitmap(path, signal) {
  const response = await fetch(path, { signal });
  if (!response.ok) return null;
  return createImageBitmap(await response.blob(), { colorSpaceConversion: "default", premultiplyAlpha: "none" });
}

/** Browsers keep thumbnails for a while, and another folder at the same address has other images by the same numbers. */
const VISIT = Date.now().toString(36);

/** @param {number} id */
export const thumbnailPath = (id) => `api/images/${id}/thumbnail?visit=${VISIT}`;

/**
 * @param {ImageOpened} image
 * @param {import("./viewport.js").TileId} tile
 * @param {[number, number] | null} range the window of an image with more than 8 bits
 */
export function tilePath(image, { level, x, y }, range) {
  const query = range ? `?${new URLSearchParams({ low: String(range[0]), high: String(range[1]) })}` : "";
  return `api/images/${image.id}/tiles/${image.version}/${level}/${x}/${y}${query}`;
}

/** @param {number} id @param {number} revision so that an old one does not come from the browser's cache */
export const probabilityPath = (id, revision) => `api/objects/${id}/probability?revision=${revision}`;

/** @param {string} format */
export const exportPath = (format) => `api/export?format=${format}`;

/**
 * An export as a file. It is taken as a whole, not block by block: browsers put on the disk what is too large for the
 * memory, and a file on the person's disk that can be written to bit by bit is not offered by all of them.
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
    throw new Refusal(0, "The connection broke off before the export was here.");
  }
}
