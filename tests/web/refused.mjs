// Prints which changes the page refuses, for a comparison with Python: node refused.mjs PAGE CASES.
// CASES has cases.json, [{width, height, prompts, lookedAt, seen}], and for each of them the maps N.before and N.answer
// as float32. Prints a line for each: the refused pixels, and the probability that they yield to, as base64.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, cases] = process.argv.slice(2);
const { refusedChanges, yielding } = await import(pathToFileURL(join(page, "steady.js")).href);

for (const [number, { width, height, prompts, lookedAt, seen }] of JSON.parse(await readFile(join(cases, "cases.json"), "utf8")).entries()) {
  const map = async (name) => new Float32Array((await readFile(join(cases, `${number}.${name}`))).buffer.slice(0, 4 * width * height));
  const [before, answer] = [await map("before"), await map("answer")];
  const whole = { left: 0, top: 0, width, height };
  const refused = refusedChanges(answer, before, prompts, { width, height }, lookedAt, whole, seen) ?? new Uint8Array(width * height);
  const encoded = [refused, new Uint8Array(yielding(before, answer, refused).buffer)].map((bytes) => Buffer.from(bytes).toString("base64"));
  console.log(encoded.join(" "));
}
