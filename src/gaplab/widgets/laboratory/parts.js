// Parts that several experiments share: figures with a canvas, choices, sliders, charts, and the common question.
import { element, setAll, uniqueName, withModifier } from "../kit/dom.js";
import { ARROWS, cellAt, neighbour, rowColumn } from "../kit/grid.js";
import { svg } from "../kit/svg.js";

/** A canvas with a caption and a marker that can lie on one of its cells. */
export function figureOf(caption, className = "") {
  const canvas = element("canvas", { width: 1, height: 1 });
  const marker = element("span", { className: "marker", hidden: true });
  const frame = element("div", { className: "canvas" }, canvas, marker);
  const words = element("span", { className: "gl-muted words" });
  const figure = element("figure", { className }, element("figcaption", {}, caption, " ", words), frame);
  return { figure, canvas, frame, marker, words };
}

/** Lay a marker over a rectangle of a picture, in parts of its sides. */
export function markAt({ marker }, rectangle, { height, width } = { height: 1, width: 1 }) {
  marker.hidden = !rectangle;
  if (!rectangle) return;
  const { top, left, bottom, right } = rectangle;
  Object.assign(marker.style, {
    top: `${(100 * top) / height}%`,
    left: `${(100 * left) / width}%`,
    height: `${(100 * (bottom - top + 1)) / height}%`,
    width: `${(100 * (right - left + 1)) / width}%`,
  });
}

/** @type {(cell: number, width: number) => { top: number, left: number, bottom: number, right: number }} */
export const square = (cell, width) => {
  const [row, column] = rowColumn(cell, width);
  return { top: row, bottom: row, left: column, right: column };
};

/**
 * Let a reader choose a cell of a figure by pointer or arrow keys.
 * @param {{ frame: HTMLElement }} figure
 * @param {string} label
 * @param {() => { size: [number, number], cell: number }} now
 * @param {(cell: number) => void} choose
 */
export function walkable({ frame }, label, now, choose) {
  setAll(frame, { tabindex: "0", role: "application", "aria-label": label });
  const pick = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    choose(cellAt(event, frame, now().size));
  };
  for (const event of ["pointerdown", "pointermove"]) frame.addEventListener(event, pick);
  frame.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step || withModifier(event)) return;
    event.preventDefault(); // the page would scroll
    const { size, cell } = now();
    choose(neighbour(Math.max(cell, 0), step, size));
  });
}

/** Radio buttons: returns what checks the one of a value. */
export function choicesOf(parent, legend, options, choose) {
  const name = uniqueName("choice");
  const group = element("fieldset", { className: "choice" }, element("legend", {}, legend));
  const inputs = options.map(([value, text]) => {
    const input = element("input", { type: "radio", name, value });
    input.addEventListener("change", () => choose(value));
    group.append(element("label", {}, input, element("span", {}, text)));
    return input;
  });
  parent.append(group);
  return (value) => {
    for (const input of inputs) input.checked = input.value === value;
  };
}

/** A slider with its name and what it shows. */
export function sliderOf(parent, label, { min, max, step = 1 }, choose) {
  const input = element("input", { type: "range", min, max, step, "aria-label": label });
  const output = element("output");
  parent.append(
    element("div", { className: "gl-control" }, element("span", { className: "gl-label" }, label), input, output),
  );
  input.addEventListener("input", () => choose(Number(input.value)));
  return (value, text) => {
    if (Number(input.value) !== value) input.value = value;
    input.setAttribute("aria-valuetext", text);
    output.textContent = text;
  };
}

/** Lines in a box that is 100 wide and 100 high; they differ in colour and in dash. */
export function chartOf(parent, label, lines) {
  const picture = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": label });
  const paths = lines.map(({ colour, dash }) => {
    const path = svg("polyline", { fill: "none", stroke: colour, "stroke-dasharray": dash ?? "none" });
    picture.append(path);
    return path;
  });
  parent.append(element("div", { className: "chart" }, picture));
  /** @type {(points: [number, number][][]) => void} from 0 to 1 both ways */
  return (points) =>
    paths.forEach((path, i) =>
      path.setAttribute("points", points[i].map(([x, y]) => `${100 * x},${100 - 100 * y}`).join(" "))
    );
}

/** The class in question: the reader's, or null for the best one. */
export const wantedLabel = (state) => (state.label < 0 ? null : state.label);

/** The question that most experiments ask, of the network for this kind of picture. */
export const questionOf = (view, state, more = {}) => ({
  network: view.networks[state.network].name,
  scaled: state.side,
  frame: state.side,
  pool: state.pool,
  p: state.p,
  label: wantedLabel(state),
  ...more,
});

/** @type {(head: string[], rows: (string | Node)[][]) => any} a table whose rows begin with their names */
export function tableOf(head, rows) {
  const cells = (tag, texts, scope) => texts.map((text) => element(tag, scope ? { scope } : {}, text));
  return element(
    "table",
    { className: "gl-table" },
    element("thead", {}, element("tr", {}, ...cells("th", head, "col"))),
    element(
      "tbody",
      {},
      ...rows.map(([name, ...others]) =>
        element("tr", {}, element("th", { scope: "row" }, name), ...cells("td", others, ""))
      ),
    ),
  );
}
