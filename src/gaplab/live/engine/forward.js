// The forward pass: the picture through the layers in order.
import { isPointwise } from "./geometry.js";
import { ReaderError } from "./errors.js";

/**
 * Runs a picture through the network; every tensor keeps its numbers until the next run.
 * @param {import("./network.js").Network} network
 * @param {ArrayLike<number>} picture channels x height x width, normalised as the plan says: see `normalised`
 */
export function forward(network, picture) {
  const { kernels, tensors, steps } = network;
  const [first] = tensors;
  if (picture.length !== first.count) {
    throw new ReaderError(
      `The picture has ${picture.length} numbers, but ${first.channels} × ${first.height} × ${first.width} px have ` +
        `${first.count}: give a picture of the size that the network was made for.`,
    );
  }
  kernels.floats.set(picture, first.values);
  for (const step of steps) {
    const { layer, inputs: [input, other], output, activation } = step;
    if (layer.kind === "convolution") convolve(network, step);
    else if (layer.kind === "sum") kernels.add(input.values, other.values, output.values, output.count, activation);
    else subsample(kernels.floats, input, output);
  }
}

/** @type {(network: import("./network.js").Network, step: import("./memory.js").Step) => void} */
function convolve({ kernels, scratch }, { layer, inputs: [input], padded, forward: pass }) {
  if (!isPointwise(layer)) {
    const { channels, height, width } = input;
    const split = layer.stride === 2 ? 1 : 0;
    const { top, left } = padded;
    kernels.pad(input.values, scratch, channels, height, width, top, left, padded.height, padded.width, split);
  }
  if (layer.depthwise) kernels.depthwise(pass);
  else kernels.dense(pass);
}

/** The shortcut without weights: every second row and column, and zeros in the new channels. */
function subsample(floats, input, output) {
  floats.fill(0, output.values, output.values + output.count);
  eachPair(input, output, (large, small) => (floats[output.values + small] = floats[input.values + large]));
}

/**
 * Calls a function with the index of every second place in a large tensor, and of the place in the small one that it
 * goes to.
 * @param {import("./plan.js").Shape} large
 * @param {import("./plan.js").Shape} small
 * @param {(large: number, small: number) => void} act
 */
export function eachPair(large, small, act) {
  let at = 0;
  for (let c = 0; c < large.channels; c += 1) {
    for (let y = 0; y < small.height; y += 1) {
      for (let x = 0; x < small.width; x += 1, at += 1) act((c * large.height + 2 * y) * large.width + 2 * x, at);
    }
  }
}
