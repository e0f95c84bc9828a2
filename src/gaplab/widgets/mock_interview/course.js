// What is asked next: a plan that was made at the start, or a ladder that is climbed; and again what was missed.
import { points, shuffled } from "./session.js";

export const GOOD = 0.7; // of a question's points: an interviewer goes up, and a reader need not go back to the topic
const OTHERS = 3; // asked before a missed question comes back

/** A new interview, nothing of it asked yet: `plan` are ids, and `count` more may be climbed for on ladders. */
export function opened(mode, plan, count = 0, ladders = []) {
  const climb = count ? { left: shuffled(ladders.map((_, i) => i)), ladder: null, rung: 0, count } : null;
  const total = plan.length + count;
  return { mode, started: new Date().toISOString(), at: -1, total, plan, climb, back: [], entries: [] };
}

/** Whether an answer was good enough to go up. */
export function good(entry, question, mode) {
  const [got, all] = points(entry, question, mode);
  return got >= GOOD * all;
}

/** Put the next question at the end of the interview; false if there is none. */
export function advance(session, bank) {
  const last = session.entries.at(-1);
  if (last && !last.again) settle(session, last, bank);
  for (const waiting of session.back) waiting.wait -= 1;
  const ready = session.back.findIndex(({ wait }) => wait <= 0);
  const next = ready < 0 ? ahead(session, bank) : null;
  const returning = next ? null : session.back.splice(Math.max(ready, 0), 1)[0];
  if (returning && returning.id === last.id) session.total -= 1; // no other lies between: it waits for the next sitting
  if (!next && (!returning || returning.id === last.id)) return false;
  session.entries.push(blank(session.mode, next ?? { id: returning.id, again: true }));
  session.at = session.entries.length - 1;
  return true;
}

/** Go up or down from the last answer, and let what was missed wait for its return. */
function settle(session, last, { byId }) {
  const well = good(last, byId.get(last.id), session.mode);
  if (last.rung) session.climb.rung += well ? 1 : -1;
  if (well) return;
  session.back.push({ id: last.id, wait: OTHERS + 1 });
  session.total += 1;
}

function ahead(session, bank) {
  if (session.plan.length) return { id: session.plan.shift() };
  const { climb } = session;
  if (!climb?.count) return null;
  for (;;) {
    const id = climb.ladder === null ? null : onRung(session, bank);
    if (id) {
      climb.count -= 1;
      return { id, rung: climb.rung + 1, ladder: climb.ladder };
    }
    if (!climb.left.length) return null;
    Object.assign(climb, { ladder: climb.left.shift(), rung: 0 });
  }
}

/** The rung's own question, or one of its topic and level, that was not asked yet. */
function onRung({ climb, entries }, { ladders, byId, questions }) {
  const { rungs } = ladders[climb.ladder];
  if (climb.rung >= rungs.length) return null;
  climb.rung = Math.max(climb.rung, 0);
  const asked = new Set(entries.map(({ id }) => id));
  const own = byId.get(rungs[climb.rung]);
  const { topic } = byId.get(rungs[0]);
  const alike = questions.filter((q) => q.topic === topic && q.level === own.level && !rungs.includes(q.id));
  return [own, ...alike].find(({ id }) => !asked.has(id))?.id;
}

function blank(mode, asked) {
  const answer = mode === "quick"
    ? { order: shuffled([0, 1, 2, 3]), chosen: null }
    : { typed: "", ticked: [], interruption: null, thrown: false };
  return { seconds: 0, revealed: false, ...answer, ...asked };
}

/** The number of the interruption that fits a question and was not thrown in before; null if there is none. */
export function fitting(session, entry, interruptions) {
  if (entry.again) return null;
  const before = new Set(session.entries.filter((other) => other !== entry).map(({ interruption }) => interruption));
  const found = interruptions.findIndex(({ at }, i) => at.includes(entry.id) && !before.has(i));
  return found < 0 ? null : found;
}
