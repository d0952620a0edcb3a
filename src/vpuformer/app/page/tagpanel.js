/** The tags of the open image, in the side panel: those of the project, and free ones. */

import { namesIn } from "./attributes.js";
import { byId, make, relist } from "./dom.js";

export class TagPanel {
  #host = byId("tags");
  #input = /** @type {HTMLInputElement} */ (byId("new-tag"));
  #session;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      if (event.key === "Enter") this.#give([...this.#tags, ...namesIn(this.#input.value)]);
      this.#input.value = "";
      byId("stage").focus();
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Focus the first tag. Returns whether tags can be given. */
  focus() {
    const first = this.#host.querySelector("button") ?? this.#input;
    if (byId("tags-card").hidden) return false;
    first.focus();
    return true;
  }

  get #listed() {
    const { image } = this.#session;
    return image && this.#session.listed(image.id);
  }

  get #tags() {
    return this.#listed?.tags ?? [];
  }

  /** @param {string[]} tags */
  #give(tags) {
    if (!this.#listed) return;
    this.#session.folder.setTags(this.#listed.id, [...new Set(tags)]);
    this.#session.listener.onChange();
  }

  show() {
    const offered = this.#session.project?.label_settings.tags ?? [];
    const tags = this.#tags;
    const all = [...new Set([...offered, ...tags])];
    byId("tags-card").hidden = !all.length || !this.#listed;
    relist(this.#host, JSON.stringify([all, tags]), () => all.map((tag) => {
      const has = tags.includes(tag);
      const turn = () => this.#give(has ? tags.filter((each) => each !== tag) : [...tags, tag]);
      return make("button", { type: "button", class: "tag ellipsis", "data-key": tag, "aria-pressed": String(has), title: tag, click: turn }, tag);
    }));
  }
}
