// Mock interview. A session is plain data: it is kept in the browser as it is, and every screen is drawn from it.
import { uniqueName, widgetRoot } from "../kit/dom.js";
import { hush } from "../../interview/speak.js";
import { drawAnswers } from "./answers.js";
import { openPlace, restore, seen } from "./place.js";
import { drawAnswer, drawQuestion } from "./question.js";
import { drawQuick } from "./quick.js";
import { drawStart } from "./start.js";
import { openStore } from "./store.js";
import { drawSummary } from "./summary.js";

const TEMPLATE = `<div></div><p class="gl-muted notice" role="status"></p>`;
const BANK = ["questions", "topics", "levels", "lengths", "target", "interruptions", "ladders", "schedule", "key"];

function render({ model, el }) {
  const root = widgetRoot("mock-interview", TEMPLATE);
  const app = open(model, root);
  app.resume();
  el.replaceChildren(root);
  return watch(app);
}

/** Keep the reader's place, and look what another page has kept; returns what ends it. */
function watch(app) {
  const gone = new AbortController();
  const { signal } = gone;
  const renew = () => {
    if (document.hidden || !app.store.renew()) return;
    app.leave();
    app.resume();
  };
  addEventListener("pagehide", app.leave, { signal });
  // The way back may lead to this page as it was left, while it was opened anew and went on there.
  document.addEventListener("visibilitychange", renew, { signal });
  addEventListener("storage", renew, { signal });
  return () => {
    gone.abort();
    app.stop();
  };
}

/** What the screens share: the bank, what is kept, and the way from one screen to another. */
function open(model, root) {
  const bank = Object.fromEntries(BANK.map((name) => [name, model.get(name)]));
  const byId = new Map(bank.questions.map((question) => [question.id, question]));
  const [screen, notice] = root.children;
  const tell = (text) => {
    if (notice.textContent !== text) notice.textContent = text;
  };
  const place = openPlace(bank.key);
  const at = (name, draw) => () => {
    place.note({ screen: name });
    draw(app);
  };
  const app = {
    ...bank,
    byId,
    tell,
    levelTitle: new Map(bank.levels),
    topicTitle: new Map(bank.topics.map(({ name, title }) => [name, title])),
    unique: uniqueName("mock"), // names of radio buttons and ids must be this widget's own
    store: openStore({ key: bank.key, schedule: bank.schedule, byId }, tell),
    ...screenIn(screen),
    start: at("start", drawStart),
    ask: at("ask", drawCurrent),
    finish: at("last", drawSummary),
    last: at("last", (app) => drawSummary(app, app.store.data().done.at(-1))),
    wrote: at("wrote", drawAnswers),
    leave: () => place.note({ ...place.get(), ...seen(screen) }),
    resume: () => returnTo(app, screen, place.get()),
  };
  return app;
}

/** Draw the screen on which the reader was, if there is still something to show on it; the focus stays where it is. */
function returnTo(app, screen, place) {
  const { current, done } = app.store.data();
  const there = { ask: current, last: done.length, wrote: done.length }[place.screen];
  app.quietly(there ? app[place.screen] : app.start);
  if (there || place.screen === "start") restore(screen, place);
}

/** The way to show a screen, and what lasts no longer than it is shown: its clock, its voice, what it listens to. */
function screenIn(place) {
  let timer;
  let gone = new AbortController();
  let moves = true;
  const stop = () => {
    gone.abort();
    gone = new AbortController();
    clearInterval(timer);
    hush();
  };
  return {
    stop,
    every: (milliseconds, act) => (timer = setInterval(act, milliseconds)),
    /** Act when the reader leaves the page or comes back, as long as this screen is shown. */
    away(act) {
      document.addEventListener("visibilitychange", act, { signal: gone.signal });
    },
    show(parts) {
      stop();
      place.replaceChildren(...parts);
      if (moves) place.querySelector("h2").focus();
    },
    /** Draw a screen to which the reader has not gone just now. */
    quietly(draw) {
      moves = false;
      draw();
      moves = true;
    },
  };
}

function drawCurrent(app) {
  const session = app.store.data().current;
  const entry = session.entries[session.at];
  const question = app.byId.get(entry.id);
  if (session.mode === "quick") drawQuick(app, session, entry, question);
  else if (entry.revealed) drawAnswer(app, session, entry, question);
  else drawQuestion(app, session, entry, question);
}

export default { render };
