/** Other people: who is here, on which image, and the person's own name. */

import { closesOutside, dialogHeader } from "./dialogs.js";
import { byId, make, relist } from "./dom.js";
import { MAX_NAME } from "./person.js";
import { list, text } from "./texts.js";

/** @typedef {import("./types.js").PersonHere} PersonHere */

/**
 * Names in a sentence: "Ann", "Ann and Bob", "Ann, Bob and 2 others".
 *
 * @param {(string | null)[]} people null: somebody without a name
 */
export function namesText(people) {
  const names = [...new Set(people.map((name) => name ?? text("people.somebody")))];
  if (names.length > 3) names.splice(2, Infinity, text("people.others", { count: names.length - 2 }));
  return list(names);
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
  #name = make("input", { type: "text", maxlength: MAX_NAME, autocomplete: "name", "aria-label": text("people.name"), spellcheck: "false" });
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
      this.#name, make("button", { type: "submit", class: "primary" }, text("people.save")));
    this.#dialog.append(
      dialogHeader(this.#dialog, text("people.title")),
      make("div", { class: "people-body" },
        make("h3", {}, text("people.name")), form,
        make("p", { class: "quiet" }, text("people.nameNote")),
        make("h3", {}, text("people.hereNow")), this.#list, this.#how));
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
    this.#session.listener.onToast(name ? text("people.named", { name }) : text("people.nameless"));
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
    const title = text("people.areHere", { names: here, count: people.length });
    button.title = title;
    button.setAttribute("aria-label", title);
    this.#me(people.length > 0);
    this.#note(here);
    if (!this.#dialog.open) return;
    this.#how.textContent = how ? text(`people.${how}`) : "";
    relist(this.#list, JSON.stringify(people), () => (people.length ? people.map((each) => this.#row(each)) : [make("li", { class: "quiet" }, text("people.nobody"))]));
  }

  /** Show the own name in the header, or how to give one where others see it. @param {boolean} seen whether others are here */
  #me(seen) {
    const { name } = this.#person;
    const button = byId("me");
    button.hidden = !name && !seen && !this.#session.project?.shared;
    byId("own-name").textContent = name || text("people.name");
    const title = name ? text("people.youAre", { name }) : text("people.giveName");
    button.title = title;
    button.setAttribute("aria-label", title);
  }

  /** @param {PersonHere} person */
  #row({ name, image }) {
    const listed = image === null ? null : this.#session.listed(image);
    const go = () => {
      this.#dialog.close();
      void this.#session.open(Number(image));
    };
    const where = listed ? [make("button", { type: "button", class: "small-word ellipsis", "data-key": `${name} ${image}`, click: go }, listed.name)] : [];
    return make("li", {}, make("span", { class: "ellipsis" }, name ?? text("people.somebody")), ...where);
  }

  /** @param {string} here */
  #note(here) {
    const { people } = this.#watch;
    const on = people.filter(({ image }) => image === this.#session.openId);
    const taken = this.on(this.#session.openId);
    const nameless = here && !this.#person.name && !this.#asked && !this.#session.readOnly;
    const says = [
      taken && text("people.haveImage", { names: taken, count: on.length }),
      nameless && !taken && text("people.areHereToo", { names: here, count: people.length }),
      nameless && text("people.askName"),
    ].filter(Boolean).join(" ");
    const note = byId("people-note");
    note.hidden = !says || says === this.#closed;
    if (byId("people-text").textContent !== says) byId("people-text").textContent = says; // screen readers read every change
    byId("people-jump").hidden = !taken;
    byId("people-ask").hidden = !nameless;
  }
}
