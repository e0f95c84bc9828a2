// Census scatter. Numbers arrive as whole numbers (parts of a percent, thousandths of a GFLOPS) and print exactly.

const AXES = {
  parameters: { label: "Parameters", axis: "parameters (log scale)", log: true, scale: 1 },
  gflops: { label: "GFLOPS", axis: "GFLOPS, multiply-adds (log scale)", log: true, scale: 1e3 },
  head_share: { label: "Head share", axis: "parameters in the head (%)", log: false, scale: 1e2 },
  accuracy: { label: "Accuracy", axis: "ImageNet top-1 accuracy (%)", log: false, scale: 1e3 },
};
// One outline a head type, about 11 px across, so that no type depends on its colour.
const MARKERS = [
  "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
  "M-4.6-4.6H4.6V4.6H-4.6Z",
  "M0-6L5.8 4.6H-5.8Z",
  "M0-6.4L6.4 0L0 6.4L-6.4 0Z",
  "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  "M0 6L5.8-4.6H-5.8Z",
  "M0-6.5L1.9-2.2L6.2-2L2.9.9L4 5.3L0 2.9L-4 5.3L-2.9.9L-6.2-2L-1.9-2.2Z",
  "M-5.6-2.8L-2.8-5.6L0-2.8L2.8-5.6L5.6-2.8L2.8 0L5.6 2.8L2.8 5.6L0 2.8L-2.8 5.6L-5.6 2.8L-2.8 0Z",
];
const REACH = 24; // px from a point within which a finger or the mouse means it
const CROWD = 8; // px by which points may lie farther than the nearest and still take turns with it

/** 1234567 as "1,234,567". */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A whole number of 10^-digits as a decimal, without zeros at its end: (8020, 3) as "8.02". */
export function formatDecimal(units, digits) {
  const one = 10 ** digits;
  const part = String(units % one).padStart(digits, "0").replace(/0+$/, "");
  return formatCount(Math.floor(units / one)) + (part && `.${part}`);
}

/** What is told of a model: label to text, the same that Python tells. */
export const FACTS = {
  Family: (m) => m.family,
  Head: (m) => m.head,
  "Head share": (m) => `${formatDecimal(m.head_share, 2)} %`,
  Accuracy: (m) => `${formatDecimal(m.accuracy, 3)} %`,
  Parameters: (m) => formatCount(m.parameters),
  GFLOPS: (m) => formatDecimal(m.gflops, 3),
};

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** The models that pass the filters, from left to right; of equals, from the lowest up. */
export function visible(models, { x, y, family, hidden }) {
  return models
    .filter((m) => !hidden.includes(m.head) && (!family || m.family === family))
    .sort((a, b) => a[x] - b[x] || a[y] - b[y] || byName(a, b));
}

/** Ticks of a logarithmic axis at 1, 2 and 5 times the powers of ten; `minor` ones give way where there is no room. */
export function logTicks(low, high) {
  const ticks = [];
  const wide = Math.log10(high / low) > 2;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const lead of [1, 2, 5]) {
      const at = Number(`${lead}e${power}`);
      if (at >= low && at <= high) ticks.push({ at, minor: lead === 2 || (wide && lead === 5) });
    }
  }
  return ticks;
}

/** Ticks of a linear axis at a round step, at most eight of them, that enclose the range. */
export function linearTicks(low, high) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
  const step = steps.find((size) => Math.ceil(high / size) - Math.floor(low / size) <= 7) ?? 50;
  const first = Math.floor(low / step);
  const count = Math.max(1, Math.ceil(high / step) - first);
  // A multiple of 0.1 is not exact: round what would print as 0.30000000000000004.
  return Array.from({ length: count + 1 }, (_, i) => ({ at: Number(((first + i) * step).toPrecision(12)), minor: false }));
}

/** An axis over all models: `part(model)` from 0 to 1, and its ticks. */
export function makeAxis(key, models) {
  const { log, scale } = AXES[key];
  const values = models.map((m) => m[key] / scale);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  let ticks;
  if (log) {
    [low, high] = [low / 1.3, high * 1.3];
    ticks = logTicks(low, high);
  } else {
    ticks = linearTicks(low, high);
    [low, high] = [ticks[0].at, ticks.at(-1).at];
  }
  const place = log ? (value) => Math.log(value / low) / Math.log(high / low) : (value) => (value - low) / (high - low);
  return { part: (m) => place(m[key] / scale), ticks: ticks.map((tick) => ({ ...tick, part: place(tick.at), text: tickText(key, tick.at) })) };
}

/** 2000000 parameters as "2 M"; other numbers as they are. */
function tickText(key, value) {
  if (key !== "parameters") return formatDecimal(Math.round(value * 1000), 3);
  if (value >= 1e9) return `${value / 1e9} G`;
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1e3 ? `${value / 1e3} k` : String(value);
}

/** The nearest point within reach of a place, and behind it those that crowd it; `across` and `down` are the plot's sides in px. */
export function near(points, left, top, across, down) {
  return points
    .map(({ model, x, y }) => ({ model, far: Math.hypot(x * across - left, (1 - y) * down - top) }))
    .filter(({ far }) => far <= REACH)
    .sort((a, b) => a.far - b.far || byName(a.model, b.model))
    .filter(({ far }, _, [first]) => far <= first.far + CROWD)
    .map(({ model }) => model);
}

const TEMPLATE = `
  <div class="choices" role="group" aria-label="What is drawn">
    <label><span class="gl-label">Across</span><select name="x"></select></label>
    <label><span class="gl-label">Upwards</span><select name="y"></select></label>
    <label class="which"><span class="gl-label">Family</span><select name="family"></select></label>
  </div>
  <fieldset class="heads"><legend class="gl-label">Head <span class="gl-muted">tick what is shown</span></legend></fieldset>
  <p class="count" role="status"></p>
  <div class="chart">
    <p class="axis up gl-muted"></p>
    <div class="area">
      <svg class="grid" aria-hidden="true"></svg>
      <div class="plot" tabindex="0" role="application">
        <svg aria-hidden="true"><g class="points"></g><g class="ring"><circle r="10" /></g></svg>
        <p class="tag" aria-hidden="true"></p>
      </div>
      <div class="empty" hidden><p>No model matches.</p><button type="button">Show all models</button></div>
    </div>
    <p class="axis gl-muted across"></p>
  </div>
  <label class="pick"><span class="gl-label">Model</span><select name="model"></select></label>
  <dl class="facts simple" aria-live="polite" aria-atomic="true"></dl>
  <p class="gl-muted">Point, tap, or use the arrow keys on the plot: left and right go along the axis across, up and down
    along the other. Tap again where points lie on each other to get the next one.</p>
`;

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function element(name, properties, parent) {
  const made = Object.assign(document.createElement(name), properties);
  parent.append(made);
  return made;
}

const percent = (part) => `${(100 * part).toFixed(3)}%`;
const STATE = ["x", "y", "family", "hidden", "model"];

function render({ model, el }) {
  const models = model.get("models");
  const heads = model.get("heads");
  const axes = Object.fromEntries(Object.keys(AXES).map((key) => [key, makeAxis(key, models)]));

  const root = widgetRoot("census-scatter");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  const [x, y, family, pick] = ["x", "y", "family", "model"].map((name) => find(`[name="${name}"]`));
  const [plot, ring, tag] = [find(".plot"), find(".ring"), find(".tag")];
  for (const select of [x, y]) for (const [key, { label }] of Object.entries(AXES)) select.add(new Option(label, key));
  family.add(new Option("All families", ""));
  for (const name of [...new Set(models.map((m) => m.family))].sort()) family.add(new Option(name, name));
  const boxes = buildHeads(find(".heads"), heads);
  const marks = new Map(models.map((m) => [m.name, buildMark(find(".points"), heads.indexOf(m.head))]));
  const facts = buildCard(find(".facts"));

  const stored = () => Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
  const shownBefore = {};
  let points = []; // what is shown, in the order of the axis across
  let picked = null;

  /** Redraw only when what the argument says differs from the last time. */
  function once(what, key, draw) {
    const text = JSON.stringify(key);
    if (shownBefore[what] === text) return;
    shownBefore[what] = text;
    draw();
  }

  function refresh() {
    const state = stored();
    // Python, or a swap, changes two traits in two steps: skip the pair that was never meant to stand.
    if (state.x === state.y) return;
    once("axes", [state.x, state.y], () => drawAxes(state));
    once("filter", [state.x, state.y, state.family, state.hidden], () => drawFilter(state));
    const chosen = points.find(({ model: m }) => m.name === state.model) ?? points[0];
    once("picked", [state.x, state.y, state.family, state.hidden, chosen?.model.name], () => drawPicked(chosen));
  }

  function drawAxes(state) {
    [x.value, y.value] = [state.x, state.y];
    find(".up").textContent = `↑ ${AXES[state.y].axis}`;
    find(".axis.across").textContent = `${AXES[state.x].axis} →`;
    drawGrid(find(".grid"), axes[state.x].ticks, axes[state.y].ticks);
    for (const m of models) moveTo(marks.get(m.name), axes[state.x].part(m), axes[state.y].part(m));
    plot.setAttribute(
      "aria-label",
      `${AXES[state.y].label} against ${AXES[state.x].label}: arrow keys right and left go from model to model ` +
        `by ${AXES[state.x].label}, up and down by ${AXES[state.y].label}, Home and End to the first and the last`,
    );
  }

  function drawFilter(state) {
    family.value = state.family;
    for (const [head, box] of boxes) {
      box.input.checked = !state.hidden.includes(head);
      const of = models.filter((m) => m.head === head && (!state.family || m.family === state.family)).length;
      box.count.textContent = formatCount(of);
    }
    points = visible(models, state).map((m) => ({ model: m, x: axes[state.x].part(m), y: axes[state.y].part(m) }));
    const names = new Set(points.map(({ model: m }) => m.name));
    for (const [name, mark] of marks) mark.style.display = names.has(name) ? "" : "none";
    const [all, some] = [models.length, points.length].map(formatCount);
    find(".count").textContent = points.length ? `${some} of ${all} models` : `0 of ${all} models: no model matches`;
    find(".empty").hidden = points.length > 0;
    pick.replaceChildren(...[...names].sort().map((name) => new Option(name, name)));
    pick.disabled = !points.length;
  }

  function drawPicked(point) {
    picked = point ?? null;
    for (const part of [ring, tag]) part.style.display = point ? "" : "none";
    for (const [label, entry] of facts) entry.textContent = point ? (FACTS[label]?.(point.model) ?? point.model.name) : "–";
    find(".facts").style.setProperty("--head", point ? `var(--gl-head-${heads.indexOf(point.model.head)})` : "");
    if (!point) return;
    pick.value = point.model.name;
    ring.style.setProperty("--head", `var(--gl-head-${heads.indexOf(point.model.head)})`);
    moveTo(ring, point.x, point.y);
    tag.textContent = point.model.name;
    tag.dataset.side = point.x > 0.5 ? "left" : "right";
    Object.assign(tag.style, { left: percent(point.x), top: percent(1 - point.y) });
  }

  /** The reader chose: tell the model what differs. */
  function choose(chosen) {
    const changed = Object.keys(chosen).filter((name) => JSON.stringify(chosen[name]) !== JSON.stringify(model.get(name)));
    if (!changed.length) return;
    for (const name of changed) model.set(name, chosen[name]);
    model.save_changes();
  }

  // An axis that is asked for twice changes places with the other.
  x.addEventListener("input", () => choose({ x: x.value, y: x.value === model.get("y") ? model.get("x") : model.get("y") }));
  y.addEventListener("input", () => choose({ y: y.value, x: y.value === model.get("x") ? model.get("y") : model.get("x") }));
  family.addEventListener("input", () => choose({ family: family.value }));
  pick.addEventListener("input", () => choose({ model: pick.value }));
  find(".heads").addEventListener("input", () => choose({ hidden: heads.filter((head) => !boxes.get(head).input.checked) }));
  find(".empty button").addEventListener("click", () => {
    choose({ family: "", hidden: [] });
    plot.focus(); // the button is gone
  });

  plot.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!step || !picked) return;
    event.preventDefault(); // the page would scroll
    const upwards = event.key === "ArrowUp" || event.key === "ArrowDown";
    const order = upwards ? [...points].sort((a, b) => a.y - b.y || a.x - b.x || byName(a.model, b.model)) : points;
    const at = order.indexOf(picked) + step;
    choose({ model: order[Math.min(Math.max(at, 0), order.length - 1)].model.name });
  });

  let tapped = null; // where the last tap was: beside it, the mouse changes nothing, so that a next one can be had
  const within = (event) => {
    const area = plot.getBoundingClientRect();
    const [left, top] = [event.clientX - area.left, event.clientY - area.top];
    return { left, top, found: near(points, left, top, area.width, area.height) };
  };
  const beside = ({ left, top }) => tapped && Math.hypot(left - tapped.left, top - tapped.top) < 6;
  plot.addEventListener("pointermove", (event) => {
    const spot = within(event);
    if (beside(spot)) return;
    tapped = null;
    if (spot.found.length) choose({ model: spot.found[0].name });
  });
  plot.addEventListener("click", (event) => {
    const spot = within(event);
    if (!spot.found.length) return;
    const at = spot.found.indexOf(picked?.model);
    // The first press of the mouse keeps what it pointed at: a click comes in whole pixels, and may be nearer to another.
    const held = event.pointerType === "mouse" && at >= 0 ? at : 0;
    choose({ model: spot.found[beside(spot) ? (at + 1) % spot.found.length : held].name });
    if (!beside(spot)) tapped = spot;
  });

  const events = STATE.map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);
  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

/** Percentages of a transform are of the picture around it, at any size of the page. */
function moveTo(mark, part, up) {
  mark.style.transform = `translate(${percent(part)}, ${percent(1 - up)})`;
}

function buildMark(parent, index) {
  const mark = svg("path", { class: "mark", d: MARKERS[index] }, parent);
  mark.style.setProperty("--head", `var(--gl-head-${index})`);
  return mark;
}

/** The legend, which is the filter too. */
function buildHeads(parent, heads) {
  return new Map(
    heads.map((head, i) => {
      const label = element("label", {}, parent);
      const input = element("input", { type: "checkbox", value: head }, label);
      buildMark(svg("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, label), i);
      element("span", { textContent: head }, label);
      const count = element("span", { className: "gl-muted" }, label);
      return [head, { input, count }];
    }),
  );
}

function buildCard(card) {
  return ["Model", ...Object.keys(FACTS)].map((label) => {
    const group = element("div", { className: label === "Head" ? "long" : "" }, card);
    element("dt", { textContent: label, className: "gl-muted" }, group);
    return [label, element("dd", {}, group)];
  });
}

function drawGrid(grid, across, up) {
  grid.replaceChildren();
  for (const { part, text, minor } of across) {
    svg("line", { x1: percent(part), x2: percent(part), y1: "0%", y2: "100%" }, grid);
    svg("text", { x: percent(part), y: "100%", dy: "1.4em", class: minor ? "x minor" : "x" }, grid).textContent = text;
  }
  for (const { part, text } of up) {
    svg("line", { x1: "0%", x2: "100%", y1: percent(1 - part), y2: percent(1 - part) }, grid);
    svg("text", { x: "0%", y: percent(1 - part), dx: "-0.5em", dy: "0.35em", class: "y" }, grid).textContent = text;
  }
}

export default { render };
