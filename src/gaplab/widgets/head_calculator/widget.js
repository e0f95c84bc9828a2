// Head calculator. All numbers are whole and below 2^53, so ordinary JavaScript arithmetic on them is exact.

const CLASS_STOPS = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 21841];
const ADAM_VALUES = 4; // weight, gradient, first and second moment

/** Side of the last map for a square input of `size` pixels; 0 if some window does not fit. */
export function mapSide(path, size) {
  let side = size;
  for (const [kernel, stride, padding, ceilMode] of path) {
    const room = side + 2 * padding - kernel;
    let out = (ceilMode ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
    // PyTorch drops a last window that would begin in the padding on the far side.
    if (ceilMode && (out - 1) * stride >= side + padding) out -= 1;
    if (out < 1) return 0;
    side = out;
  }
  return side;
}

/** Smallest square input, in pixels, that leaves a map at all. */
export function smallestSize(path) {
  let size = 1;
  while (mapSide(path, size) === 0) size += 1;
  return size;
}

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

/** The quotient of two whole numbers, rounded half up, in whole-number arithmetic. */
export function roundedQuotient(numerator, denominator) {
  const doubled = 2 * numerator + denominator;
  return (doubled - (doubled % (2 * denominator))) / (2 * denominator);
}

/** 1234567 as "1,234,567". */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Tenths as a decimal: 1234 as "123.4". */
export function formatTenths(tenths) {
  return `${formatCount(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** Bytes in decimal megabytes, or in kilobytes below one megabyte. */
export function formatBytes(bytes) {
  const [unit, name] = bytes < 1_000_000 ? [1000, "kB"] : [1_000_000, "MB"];
  return `${formatTenths(roundedQuotient(10 * bytes, unit))} ${name}`;
}

/** The result in one sentence, the same that Python gives in `describe()`. */
export function sentence(row, size, classes) {
  const { side, ratio, flatten, average } = headCosts(row, size, classes);
  const start = `At ${formatCount(size)} px the last map of ${row.name} is ${side} × ${side} × ${formatCount(row.channels)}`;
  const weights = `${formatCount(flatten.weights)} weights`;
  if (side === 1) return `${start}: for ${formatCount(classes)} classes the flattened head and the GAP head both have ${weights}.`;
  return (
    `${start}: for ${formatCount(classes)} classes the flattened head has ${weights}, ` +
    `${formatCount(ratio)} times the GAP head's ${formatCount(average.weights)}.`
  );
}

/** What is wrong with a choice: `{ field, message }`, or null. `size` and `classes` are the reader's own text. */
export function findProblem(row, size, classes, limits) {
  const fields = [
    ["size", "input size", size, " px"],
    ["classes", "number of classes", classes, ""],
  ];
  for (const [field, what, text, unit] of fields) {
    const [low, high] = limits[field];
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < low || value > high) {
      const given = text.trim() === "" ? "empty" : `${Number.isInteger(value) ? formatCount(value) : text}${unit}`;
      const message = `The ${what} is ${given}: choose a whole number from ${formatCount(low)} to ${formatCount(high)}.`;
      return { field, message };
    }
  }
  if (mapSide(row.path, Number(size)) === 0) {
    const smallest = formatCount(smallestSize(row.path));
    const message = `${row.name} cannot take an input of ${formatCount(Number(size))} px: choose at least ${smallest} px.`;
    return { field: "size", message };
  }
  return null;
}

/** Position of the stop nearest to a number of classes, by ratio. */
export function nearestStop(classes) {
  const distances = CLASS_STOPS.map((stop) => Math.abs(Math.log(stop / classes)));
  return distances.indexOf(Math.min(...distances));
}

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
      <input type="range" name="classes-slider" min="0" max="${CLASS_STOPS.length - 1}" step="1" aria-label="Number of classes" />
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

function render({ model, el }) {
  const rows = model.get("rows");
  const limits = model.get("limits");
  const root = widgetRoot("head-calculator");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  const field = (name) => find(`[name="${name}"]`);
  const [network, size, classes] = [field("network"), field("size"), field("classes")];
  const [sizeSlider, classesSlider] = [field("size-slider"), field("classes-slider")];
  for (const row of rows) network.add(new Option(row.name));
  for (const input of [size, sizeSlider]) [input.min, input.max] = limits.size;
  [classes.min, classes.max] = limits.classes;
  const cells = buildTable(find("tbody"));
  const error = find(".gl-error");

  const rowOf = (name) => rows.find((row) => row.name === name);
  const stored = () => ({ network: model.get("network"), size: model.get("size"), classes: model.get("classes") });
  let shown = null;

  function draw(state) {
    const row = rowOf(state.network);
    const costs = headCosts(row, state.size, state.classes);
    find(".result").textContent = sentence(row, state.size, state.classes);
    for (const [key, , , format] of TABLE_ROWS) {
      cells.get(key)[0].textContent = format(costs.flatten[key]);
      cells.get(key)[1].textContent = format(costs.average[key]);
    }
    drawAreas(root, row, costs);
    const permille = roundedQuotient(1000 * row.head_parameters, row.backbone_parameters + row.head_parameters);
    find(".published").textContent =
      `As published, ${row.name} has ${formatCount(row.head_parameters)} parameters in its own head, ` +
      `${formatTenths(permille)} % of ${formatCount(row.backbone_parameters + row.head_parameters)}.`;
    shown = state;
  }

  function showSliders(state) {
    sizeSlider.value = state.size;
    sizeSlider.setAttribute("aria-valuetext", `${state.size} pixels`);
    classesSlider.value = nearestStop(state.classes);
    classesSlider.setAttribute("aria-valuetext", `${formatCount(state.classes)} classes`);
  }

  function showProblem(problem) {
    for (const input of [size, classes]) {
      input.setAttribute("aria-invalid", String(problem?.field === input.name));
    }
    error.textContent = problem
      ? `${problem.message} Below are still ${shown.network}, ${shown.size} px, ${formatCount(shown.classes)} classes.`
      : "";
  }

  /** The model changed: by the reader here, by another view, or by Python. */
  function refresh() {
    const state = stored();
    const unchanged = shown && Object.keys(state).every((key) => state[key] === shown[key]);
    const row = rowOf(state.network);
    // Python may change two traits in two messages: skip a pair that never was meant to stand.
    if (unchanged || !row || findProblem(row, String(state.size), String(state.classes), limits)) return;
    network.value = state.network;
    // A number that the reader is typing is left as typed.
    for (const input of [size, classes]) if (Number(input.value) !== state[input.name]) input.value = state[input.name];
    showSliders(state);
    draw(state);
    showProblem(null);
  }

  /** The reader changed a control: keep the choice if it is good, say what is wrong if not. */
  function commit() {
    const problem = findProblem(rowOf(network.value), size.value, classes.value, limits);
    if (!problem || problem.field !== "size") sizeSlider.value = size.value;
    showProblem(problem);
    if (problem) return;
    const before = stored();
    const chosen = { network: network.value, size: Number(size.value), classes: Number(classes.value) };
    const changed = Object.keys(chosen).filter((name) => chosen[name] !== before[name]);
    if (!changed.length) return;
    for (const name of changed) model.set(name, chosen[name]);
    model.save_changes();
  }

  for (const control of [network, size, classes]) control.addEventListener("input", commit);
  sizeSlider.addEventListener("input", () => {
    size.value = sizeSlider.value;
    commit();
  });
  classesSlider.addEventListener("input", () => {
    classes.value = CLASS_STOPS[classesSlider.value];
    commit();
  });
  const events = ["network", "size", "classes"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);

  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

function buildTable(body) {
  const cells = new Map();
  for (const [key, label, how] of TABLE_ROWS) {
    const row = body.insertRow();
    row.dataset.quantity = key;
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.append(`${label} `, Object.assign(document.createElement("span"), { className: "gl-muted", textContent: how }));
    row.append(heading);
    cells.set(key, [row.insertCell(), row.insertCell()]);
  }
  return cells;
}

/** Three squares whose areas are to one scale; the largest fills its box of 100 x 100. */
function drawAreas(root, row, { side, flatten, average }) {
  const counts = { backbone: row.backbone_parameters, average: average.weights, flatten: flatten.weights };
  const largest = Math.max(...Object.values(counts));
  for (const [name, value] of Object.entries(counts)) {
    const edge = 100 * Math.sqrt(value / largest);
    root.querySelector(`.${name} .fill`).setAttribute("d", `M0 100V${100 - edge}H${edge}V100Z`);
    root.querySelector(`.${name} span`).textContent = `${formatCount(value)} ${name === "backbone" ? "parameters" : "weights"}`;
    if (name !== "flatten") continue;
    const lines = Array.from({ length: side - 1 }, (_, i) => ((i + 1) * edge) / side);
    const tiles = lines.map((at) => `M${at} 100V${100 - edge}M0 ${100 - at}H${edge}`).join("");
    root.querySelector(".flatten .tiles").setAttribute("d", tiles);
  }
  root.querySelector(".scale").textContent =
    side === 1
      ? "Areas are to scale. One position is left, so pooling has nothing to pool."
      : `Areas are to scale. Each of the ${side} × ${side} tiles of the flattened head is as large as the whole GAP head.`;
}

export default { render };
