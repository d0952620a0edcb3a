/** The review of the open image: a card for the reviewer, and a note for whoever opens the image. */

import { byId } from "./dom.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ImageOpened} ImageOpened */
/** @typedef {import("./types.js").ImageReview} ImageReview */

/** Buttons and what they decide. @type {[string, "accepted" | "rejected"][]} */
const VERDICTS = [["review-accept", "accepted"], ["review-reject", "rejected"]];

/**
 * What a person reads who opens the image; empty without a review.
 *
 * @param {ImageReview} review
 */
export function reviewText({ verdict, comment, person, outdated }) {
  if (outdated) {
    const changed = person ? text("review.outdatedBy", { person }) : text("review.outdated");
    return comment ? text("review.outdatedWithComment", { review: changed, comment }) : changed;
  }
  if (!verdict) return comment ? text("review.lastComment", { comment }) : "";
  if (verdict === "accepted" && !comment) return "";
  const what = person ? text(`review.${verdict}By`, { person }) : text(`review.${verdict}InReview`);
  return comment ? text("review.withComment", { review: what, comment }) : what;
}

export class Review {
  #comment = /** @type {HTMLTextAreaElement} */ (byId("review-comment"));
  #note = byId("review-note");
  /** The image whose comment the card shows. @type {ImageOpened | null} */
  #image = null;
  /** Comments without a verdict yet, by the ids of images. @type {Map<number, string>} */
  #drafts = new Map();
  /** What the card showed before the person typed. */
  #filled = "";
  /** The review whose note was closed. @type {ImageReview | null} */
  #closed = null;
  #session;
  #settings;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("./settings.js").Settings} settings
   */
  constructor(session, settings) {
    this.#session = session;
    this.#settings = settings;
    for (const [id, verdict] of VERDICTS) {
      byId(id).addEventListener("click", () => session.review({ verdict, comment: this.comment }));
    }
    byId("review-remove").addEventListener("click", () => {
      this.#comment.value = "";
      session.review({ verdict: null, comment: "" });
    });
    byId("review-close").addEventListener("click", () => {
      this.#closed = session.image?.review ?? null;
      this.show();
    });
  }

  /** The comment as it is typed. */
  get comment() {
    return this.#comment.value.trim();
  }

  /** Show the comment on another image, and keep what was typed on the former one. @param {ImageOpened | null} image */
  #turnTo(image) {
    const former = this.#image;
    const typed = this.#comment.value;
    if (former && this.comment === (former.review.comment ?? "")) this.#drafts.delete(former.id);
    else if (former && typed !== this.#filled) this.#drafts.set(former.id, typed);
    this.#image = image;
    this.#comment.value = (image && this.#drafts.get(image.id)) ?? image?.review.comment ?? "";
    this.#filled = this.#comment.value; // with the browser's ends of lines
  }

  show() {
    const { image } = this.#session;
    const { reviewOpen } = this.#settings;
    const review = image?.review ?? { verdict: null };
    if (image !== this.#image) this.#turnTo(image);
    byId("review").hidden = !reviewOpen;
    byId("review-state").textContent = text(`review.${review.verdict ?? (review.outdated ? "changed" : "none")}`);
    /** @type {HTMLFieldSetElement} */ (byId("review-fields")).disabled = !image || this.#session.opening !== null;
    for (const [id, verdict] of VERDICTS) byId(id).setAttribute("aria-pressed", String(review.verdict === verdict));
    /** @type {HTMLButtonElement} */ (byId("review-remove")).disabled = !review.verdict && !review.comment && !review.outdated;
    const note = reviewOpen || review === this.#closed ? "" : reviewText(review);
    byId("review-text").textContent = note;
    this.#note.hidden = !note;
    this.#note.classList.toggle("rejected", review.verdict === "rejected");
  }
}
