// The ledger: one entry a claim, shown or hidden by two choices.
import { element, finder, widgetRoot } from "../kit/dom.js";
import { widget } from "../kit/widget.js";

/** The rows that both choices let through; "all" and 0 let every row through. */
export function chosenRows(rows, verdict, chapter) {
  return rows.filter((row) =>
    (verdict === "all" || row.verdict === verdict) && (chapter === 0 || row.chapter === chapter)
  );
}

/** Totals of some rows in one sentence. */
export function totals(rows, all, verdicts) {
  const parts = verdicts.map((verdict) => `${verdict} ${rows.filter((row) => row.verdict === verdict).length}`);
  const shown = rows.length === all.length ? `${all.length} claims` : `${rows.length} of ${all.length} claims`;
  return rows.length ? `${shown}: ${parts.join(", ")}.` : "No claim has that verdict in that chapter: choose another.";
}

const TEMPLATE = `
  <div role="group" aria-label="Filter">
    <label class="gl-control"><span class="gl-label">Verdict</span><select name="verdict"><option value="all">all</option></select></label>
    <label class="gl-control"><span class="gl-label">Chapter</span><select name="chapter"><option value="0">all</option></select></label>
  </div>
  <p class="totals" role="status"></p>
  <div class="bar" aria-hidden="true"></div>
  <ol class="entries"></ol>`;
const VERDICTS = ["holds", "holds with caveats", "does not hold as stated"];

function build(model) {
  const rows = model.get("rows");
  const root = widgetRoot("verdict-ledger", TEMPLATE);
  const find = finder(root);
  const [verdict, chapter] = [find("[name=verdict]"), find("[name=chapter]")];
  const marks = new Map(rows.map((row) => [row.verdict, row.mark]));
  const verdicts = VERDICTS.filter((name) => marks.has(name));
  for (const name of verdicts) verdict.add(new Option(`${marks.get(name)} ${name}`, name));
  for (const number of new Set(rows.map((row) => row.chapter))) chapter.add(new Option(String(number), number));
  const entries = rows.map(buildEntry);
  find(".entries").append(...entries);
  return { root, find, rows, verdicts, verdict, chapter, entries };
}

const kindOf = (verdict) => String(VERDICTS.slice(0, 2).indexOf(verdict));

function buildEntry({ id, verdict, mark, en, zh, href, measured, because }) {
  const said = element("span", { className: "verdict", "data-kind": kindOf(verdict) }, `${mark} ${verdict}`);
  return element(
    "li",
    { "data-claim": id },
    element("p", { className: "head" }, element("b", {}, id), " ", said),
    element("p", { className: "en" }, en),
    // On Chinese pages the style hides the English: the article's own words are said, and said once.
    element("p", { className: "zh gl-muted", lang: "zh" }, zh),
    element("p", { className: "why" }, element("a", { href }, measured), element("span", {}, because)),
  );
}

function draw({ find, rows, verdicts, verdict, chapter, entries }, state) {
  const shown = chosenRows(rows, state.verdict, state.chapter);
  verdict.value = state.verdict;
  chapter.value = String(state.chapter);
  entries.forEach((entry, i) => (entry.hidden = !shown.includes(rows[i])));
  find(".totals").textContent = totals(shown, rows, verdicts);
  const parts = verdicts.map((name) => {
    const part = element("span", { "data-kind": kindOf(name) });
    part.style.flexGrow = shown.filter((row) => row.verdict === name).length;
    return part;
  });
  find(".bar").replaceChildren(...parts);
}

function listen({ verdict, chapter }, { choose }) {
  verdict.addEventListener("change", () => choose({ verdict: verdict.value }));
  chapter.addEventListener("change", () => choose({ chapter: Number(chapter.value) }));
}

export default widget(["verdict", "chapter"], { build, draw, listen });
