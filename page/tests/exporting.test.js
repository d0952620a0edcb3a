import assert from "node:assert/strict";
import { test } from "node:test";

import { getExport } from "../../src/vpuformer/app/page/api.js";

/** @param {import("node:test").TestContext} t @param {BodyInit | null} body @param {ResponseInit} [more] */
const answering = (t, body, more) => t.mock.method(globalThis, "fetch", async () => new Response(body, more));

test("an export has the name that the server gives it", async (t) => {
  answering(t, "zip", { headers: { "Content-Disposition": "attachment; filename*=UTF-8''K%C3%BCste%20%28S%C3%BCd%29_coco.zip" } });
  const { file, name } = await getExport("coco");
  assert.deepEqual([name, await file.text()], ["Küste (Süd)_coco.zip", "zip"]);
  answering(t, "zip");
  assert.equal((await getExport("coco")).name, "coco.zip");
});

test("a refused export gives no file, and its reason is shown", async (t) => {
  answering(t, JSON.stringify({ error: "VOC holds 254 objects an image" }), { status: 422 });
  await assert.rejects(getExport("voc"), { status: 422, message: "VOC holds 254 objects an image" });
  answering(t, "", { status: 401 });
  await assert.rejects(getExport("voc"), { status: 401, message: /Open the address that it printed/ });
  answering(t, "<html>", { status: 502 });
  await assert.rejects(getExport("voc"), { status: 502, message: "The server answered with 502." });
});

test("an interrupted export gives no file", async (t) => {
  const broken = new ReadableStream({ start: (controller) => controller.error(new TypeError("network error")) });
  answering(t, broken);
  await assert.rejects(getExport("coco"), { message: /connection was lost/ });
});
