/** The two graphs of a checkpoint in ONNX Runtime; see `vpuformer.inference.graph_network`. */

import { promptPriors } from "./prior.js";
import { KINDS } from "./strokes.js";
import { promptVectors } from "./vectors.js";

/** @typedef {import("./strokes.js").CanonicalPrompt} CanonicalPrompt */
/** @typedef {{data: ArrayLike<number | bigint>, dims: readonly number[]}} Tensor */
/** @typedef {Record<string, Tensor>} Features of one crop, by name */
/** @typedef {{inputNames: readonly string[], run: (inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>}} Graph */
/**
 * What is used of ONNX Runtime Web.
 *
 * @typedef {object} Runtime
 * @property {{wasm: {numThreads?: number}, logLevel?: string}} env
 * @property {new (type: string, data: ArrayLike<number> | BigInt64Array, dims: number[]) => Tensor} Tensor
 * @property {{create: (graph: Uint8Array, options: object) => Promise<Graph>}} InferenceSession
 */
/** @typedef {(name: string) => Promise<Uint8Array>} ReadFile content of a file of the model's folder, by its name */

/** Sides of the grids of the priors as parts of the input's side, by the name of the graph's input. */
const STRIDES = { prior_sixteenth: 16, prior_eighth: 8, prior_quarter: 4 };

export class Network {
  #runtime;
  #encode;
  #decode;
  #nullTokens;
  #lateralEighth;
  #names;

  /**
   * @param {Runtime} runtime
   * @param {{encode: Graph, decode: Graph}} graphs
   * @param {{input_size: number, lateral_eighth: boolean, features: string[]}} described content of graphs.json
   * @param {number} nullTokens
   */
  constructor(runtime, { encode, decode }, { input_size, lateral_eighth, features }, nullTokens) {
    this.#runtime = runtime;
    this.#encode = encode;
    this.#decode = decode;
    this.#nullTokens = nullTokens;
    this.#lateralEighth = lateral_eighth;
    this.#names = features;
    /** Side of the square that the network takes, in pixels. */
    this.side = input_size;
  }

  /**
   * @param {Runtime} runtime
   * @param {ReadFile} read
   */
  static async load(runtime, read) {
    const [encoder, decoder, weights, described, checkpoint] = await Promise.all(
      ["encode.onnx", "decode.onnx", "model.safetensors", "graphs.json", "config.json"].map(read),
    );
    const options = { executionProviders: ["wasm"], externalData: [{ path: "model.safetensors", data: weights }] };
    const encode = await runtime.InferenceSession.create(encoder, options);
    const decode = await runtime.InferenceSession.create(decoder, options);
    /** @param {Uint8Array} bytes */
    const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
    return new Network(runtime, { encode, decode }, parsed(described), parsed(checkpoint).config.null_tokens);
  }

  /**
   * The features of a crop.
   *
   * @param {Uint8Array} pixels RGB, side x side
   * @returns {Promise<Features>}
   */
  async encode(pixels) {
    const { side } = this;
    const features = await this.#encode.run({ pixels: new this.#runtime.Tensor("uint8", pixels, [1, side, side, 3]) });
    return Object.fromEntries(this.#names.map((name) => [name, features[name]]));
  }

  /**
   * Logits of the mask, side x side.
   *
   * @param {Features} features
   * @param {Float32Array} mask the mask so far, side x side, in 0..1
   * @param {readonly CanonicalPrompt[]} prompts
   */
  async decode(features, mask, prompts) {
    const { Tensor } = this.#runtime;
    const { side } = this;
    const slots = Math.max(1, prompts.length);
    const kind = new BigInt64Array(slots);
    const [positive, valid] = [new Uint8Array(slots), new Uint8Array(slots)];
    for (const [i, prompt] of prompts.entries()) {
      kind[i] = BigInt(KINDS.indexOf(prompt.kind));
      positive[i] = Number(prompt.positive);
      valid[i] = 1;
    }
    const vectors = promptVectors(prompts);
    /** @type {Record<string, Tensor>} */
    const inputs = {
      ...features,
      mask: new Tensor("float32", mask, [1, side, side]),
      vectors: new Tensor("float32", vectors, [1, slots, vectors.length / slots]),
      kind: new Tensor("int64", kind, [1, slots]),
      positive: new Tensor("bool", positive, [1, slots]),
      valid: new Tensor("bool", valid, [1, slots]),
    };
    for (const [name, stride] of Object.entries(STRIDES)) {
      const cells = stride === 8 && !this.#lateralEighth ? 2 * Math.ceil(side / 16) : Math.ceil(side / stride);
      if (!this.#decode.inputNames.includes(name)) continue;
      const priors = promptPriors(prompts, cells, this.#nullTokens);
      inputs[name] = new Tensor("float32", priors, [1, slots + this.#nullTokens, cells, cells]);
    }
    const named = Object.fromEntries(this.#decode.inputNames.map((name) => [name, inputs[name]]));
    const { logits } = await this.#decode.run(named);
    return /** @type {Float32Array} */ (logits.data);
  }
}
