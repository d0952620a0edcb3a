// Answers prompts as the page does, for a comparison with Python: node answers.mjs PAGE RUNTIME MODEL CASES OUTPUT.
// CASES has cases.json, [{image, width, height, prompts: [prompt]}], and the images as RGBA. OUTPUT gets, for each case
// and number of prompts, the probability as float32 and the mask as bytes, and answers.json with crops.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, runtimeFile, model, cases, output] = process.argv.slice(2);
const runtime = await import(pathToFileURL(runtimeFile).href);
runtime.env.wasm.numThreads = 1;
const { Network } = await import(pathToFileURL(join(page, "network.js")).href);
const { Segmenter } = await import(pathToFileURL(join(page, "segmenter.js")).href);

const network = await Network.load(runtime, async (name) => new Uint8Array(await readFile(join(model, name))));
const segmenter = new Segmenter(network);
const answers = [];
for (const [number, { image, width, height, prompts }] of JSON.parse(await readFile(join(cases, "cases.json"), "utf8")).entries()) {
  const rgba = new Uint8ClampedArray(await readFile(join(cases, image)));
  const encoded = await segmenter.encode(rgba, { width, height });
  let answer = null;
  for (let count = 1; count <= prompts.length; count++) {
    answer = await segmenter.segment(encoded, prompts.slice(0, count), answer);
    await writeFile(join(output, `${number}-${count}.probability`), answer.probability);
    await writeFile(join(output, `${number}-${count}.mask`), answer.mask);
    answers.push({ number, count, crop: answer.crop, corrected: answer.corrected });
  }
}
await writeFile(join(output, "answers.json"), JSON.stringify(answers));
process.exit(0); // the runtime's threads would keep the process alive
