// Experiment 4: the same weights on a picture of any size.
import { element } from "../kit/dom.js";
import { formatPercent } from "../kit/format.js";
import { drawMap, meanOverChannels } from "./heat.js";
import { probabilities } from "./numbers.js";
import { chartOf, figureOf, questionOf, tableOf, wantedLabel } from "./parts.js";

const STEP = { garments: 4, photographs: 16 };
const AT_ONCE = 4;

function buildSizing(view, section, { now, choose }) {
  const [least, most] = view.limits.sides;
  section.append(element(
    "p",
    { className: "gl-muted" },
    "The picture is scaled to the chosen side. The last map follows, and so does a head that pools it.",
  ));
  const map = figureOf("Last map, mean over channels", "large");
  const heads = element("div");
  section.append(element("div", { className: "pair" }, map.figure, heads));
  section.append(element("p", { className: "gl-label" }, "Probability of the class by size"));
  const chart = chartOf(section, "Probability by side of the picture", [{ colour: "var(--gl-gap)" }]);
  const ends = element("p", { className: "gl-scale gl-muted" }, `${least} px`, element("i"), `${most} px`);
  const all = element("button", { type: "button", name: "sizes" }, "Every size");
  const own = element("button", { type: "button", name: "trained" }, "Size of training");
  section.append(ends, element("div", { className: "buttons" }, all, own));
  const parts = { map, heads, chart, seen: new Map(), of: "" };
  own.addEventListener("click", () => choose({ side: view.networks[now().network].side }));
  all.addEventListener("click", () => walkSizes(view, parts, now()));
  return parts;
}

const keyOf = (view, state, label) => JSON.stringify([state.network, view.looked, state.pool, state.p, label]);

/** The class is the reader's, or the best at the size of training, so that the curve keeps one class. */
async function askSizing(view, state) {
  let label = wantedLabel(state);
  if (label === null) {
    const key = keyOf(view, state, -1);
    if (view.trained?.key !== key) {
      const { side } = view.networks[state.network];
      const found = await view.desk.ask("trained", questionOf(view, state, { scaled: side, frame: side }));
      if (!found) return null;
      view.trained = { key, label: found.label };
    }
    ({ label } = view.trained);
  }
  return await view.desk.ask("size", questionOf(view, state, { label, values: ["map"] }));
}

function showSizing(view, parts, state, answer) {
  const classes = view.classes(state);
  const { height, width, channels } = answer.sizes.map;
  const share = probabilities(answer.logits);
  const of = keyOf(view, state, answer.label);
  if (parts.of !== of) Object.assign(parts, { of, seen: new Map(), label: answer.label });
  parts.seen.set(answer.frame, share[answer.label]);
  drawMap(parts.map.canvas, meanOverChannels(answer.values.map, answer.sizes.map), answer.sizes.map);
  parts.map.words.textContent = `${height} × ${width} cells of ${channels} channels`;
  drawCurve(view, parts);
  const flat = flatProblem(view, state, answer);
  parts.heads.replaceChildren(tableOf(["Head", "At this size"], [
    ["Global pool, of any kind", `works: one vector of ${channels}`],
    ["Flattened map", flat || "works: the size of training"],
  ]));
  const [name, says] = [classes[answer.label], classes[answer.best]];
  return `${answer.frame} px: the last map has ${height} × ${width} cells; ${name} ${
    formatPercent(share[answer.label])
  }` +
    `${answer.best === answer.label ? "" : `, but it says ${says}, ${formatPercent(share[answer.best])}`}.` +
    ` A flattened head ${flat || "works: it is the size of training"}.`;
}

/** Why a linear layer on the flattened map of the size of training cannot read this one, or "". */
function flatProblem(view, state, { sizes: { map } }) {
  const plan = view.plan(state);
  const { side } = plan.picture;
  const trained = view.engine.shapes(plan, side, side).at(-1);
  if (map.height === trained.height && map.width === trained.width) return "";
  const [has, needs] = [trained, map].map(({ channels, height, width }) => channels * height * width);
  return `fails: it has ${has} weights for each class, and this map has ${needs} numbers`;
}

function drawCurve(view, { chart, seen }) {
  const [least, most] = view.limits.sides;
  const points = [...seen].sort(([one], [other]) => one - other);
  chart([points.map(([side, share]) => [(side - least) / (most - least), share])]);
}

async function walkSizes(view, parts, state) {
  const [least, most] = view.limits.sides;
  const step = STEP[state.network];
  const sides = Array.from({ length: Math.floor((most - least) / step) + 1 }, (_, i) => least + i * step);
  const { of, label } = parts;
  const heads = [{ network: view.networks[state.network].name, pool: state.pool, p: state.p }];
  for (let at = 0; at < sides.length; at += AT_ONCE) {
    const some = sides.slice(at, at + AT_ONCE);
    const framings = some.map((side) => ({ scaled: side, frame: side }));
    const found = await view.desk.ask("walk", { walk: heads, framings, label }).catch(view.complain);
    if (!found || parts.of !== of) return;
    some.forEach((side, i) => parts.seen.set(side, found.shares[0][i]));
    drawCurve(view, parts);
  }
}

export const SIZING = {
  pools: true,
  classes: true,
  sides: true,
  build: buildSizing,
  networks: (view, state) => [view.networks[state.network].name],
  ask: askSizing,
  show: showSizing,
};
