// The desk of a laboratory: networks and a picture lie on it, questions come in, answers go out. It needs no page, so
// that it can stand in a Worker.
import { ask } from "./engine.js";
import { ReaderError } from "./errors.js";
import { receptiveField } from "./field.js";
import { makeNetwork } from "./network.js";
import { framed, resized } from "./pictures.js";
import { shapes, tensorCalled } from "./plan.js";
import { decode, unpack } from "./weights.js";

/**
 * @typedef {import("./engine.js").Question & import("./pictures.js").Framing & {
 *   network: string,
 *   seen?: [layer: string, cell: number],
 * }} LabQuestion what `ask` in engine.js takes, of a network by name, about the picture on the desk in a frame; `seen`
 *   asks what a cell, counted row by row, can see of it
 */

/**
 * @typedef {{ plan: any, numbers: Float32Array, wasm: Uint8Array<ArrayBuffer>, side: number, network: any }} Laid
 * @typedef {import("./pictures.js").Picture} Picture
 * @typedef {{ networks: Map<string, Laid>, picture: Picture, scaled: Picture }} Desk `scaled` is the picture at the side
 *   at which it was wanted last: moves and noise leave that alone
 */

/**
 * Sets up a desk and returns its one door: `put` lays a network on it, `look` a picture; `walk` asks the same question
 * of several framings; anything else is one question.
 * @returns {(message: any) => Promise<any>}
 */
export function laboratory() {
  /** @type {Desk} */
  const desk = { networks: new Map(), picture: null, scaled: null };
  return async (message) => {
    if (message.put) return await put(desk, message.put);
    if (message.look) return look(desk, message.look);
    if (message.walk) return await walk(desk, message.walk, message.framings, message.label);
    return await answer(desk, message);
  };
}

/** @param {Desk} desk */
async function put({ networks }, { plan, weights, wasm, slow = false }) {
  const numbers = decode(plan, await unpack(weights, plan.name));
  const kernels = slow ? null : await unpack(wasm, "the engine");
  networks.set(plan.name, { plan, numbers, wasm: kernels, side: 0, network: null });
  return {};
}

/** @param {Desk} desk */
function look(desk, picture) {
  Object.assign(desk, { picture, scaled: null });
  return {};
}

/** The network for pictures of a side. Its memory is used again: sizes come by the dozen. @param {Desk} desk */
async function sized({ networks }, name, side) {
  const laid = networks.get(name);
  if (!laid) throw new ReaderError(`The network ${name} is not on the desk: load it first.`);
  if (laid.side !== side) {
    const { wasm, plan, numbers, network } = laid;
    laid.side = 0;
    laid.network = await makeNetwork(plan, numbers, { height: side, width: side, wasm, kernels: network?.kernels });
    laid.side = side;
  }
  return laid.network;
}

/** What a network reads of the picture: scaled, framed, moved, disturbed. @param {Desk} desk */
function pixelsFor(desk, { plan: { name, picture: { channels } } }, framing) {
  const { picture } = desk;
  if (!picture) throw new ReaderError("There is no picture on the desk: choose one.");
  if (picture.channels !== channels) {
    throw new ReaderError(
      `The picture has ${picture.channels} channels, and ${name} reads ${channels}: choose another.`,
    );
  }
  if (desk.scaled?.height !== framing.scaled) desk.scaled = resized(picture, framing.scaled);
  return framed(desk.scaled, framing);
}

/**
 * @param {Desk} desk
 * @param {LabQuestion} asked
 */
async function answer(desk, { network: name, seen, ...question }) {
  const network = await sized(desk, name, question.frame);
  const pixels = pixelsFor(desk, network, question);
  const start = performance.now();
  const found = ask(network, { ...question, pixels });
  const ms = performance.now() - start;
  const all = shapes(network.plan, question.frame, question.frame);
  const named = ["map", ...Object.keys(found.values), ...Object.keys(found.gradients)];
  const sizes = Object.fromEntries(named.map((layer) => [layer, all[tensorCalled(network.plan, layer)]]));
  return {
    ...found,
    field: seen ? fieldOf(network.plan, question.frame, ...seen) : null,
    pixels,
    frame: question.frame,
    sizes,
    bias: network.bias[found.label],
    ms,
    note: network.note,
  };
}

/**
 * The probability of a class, and the best class, for every framing and every head: [heads][framings].
 * @param {Desk} desk
 * @param {{ network: string, pool?: string, p?: number }[]} heads those of one network one after another
 * @param {import("./pictures.js").Framing[]} framings
 * @param {number} label
 */
async function walk(desk, heads, framings, label) {
  const [shares, best] = [heads.map(() => []), heads.map(() => [])];
  for (const framing of framings) {
    let before = "";
    for (const [i, { network: name, pool, p }] of heads.entries()) {
      const network = await sized(desk, name, framing.frame);
      const pixels = name === before ? undefined : pixelsFor(desk, network, framing);
      const found = ask(network, { pixels, pool, p, label });
      shares[i].push(softmax(found.logits)[label]);
      best[i].push(found.best);
      before = name;
    }
  }
  return { shares, best };
}

/** The receptive field of a cell of a layer, or of its last cell if it has fewer. */
function fieldOf(plan, frame, layer, cell) {
  const { height, width } = shapes(plan, frame, frame)[tensorCalled(plan, layer)];
  const place = Math.min(cell, height * width - 1);
  return receptiveField(plan, frame, frame, layer, Math.floor(place / width), place % width);
}

/** @type {(logits: ArrayLike<number>) => number[]} */
function softmax(logits) {
  const top = Math.max(...Array.from(logits));
  const parts = Array.from(logits, (logit) => Math.exp(logit - top));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/**
 * Lets a desk answer the messages of a Worker.
 * @param {any} scope the Worker's own global object
 */
export function serve(scope) {
  const desk = laboratory();
  scope.onmessage = async ({ data: { id, message } }) => {
    try {
      const answer = await desk(message);
      const views = [answer, answer.values, answer.gradients].flatMap((part) => Object.values(part ?? {}));
      const buffers = new Set(views.filter(ArrayBuffer.isView).map(({ buffer }) => buffer));
      scope.postMessage({ id, answer }, [...buffers]);
    } catch (error) {
      scope.postMessage({ id, error: /** @type {Error} */ (error).message });
    }
  };
  scope.postMessage({ ready: true });
}
