import assert from "node:assert/strict";
import { test } from "node:test";

import { getProject, importMasks, putPlace, send, tilePath } from "../../src/vpuformer/app/page/api.js";

test("the window of a tile is written so that large numbers come through", () => {
  const path = tilePath(/** @type {any} */ ({ id: 3, version: "v" }), { level: 1, x: 2, y: 0 }, [-3.4e38, 1e21]);
  assert.ok(path.startsWith("api/images/3/tiles/v/1/2/0?"));
  const query = new URL(path, "http://127.0.0.1/").searchParams;
  assert.deepEqual([Number(query.get("low")), Number(query.get("high"))], [-3.4e38, 1e21]);
});

test("a file that the server would hang up on is not sent", async () => {
  const file = /** @type {any} */ ({ name: "all.json", type: "application/json", size: 32_000_001 });
  await assert.rejects(importMasks(1, file, null), { message: /larger than 32 MB/ });
});

test("requests name the project that was read first", async () => {
  const named = [];
  const { fetch } = globalThis;
  globalThis.fetch = /** @type {any} */ (async (path, { headers }) => {
    named.push(headers["X-VPUFormer-Project"]);
    return new Response(JSON.stringify({ id: path === "api/project" ? "first" : "second" }));
  });
  await getProject();
  await getProject(5);
  await putPlace(1);
  await send({ method: "PATCH", path: "api/images/1", body: {} });
  globalThis.fetch = fetch;
  assert.deepEqual(named, [undefined, "first", "first", "first"]);
});
