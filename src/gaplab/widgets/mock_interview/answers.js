// What the reader has written so far, by question, the latest first.
import { element } from "../kit/dom.js";
import { button, buttons, heading, more } from "./parts.js";

/** Written answers of an interview, folded: what was written, and the answer to compare it with. */
export function foldedAnswers(session, byId) {
  const written = session.entries.filter(({ typed, revealed }) => revealed && typed?.trim());
  return written.map(({ id, typed, again }) => {
    const question = byId.get(id);
    const ask = again ? `${question.ask} (once more)` : question.ask;
    return element(
      "details",
      {},
      element("summary", {}, ask),
      element("p", { className: "typed" }, typed.trim()),
      element("p", { className: "answer" }, question.short),
      more(question),
    );
  });
}

export function drawAnswers(app) {
  const { store, byId } = app;
  const sittings = [...store.data().done].reverse().map((session) => [session, foldedAnswers(session, byId)]);
  const parts = sittings.filter(([, folds]) => folds.length).flatMap(([session, folds]) => [
    element("h3", {}, new Date(session.started).toLocaleDateString("en", { dateStyle: "medium" })),
    ...folds,
  ]);
  app.show([heading("What you wrote"), ...parts, buttons(button("Back", () => app.start(), "main"))]);
}
