// A question in full: asked against the clock, then answered and judged by the candidate.
import { element } from "../kit/dom.js";
import { hasVoice, voiceButton } from "../../interview/speak.js";
import { fitting } from "./course.js";
import { bar, button, buttons, clock, heading, minutes, more, onward } from "./parts.js";
import { copied, forPartner } from "./partner.js";
import { followUps } from "./session.js";

const UNDISTURBED = 15; // seconds before an interviewer throws something in

export function drawQuestion(app, session, entry, question) {
  const { store } = app;
  entry.interruption ??= fitting(session, entry, app.interruptions);
  const thrown = element("div", { role: "status", className: "thrown" });
  const throwIn = () => {
    entry.thrown = true;
    store.save();
    const says = element("p", {}, element("b", {}, "Interruption: "), saysOf(app, entry));
    thrown.replaceChildren(
      says,
      element("p", { className: "gl-muted" }, "Answer it in a sentence or two, then go on."),
    );
  };
  const waiting = () => entry.interruption !== null && !entry.thrown;
  const { shown, run } = clock(app, session, entry, (seconds) => {
    if (seconds >= UNDISTURBED && waiting()) throwIn();
  });
  const typed = element("textarea", { id: `typed-${app.unique}`, value: entry.typed });
  typed.addEventListener("input", () => {
    entry.typed = typed.value;
    store.save();
  });
  const reveal = () => {
    if (waiting()) return throwIn(); // whoever is quick is interrupted at the end
    entry.revealed = true;
    store.save();
    app.ask();
  };
  app.show([
    bar(app, session, question, shown),
    heading(question.ask),
    element("label", { for: typed.id }, "Your answer, aloud or in writing (it stays in this browser)"),
    typed,
    thrown,
    buttons(button("Show the answer", reveal, "main"), button("End the interview", app.finish)),
  ]);
  if (entry.thrown) throwIn();
  run();
}

const saysOf = ({ interruptions }, entry) => `“${interruptions[entry.interruption].says}”`;

/** What was thrown in, and a way to recover. */
function buildRecovery(app, entry) {
  if (!entry.thrown) return [];
  const { recovery } = app.interruptions[entry.interruption];
  const fold = element("details", {}, element("summary", {}, "A way to recover"), element("p", {}, recovery));
  return [element("h3", {}, "The interruption"), element("p", {}, saysOf(app, entry)), fold];
}

/** The button that asks for the follow-ups, the place where they stand then, and what draws them there. */
function buildAsking(app, entry, question) {
  const region = element("div", { className: "follow-ups" });
  const ask = () => {
    const open = [...region.querySelectorAll("[open] summary")].map(({ textContent }) => textContent);
    region.replaceChildren(...buildFollowUps(entry, question, open));
  };
  const follow = buttons(
    button("Ask me the follow-up", () => {
      entry.followed = true;
      app.store.save();
      ask();
      region.querySelector("h3").focus();
      follow.remove();
    }),
  );
  if (entry.followed) ask();
  return { follow, region, ask };
}

export function drawAnswer(app, session, entry, question) {
  const { follow, region, ask } = buildAsking(app, entry, question);
  const forward = buttons();
  const offer = () => forward.replaceChildren(...onward(app, session));
  offer();
  const ticked = () => {
    app.store.save();
    if (entry.followed) ask();
    offer(); // what was missed comes back, so the last question need not be the last
  };
  const copy = button("Copy for a study partner", () => copied(forPartner(question, entry), app.tell));
  const own = entry.typed.trim();
  const typed = [element("h3", {}, "Your answer"), element("p", { className: "typed" }, own)];
  app.show([
    bar(app, session, question, element("span", { className: "clock" }, minutes(entry.seconds))),
    heading(question.ask),
    element("h3", {}, "The answer in 30 seconds"),
    element("p", { className: "answer" }, question.short),
    ...(hasVoice() ? [voiceButton(question.short)] : []),
    more(question),
    ...(own ? typed : []),
    ...buildRecovery(app, entry),
    buildRubric(entry, question, ticked),
    ...(entry.followed ? [] : [follow]),
    region,
    buttons(copy),
    forward,
  ]);
}

function buildRubric(entry, question, ticked) {
  const lines = question.rubric.map((text, i) => {
    const input = element("input", { type: "checkbox", checked: entry.ticked.includes(i + 1) });
    input.addEventListener("change", () => {
      const rest = entry.ticked.filter((number) => number !== i + 1);
      entry.ticked = input.checked ? [...rest, i + 1].sort() : rest;
      ticked();
    });
    return element("label", { className: "line" }, input, element("span", {}, text));
  });
  return element("fieldset", {}, element("legend", {}, "Tick what you said"), ...lines);
}

function buildFollowUps(entry, question, open) {
  const missed = question.rubric.length - entry.ticked.length;
  const some = missed === 1
    ? "Follow-up on the point that you did not tick"
    : `Follow-up on the ${missed} points that you did not tick`;
  const harder = question.follow_ups.some(({ probes }) => !probes.length);
  const more = harder ? "All ticked: the harder follow-up" : "All ticked: one more follow-up";
  const title = missed ? some : more;
  const folds = followUps(question, entry.ticked).map(({ ask, answer }) =>
    element("details", { open: open.includes(ask) }, element("summary", {}, ask), element("p", {}, answer))
  );
  return [element("h3", { tabIndex: -1 }, title), ...folds];
}
