// What is said of logits, vectors and gradients.

/** @type {(value: number, digits: number) => string} with a true minus */
export const fixed = (value, digits) => value.toFixed(digits).replace("-", "−");

/** @type {(value: number) => string} three digits that tell */
export const short = (value) => (value === 0 ? "0" : value.toPrecision(3).replaceAll("-", "−").replace("e+", "e"));

/** @type {(logits: ArrayLike<number>) => number[]} */
export function probabilities(logits) {
  const top = Array.from(logits).reduce((most, logit) => Math.max(most, logit), -Infinity);
  const parts = Array.from(logits, (logit) => Math.exp(logit - top));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/** @type {(logits: ArrayLike<number>, count: number) => number[]} the classes with the largest logits */
export const bestOf = (logits, count) =>
  Array.from(logits, (_, label) => label).sort((a, b) => logits[b] - logits[a]).slice(0, count);

export const norm = (values) => Math.sqrt(values.reduce((sum, one) => sum + one * one, 0));

/** How far a vector is from another, as a part of the other's length. */
export function drift(now, before) {
  return norm(now.map((value, i) => value - before[i])) / (norm(before) || 1);
}

/** The cosine of the angle between two vectors: 1 for one direction, 0 for none in common. */
export function cosine(one, other) {
  const product = one.reduce((sum, value, i) => sum + value * other[i], 0);
  return product / (norm(one) * norm(other) || 1);
}

/** Of a gradient: L2 norm, share of numbers that are not zero, and (sum |g|)^2 / (n sum g^2). */
export function spread(gradient) {
  let [sum, squares, present] = [0, 0, 0];
  for (const one of gradient) {
    sum += Math.abs(one);
    squares += one * one;
    present += one !== 0 ? 1 : 0;
  }
  const n = gradient.length;
  return { length: Math.sqrt(squares), density: present / n, effective: squares ? sum ** 2 / (n * squares) : 0 };
}
