/** A server and a clock for the queue that do only what a test makes them do. */

/** @param {object} more */
export const state = (more = {}) => ({
  id: 7, image: 1, label: null, accepted: false, deleted: false, revision: 0, at: 0, answered: 0, since: 0, live: [], steps: [],
  mask_known: false, mask: null, area: 0, seconds: null, choice: null, attributes: {}, others: [], order: null, ...more,
});

/** @param {string} type @param {object} more */
export const storedStep = (type, more = {}) => ({
  type, positive: true, only_here: false, point: null, box: null, path: null, radius: null, step: null, index: null,
  threshold: null, holes: null, specks: null, smooth: null, objects: null, live: true, person: null, ...more,
});

/** Let everything run that can. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

export class FakeServer {
  /** Requests without an answer. */
  open = [];
  /** Every request in the order in which it came. */
  sent = [];
  replies = [];
  refused = [];
  others = [];
  unlabelled = [];
  statuses = [];
  sleeps = [];

  clock = {
    sleep: (ms) => {
      let wake = () => {};
      const done = new Promise((resolve) => (wake = resolve));
      this.sleeps.push({ ms, wake });
      return { done, wake };
    },
  };

  send = (request) => {
    this.sent.push(request);
    return new Promise((resolve, reject) => this.open.push({ request, resolve, reject }));
  };

  onReply = (lane, body, newest) => this.replies.push({ lane, body, newest });
  onRefused = (lane, action, sentence) => this.refused.push({ lane, action, sentence });
  onOthers = (image, others, order) => this.others.push({ image, others, order });
  onUnlabelled = (lane) => this.unlabelled.push(lane);
  onStatus = (status, waiting, reason) => this.statuses.push({ status, waiting, reason });

  get status() {
    return this.statuses.at(-1)?.status;
  }

  async answer(body, status = 200, retryAfter = null) {
    const next = this.open.shift();
    if (!next) throw new Error("nothing was asked");
    next.resolve({ status, body, retryAfter });
    await settle();
    return next.request;
  }

  async lose() {
    this.open.shift().reject(new TypeError("connection refused"));
    await settle();
  }

  async wake() {
    this.sleeps.at(-1).wake();
    await settle();
  }
}
