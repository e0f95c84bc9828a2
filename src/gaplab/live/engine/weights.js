// Weights out of what a page carries: text to bytes, bytes to numbers.
import { ReaderError } from "./errors.js";

/** @typedef {import("./plan.js").Plan} Plan */

/**
 * Bytes out of text in a script: base64 of gzip.
 * @param {string} text
 * @param {string} name what it holds, for the sentence where it is damaged
 */
export async function unpack(text, name) {
  if (typeof DecompressionStream === "undefined") {
    throw new ReaderError(
      "This browser cannot unpack the weights: use Chrome or Edge 80, Firefox 113, Safari 16.4, or a later one.",
    );
  }
  try {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw new ReaderError(`The weights of ${name} are damaged: load the page again.`);
  }
}

/**
 * Numbers out of bytes. The bytes are three lists, each in the order of the layers, the head last: float32 (scales and
 * biases), float16, int8. A matrix in int8 has a scale for each row, one output channel.
 * @param {Plan} plan
 * @param {Uint8Array} bytes
 * @returns {Float32Array<ArrayBuffer>} with every matrix and bias where the plan says
 */
export function decode(plan, bytes) {
  const all = matrices(plan);
  const count = (form) =>
    all.filter((matrix) => matrix.form === form).reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const scales = all.filter(({ form }) => form === "int8").reduce((sum, { rows }) => sum + rows, 0);
  const biases = all.reduce((sum, { rows }) => sum + rows, 0);
  const [whole, halves, eighths] = [scales + biases, count("float16"), count("int8")];
  const expected = 4 * whole + 2 * halves + eighths;
  if (bytes.length !== expected) {
    throw new ReaderError(
      `The weights of ${plan.name} are damaged, ${bytes.length} bytes in place of ${expected}: load the page again.`,
    );
  }
  const { buffer } = bytes.slice(); // which begins at a multiple of four, as the views below ask
  const float32 = new Float32Array(buffer, 0, whole);
  const float16 = new Uint16Array(buffer, 4 * whole, halves);
  const int8 = new Int8Array(buffer, 4 * whole + 2 * halves);
  const numbers = new Float32Array(halves + eighths + biases);
  let [at32, at16, at8] = [0, 0, 0];
  for (const { weight, bias, rows, columns, form } of all) {
    if (form === "float16") {
      for (let i = 0; i < rows * columns; i += 1) numbers[weight + i] = half(float16[at16++]);
    } else {
      for (let i = 0; i < rows * columns; i += 1) {
        numbers[weight + i] = float32[at32 + Math.floor(i / columns)] * int8[at8++];
      }
      at32 += rows;
    }
    numbers.set(float32.subarray(at32, at32 + rows), bias);
    at32 += rows;
  }
  return numbers;
}

/** @type {(plan: Plan) => { weight: number, bias: number, rows: number, columns: number, form: string }[]} */
const matrices = (plan) =>
  [...plan.layers.filter(({ kind }) => kind === "convolution"), plan.head].map((layer) => ({
    weight: layer.weight,
    bias: layer.bias,
    form: layer.form,
    rows: layer.outputs,
    columns: (layer.bias - layer.weight) / layer.outputs, // a bias stands right behind its matrix
  }));

/** @type {(bits: number) => number} the number that 16 bits stand for, as IEEE 754 has it */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? (fraction ? NaN : sign * Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
