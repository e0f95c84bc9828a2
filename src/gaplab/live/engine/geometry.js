// Where the taps of a convolution lie, forward and backward. Both are passes of one kind: every output is a sum over a
// list of taps, each of which is an offset in a padded picture and the index of a weight in the kernel.
import { paddingBefore } from "./plan.js";

/**
 * @typedef {import("./plan.js").Layer} Layer
 * @typedef {import("./plan.js").Shape} Shape
 * @typedef {{ offsets: number[], picks: number[] }} Taps `picks` are indices in the kernel, row by row
 * @typedef {{ height: number, width: number, top: number, left: number }} Padded
 * @typedef {Taps & { row: number, column: number, height: number, width: number }} Phase
 */

/** @type {(layer: Layer) => boolean} whether it reads one place only, so that it needs no padded copy and no rows */
export const isPointwise = ({ kernel, stride }) => kernel === 1 && stride === 1;

/**
 * The forward pass: output (y, x) reads (stride y + ky - top, stride x + kx - left).
 * @param {Layer} layer
 * @param {Shape} input
 * @param {Shape} output
 * @returns {{ padded: Padded, taps: Taps }}
 */
export function forwardTaps(layer, input, output) {
  const { kernel, stride } = layer;
  const [top, left] = [paddingBefore(layer, input.height), paddingBefore(layer, input.width)];
  const height = Math.max(top + input.height, (output.height - 1) * stride + kernel);
  let width = Math.max(left + input.width, (output.width - 1) * stride + kernel);
  width += width % 2; // so that even and odd columns are equally many
  // With a stride of two the kernels' `pad` puts the even columns first: there, a step to the right is one place.
  const column = (x) => (stride === 2 ? (x % 2) * (width / 2) + Math.floor(x / 2) : x);
  const taps = everyTap(kernel).map(({ y, x, pick }) => ({ offset: y * width + column(x), pick }));
  return { padded: { height, width, top, left }, taps: asTaps(taps) };
}

/**
 * The backward pass: a place of the input gathers from every output that it went into, by the same weights.
 *
 * Input (y, x) went into output ((y + top - ky) / stride, (x + left - kx) / stride) where that is whole. For a stride of
 * two this is another list of taps for even and odd rows and columns: four phases, each a convolution of its own over
 * the gradient of the output, with a border of zeros as wide as the kernel.
 * @param {Layer} layer
 * @param {Shape} input
 * @param {Shape} output
 * @returns {{ padded: Padded, phases: Phase[] }}
 */
export function backwardPhases(layer, input, output) {
  const { kernel, stride } = layer;
  const [top, left] = [paddingBefore(layer, input.height), paddingBefore(layer, input.width)];
  const border = isPointwise(layer) ? 0 : kernel;
  const padded = { height: output.height + 2 * border, width: output.width + 2 * border, top: border, left: border };
  const phases = everyTap(stride).map(({ y: row, x: column }) => {
    const taps = everyTap(kernel).map(({ y, x, pick }) => ({
      down: (row + top - y) / stride,
      right: (column + left - x) / stride,
      pick,
    })).filter(({ down, right }) => Number.isInteger(down) && Number.isInteger(right));
    const offsets = taps.map(({ down, right, pick }) => ({
      offset: (down + border) * padded.width + right + border,
      pick,
    }));
    const [height, width] = [Math.ceil((input.height - row) / stride), Math.ceil((input.width - column) / stride)];
    return { row, column, height, width, ...asTaps(offsets) };
  });
  return { padded, phases };
}

/** @type {(side: number) => { y: number, x: number, pick: number }[]} the cells of a square, row by row */
const everyTap = (side) =>
  Array.from({ length: side * side }, (_, pick) => ({ y: Math.floor(pick / side), x: pick % side, pick }));

/** @type {(taps: { offset: number, pick: number }[]) => Taps} */
const asTaps = (taps) => ({ offsets: taps.map(({ offset }) => offset), picks: taps.map(({ pick }) => pick) });
