// The engine's inner loops in WebAssembly: kernels.wasm, which `nox -s kernels` makes of kernels.c.

const BASE = 65536; // bytes below it are the stack of the C program; FLOATS in kernels.c
const PAGE = 65536; // WebAssembly's memory comes in pages of so many bytes

/**
 * A memory of so many floats, and the kernels that work in it.
 * @param {BufferSource} bytes of kernels.wasm
 * @param {number} size
 * @returns {Promise<import("./kernels_script.js").Kernels>}
 */
export async function wasmKernels(bytes, size) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((BASE + 4 * size) / PAGE) });
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const floats = new Float32Array(memory.buffer, BASE, size);
  const integers = new Int32Array(memory.buffer, BASE, size);
  return /** @type {any} */ ({ ...instance.exports, floats, integers });
}
