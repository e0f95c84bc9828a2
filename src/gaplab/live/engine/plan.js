// A network as data: its layers in order, what they are called, and the shapes that a picture takes on its way.
import { ReaderError } from "./errors.js";

/**
 * Layer i reads tensor `from` and makes tensor i + 1; tensor 0 is the picture.
 * @typedef {{
 *   kind: "convolution" | "sum" | "shortcut",
 *   from: number,
 *   and?: number,
 *   activation?: "relu" | "relu6" | null,
 *   kernel?: number,
 *   stride?: number,
 *   padding?: number | "same",
 *   depthwise?: boolean,
 *   inputs?: number,
 *   outputs?: number,
 *   weight?: number,
 *   bias?: number,
 *   form?: "float16" | "int8",
 *   extra?: number,
 * }} Layer a convolution with its batch norm folded into it, the sum at the end of a block, or a shortcut that
 *   sub-samples by two and adds `extra` channels of zeros (option A of the ResNet paper)
 *
 * @typedef {{
 *   pool: "gap" | "max" | "flatten",
 *   side: number,
 *   inputs: number,
 *   outputs: number,
 *   weight: number,
 *   bias: number,
 *   form: "float16" | "int8",
 * }} HeadPlan the linear layer at the end, the pool that it was trained behind, and the side of what
 *   it reads: 1 behind a pool, else that of the whole map
 *
 * @typedef {{
 *   name: string,
 *   licence: string,
 *   picture: { channels: number, side: number, mean: number[], std: number[] },
 *   layers: Layer[],
 *   names: Record<string, number>,
 *   head: HeadPlan,
 *   classes: string[],
 * }} Plan as gaplab.live.exporting writes it; `weight` and `bias` are places in the vector that weights.js decodes
 *
 * @typedef {{ channels: number, height: number, width: number }} Shape
 */

/** Activations, as the kernels number them. */
export const ACTIVATIONS = { none: 0, relu: 1, relu6: 2 };

/**
 * The shape of every tensor for a picture of this size.
 * @param {Plan} plan
 * @param {number} height
 * @param {number} width
 * @returns {Shape[]}
 */
export function shapes(plan, height, width) {
  for (const side of [height, width]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new ReaderError(
        `A picture of ${width} × ${height} px has no pixels: choose whole numbers of 1 px or more.`,
      );
    }
  }
  const found = [{ channels: plan.picture.channels, height, width }];
  for (const layer of plan.layers) found.push(shapeBehind(layer, found[layer.from]));
  return found;
}

/** @type {(layer: Layer, before: Shape) => Shape} */
function shapeBehind(layer, before) {
  if (layer.kind === "sum") return { ...before };
  if (layer.kind === "shortcut") {
    const [height, width] = [before.height, before.width].map((side) => Math.ceil(side / 2));
    return { channels: before.channels + layer.extra, height, width };
  }
  const [height, width] = [before.height, before.width].map((side) => sideBehind(layer, side));
  return { channels: layer.outputs, height, width };
}

/** @type {(layer: Layer, side: number) => number} */
function sideBehind({ kernel, stride, padding }, side) {
  if (padding === "same") return Math.ceil(side / stride);
  return Math.floor((side + 2 * padding - kernel) / stride) + 1;
}

/**
 * Zeros in front of a row. "same" is TensorFlow's: as many as it takes, and an odd one comes behind.
 * @param {Layer} layer
 * @param {number} side
 */
export function paddingBefore({ kernel, stride, padding }, side) {
  if (padding !== "same") return padding;
  return Math.max((Math.ceil(side / stride) - 1) * stride + kernel - side, 0) >> 1;
}

/**
 * The number of a tensor by its name: a layer's in PyTorch, "picture", "map", or the number itself.
 * @param {Plan} plan
 * @param {string | number} name
 */
export function tensorCalled(plan, name) {
  const found = typeof name === "number" ? name : plan.names[name];
  if (Number.isInteger(found) && found >= 0 && found <= plan.layers.length) return found;
  throw new ReaderError(
    `${plan.name} has no layer called ${name}: choose one of ${Object.keys(plan.names).join(", ")}.`,
  );
}
