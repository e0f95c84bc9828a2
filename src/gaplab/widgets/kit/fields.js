// A number that a reader types: judged, and never changed under the reader's hands.
import { formatCount } from "./format.js";

/**
 * What is wrong with a number as typed, in one sentence, or "".
 * @param {string} what
 * @param {string} text
 * @param {[low: number, high: number]} limits
 * @param {string} [unit]
 */
export function wholeNumberProblem(what, text, [low, high], unit = "") {
  const value = Number(text);
  const empty = text.trim() === "";
  if (!empty && Number.isInteger(value) && value >= low && value <= high) return "";
  const given = empty ? "empty" : `${Number.isInteger(value) ? formatCount(value) : text}${unit}`;
  return `The ${what} is ${given}: choose a whole number from ${formatCount(low)} to ${formatCount(high)}.`;
}

/** @type {(field: HTMLInputElement, value: number) => void} shows it, unless it is there already as the reader typed it */
export const showNumber = (field, value) => {
  if (Number(field.value) !== value) field.value = String(value);
};
