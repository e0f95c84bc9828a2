// A network in a page: made once for pictures of one size, then asked as often as a reader likes.
import { ReaderError } from "./errors.js";
import { scriptKernels } from "./kernels_script.js";
import { grown, wasmKernels } from "./kernels_wasm.js";
import { layout } from "./memory.js";
import { tensorCalled } from "./plan.js";

/**
 * @typedef {{
 *   plan: import("./plan.js").Plan,
 *   kernels: import("./kernels_script.js").Kernels,
 *   tensors: import("./memory.js").Tensor[],
 *   steps: import("./memory.js").Step[],
 *   scratch: number,
 *   matrix: Float32Array,
 *   bias: Float32Array,
 *   note: string,
 * }} Network `matrix` and `bias` are the linear layer's; `note` says in one sentence why the slow kernels run, if so
 */

const SLOW =
  "This browser has no WebAssembly with SIMD, so the network runs in plain JavaScript, several times slower.";

/**
 * Makes a network for pictures of one size.
 * @param {import("./plan.js").Plan} plan
 * @param {Float32Array} weights from `decode`
 * @param {{ height?: number, width?: number, wasm?: BufferSource | null, kernels?: import("./kernels_script.js").Kernels }}
 *   [options] the size, else that of training; the bytes of kernels.wasm, or null for the kernels in plain JavaScript; the
 *   kernels of a network that is no longer needed, whose memory is used again
 * @returns {Promise<Network>}
 */
export async function makeNetwork(plan, weights, options = {}) {
  const { height = plan.picture.side, width = plan.picture.side, wasm = null, kernels: old } = options;
  const { size, tensors, steps, scratch, fill } = layout(plan, weights, height, width);
  const { kernels, note } = await kernelsFor(size, wasm, old, `${width} × ${height} px`);
  fill(kernels);
  const { weight, bias, outputs } = plan.head;
  // Copies, so that the other weights, which the kernels now have in their own order, need not be kept.
  return {
    plan,
    kernels,
    tensors,
    steps,
    scratch,
    matrix: weights.slice(weight, bias),
    bias: weights.slice(bias, bias + outputs),
    note,
  };
}

/** The fast kernels where the browser has what they need, else the slow ones and a sentence that says so. */
async function kernelsFor(size, wasm, old, picture) {
  const large = new ReaderError(
    `A picture of ${picture} needs ${
      Math.ceil(4 * size / 1e6)
    } MB of memory, more than there is: choose a smaller one.`,
  );
  try {
    if (wasm && old?.memory) return { kernels: grown(old, size), note: "" };
    if (wasm) return { kernels: await wasmKernels(wasm, size), note: "" };
  } catch (error) {
    if (error instanceof RangeError) throw large; // no memory: the slow kernels would need as much
  }
  try {
    const kernels = old?.floats.length >= size ? old : scriptKernels(size);
    return { kernels, note: wasm ? SLOW : "" };
  } catch {
    throw large;
  }
}

/** @type {(network: Network, name: string | number) => Float32Array} the numbers of a tensor, until the next run */
export const valuesAt = ({ plan, tensors, kernels: { floats } }, name) => {
  const { values, count } = tensors[tensorCalled(plan, name)];
  return floats.subarray(values, values + count);
};

/** @type {(network: Network, name: string | number) => Float32Array} the gradient at a tensor, until the next run */
export const gradientAt = ({ plan, tensors, kernels: { floats } }, name) => {
  const { gradient, count } = tensors[tensorCalled(plan, name)];
  return floats.subarray(gradient, gradient + count);
};
