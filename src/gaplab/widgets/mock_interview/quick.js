// A question in quick mode: one of four sentences is right.
import { element } from "../kit/dom.js";
import { bar, button, buttons, clock, heading, more, onward } from "./parts.js";

export function drawQuick(app, session, entry, question) {
  const options = [{ says: question.right, why: question.short }, ...question.wrong.slice(0, 3)];
  const { shown, run } = clock(app, session, entry);
  const after = element("div");
  const choices = new Map(entry.order.map((at) => [at, button(options[at].says, () => pick(at), "choice")]));
  const settle = () => {
    markChoices(choices, entry.chosen);
    after.replaceChildren(...buildVerdict(app, session, question, options[entry.chosen]));
  };
  const pick = (position) => {
    entry.chosen = position;
    entry.revealed = true;
    app.store.save();
    app.stop();
    settle();
    after.querySelector("h3").focus();
  };
  const list = element("div", { role: "group", "aria-label": "Choose the right answer" }, ...choices.values());
  app.show([bar(app, session, question, shown), heading(question.ask), list, after]);
  if (entry.revealed) return settle();
  after.append(buttons(button("End the interview", app.finish)));
  run();
}

function markChoices(choices, chosen) {
  for (const choice of choices.values()) choice.disabled = true;
  if (chosen !== 0) {
    choices.get(chosen).classList.add("wrong");
    choices.get(chosen).prepend(element("b", {}, "Your choice: "));
  }
  choices.get(0).classList.add("right");
  choices.get(0).prepend(element("b", {}, "Right: "));
}

function buildVerdict(app, session, question, { says, why }) {
  const right = says === question.right;
  return [
    element("h3", { tabIndex: -1 }, right ? "Right" : "No"),
    element("p", { className: `answer said ${right ? "right" : "wrong"}` }, why),
    more(question),
    buttons(...onward(app, session)),
  ];
}
