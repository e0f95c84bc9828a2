// The desk in a Worker, so that the page stays free while the network computes; where there is no Worker, in the page.

/**
 * @typedef {{
 *   where: string,
 *   tell: (message: any) => Promise<any>,
 *   ask: (channel: string, message: any) => Promise<any>,
 *   close: () => void,
 * }} Desk `tell` keeps the order; `ask` answers the newest question first, and of one channel the newest only: one that
 *   was overtaken gets null
 */

/**
 * @param {() => any} makeEngine the function of the engine's script
 * @returns {Promise<Desk>}
 */
export async function openDesk(makeEngine) {
  const { call, where, close } = await inWorker(makeEngine).catch(() => inPage(makeEngine));
  /** @type {{ message: any, resolve: (answer: any) => void, reject: (error: Error) => void }[]} */
  const orders = [];
  const questions = new Map();
  let busy = false;

  async function work() {
    if (busy) return;
    busy = true;
    for (let next = take(); next; next = take()) {
      await call(next.message).then(next.resolve, next.reject);
    }
    busy = false;
  }
  function take() {
    if (orders.length) return orders.shift();
    const newest = [...questions.keys()].at(-1);
    const found = questions.get(newest);
    questions.delete(newest);
    return found;
  }
  const tell = (message) =>
    new Promise((resolve, reject) => {
      orders.push({ message, resolve, reject });
      work();
    });
  const ask = (channel, message) =>
    new Promise((resolve, reject) => {
      questions.get(channel)?.resolve(null);
      questions.delete(channel); // so that it stands last, as the newest
      questions.set(channel, { message, resolve, reject });
      work();
    });
  return { where, tell, ask, close };
}

/** A Worker made of a Blob of the engine's own text: a page at file:// may start no other. */
function inWorker(makeEngine) {
  return new Promise((resolve, reject) => {
    const text = `(${makeEngine})().serve(self);`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(url);
    const waiting = new Map();
    let count = 0;
    worker.onerror = ({ message }) => {
      const error = new Error(`The network stopped (${message || "its Worker did not start"}): load the page again.`);
      reject(error);
      for (const one of waiting.values()) one.reject(error);
      waiting.clear();
    };
    worker.onmessage = ({ data }) => {
      if (data.ready) {
        URL.revokeObjectURL(url);
        resolve({ call, where: "in a Worker", close: () => worker.terminate() });
        return;
      }
      const one = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.error) one.reject(new Error(data.error));
      else one.resolve(data.answer);
    };
    const call = (message) =>
      new Promise((answer, fail) => {
        waiting.set(count += 1, { resolve: answer, reject: fail });
        worker.postMessage({ id: count, message });
      });
  });
}

function inPage(makeEngine) {
  return { call: makeEngine().laboratory(), where: "in the page itself", close: () => {} };
}
