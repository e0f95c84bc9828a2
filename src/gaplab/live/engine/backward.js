// The backward pass: the chain rule, layer by layer, from the last map to the picture.
//
// For one number s (a logit) and a layer y = f(x), the chain rule gives ds/dx = (dy/dx)^T ds/dy. No Jacobian is ever
// made: each kind of layer knows how to multiply by the transpose of its own.
import { eachPair } from "./forward.js";
import { isPointwise } from "./geometry.js";
import { ReaderError } from "./errors.js";
import { tensorCalled } from "./plan.js";

/**
 * @typedef {import("./network.js").Network} Network
 * @typedef {import("./memory.js").Step} Step
 */

/**
 * Carries the gradient at the last map back, to the picture or to another tensor on the way. Each tensor that was passed
 * keeps its own gradient until the next run: `gradientAt` reads it.
 * @param {Network} network after `forward`
 * @param {ArrayLike<number>} gradient of some number with respect to the last map, as `head` gives it
 * @param {string | number} [until] the tensor at which to stop
 */
export function backward(network, gradient, until = "picture") {
  const { kernels, plan, steps, tensors } = network;
  const map = tensors[tensors.length - 1];
  if (gradient.length !== map.count) {
    throw new ReaderError(
      `The gradient has ${gradient.length} numbers, but the map has ${map.count}: give the gradient at the last map.`,
    );
  }
  const stop = tensorCalled(plan, until);
  kernels.floats.set(gradient, map.gradient);
  for (let i = steps.length - 1; i >= stop; i -= 1) { // layer i makes tensor i + 1
    const step = steps[i];
    behindActivation(network, step);
    for (const { tensor, to } of step.sends) {
      TRANSPOSED[step.layer.kind](network, step, tensor, to);
      // A tensor that two layers read moves s by two ways, and the ways add.
      if (to !== tensor.gradient) kernels.add(tensor.gradient, to, tensor.gradient, tensor.count, 0);
    }
  }
}

/** An activation has a slope of one or of zero: the gradient goes through, or is stopped. */
function behindActivation({ kernels }, { output, gradient, activation }) {
  if (gradient !== output.gradient) kernels.gate(output.gradient, output.values, gradient, output.count, activation);
}

/** @type {Record<string, (network: Network, step: Step, tensor: import("./memory.js").Tensor, to: number) => void>} */
const TRANSPOSED = {
  /** Every output was a sum of inputs times weights; so every input gathers from those outputs, by the same weights. */
  convolution({ kernels, scratch }, { layer, output, gradient, paddedBack, backward: passes }) {
    if (!isPointwise(layer)) {
      const { channels, height, width } = output;
      const { top, left } = paddedBack;
      kernels.pad(gradient, scratch, channels, height, width, top, left, paddedBack.height, paddedBack.width, 0);
    }
    for (const pass of passes) {
      if (layer.depthwise) kernels.depthwise(pass);
      else kernels.dense(pass);
    }
  },
  /** A sum moves by as much as either of its parts: the shortcut hands the gradient on unchanged. */
  sum({ kernels }, { output, gradient }, _, to) {
    kernels.floats.copyWithin(to, gradient, gradient + output.count);
  },
  /** What was left out moves nothing; what was kept gets its gradient, and the channels of zeros are forgotten. */
  shortcut({ kernels: { floats } }, { output, gradient }, tensor, to) {
    floats.fill(0, to, to + tensor.count);
    eachPair(tensor, output, (large, small) => (floats[to + large] = floats[gradient + small]));
  },
};
