/** The layer with the probability map. */

import { getBitmap, probabilityPath } from "./api.js";
import { rampColour } from "./palette.js";

const RETRY_AFTER = 2500;

export class Probability {
  /** @type {{id: number, revision: number, canvas: HTMLCanvasElement | null} | null} */
  #map = null;
  /** @type {AbortController | null} */
  #fetching = null;
  #onArrive;

  /** @param {() => void} onArrive */
  constructor(onArrive) {
    this.#onArrive = onArrive;
  }

  /**
   * The map of an object, or its former map while the new one loads; null if there is none.
   *
   * @param {number} id
   * @param {number} revision
   */
  of(id, revision) {
    if (!this.#map || this.#map.id !== id || this.#map.revision !== revision) void this.#load(id, revision);
    return this.#map && this.#map.id === id ? this.#map.canvas : null;
  }

  /** @param {number} id @param {number} revision */
  async #load(id, revision) {
    this.#fetching?.abort();
    const fetching = new AbortController();
    this.#fetching = fetching;
    const former = this.#map && this.#map.id === id ? this.#map.canvas : null;
    this.#map = { id, revision, canvas: former };
    const bitmap = await getBitmap(probabilityPath(id, revision), fetching.signal).catch(() => null);
    if (fetching.signal.aborted) return;
    const map = { id, revision, canvas: bitmap && coloured(bitmap) };
    this.#map = map;
    this.#onArrive();
    if (bitmap) return;
    setTimeout(() => {
      if (this.#map !== map) return;
      this.#map = null;
      this.#onArrive();
    }, RETRY_AFTER);
  }
}

/** @param {ImageBitmap} bitmap */
function coloured(bitmap) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const ramp = Array.from({ length: 256 }, (_, value) => rampColour(value / 255));
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    [data[i], data[i + 1], data[i + 2]] = ramp[data[i]];
    data[i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
