// What the screens are made of.
import { element } from "../kit/dom.js";
import { advance } from "./course.js";

export const heading = (text) => element("h2", { tabIndex: -1 }, text);
export const button = (text, onclick, className = "") =>
  element("button", { type: "button", onclick, className }, text);
export const buttons = (...all) => element("div", { className: "buttons" }, ...all);
/** A link, or its words alone where the page that it would lead to is not at hand. */
export const link = (text, href) => href ? element("a", { href }, text) : element("span", {}, text);

/** Seconds as minutes and seconds: 65 as "1:05". */
export function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The line above a question: where it stands, and the time. */
export function bar({ levelTitle, topicTitle, ladders }, session, question, time) {
  const entry = session.entries[session.at];
  const where = `Question ${session.at + 1} of ${session.total}`;
  const rung = entry.rung ? [`Rung ${entry.rung} of ${ladders[entry.ladder].rungs.length}`] : [];
  const back = entry.again ? ["Once more"] : [];
  const place = [where, levelTitle.get(question.level), topicTitle.get(question.topic), ...rung, ...back].join(" · ");
  return element("p", { className: "bar gl-muted" }, element("span", {}, place), time);
}

/**
 * The time that a question has taken: `shown`, and `run()` to let it go on once it is shown; `passed` hears of it. It
 * stands still while the reader is away from the page, and goes on from there, also after the page was loaded again.
 */
export function clock({ every, away, store, target }, session, entry, passed = (_) => {}) {
  const shown = element("span", { className: "clock", role: "timer" });
  const start = () => Date.now() - 1000 * entry.seconds;
  let from = start();
  const tick = () => {
    entry.seconds = Math.floor((Date.now() - from) / 1000);
    const over = session.mode === "full" && entry.seconds > target ? ", over half a minute" : "";
    shown.textContent = `${minutes(entry.seconds)}${over}`;
    passed(entry.seconds);
  };
  const run = () => {
    every(1000, () => document.hidden || tick());
    away(() => {
      if (document.hidden) store.save();
      else from = start();
    });
  };
  tick();
  return { shown, run };
}

/** Where an answer is told in full, and where it was measured. */
export function more(question) {
  const proof = link(`Its proof in chapter ${question.chapter}`, question.proof);
  return element("p", { className: "gl-muted" }, link("The full answer", question.href), " · ", proof);
}

/** The buttons behind an answer. */
export function onward(app, session) {
  const { store, ask, finish } = app;
  const next = () => {
    store.record(session, session.entries[session.at]);
    if (!advance(session, app)) return finish();
    store.save();
    ask();
  };
  const more = advance(structuredClone(session), app);
  if (!more) return [button("Show the summary", finish, "main")];
  return [button("Next question", next, "main"), button("End the interview", finish)];
}
