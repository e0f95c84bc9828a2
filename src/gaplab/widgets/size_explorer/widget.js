// Size explorer. Sides, counts and tenths of a percent are whole numbers below 2^53, so arithmetic on them is exact.
import { element, finder, setAll, widgetRoot } from "../kit/dom.js";
import { showNumber, wholeNumberProblem } from "../kit/fields.js";
import { formatCount, formatDecimal, formatShape, formatTenths, roundedQuotient } from "../kit/format.js";
import { mapSide, smallestSize } from "../kit/layers.js";
import { latticePath, squarePath } from "../kit/squares.js";
import { svg } from "../kit/svg.js";
import { widget } from "../kit/widget.js";

/** Side of the map after each stage of a network; 0 from the stage on whose windows do not fit. */
export function stageSides(network, size) {
  let side = size;
  return network.stages.map(({ steps }) => (side = mapSide(steps, side)));
}

const layersOf = (network) => network.stages.flatMap(({ steps }) => steps);

/** Side of the last map, 0 if none is left. */
const lastSide = (network, size) => mapSide(layersOf(network), size);

/** What a head makes of a network's last map: `{ works, words }`, the same words that Python gives. */
export function outcome(head, network, size) {
  const side = lastSide(network, size);
  if (side > 0) return OUTCOMES[head](side, lastSide(network, network.trained), network.stages.at(-1).channels);
  const smallest = formatCount(smallestSize(layersOf(network), network.largest));
  return breaks(`No map is left at ${formatCount(size)} px: ${network.name} needs ${smallest} px or more.`);
}

const works = (words) => ({ works: true, words });
const breaks = (words) => ({ works: false, words });
const pooled = (_side, _built, channels) => works(`${formatCount(channels)} numbers, as many as the classifier reads.`);
const misfit = (side, built) => breaks(`A window of ${built} × ${built} does not fit into a map of ${side} × ${side}.`);

/** Each head's outcome for a map of `side` cells, if the head was built for one of `built` cells. */
const OUTCOMES = {
  average: pooled,
  max: pooled,
  flatten(side, built, channels) {
    const words = `The map flattens to ${formatCount(side * side * channels)} numbers`;
    if (side === built) return works(`${words}, as many as the layer has weights for.`);
    return breaks(`${words}; the layer has weights for ${formatCount(built * built * channels)}.`);
  },
  window(side, built, channels) {
    const window = side - built + 1;
    if (window < 1) return misfit(side, built);
    const words = `A window of ${built} × ${built} leaves ${formatShape(window, channels)}`;
    if (window === 1) return works(`${words}, as much as the classifier reads.`);
    const [left, read] = [window * window * channels, channels].map(formatCount);
    return breaks(`${words} = ${left} numbers; the classifier reads ${read}.`);
  },
  adaptive(side, built, channels) {
    const how = side === built ? "copied" : side > built ? "averaged" : "stretched";
    return works(`Cells are ${how} into ${formatShape(built, channels)}, for any map.`);
  },
  convolution(side, built) {
    const window = side - built + 1;
    if (window < 1) return misfit(side, built);
    if (window === 1) return works("1 × 1 score for each class, the same as the layer's.");
    return works(`${window} × ${window} scores for each class, one for each window.`);
  },
};

/** The last map and what the head makes of it, in one sentence: Python's `describe()`. */
export function sentence(network, size, head, label) {
  const side = lastSide(network, size);
  const px = `At ${formatCount(size)} px`;
  const start = side
    ? `${px} the last map of ${network.name} is ${formatShape(side, network.stages.at(-1).channels)}.`
    : `${px} ${network.name} has no last map.`;
  const { works: fits, words } = outcome(head, network, size);
  return `${start} ${label}: it ${fits ? "works" : "breaks"}. ${words}`;
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
  const ratio = formatDecimal(roundedQuotient(100 * size, network.trained), 2);
  const where = network.name === measured.name
    ? `${measured.name}, trained at ${measured.trained} px, at ${size} px`
    : `Not measured on ${network.name}. ${measured.name}, at the same ratio of test to training size (${ratio})`;
  if (!place) return `${where}: not measured; it was tested from ${curve.sizes[0]} to ${curve.sizes.at(-1)} px.`;
  return `${where}: ${accuracyAt(curve, place)} right (${curve.seeds} seeds).`;
}

const findProblem = (network, text) => wholeNumberProblem("input size", text, [1, network.largest], " px");

const TEMPLATE = `
  <form aria-label="Size explorer">
    <label class="gl-control"><span class="gl-label">Network</span><select name="network"></select></label>
    <div class="gl-control size" role="group" aria-label="Input size">
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

const STATE = ["network", "size", "head"];

function build(model) {
  const [networks, curves] = [model.get("networks"), model.get("curves")];
  const heads = new Map(model.get("heads"));
  const named = (name) => networks.find((one) => one.name === name);
  const measured = named(model.get("measured_on"));
  const root = widgetRoot("size-explorer", TEMPLATE);
  const find = finder(root);
  const [choice, size, slider] = ["network", "size", "size-slider"].map((name) => find(`[name="${name}"]`));
  for (const network of networks) choice.add(new Option(network.name));
  find(".measured figcaption").textContent = `Measured accuracy of ${measured.name}, trained at ${measured.trained} px`;
  return {
    ...{ root, find, curves, heads, named, measured, choice, size, slider },
    radios: new Map([...heads].map(([key, label]) => [key, buildHead(find("fieldset"), key, label)])),
    chart: buildChart(find, curves, measured),
  };
}

/** A head's radio button; the form around it keeps two widgets on a page apart. */
function buildHead(fieldset, key, label) {
  const input = element("input", { type: "radio", name: "head", value: key });
  const state = element("span", { className: "state" });
  const words = element("span", {}, element("span", { className: "name" }, label), state);
  const row = element("label", { className: "head", "data-head": key }, input, words);
  fieldset.append(row);
  return { row, input, state };
}

/** The axes of the measured curves, and the curves; a dot on each can be moved. */
function buildChart(find, curves, measured) {
  const every = curves.flatMap((curve) => curve.sizes);
  const [low, high] = [Math.min(...every), Math.max(...every)];
  const x = (size) => 38 + (312 * (size - low)) / (high - low || 1);
  const y = (tenths) => 170 - (160 * tenths) / 1000;
  const picture = find(".chart");
  const text = (words, attributes) => picture.append(svg("text", attributes, String(words)));
  for (const tenths of [0, 250, 500, 750, 1000]) {
    picture.append(svg("path", { class: "frame", d: `M38 ${y(tenths)}H350` }));
    text(tenths / 10, { x: 32, y: y(tenths) + 4, "text-anchor": "end" });
  }
  for (const size of new Set([low, measured.trained, high])) {
    text(size, { x: x(size), y: 184, "text-anchor": "middle" });
  }
  text("input size (px); right answers (%)", { x: 194, y: 198, "text-anchor": "middle" });
  const here = svg("path", { class: "here" });
  picture.append(here);
  const dots = curves.map((curve, i) => buildCurve(picture, curve, i, x, y));
  const values = curves.map((curve, i) => buildKey(find(".legend"), curve, i));
  return { low, high, x, y, here, dots, values };
}

function buildCurve(picture, curve, index, x, y) {
  const line = (tenthsAt) => curve.sizes.map((size, i) => `${x(size)} ${y(tenthsAt(i))}`);
  const above = line((i) => curve.mean[i] + curve.spread[i]);
  const below = line((i) => curve.mean[i] - curve.spread[i]).reverse();
  const band = svg("path", { class: "band", d: `M${above.join("L")}L${below.join("L")}Z` });
  const series = svg("path", { class: "series", d: `M${line((i) => curve.mean[i]).join("L")}` });
  const dot = svg("circle", { class: "dot", r: 5 });
  picture.append(svg("g", { "data-series": index }, band, series, dot));
  return dot;
}

function buildKey(legend, curve, index) {
  const line = svg("path", { class: "series", d: "M0 5H32" });
  const sample = svg("svg", { viewBox: "0 0 32 10", "aria-hidden": "true" }, line);
  const value = element("b");
  legend.append(element("li", { "data-series": index }, sample, ` ${curve.label}: `, value));
  return value;
}

function draw(view, state) {
  const { find, heads, named, measured, curves, choice, size, slider, radios } = view;
  const network = named(state.network);
  // Python may change two traits in two messages: skip a pair that never was meant to stand.
  if (!network || !heads.has(state.head) || findProblem(network, String(state.size))) return;
  choice.value = state.network;
  slider.max = size.max = network.largest;
  slider.value = state.size;
  slider.setAttribute("aria-valuetext", `${state.size} pixels`);
  showNumber(size, state.size);
  radios.get(state.head).input.checked = true;
  if (view.shown?.network !== state.network) view.stages = buildStages(find(".stages tbody"), find(".maps"), network);
  const sides = [state.size, ...stageSides(network, state.size)];
  sides.forEach((side, i) => drawStage(view.stages[i], side, network.largest));
  drawLastMap(find, network, sides.at(-1));
  for (const [key, radio] of radios) drawHead(radio, outcome(key, network, state.size));
  find(".result").textContent = sentence(network, state.size, state.head, heads.get(state.head));
  drawChart(view, network, state.size);
  find(".accuracy").textContent = accuracySentence(curves, state.head, measured, network, state.size);
  view.shown = state;
  showProblem(view, "");
}

/** The input and every stage: a row of the table and a square, corner on corner, of the picture. */
function buildStages(body, picture, network) {
  body.replaceChildren();
  picture.querySelectorAll(".map").forEach((path) => path.remove());
  const stages = [{ name: "input", channels: network.channels }, ...network.stages];
  return stages.map(({ name, channels }, i) => {
    const [map, count] = [element("td"), element("td")];
    const heading = element("th", { scope: "row" });
    heading.textContent = i ? name : "input";
    body.append(element("tr", { "data-stage": name, "data-channels": channels }, heading, map, count));
    const square = svg("path", { class: i + 1 === stages.length ? "map last" : "map" });
    picture.append(square);
    return { channels, map, count, square };
  });
}

/** The frame around the squares is the largest input on offer. */
function drawStage({ channels, map, count, square }, side, largest) {
  map.textContent = side ? formatShape(side, channels) : "none";
  count.textContent = formatCount(side * side * channels);
  square.setAttribute("d", squarePath((100 * side) / largest));
}

/** The cells of the last map, and the map that a head of a fixed size was built for. */
function drawLastMap(find, network, side) {
  const cell = 100 / lastSide(network, network.largest);
  const lines = Array.from({ length: side + 1 }, (_, i) => i * cell);
  find(".grid .cells").setAttribute("d", side ? latticePath(side * cell, lines) : "");
  find(".grid .built").setAttribute("d", squarePath(lastSide(network, network.trained) * cell));
}

function drawHead({ row, state }, { works: fits, words }) {
  row.dataset.works = fits;
  const sign = element("span", { className: "sign", "aria-hidden": "true" }, fits ? "✓" : "✕");
  const why = element("span", { className: "why" }, words);
  state.replaceChildren(sign, fits ? " works. " : " breaks. ", why);
}

function drawChart({ chart: { low, high, x, y, here, dots, values }, curves, measured }, network, size) {
  const at = (size * measured.trained) / network.trained;
  here.setAttribute("d", at >= low && at <= high ? `M${x(at)} 8V170` : "");
  curves.forEach((curve, i) => {
    const place = placeOnCurve(curve, measured, network, size);
    values[i].textContent = accuracyAt(curve, place);
    dots[i].style.display = place ? "" : "none";
    if (!place) return;
    setAll(dots[i], {
      cx: x(at),
      cy: y(curve.mean[place.at] * (1 - place.part) + curve.mean[place.next] * place.part),
    });
  });
}

function showProblem({ find, size, shown }, problem) {
  size.setAttribute("aria-invalid", String(Boolean(problem)));
  const still = `Below are still ${shown.network}, ${formatCount(shown.size)} px.`;
  find(".gl-error").textContent = problem ? `${problem} ${still}` : "";
}

function listen(view, { now, choose }) {
  const { find, named, choice, size, slider, radios } = view;
  /** The reader changed a control: keep the choice if it is good, say what is wrong if not. */
  const commit = () => {
    const network = named(choice.value);
    // Pixels of a network that was trained at another size say nothing here: start from its own.
    if (network.trained !== named(now().network).trained) size.value = network.trained;
    const problem = findProblem(network, size.value);
    showProblem(view, problem);
    if (problem) return;
    const [head] = [...radios].find(([, { input }]) => input.checked);
    choose({ network: network.name, size: Number(size.value), head });
  };
  for (const control of [choice, size, find("fieldset")]) control.addEventListener("input", commit);
  slider.addEventListener("input", () => {
    size.value = slider.value;
    commit();
  });
  find("form").addEventListener("submit", (event) => event.preventDefault());
}

export default widget(STATE, { build, draw, listen });
