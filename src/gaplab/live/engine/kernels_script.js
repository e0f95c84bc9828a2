// The engine's inner loops in plain JavaScript: what kernels.c does, for a browser without WebAssembly's SIMD.
// Whatever an argument calls a place is an offset in floats into one memory, the one that memory.js lays out.
import { ACTIVATIONS } from "./plan.js";

/**
 * @typedef {{
 *   floats: Float32Array,
 *   integers: Int32Array,
 *   memory?: WebAssembly.Memory,
 *   pad: (input: number, output: number, channels: number, height: number, width: number, top: number, left: number,
 *     paddedHeight: number, paddedWidth: number, split: number) => void,
 *   dense: (pass: number) => void,
 *   depthwise: (pass: number) => void,
 *   gate: (gradient: number, outputs: number, through: number, count: number, activation: number) => void,
 *   add: (a: number, b: number, sum: number, count: number, activation: number) => void,
 * }} Kernels the memory, seen as numbers of either kind, and the functions that work in it
 */

/** What an activation makes of a number. */
function activated(x, activation) {
  if (activation === ACTIVATIONS.none || (x > 0 && x < 6)) return x;
  return x <= 0 ? 0 : activation === ACTIVATIONS.relu6 ? 6 : x;
}

/**
 * A memory of so many floats, and the kernels that work in it.
 * @param {number} size
 * @returns {Kernels}
 */
export function scriptKernels(size) {
  const floats = new Float32Array(size);
  const memory = { floats, integers: new Int32Array(floats.buffer) };
  return {
    ...memory,
    pad: pad.bind(null, floats),
    dense: dense.bind(null, memory),
    depthwise: depthwise.bind(null, memory),
    gate: gate.bind(null, floats),
    add: add.bind(null, floats),
  };
}

/** Copies planes into the middle of larger planes of zeros; split: the even columns first, then the odd ones. */
function pad(floats, input, output, channels, height, width, top, left, paddedHeight, paddedWidth, split) {
  const half = paddedWidth / 2;
  floats.fill(0, output, output + channels * paddedHeight * paddedWidth);
  for (let row = 0; row < channels * height; row += 1) {
    const [c, y] = [Math.floor(row / height), row % height];
    const to = output + (c * paddedHeight + y + top) * paddedWidth;
    for (let x = left; x < left + width; x += 1) {
      floats[to + (split ? (x & 1) * half + (x >> 1) : x)] = floats[input + row * width + x - left];
    }
  }
}

/**
 * out[m][y][x] = activation(bias[m] + sum over channels c and taps t of weight[m][c][t] * in[c][(y, x) + taps[t]]).
 * What four outputs read is gathered into a panel once, and serves two output channels at a time.
 */
function dense({ floats, integers }, pass) {
  const p = readPass(integers, pass);
  const outputs = p.height * p.width;
  const sums = new Float32Array(4);
  for (let first = 0; first < outputs; first += 4) {
    // Of the last four some may be beyond the end: they repeat the last output, and are not written.
    const places = [0, 1, 2, 3].map((i) => {
      const at = Math.min(first + i, outputs - 1);
      return { row: Math.floor(at / p.width), column: at % p.width };
    });
    gather(floats, integers, p, places);
    for (let m = 0; m < p.outChannels; m += 1) {
      fourSums(floats, p, m, sums);
      const bias = p.bias ? floats[p.bias + m] : 0;
      for (let i = 0; i < 4 && first + i < outputs; i += 1) {
        const { row, column } = places[i];
        const to = p.output + m * p.outChannelStep + row * p.outRowStep + column * p.outColumnStep;
        floats[to] = activated(sums[i] + bias, p.activation);
      }
    }
  }
}

/** Lays what four outputs read into the panel: [channels * taps][4]. */
function gather(floats, integers, p, places) {
  const [a, b, c, d] = places.map(({ row, column }) => p.input + row * p.rowStep + column);
  let to = p.panel;
  for (let channel = 0; channel < p.channels; channel += 1) {
    for (let t = 0; t < p.tapCount; t += 1, to += 4) {
      const tap = channel * p.channelStep + integers[p.taps + t];
      floats[to] = floats[a + tap];
      floats[to + 1] = floats[b + tap];
      floats[to + 2] = floats[c + tap];
      floats[to + 3] = floats[d + tap];
    }
  }
}

/** The sums of products of one output channel's weights, packed as [channels / 4][depth][4], with the panel. */
function fourSums(floats, p, m, sums) {
  const { fround } = Math; // as float32, which a processor adds faster than a conversion back and forth
  const depth = p.channels * p.tapCount;
  let [a, b, c, d] = [fround(0), fround(0), fround(0), fround(0)];
  let at = p.weights + (m >> 2) * depth * 4 + (m & 3);
  for (let from = p.panel; from < p.panel + 4 * depth; from += 4, at += 4) {
    const weight = floats[at];
    a = fround(a + fround(weight * floats[from]));
    b = fround(b + fround(weight * floats[from + 1]));
    c = fround(c + fround(weight * floats[from + 2]));
    d = fround(d + fround(weight * floats[from + 3]));
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/** The same for a depthwise convolution, in which every channel has a filter of its own: [channels][taps]. */
function depthwise({ floats, integers }, pass) {
  const p = readPass(integers, pass);
  for (let c = 0; c < p.channels; c += 1) {
    const bias = p.bias ? floats[p.bias + c] : 0;
    const filter = p.weights + c * p.tapCount;
    for (let y = 0; y < p.height; y += 1) {
      for (let x = 0; x < p.width; x += 1) {
        const from = p.input + c * p.channelStep + y * p.rowStep + x;
        let sum = bias;
        for (let t = 0; t < p.tapCount; t += 1) sum += floats[filter + t] * floats[from + integers[p.taps + t]];
        const to = p.output + c * p.outChannelStep + y * p.outRowStep + x * p.outColumnStep;
        floats[to] = activated(sum, p.activation);
      }
    }
  }
}

/** Lets a gradient through where the activation's output shows that it has a slope of one; elsewhere it is flat. */
function gate(floats, gradient, outputs, through, count, activation) {
  const ceiling = activation === ACTIVATIONS.relu6 ? 6 : Infinity;
  for (let i = 0; i < count; i += 1) {
    const y = floats[outputs + i];
    floats[through + i] = y > 0 && y < ceiling ? floats[gradient + i] : 0;
  }
}

function add(floats, a, b, sum, count, activation) {
  for (let i = 0; i < count; i += 1) floats[sum + i] = activated(floats[a + i] + floats[b + i], activation);
}

/** The numbers of one pass of a convolution, in the order in which kernels.c reads them. */
export const PASS_FIELDS = [
  ...["input", "channelStep", "rowStep"], // where the first tap of the first output lies, and how far apart the others are
  ...["channels", "height", "width"], // channels that are summed over; rows and columns of outputs
  ...["taps", "tapCount"], // a list of offsets from an output's place in the input to what it reads
  ...["weights", "bias"], // bias 0: there is none
  ...["output", "outChannels", "outChannelStep", "outRowStep", "outColumnStep"],
  ...["activation", "panel"],
];

/** @type {(integers: Int32Array, pass: number) => Record<string, number>} a pass, as memory.js wrote it */
const readPass = (integers, pass) => Object.fromEntries(PASS_FIELDS.map((name, i) => [name, integers[pass + i]]));
