// The door of the engine: what a page, a Worker or a test asks a network, and the answer.
import { backward } from "./backward.js";
import { forward } from "./forward.js";
import { head } from "./head.js";
import { gradientAt, makeNetwork, valuesAt } from "./network.js";
import { tensorCalled } from "./plan.js";
import { decode, unpack } from "./weights.js";

/**
 * @typedef {{ plan: import("./plan.js").Plan, weights: string, wasm: string }} Packed what the site's scripts hold:
 *   weights and kernels as base64 of gzip
 *
 * @typedef {{
 *   pixels?: ArrayLike<number>,
 *   picture?: ArrayLike<number>,
 *   pool?: string,
 *   p?: number,
 *   label?: number | null,
 *   values?: (string | number)[],
 *   gradients?: (string | number)[],
 * }} Question a picture as pixels (0 to 255) or already normalised, else the one before; how to pool it; the class; and
 *   the layers whose values and gradients are wanted
 */

/**
 * Makes a network of what the site's scripts hold.
 * @param {Packed} packed
 * @param {{ height?: number, width?: number, slow?: boolean }} [options] `slow` takes the kernels in plain JavaScript
 */
export async function unpackedNetwork({ plan, weights, wasm }, { slow = false, ...size } = {}) {
  const numbers = decode(plan, await unpack(weights, plan.name));
  return makeNetwork(plan, numbers, { ...size, wasm: slow ? null : await unpack(wasm, "the engine") });
}

/**
 * Answers one question. What it returns is a copy, and stays as it is.
 * @param {import("./network.js").Network} network
 * @param {Question} question
 */
export function ask(network, { pixels, picture, pool, p, label, values = [], gradients = [] }) {
  if (pixels) forward(network, normalised(network.plan, pixels));
  else if (picture) forward(network, picture);
  const answer = head(network, pool, p, label);
  // As far back as the first layer that was asked for, and no farther.
  const tensors = gradients.map((name) => tensorCalled(network.plan, name));
  if (tensors.length) backward(network, answer.gradient, Math.min(...tensors));
  const copies = (names, read) => Object.fromEntries(names.map((name) => [name, read(network, name).slice()]));
  return { ...answer, values: copies(values, valuesAt), gradients: copies(gradients, gradientAt) };
}

/**
 * Pixels as the network takes them: over 255, less the mean of its training pictures, over their deviation.
 * @param {import("./plan.js").Plan} plan
 * @param {ArrayLike<number>} pixels channels x height x width, 0 to 255
 */
export function normalised({ picture: { channels, mean, std } }, pixels) {
  const area = pixels.length / channels;
  return Float32Array.from(pixels, (pixel, i) => {
    const c = Math.floor(i / area);
    return (pixel / 255 - mean[c]) / std[c];
  });
}
