// An interview is plain data: what was asked, what was answered, and what follows from it.

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

/** Questions of a mode, of a level ("" for all) and of a topic ("" for all). */
export function pool(questions, mode, level, topic) {
  const fits = (q) => !(mode === "quick" && q.own) && (!level || q.level === level) && (!topic || q.topic === topic);
  return questions.filter(fits);
}

/** What to ask: what is due, what was never asked, then what went worst; easier levels before harder ones. */
export function choose(questions, count, levels, shares, due = new Set(), random = Math.random) {
  const rank = (q) => due.has(q.id) ? -2 : shares.get(q.id) ?? -1;
  const picked = shuffled(questions, random).sort((a, b) => rank(a) - rank(b)).slice(0, count);
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

/** Points by topic, weakest first, each with the questions that lost some; the first answer to a question counts. */
export function summary(session, byId, topics) {
  const rows = topics.map((topic) => ({ ...topic, got: 0, all: 0, asked: 0, missed: [] }));
  for (const entry of session.entries.filter(({ revealed, again }) => revealed && !again)) {
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
