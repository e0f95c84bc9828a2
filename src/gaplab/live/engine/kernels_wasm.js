// The engine's inner loops in WebAssembly: kernels.wasm, which `nox -s kernels` makes of kernels.c.

/** @typedef {import("./kernels_script.js").Kernels} Kernels */

const BASE = 65536; // bytes below it are the stack of the C program; FLOATS in kernels.c
const PAGE = 65536; // WebAssembly's memory comes in pages of so many bytes

const pagesFor = (size) => Math.ceil((BASE + 4 * size) / PAGE);

/**
 * A memory of so many floats, and the kernels that work in it.
 * @param {BufferSource} bytes of kernels.wasm
 * @param {number} size
 * @returns {Promise<Kernels>}
 */
export async function wasmKernels(bytes, size) {
  const memory = new WebAssembly.Memory({ initial: pagesFor(size) });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  return seeing(instance.exports, memory);
}

/**
 * The same kernels with a memory of at least so many floats: a memory is grown in place, where a new one would have to
 * wait until the browser throws the old one away.
 * @param {Kernels} kernels
 * @param {number} size
 * @returns {Kernels}
 */
export function grown({ memory, ...functions }, size) {
  const missing = pagesFor(size) - memory.buffer.byteLength / PAGE;
  if (missing > 0) memory.grow(missing);
  return seeing(functions, memory);
}

/** The kernels with a memory as numbers of either kind. */
function seeing(functions, memory) {
  const [floats, integers] = [new Float32Array(memory.buffer, BASE), new Int32Array(memory.buffer, BASE)];
  return /** @type {any} */ ({ ...functions, memory, floats, integers });
}
