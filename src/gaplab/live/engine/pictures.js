// From a picture of any size to what a network reads: scaled as the book's Python scales it, laid into a frame, disturbed.

/**
 * @typedef {{ channels: number, height: number, width: number, values: ArrayLike<number> }} Picture channels x height x
 *   width, from 0 to 255
 * @typedef {{ scaled: number, frame: number, dx?: number, dy?: number, noise?: number, seed?: number }} Framing the side
 *   to which the picture is scaled, the side of the frame into whose middle it is laid, how far it is moved from there in
 *   pixels (right, down), and the standard deviation of the noise that is added to it
 */

/** What a neighbour at a distance counts for: bilinear, and bicubic with PyTorch's a = -1/2 (Keys 1981). */
const WINDOWS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - x) },
  bicubic: {
    reach: 2,
    weight: (x) => x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0,
  },
};

/**
 * Scales a picture to a square as PyTorch's `interpolate` does with `antialias`: pictures of one channel bilinearly
 * (gaplab.data.resize), photographs bicubically and rounded to whole greys (gaplab.data.photograph).
 * @param {Picture} picture
 * @param {number} side
 * @returns {Picture}
 */
export function resized({ channels, height, width, values }, side) {
  const name = channels === 1 ? "bilinear" : "bicubic";
  if (height === side && width === side) return { channels, height, width, values };
  const [across, down] = [neighbours(width, side, name), neighbours(height, side, name)];
  const rows = new Float32Array(channels * height * side);
  for (let row = 0; row < channels * height; row += 1) {
    for (let x = 0; x < side; x += 1) rows[row * side + x] = gathered(values, across[x], row * width, 1);
  }
  const found = new Float32Array(channels * side * side);
  for (let c = 0; c < channels; c += 1) {
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const value = gathered(rows, down[y], c * height * side + x, side);
        found[(c * side + y) * side + x] = name === "bicubic" ? Math.min(Math.max(Math.round(value), 0), 255) : value;
      }
    }
  }
  return { channels, height: side, width: side, values: found };
}

/** For every place in the scaled row: where its neighbours begin, and what each counts for. */
function neighbours(from, to, name) {
  const { reach, weight } = WINDOWS[name];
  const step = from / to;
  const wide = Math.max(step, 1); // a smaller picture takes the mean over all that falls into a pixel
  return Array.from({ length: to }, (_, i) => {
    const centre = step * (i + 0.5);
    const first = Math.max(Math.floor(centre - reach * wide + 0.5), 0);
    const last = Math.min(Math.floor(centre + reach * wide + 0.5), from);
    const weights = Array.from({ length: last - first }, (_, k) => weight(Math.abs(first + k - centre + 0.5) / wide));
    const total = weights.reduce((sum, one) => sum + one, 0);
    return { first, weights: weights.map((one) => one / total) };
  });
}

function gathered(values, { first, weights }, start, step) {
  let sum = 0;
  for (let k = 0; k < weights.length; k += 1) sum += weights[k] * values[start + (first + k) * step];
  return sum;
}

/**
 * Lays a scaled picture into a frame, black where it does not reach, and adds noise.
 * @param {Picture} scaled
 * @param {Framing} framing
 * @returns {Float32Array} channels x frame x frame, from 0 to 255, with noise a little beyond
 */
export function framed({ channels, height, width, values }, { frame, dx = 0, dy = 0, noise = 0, seed = 0 }) {
  const found = new Float32Array(channels * frame * frame);
  const [left, top] = [Math.trunc((frame - width) / 2) + dx, Math.trunc((frame - height) / 2) + dy];
  for (let c = 0; c < channels; c += 1) {
    for (let y = Math.max(top, 0); y < Math.min(top + height, frame); y += 1) {
      for (let x = Math.max(left, 0); x < Math.min(left + width, frame); x += 1) {
        found[(c * frame + y) * frame + x] = values[(c * height + y - top) * width + x - left];
      }
    }
  }
  if (noise) {
    const draw = normal(seed);
    for (let i = 0; i < found.length; i += 1) found[i] += noise * draw();
  }
  return found;
}

/** Draws from the normal distribution (Box and Muller 1958), the same for the same seed (the generator is mulberry32). */
function normal(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
