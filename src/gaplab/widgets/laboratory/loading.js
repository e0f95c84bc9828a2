// Scripts that a part of the laboratory needs, loaded when it is asked for.

const LOAD_FAILED = "could not be loaded: open the built book, with the folder _live beside its pages, and try again.";

/** @type {() => any} what the loaded scripts have set, shared by every laboratory of the page */
export const loaded = () => /** @type {any} */ (globalThis).gaplabLive ?? {};

/** @type {() => Map<string, Promise<void>>} parts on their way, whichever question or laboratory of the page asked */
const coming = () => (/** @type {any} */ (globalThis).gaplabComing ??= new Map());

/** @type {(part: string, count: number) => boolean} */
function isThere(part, count) {
  const found = loaded()[part];
  return Boolean(found) && (!found.weights || Object.keys(found.weights).length === count - 1);
}

/**
 * Loads one part after another, and says how far it is; what is there already is not loaded again.
 * @param {any} model
 * @param {string[]} parts
 * @param {(done: number, all: number) => void} progress in bytes
 */
export async function loadParts(model, parts, progress) {
  const scripts = model.get("scripts");
  const missing = parts.filter((part) => !isThere(part, scripts[part].length));
  const all = missing.flatMap((part) => scripts[part]).reduce((sum, [, bytes]) => sum + bytes, 0);
  let done = 0;
  for (const part of missing) {
    progress(done, all);
    // A second loading would empty what the first has half filled.
    if (!coming().has(part)) {
      const loading = loadPart(model, part, (bytes) => progress(done + bytes, all));
      coming().set(part, loading.finally(() => coming().delete(part)));
    }
    await coming().get(part);
    done += scripts[part].reduce((sum, [, bytes]) => sum + bytes, 0);
  }
}

/** @type {(model: any, part: string, progress: (done: number) => void) => Promise<void>} */
async function loadPart(model, part, progress) {
  if (model.widget_manager) {
    // A live notebook has no site beside it: Python hands the scripts over.
    for (const text of await fromKernel(model, part)) await runText(text);
    return;
  }
  let done = 0;
  for (const [file, bytes] of model.get("scripts")[part]) {
    await runFile(file);
    progress(done += bytes);
  }
}

const runFile = (file) => {
  const root = new URL(document.documentElement.dataset.content_root ?? ".", document.baseURI);
  return run(new URL(`_live/${file}`, root).href, file);
};

async function runText(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  await run(url, "The network").finally(() => URL.revokeObjectURL(url));
}

/** @type {(src: string, name: string) => Promise<void>} a page at file:// may load a script, and nothing else */
function run(src, name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${name} ${LOAD_FAILED}`));
    script.src = src;
    document.head.append(script);
    script.remove();
  });
}

function fromKernel(model, part) {
  return new Promise((resolve) => {
    const listener = (message) => {
      if (message.part !== part) return;
      model.off("msg:custom", listener);
      resolve(message.texts);
    };
    model.on("msg:custom", listener);
    model.send({ load: part });
  });
}
