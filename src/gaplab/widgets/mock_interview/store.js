// What the browser keeps of the reader's interviews.
import { element } from "../kit/dom.js";

const KEY = "gaplab-mock-interview";
const KEPT_SESSIONS = 50;

/** The reader's progress: in the browser's storage where there is one, and in memory all the same. */
export function openStore(byId, complain) {
  let data = EMPTY();
  const attempt = (act) => {
    try {
      act();
    } catch {
      complain("This browser keeps nothing for this page: export your progress before you leave it.");
    }
  };
  const write = (act) => {
    attempt(() => {
      act();
      complain("");
    });
  };
  attempt(() => (data = known(JSON.parse(localStorage.getItem(KEY) ?? "null"), byId)));
  return {
    data: () => data,
    save() {
      data.done = data.done.slice(-KEPT_SESSIONS);
      write(() => localStorage.setItem(KEY, JSON.stringify(data)));
    },
    clear() {
      data = EMPTY();
      write(() => localStorage.removeItem(KEY));
    },
  };
}

const EMPTY = () => ({ version: 1, current: null, done: [] });

/** Of what was found, the interviews that can still be shown: a question may have left the bank since. */
function known(found, byId) {
  if (found?.version !== 1) return EMPTY();
  const whole = (session) => session?.entries?.length && session.entries.every((entry) => byId.has(entry.id));
  return { version: 1, current: whole(found.current) ? found.current : null, done: found.done.filter(whole) };
}

/** Put the interview in hand, if there is one, among those that are done: its answered questions count. */
export function leave(store) {
  const { current, done } = store.data();
  if (!current) return null;
  current.entries = current.entries.filter((entry) => entry.revealed);
  if (current.entries.length) done.push(current);
  store.data().current = null;
  store.save();
  return current.entries.length ? current : null;
}

/** Give the reader all that is kept, as a file. */
export function exportProgress(store) {
  const text = JSON.stringify({ exported: new Date().toISOString(), ...store.data() }, null, 2);
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href, download: "mock-interview.json" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
