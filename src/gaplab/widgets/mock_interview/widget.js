// Mock interview. A session is plain data: it is kept in the browser as it is, and every screen is drawn from it.

const KEY = "gaplab-mock-interview";
const KEPT_SESSIONS = 50;
const PASSED = 0.7; // of a topic's points: below it, the summary sends the reader back to the topic

/** A copy in random order. */
export function shuffled(list, random = Math.random) {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/** Points of one answered question, and how many there were to have. */
export function points(entry, question, mode) {
  if (mode === "quick") return [entry.chosen === 0 ? 1 : 0, 1];
  return [entry.ticked.length, question.rubric.length];
}

/** The latest share of points of each question that was ever answered, by id. */
export function latest(done, byId) {
  const shares = new Map();
  for (const { mode, entries } of done) {
    for (const entry of entries) {
      if (!entry.revealed || !byId.has(entry.id)) continue;
      const [got, all] = points(entry, byId.get(entry.id), mode);
      shares.set(entry.id, got / all);
    }
  }
  return shares;
}

/** Questions of a level ("" for all) and of a topic ("" for all). */
export function pool(questions, level, topic) {
  return questions.filter((q) => (!level || q.level === level) && (!topic || q.topic === topic));
}

/** What to ask: first what was never asked, then what went worst; easier levels before harder ones. */
export function choose(questions, count, levels, shares, random = Math.random) {
  const share = (q) => shares.get(q.id) ?? -1;
  const picked = shuffled(questions, random).sort((a, b) => share(a) - share(b)).slice(0, count);
  return picked.sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

/** The follow-ups that ticked points lead to: those that probe what was missed, or the harder one if nothing was. */
export function followUps(question, ticked) {
  const all = question.follow_ups;
  const missed = question.rubric.map((_, i) => i + 1).filter((number) => !ticked.includes(number));
  if (!missed.length) {
    const beyond = all.filter((f) => !f.probes.length);
    return beyond.length ? beyond : all.slice(-1);
  }
  const probing = all.filter((f) => f.probes.some((number) => missed.includes(number)));
  return probing.length ? probing : all.filter((f) => f.probes.length).slice(0, 1);
}

/** Points by topic, weakest first, each with the questions that lost some. */
export function summary(session, byId, topics) {
  const rows = topics.map((topic) => ({ ...topic, got: 0, all: 0, asked: 0, missed: [] }));
  for (const entry of session.entries.filter((each) => each.revealed)) {
    const question = byId.get(entry.id);
    const row = rows.find((each) => each.name === question.topic);
    const [got, all] = points(entry, question, session.mode);
    row.asked += 1;
    row.got += got;
    row.all += all;
    if (got < all) row.missed.push(question);
  }
  return rows.filter((row) => row.asked).sort((a, b) => a.got / a.all - b.got / b.all);
}

/** Seconds as minutes and seconds: 65 as "1:05". */
export function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The reader's progress: in the browser's storage where there is one, and in memory all the same. */
function openStore(byId, complain) {
  const empty = () => ({ version: 1, current: null, done: [] });
  let data = empty();
  const known = (session) => session?.entries?.length && session.entries.every((entry) => byId.has(entry.id));
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    if (found?.version === 1) {
      // A question may have left the bank since.
      data = { version: 1, current: known(found.current) ? found.current : null, done: found.done.filter(known) };
    }
  } catch {
    complain();
  }
  const write = (act) => {
    try {
      act();
      complain("");
    } catch {
      complain();
    }
  };
  return {
    data: () => data,
    save() {
      data.done = data.done.slice(-KEPT_SESSIONS);
      write(() => localStorage.setItem(KEY, JSON.stringify(data)));
    },
    clear() {
      data = empty();
      write(() => localStorage.removeItem(KEY));
    },
  };
}

/** An element with properties and children; text is text, never markup. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const heading = (text) => make("h2", { tabIndex: -1 }, text);
const button = (text, onclick, className = "") => make("button", { type: "button", onclick, className }, text);
const buttons = (...all) => make("div", { className: "buttons" }, ...all);
const link = (text, href) => make("a", { href }, text);

function render({ model, el }) {
  const questions = model.get("questions");
  const topics = model.get("topics");
  const levels = model.get("levels");
  const lengths = model.get("lengths");
  const target = model.get("target");
  const levelTitle = new Map(levels);
  const byId = new Map(questions.map((question) => [question.id, question]));
  const topicTitle = new Map(topics.map(({ name, title }) => [name, title]));
  const unique = Math.random().toString(36).slice(2); // names of radio buttons must be this widget's own

  const root = widgetRoot("mock-interview");
  const screen = make("div");
  const notice = make("p", { className: "gl-muted notice", role: "status" });
  root.append(screen, notice);
  const store = openStore(byId, (text = "This browser keeps nothing for this page: export your progress before you leave it.") => {
    if (notice.textContent !== text) notice.textContent = text;
  });

  let timer = null;
  function show(parts, focus = true) {
    clearInterval(timer);
    screen.replaceChildren(...parts);
    if (focus) screen.querySelector("h2").focus();
  }

  // The start --------------------------------------------------------------------------------------------------------

  function start(focus = true) {
    const { current } = store.data();
    const radio = (value, text, checked) =>
      make("label", { className: "line" }, make("input", { type: "radio", name: `mode-${unique}`, value, checked }), text);
    const modes = make(
      "fieldset",
      {},
      make("legend", {}, "Mode"),
      radio("full", "Full: answer, tick the rubric, take the follow-ups", true),
      radio("quick", "Quick: choose among four sentences", false),
    );
    const level = make("select", { name: "level" }, new Option("All levels", ""), ...levels.map(([name, title]) => new Option(title, name)));
    const length = make(
      "select",
      { name: "length" },
      ...lengths.map((count) => new Option(`${count} questions`, count)),
      make("optgroup", { label: "A whole topic" }, ...topics.map(({ name, title }) => new Option(title, name))),
    );
    const offered = make("p", { className: "gl-muted offered", role: "status" });
    const chosen = () => {
      const topic = topicTitle.has(length.value) ? length.value : "";
      const all = pool(questions, level.value, topic);
      return { all, count: topic ? all.length : Math.min(Number(length.value), all.length) };
    };
    const count = () => {
      const { all, count: asked } = chosen();
      offered.textContent = `${asked} of ${all.length} matching questions; what you have not had yet comes first.`;
    };
    for (const select of [level, length]) select.addEventListener("change", count);
    count();
    const begin = () => {
      const { all, count: asked } = chosen();
      const mode = modes.querySelector("input:checked").value;
      leave();
      const picked = choose(all, asked, [...levelTitle.keys()], latest(store.data().done, byId));
      store.data().current = {
        mode,
        started: new Date().toISOString(),
        at: 0,
        entries: picked.map(({ id }) => ({
          id,
          seconds: 0,
          revealed: false,
          ...(mode === "quick" ? { order: shuffled([0, 1, 2, 3]), chosen: null } : { typed: "", ticked: [] }),
        })),
      };
      store.save();
      draw();
    };
    const field = (text, control) => make("label", { className: "gl-control" }, make("span", { className: "gl-label" }, text), control);
    const parts = [heading("Your interview"), modes, field("Level", level), field("Length", length), offered];
    const resume = current && button(`Continue at question ${current.at + 1} of ${current.entries.length}`, draw, "main");
    const row = resume ? buttons(resume, button("Start another", begin)) : buttons(button("Start", begin, "main"));
    show([...parts, row, progress()], focus);
  }

  function progress() {
    const shares = latest(store.data().done, byId);
    const full = [...shares.values()].filter((share) => share === 1).length;
    const said = shares.size
      ? `Answered so far: ${shares.size} of ${questions.length} questions, ${full} of them without a gap.`
      : `${questions.length} questions are waiting. What you answer is kept in this browser only.`;
    const row = buttons(button("Export progress", save), button("Clear progress", ask));
    const box = make("div", { className: "kept" }, make("p", { className: "gl-muted" }, said), row);
    function ask() {
      const yes = button("Yes, clear it", () => {
        store.clear();
        start();
      });
      const no = button("No, keep it", () => {
        row.replaceChildren(button("Export progress", save), button("Clear progress", ask));
        row.lastChild.focus();
      });
      const all = make("p", { id: `sure-${unique}` }, "All answers and scores in this browser will be gone.");
      yes.setAttribute("aria-describedby", all.id);
      row.replaceChildren(all, yes, no);
      yes.focus();
    }
    return box;
  }

  function save() {
    const text = JSON.stringify({ exported: new Date().toISOString(), ...store.data() }, null, 2);
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href, download: "mock-interview.json" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }

  // A question -------------------------------------------------------------------------------------------------------

  function draw() {
    const session = store.data().current;
    const entry = session.entries[session.at];
    const question = byId.get(entry.id);
    if (session.mode === "quick") quick(session, entry, question);
    else if (entry.revealed) answer(session, entry, question);
    else full(session, entry, question);
  }

  function place(session, question) {
    const where = `Question ${session.at + 1} of ${session.entries.length}`;
    return `${where} · ${levelTitle.get(question.level)} · ${topicTitle.get(question.topic)}`;
  }

  function clock(session, entry) {
    const shown = make("span", { className: "clock", role: "timer" });
    const from = Date.now() - 1000 * entry.seconds;
    const tick = () => {
      entry.seconds = Math.floor((Date.now() - from) / 1000);
      const over = session.mode === "full" && entry.seconds > target ? ", over half a minute" : "";
      shown.textContent = `${minutes(entry.seconds)}${over}`;
    };
    tick();
    return { shown, run: () => (timer = setInterval(tick, 1000)) };
  }

  const bar = (...children) => make("p", { className: "bar gl-muted" }, ...children);

  function full(session, entry, question) {
    const { shown, run } = clock(session, entry);
    const typed = make("textarea", { id: `typed-${unique}`, value: entry.typed });
    typed.addEventListener("input", () => {
      entry.typed = typed.value;
      store.save();
    });
    const reveal = () => {
      entry.revealed = true;
      store.save();
      draw();
    };
    show([
      bar(make("span", {}, place(session, question)), shown),
      heading(question.ask),
      make("label", { for: typed.id }, "Your answer, aloud or in writing (it stays in this browser)"),
      typed,
      buttons(button("Show the answer", reveal, "main"), button("End the interview", finish)),
    ]);
    run();
  }

  function answer(session, entry, question) {
    const region = make("div", { className: "follow-ups" });
    const ticks = make("fieldset", {}, make("legend", {}, "Tick what you said"));
    question.rubric.forEach((text, i) => {
      const input = make("input", { type: "checkbox", checked: entry.ticked.includes(i + 1) });
      input.addEventListener("change", () => {
        const rest = entry.ticked.filter((number) => number !== i + 1);
        entry.ticked = input.checked ? [...rest, i + 1].sort() : rest;
        store.save();
        if (entry.followed) ask();
      });
      ticks.append(make("label", { className: "line" }, input, make("span", {}, text)));
    });
    function ask() {
      const missed = question.rubric.length - entry.ticked.length;
      const points = missed === 1 ? "point" : `${missed} points`;
      const title = missed ? `Follow-up on the ${points} that you did not tick` : "All ticked: the harder follow-up";
      const folds = followUps(question, entry.ticked).map((f) =>
        make("details", {}, make("summary", {}, f.ask), make("p", {}, f.answer)),
      );
      region.replaceChildren(make("h3", { tabIndex: -1 }, title), ...folds);
    }
    const follow = button("Ask me the follow-up", () => {
      entry.followed = true;
      store.save();
      ask();
      region.querySelector("h3").focus();
      row.remove();
    });
    const row = buttons(follow);
    if (entry.followed) ask();
    const own = entry.typed.trim() ? [make("h3", {}, "Your answer"), make("p", { className: "typed" }, entry.typed.trim())] : [];
    show([
      bar(make("span", {}, place(session, question)), make("span", { className: "clock" }, minutes(entry.seconds))),
      heading(question.ask),
      make("h3", {}, "The answer in 30 seconds"),
      make("p", { className: "answer" }, question.short),
      more(question),
      ...own,
      ticks,
      ...(entry.followed ? [] : [row]),
      region,
      buttons(...onward(session)),
    ]);
  }

  function more(question) {
    const links = [link("The full answer", question.href), " · ", link(`Its proof in chapter ${question.chapter}`, question.proof)];
    return make("p", { className: "gl-muted" }, ...links);
  }

  function onward(session) {
    const last = session.at + 1 === session.entries.length;
    const next = () => {
      session.at += 1;
      store.save();
      draw();
    };
    return last ? [button("Show the summary", finish, "main")] : [button("Next question", next, "main"), button("End the interview", finish)];
  }

  function quick(session, entry, question) {
    const options = [{ says: question.right, why: "" }, ...question.wrong.slice(0, 3)];
    const { shown, run } = clock(session, entry);
    const list = make("div", { role: "group", "aria-label": "Choose the right answer" });
    const after = make("div");
    for (const position of entry.order) {
      const choice = button(options[position].says, () => pick(position), "choice");
      choice.dataset.position = position;
      list.append(choice);
    }
    function pick(position) {
      entry.chosen = position;
      entry.revealed = true;
      store.save();
      clearInterval(timer);
      settle(true);
    }
    function settle(focus) {
      for (const choice of list.children) {
        const position = Number(choice.dataset.position);
        choice.disabled = true;
        if (position === 0) choice.classList.add("right");
        else if (position === entry.chosen) choice.classList.add("wrong");
        if (position === 0 || position === entry.chosen) choice.prepend(make("b", {}, position === 0 ? "Right: " : "Your choice: "));
      }
      const right = entry.chosen === 0;
      const reason = right ? question.short : options[entry.chosen].why;
      after.replaceChildren(
        make("h3", { tabIndex: -1 }, right ? "Right" : "No"),
        make("p", { className: `answer said ${right ? "right" : "wrong"}` }, reason),
        more(question),
        buttons(...onward(session)),
      );
      if (focus) after.querySelector("h3").focus();
    }
    show([bar(make("span", {}, place(session, question)), shown), heading(question.ask), list, after]);
    if (entry.revealed) settle(false);
    else {
      after.append(buttons(button("End the interview", finish)));
      run();
    }
  }

  // The summary ------------------------------------------------------------------------------------------------------

  /** Put the interview in hand, if there is one, among those that are done: its answered questions count. */
  function leave() {
    const { current, done } = store.data();
    if (!current) return null;
    current.entries = current.entries.filter((entry) => entry.revealed);
    if (current.entries.length) done.push(current);
    store.data().current = null;
    store.save();
    return current.entries.length ? current : null;
  }

  function finish() {
    const current = leave();
    if (!current) return start();
    const rows = summary(current, byId, topics);
    const [got, all] = rows.reduce(([a, b], row) => [a + row.got, b + row.all], [0, 0]);
    const seconds = current.entries.reduce((sum, entry) => sum + entry.seconds, 0);
    const mean = minutes(Math.round(seconds / current.entries.length));
    const what = current.mode === "quick" ? "right" : "points";
    const body = make("tbody");
    for (const row of rows) {
      const cells = [row.asked, `${row.got} of ${row.all}`].map((text) => make("td", {}, String(text)));
      body.append(make("tr", {}, make("th", { scope: "row" }, row.title), ...cells));
    }
    const columns = ["Topic", "Questions", what === "right" ? "Right" : "Points"];
    const table = make("table", { className: "gl-table", "aria-label": "Score by topic" });
    table.append(make("thead", {}, make("tr", {}, ...columns.map((text) => make("th", { scope: "col" }, text)))), body);
    show([
      heading("How it went"),
      make("p", { className: "result" }, `${got} of ${all} ${what}, ${mean} a question on average.`),
      table,
      ...reading(rows),
      buttons(button("Another interview", () => start(), "main"), button("Export progress", save)),
    ]);
  }

  function reading(rows) {
    const weak = rows.filter((row) => row.got / row.all < PASSED);
    const parts = [make("h3", {}, "Read next")];
    if (!rows.some((row) => row.missed.length)) {
      const aloud = link("say the answers aloud", "say_aloud.html");
      return [...parts, make("p", {}, "Nothing was missed. Take the next level, or ", aloud, ".")];
    }
    for (const row of rows.filter((each) => each.missed.length)) {
      const items = row.missed.map((question) => {
        const proof = link(`proof in chapter ${question.chapter}`, question.proof);
        proof.setAttribute("aria-label", `Proof in chapter ${question.chapter}: ${question.ask}`);
        return make("li", {}, link(question.ask, question.href), " (", proof, ")");
      });
      const topic = link(row.title.toLowerCase().replace(/^nin /, "NIN "), row.href);
      const lead = weak.includes(row) ? ["All the questions on ", topic, ", these first:"] : ["A gap or two in ", topic, ":"];
      parts.push(make("p", {}, ...lead), make("ul", {}, ...items));
    }
    return parts;
  }

  start(false);
  el.replaceChildren(root);
  return () => clearInterval(timer);
}

export default { render };
