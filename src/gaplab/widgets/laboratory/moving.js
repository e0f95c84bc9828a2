// Experiment 2: the picture is moved by single pixels, and three heads follow.
import { element } from "../kit/dom.js";
import { formatPercent } from "../kit/format.js";
import { drawMap } from "./heat.js";
import { drift, probabilities } from "./numbers.js";
import { chartOf, figureOf, markAt, sliderOf, square, tableOf, walkable, wantedLabel } from "./parts.js";

const LINES = [
  { colour: "var(--gl-gap)", looks: "a full line" },
  { colour: "var(--gl-max)", dash: "6 3", looks: "a dashed line" },
  { colour: "var(--gl-flatten)", dash: "2 2", looks: "a dotted line" },
];
const STEPS_KEPT = 60;
const WORDS = {
  garments:
    "The garment is 16 px wide in a frame of 28 px. Three networks, trained on garments in the middle: they differ " +
    "in their head.",
  photographs: "The photograph is a crop of 224 px. One network behind three pools: it was trained behind the average.",
};

function buildMoving(view, section, { now, choose }) {
  const words = element("p", { className: "gl-muted" });
  section.append(words);
  const room = view.networks.garments.room;
  const across = sliderOf(section, "Right", { min: -room, max: room }, (dx) => choose({ dx }));
  const down = sliderOf(section, "Down", { min: -room, max: room }, (dy) => choose({ dy }));
  const table = element("div");
  section.append(table, element("p", { className: "gl-label" }, "Drift of the pooled vector, step by step"));
  const chart = chartOf(section, "Drift of each head's vector over the last steps", LINES);
  const key = element("p", { className: "gl-muted key" });
  const all = element("button", { type: "button", name: "places" }, `All ${(2 * room + 1) ** 2} places`);
  const places = view.networks.garments.heads.map(() => figureOf("", "place"));
  const grid = element("div", { className: "trio", hidden: true }, ...places.map(({ figure }) => figure));
  section.append(key, element("div", { className: "buttons" }, all), grid);
  const parts = { words, across, down, table, chart, key, all, places, grid, room, trace: [], walked: null, at: "" };
  all.addEventListener("click", () => walkPlaces(view, parts, now()));
  const wide = 2 * room + 1;
  for (const place of places) {
    walkable(
      place,
      "Probability at every place: arrow keys move the picture",
      () => ({ size: [wide, wide], cell: (now().dy + room) * wide + now().dx + room }),
      (cell) => choose({ dx: (cell % wide) - room, dy: Math.floor(cell / wide) - room }),
    );
  }
  return parts;
}

const framing = (view, { network }, dx, dy) => ({
  scaled: view.networks[network].moved,
  frame: view.networks[network].side,
  dx,
  dy,
});

/** The answers at the centre, which are the measure, and those at the place; the class is the first head's best. */
async function askMoving(view, state) {
  const { heads } = view.networks[state.network];
  const key = JSON.stringify([state.network, view.looked, state.label]);
  if (view.centre?.key !== key) {
    const found = [];
    for (const [i, { network, pool }] of heads.entries()) {
      const label = wantedLabel(state) ?? found[0]?.label ?? null;
      const question = { network, pool, p: 3, label, ...framing(view, state, 0, 0), values: [] };
      const answer = await view.desk.ask(`centre ${i}`, question);
      if (!answer) return null;
      found.push(answer);
    }
    view.centre = { key, found };
  }
  const centre = view.centre.found;
  const now = await Promise.all(heads.map(({ network, pool }, i) =>
    view.desk.ask(`head ${i}`, {
      ...{ network, pool, p: 3, label: centre[0].label },
      ...framing(view, state, state.dx, state.dy),
      values: [],
    })
  ));
  return now.every(Boolean) ? { ...now[0], now, centre } : null;
}

function showMoving(view, parts, state, { now, centre }) {
  const heads = view.networks[state.network].heads.map((head) => ({ ...head, title: view.say(head.title) }));
  const classes = view.classes(state);
  const label = centre[0].label;
  const drifts = now.map(({ pooled }, i) => drift(pooled, centre[i].pooled));
  const key = `${view.centre.key}`;
  if (parts.key.dataset.of !== key) {
    Object.assign(parts, { trace: [heads.map(() => 0)], walked: null, at: "0 0" });
    parts.grid.hidden = true;
    parts.key.dataset.of = key;
  }
  const at = `${state.dx} ${state.dy}`;
  if (parts.at !== at) parts.trace = [...parts.trace, drifts].slice(-STEPS_KEPT);
  parts.at = at;
  parts.words.textContent = WORDS[state.network];
  parts.across(state.dx, `${state.dx} px`);
  parts.down(state.dy, `${state.dy} px`);
  const rows = heads.map(({ title }, i) => {
    const share = probabilities(now[i].logits);
    return [
      title,
      `${classes[now[i].best]}, ${formatPercent(share[now[i].best])}`,
      formatPercent(share[label]),
      formatPercent(drifts[i]),
    ];
  });
  parts.table.replaceChildren(tableOf(["Head", "It says", classes[label], "Drift"], rows));
  const most = Math.max(...parts.trace.flat(), 1e-6);
  const step = 1 / Math.max(parts.trace.length - 1, 1);
  parts.chart(heads.map((_, i) => parts.trace.map((one, t) => [t * step, one[i] / most])));
  parts.key.textContent = `${heads.map(({ title }, i) => `${title}: ${LINES[i].looks}`).join("; ")}. Top ` +
    `of the box: ${
      formatPercent(most)
    }. Drift is the distance from the vector at the centre, over that vector's length.`;
  showPlaces(parts, state);
  const moved = `${Math.abs(state.dx)} px ${state.dx < 0 ? "left" : "right"}, ${Math.abs(state.dy)} px ${
    state.dy < 0 ? "up" : "down"
  }`;
  return `Moved ${moved}: ${rows.map(([title, says, , moves]) => `${title} says ${says}, drift ${moves}`).join("; ")}.`;
}

/** Every place, row by row, so that a newer question never waits long. */
async function walkPlaces(view, parts, state) {
  const { heads } = view.networks[state.network];
  const places = Array.from({ length: 2 * parts.room + 1 }, (_, i) => i - parts.room);
  const label = view.centre.found[0].label;
  const shares = heads.map(() => []);
  parts.key.dataset.of = view.centre.key;
  for (const dy of places) {
    const framings = places.map((dx) => framing(view, state, dx, dy));
    const walk = heads.map(({ network, pool }) => ({ network, pool, p: 3 }));
    const row = await view.desk.ask("walk", { walk, framings, label }).catch(view.complain);
    if (!row || view.centre.key !== parts.key.dataset.of) return;
    row.shares.forEach((one, i) => shares[i].push(...one));
    parts.walked = { shares, titles: heads.map(({ title }) => view.say(title)) };
    parts.grid.hidden = false;
    showPlaces(parts, view.state.now());
  }
}

function showPlaces(parts, state) {
  if (!parts.walked) return;
  const wide = 2 * parts.room + 1;
  const size = { height: wide, width: wide };
  parts.walked.shares.forEach((shares, i) => {
    const { canvas, figure, words } = parts.places[i];
    drawMap(canvas, Float32Array.from({ length: wide * wide }, (_, place) => shares[place] ?? 0), size, { most: 1 });
    figure.querySelector("figcaption").firstChild.textContent = parts.walked.titles[i];
    const mean = shares.reduce((sum, one) => sum + one, 0) / shares.length;
    words.textContent = `mean ${formatPercent(mean)}, least ${formatPercent(Math.min(...shares))}`;
    markAt(parts.places[i], square((state.dy + parts.room) * wide + state.dx + parts.room, wide), size);
  });
}

export const MOVING = {
  build: buildMoving,
  networks: (view, state) => [...new Set(view.networks[state.network].heads.map(({ network }) => network))],
  ask: askMoving,
  show: showMoving,
  who: (view, state) => view.say(view.networks[state.network].heads[0].title),
};
