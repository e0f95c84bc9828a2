// Sides of maps, as gaplab.counting has them. A layer is [kernel, stride, padding, ceil_mode].

/** @typedef {[kernel: number, stride: number, padding: number, ceilMode: boolean]} Layer */

/**
 * Side of the map behind one layer; 0 or less if the window does not fit.
 * @param {Layer} layer
 * @param {number} side
 */
export function stepSide([kernel, stride, padding, ceilMode], side) {
  const room = side + 2 * padding - kernel;
  const out = (ceilMode ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  // PyTorch drops a last window that would begin in the padding on the far side.
  return ceilMode && (out - 1) * stride >= side + padding ? out - 1 : out;
}

/** @type {(path: Layer[], size: number) => number} side of the map behind some layers; 0 if some window does not fit */
export const mapSide = (path, size) =>
  path.reduce((side, layer) => (side > 0 ? Math.max(0, stepSide(layer, side)) : 0), size);

/**
 * Smallest square input, in pixels, that leaves a map at all.
 * @param {Layer[]} path
 * @param {number} [largest] where the search ends
 */
export function smallestSize(path, largest = Infinity) {
  let size = 1;
  while (size < largest && mapSide(path, size) === 0) size += 1;
  return size;
}
