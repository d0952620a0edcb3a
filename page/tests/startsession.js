/** A session on a folder of three images, with a server that does only what a test makes it do. */

import { Queue } from "../../src/vpuformer/app/page/queue.js";
import { Session } from "../../src/vpuformer/app/page/session.js";
import { FakeServer, state } from "./fakeserver.js";

export const image = (id, objects = []) => ({
  id, name: `${id}.jpg`, width: 8, height: 8, tile: 512, levels: 1, version: "v", range: null, notes: [], done: false, review: { verdict: null, comment: "" }, objects,
});
export const click = { type: "click", point: [1, 1], positive: true };

/**
 * The last object that is not accepted is selected, as if a person had done so.
 *
 * @param {object[]} objects of image 2, which is opened; there are three
 * @param {() => number | null | undefined} recall the label of the last visit
 */
export async function begin(objects = [], recall = () => undefined) {
  const server = new FakeServer();
  const said = [];
  const toasts = [];
  const undone = [];
  const api = {
    getProject: async () => ({
      id: "p", folder: "f", model: "m", model_sha256: "", version: "1", labels: [{ id: 4, name: "cup", colour: "#e69f00", group: "", attributes: [] }], label_settings: { attributes: [], tags: [], label_required: false }, formats: [], place: 2, number: 3, time: 1000,
      images: [1, 2, 3].map((id) => ({ id, name: `${id}.jpg`, done: false, objects: 0, unaccepted: 0, labels: [], changed: null, review: null, tags: [] })),
    }),
    openImage: async (id) => image(id, id === 2 ? objects : []),
    putPlace: async () => null,
    importMasks: async () => ({ objects: [state({ id: 30, image: 2, area: 5 })], notes: [], tags: [] }),
  };
  const queue = new Queue({
    ...server, send: server.send, clock: server.clock, onStatus: server.onStatus,
    onReply: (...all) => session.onReply(...all),
    onRefused: (...all) => session.onRefused(...all),
    onOthers: (...all) => session.takeOver(...all),
    onUnlabelled: () => session.onUnlabelled(),
  });
  const session = new Session(api, queue, {
    onChange() {},
    onSay: (text) => said.push(text),
    onToast: (text, back) => toasts.push({ text, back }),
    onUndone: (back) => undone.push(back),
  }, recall);
  await session.start();
  session.select(session.entries.findLast((entry) => !entry.optimistic.accepted) ?? null);
  return { session, server, api, said, toasts, undone };
}
