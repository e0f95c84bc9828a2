// Vote explorer. The votes were the network's; the page adds them up, in whole thousandths, so that no digit is lost.

const STEP = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const OVER = 80; // percent of colour over the photograph where the vote is largest
const NAMES = { average: "Average", maximum: "Maximum" };
const NOTES = {
  average:
    "Average pool: a position's vote is the classifier's weighted sum of all channels there, over the number of positions. " +
    "The classifier was trained on it.",
  maximum:
    "Maximum pool: a channel's whole weight comes from the one position where it is largest. The classifier was trained on " +
    "averages, so this logit is not calibrated.",
};

/** Thousandths as a decimal: -20 as "−0.020". */
export function plain(value) {
  const size = Math.abs(value);
  return `${value < 0 ? "−" : ""}${Math.floor(size / 1000)}.${String(size % 1000).padStart(3, "0")}`;
}

/** The same with its sign, plus or minus; zero has none. */
export function signed(value) {
  return `${value > 0 ? "+" : ""}${plain(value)}`;
}

/** A share in percent with one decimal, half upwards, in whole numbers as Python does. */
export function percent(part, whole) {
  const [a, b] = [Math.abs(part), Math.abs(whole)];
  const tenths = Math.floor((2000 * a + b) / (2 * b));
  return `${Math.floor(tenths / 10)}.${tenths % 10}`;
}

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
  const [[height, width], classes, pools, view, biases, counts] = ["shape", "classes", "pools", "votes", "biases", "counts"].map(get);
  const positions = height * width;
  // Each sum is made once: a step of a control then only looks it up.
  const all = classes.map((names, p) =>
    pools.map((_, q) =>
      names.map((_, k) => {
        const start = ((p * pools.length + q) * names.length + k) * positions;
        const votes = Array.from({ length: positions }, (_, i) => view.getInt32(4 * (start + i), true));
        const [more, less] = [1, -1].map((sign) => votes.reduce((sum, vote) => (sign * vote > 0 ? sum + vote : sum), 0));
        const bias = biases[p][k];
        const [supporters, opponents] = counts[p][q][k];
        return { votes, more, less, bias, logit: more + less + bias, supporters, opponents, half: half(votes) };
      }),
    ),
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
export function sentences(names, ballot, { photograph, pool, cell, width }) {
  const [value, share] = vote(ballot, cell);
  const tail = ballot.votes[cell] ? `, ${share}` : "";
  return [
    `${names[0]}, ${names[1]}, ${pool} pool: row ${Math.floor(cell / width) + 1}, column ${(cell % width) + 1} votes ${value}${tail}.`,
    `Votes for ${signed(ballot.more)} from ${ballot.supporters} of ${ballot.votes.length} positions, half of that from ` +
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
      <div class="scale"><span class="low"></span><i aria-hidden="true"></i><span class="high"></span></div>
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

const COMPARED = [
  ["Positions that vote", (ballot) => `${ballot.supporters + ballot.opponents} of ${ballot.votes.length}`],
  ["Half of “for” comes from", (ballot) => `${ballot.half}`],
  ["Largest vote", (ballot) => signed(Math.max(...ballot.votes))],
  ["Logit", (ballot) => plain(ballot.logit)],
];

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [names, pictures, classes, pools, [height, width]] = ["names", "pictures", "classes", "pools", "shape"].map(get);
  const ballotsOf = ballots(get);

  const root = widgetRoot("vote-explorer");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  // Radio buttons of two widgets on a page, each a module of its own, must not share a name.
  const group = (name) => `${name}-${Math.random().toString(36).slice(2)}`;
  const photographs = buildRadios(find(".strip"), group("photograph"), names, "photograph");
  photographs.forEach((input, i) => {
    // Not an <img>: the book's themes put paper under those in the dark.
    const picture = made("span", "picture", input.parentElement);
    picture.style.backgroundImage = `url("${pictures[i]}")`;
    input.after(picture);
  });
  const poolRadios = buildRadios(find(".pools"), group("pool"), pools.map((pool) => NAMES[pool]), "pool");
  const classRadios = buildRadios(find(".classes"), group("class"), classes[0], "kind");
  const logits = classRadios.map((input) => {
    const number = document.createElement("span");
    number.className = "logit";
    input.parentElement.append(number);
    return number;
  });
  const [grid, lens, grey] = [find(".cells"), find(".lens"), find(".grey")];
  const cells = buildCells(grid, height, width);
  const rows = buildSum(find(".sum tbody"), cells.length);
  const compared = buildCompared(find(".pools-table"), pools);
  lens.style.width = `${100 / width}%`;
  lens.style.height = `${100 / height}%`;
  lens.style.backgroundSize = `${100 * width}% ${100 * height}%`;

  const stored = () => Object.fromEntries(["photograph", "category", "pool", "cell"].map((name) => [name, get(name)]));
  let shown = {};

  /** Of one photograph and pool: the largest size of a vote, and the ends of the axis; classes can then be compared. */
  function scaleOf(all) {
    const limit = Math.max(...all.map(({ votes }) => Math.max(...votes.map(Math.abs)))) || 1;
    const ends = all.flatMap(({ more, less, logit }) => [0, more, more + less, logit]);
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    return { limit, low, span: high - low || 1 };
  }

  function drawPhotograph({ photograph }) {
    for (const part of [grey, lens]) part.style.backgroundImage = `url("${pictures[photograph]}")`;
  }

  function drawClasses({ photograph }, all) {
    const top = Math.max(...all.map(({ logit }) => logit), 1);
    all.forEach((ballot, k) => {
      const label = classRadios[k].parentElement;
      const name = classes[photograph][k];
      label.querySelector(".name").textContent = name;
      label.classList.toggle("wrong", k === all.length - 1);
      logits[k].textContent = plain(ballot.logit);
      label.style.setProperty("--share", `${Math.max((100 * ballot.logit) / top, 0)}%`);
    });
  }

  function drawVotes(ballot, { limit, low, span }) {
    cells.forEach((cell, i) => {
      const value = ballot.votes[i];
      cell.textContent = value ? plain(value) : "0";
      cell.setAttribute("aria-label", `row ${Math.floor(i / width) + 1}, column ${(i % width) + 1}: ${vote(ballot, i).join(", ")}`);
      cell.dataset.sign = Math.sign(value);
      cell.style.setProperty("--strength", `${((OVER * Math.abs(value)) / limit).toFixed(1)}%`);
    });
    find(".low").textContent = plain(-limit);
    find(".high").textContent = signed(limit);
    drawBars(ballot, low, span);
  }

  /** A waterfall: each bar starts where the last one ended, and the votes in it lie largest first. */
  function drawBars(ballot, low, span) {
    const at = (value) => `${((100 * (value - low)) / span).toFixed(3)}%`;
    const long = (value) => `${((100 * Math.abs(value)) / span).toFixed(3)}%`;
    const order = [...cells.keys()].sort((a, b) => Math.abs(ballot.votes[b]) - Math.abs(ballot.votes[a]) || a - b);
    const running = { 1: 0, [-1]: ballot.more };
    const index = { 1: 0, [-1]: 0 };
    for (const i of order) {
      const value = ballot.votes[i];
      const sign = Math.sign(value);
      const part = rows.parts[i];
      part.hidden = !sign;
      if (!sign) continue;
      const start = running[sign];
      running[sign] += value;
      (sign > 0 ? rows.more : rows.less).bar.append(part);
      part.className = index[sign]++ % 2 ? "part odd" : "part";
      part.style.left = at(Math.min(start, start + value));
      part.style.width = long(value);
    }
    for (const [key, from, to] of [["bias", ballot.more + ballot.less, ballot.logit], ["logit", 0, ballot.logit]]) {
      const whole = rows[key].whole;
      whole.style.left = at(Math.min(from, to));
      whole.style.width = long(to - from);
    }
    for (const [key] of ROWS) {
      rows[key].bar.style.setProperty("--zero", at(0));
      rows[key].value.textContent = key === "logit" ? plain(ballot.logit) : signed(ballot[key]);
    }
    rows.more.count.textContent = ` from ${ballot.supporters}`;
    rows.less.count.textContent = ` from ${ballot.opponents}`;
  }

  function drawCell({ cell }, ballot) {
    if (shown.cell !== cell) {
      const old = cells[shown.cell];
      if (old) {
        old.tabIndex = -1;
        old.setAttribute("aria-selected", "false");
        rows.parts[shown.cell].removeAttribute("data-chosen");
      }
      cells[cell].tabIndex = 0;
      cells[cell].setAttribute("aria-selected", "true");
      rows.parts[cell].dataset.chosen = "";
      if (old && grid.contains(document.activeElement)) cells[cell].focus({ preventScroll: true });
      const [row, column] = [Math.floor(cell / width), cell % width];
      lens.style.left = `${(100 * column) / width}%`;
      lens.style.top = `${(100 * row) / height}%`;
      lens.style.backgroundPosition = `${(100 * column) / (width - 1 || 1)}% ${(100 * row) / (height - 1 || 1)}%`;
      find(".place").textContent = `row ${row + 1}, column ${column + 1}`;
    }
    const [value, share] = vote(ballot, cell);
    find(".vote").textContent = value;
    find(".vote").dataset.sign = Math.sign(ballot.votes[cell]);
    find(".share").textContent = share;
  }

  function drawCompared({ photograph, category, pool }) {
    pools.forEach((name, q) => {
      const ballot = ballotsOf(photograph, name)[category];
      compared.forEach(({ tell, cells: of }) => {
        of[q].textContent = tell(ballot);
        of[q].classList.toggle("chosen", name === pool);
      });
    });
  }

  /** The model changed: by the reader here, by another view, or by Python. */
  function refresh() {
    const state = stored();
    const differs = (...keys) => keys.some((key) => state[key] !== shown[key]);
    if (!differs("photograph", "category", "pool", "cell")) return;
    const all = ballotsOf(state.photograph, state.pool);
    const ballot = all[state.category];
    if (differs("photograph")) drawPhotograph(state);
    if (differs("photograph", "pool")) drawClasses(state, all);
    if (differs("photograph", "category", "pool")) {
      drawVotes(ballot, scaleOf(all));
      drawCompared(state);
      photographs[state.photograph].checked = true;
      classRadios[state.category].checked = true;
      poolRadios[pools.indexOf(state.pool)].checked = true;
      const wrong = state.category === all.length - 1 ? ", a wrong class" : "";
      grid.setAttribute(
        "aria-label",
        `Votes of ${cells.length} positions for ${classes[state.photograph][state.category]}${wrong}`,
      );
      if (differs("pool")) find(".of-pool").textContent = NOTES[state.pool];
    }
    drawCell(state, ballot);
    const words = [names[state.photograph], classes[state.photograph][state.category]];
    const [cellSays, sumSays] = sentences(words, ballot, { ...state, width });
    find(".cell-says").textContent = cellSays;
    // Else a screen reader would hear the same sum at every step.
    if (find(".sum-says").textContent !== sumSays) find(".sum-says").textContent = sumSays;
    shown = state;
  }

  /** The reader chose: tell the model, if it is news. */
  function choose(name, value) {
    if (value === get(name)) return;
    model.set(name, value);
    model.save_changes();
  }

  photographs.forEach((input, i) => input.addEventListener("input", () => choose("photograph", i)));
  classRadios.forEach((input, i) => input.addEventListener("input", () => choose("category", i)));
  poolRadios.forEach((input, i) => input.addEventListener("input", () => choose("pool", pools[i])));

  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = [Math.floor(get("cell") / width), get("cell") % width];
    const to = { Home: [row, 0], End: [row, width - 1] }[event.key];
    const step = STEP[event.key];
    if (!to && !step) return;
    event.preventDefault(); // the page would scroll
    const [y, x] = to ?? [row + step[0], column + step[1]];
    if (y >= 0 && y < height && x >= 0 && x < width) choose("cell", y * width + x);
  });

  // A finger keeps the element that it touched first, so the cell comes from the place.
  const pointAt = (event) => {
    const area = grid.getBoundingClientRect();
    const within = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    const y = within((event.clientY - area.top) / area.height, height);
    const x = within((event.clientX - area.left) / area.width, width);
    choose("cell", y * width + x);
  };
  const pointAtPart = (event) => {
    const cell = event.target.dataset.cell;
    if (cell !== undefined) choose("cell", Number(cell));
  };
  for (const event of ["pointermove", "pointerdown"]) {
    grid.addEventListener(event, pointAt);
    find(".sum").addEventListener(event, pointAtPart);
  }

  const events = ["photograph", "category", "pool", "cell"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);
  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

function made(tag, className, parent, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

/** A radio button for each name, within its label. */
function buildRadios(parent, group, names, className) {
  return names.map((name) => {
    const label = made("label", className, parent);
    const input = Object.assign(document.createElement("input"), { type: "radio", name: group });
    label.append(input);
    made("span", "name", label, name);
    return input;
  });
}

function buildCells(grid, height, width) {
  grid.style.gridTemplate = `repeat(${height}, minmax(0, 1fr)) / repeat(${width}, minmax(0, 1fr))`;
  return Array.from({ length: height }, () => {
    const row = made("div", "", grid);
    row.setAttribute("role", "row");
    return Array.from({ length: width }, () => {
      const cell = made("div", "spot", row);
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-selected", "false");
      cell.tabIndex = -1;
      return cell;
    });
  }).flat();
}

function buildSum(body, positions) {
  const built = {};
  for (const [key, name] of ROWS) {
    const row = body.insertRow();
    row.className = key;
    const heading = made("th", "", row, name);
    heading.scope = "row";
    const count = made("span", "gl-muted count", heading);
    const bar = made("div", "bar", row.insertCell());
    bar.setAttribute("aria-hidden", "true");
    built[key] = { bar, count, value: made("b", "value", row.insertCell()) };
    if (key === "bias" || key === "logit") built[key].whole = made("div", "whole", bar);
  }
  built.parts = Array.from({ length: positions }, (_, i) => {
    const part = made("div", "part", built.more.bar);
    part.dataset.cell = i;
    return part;
  });
  return built;
}

function buildCompared(table, pools) {
  for (const pool of pools) made("th", "", table.tHead.rows[0], NAMES[pool]).scope = "col";
  return COMPARED.map(([name, tell]) => {
    const row = table.tBodies[0].insertRow();
    made("th", "", row, name).scope = "row";
    return { tell, cells: pools.map(() => row.insertCell()) };
  });
}

export default { render };
