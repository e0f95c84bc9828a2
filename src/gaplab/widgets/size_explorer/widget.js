// Size explorer. Sides, counts and tenths of a percent are whole numbers below 2^53, so arithmetic on them is exact.

/** Side of the map behind one layer `[kernel, stride, padding, ceil_mode]`; 0 or less if the window does not fit. */
export function stepSide([kernel, stride, padding, ceilMode], side) {
  const room = side + 2 * padding - kernel;
  const out = (ceilMode ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  // PyTorch drops a last window that would begin in the padding on the far side.
  return ceilMode && (out - 1) * stride >= side + padding ? out - 1 : out;
}

/** Side of the map after each stage of a network; 0 from the stage on whose windows do not fit. */
export function stageSides(network, size) {
  let side = size;
  return network.stages.map(({ steps }) => {
    for (const step of steps) side = side > 0 ? Math.max(0, stepSide(step, side)) : 0;
    return side;
  });
}

/** Side of the last map, 0 if none is left. */
export function lastSide(network, size) {
  return stageSides(network, size).at(-1);
}

/** Smallest square input, in pixels, that leaves a last map. */
export function smallestSize(network) {
  let size = 1;
  while (size < network.largest && lastSide(network, size) === 0) size += 1;
  return size;
}

/** 1234567 as "1,234,567". */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Tenths as a decimal: 1234 as "123.4". */
export function formatTenths(tenths) {
  return `${formatCount(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** The quotient of two whole numbers, rounded half up, in whole-number arithmetic. */
export function roundedQuotient(numerator, denominator) {
  const doubled = 2 * numerator + denominator;
  return (doubled - (doubled % (2 * denominator))) / (2 * denominator);
}

const shape = (side, channels) => `${side} × ${side} × ${formatCount(channels)}`;

/** What a head makes of a network's last map: `{ works, words }`, the same words that Python gives. */
export function outcome(head, network, size) {
  const side = lastSide(network, size);
  if (side === 0) {
    const smallest = formatCount(smallestSize(network));
    const words = `No map is left at ${formatCount(size)} px: ${network.name} needs ${smallest} px or more.`;
    return { works: false, words };
  }
  const built = lastSide(network, network.trained);
  const channels = network.stages.at(-1).channels;
  const [all, one] = [formatCount(side * side * channels), formatCount(channels)];
  const window = side - built + 1;
  const misfit = { works: false, words: `A window of ${built} × ${built} does not fit into a map of ${side} × ${side}.` };
  if (head === "average" || head === "max") return { works: true, words: `${one} numbers, as many as the classifier reads.` };
  if (head === "flatten") {
    const words = `The map flattens to ${all} numbers`;
    if (side === built) return { works: true, words: `${words}, as many as the layer has weights for.` };
    return { works: false, words: `${words}; the layer has weights for ${formatCount(built * built * channels)}.` };
  }
  if (head === "window") {
    if (window < 1) return misfit;
    const words = `A window of ${built} × ${built} leaves ${shape(window, channels)}`;
    if (window === 1) return { works: true, words: `${words}, as much as the classifier reads.` };
    const left = formatCount(window * window * channels);
    return { works: false, words: `${words} = ${left} numbers; the classifier reads ${one}.` };
  }
  if (head === "adaptive") {
    const how = side === built ? "copied" : side > built ? "averaged" : "stretched";
    return { works: true, words: `Cells are ${how} into ${shape(built, channels)}, for any map.` };
  }
  if (window < 1) return misfit;
  if (window === 1) return { works: true, words: "1 × 1 score for each class, the same as the layer's." };
  return { works: true, words: `${window} × ${window} scores for each class, one for each window.` };
}

/** The last map and what the head makes of it, in one sentence: Python's `describe()`. */
export function sentence(network, size, head, label) {
  const side = lastSide(network, size);
  const px = `At ${formatCount(size)} px`;
  const start = side
    ? `${px} the last map of ${network.name} is ${shape(side, network.stages.at(-1).channels)}.`
    : `${px} ${network.name} has no last map.`;
  const { works, words } = outcome(head, network, size);
  return `${start} ${label}: it ${works ? "works" : "breaks"}. ${words}`;
}

/**
 * Where a size lies on a measured curve: `{ at, next, part }`, the points before and after it and how far between.
 * The size is compared as a share of the training size, so that another network's pixels can be placed too.
 * Null outside of what was measured.
 */
export function placeOnCurve(curve, measured, network, size) {
  const scaled = size * measured.trained;
  const at = curve.sizes.findLastIndex((point) => point * network.trained <= scaled);
  if (at < 0) return null;
  const left = curve.sizes[at] * network.trained;
  if (left === scaled) return { at, next: at, part: 0 };
  if (at + 1 === curve.sizes.length) return null;
  return { at, next: at + 1, part: (scaled - left) / (curve.sizes[at + 1] * network.trained - left) };
}

const percent = (curve, i) => `${formatTenths(curve.mean[i])} ± ${formatTenths(curve.spread[i])} %`;

/** The measured accuracy at a size, in words. */
export function accuracyAt(curve, place) {
  if (!place) return "not measured here";
  if (place.at === place.next) return percent(curve, place.at);
  const [a, b] = [place.at, place.next].map((i) => `${formatTenths(curve.mean[i])} % at ${curve.sizes[i]} px`);
  return `between ${a} and ${b}`;
}

/** The measured accuracy of the chosen head at this size, in one sentence. */
export function accuracySentence(curves, head, measured, network, size) {
  const curve = curves.find((one) => one.head === head);
  if (!curve) return `The accuracy of this head was not measured at other sizes than ${measured.trained} px.`;
  const place = placeOnCurve(curve, measured, network, size);
  const hundredths = String(roundedQuotient(100 * size, network.trained)).padStart(3, "0");
  const ratio = `${hundredths.slice(0, -2)}.${hundredths.slice(-2)}`;
  const where =
    network.name === measured.name
      ? `${measured.name}, trained at ${measured.trained} px, at ${size} px`
      : `Not measured on ${network.name}. ${measured.name}, at the same ratio of test to training size (${ratio})`;
  if (!place) return `${where}: not measured; it was tested from ${curve.sizes[0]} to ${curve.sizes.at(-1)} px.`;
  return `${where}: ${accuracyAt(curve, place)} right (${curve.seeds} seeds).`;
}

/** What is wrong with a size as the reader typed it, or null. */
export function findProblem(network, text) {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 1 && value <= network.largest) return null;
  const given = text.trim() === "" ? "empty" : `${Number.isInteger(value) ? formatCount(value) : text} px`;
  return `The input size is ${given}: choose a whole number from 1 to ${formatCount(network.largest)}.`;
}

const TEMPLATE = `
  <form aria-label="Size explorer">
    <label class="gl-control"><span class="gl-label">Network</span><select name="network"></select></label>
    <div class="gl-control" role="group" aria-label="Input size">
      <span class="gl-label" aria-hidden="true">Input size (px)</span>
      <input type="range" name="size-slider" min="1" aria-label="Input size in pixels" />
      <input type="number" name="size" min="1" inputmode="numeric" aria-label="Input size in pixels, as a number" />
    </div>
    <p class="gl-error" role="alert"></p>
    <p class="result" aria-live="polite" aria-atomic="true"></p>
    <div class="layout explored">
      <figure class="all">
        <figcaption>Every map, to one scale</figcaption>
        <svg class="maps" viewBox="-1 -1 102 102" aria-hidden="true"><path class="frame" d="M0 0H100V100H0Z" /></svg>
      </figure>
      <table class="gl-table stages" aria-label="Map after each stage">
        <thead><tr><th scope="col">Stage</th><th scope="col">Map</th><th scope="col">Numbers in it</th></tr></thead>
        <tbody></tbody>
      </table>
      <figure class="last-map">
        <figcaption>The last map, cell by cell; dashed: what a fixed head was built for</figcaption>
        <svg class="grid" viewBox="-1 -1 102 102" aria-hidden="true">
          <path class="frame" d="M0 0H100V100H0Z" /><path class="cells" /><path class="built" />
        </svg>
      </figure>
      <fieldset><legend>Head</legend></fieldset>
    </div>
  </form>
  <div class="layout measured">
    <figure><figcaption></figcaption><svg class="chart" viewBox="0 0 360 200" aria-hidden="true"></svg></figure>
    <div>
      <p class="accuracy" aria-live="polite" aria-atomic="true"></p>
      <ul class="legend"></ul>
    </div>
  </div>
`;

function render({ model, el }) {
  const networks = model.get("networks");
  const curves = model.get("curves");
  const heads = new Map(model.get("heads"));
  const measured = networks.find((one) => one.name === model.get("measured_on"));
  const root = widgetRoot("size-explorer");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  const [choice, size, slider] = ["network", "size", "size-slider"].map((name) => find(`[name="${name}"]`));
  for (const network of networks) choice.add(new Option(network.name));
  const radios = buildHeads(find("fieldset"), heads);
  const chart = buildChart(root, curves, measured);
  const error = find(".gl-error");

  const named = (name) => networks.find((one) => one.name === name);
  const stored = () => ({ network: model.get("network"), size: model.get("size"), head: model.get("head") });
  let shown = null;

  function draw(state) {
    const network = named(state.network);
    if (shown?.network !== state.network) buildStages(find(".stages tbody"), find(".maps"), network);
    const sides = [state.size, ...stageSides(network, state.size)];
    drawMaps(root, network, sides);
    drawGrid(root, network, sides.at(-1));
    for (const [key, radio] of radios) showHead(radio, outcome(key, network, state.size));
    find(".result").textContent = sentence(network, state.size, state.head, heads.get(state.head));
    chart.mark(network, state.size);
    find(".accuracy").textContent = accuracySentence(curves, state.head, measured, network, state.size);
    shown = state;
  }

  function showProblem(problem) {
    size.setAttribute("aria-invalid", String(Boolean(problem)));
    error.textContent = problem ? `${problem} Below are still ${shown.network}, ${formatCount(shown.size)} px.` : "";
  }

  /** The model changed: by the reader here, by another view, or by Python. */
  function refresh() {
    const state = stored();
    const unchanged = shown && Object.keys(state).every((key) => state[key] === shown[key]);
    const network = named(state.network);
    // Python may change two traits in two messages: skip a pair that never was meant to stand.
    if (unchanged || !network || !heads.has(state.head) || findProblem(network, String(state.size))) return;
    choice.value = state.network;
    slider.max = size.max = network.largest;
    slider.value = state.size;
    slider.setAttribute("aria-valuetext", `${state.size} pixels`);
    // A number that the reader is typing is left as typed.
    if (Number(size.value) !== state.size) size.value = state.size;
    radios.get(state.head).querySelector("input").checked = true;
    draw(state);
    showProblem(null);
  }

  /** The reader changed a control: keep the choice if it is good, say what is wrong if not. */
  function commit() {
    const network = named(choice.value);
    const before = stored();
    // Pixels of a network that was trained at another size say nothing here: start from its own.
    if (network.trained !== named(before.network).trained) size.value = network.trained;
    const problem = findProblem(network, size.value);
    showProblem(problem);
    if (problem) return;
    const head = [...radios].find(([, radio]) => radio.querySelector("input").checked)[0];
    const chosen = { network: network.name, size: Number(size.value), head };
    const changed = Object.keys(chosen).filter((name) => chosen[name] !== before[name]);
    if (!changed.length) return;
    for (const name of changed) model.set(name, chosen[name]);
    model.save_changes();
  }

  for (const control of [choice, size, find("fieldset")]) control.addEventListener("input", commit);
  slider.addEventListener("input", () => {
    size.value = slider.value;
    commit();
  });
  find("form").addEventListener("submit", (event) => event.preventDefault());
  const events = ["network", "size", "head"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);

  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

function svg(name, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** One radio button a head; the form around them keeps two widgets on a page apart. */
function buildHeads(fieldset, heads) {
  const rows = new Map();
  for (const [key, label] of heads) {
    const row = element("label", { className: "head" });
    row.dataset.head = key;
    const words = element("span");
    words.append(element("span", { className: "name", textContent: label }), element("span", { className: "state" }));
    row.append(element("input", { type: "radio", name: "head", value: key }), words);
    fieldset.append(row);
    rows.set(key, row);
  }
  return rows;
}

function showHead(row, { works, words }) {
  row.dataset.works = works;
  const mark = element("span", { className: "sign", textContent: works ? "✓" : "✕" });
  mark.setAttribute("aria-hidden", "true");
  row.querySelector(".state").replaceChildren(mark, ` ${works ? "works" : "breaks"}. ${words}`);
}

function buildStages(body, picture, network) {
  body.replaceChildren();
  picture.querySelectorAll(".map").forEach((path) => path.remove());
  const stages = [{ name: "input", channels: network.channels }, ...network.stages];
  stages.forEach(({ name, channels }, i) => {
    const row = body.insertRow();
    row.dataset.stage = name;
    row.dataset.channels = channels;
    row.append(element("th", { scope: "row", textContent: name }));
    row.insertCell();
    row.insertCell();
    picture.append(svg("path", { class: i + 1 === stages.length ? "map last" : "map" }));
  });
}

/** A square for each map, corner on corner; the frame is the largest input on offer. */
function drawMaps(root, network, sides) {
  const rows = root.querySelectorAll(".stages tbody tr");
  const paths = root.querySelectorAll(".maps .map");
  sides.forEach((side, i) => {
    const [, map, count] = rows[i].cells;
    const channels = Number(rows[i].dataset.channels);
    map.textContent = side ? shape(side, channels) : "none";
    count.textContent = formatCount(side * side * channels);
    const edge = (100 * side) / network.largest;
    paths[i].setAttribute("d", `M0 100V${100 - edge}H${edge}V100Z`);
  });
}

/** The cells of the last map, and the map that a head of a fixed size was built for. */
function drawGrid(root, network, side) {
  const cell = 100 / lastSide(network, network.largest);
  const [edge, built] = [side * cell, lastSide(network, network.trained) * cell];
  const lines = Array.from({ length: side + 1 }, (_, i) => `M${i * cell} 100V${100 - edge}M0 ${100 - i * cell}H${edge}`);
  root.querySelector(".grid .cells").setAttribute("d", side ? lines.join("") : "");
  root.querySelector(".grid .built").setAttribute("d", `M0 100V${100 - built}H${built}V100Z`);
}

/** The measured curves, drawn once; `mark` puts a dot on each at a size. */
function buildChart(root, curves, measured) {
  const picture = root.querySelector(".chart");
  const every = curves.flatMap((curve) => curve.sizes);
  const [low, high] = [Math.min(...every), Math.max(...every)];
  const x = (size) => 38 + (312 * (size - low)) / (high - low || 1);
  const y = (tenths) => 170 - (160 * tenths) / 1000;
  root.querySelector(".measured figcaption").textContent =
    `Measured accuracy of ${measured.name}, trained at ${measured.trained} px`;
  const text = (words, attributes) => {
    const node = svg("text", attributes);
    node.textContent = words;
    picture.append(node);
  };
  for (const tenths of [0, 250, 500, 750, 1000]) {
    picture.append(svg("path", { class: "frame", d: `M38 ${y(tenths)}H350` }));
    text(`${tenths / 10}`, { x: 32, y: y(tenths) + 4, "text-anchor": "end" });
  }
  for (const size of new Set([low, measured.trained, high])) text(size, { x: x(size), y: 184, "text-anchor": "middle" });
  text("input size (px); right answers (%)", { x: 194, y: 198, "text-anchor": "middle" });
  const here = svg("path", { class: "here" });
  picture.append(here);
  const legend = root.querySelector(".legend");
  const parts = curves.map((curve, i) => {
    const group = svg("g", { "data-series": i });
    const points = curve.sizes.map((size, j) => `${x(size)} ${y(curve.mean[j])}`);
    const edge = (sign) => curve.sizes.map((size, j) => `${x(size)} ${y(curve.mean[j] + sign * curve.spread[j])}`);
    group.append(svg("path", { class: "band", d: `M${edge(1).join("L")}L${edge(-1).reverse().join("L")}Z` }));
    group.append(svg("path", { class: "series", d: `M${points.join("L")}` }));
    const dot = svg("circle", { class: "dot", r: 5 });
    group.append(dot);
    picture.append(group);
    const item = element("li");
    item.dataset.series = i;
    const sample = svg("svg", { viewBox: "0 0 32 10", "aria-hidden": "true" });
    sample.append(svg("path", { class: "series", d: "M0 5H32" }));
    const value = element("b");
    item.append(sample, ` ${curve.label}: `, value);
    legend.append(item);
    return { curve, dot, value };
  });
  return {
    mark(network, size) {
      const at = (size * measured.trained) / network.trained;
      here.setAttribute("d", at >= low && at <= high ? `M${x(at)} 8V170` : "");
      for (const { curve, dot, value } of parts) {
        const place = placeOnCurve(curve, measured, network, size);
        value.textContent = accuracyAt(curve, place);
        dot.style.display = place ? "" : "none";
        if (!place) continue;
        dot.setAttribute("cx", x(at));
        dot.setAttribute("cy", y(curve.mean[place.at] * (1 - place.part) + curve.mean[place.next] * place.part));
      }
    },
  };
}

export default { render };
