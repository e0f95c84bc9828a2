// The head: a pool and a linear layer, with the gradient of one logit at the map.
import { ReaderError } from "./errors.js";

/**
 * A global pool takes the cells of one channel to one number, and says how much that number moves with each cell: it
 * writes d pooled / d cell into `slopes`.
 * @typedef {(cells: Float32Array, slopes: Float64Array, p: number) => number} Pool
 */

const GEM_FLOOR = 1e-6; // gaplab.models.GeM lifts every cell to it, for a power of a negative number is undefined

/** @type {Record<string, Pool>} */
const POOLS = {
  /** The mean: every cell moves it alike, by 1/n. */
  gap(cells, slopes) {
    slopes.fill(1 / cells.length);
    return cells.reduce((sum, x) => sum + x, 0) / cells.length;
  },
  /** The maximum: the winner alone moves it; of equals the first, as in PyTorch. */
  max(cells, slopes) {
    const winner = cells.reduce((best, x, i) => (x > cells[best] ? i : best), 0);
    slopes.fill(0);
    slopes[winner] = 1;
    return cells[winner];
  },
  /** The generalised mean z = (mean of x^p)^(1/p), from the mean (p = 1) towards the maximum: dz/dx = (x/z)^(p-1) / n. */
  gem(cells, slopes, p) {
    // Over the largest, so that no power leaves the range of numbers.
    const top = Math.max(GEM_FLOOR, cells.reduce((most, x) => Math.max(most, x)));
    const parts = Array.from(cells, (x) => Math.max(x, GEM_FLOOR) / top);
    const pooled = (parts.reduce((sum, x) => sum + x ** p, 0) / cells.length) ** (1 / p);
    for (let i = 0; i < cells.length; i += 1) {
      slopes[i] = cells[i] < GEM_FLOOR ? 0 : (parts[i] / pooled) ** (p - 1) / cells.length;
    }
    return top * pooled;
  },
  /** z = log(mean of e^(r x)) / r, as smooth a way from the mean (r towards 0) to the maximum: dz/dx is a softmax. */
  lse(cells, slopes, r) {
    const top = cells.reduce((most, x) => Math.max(most, x));
    let sum = 0;
    for (let i = 0; i < cells.length; i += 1) sum += slopes[i] = Math.exp(r * (cells[i] - top));
    for (let i = 0; i < cells.length; i += 1) slopes[i] /= sum;
    return top + Math.log(sum / cells.length) / r;
  },
};

/** Pools that take a number, and what that number is called. */
const NUMBERED = { gem: "p", lse: "r" };

/**
 * Pools the last map, classifies, and gives the gradient of one class's logit at the map.
 * @param {import("./network.js").Network} network after `forward`
 * @param {string} [pool] "gap", "max", "gem", "lse", or "flatten" where the head was trained so; else the trained one
 * @param {number} [p] GeM's exponent, or log-sum-exp's r
 * @param {number | null} [label] the class in question; null asks for the best one
 * @returns {{ logits: Float32Array, best: number, label: number, pooled: Float32Array, gradient: Float32Array,
 *   classMap: Float32Array }} `gradient` is channels x cells; `classMap` is the sum over channels of weight x cell: the
 *   class activation map, whose mean plus bias is the logit behind gap, and whose sum plus bias behind flatten
 */
export function head(network, pool = network.plan.head.pool, p = 3, label = null) {
  const { plan, kernels: { floats }, matrix, bias } = network;
  const { values, count, channels, height, width } = network.tensors[network.tensors.length - 1];
  check(plan, pool, p, label, height, width);
  const map = floats.subarray(values, values + count);
  const cells = height * width;
  const flat = pool === "flatten";
  const pooled = flat ? map.slice() : new Float32Array(channels);
  const slopes = new Float64Array(count).fill(1);
  for (let c = 0; c < channels && !flat; c += 1) {
    const [from, to] = [c * cells, (c + 1) * cells];
    pooled[c] = POOLS[pool](map.subarray(from, to), slopes.subarray(from, to), p);
  }

  const logits = bias.map((start, k) => pooled.reduce((sum, z, i) => sum + matrix[k * pooled.length + i] * z, start));
  const best = logits.reduce((top, logit, k) => (logit > logits[top] ? k : top), 0);
  const asked = label ?? best;

  // d logit / d cell = d logit / d pooled, a weight, times d pooled / d cell.
  const [gradient, classMap] = [new Float32Array(count), new Float32Array(cells)];
  for (let i = 0; i < count; i += 1) {
    const weight = matrix[asked * pooled.length + (flat ? i : Math.floor(i / cells))];
    gradient[i] = weight * slopes[i];
    classMap[i % cells] += weight * map[i];
  }
  return { logits, best, label: asked, pooled, gradient, classMap };
}

/** Answers a question that this head cannot, in one sentence. */
function check(plan, pool, p, label, height, width) {
  const { name, classes, head: { pool: trained, side } } = plan;
  const known = trained === "flatten" ? ["flatten"] : Object.keys(POOLS);
  if (!known.includes(pool)) {
    const reason = trained === "flatten" || pool === "flatten" ? ` behind ${name}` : "";
    throw new ReaderError(
      `There is no pool called ${pool}${reason}: choose ${known.join(", ").replace(/, (\w+)$/, " or $1")}.`,
    );
  }
  if (trained === "flatten" && (height !== side || width !== side)) {
    throw new ReaderError(
      `The flattened head has a weight for each of ${side} × ${side} cells, and this map has ${height} × ${width}: ` +
        `choose a picture of ${plan.picture.side} × ${plan.picture.side} px.`,
    );
  }
  if (pool in NUMBERED && !(p > 0 && Number.isFinite(p))) {
    throw new ReaderError(`${NUMBERED[pool]} is ${p}: choose a number above 0.`);
  }
  if (label !== null && !(label in classes)) {
    throw new ReaderError(`There is no class ${label}: choose a whole number from 0 to ${classes.length - 1}.`);
  }
}
