// Mock interview. A session is plain data: it is kept in the browser as it is, and every screen is drawn from it.
import { uniqueName, widgetRoot } from "../kit/dom.js";
import { hush } from "../../interview/speak.js";
import { drawAnswers } from "./answers.js";
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
  app.start(false);
  el.replaceChildren(root);
  return app.stop;
}

/** What the screens share: the bank, what is kept, and the way from one screen to another. */
function open(model, root) {
  const bank = Object.fromEntries(BANK.map((name) => [name, model.get(name)]));
  const byId = new Map(bank.questions.map((question) => [question.id, question]));
  const [screen, notice] = root.children;
  const tell = (text) => {
    if (notice.textContent !== text) notice.textContent = text;
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
    start: (focus) => drawStart(app, focus),
    ask: () => drawCurrent(app),
    finish: () => drawSummary(app),
    last: () => drawSummary(app, app.store.data().done.at(-1)),
    wrote: () => drawAnswers(app),
  };
  return app;
}

/** The way to show a screen, and what lasts no longer than it is shown: its clock, its voice, what it listens to. */
function screenIn(place) {
  let timer;
  let gone = new AbortController();
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
    show(parts, focus = true) {
      stop();
      place.replaceChildren(...parts);
      if (focus) place.querySelector("h2").focus();
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
