// The first screen: what to be asked, and what was answered so far.
import { element } from "../kit/dom.js";
import { button, buttons, heading } from "./parts.js";
import { choose, latest, opened, pool } from "./session.js";
import { exportProgress, leave } from "./store.js";

export function drawStart(app, focus = true) {
  const { store, levels, lengths, topicTitle, questions } = app;
  const modes = buildModes(app.unique);
  const options = (pairs) => pairs.map(([name, title]) => new Option(title, name));
  const level = element("select", { name: "level" }, new Option("All levels", ""), ...options(levels));
  const whole = element("optgroup", { label: "A whole topic" }, ...options([...topicTitle]));
  const counts = lengths.map((count) => [count, `${count} questions`]);
  const length = element("select", { name: "length" }, ...options(counts), whole);
  const offered = element("p", { className: "gl-muted offered", role: "status" });
  const chosen = () => {
    const topic = topicTitle.has(length.value) ? length.value : "";
    const all = pool(questions, level.value, topic);
    return { all, count: topic ? all.length : Math.min(Number(length.value), all.length) };
  };
  const offer = () => {
    const { all, count } = chosen();
    offered.textContent = `${count} of ${all.length} matching questions; what you have not had yet comes first.`;
  };
  for (const select of [level, length]) select.addEventListener("change", offer);
  offer();
  const begin = () => start(app, modes.querySelector("input:checked").value, chosen());
  const field = (text, control) =>
    element("label", { className: "gl-control" }, element("span", { className: "gl-label" }, text), control);
  const { current } = store.data();
  const resume = current && `Continue at question ${current.at + 1} of ${current.entries.length}`;
  const row = current
    ? buttons(button(resume, app.ask, "main"), button("Start another", begin))
    : buttons(button("Start", begin, "main"));
  const fields = [field("Level", level), field("Length", length)];
  app.show([heading("Your interview"), modes, ...fields, offered, row, buildProgress(app)], focus);
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

function start({ store, levelTitle, byId, ask }, mode, { all, count }) {
  leave(store);
  const picked = choose(all, count, [...levelTitle.keys()], latest(store.data().done, byId));
  store.data().current = opened(mode, picked);
  store.save();
  ask();
}

function buildProgress(app) {
  const { store, byId, questions } = app;
  const shares = latest(store.data().done, byId);
  const full = [...shares.values()].filter((share) => share === 1).length;
  const said = shares.size
    ? `Answered so far: ${shares.size} of ${questions.length} questions, ${full} of them without a gap.`
    : `${questions.length} questions are waiting. What you answer is kept in this browser only.`;
  const row = buttons();
  const offer = () => {
    const clear = button("Clear progress", () => confirm(app, row, offer));
    row.replaceChildren(button("Export progress", () => exportProgress(store)), clear);
  };
  offer();
  return element("div", { className: "kept" }, element("p", { className: "gl-muted" }, said), row);
}

/** Ask once more before all is cleared. */
function confirm({ store, start, unique }, row, offer) {
  const sure = element("p", { id: `sure-${unique}` }, "All answers and scores in this browser will be gone.");
  const yes = button("Yes, clear it", () => {
    store.clear();
    start();
  });
  const no = button("No, keep it", () => {
    offer();
    row.lastChild.focus();
  });
  yes.setAttribute("aria-describedby", sure.id);
  row.replaceChildren(sure, yes, no);
  yes.focus();
}
