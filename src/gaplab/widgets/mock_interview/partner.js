// A question with its answers as text, for a study partner, a friend or a language model, to judge.

/** What one press copies. */
export function forPartner(question, entry) {
  const lines = (title, all) => `${title}\n${all.map((text) => `- ${text}`).join("\n")}`;
  return [
    `Question: ${question.ask}`,
    lines("What an interviewer ticks:", question.rubric),
    `Model answer: ${question.short}`,
    `My answer: ${entry.typed.trim() || "(not written down)"}`,
    "Judge my answer by each point that an interviewer ticks, and say what is wrong or missing.",
  ].join("\n\n");
}

/** Copy a text; `tell` says how it went. Nothing is sent anywhere. */
export async function copied(text, tell) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copiedByHand(text)) return tell("This browser does not let a page copy.");
  }
  tell("Copied: question, rubric, model answer and your answer.");
}

/** The older way, for a page that is no secure context. */
function copiedByHand(text) {
  const before = document.activeElement;
  const box = document.createElement("textarea");
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
