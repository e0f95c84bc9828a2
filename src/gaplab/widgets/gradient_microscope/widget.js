// Gradient microscope. Pools and their gradients are computed here, in double precision, from the network's own maps.

const EPS = 1e-6; // GeM's clamp from below, as in gaplab.models.GeM
const BACK = ["average", "GeM, p = 3", "maximum"]; // in the order in which Python stores them
const shades = (hexes) => hexes.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const VIRIDIS = shades(
  ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"],
);
// Crameri's vik: as dark at both ends, light at zero.
const VIK = shades(
  ["#001261", "#033e7d", "#1e6f9d", "#71a8c4", "#c9dde7", "#ece5e0", "#eacebd", "#d39774", "#be6533", "#8b2706", "#590008"],
);

function colour(scale, part) {
  const at = Math.min(Math.max(part, 0), 1) * (scale.length - 1);
  const low = Math.min(Math.floor(at), scale.length - 2);
  const channels = scale[low].map((from, i) => Math.round(from + (at - low) * (scale[low + 1][i] - from)));
  return `rgb(${channels.join(",")})`;
}

/** A number from 0 to 1 as a colour. */
export const sequential = (part) => colour(VIRIDIS, part);

/** A number from -1 to 1 as a colour, light at 0. */
export const diverging = (part) => colour(VIK, (part + 1) / 2);

/** Black or white, whichever reads better on a colour of a scale. */
export function ink(fill) {
  const [red, green, blue] = fill.match(/\d+/g).map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

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

/** A share as a percentage with one decimal. */
export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** The smallest of 1, 2, 5 times a power of ten that is no less than a value. */
export function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return Number(([1, 2, 5].find((lead) => lead * power >= value * (1 - 1e-9)) ?? 10) * power).toPrecision(1) * 1;
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
  const [row, column] = [Math.floor(cell / size[1]) + 1, (cell % size[1]) + 1];
  return (
    `${label}: ${how} of ${size[0]} × ${size[1]} cells is ${number(value)}. ` +
    `Gradient${mask ? " behind the ReLU" : ""}: sum ${number(total)}, L2 ${number(length)}, ` +
    `density ${percent(density)}, effective density ${percent(effective)}. ` +
    `Row ${row}, column ${column}: activation ${number(now)}${now !== was ? ` (was ${number(was)})` : ""}, ` +
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
      <div class="heat" tabindex="0" role="application"><svg aria-hidden="true"></svg></div>
      <p class="gl-muted scale"><span>0</span><i aria-hidden="true"></i><span class="most"></span></p>
    </figure>
    <figure class="grad">
      <figcaption>Gradient <span class="gl-muted">of the pooled value</span></figcaption>
      <div class="heat"><svg aria-hidden="true"></svg></div>
      <p class="gl-muted scale"><span>0</span><i aria-hidden="true"></i><span class="most"></span></p>
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
const FIGURES = [
  ["value", "Pooled value"],
  ["total", "Sum of gradient"],
  ["length", "L2 of gradient"],
  ["density", "Density"],
  ["effective", "Effective density"],
];
const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STATE = ["map", "stop", "cell", "edits", "mask", "first"];

function render({ model, el }) {
  const labels = model.get("labels");
  const size = model.get("size");
  const [high, wide] = size;
  const n = high * wide;
  const powers = [...model.get("powers"), Infinity];
  const doubles = (view, from) => Array.from({ length: n }, (_, i) => view.getFloat64(8 * (from * n + i), true));
  const originals = labels.map((_, i) => doubles(model.get("values"), i));
  const withBack = model.get("with_back");
  const backs = withBack.map((has, i) => {
    const before = withBack.slice(0, i).filter(Boolean).length;
    return has ? BACK.map((_, j) => doubles(model.get("backs"), BACK.length * before + j)) : null;
  });

  const root = widgetRoot("gradient-microscope");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  const control = (name) => find(`[name="${name}"]`);
  const [choice, stop, value, mask, first, common] = ["map", "stop", "value", "mask", "first", "common"].map(control);
  const grid = find(".seen .heat");
  labels.forEach((label, i) => choice.add(new Option(label, i)));
  stop.max = powers.length - 1;
  const seen = buildHeat(grid, size);
  const grad = buildHeat(find(".grad .heat"), size);
  const trio = buildTrio(find(".trio"), size);
  const told = buildFigures(find(".figures"));

  const stored = () => Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
  const now = (state) => originals[state.map].map((x, i) => state.edits[i] ?? x);
  const strongest = (values) => values.indexOf(Math.max(...values));
  const top = (state) => Math.max(...originals[state.map], EPS);
  const stepOf = (state) => roundStep(top(state) / 100);
  let shown = "";
  let shownBack = "";

  function refresh() {
    const state = stored();
    const key = JSON.stringify(state);
    if (key === shown) return;
    shown = key;
    draw(state);
  }

  function draw(state) {
    const values = now(state);
    const p = powers[state.stop];
    const pooled = pool(values, p, state.first);
    const gradient = state.mask ? pooled.gradient.map((g, i) => (values[i] > 0 ? g : 0)) : pooled.gradient;
    const sums = { ...figures(gradient), value: pooled.value };
    drawControls(state, values, gradient, p);
    drawHeat(seen, find(".seen .most"), values, Math.max(top(state), ...values), state.cell);
    drawHeat(grad, find(".grad .most"), gradient, Math.max(...gradient), state.cell);
    originals[state.map].forEach((x, i) => {
      const cell = seen.cells[i];
      cell.classList.toggle("edited", values[i] !== x);
      cell.setAttribute("stroke", values[i] !== x ? ink(cell.getAttribute("fill")) : "none");
    });
    for (const [name] of FIGURES) {
      told[name].textContent = (name === "density" || name === "effective" ? percent : number)(sums[name]);
    }
    const { map, cell } = state;
    const words = { size, p, gradient, cell, value: pooled.value, mask: state.mask, label: labels[map] };
    find(".result").textContent = sentence({ ...words, now: values[cell], was: originals[map][cell] });
    drawBack(state);
  }

  function drawControls(state, values, gradient, p) {
    const [row, column] = [Math.floor(state.cell / wide) + 1, (state.cell % wide) + 1];
    const named = { 1: "p = 1, the average", Infinity: "p to infinity, the maximum" };
    choice.value = state.map;
    stop.value = state.stop;
    stop.setAttribute("aria-valuetext", named[p] ?? `p = ${p}`);
    find(".power").textContent = p === Infinity ? "p → ∞" : `p = ${p}`;
    for (const button of root.querySelectorAll(".presets button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.p) === p));
    }
    mask.checked = state.mask;
    first.checked = state.first;
    first.disabled = p !== Infinity;
    value.step = stepOf(state);
    value.max = nextStep(Math.max(1.5 * top(state), values[state.cell]) - stepOf(state), stepOf(state), 1);
    value.value = values[state.cell];
    value.setAttribute("aria-valuetext", number(values[state.cell]));
    find(".where b").textContent = `Row ${row}, column ${column}`;
    find(".where .slope").textContent = `gradient ${number(gradient[state.cell])}`;
    find(".now").textContent = number(values[state.cell]);
    control("less").disabled = values[state.cell] === 0;
    control("reset").disabled = state.edits[state.cell] === undefined;
    control("reset-all").disabled = !Object.keys(state.edits).length;
    grid.setAttribute(
      "aria-label",
      "Activation map: arrow keys go from cell to cell, plus and minus change the cell, 0 empties it, R resets it, " +
        "Home goes to the strongest cell",
    );
  }

  function drawBack(state) {
    const back = backs[state.map];
    const section = find(".back");
    section.hidden = !withBack.some(Boolean);
    section.dataset.measured = Boolean(back);
    if (!back) return;
    const key = JSON.stringify([state.map, common.checked]);
    const tops = back.map((values) => Math.max(...values.map(Math.abs)));
    trio.forEach((part, j) => {
      part.here.textContent = number(back[j][state.cell]);
      part.heat.mark(state.cell);
      if (key === shownBack) return;
      const most = common.checked ? Math.max(...tops) : tops[j];
      part.heat.cells.forEach((cell, i) => cell.setAttribute("fill", diverging(most ? back[j][i] / most : 0)));
      const { length, density } = figures(back[j]);
      part.length.textContent = number(length);
      part.density.textContent = percent(density);
      part.scale.textContent = `± ${number(most)}`;
    });
    shownBack = key;
  }

  /** The reader chose: tell the model what differs. */
  function choose(chosen) {
    const changed = Object.keys(chosen).filter((name) => JSON.stringify(chosen[name]) !== JSON.stringify(model.get(name)));
    if (!changed.length) return;
    for (const name of changed) model.set(name, chosen[name]);
    model.save_changes();
  }

  /** Give the selected cell a value; its own one takes the change away. */
  function edit(change) {
    const state = stored();
    const { [state.cell]: before, ...others } = state.edits;
    const own = originals[state.map][state.cell];
    const next = change(before ?? own, own, stepOf(state));
    choose({ edits: next === own ? others : { ...others, [state.cell]: next } });
  }
  const raise = () => edit((x, _, step) => nextStep(x, step, 1));
  const lower = () => edit((x, _, step) => nextStep(x, step, -1));
  const empty = () => edit(() => 0);
  const reset = () => edit((_, own) => own);

  choice.addEventListener("input", () => {
    const map = Number(choice.value);
    choose({ map, cell: strongest(originals[map]), edits: {} });
  });
  stop.addEventListener("input", () => choose({ stop: Number(stop.value) }));
  find(".presets").addEventListener("click", (event) => {
    const at = powers.indexOf(Number(event.target.dataset.p));
    if (at >= 0) choose({ stop: at });
  });
  value.addEventListener("input", () => edit(() => Number(value.value)));
  mask.addEventListener("input", () => choose({ mask: mask.checked }));
  first.addEventListener("input", () => choose({ first: first.checked }));
  common.addEventListener("input", () => drawBack(stored()));
  for (const [name, act] of [["less", lower], ["more", raise], ["reset", reset], ["reset-all", () => choose({ edits: {} })]]) {
    control(name).addEventListener("click", () => {
      act();
      if (control(name).disabled) grid.focus(); // a button that has done its work cannot keep the focus
    });
  }

  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { "+": raise, "=": raise, "-": lower, "−": lower, 0: empty, r: reset, R: reset };
    const step = STEP[event.key];
    if (!step && !keys[event.key] && event.key !== "Home") return;
    event.preventDefault(); // the page would scroll
    if (keys[event.key]) return void keys[event.key]();
    const state = stored();
    if (!step) return choose({ cell: strongest(now(state)) });
    const clip = (at, length) => Math.min(Math.max(at, 0), length - 1);
    const [x, y] = [clip((state.cell % wide) + step[0], wide), clip(Math.floor(state.cell / wide) + step[1], high)];
    choose({ cell: y * wide + x });
  });
  for (const heat of root.querySelectorAll(".heat")) {
    const pick = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const area = heat.getBoundingClientRect();
      const [x, y] = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
      if (x < 0 || y < 0 || x >= 1 || y >= 1) return;
      choose({ cell: Math.floor(y * high) * wide + Math.floor(x * wide) });
    };
    for (const event of ["pointerdown", "pointermove"]) heat.addEventListener(event, pick);
  }

  const events = STATE.map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);
  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

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

/** One square a cell, and a frame around the selected one: `{ cells, mark }`. */
function buildHeat(heat, [high, wide]) {
  const picture = heat.querySelector("svg");
  picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  const cells = Array.from({ length: high * wide }, (_, i) =>
    svg("rect", { x: i % wide, y: Math.floor(i / wide), width: 1, height: 1 }, picture),
  );
  const numbers = cells.map((_, i) =>
    svg("text", { x: (i % wide) + 0.5, y: Math.floor(i / wide) + 0.5, dy: "0.36em" }, picture),
  );
  // White within black stands out from every colour of the scale.
  const frame = svg("svg", { class: "marker", width: 1, height: 1, viewBox: "0 0 1 1", overflow: "visible" }, picture);
  for (const [stroke, width] of [["#000000", 6], ["#ffffff", 3]]) {
    svg("rect", { width: 1, height: 1, fill: "none", stroke, "stroke-width": width }, frame);
  }
  return {
    cells,
    numbers,
    drawn: [],
    mark(cell) {
      frame.setAttribute("x", cell % wide);
      frame.setAttribute("y", Math.floor(cell / wide));
    },
  };
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

function buildTrio(parent, size) {
  return BACK.map((name) => {
    const figure = element("figure", {}, parent);
    element("figcaption", { textContent: name }, figure);
    const heat = element("div", { className: "heat" }, figure);
    svg("svg", { "aria-hidden": "true" }, heat);
    const scale = element("p", { className: "gl-muted scale" }, figure);
    const list = element("dl", {}, figure);
    const entries = ["this cell", "density", "L2"].map((label) => {
      const line = element("div", {}, list);
      element("dt", { className: "gl-muted", textContent: label }, line);
      return element("dd", {}, line);
    });
    return { heat: buildHeat(heat, size), scale, here: entries[0], density: entries[1], length: entries[2] };
  });
}

function buildFigures(list) {
  return Object.fromEntries(
    FIGURES.map(([name, label]) => {
      const group = element("div", {}, list);
      element("dt", { className: "gl-muted", textContent: label }, group);
      return [name, element("dd", { className: name }, group)];
    }),
  );
}

export default { render };
