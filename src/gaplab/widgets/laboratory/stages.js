// Experiment 1: the stages of the network as maps; a cell or a channel, and where it came from.
import { element } from "../kit/dom.js";
import { clamp, partsAt, rowColumn } from "../kit/grid.js";
import { drawMap, drawSheet, meanOverChannels, sheetColumns } from "./heat.js";
import { fixed } from "./numbers.js";
import { figureOf, markAt, questionOf, square, walkable } from "./parts.js";

const HINT =
  "Choose a stage; below it are all its channels, and one of them large. Choose a cell: the frame on the picture is " +
  "all that this cell can see.";

function buildStages(_, section, { now, choose }) {
  const strip = element("div", { className: "strip", role: "group", "aria-label": "Stages of the network" });
  const sheet = figureOf("All channels", "sheet");
  const large = figureOf("", "large");
  const mean = element("button", { type: "button" }, "Mean over channels");
  const buttons = element("div", { className: "buttons" }, mean);
  section.append(
    element("p", { className: "gl-muted" }, HINT),
    strip,
    element("div", { className: "pair" }, element("div", {}, large.figure, buttons), sheet.figure),
  );
  mean.addEventListener("click", () => choose({ channel: -1 }));
  const parts = { strip, sheet, large, mean, tiles: [], shownFor: "", size: null };
  sheet.frame.addEventListener("pointerdown", (event) => {
    const { channels } = parts.size;
    const columns = sheetColumns(channels);
    const [x, y] = partsAt(event, sheet.frame);
    const channel = Math.floor(y * Math.ceil(channels / columns)) * columns + Math.floor(x * columns);
    choose({ channel: clamp(channel, 0, channels - 1) });
  });
  walkable(
    large,
    "The map: arrow keys go from cell to cell, the frame on the picture shows what the cell sees; page up and page down change the channel",
    () => ({ size: [parts.size.height, parts.size.width], cell: now().cell }),
    (cell) => choose({ cell }),
  );
  large.frame.addEventListener("keydown", (event) => {
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose({ channel: clamp(now().channel + step, -1, parts.size.channels - 1) });
  });
  return parts;
}

/** One button a stage, with its map on it. */
function buildTiles(view, parts, state) {
  if (parts.shownFor === state.network) return;
  parts.shownFor = state.network;
  parts.tiles = view.networks[state.network].stages.map((layer, i) => {
    const { figure, canvas, words } = figureOf(layer);
    figure.style.setProperty("--turn", i);
    const button = element("button", { type: "button", className: "tile" }, figure);
    button.addEventListener("click", () => view.state.choose({ layer, channel: -1, cell: -1 }));
    return { layer, button, canvas, words };
  });
  parts.strip.replaceChildren(...parts.tiles.map(({ button }) => button));
}

function askStages(view, state) {
  const { stages } = view.networks[state.network];
  const seen = state.cell >= 0 ? { seen: [state.layer, state.cell] } : {};
  return view.desk.ask("stages", questionOf(view, state, { values: stages, ...seen }));
}

function showStages(view, parts, state, answer) {
  buildTiles(view, parts, state);
  // The maps fill one after another where a new picture moves through, and at once where only a cell is chosen.
  const key = `${state.network} ${state.picture}`;
  if (parts.filled !== key) {
    parts.strip.classList.remove("filling");
    void parts.strip.offsetWidth; // else the browser sees no new beginning
    parts.strip.classList.add("filling");
    parts.filled = key;
  }
  for (const { layer, button, canvas, words } of parts.tiles) {
    const size = answer.sizes[layer];
    drawMap(canvas, meanOverChannels(answer.values[layer], size), size);
    words.textContent = `${size.channels} × ${size.height} × ${size.width}`;
    button.setAttribute("aria-pressed", String(layer === state.layer));
  }
  return showLayer(view, parts, state, answer);
}

function showLayer(view, { sheet, large, mean }, state, answer) {
  const size = view.panels.stages.size = answer.sizes[state.layer];
  const values = answer.values[state.layer];
  const area = size.height * size.width;
  const channel = Math.min(state.channel, size.channels - 1);
  const map = channel < 0 ? meanOverChannels(values, size) : values.subarray(channel * area, (channel + 1) * area);
  drawSheet(sheet.canvas, values, size, channel);
  drawMap(large.canvas, map, size);
  const what = channel < 0 ? `mean of ${size.channels} channels` : `channel ${channel + 1} of ${size.channels}`;
  large.words.textContent = `${state.layer}, ${what}`;
  mean.setAttribute("aria-pressed", String(channel < 0));
  const cell = Math.min(state.cell, area - 1);
  markAt(large, cell < 0 ? null : square(cell, size.width), size);
  markAt(view.table, cell < 0 ? null : answer.field, { height: answer.frame, width: answer.frame });
  const shape = `${state.layer} has ${size.height} × ${size.width} cells of ${size.channels} channels.`;
  if (cell < 0) return shape;
  const [row, column] = rowColumn(cell, size.width);
  const { top, left, bottom, right } = answer.field;
  return `${shape} Row ${row + 1}, column ${column + 1}, ${what}: ${fixed(map[cell], 3)}. It sees ${
    bottom - top + 1
  } × ` +
    `${right - left + 1} px of the picture's ${answer.frame} × ${answer.frame}.`;
}

export const STAGES = {
  build: buildStages,
  networks: (view, state) => [view.networks[state.network].name],
  ask: askStages,
  show: showStages,
};
