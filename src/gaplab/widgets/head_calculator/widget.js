// Head calculator. All numbers are whole and below 2^53, so ordinary JavaScript arithmetic on them is exact.
import { element, finder, widgetRoot } from "../kit/dom.js";
import { showNumber, wholeNumberProblem } from "../kit/fields.js";
import { formatCount, formatShape, formatTenths, roundedQuotient } from "../kit/format.js";
import { mapSide, smallestSize } from "../kit/layers.js";
import { latticePath, squarePath } from "../kit/squares.js";
import { widget } from "../kit/widget.js";

const CLASS_STOPS = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 21841];
const ADAM_VALUES = 4; // weight, gradient, first and second moment

/** Everything that both heads cost. Bytes are those of float32. */
export function headCosts(row, size, classes) {
  const side = mapSide(row.path, size);
  const head = (inputs, poolAdditions) => {
    const weights = inputs * classes;
    const parameters = weights + classes;
    return {
      inputs,
      weights,
      parameters,
      multiplyAdds: weights,
      poolAdditions,
      bytes: 4 * parameters,
      trainingBytes: 4 * ADAM_VALUES * parameters,
      permille: roundedQuotient(1000 * parameters, row.backbone_parameters + parameters),
    };
  };
  const positions = side * side;
  return {
    side,
    ratio: positions,
    flatten: head(positions * row.channels, 0),
    average: head(row.channels, positions * row.channels),
  };
}

/** Bytes in decimal megabytes, or in kilobytes below one megabyte. */
export function formatBytes(bytes) {
  const [unit, name] = bytes < 1_000_000 ? [1000, "kB"] : [1_000_000, "MB"];
  return `${formatTenths(roundedQuotient(10 * bytes, unit))} ${name}`;
}

/** The result in one sentence, the same that Python gives in `describe()`. */
export function sentence(row, size, classes) {
  const { side, ratio, flatten, average } = headCosts(row, size, classes);
  const start = `At ${formatCount(size)} px the last map of ${row.name} is ${formatShape(side, row.channels)}`;
  const [count, weights] = [classes, flatten.weights].map(formatCount);
  if (side === 1) {
    return `${start}: for ${count} classes the flattened head and the GAP head both have ${weights} weights.`;
  }
  return (
    `${start}: for ${count} classes the flattened head has ${weights} weights, ` +
    `${formatCount(ratio)} times the GAP head's ${formatCount(average.weights)}.`
  );
}

/** What is wrong with a choice: `{ field, message }`, or null. `size` and `classes` are the reader's own text. */
export function findProblem(row, size, classes, limits) {
  const problems = {
    size: wholeNumberProblem("input size", size, limits.size, " px"),
    classes: wholeNumberProblem("number of classes", classes, limits.classes),
  };
  for (const [field, message] of Object.entries(problems)) if (message) return { field, message };
  if (mapSide(row.path, Number(size)) > 0) return null;
  const [px, smallest] = [Number(size), smallestSize(row.path)].map(formatCount);
  return { field: "size", message: `${row.name} cannot take an input of ${px} px: choose at least ${smallest} px.` };
}

/** Position of the stop nearest to a number of classes, by ratio. */
export function nearestStop(classes) {
  const distances = CLASS_STOPS.map((stop) => Math.abs(Math.log(stop / classes)));
  return distances.indexOf(Math.min(...distances));
}

/** @type {[key: string, label: string, how: string, format: (value: number) => string][]} */
const TABLE_ROWS = [
  ["inputs", "Inputs", "H × W × C, or C", formatCount],
  ["weights", "Weights", "inputs × classes", formatCount],
  ["parameters", "Parameters", "and one bias a class", formatCount],
  ["multiplyAdds", "Multiply-adds", "an image", formatCount],
  ["poolAdditions", "Additions", "in the pool", formatCount],
  ["bytes", "Weight memory", "4 bytes a parameter", formatBytes],
  ["trainingBytes", "Training memory", "with Adam, 16 bytes a parameter", formatBytes],
  ["permille", "Share", "of backbone and head", (tenths) => `${formatTenths(tenths)} %`],
];

const TEMPLATE = `
  <div role="group" aria-label="Head calculator">
    <label class="gl-control"><span class="gl-label">Backbone</span><select name="network"></select></label>
    <div class="gl-control" role="group" aria-label="Input size">
      <span class="gl-label" aria-hidden="true">Input size (px)</span>
      <input type="range" name="size-slider" aria-label="Input size in pixels" />
      <input type="number" name="size" inputmode="numeric" aria-label="Input size in pixels, as a number" />
    </div>
    <div class="gl-control" role="group" aria-label="Classes">
      <span class="gl-label" aria-hidden="true">Classes</span>
      <input type="range" name="classes-slider" min="0" max="${
  CLASS_STOPS.length - 1
}" step="1" aria-label="Number of classes" />
      <input type="number" name="classes" inputmode="numeric" aria-label="Number of classes, as a number" />
    </div>
  </div>
  <p class="gl-error" role="alert"></p>
  <p class="result" aria-live="polite" aria-atomic="true"></p>
  <div class="picture">
    <div class="areas">
      <div class="area backbone"><svg viewBox="0 0 100 100" aria-hidden="true"><path class="fill" /></svg><p><b>Backbone</b><br /><span></span></p></div>
      <div class="area flatten"><svg viewBox="0 0 100 100" aria-hidden="true"><path class="fill" /><path class="tiles" /></svg><p><b>Flattened head</b><br /><span></span></p></div>
      <div class="area average"><svg viewBox="0 0 100 100" aria-hidden="true"><path class="fill" /></svg><p><b>GAP head</b><br /><span></span></p></div>
    </div>
    <p class="gl-muted scale"></p>
  </div>
  <table class="gl-table" aria-label="Cost of both heads">
    <thead><tr><td></td><th scope="col">Flattened</th><th scope="col">GAP</th></tr></thead>
    <tbody></tbody>
  </table>
  <p class="gl-muted published"></p>
`;

const STATE = ["network", "size", "classes"];

function build(model) {
  const [rows, limits] = [model.get("rows"), model.get("limits")];
  const root = widgetRoot("head-calculator", TEMPLATE);
  const find = finder(root);
  const field = (name) => find(`[name="${name}"]`);
  const [network, size, classes, sizeSlider, classesSlider] = [...STATE, "size-slider", "classes-slider"].map(field);
  for (const row of rows) network.add(new Option(row.name));
  for (const input of [size, sizeSlider]) [input.min, input.max] = limits.size;
  [classes.min, classes.max] = limits.classes;
  const cells = new Map(TABLE_ROWS.map(([key, label, how]) => [key, buildRow(find("tbody"), key, label, how)]));
  const rowOf = (name) => rows.find((row) => row.name === name);
  return { root, find, rowOf, limits, network, size, classes, sizeSlider, classesSlider, cells };
}

function buildRow(body, key, label, how) {
  const row = body.insertRow();
  row.dataset.quantity = key;
  row.append(element("th", { scope: "row" }, `${label} `, element("span", { className: "gl-muted" }, how)));
  return [row.insertCell(), row.insertCell()];
}

function draw(view, state) {
  const row = view.rowOf(state.network);
  // Python may change two traits in two messages: skip a pair that never was meant to stand.
  if (!row || findProblem(row, String(state.size), String(state.classes), view.limits)) return;
  view.shown = state;
  view.network.value = state.network;
  showNumber(view.size, state.size);
  showNumber(view.classes, state.classes);
  view.sizeSlider.value = state.size;
  view.sizeSlider.setAttribute("aria-valuetext", `${state.size} pixels`);
  view.classesSlider.value = nearestStop(state.classes);
  view.classesSlider.setAttribute("aria-valuetext", `${formatCount(state.classes)} classes`);
  drawCosts(view, row, state);
  showProblem(view, null);
}

function drawCosts({ find, cells }, row, { size, classes }) {
  const costs = headCosts(row, size, classes);
  find(".result").textContent = sentence(row, size, classes);
  for (const [key, , , format] of TABLE_ROWS) {
    cells.get(key)[0].textContent = format(costs.flatten[key]);
    cells.get(key)[1].textContent = format(costs.average[key]);
  }
  drawAreas(find, row, costs);
  const all = row.backbone_parameters + row.head_parameters;
  find(".published").textContent =
    `As published, ${row.name} has ${formatCount(row.head_parameters)} parameters in its own head, ` +
    `${formatTenths(roundedQuotient(1000 * row.head_parameters, all))} % of ${formatCount(all)}.`;
}

/** Three squares whose areas are to one scale; the largest fills its box of 100 x 100. */
function drawAreas(find, row, { side, flatten, average }) {
  const counts = { backbone: row.backbone_parameters, average: average.weights, flatten: flatten.weights };
  const largest = Math.max(...Object.values(counts));
  const edgeOf = (count) => 100 * Math.sqrt(count / largest);
  for (const [name, value] of Object.entries(counts)) {
    find(`.${name} .fill`).setAttribute("d", squarePath(edgeOf(value)));
    find(`.${name} span`).textContent = `${formatCount(value)} ${name === "backbone" ? "parameters" : "weights"}`;
  }
  const edge = edgeOf(flatten.weights);
  const between = Array.from({ length: side - 1 }, (_, i) => ((i + 1) * edge) / side);
  find(".flatten .tiles").setAttribute("d", latticePath(edge, between));
  find(".scale").textContent = side === 1
    ? "Areas are to scale. One position is left, so pooling has nothing to pool."
    : `Areas are to scale. Each of the ${side} × ${side} tiles of the flattened head is as large as the whole GAP head.`;
}

function showProblem({ find, size, classes, shown }, problem) {
  for (const input of [size, classes]) {
    input.setAttribute("aria-invalid", String(problem?.field === input.name));
  }
  const still = `Below are still ${shown.network}, ${shown.size} px, ${formatCount(shown.classes)} classes.`;
  find(".gl-error").textContent = problem ? `${problem.message} ${still}` : "";
}

function listen(view, { choose }) {
  const { rowOf, limits, network, size, classes, sizeSlider, classesSlider } = view;
  /** The reader changed a control: keep the choice if it is good, say what is wrong if not. */
  const commit = () => {
    const problem = findProblem(rowOf(network.value), size.value, classes.value, limits);
    if (problem?.field !== "size") sizeSlider.value = size.value;
    showProblem(view, problem);
    if (!problem) choose({ network: network.value, size: Number(size.value), classes: Number(classes.value) });
  };
  for (const control of [network, size, classes]) control.addEventListener("input", commit);
  sizeSlider.addEventListener("input", () => {
    size.value = sizeSlider.value;
    commit();
  });
  classesSlider.addEventListener("input", () => {
    classes.value = CLASS_STOPS[classesSlider.value];
    commit();
  });
}

export default widget(STATE, { build, draw, listen });
