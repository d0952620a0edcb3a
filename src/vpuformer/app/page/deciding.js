/** Decisions on the open image: whether it is done, and the verdict of a review. */

import { Shaping } from "./shaping.js";
import { text } from "./texts.js";

/** @typedef {import("./types.js").ImageReview} ImageReview */

export class Deciding extends Shaping {
  /**
   * Mark the image as done, or as not done.
   *
   * @param {boolean} accepting whether to accept the other objects first
   */
  markDone(accepting) {
    const { image } = this;
    const listed = image && this.listed(image.id);
    if (!image || !listed) return;
    const left = accepting ? this.unaccepted : [];
    if (!this.mayAccept(left)) return;
    const back = this.acceptAll(left);
    this.folder.mark(image.id, !listed.done);
    image.review = { ...image.review, verdict: null, outdated: false };
    this.listener.onSay(text(listed.done ? "done.nowDone" : "done.nowNotDone"));
    this.listener.onChange();
    if (!left.length) return;
    this.select(null);
    this.withdrawLast = () => {
      back();
      this.folder.mark(image.id, false);
      this.listener.onChange();
    };
    const hidden = left.filter((entry) => entry.hidden).length;
    const says = text("objects.nowAccepted", { count: left.length });
    this.listener.onToast(hidden ? text("objects.someHidden", { accepted: says, count: hidden }) : says, this.withdrawLast);
  }

  /** Store a review of the open image. @param {ImageReview} review */
  review(review) {
    const { image } = this;
    if (!image || this.opening !== null) return;
    this.folder.review(image.id, review);
    image.review = review;
    this.listener.onSay(text(`review.now.${review.verdict ?? "removed"}`));
    this.listener.onChange();
  }

  /**
   * Accept the open image in a review, for a reviewer who leaves it: a message offers to undo that.
   *
   * @param {string} comment
   * @returns {boolean} whether there is an image to accept
   */
  acceptImage(comment) {
    const { image } = this;
    const listed = image && this.listed(image.id);
    if (!image || !listed || this.opening !== null) return false;
    const { done } = listed;
    const former = image.review;
    this.review({ verdict: "accepted", comment });
    this.listener.onToast(text("review.nowAccepted", { image: image.name }), () => {
      const review = { verdict: former.verdict, comment: former.comment };
      this.folder.review(image.id, review);
      if (listed.done !== done) this.folder.mark(image.id, done);
      if (this.image?.id === image.id) this.image.review = review;
      this.listener.onChange();
    });
    return true;
  }
}
