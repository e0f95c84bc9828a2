// Numbers as every widget prints them; whole numbers below 2^53, so that ordinary arithmetic on them is exact.

/** @type {(value: number) => string} 1234567 as "1,234,567" */
export const formatCount = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * A whole number of 10^-digits as a decimal: (1234, 1) as "123.4", (-20, 3) as "−0.020".
 * @param {number} units
 * @param {number} digits
 */
export function formatDecimal(units, digits) {
  const [size, one] = [Math.abs(units), 10 ** digits];
  const part = String(size % one).padStart(digits, "0");
  return `${units < 0 ? "−" : ""}${formatCount(Math.floor(size / one))}.${part}`;
}

/** @type {(tenths: number) => string} 1234 as "123.4" */
export const formatTenths = (tenths) => formatDecimal(tenths, 1);

/** @type {(share: number) => string} a part of 1 as a percentage with one decimal */
export const formatPercent = (share) => `${(100 * share).toFixed(1)} %`;

/** @type {(side: number, channels: number) => string} a map as "7 × 7 × 2,048" */
export const formatShape = (side, channels) => `${side} × ${side} × ${formatCount(channels)}`;

/**
 * The quotient of two whole numbers, rounded half up, in whole-number arithmetic.
 * @param {number} numerator
 * @param {number} denominator
 */
export function roundedQuotient(numerator, denominator) {
  const doubled = 2 * numerator + denominator;
  return (doubled - (doubled % (2 * denominator))) / (2 * denominator);
}
