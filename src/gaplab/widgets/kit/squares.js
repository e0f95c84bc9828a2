// Squares to one scale, in the lower left corner of a box of 100 x 100.

/** @type {(edge: number) => string} the outline of a square */
export const squarePath = (edge) => `M0 100V${100 - edge}H${edge}V100Z`;

/** @type {(edge: number, distances: number[]) => string} lines across such a square, both ways, from its corner on */
export const latticePath = (edge, distances) =>
  distances.map((at) => `M${at} 100V${100 - edge}M0 ${100 - at}H${edge}`).join("");
