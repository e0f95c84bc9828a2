// What the browser keeps of the reader's interviews: those that are done, the one in hand, and the schedule.
import { element } from "../kit/dom.js";
import { good } from "./course.js";
import { dayOf, reviewed } from "./schedule.js";

const KEPT_SESSIONS = 50;

/** Do what a browser may forbid, and complain where it does. */
function attempt(act, complain) {
  try {
    act();
  } catch {
    complain("This browser keeps nothing for this page: export your progress before you leave it.");
  }
}

/** A text that the browser holds under a key; another page may change it. */
function openText(key, complain) {
  let text = null;
  const read = () => (text = localStorage.getItem(key));
  const write = (value) => {
    attempt(() => {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
      read();
      complain("");
    }, complain);
  };
  return { read, write, changed: () => localStorage.getItem(key) !== text };
}

/** The reader's progress: in the browser's storage where there is one, and in memory all the same. */
export function openStore({ key, schedule, byId }, complain) {
  const kept = openText(key, complain);
  let data = EMPTY();
  const read = () => (data = known(JSON.parse(kept.read() ?? "null"), byId, schedule) ?? EMPTY());
  attempt(read, complain);
  const store = {
    data: () => data,
    save() {
      data.done = data.done.slice(-KEPT_SESSIONS);
      kept.write(JSON.stringify(data));
    },
    clear() {
      data = EMPTY();
      kept.write(null);
    },
    /** Take over what another page has kept since; whether it has. */
    renew() {
      let changed = false;
      attempt(() => {
        changed = kept.changed();
        if (changed) read();
      }, complain);
      return changed;
    },
    read: (found) => progressIn(found, byId, schedule),
    replace(found) {
      data = found;
      store.save();
    },
    /** Put an answered question on the schedule, once; its return in the same sitting changes nothing. */
    record({ mode }, entry) {
      if (!entry.revealed || entry.recorded || entry.again) return;
      entry.recorded = true;
      note(data.cards, mode, entry, byId, dayOf(new Date()), schedule);
    },
  };
  return store;
}

/** The progress that an exported text holds; null if it holds none. */
function progressIn(text, byId, schedule) {
  try {
    return known(JSON.parse(text), byId, schedule);
  } catch {
    return null; // no JSON, or nothing like progress
  }
}

const EMPTY = () => ({ version: 2, current: null, done: [], cards: {} });

function note(cards, mode, entry, byId, today, schedule) {
  cards[entry.id] = reviewed(cards[entry.id], good(entry, byId.get(entry.id), mode), today, schedule);
}

/** Of what was found, what can still be used: a question may have left the bank since. Null if it is no progress. */
function known(found, byId, schedule) {
  if (![1, 2].includes(found?.version) || (found.done && !Array.isArray(found.done))) return null;
  const whole = (session) =>
    ["full", "quick"].includes(session?.mode) && session.entries?.length &&
    session.entries.every((entry) => byId.has(entry.id)) && (session.plan ?? []).every((id) => byId.has(id));
  const done = (found.done ?? []).filter(whole);
  const goesOn = found.version === 1 || [found.current?.plan, found.current?.back].every(Array.isArray);
  const current = goesOn && whole(found.current) ? found.current : null;
  if (found.version === 1) return { version: 2, current: current && extended(current), done, cards: learnt(done) };
  const cards = Object.entries(found.cards ?? {}).filter(([id, card]) => byId.has(id) && card?.due);
  return { version: 2, current, done, cards: Object.fromEntries(cards) };

  /** The schedule that interviews of the first version, which kept none, would have made. */
  function learnt(sessions) {
    const made = {};
    for (const { mode, started, entries } of sessions) {
      for (const entry of entries.filter(({ revealed }) => revealed)) {
        note(made, mode, entry, byId, dayOf(new Date(started)), schedule);
      }
    }
    return made;
  }
}

/** An interview of the first version had all its questions from the start. */
function extended(session) {
  const plan = session.entries.slice(session.at + 1).map(({ id }) => id);
  const entries = session.entries.slice(0, session.at + 1);
  return { ...session, total: session.entries.length, plan, entries, climb: null, back: [] };
}

/** Put the interview in hand, if there is one, among those that are done: its answered questions count. */
export function leave(store) {
  const { current, done } = store.data();
  if (!current) return null;
  current.entries = current.entries.filter((entry) => entry.revealed);
  for (const entry of current.entries) store.record(current, entry);
  const { mode, started, entries } = current;
  const session = { mode, started, entries };
  if (entries.length) done.push(session);
  store.data().current = null;
  store.save();
  return entries.length ? session : null;
}

/** Give the reader all that is kept, as a file. */
export function exportProgress(store) {
  const text = JSON.stringify({ exported: new Date().toISOString(), ...store.data() }, null, 2);
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href, download: "mock-interview.json" }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

/** Let the reader choose a file that was exported, here or in another browser; `over` gets what it holds, or null. */
export function importProgress(store, over) {
  const input = element("input", { type: "file", accept: "application/json,.json" });
  input.addEventListener("change", async () => over(store.read(await input.files[0].text())));
  input.click();
}
