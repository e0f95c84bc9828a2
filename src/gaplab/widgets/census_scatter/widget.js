// Census scatter. Numbers arrive as whole numbers (parts of a percent, thousandths of a GFLOPS) and print exactly.
import { cssPercent, element, finder, widgetRoot, withModifier } from "../kit/dom.js";
import { formatCount, formatDecimal } from "../kit/format.js";
import { svg } from "../kit/svg.js";
import { same, widget } from "../kit/widget.js";

const AXES = {
  parameters: { label: "Parameters", axis: "parameters (log scale)", log: true, scale: 1 },
  gflops: { label: "GFLOPS", axis: "GFLOPS, multiply-adds (log scale)", log: true, scale: 1e3 },
  head_share: { label: "Head share", axis: "parameters in the head (%)", log: false, scale: 1e2 },
  accuracy: { label: "Accuracy", axis: "ImageNet top-1 accuracy (%)", log: false, scale: 1e3 },
};
// One outline a head type, about 11 px across, so that no type depends on its colour; in the order of the hues.
const MARKERS = [
  "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
  "M0-6L5.8 4.6H-5.8Z",
  "M-4.6-4.6H4.6V4.6H-4.6Z",
  "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  "M0-6.4L6.4 0L0 6.4L-6.4 0Z",
  "M0 6L5.8-4.6H-5.8Z",
  "M0-6.5L1.9-2.2L6.2-2L2.9.9L4 5.3L0 2.9L-4 5.3L-2.9.9L-6.2-2L-1.9-2.2Z",
  "M-5.6-2.8L-2.8-5.6L0-2.8L2.8-5.6L5.6-2.8L2.8 0L5.6 2.8L2.8 5.6L0 2.8L-2.8 5.6L-5.6 2.8L-2.8 0Z",
];
const REACH = 24; // px from a point within which a finger or the mouse means it
const CROWD = 8; // px by which points may lie farther than the nearest and still take turns with it

/** A whole number of 10^-digits as a decimal, without zeros at its end: (8020, 3) as "8.02". */
export const formatShort = (units, digits) => formatDecimal(units, digits).replace(/\.?0+$/, "");

/**
 * What is told of a model, the same that Python tells: each label, its text, and the class of one with a long text.
 * @type {[label: string, tell: (model: any) => string, className?: string][]}
 */
const FACTS = [
  ["Model", (m) => m.name],
  ["Family", (m) => m.family],
  ["Head", (m) => m.head, "long"],
  ["Head share", (m) => `${formatShort(m.head_share, 2)} %`],
  ["Accuracy", (m) => `${formatShort(m.accuracy, 3)} %`],
  ["Parameters", (m) => formatCount(m.parameters)],
  ["GFLOPS", (m) => formatShort(m.gflops, 3)],
];

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
  return Array.from(
    { length: count + 1 },
    (_, i) => ({ at: Number(((first + i) * step).toPrecision(12)), minor: false }),
  );
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
  return {
    part: (m) => place(m[key] / scale),
    ticks: ticks.map((tick) => ({ ...tick, part: place(tick.at), text: tickText(key, tick.at) })),
  };
}

/** 2000000 parameters as "2 M"; other numbers as they are. */
function tickText(key, value) {
  if (key !== "parameters") return formatShort(Math.round(value * 1000), 3);
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

const STATE = ["x", "y", "family", "hidden", "model"];

function build(model) {
  const [models, heads] = [model.get("models"), model.get("heads")];
  const root = widgetRoot("census-scatter", TEMPLATE);
  const find = finder(root);
  const [x, y, family, pick] = ["x", "y", "family", "model"].map((name) => find(`[name="${name}"]`));
  for (const select of [x, y]) for (const [key, { label }] of Object.entries(AXES)) select.add(new Option(label, key));
  family.add(new Option("All families", ""));
  for (const name of [...new Set(models.map((m) => m.family))].sort()) family.add(new Option(name, name));
  const marks = new Map(models.map((m) => [m.name, buildMark(heads.indexOf(m.head))]));
  find(".points").append(...marks.values());
  return {
    ...{
      root,
      find,
      models,
      heads,
      x,
      y,
      family,
      pick,
      marks,
      plot: find(".plot"),
      ring: find(".ring"),
      tag: find(".tag"),
    },
    axes: Object.fromEntries(Object.keys(AXES).map((key) => [key, makeAxis(key, models)])),
    boxes: buildHeads(find(".heads"), heads),
    facts: buildCard(find(".facts")),
    points: [], // what is shown, in the order of the axis across: each with its model and its place
    picked: null,
  };
}

const colourOf = (index) => `--head: var(--gl-head-${index})`;

function buildMark(index) {
  return svg("path", { class: "mark", d: MARKERS[index], style: colourOf(index) });
}

/** The legend, which is the filter too. */
function buildHeads(parent, heads) {
  return new Map(
    heads.map((head, i) => {
      const input = element("input", { type: "checkbox", value: head });
      const sample = svg("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, buildMark(i));
      const count = element("span", { className: "gl-muted" });
      parent.append(element("label", {}, input, sample, element("span", {}, head), count));
      return [head, { input, count }];
    }),
  );
}

function buildCard(card) {
  return FACTS.map(([label, tell, className = ""]) => {
    const entry = element("dd");
    card.append(element("div", { className }, element("dt", { className: "gl-muted" }, label), entry));
    return { tell, entry };
  });
}

/** Draw what differs from the last time. */
function draw(view, state) {
  // Python, or a swap, changes two traits in two steps: skip the pair that was never meant to stand.
  if (state.x === state.y) return;
  const drawn = view.drawn ?? {};
  const differs = (...names) => names.some((name) => !same(state[name], drawn[name]));
  if (differs("x", "y")) drawAxes(view, state);
  const filtered = differs("x", "y", "family", "hidden");
  if (filtered) drawFilter(view, state);
  const chosen = view.points.find(({ model: m }) => m.name === state.model) ?? view.points[0] ?? null;
  if (filtered || chosen !== view.picked) drawPicked(view, chosen);
  view.drawn = state;
}

function drawAxes({ find, models, axes, marks, plot, x, y }, state) {
  [x.value, y.value] = [state.x, state.y];
  find(".up").textContent = `↑ ${AXES[state.y].axis}`;
  find(".axis.across").textContent = `${AXES[state.x].axis} →`;
  drawGrid(find(".grid"), axes[state.x].ticks, axes[state.y].ticks);
  for (const m of models) moveTo(marks.get(m.name), axes[state.x].part(m), axes[state.y].part(m));
  plot.setAttribute(
    "aria-label",
    `${AXES[state.y].label} against ${AXES[state.x].label}: ` +
      `arrow keys right and left go from model to model by ${AXES[state.x].label}, ` +
      `up and down by ${AXES[state.y].label}, Home and End to the first and the last`,
  );
}

function drawGrid(grid, across, up) {
  const columns = across.flatMap(({ part, text, minor }) => [
    svg("line", { x1: cssPercent(part), x2: cssPercent(part), y1: "0%", y2: "100%" }),
    svg("text", { x: cssPercent(part), y: "100%", dy: "1.4em", class: minor ? "x minor" : "x" }, text),
  ]);
  const rows = up.flatMap(({ part, text }) => [
    svg("line", { x1: "0%", x2: "100%", y1: cssPercent(1 - part), y2: cssPercent(1 - part) }),
    svg("text", { x: "0%", y: cssPercent(1 - part), dx: "-0.5em", dy: "0.35em", class: "y" }, text),
  ]);
  grid.replaceChildren(...columns, ...rows);
}

/** Percentages of a transform are of the picture around it, at any size of the page. */
function moveTo(mark, part, up) {
  mark.style.transform = `translate(${cssPercent(part)}, ${cssPercent(1 - up)})`;
}

function drawFilter(view, state) {
  const { find, models, axes, marks, boxes, family, pick } = view;
  family.value = state.family;
  for (const [head, box] of boxes) {
    box.input.checked = !state.hidden.includes(head);
    const of = models.filter((m) => m.head === head && (!state.family || m.family === state.family)).length;
    box.count.textContent = formatCount(of);
  }
  const place = (m) => ({ model: m, x: axes[state.x].part(m), y: axes[state.y].part(m) });
  view.points = visible(models, state).map(place);
  const names = new Set(view.points.map(({ model: m }) => m.name));
  for (const [name, mark] of marks) mark.style.display = names.has(name) ? "" : "none";
  const [all, some] = [models.length, names.size].map(formatCount);
  find(".count").textContent = names.size ? `${some} of ${all} models` : `0 of ${all} models: no model matches`;
  find(".empty").hidden = names.size > 0;
  pick.replaceChildren(...[...names].sort().map((name) => new Option(name, name)));
  pick.disabled = !names.size;
}

function drawPicked(view, point) {
  const { find, heads, facts, ring, tag, pick } = view;
  view.picked = point;
  for (const part of [ring, tag]) part.style.display = point ? "" : "none";
  for (const { tell, entry } of facts) entry.textContent = point ? tell(point.model) : "–";
  const colour = point ? `var(--gl-head-${heads.indexOf(point.model.head)})` : "";
  find(".facts").style.setProperty("--head", colour);
  if (!point) return;
  pick.value = point.model.name;
  ring.style.setProperty("--head", colour);
  moveTo(ring, point.x, point.y);
  tag.textContent = point.model.name;
  tag.dataset.side = point.x > 0.5 ? "left" : "right";
  Object.assign(tag.style, { left: cssPercent(point.x), top: cssPercent(1 - point.y) });
}

function listen(view, { now, choose }) {
  const { find, heads, boxes, plot, x, y, family, pick } = view;
  // An axis that is asked for twice changes places with the other.
  const swapped = (axis, other) => (now()[other] === axis.value ? now()[axis.name] : now()[other]);
  x.addEventListener("input", () => choose({ x: x.value, y: swapped(x, "y") }));
  y.addEventListener("input", () => choose({ y: y.value, x: swapped(y, "x") }));
  family.addEventListener("input", () => choose({ family: family.value }));
  pick.addEventListener("input", () => choose({ model: pick.value }));
  find(".heads").addEventListener("input", () => {
    choose({ hidden: heads.filter((head) => !boxes.get(head).input.checked) });
  });
  find(".empty button").addEventListener("click", () => {
    choose({ family: "", hidden: [] });
    plot.focus(); // the button is gone
  });
  plot.addEventListener("keydown", (event) => walk(view, event, choose));
  listenToPointer(view, choose);
}

/** Go to the next model along an axis. */
function walk({ points, picked }, event, choose) {
  if (withModifier(event)) return;
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  if (!step || !picked) return;
  event.preventDefault(); // the page would scroll
  const upwards = event.key === "ArrowUp" || event.key === "ArrowDown";
  const byHeight = (a, b) => a.y - b.y || a.x - b.x || byName(a.model, b.model);
  const order = upwards ? [...points].sort(byHeight) : points;
  const at = Math.min(Math.max(order.indexOf(picked) + step, 0), order.length - 1);
  choose({ model: order[at].model.name });
}

function listenToPointer(view, choose) {
  const { plot } = view;
  let tapped = null; // where the last tap was: beside it, the mouse changes nothing, so that a next one can be had
  const spotOf = (event) => {
    const area = plot.getBoundingClientRect();
    const [left, top] = [event.clientX - area.left, event.clientY - area.top];
    return { left, top, found: near(view.points, left, top, area.width, area.height) };
  };
  const beside = ({ left, top }) => tapped && Math.hypot(left - tapped.left, top - tapped.top) < 6;
  plot.addEventListener("pointermove", (event) => {
    const spot = spotOf(event);
    if (beside(spot)) return;
    tapped = null;
    if (spot.found.length) choose({ model: spot.found[0].name });
  });
  plot.addEventListener("click", (event) => {
    const spot = spotOf(event);
    if (!spot.found.length) return;
    const at = spot.found.indexOf(view.picked?.model);
    // The first press of the mouse keeps what it pointed at: a click comes in whole pixels, and may be nearer to another.
    const held = event.pointerType === "mouse" && at >= 0 ? at : 0;
    choose({ model: spot.found[beside(spot) ? (at + 1) % spot.found.length : held].name });
    if (!beside(spot)) tapped = spot;
  });
}

export default widget(STATE, { build, draw, listen });
