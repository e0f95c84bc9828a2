// Where a cell came from: the part of the picture that it can see.
import { paddingBefore, shapes, tensorCalled } from "./plan.js";

/**
 * The receptive field of a cell: the smallest rectangle of the picture outside of which nothing can move it.
 * @param {import("./plan.js").Plan} plan
 * @param {number} height of the picture
 * @param {number} width
 * @param {string | number} name of the cell's tensor
 * @param {number} row
 * @param {number} column
 * @returns {{ top: number, bottom: number, left: number, right: number }} the last row and column included
 */
export function receptiveField(plan, height, width, name, row, column) {
  const sizes = shapes(plan, height, width);
  const target = tensorCalled(plan, name);
  /** What of each tensor the cell can see, as [first, last] along rows and along columns. */
  const seen = sizes.map(() => /** @type {[number, number][] | null} */ (null));
  seen[target] = [[row, row], [column, column]];
  for (let i = target; i > 0; i -= 1) {
    if (!seen[i]) continue;
    const layer = plan.layers[i - 1];
    for (const from of [layer.from, layer.and].filter((tensor) => tensor !== undefined)) {
      const sides = [sizes[from].height, sizes[from].width];
      const ranges = seen[i].map((range, axis) => before(layer, range, sides[axis]));
      seen[from] = seen[from]?.map(([low, high], axis) => [
        Math.min(low, ranges[axis][0]),
        Math.max(high, ranges[axis][1]),
      ]) ?? ranges;
    }
  }
  const [[top, bottom], [left, right]] = seen[0];
  return { top, bottom, left, right };
}

/** @type {(layer: import("./plan.js").Layer, range: [number, number], side: number) => [number, number]} */
function before(layer, [low, high], side) {
  if (layer.kind === "sum") return [low, high];
  if (layer.kind === "shortcut") return [2 * low, 2 * high];
  const first = paddingBefore(layer, side);
  return [
    Math.max(low * layer.stride - first, 0),
    Math.min(high * layer.stride - first + layer.kernel - 1, side - 1),
  ];
}
