// Searches the whole book in the page, so that it works from the disk too; MiniSearch ranks what is found.

/** @typedef {{id: number, page: string, title: string, place: string, heading: string, text: string}} Passage */
/** @typedef {Passage & {terms: string[], score: number}} Hit */
const { searchTexts, MiniSearch } = /** @type {any} */ (globalThis);

const WORDS = /\d+(?:[.,]\d+)*|\p{Script=Han}+|[\p{L}\p{N}_]+?(?=\p{Script=Han}|[^\p{L}\p{N}_]|$)/gu;
const SHOWN = 30;
const AROUND = 90; // letters of a quotation on each side of the word that was found

/** Words and whole numbers; of Chinese, which has no blanks, every pair of signs. @param {string} text */
const tokenize = (text) =>
  (text.match(WORDS) ?? []).flatMap((word) =>
    /\p{Script=Han}/u.test(word) && word.length > 2 ? Array.from(word.slice(1), (sign, at) => word[at] + sign) : [word]
  );

/** A plural is found by its singular. @param {string} term */
const processTerm = (term) => term.toLowerCase().replace(/(?<=[a-z]{3}[^s\W])s$/, "");

/** @type {Passage[]} */
const passages = searchTexts.map(([page, title, place, heading, text], id) => (
  { id, page, title, place, heading, text }
));

const index = new MiniSearch({
  fields: ["title", "heading", "text"],
  storeFields: ["page"],
  tokenize,
  processTerm,
  searchOptions: {
    boost: { title: 2, heading: 3 },
    // The front page says in short what the pages say that it leads to.
    boostDocument: (/** @type {number} */ id) => (passages[id].page === "index.html" ? 0.5 : 1),
    // The beginning of a long word finds it; of a number only all of it does.
    prefix: (/** @type {string} */ term) => term.length > 3 && !/^\d/.test(term),
  },
});
index.addAll(passages);

/** All passages that hold every word, else those that hold any. @param {string} query @returns {Hit[]} */
const find = (query) => {
  const all = index.search(query, { combineWith: "AND" });
  return (all.length ? all : index.search(query)).map((hit) => ({ ...passages[hit.id], ...hit }));
};

/** @param {string} tag @param {string} className @param {(string | Node)[]} inside */
const element = (tag, className, ...inside) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...inside);
  return made;
};

/** What a passage says around the first place at which the most is found. @param {Hit} hit */
const quotation = ({ text, terms }) => {
  const words = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(${words.sort((a, b) => b.length - a.length).join("|")})`, "giu");
  const places = [...text.matchAll(pattern)].map((match) => match.index);
  const near = (place) => places.filter((other) => other >= place && other < place + AROUND).length;
  const best = places.reduce((one, other) => (near(other) > near(one) ? other : one), places[0] ?? 0);
  const start = best > AROUND ? text.indexOf(" ", best - AROUND) + 1 : 0;
  const from = start > best ? best : start;
  const cut = text.slice(from, best + 2 * AROUND).replace(/ \S*$/, "");
  const marked = cut.split(pattern).map((part, at) => (at % 2 ? element("mark", "", part) : part));
  return element("p", "", from ? "… " : "", ...marked, from + cut.length < text.length ? " …" : "");
};

/** @param {Hit} hit */
const result = (hit) => {
  const link = /** @type {HTMLAnchorElement} */ (element("a", "", hit.heading || hit.title));
  link.href = `${hit.page}#${hit.place}`;
  const where = hit.heading === hit.title ? [] : [element("span", "gaplab-where", hit.title)];
  return element("li", "", link, ...where, quotation(hit));
};

const query = new URLSearchParams(location.search).get("q")?.trim() ?? "";
const results = document.getElementById("search-results");
if (query) {
  for (const field of document.querySelectorAll(".bd-search input")) {
    /** @type {HTMLInputElement} */ (field).value = query;
  }
  const hits = find(query);
  const counted = hits.length === 1 ? "1 passage" : `${hits.length} passages`;
  const more = hits.length > SHOWN ? `, of which these are the ${SHOWN} best` : "";
  const said = hits.length ? `Search finished: ${counted}${more}.` : `Search finished: nothing says “${query}”.`;
  const status = element("p", "", said);
  status.setAttribute("role", "status");
  results.append(status, element("ol", "gaplab-results", ...hits.slice(0, SHOWN).map(result)));
}
