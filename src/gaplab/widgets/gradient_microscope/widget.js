// Gradient microscope. Pools and their gradients are computed here, in double precision, from the network's own maps.
import { diverging, ink, sequential, SEQUENTIAL_BAR } from "../kit/colour.js";
import { element, finder, setAll, widgetRoot, withModifier } from "../kit/dom.js";
import { formatPercent } from "../kit/format.js";
import { ARROWS, buildCells, buildMarker, cellAt, neighbour, partsAt, rowColumn } from "../kit/grid.js";
import { svg } from "../kit/svg.js";
import { widget } from "../kit/widget.js";

const EPS = 1e-6; // GeM's clamp from below, as in gaplab.models.GeM
const BACK = 3; // pools whose gradient Python stores, in the order of their buttons
/** A number that fits into a cell. */
export function brief(value) {
  if (value === 0) return "0";
  return value < 0.0005 ? "~0" : value.toFixed(value < 0.9995 ? 3 : value < 99.5 ? 2 : 0);
}

const sum = (all) => all.reduce((total, one) => total + one, 0);

/**
 * The generalised mean of the cells and its gradient: `{ value, gradient }`.
 * p = 1 is the plain average and p = Infinity the plain maximum; between them, a cell not above the clamp gets no gradient.
 */
export function pool(values, p, first = false) {
  const n = values.length;
  if (p === 1) return { value: sum(values) / n, gradient: values.map(() => 1 / n) };
  const top = Math.max(...values);
  if (p === Infinity) {
    const equals = values.filter((x) => x === top).length;
    const winner = values.indexOf(top);
    return { value: top, gradient: values.map((x, i) => (first ? Number(i === winner) : Number(x === top) / equals)) };
  }
  // Powers of x / max lie between 0 and 1, so no p makes them overflow.
  const scale = Math.max(top, EPS);
  const ratios = values.map((x) => Math.max(x, EPS) / scale);
  const mean = sum(ratios.map((ratio) => ratio ** p)) / n;
  const factor = mean ** (1 / p - 1) / n;
  return {
    value: scale * mean ** (1 / p),
    gradient: ratios.map((ratio, i) => (values[i] > EPS ? ratio ** (p - 1) * factor : 0)),
  };
}

/** A gradient map in four numbers: sum, L2 norm, share of cells that are not zero, effective density. */
export function figures(gradient) {
  const n = gradient.length;
  const squares = sum(gradient.map((g) => g * g));
  return {
    total: sum(gradient),
    length: Math.sqrt(squares),
    density: gradient.filter((g) => g !== 0).length / n,
    effective: squares ? sum(gradient.map(Math.abs)) ** 2 / (n * squares) : 0,
  };
}

/** A number with four decimals; a small one with two digits and its power of ten. */
export function number(value) {
  if (!value) return "0";
  const text = Math.abs(value) < 0.00005 ? value.toExponential(1) : value.toFixed(4);
  return text.replaceAll("-", "−");
}

/** The smallest of 1, 2, 5 times a power of ten that is no less than a value. */
export function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const lead = [1, 2, 5].find((each) => each * power >= value * (1 - 1e-9)) ?? 10;
  return Number((lead * power).toPrecision(1));
}

/** The next multiple of a step above a value (or below it, with sign -1), never below 0, printed as short as typed. */
export function nextStep(value, step, sign) {
  const at = value / step;
  const count = sign > 0 ? Math.floor(at + 1e-9) + 1 : Math.ceil(at - 1e-9) - 1;
  return Number((Math.max(count, 0) * step).toPrecision(12));
}

/** What is shown, in words; the same that Python says in `describe()`. */
export function sentence({ label, size, p, value, gradient, mask, cell, now, was }) {
  const { total, length, density, effective } = figures(gradient);
  const how = p === 1 ? "the average" : p === Infinity ? "the maximum" : `GeM with p = ${p}`;
  const [row, column] = rowColumn(cell, size[1]);
  return (
    `${label}: ${how} of ${size[0]} × ${size[1]} cells is ${number(value)}. ` +
    `Gradient${mask ? " behind the ReLU" : ""}: sum ${number(total)}, L2 ${number(length)}, ` +
    `density ${formatPercent(density)}, effective density ${formatPercent(effective)}. ` +
    `Row ${row + 1}, column ${column + 1}: activation ${number(now)}${now !== was ? ` (was ${number(was)})` : ""}, ` +
    `gradient ${number(gradient[cell])}.`
  );
}

const TEMPLATE = `
  <label class="gl-control"><span class="gl-label">Map</span><select name="map"></select></label>
  <div class="gl-control pool" role="group" aria-label="Pool">
    <span class="gl-label" aria-hidden="true">Pool</span>
    <input type="range" name="stop" min="0" step="1" aria-label="Exponent p of the pool, from average to maximum" />
    <output class="power"></output>
    <div class="presets">
      <button type="button" data-p="1">average</button><button type="button" data-p="3">GeM, p = 3</button
      ><button type="button" data-p="Infinity">maximum</button>
    </div>
  </div>
  <div class="maps">
    <figure class="seen">
      <figcaption>Activation <span class="gl-muted">what the pool reads</span></figcaption>
      <div class="heat" tabindex="0" role="application"
        aria-label="Activation map: arrow keys go from cell to cell, plus and minus change the cell, 0 empties it, R resets it, Home goes to the strongest cell"><svg aria-hidden="true"></svg></div>
      <p class="gl-muted gl-scale scale"><span>0</span><i aria-hidden="true"></i><span class="most"></span></p>
    </figure>
    <figure class="grad">
      <figcaption>Gradient <span class="gl-muted">of the pooled value</span></figcaption>
      <div class="heat"><svg aria-hidden="true"></svg></div>
      <p class="gl-muted gl-scale scale"><span>0</span><i aria-hidden="true"></i><span class="most"></span></p>
    </figure>
  </div>
  <div class="editor" role="group" aria-label="Selected cell">
    <p class="where"><b></b> <span>activation <output class="now"></output></span> <span class="slope"></span></p>
    <input type="range" name="value" min="0" aria-label="Activation of the selected cell" />
    <div class="buttons">
      <button type="button" name="less" aria-label="Lower the cell">−</button
      ><button type="button" name="more" aria-label="Raise the cell">+</button
      ><button type="button" name="reset">Reset cell</button><button type="button" name="reset-all">Reset map</button>
    </div>
  </div>
  <div class="switches">
    <label><input type="checkbox" name="mask" /> <span>Behind the ReLU <span class="gl-muted">no gradient where the activation is 0</span></span></label>
    <label><input type="checkbox" name="first" /> <span>First of equals <span class="gl-muted">at the maximum: max_pool2d instead of amax</span></span></label>
  </div>
  <dl class="figures"></dl>
  <p class="result" aria-live="polite" aria-atomic="true"></p>
  <p class="gl-muted">Pick a cell by pointer or by arrow keys; + and − change it, 0 empties it, R resets it, Home goes to the strongest.
    Above p = 1 a cell at or under GeM's clamp (10<sup>−6</sup>) gets no gradient.</p>
  <section class="back">
    <p class="gl-label">One block back, in the real network</p>
    <p class="gl-muted missing">The gradient one block back was not measured for this map.</p>
    <div class="trio"></div>
    <label class="one-scale"><input type="checkbox" name="common" checked /> <span>One scale for all three</span></label>
    <p class="gl-muted">Measured on the unchanged map. Blue is negative, orange positive, light is zero.</p>
  </section>
`;
const BACK_PART = `
  <figcaption></figcaption>
  <div class="heat"><svg aria-hidden="true"></svg></div>
  <p class="gl-muted scale"></p>
  <dl>
    <div><dt class="gl-muted">this cell</dt><dd></dd></div>
    <div><dt class="gl-muted">density</dt><dd></dd></div>
    <div><dt class="gl-muted">L2</dt><dd></dd></div>
  </dl>
`;
const FIGURES = [
  ["value", "Pooled value"],
  ["total", "Sum of gradient"],
  ["length", "L2 of gradient"],
  ["density", "Density"],
  ["effective", "Effective density"],
];
const STATE = ["map", "stop", "cell", "edits", "mask", "first"];

/** What Python gave: the maps as arrays of doubles, and what belongs to them. */
function readMaps(model) {
  const [labels, size, withBack] = ["labels", "size", "with_back"].map((name) => model.get(name));
  const n = size[0] * size[1];
  const [values, backs] = [model.get("values"), model.get("backs")];
  const doubles = (view, from) => Array.from({ length: n }, (_, i) => view.getFloat64(8 * (from * n + i), true));
  return {
    labels,
    size,
    powers: [...model.get("powers"), Infinity],
    originals: labels.map((_, i) => doubles(values, i)),
    backs: withBack.map((has, i) => {
      const before = withBack.slice(0, i).filter(Boolean).length;
      return has ? Array.from({ length: BACK }, (_, j) => doubles(backs, BACK * before + j)) : null;
    }),
  };
}

function build(model) {
  const given = readMaps(model);
  const root = widgetRoot("gradient-microscope", TEMPLATE);
  const find = finder(root);
  const control = (name) => find(`[name="${name}"]`);
  given.labels.forEach((label, i) => control("map").add(new Option(label, i)));
  control("stop").max = given.powers.length - 1;
  for (const bar of root.querySelectorAll(".scale i")) setAll(bar, { style: `background: ${SEQUENTIAL_BAR}` });
  const pools = [...root.querySelectorAll(".presets button")].map((button) => button.textContent);
  return {
    ...given,
    ...{ root, find, control, grid: find(".seen .heat") },
    seen: buildHeat(find(".seen .heat"), given.size, true),
    grad: buildHeat(find(".grad .heat"), given.size, true),
    trio: pools.map((name) => buildBack(find(".trio"), name, given.size)),
    told: buildFigures(find(".figures")),
    shownBack: "",
  };
}

/** One square a cell, some with a number, and a frame around the selected one. */
function buildHeat(heat, size, numbered) {
  const picture = heat.querySelector("svg");
  const cells = buildCells(picture, size);
  const numbers = (numbered ? cells : []).map((_, i) => {
    const [y, x] = rowColumn(i, size[1]);
    return svg("text", { x: x + 0.5, y: y + 0.5, dy: "0.36em" });
  });
  picture.append(...numbers);
  return { cells, numbers, drawn: [], mark: buildMarker(picture, size[1], [6, 3]) };
}

function buildBack(parent, name, size) {
  const figure = element("figure");
  figure.innerHTML = BACK_PART;
  parent.append(figure);
  const find = finder(figure);
  find("figcaption").textContent = name;
  const [here, density, length] = figure.querySelectorAll("dd");
  return { heat: buildHeat(find(".heat"), size, false), scale: find(".scale"), here, density, length };
}

function buildFigures(list) {
  return Object.fromEntries(
    FIGURES.map(([name, label]) => {
      const shown = element("dd", { className: name });
      list.append(element("div", {}, element("dt", { className: "gl-muted" }, label), shown));
      return [name, shown];
    }),
  );
}

const top = ({ originals }, state) => Math.max(...originals[state.map], EPS);
const stepOf = (view, state) => roundStep(top(view, state) / 100);
const strongest = (values) => values.indexOf(Math.max(...values));
const edited = ({ originals }, state) => originals[state.map].map((x, i) => state.edits[i] ?? x);

function draw(view, state) {
  const { find, originals, powers, seen, grad, told } = view;
  const values = edited(view, state);
  const p = powers[state.stop];
  const pooled = pool(values, p, state.first);
  const gradient = state.mask ? pooled.gradient.map((g, i) => (values[i] > 0 ? g : 0)) : pooled.gradient;
  const sums = { ...figures(gradient), value: pooled.value };
  drawPool(view, state, p);
  drawEditor(view, state, values, gradient);
  drawHeat(seen, find(".seen .most"), values, Math.max(top(view, state), ...values), state.cell);
  drawHeat(grad, find(".grad .most"), gradient, Math.max(...gradient), state.cell);
  originals[state.map].forEach((x, i) => {
    const cell = seen.cells[i];
    cell.classList.toggle("edited", values[i] !== x);
    cell.setAttribute("stroke", values[i] !== x ? ink(cell.getAttribute("fill")) : "none");
  });
  for (const [name] of FIGURES) {
    told[name].textContent = (name === "density" || name === "effective" ? formatPercent : number)(sums[name]);
  }
  const { map, cell, mask } = state;
  const words = { size: view.size, label: view.labels[map], p, value: pooled.value, gradient, mask, cell };
  find(".result").textContent = sentence({ ...words, now: values[cell], was: originals[map][cell] });
  drawBack(view, state);
}

function drawPool({ root, find, control }, state, p) {
  const named = { 1: "p = 1, the average", Infinity: "p to infinity, the maximum" };
  control("map").value = state.map;
  control("stop").value = state.stop;
  control("stop").setAttribute("aria-valuetext", named[p] ?? `p = ${p}`);
  find(".power").textContent = p === Infinity ? "p → ∞" : `p = ${p}`;
  for (const button of root.querySelectorAll(".presets button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.p) === p));
  }
  control("mask").checked = state.mask;
  control("first").checked = state.first;
  control("first").disabled = p !== Infinity;
}

function drawEditor(view, state, values, gradient) {
  const { find, control } = view;
  const [row, column] = rowColumn(state.cell, view.size[1]);
  const [value, step, now] = [control("value"), stepOf(view, state), values[state.cell]];
  value.step = step;
  value.max = nextStep(Math.max(1.5 * top(view, state), now) - step, step, 1);
  value.value = now;
  value.setAttribute("aria-valuetext", number(now));
  find(".where b").textContent = `Row ${row + 1}, column ${column + 1}`;
  find(".where .slope").textContent = `gradient ${number(gradient[state.cell])}`;
  find(".now").textContent = number(now);
  control("less").disabled = now === 0;
  control("reset").disabled = state.edits[state.cell] === undefined;
  control("reset-all").disabled = !Object.keys(state.edits).length;
}

function drawHeat({ cells, numbers, drawn, mark }, most, values, top, cell) {
  values.forEach((value, i) => {
    const [fill, text] = [sequential(top ? value / top : 0), brief(value)];
    if (drawn[i] === fill + text) return; // to lay a hundred numbers out again is most of a step
    drawn[i] = fill + text;
    cells[i].setAttribute("fill", fill);
    numbers[i].setAttribute("fill", ink(fill));
    numbers[i].textContent = text;
  });
  mark(cell);
  most.textContent = number(top);
}

function drawBack(view, state) {
  const back = view.backs[state.map];
  const section = view.find(".back");
  section.hidden = !view.backs.some(Boolean);
  section.dataset.measured = Boolean(back);
  if (!back) return;
  const { checked } = view.control("common");
  const key = `${state.map} ${checked}`;
  const tops = back.map((values) => Math.max(...values.map(Math.abs)));
  view.trio.forEach((part, j) => {
    part.here.textContent = number(back[j][state.cell]);
    part.heat.mark(state.cell);
    if (key === view.shownBack) return;
    const most = checked ? Math.max(...tops) : tops[j];
    part.heat.cells.forEach((cell, i) => cell.setAttribute("fill", diverging(most ? back[j][i] / most : 0)));
    const { length, density } = figures(back[j]);
    part.length.textContent = number(length);
    part.density.textContent = formatPercent(density);
    part.scale.textContent = `± ${number(most)}`;
  });
  view.shownBack = key;
}

function listen(view, state) {
  const { root, find, control, originals, powers } = view;
  const { choose } = state;
  const on = (name, act) => control(name).addEventListener("input", () => act(control(name)));
  on("map", ({ value }) => choose({ map: Number(value), cell: strongest(originals[value]), edits: {} }));
  on("stop", ({ value }) => choose({ stop: Number(value) }));
  on("mask", ({ checked }) => choose({ mask: checked }));
  on("first", ({ checked }) => choose({ first: checked }));
  on("common", () => drawBack(view, state.now()));
  find(".presets").addEventListener("click", (event) => {
    const at = powers.indexOf(Number(event.target.dataset.p));
    if (at >= 0) choose({ stop: at });
  });
  listenToEditor(view, state);
  for (const heat of root.querySelectorAll(".heat")) {
    const pick = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      if (partsAt(event, heat).every((part) => part >= 0 && part < 1)) choose({ cell: cellAt(event, heat, view.size) });
    };
    for (const event of ["pointerdown", "pointermove"]) heat.addEventListener(event, pick);
  }
}

/** The selected cell by slider, buttons and keys. */
function listenToEditor(view, { now, choose }) {
  const { control, grid, originals, size } = view;
  /** Give the selected cell a value; its own one takes the change away. */
  const edit = (change) => {
    const state = now();
    const { [state.cell]: before, ...others } = state.edits;
    const own = originals[state.map][state.cell];
    const next = change(before ?? own, own, stepOf(view, state));
    choose({ edits: next === own ? others : { ...others, [state.cell]: next } });
  };
  const raise = () => edit((x, _, step) => nextStep(x, step, 1));
  const lower = () => edit((x, _, step) => nextStep(x, step, -1));
  const empty = () => edit(() => 0);
  const reset = () => edit((_, own) => own);
  control("value").addEventListener("input", () => edit(() => Number(control("value").value)));
  const buttons = { less: lower, more: raise, reset, "reset-all": () => choose({ edits: {} }) };
  for (const [name, act] of Object.entries(buttons)) {
    control(name).addEventListener("click", () => {
      act();
      if (control(name).disabled) grid.focus(); // a button that has done its work cannot keep the focus
    });
  }
  const home = () => choose({ cell: strongest(edited(view, now())) });
  const keys = { "+": raise, "=": raise, "-": lower, "−": lower, 0: empty, r: reset, R: reset, Home: home };
  grid.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (withModifier(event) || (!step && !keys[event.key])) return;
    event.preventDefault(); // the page would scroll
    if (step) choose({ cell: neighbour(now().cell, step, size) });
    else keys[event.key]();
  });
}

export default widget(STATE, { build, draw, listen });
