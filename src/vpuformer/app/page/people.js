/** Other people: who is here, on which image, and the person's own name. */

import { closesOutside, dialogHeader } from "./dialogs.js";
import { byId, make, relist } from "./dom.js";
import { MAX_NAME } from "./person.js";

/** @typedef {import("./types.js").PersonHere} PersonHere */

/** How news come, in words. */
const HOW = {
  stream: "You see at once what others change.",
  questions: "You see every few seconds what others change. Something between this page and the server holds back its messages.",
};

/**
 * Names in a sentence: "Ann", "Ann and Bob", "Ann, Bob and 2 others".
 *
 * @param {(string | null)[]} people null: somebody without a name
 */
export function namesText(people) {
  const names = [...new Set(people.map((name) => name ?? "Somebody"))];
  if (names.length > 3) names.splice(2, Infinity, `${names.length - 2} others`);
  return [names.slice(0, -1).join(", "), ...names.slice(-1)].filter(Boolean).join(" and ");
}

/**
 * Who has an image open; empty if nobody has.
 *
 * @param {PersonHere[]} people
 * @param {number | undefined} image
 */
export function namesOn(people, image) {
  return namesText(people.filter((person) => image !== undefined && person.image === image).map(({ name }) => name));
}

export class People {
  #dialog = /** @type {HTMLDialogElement} */ (byId("people"));
  #name = make("input", { type: "text", maxlength: MAX_NAME, autocomplete: "name", "aria-label": "Your name", spellcheck: "false" });
  #list = make("ul", { class: "people-list" });
  #how = make("p", { class: "quiet" });
  /** What the note says that was closed. */
  #closed = "";
  /** Whether the name was asked for when the page opened. */
  #asked = false;
  #session;
  #person;
  #watch;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./person.js").Person} person
   * @param {import("./newswatch.js").NewsWatch} watch
   */
  constructor(session, person, watch) {
    this.#session = session;
    this.#person = person;
    this.#watch = watch;
    const form = make("form", { class: "people-name", submit: (/** @type {Event} */ event) => this.#save(event) },
      this.#name, make("button", { type: "submit", class: "primary" }, "Save"));
    this.#dialog.append(
      dialogHeader(this.#dialog, "People"),
      make("div", { class: "people-body" },
        make("h3", {}, "Your name"), form,
        make("p", { class: "quiet" }, "It is stored with your work, and others see it. Without a name, you work as usual."),
        make("h3", {}, "Here now"), this.#list, this.#how));
    closesOutside(this.#dialog);
    byId("people-close").addEventListener("click", () => {
      this.#closed = byId("people-text").textContent ?? "";
      this.show();
    });
  }

  /** @param {Event} event */
  #save(event) {
    event.preventDefault();
    this.#person.name = this.#name.value;
    this.#watch.wake(); // the others see the name now
    this.#dialog.close();
    byId("stage").focus();
    const { name } = this.#person;
    this.#session.listener.onToast(name ? `Your name is now ${name}.` : "You now work without a name.");
    this.show();
  }

  open() {
    this.#name.value = this.#person.name;
    this.#dialog.showModal();
    this.#name.focus();
    this.show();
  }

  /** Ask for the name when a page opens that other machines may reach. */
  greet() {
    if (this.#asked || !this.#session.project?.shared || this.#person.name || this.#session.readOnly) return;
    this.#asked = true;
    this.open();
  }

  /** Who has an image open; empty if nobody has. @param {number | undefined} image */
  on(image) {
    return namesOn(this.#watch.people, image);
  }

  show() {
    const { people, how } = this.#watch;
    const here = namesText(people.map(({ name }) => name));
    const button = byId("here");
    button.hidden = !people.length;
    byId("here-names").textContent = here;
    const title = `${here} ${people.length > 1 ? "are" : "is"} here`;
    button.title = title;
    button.setAttribute("aria-label", title);
    this.#note(here);
    if (!this.#dialog.open) return;
    this.#how.textContent = how ? HOW[how] : "";
    relist(this.#list, JSON.stringify(people), () => (people.length ? people.map((each) => this.#row(each)) : [make("li", { class: "quiet" }, "Nobody else")]));
  }

  /** @param {PersonHere} person */
  #row({ name, image }) {
    const listed = image === null ? null : this.#session.listed(image);
    const go = () => {
      this.#dialog.close();
      void this.#session.open(Number(image));
    };
    const where = listed ? [make("button", { type: "button", class: "small-word ellipsis", "data-key": `${name} ${image}`, click: go }, listed.name)] : [];
    return make("li", {}, make("span", { class: "ellipsis" }, name ?? "Somebody"), ...where);
  }

  /** @param {string} here */
  #note(here) {
    const taken = this.on(this.#session.openId);
    const nameless = here && !this.#person.name && !this.#asked && !this.#session.readOnly;
    const text = [
      taken && `${taken} has this image open, too. Work on different objects, or on another image.`,
      nameless && !taken && `${here} ${this.#watch.people.length > 1 ? "are" : "is"} here, too.`,
      nameless && "Give your name, so that all see who does what.",
    ].filter(Boolean).join(" ");
    const note = byId("people-note");
    note.hidden = !text || text === this.#closed;
    if (byId("people-text").textContent !== text) byId("people-text").textContent = text; // screen readers read every change
    byId("people-jump").hidden = !taken;
    byId("people-ask").hidden = !nameless;
  }
}
