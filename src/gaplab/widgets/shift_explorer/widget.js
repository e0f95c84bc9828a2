// Shift explorer. Nothing is computed here but places: every number was a network's, and is looked up.

const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LEAP = 4; // with Shift: the total stride of the network, one cell of its map
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]
  .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** A number from 0 to 1 as a colour of the perceptually uniform map. */
export function viridis(value) {
  const at = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const channels = VIRIDIS[low].map((from, i) => Math.round(from + (at - low) * (VIRIDIS[low + 1][i] - from)));
  return `rgb(${channels.join(",")})`;
}

/** Tenths as a decimal: 983 as "98.3". */
export function formatTenths(tenths) {
  return `${Math.floor(tenths / 10)}.${tenths % 10}`;
}

/** "moved 3 px right and 2 px up", or "in the centre". */
export function where(dx, dy) {
  const parts = [];
  if (dx) parts.push(`${Math.abs(dx)} px ${dx > 0 ? "right" : "left"}`);
  if (dy) parts.push(`${Math.abs(dy)} px ${dy > 0 ? "down" : "up"}`);
  return parts.length ? `moved ${parts.join(" and ")}` : "in the centre";
}

/** The tables that Python stored as bytes, by place. */
export function tables(get) {
  const { room, garment, cells } = get("geometry");
  const side = 2 * room + 1;
  const [places, classes, heads] = [side * side, get("classes").length, get("heads").length];
  const [pixels, probabilities, changes, maps, accuracies] = ["pixels", "probabilities", "changes", "maps", "accuracies"].map(get);
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
  return (
    `${classes[labels[garment]]} ${where(dx, dy)}: ${seen.join(", ")}. ` +
    `What the head reads has changed by ${changed.join(", ")} of the distance between garments.`
  );
}

const SVG = "http://www.w3.org/2000/svg";

const TEMPLATE = `
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
        <p class="gl-muted scale"><span></span><i aria-hidden="true"></i><span></span></p>
        <label class="gl-control"><span class="gl-label">Head</span><select name="head"></select></label>
      </div>
    </div>
  </div>
  <p class="result" aria-live="polite" aria-atomic="true"></p>
  <div class="heads"></div>
  <p class="gl-muted">Above, each network's last map, averaged over its channels; bright is active. Below it, how far what the head reads
    has moved from the centre's, and the accuracy at this place (<span class="measured"></span>).</p>
  <table class="gl-table" aria-label="Probability of each class in percent">
    <thead><tr><th scope="col">Probability (%)</th></tr></thead><tbody></tbody>
  </table>
`;

function render({ model, el }) {
  const get = (name) => model.get(name);
  const [classes, labels, geometry] = [get("classes"), get("labels"), get("geometry")];
  const keys = get("heads").map(([key]) => key);
  const heads = get("heads").map(([, name]) => name);
  const table = tables(get);
  const { room, frame: frameSide, garment: small, cells } = geometry;

  const root = widgetRoot("shift-explorer");
  root.innerHTML = TEMPLATE;
  const find = (selector) => root.querySelector(selector);
  const [garment, head, right, down] = ["garment", "head", "dx", "dy"].map((name) => find(`[name="${name}"]`));
  const [frame, box, heat] = [find(".frame"), find(".box"), find(".heat")];
  labels.forEach((label, i) => garment.add(new Option(classes[label], i)));
  keys.forEach((key, i) => head.add(new Option(heads[i], key)));
  for (const slider of [right, down]) [slider.min, slider.max] = [-room, room];
  find(".measured").textContent = get("measured");
  drawGrid(find(".grid"), frameSide, frameSide / cells);
  const columns = buildHeads(find(".heads"), keys, heads, cells);
  const rows = buildTable(find("table"), classes, keys, heads);
  const heatCells = buildHeat(heat, table.side);
  const image = find("canvas").getContext("2d");
  [image.canvas.width, image.canvas.height] = [frameSide, frameSide];
  Object.assign(box.style, { width: `${(100 * small) / frameSide}%`, height: `${(100 * small) / frameSide}%` });

  const stored = () => ({ garment: get("garment"), head: get("head"), dx: get("dx"), dy: get("dy") });
  let shown = {};

  function drawFrame({ garment: g, dx, dy }) {
    const picture = image.createImageData(frameSide, frameSide);
    for (let i = 3; i < picture.data.length; i += 4) picture.data[i] = 255;
    for (let y = 0; y < small; y += 1) {
      for (let x = 0; x < small; x += 1) {
        const at = 4 * ((y + room + dy) * frameSide + x + room + dx);
        picture.data.fill(table.pixel(g, x, y), at, at + 3);
      }
    }
    image.putImageData(picture, 0, 0);
    box.style.left = `${(100 * (room + dx)) / frameSide}%`;
    box.style.top = `${(100 * (room + dy)) / frameSide}%`;
  }

  function drawHeat(state) {
    const h = keys.indexOf(state.head);
    const tenths = heatCells.map((_, place) => table.accuracy(h, place));
    const [low, high] = [Math.min(...tenths), Math.max(...tenths)];
    heatCells.forEach((cell, place) => cell.setAttribute("fill", viridis((tenths[place] - low) / (high - low || 1))));
    const [first, last] = find(".scale").querySelectorAll("span");
    first.textContent = `${formatTenths(low)} %`;
    last.textContent = `${formatTenths(high)} %`;
    heat.setAttribute(
      "aria-label",
      `Accuracy of the ${heads[h]} head at ${tenths.length} places, from ${formatTenths(low)} % to ${formatTenths(high)} %, ` +
        `${formatTenths(table.accuracy(h, table.place(0, 0)))} % in the centre`,
    );
  }

  function draw(state) {
    const { garment: g, dx, dy } = state;
    const place = table.place(dx, dy);
    drawFrame(state);
    if (state.head !== shown.head) drawHeat(state);
    const marker = heat.querySelector(".marker");
    marker.setAttribute("x", dx + room);
    marker.setAttribute("y", dy + room);
    keys.forEach((_, h) => {
      const winner = best(table, g, h, place, classes.length);
      columns[h].cells.forEach((cell, i) => cell.setAttribute("fill", viridis(table.cell(g, h, place, i) / 255)));
      columns[h].says.textContent = classes[winner];
      columns[h].says.dataset.right = winner === labels[g];
      columns[h].whether.textContent = winner === labels[g] ? "right" : "wrong";
      columns[h].change.textContent = `${table.change(g, h, place)} %`;
      columns[h].accuracy.textContent = `${formatTenths(table.accuracy(h, place))} %`;
      rows.forEach((row, k) => {
        const tenths = table.probability(g, h, place, k);
        row[h].textContent = formatTenths(tenths);
        row[h].parentElement.style.setProperty("--share", `${tenths / 10}%`);
      });
    });
    find(".result").textContent = sentence(table, classes, labels, heads, state);
    shown = state;
  }

  /** The model changed: by the reader here, by another view, or by Python. */
  function refresh() {
    const state = stored();
    if (Object.keys(state).every((key) => state[key] === shown[key])) return;
    garment.value = state.garment;
    head.value = state.head;
    for (const [slider, name, [less, more]] of [[right, "dx", ["left", "right"]], [down, "dy", ["up", "down"]]]) {
      slider.value = state[name];
      const words = `${Math.abs(state[name])} px ${state[name] < 0 ? less : more}`;
      slider.setAttribute("aria-valuetext", state[name] ? words : "centre");
      slider.nextElementSibling.textContent = `${state[name] > 0 ? "+" : ""}${state[name]}`.replace("-", "−");
    }
    draw(state);
  }

  /** The reader chose: tell the model what differs. */
  function choose(chosen) {
    const changed = Object.keys(chosen).filter((name) => chosen[name] !== get(name));
    if (!changed.length) return;
    for (const name of changed) model.set(name, chosen[name]);
    model.save_changes();
  }
  const within = (pixels) => Math.min(Math.max(Math.round(pixels), -room), room);
  const moveTo = (dx, dy) => choose({ dx: within(dx), dy: within(dy) });

  garment.addEventListener("input", () => choose({ garment: Number(garment.value) }));
  head.addEventListener("input", () => choose({ head: head.value }));
  for (const slider of [right, down]) slider.addEventListener("input", () => moveTo(Number(right.value), Number(down.value)));

  frame.addEventListener("keydown", (event) => {
    const step = STEP[event.key];
    if (!step && event.key !== "Home") return;
    event.preventDefault(); // the page would scroll
    const size = event.shiftKey ? LEAP : 1;
    if (step) moveTo(get("dx") + size * step[0], get("dy") + size * step[1]);
    else moveTo(0, 0);
  });

  // The garment keeps its distance from the finger; a press beside it brings its middle there.
  let hold = null;
  const pixelsAt = (event) => {
    const area = frame.getBoundingClientRect();
    return [event.clientX - area.left, event.clientY - area.top].map((at) => (at / area.width) * frameSide - frameSide / 2);
  };
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [x, y] = pixelsAt(event);
    const [dx, dy] = [get("dx"), get("dy")];
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

  const pointAt = (event) => {
    const area = heat.getBoundingClientRect();
    const [x, y] = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
    moveTo(Math.floor(x * table.side) - room, Math.floor(y * table.side) - room);
  };
  for (const event of ["pointermove", "pointerdown"]) heat.addEventListener(event, pointAt);

  const events = ["garment", "head", "dx", "dy"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);
  refresh();
  el.replaceChildren(root);
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

/** Squares of one unit, row by row. */
function buildCells(svg, side) {
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  return Array.from({ length: side * side }, (_, i) =>
    element("rect", { x: i % side, y: Math.floor(i / side), width: 1, height: 1 }, svg),
  );
}

function buildHeat(svg, side) {
  const made = buildCells(svg, side);
  // White within black stands out from every colour of the scale.
  const marker = element("svg", { class: "marker", width: 1, height: 1, viewBox: "0 0 1 1", overflow: "visible" }, svg);
  element("rect", { width: 1, height: 1, fill: "none", stroke: "#000000", "stroke-width": 0.34 }, marker);
  element("rect", { width: 1, height: 1, fill: "none", stroke: "#ffffff", "stroke-width": 0.16 }, marker);
  return made;
}

/** One line at each border between two cells of the map. */
function drawGrid(svg, side, cell) {
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  let path = "";
  for (let at = cell; at < side; at += cell) path += `M${at} 0V${side}M0 ${at}H${side}`;
  element("path", { d: path }, svg);
}

function buildHeads(parent, keys, names, cells) {
  return keys.map((key, h) => {
    const column = document.createElement("div");
    column.className = `head ${key}`;
    column.dataset.head = key;
    column.innerHTML = `<p class="name"></p><svg class="square map" aria-hidden="true"></svg>
      <p><b class="says"></b> <span class="whether gl-muted"></span></p>
      <p class="line">moved <b class="change"></b></p><p class="line">accuracy <b class="accuracy"></b></p>`;
    parent.append(column);
    const find = (selector) => column.querySelector(selector);
    find(".name").textContent = names[h];
    return {
      cells: buildCells(find(".map"), cells),
      ...Object.fromEntries(["says", "whether", "change", "accuracy"].map((name) => [name, find(`.${name}`)])),
    };
  });
}

function buildTable(table, classes, keys, names) {
  for (const name of names) {
    const heading = document.createElement("th");
    heading.scope = "col";
    heading.textContent = name;
    table.tHead.rows[0].append(heading);
  }
  return classes.map((name) => {
    const row = table.tBodies[0].insertRow();
    row.dataset.class = name;
    const heading = document.createElement("th");
    heading.scope = "row";
    heading.textContent = name;
    row.append(heading);
    return keys.map((key) => {
      const cell = row.insertCell();
      cell.className = key;
      const number = document.createElement("span");
      cell.append(number);
      return number;
    });
  });
}

export default { render };
