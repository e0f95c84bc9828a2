// A map of cells, counted row by row: drawn, walked over by arrow keys, pointed at.
import { setAll } from "./dom.js";
import { svg } from "./svg.js";

/** @typedef {[high: number, wide: number]} Size */

/** @type {Record<string, [across: number, down: number]>} where an arrow key leads */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {(value: number, low: number, high: number) => number} */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** @type {(cell: number, wide: number) => [row: number, column: number]} both from 0 */
export const rowColumn = (cell, wide) => [Math.floor(cell / wide), cell % wide];

/** @type {(cell: number, step: [number, number], size: Size) => number} the cell a step away, within the map */
export const neighbour = (cell, [across, down], [high, wide]) => {
  const [row, column] = rowColumn(cell, wide);
  return clamp(row + down, 0, high - 1) * wide + clamp(column + across, 0, wide - 1);
};

/** @type {(event: PointerEvent, target: Element) => [across: number, down: number]} from 0 to 1 within the target */
export const partsAt = (event, target) => {
  const area = target.getBoundingClientRect();
  return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
};

/** @type {(event: PointerEvent, target: Element, size: Size) => number} the cell under the pointer, or the nearest */
export const cellAt = (event, target, [high, wide]) => {
  const [x, y] = partsAt(event, target);
  return clamp(Math.floor(y * high), 0, high - 1) * wide + clamp(Math.floor(x * wide), 0, wide - 1);
};

/**
 * Fill a drawing with squares of one unit.
 * @param {Element} picture
 * @param {Size} size
 */
export function buildCells(picture, [high, wide]) {
  picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  const cells = Array.from({ length: high * wide }, (_, cell) => {
    const [y, x] = rowColumn(cell, wide);
    return svg("rect", { x, y, width: 1, height: 1 });
  });
  picture.append(...cells);
  return cells;
}

/**
 * Lay a frame over a drawing of cells, and return what puts it around one.
 * @param {Element} picture
 * @param {number} wide
 * @param {[outer: number, inner: number]} widths of its lines
 */
export function buildMarker(picture, wide, [outer, inner]) {
  const line = { width: 1, height: 1, fill: "none" };
  // White within black stands out from every colour of a scale.
  const marker = svg(
    "svg",
    { class: "marker", width: 1, height: 1, viewBox: "0 0 1 1", overflow: "visible" },
    svg("rect", { ...line, stroke: "#000000", "stroke-width": outer }),
    svg("rect", { ...line, stroke: "#ffffff", "stroke-width": inner }),
  );
  picture.append(marker);
  return (cell) => {
    const [y, x] = rowColumn(cell, wide);
    setAll(marker, { x, y });
  };
}
