// The ledger: one entry a claim, shown or hidden by two choices.

/** The rows that both choices let through; "all" and 0 let every row through. */
export function chosenRows(rows, verdict, chapter) {
  return rows.filter((row) => (verdict === "all" || row.verdict === verdict) && (chapter === 0 || row.chapter === chapter));
}

/** Totals of some rows in one sentence. */
export function totals(rows, all, verdicts) {
  const parts = verdicts.map((verdict) => `${verdict} ${rows.filter((row) => row.verdict === verdict).length}`);
  const shown = rows.length === all.length ? `${all.length} claims` : `${rows.length} of ${all.length} claims`;
  return rows.length ? `${shown}: ${parts.join(", ")}.` : "No claim has that verdict in that chapter: choose another.";
}

function render({ model, el }) {
  const rows = model.get("rows");
  const marks = new Map(rows.map((row) => [row.verdict, row.mark]));
  const verdicts = ["holds", "holds with caveats", "does not hold as stated"].filter((verdict) => marks.has(verdict));
  const root = widgetRoot("verdict-ledger");
  root.innerHTML = `
    <div role="group" aria-label="Filter">
      <label class="gl-control"><span class="gl-label">Verdict</span><select name="verdict"><option value="all">all</option></select></label>
      <label class="gl-control"><span class="gl-label">Chapter</span><select name="chapter"><option value="0">all</option></select></label>
    </div>
    <p class="totals" role="status"></p>
    <div class="bar" aria-hidden="true"></div>
    <ol class="entries"></ol>`;
  const find = (selector) => root.querySelector(selector);
  const [verdict, chapter] = [find("[name=verdict]"), find("[name=chapter]")];
  for (const name of verdicts) verdict.add(new Option(`${marks.get(name)} ${name}`, name));
  for (const number of new Set(rows.map((row) => row.chapter))) chapter.add(new Option(String(number), number));

  const entries = rows.map((row) => {
    const item = document.createElement("li");
    item.dataset.claim = row.id;
    item.innerHTML = `<p class="head"><b></b> <span class="verdict"></span></p><p class="en"></p><p class="zh gl-muted" lang="zh"></p><p class="why"><a></a> <span></span></p>`;
    item.querySelector("b").textContent = row.id;
    item.querySelector(".verdict").textContent = `${row.mark} ${row.verdict}`;
    item.querySelector(".verdict").dataset.kind = String(["holds", "holds with caveats"].indexOf(row.verdict));
    item.querySelector(".en").textContent = row.en;
    item.querySelector(".zh").textContent = row.zh;
    Object.assign(item.querySelector("a"), { href: row.href, textContent: row.measured });
    item.querySelector(".why span").textContent = row.because;
    find(".entries").append(item);
    return item;
  });

  function refresh() {
    const shown = chosenRows(rows, model.get("verdict"), model.get("chapter"));
    verdict.value = model.get("verdict");
    chapter.value = String(model.get("chapter"));
    entries.forEach((item, i) => (item.hidden = !shown.includes(rows[i])));
    find(".totals").textContent = totals(shown, rows, verdicts);
    find(".bar").replaceChildren(
      ...verdicts.map((name) => {
        const part = document.createElement("span");
        part.dataset.kind = String(["holds", "holds with caveats"].indexOf(name));
        part.style.flexGrow = shown.filter((row) => row.verdict === name).length;
        return part;
      }),
    );
  }

  verdict.addEventListener("change", () => {
    model.set("verdict", verdict.value);
    model.save_changes();
  });
  chapter.addEventListener("change", () => {
    model.set("chapter", Number(chapter.value));
    model.save_changes();
  });
  const events = ["change:verdict", "change:chapter"];
  for (const event of events) model.on(event, refresh);
  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

export default { render };
