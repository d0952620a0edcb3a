import assert from "node:assert/strict";
import { register } from "node:module";
import { test } from "node:test";

import { settle } from "./fakeserver.js";
import { Network } from "../../src/vpuformer/web/page/network.js";
import { Segmenter } from "../../src/vpuformer/web/page/segmenter.js";

/** A runtime that computes nothing, in place of the one beside the exported page. */
const RUNTIME = "data:text/javascript,export const env = { wasm: {} };";
const resolve = `(name, context, next) => (name.endsWith("/ort.js") ? { url: ${JSON.stringify(RUNTIME)}, shortCircuit: true } : next(name, context))`;

test("prompts on an image that cannot be read are not answered on the former one", { timeout: 10_000 }, async () => {
  register(`data:text/javascript,${encodeURIComponent(`export const resolve = async ${resolve};`)}`);
  const self = new EventTarget();
  const replies = [];
  Object.assign(globalThis, {
    self: Object.assign(self, { postMessage: (/** @type {object} */ reply) => replies.push(reply) }),
    createImageBitmap: async (/** @type {string} */ image) => (image === "good" ? { close() {} } : Promise.reject(new Error("no room"))),
    OffscreenCanvas: class { getContext = () => ({ drawImage() {}, getImageData: () => ({}) }); },
  });
  Network.load = async () => /** @type {any} */ ({});
  Segmenter.prototype.encode = async (_, size) => /** @type {any} */ ({ size });
  Segmenter.prototype.segment = async () => assert.fail("the former image was used");
  await import("../../src/vpuformer/web/page/worker.js");
  const size = { width: 4, height: 3 };
  const requests = [{ type: "open", image: "good", size }, { type: "open", image: "bad", size }, { type: "prompt", object: 1, step: 1, prompts: [{}] }];
  for (const data of requests) self.dispatchEvent(Object.assign(new Event("message"), { data }));
  while (replies.length < requests.length) await settle();
  assert.deepEqual(replies.map(({ type, reason }) => reason ?? type), ["ready", "no room", "there is no image"]);
});
