// Shift explorer. Nothing is computed here but places: every number was a network's, and is looked up.
import { sequential, SEQUENTIAL_BAR } from "../kit/colour.js";
import { element, finder, widgetRoot } from "../kit/dom.js";
import { formatTenths } from "../kit/format.js";
import { ARROWS, buildCells, buildMarker, cellAt, clamp, partsAt, rowColumn } from "../kit/grid.js";
import { svg } from "../kit/svg.js";
import { widget } from "../kit/widget.js";

const LEAP = 4; // with Shift: the total stride of the network, one cell of its map

/** "3 px right", or nothing in the centre. */
const across = (dx) => dx > 0 ? `${dx} px right` : dx < 0 ? `${-dx} px left` : "";

/** "2 px up", or nothing in the centre. */
const upright = (dy) => dy > 0 ? `${dy} px down` : dy < 0 ? `${-dy} px up` : "";

/** "3 px right and 2 px up", or nothing in the centre. */
export function where(dx, dy) {
  return dx && dy ? `${across(dx)} and ${upright(dy)}` : across(dx) || upright(dy);
}

/** The tables that Python stored as bytes, by place. */
export function tables(get) {
  const { room, garment, cells } = get("geometry");
  const side = 2 * room + 1;
  const [places, classes, heads] = [side * side, get("classes").length, get("heads").length];
  const [pixels, probabilities, changes, maps, accuracies] = [
    "pixels",
    "probabilities",
    "changes",
    "maps",
    "accuracies",
  ].map(get);
  const row = (g, h, place) => (g * heads + h) * places + place;
  const words = (view, at) => view.getUint16(2 * at, true);
  return {
    side,
    place: (dx, dy) => (dy + room) * side + dx + room,
    pixel: (g, x, y) => pixels.getUint8((g * garment + y) * garment + x),
    probability: (g, h, place, k) => words(probabilities, row(g, h, place) * classes + k),
    change: (g, h, place) => words(changes, row(g, h, place)),
    cell: (g, h, place, i) => maps.getUint8(row(g, h, place) * cells * cells + i),
    accuracy: (h, place) => words(accuracies, h * places + place),
  };
}

/** Class with the highest stored probability; of equals, the first. */
function best(table, g, h, place, classes) {
  let winner = 0;
  for (let k = 1; k < classes; k += 1) {
    if (table.probability(g, h, place, k) > table.probability(g, h, place, winner)) winner = k;
  }
  return winner;
}

/** The result in words, the same that Python gives in `describe()`. */
export function sentence(table, classes, labels, heads, { garment, dx, dy }) {
  const place = table.place(dx, dy);
  const seen = heads.map((name, h) => {
    const k = best(table, garment, h, place, classes.length);
    return `${name} says ${classes[k]} (${formatTenths(table.probability(garment, h, place, k))} %)`;
  });
  const changed = heads.map((name, h) => `${table.change(garment, h, place)} % (${name})`);
  const [shown, way, said] = [classes[labels[garment]], where(dx, dy), seen.join(", ")];
  return (
    (way ? `${shown} moved ${way}: ${said}. ` : `${shown} in the centre: ${said}. `) +
    `What the head reads has changed by ${changed.join(", ")} of the distance between garments.`
  );
}

const TEMPLATE = `<div class="explored">
  <div class="controls" role="group" aria-label="Shift explorer">
    <label class="gl-control"><span class="gl-label">Garment</span><select name="garment"></select></label>
    <div class="places">
      <div class="where">
        <p class="gl-label">Frame <span class="gl-muted">drag, or arrow keys</span></p>
        <div class="square frame" tabindex="0" role="application"
          aria-label="Frame with the garment: arrow keys move it by 1 px, with Shift by 4 px, Home brings it back to the centre">
          <canvas aria-hidden="true"></canvas><svg class="grid" aria-hidden="true"></svg><div class="box"></div>
        </div>
        <label class="gl-control"><span class="gl-label">Right (px)</span><input type="range" name="dx" step="1" /><output></output></label>
        <label class="gl-control"><span class="gl-label">Down (px)</span><input type="range" name="dy" step="1" /><output></output></label>
      </div>
      <div class="everywhere">
        <p class="gl-label">Accuracy <span class="gl-muted">point at a place to go there</span></p>
        <svg class="square heat" role="img"></svg>
        <p class="gl-muted gl-scale scale"><span></span><i aria-hidden="true"></i><span></span></p>
        <label class="gl-control"><span class="gl-label">Head</span><select name="head"></select></label>
      </div>
    </div>
  </div>
  <p class="result" aria-live="polite" aria-atomic="true"></p>
  <div class="heads"></div>
  <p class="gl-muted told">Each network's last map, averaged over its channels; bright is active. Below it, how far what the head reads
    has moved from the centre's, and the accuracy at this place<span class="measured"></span></p>
  <table class="gl-table" aria-label="Probability of each class in percent">
    <thead><tr><th scope="col">Probability (%)</th></tr></thead><tbody></tbody>
  </table>
</div>`;

const STATE = ["garment", "head", "dx", "dy"];

function build(model) {
  const get = (name) => model.get(name);
  const [classes, labels, { room, frame: side, garment: small, cells }] = ["classes", "labels", "geometry"].map(get);
  const [keys, heads] = [0, 1].map((part) => get("heads").map((head) => head[part]));
  const root = widgetRoot("shift-explorer", TEMPLATE);
  const find = finder(root);
  const controls = Object.fromEntries(STATE.map((name) => [name, find(`[name="${name}"]`)]));
  labels.forEach((label, i) => controls.garment.add(new Option(classes[label], i)));
  keys.forEach((key, i) => controls.head.add(new Option(heads[i], key)));
  for (const slider of [controls.dx, controls.dy]) [slider.min, slider.max] = [-room, room];
  find(".measured").textContent = get("measured");
  find(".scale i").style.background = SEQUENTIAL_BAR;
  drawGrid(find(".grid"), side, side / cells);
  const image = find("canvas").getContext("2d");
  [image.canvas.width, image.canvas.height] = [side, side];
  Object.assign(find(".box").style, { width: `${(100 * small) / side}%`, height: `${(100 * small) / side}%` });
  const table = tables(get);
  return {
    ...{ root, find, classes, labels, room, side, small, keys, heads, table, controls, image },
    heat: buildCells(find(".heat"), [table.side, table.side]),
    mark: buildMarker(find(".heat"), table.side, [0.34, 0.16]),
    columns: keys.map((key, h) => buildHead(find(".heads"), key, heads[h], cells)),
    rows: buildTable(find("table"), classes, keys, heads),
  };
}

/** One line at each border between two cells of the map. */
function drawGrid(picture, side, cell) {
  picture.setAttribute("viewBox", `0 0 ${side} ${side}`);
  let path = "";
  for (let at = cell; at < side; at += cell) path += `M${at} 0V${side}M0 ${at}H${side}`;
  picture.append(svg("path", { d: path }));
}

function buildHead(parent, key, name, cells) {
  const column = element("div", { className: `head ${key}`, "data-head": key });
  column.innerHTML = `<p class="name"></p><svg class="square map" aria-hidden="true"></svg>
    <p><b class="says"></b> <span class="whether gl-muted"></span></p>
    <p class="line">moved <b class="change"></b></p><p class="line">accuracy <b class="accuracy"></b></p>`;
  parent.append(column);
  const find = finder(column);
  find(".name").textContent = name;
  const told = ["says", "whether", "change", "accuracy"].map((part) => [part, find(`.${part}`)]);
  return { cells: buildCells(find(".map"), [cells, cells]), ...Object.fromEntries(told) };
}

function buildTable(table, classes, keys, heads) {
  table.tHead.rows[0].append(...heads.map((name) => element("th", { scope: "col" }, name)));
  return classes.map((name) => {
    const numbers = keys.map(() => element("span"));
    const cells = keys.map((key, h) => element("td", { className: key }, numbers[h]));
    table.tBodies[0].append(element("tr", { "data-class": name }, element("th", { scope: "row" }, name), ...cells));
    return numbers;
  });
}

function draw(view, state, before) {
  const { find, table, classes, labels, heads, room, controls } = view;
  controls.garment.value = state.garment;
  controls.head.value = state.head;
  drawSlider(controls.dx, state.dx, across(state.dx));
  drawSlider(controls.dy, state.dy, upright(state.dy));
  drawFrame(view, state);
  if (state.head !== before.head) drawHeat(view, state.head);
  view.mark((state.dy + room) * table.side + state.dx + room);
  heads.forEach((_, h) => drawHead(view, h, state));
  find(".result").textContent = sentence(table, classes, labels, heads, state);
}

function drawSlider(slider, value, words) {
  slider.value = value;
  slider.setAttribute("aria-valuetext", words || "centre");
  slider.nextElementSibling.textContent = `${value > 0 ? "+" : ""}${value}`.replace("-", "−");
}

function drawFrame({ find, table, image, room, side, small }, { garment, dx, dy }) {
  const picture = image.createImageData(side, side);
  for (let i = 3; i < picture.data.length; i += 4) picture.data[i] = 255;
  for (let y = 0; y < small; y += 1) {
    for (let x = 0; x < small; x += 1) {
      const at = 4 * ((y + room + dy) * side + x + room + dx);
      picture.data.fill(table.pixel(garment, x, y), at, at + 3);
    }
  }
  image.putImageData(picture, 0, 0);
  find(".box").style.left = `${(100 * (room + dx)) / side}%`;
  find(".box").style.top = `${(100 * (room + dy)) / side}%`;
}

function drawHeat({ find, table, keys, heads, heat }, head) {
  const h = keys.indexOf(head);
  const tenths = heat.map((_, place) => table.accuracy(h, place));
  const [low, high] = [Math.min(...tenths), Math.max(...tenths)];
  heat.forEach((cell, place) => cell.setAttribute("fill", sequential((tenths[place] - low) / (high - low || 1))));
  const [from, to, centre] = [low, high, table.accuracy(h, table.place(0, 0))].map((each) => `${formatTenths(each)} %`);
  const [first, last] = find(".scale").querySelectorAll("span");
  first.textContent = from;
  last.textContent = to;
  find(".heat").setAttribute(
    "aria-label",
    `Accuracy of the ${heads[h]} head at ${tenths.length} places, from ${from} to ${to}, ${centre} in the centre`,
  );
}

/** A head's map, what it says and how sure it is of each class. */
function drawHead({ table, classes, labels, columns, rows }, h, { garment, dx, dy }) {
  const place = table.place(dx, dy);
  const { cells, says, whether, change, accuracy } = columns[h];
  const winner = best(table, garment, h, place, classes.length);
  const right = winner === labels[garment];
  cells.forEach((cell, i) => cell.setAttribute("fill", sequential(table.cell(garment, h, place, i) / 255)));
  says.textContent = classes[winner];
  says.dataset.right = right;
  whether.textContent = right ? "correct" : "wrong";
  change.textContent = `${table.change(garment, h, place)} %`;
  accuracy.textContent = `${formatTenths(table.accuracy(h, place))} %`;
  rows.forEach((row, k) => {
    const tenths = table.probability(garment, h, place, k);
    row[h].textContent = formatTenths(tenths);
    row[h].parentElement.style.setProperty("--share", `${tenths / 10}%`);
  });
}

function listen(view, state) {
  const { find, table, room, controls } = view;
  const within = (pixels) => clamp(Math.round(pixels), -room, room);
  const moveTo = (dx, dy) => state.choose({ dx: within(dx), dy: within(dy) });
  const { garment, head, dx, dy } = controls;
  garment.addEventListener("input", () => state.choose({ garment: Number(garment.value) }));
  head.addEventListener("input", () => state.choose({ head: head.value }));
  for (const slider of [dx, dy]) slider.addEventListener("input", () => moveTo(Number(dx.value), Number(dy.value)));
  find(".frame").addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step && event.key !== "Home") return;
    event.preventDefault(); // the page would scroll
    const [now, size] = [state.now(), event.shiftKey ? LEAP : 1];
    if (step) moveTo(now.dx + size * step[0], now.dy + size * step[1]);
    else moveTo(0, 0);
  });
  listenToDrag(view, state, moveTo);
  const pointAt = (event) => {
    const [row, column] = rowColumn(cellAt(event, find(".heat"), [table.side, table.side]), table.side);
    moveTo(column - room, row - room);
  };
  for (const event of ["pointermove", "pointerdown"]) find(".heat").addEventListener(event, pointAt);
}

/** The garment keeps its distance from the finger; a press beside it brings its middle there. */
function listenToDrag({ find, side, small }, { now }, moveTo) {
  const frame = find(".frame");
  let hold = null;
  const pixelsAt = (event) => partsAt(event, frame).map((part) => part * side - side / 2);
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [x, y] = pixelsAt(event);
    const { dx, dy } = now();
    const inside = Math.abs(x - dx) <= small / 2 && Math.abs(y - dy) <= small / 2;
    hold = inside ? [x - dx, y - dy] : [0, 0];
    frame.setPointerCapture(event.pointerId);
    if (!inside) moveTo(x, y);
  });
  frame.addEventListener("pointermove", (event) => {
    if (!hold) return;
    const [x, y] = pixelsAt(event);
    moveTo(x - hold[0], y - hold[1]);
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => (hold = null));
}

export default widget(STATE, { build, draw, listen });
