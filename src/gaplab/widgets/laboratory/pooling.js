// Experiment 5: swap the pool, and see the gradient of the class's logit at the map, one block back, at the stem and at
// the picture; add noise, and see whether it still points the same way.
import { element } from "../kit/dom.js";
import { formatPercent } from "../kit/format.js";
import { drawMap, lengthOverChannels } from "./heat.js";
import { cosine, fixed, short, spread } from "./numbers.js";
import { figureOf, questionOf, sliderOf, tableOf } from "./parts.js";

function buildPooling(view, section, { now, choose }) {
  section.append(element(
    "p",
    { className: "gl-muted" },
    "The gradient of the chosen class's logit. Brightness is its length over the channels at each place, each map on its own scale.",
  ));
  const maps = ["at the map", "one block back", "at the stem", "at the picture"].map((where) =>
    figureOf(where, "gradient")
  );
  const table = element("div");
  section.append(element("div", { className: "quartet" }, ...maps.map(({ figure }) => figure)), table);
  const most = view.limits.noise;
  const noise = sliderOf(section, "Noise", { min: 0, max: most }, (value) => choose({ noise: value }));
  const again = element("button", { type: "button", name: "again" }, "Other noise");
  again.addEventListener("click", () => choose({ seed: now().seed + 1, noise: now().noise || 8 }));
  section.append(
    element("div", { className: "buttons" }, again),
    element(
      "p",
      { className: "gl-muted" },
      `Noise is drawn anew for every pixel, with the chosen standard deviation in greys of 255. The direction is the cosine ` +
        `of the angle between the gradients with and without it: 1 is the same way, 0 is a right angle.`,
    ),
  );
  return { maps, table, noise };
}

const layersOf = (view, state) => ["map", view.networks[state.network].back, "stem", "picture"];

/** First without noise, for the class and the direction to compare with; then with it. */
async function askPooling(view, state) {
  const gradients = layersOf(view, state);
  const key = JSON.stringify([state.network, view.looked, state.side, state.pool, state.p, state.label]);
  if (view.clean?.key !== key) {
    const found = await view.desk.ask("clean", questionOf(view, state, { gradients }));
    if (!found) return null;
    view.clean = { key, found };
  }
  const clean = view.clean.found;
  if (!state.noise) return { ...clean, clean };
  const { noise, seed } = state;
  const found = await view.desk.ask("pool", questionOf(view, state, { label: clean.label, gradients, noise, seed }));
  return found && { ...found, clean };
}

function showPooling(view, parts, state, answer) {
  const { clean } = answer;
  const layers = layersOf(view, state);
  parts.noise(state.noise, `${state.noise}`);
  // int8 weights flip gates: their gradients are shown as pictures, and their lengths are not printed.
  const exact = view.plan(state).head.form === "float16";
  const rows = layers.map((layer, i) => {
    const gradient = answer.gradients[layer];
    drawMap(parts.maps[i].canvas, lengthOverChannels(gradient, answer.sizes[layer]), answer.sizes[layer]);
    const { height, width, channels } = answer.sizes[layer];
    parts.maps[i].words.textContent = `${layer}, ${channels} × ${height} × ${width}`;
    const { length, density, effective } = spread(gradient);
    const direction = fixed(cosine(gradient, clean.gradients[layer]), 3);
    return [layer, ...(exact ? [short(length)] : []), formatPercent(density), formatPercent(effective), direction];
  });
  const head = ["Gradient", ...(exact ? ["L2"] : []), "Not zero", "Effective density", "Direction"];
  parts.table.replaceChildren(tableOf(head, rows));
  const name = view.classes(state)[answer.label];
  const [, , , last] = rows;
  return `${view.poolName(state)}: logit of ${name} ${fixed(answer.logits[answer.label], 2)}. At the map ${
    rows[0].at(-3)
  } of ` +
    `the gradient is not zero, at the picture ${
      last.at(-3)
    }. With noise of ${state.noise}, its direction at the picture ` +
    `keeps a cosine of ${last.at(-1)}.`;
}

export const POOLING = {
  pools: true,
  classes: true,
  build: buildPooling,
  networks: (view, state) => [view.networks[state.network].name],
  ask: askPooling,
  show: showPooling,
};
