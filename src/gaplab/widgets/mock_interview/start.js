// The first screen: what to be asked, and what was answered so far.
import { element } from "../kit/dom.js";
import { button, buttons, heading } from "./parts.js";
import { advance, opened } from "./course.js";
import { dayOf, dueOn } from "./schedule.js";
import { choose, latest, pool } from "./session.js";
import { exportProgress, importProgress, leave } from "./store.js";

export function drawStart(app) {
  const { store, levels, lengths, topicTitle, questions } = app;
  const modes = buildModes(app.unique);
  const options = (pairs) => pairs.map(([name, title]) => new Option(title, name));
  const level = element("select", { name: "level" }, new Option("All levels", ""), ...options(levels));
  const mode = () => modes.querySelector("input:checked").value;
  const whole = element("optgroup", { label: "A whole topic" }, ...options([...topicTitle]));
  const counts = lengths.map((count) => [count, `${count} questions`]);
  const length = element("select", { name: "length" }, ...options(counts), whole);
  const offered = element("p", { className: "gl-muted offered", role: "status" });
  const chosen = () => {
    const topic = topicTitle.has(length.value) ? length.value : "";
    const all = pool(questions, mode(), level.value, topic);
    const climbs = mode() === "full" && !level.value && !topic && app.ladders.length > 0;
    return { all, climbs, count: topic ? all.length : Math.min(Number(length.value), all.length) };
  };
  const offer = () => {
    const { all, climbs, count } = chosen();
    const order = climbs
      ? "what is due, then ladders: up after a good answer, down after a poor one."
      : "what is due comes first, then what you have not had yet.";
    offered.textContent = `${count} of ${all.length} matching questions; ${order}`;
  };
  for (const field of [level, length, modes]) field.addEventListener("change", offer);
  offer();
  const begin = () => start(app, mode(), chosen());
  const field = (text, control) =>
    element("label", { className: "gl-control" }, element("span", { className: "gl-label" }, text), control);
  const { current } = store.data();
  const resume = current && `Continue at question ${current.at + 1} of ${current.total}`;
  const row = current
    ? buttons(button(resume, app.ask, "main"), button("Start another", begin))
    : buttons(button("Start", begin, "main"));
  const fields = [field("Level", level), field("Length", length)];
  app.show([heading("Your interview"), modes, ...fields, offered, row, buildProgress(app)]);
}

function buildModes(unique) {
  const radio = (value, text, checked) => {
    const input = element("input", { type: "radio", name: `mode-${unique}`, value, checked });
    return element("label", { className: "line" }, input, text);
  };
  return element(
    "fieldset",
    {},
    element("legend", {}, "Mode"),
    radio("full", "Full: answer, tick the rubric, take the follow-ups", true),
    radio("quick", "Quick: choose among four sentences", false),
  );
}

function start(app, mode, { all, climbs, count }) {
  const { store, levelTitle, byId, ladders } = app;
  leave(store);
  const due = dueOn(store.data().cards, dayOf(new Date()));
  const levels = [...levelTitle.keys()];
  const shares = latest(store.data().done, byId);
  // On ladders half of the time at most goes to what is due.
  const first = climbs ? all.filter(({ id }) => due.has(id)) : all;
  const plan = choose(first, climbs ? Math.floor(count / 2) : count, levels, shares, due).map(({ id }) => id);
  const session = opened(mode, plan, climbs ? count - plan.length : 0, ladders);
  advance(session, app);
  store.data().current = session;
  store.save();
  app.ask();
}

/** How far the reader has come, in words. */
function progressSaid({ store, byId, questions }) {
  const shares = latest(store.data().done, byId);
  const full = [...shares.values()].filter((share) => share === 1).length;
  const due = dueOn(store.data().cards, dayOf(new Date())).size;
  return shares.size
    ? `Answered so far: ${shares.size} of ${questions.length} questions, ${full} of them without a gap. Due today: ${due}.`
    : `${questions.length} questions are waiting. What you answer is kept in this browser only.`;
}

function buildProgress(app) {
  const { store } = app;
  const { current, done } = store.data();
  const wrote = done.some(({ entries }) => entries.some(({ typed }) => typed?.trim()));
  const row = buttons();
  const ask = (name, what, yes, act) => confirm(app, row, { name, what, yes, act, offer });
  const clear = () => {
    store.clear();
    app.start();
  };
  const read = (found) => {
    if (!found) return app.tell("This file holds no progress of the mock interview.");
    const take = () => {
      store.replace(found);
      app.start();
      app.tell("Imported: this is your progress now.");
    };
    if (!current && !done.length) return take();
    const what = "What the file holds takes the place of all answers and scores in this browser.";
    ask("Import progress", what, "Yes, replace it", take);
  };
  const offer = () => {
    row.replaceChildren(
      ...(done.length ? [button("The last result", app.last)] : []),
      ...(wrote ? [button("What you wrote", app.wrote)] : []),
      button("Export progress", () => exportProgress(store)),
      button("Import progress", () => importProgress(store, read)),
      button("Clear progress", () => {
        ask("Clear progress", "All answers and scores in this browser will be gone.", "Yes, clear it", clear);
      }),
    );
  };
  offer();
  return element("div", { className: "kept" }, element("p", { className: "gl-muted" }, progressSaid(app)), row);
}

/** Ask once more before all is gone; the button of that name asked for it. */
function confirm({ tell, unique }, row, { name, what, yes, act, offer }) {
  tell(""); // what was said before is no answer to the question
  const sure = element("p", { id: `sure-${unique}` }, what);
  const go = button(yes, act);
  const no = button("No, keep it", () => {
    offer();
    [...row.children].find(({ textContent }) => textContent === name).focus();
  });
  go.setAttribute("aria-describedby", sure.id);
  row.replaceChildren(sure, go, no);
  go.focus();
}
