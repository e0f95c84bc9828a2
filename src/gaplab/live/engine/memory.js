// One memory for everything that a network needs for pictures of one size: every tensor, the gradient of every tensor,
// weights as the kernels read them, and the passes of every convolution. It is laid out once, before any picture comes.
import { backwardPhases, forwardTaps, isPointwise } from "./geometry.js";
import { PASS_FIELDS } from "./kernels_script.js";
import { ACTIVATIONS, shapes } from "./plan.js";

/**
 * @typedef {import("./plan.js").Plan} Plan
 * @typedef {import("./plan.js").Layer} Layer
 * @typedef {import("./plan.js").Shape & { count: number, values: number, gradient: number }} Tensor with the places of
 *   its numbers and of their gradient
 * @typedef {import("./geometry.js").Padded} Padded
 * @typedef {{
 *   layer: Layer,
 *   inputs: Tensor[],
 *   output: Tensor,
 *   activation: number,
 *   gradient: number,
 *   sends: { tensor: Tensor, to: number }[],
 *   padded?: Padded,
 *   forward?: number,
 *   paddedBack?: Padded,
 *   backward?: number[],
 * }} Step a layer with what it reads and makes; on the way back, where the gradient behind its activation lies and where
 *   its parts go; and the passes of a convolution
 * @typedef {{
 *   size: number,
 *   tensors: Tensor[],
 *   steps: Step[],
 *   scratch: number,
 *   gated: number,
 *   fill: (kernels: import("./kernels_script.js").Kernels) => void,
 * }} Layout
 */

/**
 * Lays out the memory; `fill` then writes weights and passes into it.
 * @param {Plan} plan
 * @param {Float32Array} weights
 * @param {number} height
 * @param {number} width
 * @returns {Layout}
 */
export function layout(plan, weights, height, width) {
  const { take, write, fill, taken } = emptyMemory();
  const tensors = shapes(plan, height, width).map((shape) => {
    const count = shape.channels * shape.height * shape.width;
    return { ...shape, count, values: take(count), gradient: take(count) };
  });
  const most = Math.max(...tensors.map(({ count }) => count));
  const [gated, arriving] = [take(most), take(most)];
  const steps = stepsOf(plan, tensors, gated, arriving);
  const convolutions = steps.filter(({ layer }) => layer.kind === "convolution").map((step) => {
    const { layer, inputs: [input], output } = step;
    return { step, ahead: forwardTaps(layer, input, output), back: backwardPhases(layer, input, output) };
  });
  const areas = convolutions.flatMap(({ step: { layer, inputs: [input], output }, ahead, back }) =>
    isPointwise(layer) ? [0] : [
      input.channels * ahead.padded.height * ahead.padded.width,
      output.channels * back.padded.height * back.padded.width,
    ]
  );
  const depths = convolutions.map(({ step: { layer } }) => Math.max(layer.inputs, layer.outputs) * layer.kernel ** 2);
  const [scratch, panel] = [take(Math.max(...areas)), take(8 * Math.max(...depths))];
  for (const convolution of convolutions) writePasses(convolution, weights, { write, scratch, panel });
  return { size: taken(), tensors, steps, scratch, gated, fill };
}

/** A memory of which nothing is taken yet; what is written comes into it by `fill`, when there are kernels. */
function emptyMemory() {
  /** @type {{ at: number, numbers: ArrayLike<number>, whole: boolean }[]} */
  const written = [];
  let size = 4; // place 0 stands for "none"
  const take = (count) => {
    const place = size;
    size += Math.ceil(count / 4) * 4 + 8; // the kernels work on fours, and may read a little beyond the end
    return place;
  };
  const write = (numbers, whole) => {
    const at = take(numbers.length);
    written.push({ at, numbers, whole });
    return at;
  };
  const fill = ({ floats, integers }) => {
    for (const { at, numbers, whole } of written) (whole ? integers : floats).set(numbers, at);
  };
  return { take, write, fill, taken: () => size };
}

/**
 * The layers with what they read and make. A tensor that several layers read gets a part of its gradient from each. On
 * the way back the last of them comes first and writes; what another sends arrives beside it and is added.
 * @param {Plan} plan
 * @param {Tensor[]} tensors
 * @param {number} gated
 * @param {number} arriving
 * @returns {Step[]}
 */
function stepsOf(plan, tensors, gated, arriving) {
  const lastReader = tensors.map((_, tensor) =>
    plan.layers.findLastIndex(({ from, and }) => from === tensor || and === tensor)
  );
  return plan.layers.map((layer, i) => {
    const [output, activation] = [tensors[i + 1], ACTIVATIONS[layer.activation ?? "none"]];
    const read = [layer.from, layer.and].filter((tensor) => tensor !== undefined);
    return {
      layer,
      inputs: read.map((tensor) => tensors[tensor]),
      output,
      activation,
      gradient: activation === ACTIVATIONS.none ? output.gradient : gated,
      sends: read.map((tensor) => ({
        tensor: tensors[tensor],
        to: lastReader[tensor] === i ? tensors[tensor].gradient : arriving,
      })),
    };
  });
}

/** Writes the passes of a convolution, ahead and back. */
function writePasses({ step, ahead, back }, weights, { write, scratch, panel }) {
  const { layer, inputs: [input], output, activation } = step;
  step.padded = ahead.padded;
  step.forward = writePass(write, input, output, ahead.taps, packed(weights, layer, ahead.taps.picks), {
    ...reads(layer, input, input.values, scratch, ahead.padded, layer.stride),
    ...outputsOf(layer, output),
    bias: write(weights.subarray(layer.bias, layer.bias + layer.outputs), false),
    output: output.values,
    outRowStep: output.width,
    outColumnStep: 1,
    activation,
    panel,
  });
  step.paddedBack = back.padded;
  step.backward = back.phases.map((phase) =>
    writePass(write, output, input, phase, packed(weights, layer, phase.picks, true), {
      ...reads(layer, output, step.gradient, scratch, back.padded, 1),
      ...outputsOf(layer, phase),
      bias: 0,
      output: step.sends[0].to + phase.row * input.width + phase.column,
      outRowStep: layer.stride * input.width,
      outColumnStep: layer.stride,
      activation: ACTIVATIONS.none,
      panel,
    })
  );
}

/** Writes a pass that gathers from one tensor, padded or as it is, into places of another. */
function writePass(write, source, target, { offsets }, kernel, given) {
  const pass = {
    ...given,
    channels: source.channels,
    taps: write(offsets, true),
    tapCount: offsets.length,
    weights: write(kernel, false),
    outChannels: target.channels,
    outChannelStep: target.height * target.width,
  };
  return write(PASS_FIELDS.map((name) => pass[name]), true);
}

/** Where a pass reads: a 1 x 1 convolution the map itself, as one long row; any other a padded copy of it. */
const reads = (layer, source, place, scratch, padded, stride) =>
  isPointwise(layer)
    ? { input: place, channelStep: source.height * source.width, rowStep: 0 }
    : { input: scratch, channelStep: padded.height * padded.width, rowStep: stride * padded.width };

const outputsOf = (layer, { height, width }) =>
  isPointwise(layer) ? { height: 1, width: height * width } : { height, width };

/**
 * A convolution's weights as the kernels read them: four output channels side by side, or channel by channel where each
 * has a filter of its own. Backward, inputs and outputs change places: the chain rule's transposed matrix.
 * @param {Float32Array} weights
 * @param {Layer} layer
 * @param {number[]} picks indices in the kernel
 * @param {boolean} [transposed]
 */
function packed(weights, layer, picks, transposed = false) {
  const { weight, inputs, outputs, kernel, depthwise } = layer;
  const area = kernel * kernel;
  const found = [];
  if (depthwise) {
    for (let c = 0; c < outputs; c += 1) for (const pick of picks) found.push(weights[weight + c * area + pick]);
    return Float32Array.from(found);
  }
  const [targets, sources] = transposed ? [inputs, outputs] : [outputs, inputs];
  const [targetStep, sourceStep] = transposed ? [area, inputs * area] : [inputs * area, area];
  const rows = new Float32Array(Math.ceil(targets / 4) * 4 * sources * picks.length);
  let at = 0;
  for (let m = 0; m < targets; m += 4) {
    for (let c = 0; c < sources; c += 1) {
      for (const pick of picks) {
        for (let r = m; r < m + 4; r += 1, at += 1) {
          if (r < targets) rows[at] = weights[weight + r * targetStep + c * sourceStep + pick];
        }
      }
    }
  }
  return rows;
}
