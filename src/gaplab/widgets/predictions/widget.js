// Questions with radio buttons; the answer and the way to its measurement appear at once.

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

function render({ model, el }) {
  const questions = model.get("questions");
  const root = widgetRoot("predictions");
  // Radio buttons of one name exclude each other, so the name must be this widget's own.
  const group = `predictions-${Math.random().toString(36).slice(2)}`;
  const fields = questions.map((question, number) => {
    const field = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = `${number + 1}. ${question.ask}`;
    field.append(legend);
    const inputs = question.choices.map((label, position) => {
      const line = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: `${group}-${number}` });
      input.addEventListener("change", () => {
        model.set("chosen", model.get("chosen").map((old, i) => (i === number ? position : old)));
        model.save_changes();
      });
      line.append(input, ` ${label}`);
      field.append(line);
      return input;
    });
    const said = document.createElement("p");
    said.className = "said";
    said.setAttribute("role", "status");
    field.append(said);
    root.append(field);
    return { inputs, said };
  });
  const total = document.createElement("p");
  total.className = "gl-muted total";
  root.append(total);

  function refresh() {
    const chosen = model.get("chosen");
    fields.forEach(({ inputs, said }, number) => {
      const choice = chosen[number];
      inputs.forEach((input, position) => (input.checked = position === choice));
      const text = choice < 0 ? "" : feedback(questions[number], choice);
      if (said.dataset.text === text) return;
      said.dataset.text = text;
      said.classList.toggle("right", choice === questions[number].right);
      said.replaceChildren();
      if (!text) return;
      const link = Object.assign(document.createElement("a"), { href: `#${questions[number].cell}`, textContent: "Where it is measured" });
      said.append(`${text} `, link);
    });
    total.textContent = tally(questions, chosen);
  }

  model.on("change:chosen", refresh);
  refresh();
  el.replaceChildren(root);
  return () => model.off("change:chosen", refresh);
}

export default { render };
