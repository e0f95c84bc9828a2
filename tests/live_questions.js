// Asks the live engine, in Deno, what test_live.py wants to know: questions from one folder, answers into it.
import { ask, unpackedNetwork } from "../src/gaplab/live/engine/engine.js";
import { laboratory } from "../src/gaplab/live/engine/laboratory.js";

/** @type {any} */
const { Deno } = globalThis;
const [folder] = Deno.args;
const { packed, cases } = JSON.parse(Deno.readTextFileSync(`${folder}/questions.json`));

/** An answer with every list of numbers in it as base64 of float32: as text, millions of them would take long. */
function plain(answer) {
  if (ArrayBuffer.isView(answer)) {
    const bytes = new Uint8Array(Float32Array.from(/** @type {any} */ (answer)).buffer);
    return { float32: /** @type {any} */ (bytes).toBase64() };
  }
  if (!answer || typeof answer !== "object" || Array.isArray(answer)) return answer;
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, plain(value)]));
}

async function answersOf({ network: name, options, questions }) {
  try {
    const network = await unpackedNetwork(packed[name], options);
    return questions.map((question) => ({ note: network.note, ...plain(answerOf(network, question)) }));
  } catch (error) {
    return [{ error: /** @type {Error} */ (error).message }];
  }
}

/** The answer, with the median time of several where `times` asks for it. */
function answerOf(network, { times = 0, ...question }) {
  const answer = ask(network, question);
  const spent = Array.from({ length: times }, () => {
    const start = performance.now();
    ask(network, question);
    return performance.now() - start;
  });
  return { ...answer, ms: spent.sort((a, b) => a - b)[Math.floor(times / 2)], least: spent[0] };
}

/** What a desk answers to messages; a network is put on it by name. */
async function answersOfDesk(messages) {
  const desk = laboratory();
  const found = [];
  for (const message of messages) {
    found.push(plain(await desk(message.put ? { put: packed[message.put] } : message)));
  }
  return found;
}

const answers = [];
for (const one of cases) answers.push(await (one.messages ? answersOfDesk(one.messages) : answersOf(one)));
Deno.writeTextFileSync(`${folder}/answers.json`, JSON.stringify(answers));
