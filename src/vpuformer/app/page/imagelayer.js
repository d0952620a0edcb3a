/** The lowest layer of the stage: the tiles of the image, and over them the probability map of the current object. */

import { Probability } from "./probability.js";
import { Tiles } from "./tiles.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./viewport.js").View} View */
/** @typedef {import("./viewport.js").Size} Size */

export class ImageLayer {
  #tiles;
  #probability;
  #session;
  #settings;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   * @param {() => void} onArrive called when a part of it has loaded
   */
  constructor(session, settings, onArrive) {
    this.#session = session;
    this.#settings = settings;
    this.#tiles = new Tiles(onArrive);
    this.#probability = new Probability(onArrive);
  }

  /** The state whose probability map is shown, or null. */
  #mapped() {
    const state = this.#session.current?.confirmed;
    return this.#settings.probability && !this.#settings.hidden && state && state.at > 0 ? state : null;
  }

  /** What is drawn, for comparison; the view and what has loaded come on top. */
  shown() {
    const state = this.#mapped();
    return `${this.#settings.range} ${state?.id} ${state?.revision}`;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ImageOpened} image
   * @param {View} view
   * @param {Size} screen in CSS pixels
   * @param {number} ratio device pixels per CSS pixel
   */
  draw(context, image, view, screen, ratio) {
    this.#tiles.draw(context, image, view, screen, ratio, this.#settings.range);
    const state = this.#mapped();
    const map = state && this.#probability.of(state.id, state.revision);
    if (!map) return;
    context.globalAlpha = 0.7;
    context.imageSmoothingEnabled = view.scale * ratio <= 2;
    const { width, height } = image;
    context.drawImage(map, view.x * ratio, view.y * ratio, width * view.scale * ratio, height * view.scale * ratio);
    context.globalAlpha = 1;
  }
}
