// The last screen: points by topic, and what to read next.
import { element } from "../kit/dom.js";
import { button, buttons, heading, link, minutes } from "./parts.js";
import { foldedAnswers } from "./answers.js";
import { GOOD } from "./course.js";
import { summary } from "./session.js";
import { exportProgress, leave } from "./store.js";

export function drawSummary(app, session = leave(app.store)) {
  const { store, byId, topics } = app;
  if (!session) return app.start();
  const rows = summary(session, byId, topics);
  const total = (list, key) => list.reduce((sum, each) => sum + each[key], 0);
  const mean = minutes(Math.round(total(session.entries, "seconds") / session.entries.length));
  const quick = session.mode === "quick";
  const wrote = foldedAnswers(session, byId);
  const [got, all] = [total(rows, "got"), total(rows, "all")];
  const score = quick ? `${got} of ${all} right` : `${got} of ${all} points`;
  app.show([
    heading("How it went"),
    element("p", { className: "result" }, `${score}, ${mean} a question on average.`),
    buildScores(rows, quick ? "Right" : "Points"),
    element("h3", {}, "Read next"),
    ...buildReading(rows),
    ...(wrote.length ? [element("h3", {}, "What you wrote"), ...wrote] : []),
    buttons(
      button("Another interview", () => app.start(), "main"),
      button("Export progress", () => exportProgress(store)),
    ),
  ]);
}

function buildScores(rows, what) {
  const columns = ["Topic", "Questions", what].map((text) => element("th", { scope: "col" }, text));
  const lines = rows.map(({ title, asked, got, all }) => {
    const cells = [String(asked), `${got} of ${all}`].map((text) => element("td", {}, text));
    return element("tr", {}, element("th", { scope: "row" }, title), ...cells);
  });
  return element(
    "table",
    { className: "gl-table", "aria-label": "Score by topic" },
    element("thead", {}, element("tr", {}, ...columns)),
    element("tbody", {}, ...lines),
  );
}

function buildReading(rows) {
  const gaps = rows.filter(({ missed }) => missed.length);
  if (!gaps.length) {
    const aloud = link("say the answers aloud", "say_aloud.html");
    return [element("p", {}, "Nothing was missed. Take other questions, or ", aloud, ".")];
  }
  return gaps.flatMap(({ title, href, got, all, missed }) => {
    const topic = link(title.toLowerCase().replace(/^nin /, "NIN "), href);
    const weak = got / all < GOOD;
    const few = missed.length === 1 ? "A gap in " : "Gaps in ";
    const lead = weak ? ["All the questions on ", topic, ", these first:"] : [few, topic, ":"];
    return [element("p", {}, ...lead), element("ul", {}, ...missed.map(buildMissed))];
  });
}

function buildMissed({ ask, href, chapter, proof }) {
  const there = link(`proof in chapter ${chapter}`, proof);
  there.setAttribute("aria-label", `Proof in chapter ${chapter}: ${ask}`);
  return element("li", {}, link(ask, href), " (", there, ")");
}
