// Vote explorer. The votes were the network's; the page adds them up, in whole thousandths, so that no digit is lost.
import { cssPercent, element, finder, setAll, uniqueName, widgetRoot, withModifier } from "../kit/dom.js";
import { formatDecimal, formatTenths, roundedQuotient } from "../kit/format.js";
import { ARROWS, cellAt, neighbour, rowColumn } from "../kit/grid.js";
import { widget } from "../kit/widget.js";

const OVER = 80; // percent of colour over the photograph where the vote is largest
const NAMES = { average: "Average", maximum: "Maximum" };
const POOLS = { average: "average pool", maximum: "maximum pool" };
const NOTES = {
  average:
    "Average pool: a position's vote is the classifier's weighted sum of all channels there, over the number of positions. " +
    "The classifier was trained on it.",
  maximum: "Maximum pool: a channel's whole weight comes from the one position where it is largest. " +
    "The classifier was trained on averages, so this logit is not calibrated.",
};

/** Thousandths as a decimal: -20 as "−0.020". */
export const plain = (thousandths) => formatDecimal(thousandths, 3);

/** The same with its sign, plus or minus; zero has none. */
export const signed = (thousandths) => `${thousandths > 0 ? "+" : ""}${plain(thousandths)}`;

/** A share in percent with one decimal, half upwards, in whole numbers as Python does. */
export const percent = (part, whole) => formatTenths(roundedQuotient(1000 * Math.abs(part), Math.abs(whole)));

/** Positions, from the largest vote down, that together hold half of the votes for. */
export function half(votes) {
  const down = votes.filter((vote) => vote > 0).sort((a, b) => b - a);
  const whole = down.reduce((sum, vote) => sum + vote, 0);
  let running = 0;
  for (let count = 0; count < down.length; count += 1) {
    running += down[count];
    if (2 * running >= whole) return count + 1;
  }
  return 0;
}

/** The votes that Python stored as bytes, and what follows from them. */
export function ballots(get) {
  const [[height, width], classes, pools, view, biases, counts] = [
    "shape",
    "classes",
    "pools",
    "votes",
    "biases",
    "counts",
  ].map(get);
  const positions = height * width;
  // Each sum is made once: a step of a control then only looks it up.
  const all = classes.map((names, p) =>
    pools.map((_, q) =>
      names.map((_, k) => {
        const start = ((p * pools.length + q) * names.length + k) * positions;
        const votes = Array.from({ length: positions }, (_, i) => view.getInt32(4 * (start + i), true));
        const [more, less] = [1, -1].map((sign) =>
          votes.reduce((sum, vote) => (sign * vote > 0 ? sum + vote : sum), 0)
        );
        const bias = biases[p][k];
        const [supporters, opponents] = counts[p][q][k];
        return { votes, more, less, bias, logit: more + less + bias, supporters, opponents, half: half(votes) };
      })
    )
  );
  return (photograph, pool) => all[photograph][pools.indexOf(pool)];
}

/** What a position votes, in words. */
export function vote({ votes, more, less }, cell) {
  const value = votes[cell];
  const share = value && `${percent(value, value < 0 ? less : more)} % of the votes ${value < 0 ? "against" : "for"}`;
  return [signed(value), share || "under 0.001 either way"];
}

/** The two sentences that Python gives in `describe()`: the position's and the sum's. */
export function sentences(names, ballot, { pool, cell, width }) {
  const [value, share] = vote(ballot, cell);
  const [row, column] = rowColumn(cell, width);
  const place = `${names[0]}, ${names[1]}, ${POOLS[pool]}: row ${row + 1}, column ${column + 1}`;
  return [
    ballot.votes[cell] ? `${place} votes ${value}, ${share}.` : `${place} votes ${value}.`,
    `Votes for ${
      signed(ballot.more)
    } from ${ballot.supporters} of ${ballot.votes.length} positions, half of that from ` +
    `${ballot.half}; votes against ${signed(ballot.less)} from ${ballot.opponents}; bias ${signed(ballot.bias)}: ` +
    `logit ${plain(ballot.logit)}.`,
  ];
}

const TEMPLATE = `
  <fieldset class="photographs"><legend class="gl-label">Photograph</legend><div class="strip"></div></fieldset>
  <fieldset class="pools"><legend class="gl-label">Pool</legend></fieldset>
  <div class="split">
    <div class="where">
      <p class="gl-label">Votes <span class="gl-muted">point, tap or arrow keys</span></p>
      <div class="map">
        <div class="grey" aria-hidden="true"></div><div class="lens" aria-hidden="true"></div>
        <div class="cells" role="grid"></div>
      </div>
      <p class="one"><b class="vote"></b> <span class="share"></span> <span class="place gl-muted"></span></p>
      <div class="gl-scale scale"><span class="low"></span><i aria-hidden="true"></i><span class="high"></span></div>
      <p class="scale-words gl-muted"><span>against</span><span>no vote</span><span>for</span></p>
      <div class="showing">
        <label><input type="checkbox" class="numbers" checked /> Numbers</label>
        <label><input type="checkbox" class="colours" checked /> Colours</label>
      </div>
    </div>
    <div class="choice">
      <fieldset class="classes"><legend class="gl-label">Class <span class="gl-muted">and its logit</span></legend></fieldset>
      <table class="gl-table pools-table" aria-label="The class under each pool">
        <thead><tr><th scope="col">Under each pool</th></tr></thead><tbody></tbody>
      </table>
    </div>
  </div>
  <p class="gl-label">The votes add up</p>
  <table class="gl-table sum" aria-label="The votes and the bias add up to the logit"><tbody></tbody></table>
  <p class="result"><span class="cell-says"></span> <span class="sum-says" aria-live="polite" aria-atomic="true"></span></p>
  <p class="gl-muted"><span class="of-pool"></span> Each position sees more of the photograph than its own square. Colours and bars
    keep one scale for all classes of a photograph and pool.</p>
`;

const ROWS = [
  ["more", "Votes for"],
  ["less", "Votes against"],
  ["bias", "Bias"],
  ["logit", "Logit"],
];

/** @type {[name: string, tell: (ballot: any) => string][]} */
const COMPARED = [
  ["Positions that vote", (ballot) => `${ballot.supporters + ballot.opponents} of ${ballot.votes.length}`],
  ["Half of “for” comes from", (ballot) => `${ballot.half}`],
  ["Largest vote", (ballot) => signed(Math.max(...ballot.votes))],
  ["Logit", (ballot) => plain(ballot.logit)],
];

const STATE = ["photograph", "category", "pool", "cell"];

function build(model) {
  const get = (name) => model.get(name);
  const [names, pictures, classes, pools, size] = ["names", "pictures", "classes", "pools", "shape"].map(get);
  const root = widgetRoot("vote-explorer", TEMPLATE);
  const find = finder(root);
  const cells = buildSpots(find(".cells"), size);
  const [high, wide] = size;
  Object.assign(find(".lens").style, {
    width: `${100 / wide}%`,
    height: `${100 / high}%`,
    backgroundSize: `${100 * wide}% ${100 * high}%`,
  });
  return {
    ...{ root, find, names, pictures, classes, pools, size, cells, ballotsOf: ballots(get) },
    photographs: buildPhotographs(find(".strip"), names, pictures),
    poolRadios: buildRadios(find(".pools"), pools.map((pool) => NAMES[pool]), "pool"),
    ...buildClasses(find(".classes"), classes[0]),
    sum: buildSum(find(".sum tbody"), cells.length),
    compared: buildCompared(find(".pools-table"), pools),
  };
}

/** A radio button for each name, within its label. */
function buildRadios(parent, names, className) {
  // Two widgets on a page, each a module of its own, must not share a name.
  const name = uniqueName(className);
  return names.map((text) => {
    const input = element("input", { type: "radio", name });
    parent.append(element("label", { className }, input, element("span", { className: "name" }, text)));
    return input;
  });
}

function buildPhotographs(strip, names, pictures) {
  const radios = buildRadios(strip, names, "photograph");
  radios.forEach((input, i) => {
    // Not an <img>: the book's themes put paper under those in the dark.
    input.after(element("span", { className: "picture", style: `background-image: url("${pictures[i]}")` }));
  });
  return radios;
}

function buildClasses(parent, names) {
  const classRadios = buildRadios(parent, names, "kind");
  const logits = classRadios.map(() => element("span", { className: "logit" }));
  classRadios.forEach((input, k) => input.parentElement.append(logits[k]));
  // The last class of every photograph is a wrong one.
  const last = classRadios.at(-1).parentElement;
  last.classList.add("wrong");
  last.querySelector(".name").dataset.note = "(wrong)";
  return { classRadios, logits };
}

function buildSpots(grid, [high, wide]) {
  grid.style.gridTemplate = `repeat(${high}, minmax(0, 1fr)) / repeat(${wide}, minmax(0, 1fr))`;
  const cell = () => element("div", { className: "spot", role: "gridcell", "aria-selected": "false", tabIndex: -1 });
  const rows = Array.from({ length: high }, () => Array.from({ length: wide }, cell));
  grid.append(...rows.map((row) => element("div", { role: "row" }, ...row)));
  return rows.flat();
}

/** The rows of the sum, each with its bar; the bar of the votes for holds the parts until they are drawn. */
function buildSum(body, positions) {
  const rows = {};
  for (const [key, name] of ROWS) {
    const count = element("span", { className: "gl-muted count" });
    const bar = element("div", { className: "bar", "aria-hidden": "true" });
    const value = element("b", { className: "value" });
    const heading = element("th", { scope: "row" }, name, count);
    body.append(element("tr", { className: key }, heading, element("td", {}, bar), element("td", {}, value)));
    rows[key] = { bar, count, value };
  }
  for (const key of ["bias", "logit"]) rows[key].bar.append(element("div", { className: "whole" }));
  const parts = Array.from({ length: positions }, (_, i) => element("div", { className: "part", "data-cell": i }));
  rows.more.bar.append(...parts);
  return { ...rows, parts };
}

function buildCompared(table, pools) {
  table.tHead.rows[0].append(...pools.map((pool) => element("th", { scope: "col" }, NAMES[pool])));
  return COMPARED.map(([name, tell]) => {
    const cells = pools.map(() => element("td"));
    table.tBodies[0].append(element("tr", {}, element("th", { scope: "row" }, name), ...cells));
    return { tell, cells };
  });
}

function draw(view, state, before) {
  const { find, classes, names, pools, photographs, classRadios, poolRadios } = view;
  const differs = (...keys) => keys.some((key) => state[key] !== before[key]);
  const all = view.ballotsOf(state.photograph, state.pool);
  const ballot = all[state.category];
  if (differs("photograph")) drawPhotograph(view, state);
  if (differs("photograph", "pool")) drawClasses(view, state, all);
  if (differs("photograph", "category", "pool")) {
    const scale = scaleOf(all);
    drawVotes(view, state, ballot, scale.limit);
    drawSum(view.sum, ballot, scale);
    drawCompared(view, state);
    photographs[state.photograph].checked = true;
    classRadios[state.category].checked = true;
    poolRadios[pools.indexOf(state.pool)].checked = true;
    find(".of-pool").textContent = NOTES[state.pool];
  }
  if (differs("cell")) drawChosen(view, state.cell, before.cell);
  drawVote(find, ballot, state.cell);
  const words = [names[state.photograph], classes[state.photograph][state.category]];
  const [cellSays, sumSays] = sentences(words, ballot, { ...state, width: view.size[1] });
  find(".cell-says").textContent = cellSays;
  // Else a screen reader would hear the same sum at every step.
  if (find(".sum-says").textContent !== sumSays) find(".sum-says").textContent = sumSays;
}

/** Of one photograph and pool: the largest size of a vote, and the ends of the axis; classes can then be compared. */
function scaleOf(all) {
  const limit = Math.max(...all.map(({ votes }) => Math.max(...votes.map(Math.abs)))) || 1;
  const ends = all.flatMap(({ more, less, logit }) => [0, more, more + less, logit]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return { limit, low, span: high - low || 1 };
}

function drawPhotograph({ find, pictures }, { photograph }) {
  for (const part of [".grey", ".lens"]) find(part).style.backgroundImage = `url("${pictures[photograph]}")`;
}

function drawClasses({ classes, classRadios, logits }, { photograph }, all) {
  const top = Math.max(...all.map(({ logit }) => logit), 1);
  all.forEach(({ logit }, k) => {
    const label = classRadios[k].parentElement;
    label.querySelector(".name").textContent = classes[photograph][k];
    logits[k].textContent = plain(logit);
    label.style.setProperty("--share", `${Math.max((100 * logit) / top, 0)}%`);
  });
}

function drawVotes({ find, cells, classes, size }, { photograph, category }, ballot, limit) {
  cells.forEach((cell, i) => {
    const [value, [row, column]] = [ballot.votes[i], rowColumn(i, size[1])];
    cell.textContent = value ? plain(value) : "0";
    cell.setAttribute("aria-label", `row ${row + 1}, column ${column + 1}: ${vote(ballot, i).join(", ")}`);
    cell.dataset.sign = Math.sign(value);
    cell.style.setProperty("--strength", `${((OVER * Math.abs(value)) / limit).toFixed(1)}%`);
  });
  find(".low").textContent = plain(-limit);
  find(".high").textContent = signed(limit);
  const wrong = category === classes[photograph].length - 1 ? ", a wrong class" : "";
  const label = `Votes of ${cells.length} positions for ${classes[photograph][category]}${wrong}`;
  find(".cells").setAttribute("aria-label", label);
}

/** A waterfall: each bar starts where the last one ended. */
function drawSum(sum, ballot, { low, span }) {
  const { more, less, logit } = ballot;
  const at = (value) => cssPercent((value - low) / span);
  const place = (part, from, to) => {
    part.style.left = at(Math.min(from, to));
    part.style.width = cssPercent(Math.abs(to - from) / span);
  };
  drawParts(sum, ballot, place);
  place(sum.bias.bar.firstChild, more + less, logit);
  place(sum.logit.bar.firstChild, 0, logit);
  for (const [key] of ROWS) {
    sum[key].bar.style.setProperty("--zero", at(0));
    sum[key].value.textContent = key === "logit" ? plain(logit) : signed(ballot[key]);
  }
  sum.more.count.textContent = ` from ${ballot.supporters}`;
  sum.less.count.textContent = ` from ${ballot.opponents}`;
}

/** Lay the votes in the bars for and against, largest first. */
function drawParts({ parts, more, less }, { votes, more: top }, place) {
  const order = [...votes.keys()].sort((a, b) => Math.abs(votes[b]) - Math.abs(votes[a]) || a - b);
  for (const part of parts) part.hidden = true;
  for (const [bar, sign, start] of [[more.bar, 1, 0], [less.bar, -1, top]]) {
    let running = start;
    order.filter((cell) => Math.sign(votes[cell]) === sign).forEach((cell, i) => {
      const part = parts[cell];
      part.hidden = false;
      part.className = i % 2 ? "part odd" : "part";
      place(part, running, running + votes[cell]);
      running += votes[cell];
      bar.append(part);
    });
  }
}

function drawCompared({ pools, compared, ballotsOf }, { photograph, category, pool }) {
  pools.forEach((name, q) => {
    const ballot = ballotsOf(photograph, name)[category];
    for (const { tell, cells } of compared) {
      cells[q].textContent = tell(ballot);
      cells[q].classList.toggle("chosen", name === pool);
    }
  });
}

/** Put the lens, the focus and the mark in the bar on the chosen position. */
function drawChosen({ find, cells, sum, size: [high, wide] }, cell, before) {
  const old = cells[before];
  if (old) {
    setAll(old, { tabindex: -1, "aria-selected": "false" });
    delete sum.parts[before].dataset.chosen;
  }
  setAll(cells[cell], { tabindex: 0, "aria-selected": "true" });
  sum.parts[cell].dataset.chosen = "";
  if (old && find(".cells").contains(document.activeElement)) cells[cell].focus({ preventScroll: true });
  const [row, column] = rowColumn(cell, wide);
  Object.assign(find(".lens").style, {
    left: `${(100 * column) / wide}%`,
    top: `${(100 * row) / high}%`,
    backgroundPosition: `${(100 * column) / (wide - 1 || 1)}% ${(100 * row) / (high - 1 || 1)}%`,
  });
  find(".place").textContent = `row ${row + 1}, column ${column + 1}`;
}

function drawVote(find, ballot, cell) {
  const [value, share] = vote(ballot, cell);
  find(".vote").textContent = value;
  find(".vote").dataset.sign = Math.sign(ballot.votes[cell]);
  find(".share").textContent = share;
}

function listen({ find, pools, size, photographs, classRadios, poolRadios }, { now, choose }) {
  photographs.forEach((input, photograph) => input.addEventListener("input", () => choose({ photograph })));
  classRadios.forEach((input, category) => input.addEventListener("input", () => choose({ category })));
  poolRadios.forEach((input, i) => input.addEventListener("input", () => choose({ pool: pools[i] })));
  const grid = find(".cells");
  grid.addEventListener("keydown", (event) => {
    const { cell } = now();
    const row = cell - (cell % size[1]);
    const step = ARROWS[event.key];
    const to = step ? neighbour(cell, step, size) : { Home: row, End: row + size[1] - 1 }[event.key];
    if (withModifier(event) || to === undefined) return;
    event.preventDefault(); // the page would scroll
    choose({ cell: to });
  });
  for (const event of ["pointermove", "pointerdown"]) {
    // A finger keeps the element that it touched first, so the cell comes from the place.
    grid.addEventListener(event, (at) => choose({ cell: cellAt(at, grid, size) }));
    find(".sum").addEventListener(event, ({ target }) => {
      if (target.dataset.cell) choose({ cell: Number(target.dataset.cell) });
    });
  }
}

export default widget(STATE, { build, draw, listen });
