// Questions with radio buttons; the answer and the way to its measurement appear at once.
import { element, uniqueName, widgetRoot } from "../kit/dom.js";
import { widget } from "../kit/widget.js";

/** What to say about a choice: whether it is right, and if not, what is. */
export function feedback(question, chosen) {
  const right = question.choices[question.right];
  return chosen === question.right ? `Right: ${right}.` : `No: ${right}.`;
}

/** How many are right so far, in words. */
export function tally(questions, chosen) {
  const answered = chosen.filter((choice) => choice >= 0).length;
  if (!answered) return `${questions.length} questions. Choose before you read on.`;
  const right = questions.filter((question, i) => question.right === chosen[i]).length;
  return `${right} of ${answered} answered right, ${questions.length - answered} left.`;
}

function build(model) {
  const questions = model.get("questions");
  const root = widgetRoot("predictions");
  // Radio buttons of one name exclude each other, so the name must be this widget's own.
  const group = uniqueName("predictions");
  const fields = questions.map((question, i) => buildField(question, i + 1, `${group}-${i}`));
  const total = element("p", { className: "gl-muted total" });
  root.append(...fields.map(({ field }) => field), total);
  return { root, questions, fields, total };
}

function buildField({ ask, choices }, number, name) {
  const inputs = choices.map(() => element("input", { type: "radio", name }));
  const lines = choices.map((label, i) => element("label", {}, inputs[i], ` ${label}`));
  const said = element("p", { className: "said", role: "status" });
  return { field: element("fieldset", {}, element("legend", {}, `${number}. ${ask}`), ...lines, said), inputs, said };
}

function draw({ questions, fields, total }, { chosen }) {
  fields.forEach(({ inputs, said }, number) => {
    const [question, choice] = [questions[number], chosen[number]];
    inputs.forEach((input, position) => (input.checked = position === choice));
    const text = choice < 0 ? "" : feedback(question, choice);
    if (said.dataset.text === text) return;
    said.dataset.text = text;
    said.classList.toggle("right", choice === question.right);
    const link = element("a", { href: `#${question.cell}` }, "Where it is measured");
    said.replaceChildren(...(text ? [`${text} `, link] : []));
  });
  total.textContent = tally(questions, chosen);
}

function listen({ fields }, { now, choose }) {
  fields.forEach(({ inputs }, number) => {
    inputs.forEach((input, position) => {
      input.addEventListener("change", () => choose({ chosen: now().chosen.with(number, position) }));
    });
  });
}

export default widget(["chosen"], { build, draw, listen });
