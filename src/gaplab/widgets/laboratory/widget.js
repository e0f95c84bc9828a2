// The laboratory: a picture on the table, a network on the desk, five experiments. A change of the state becomes a question
// to the desk, and its answer is drawn; a new question overtakes those that wait.
import { element, finder, widgetRoot } from "../kit/dom.js";
import { formatPercent } from "../kit/format.js";
import { clamp } from "../kit/grid.js";
import { widget } from "../kit/widget.js";
import { addressOf, KEPT, stateIn } from "./address.js";
import { openDesk } from "./desk.js";
import { loaded, loadParts } from "./loading.js";
import { MOVING } from "./moving.js";
import { bestOf, fixed, probabilities } from "./numbers.js";
import { choicesOf, markAt, sliderOf } from "./parts.js";
import { POOLING } from "./pooling.js";
import { saveNumbers, savePicture } from "./saving.js";
import { SIZING } from "./sizing.js";
import { STAGES } from "./stages.js";
import { buildTable, drawTable, listenToTable, pictureOf, showPicture } from "./table.js";
import { VOTING } from "./voting.js";

/** @type {Record<string, any>} */
const PANELS = { stages: STAGES, move: MOVING, votes: VOTING, size: SIZING, pool: POOLING };
const STATE = [...KEPT, "own_turn"];
const POWERS = [1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100];
const BEST = 5;

const TEMPLATE = `
  <div class="networks"></div>
  <p class="gl-error problem" role="alert"></p>
  <div class="experiments"></div>
  <div class="desk">
    <div class="loading" role="status" hidden><progress max="1" aria-label="Loading"></progress> <span></span></div>
    <div class="left"></div>
    <div class="says">
      <p class="gl-label who"></p>
      <ol class="best"></ol>
      <p class="gl-muted ms"></p>
      <label class="gl-control class"><span class="gl-label">Class</span><select name="label"></select></label>
      <div class="pools"></div>
      <div class="power"></div>
      <div class="sides"></div>
    </div>
  </div>
  <div class="panels"></div>
  <p class="result" aria-live="polite" aria-atomic="true"></p>
  <div class="buttons">
    <button type="button" name="link">Copy a link to this</button><button type="button" name="numbers">Save numbers (JSON)</button
    ><button type="button" name="image">Save picture (PNG)</button>
  </div>
  <p class="gl-muted copied" role="status"></p>
`;
const FIXED = [
  "networks",
  "garments",
  "limits",
  "pools",
  "experiments",
  "scripts",
  "garment_names",
  "names",
  "own",
  "own_shape",
];

function build(model) {
  const given = Object.fromEntries(FIXED.map((name) => [name, model.get(name)]));
  const root = widgetRoot("laboratory", TEMPLATE);
  const said = new Map(given.names.map(({ id, name }) => [id, name]));
  const find = finder(root);
  /** @type {any} */
  const view = {
    ...given,
    ...{ model, root, find, own: null, desk: null, engine: null, looked: "", last: null, closing: [], put: new Set() },
    standard: Object.fromEntries(KEPT.map((name) => [name, model.get(name)])),
    plan: (state) => loaded()[PANELS[state.experiment].networks(view, state)[0]].plan,
    say: (name) => said.get(name) ?? name,
    classes: (state) => view.plan(state).classes.map(view.say),
    complain(error) {
      find(".problem").textContent = error.message;
      return null;
    },
    poolName: ({ pool, p }) =>
      `${view.say(given.pools.find(([name]) => name === pool)[1])}${pool === "gem" || pool === "lse" ? ` ${p}` : ""}`,
  };
  view.table = buildTable(find(".left"));
  return view;
}

/** What the controls do, and what stands in each panel: both need the state. */
function listen(view, state) {
  const { find, networks } = view;
  const { now, choose } = state;
  view.state = state;
  view.chooseNetwork = (network) => {
    const { pictures, side, stages } = networks[network];
    const picture = now().picture === "own" ? "own" : pictures[0];
    choose({ network, picture, side, layer: stages.at(-1), channel: -1, cell: -1, dx: 0, dy: 0, label: -1 });
  };
  view.bringOwn = (shape, bytes) => bringOwn(view, shape, bytes);
  const megabytes = (network) => {
    const parts = partsFor(view, { ...now(), network });
    const bytes = parts.flatMap((part) => view.scripts[part]).reduce((sum, [, size]) => sum + size, 0);
    return `${(bytes / 1e6).toFixed(1)} MB`;
  };
  const offered = Object.entries(networks).map(([name, { title }]) => [name, `${title} (${megabytes(name)})`]);
  view.checkNetwork = choicesOf(find(".networks"), "Network, loaded when chosen", offered, view.chooseNetwork);
  view.checkExperiment = choicesOf(
    find(".experiments"),
    "Experiment",
    view.experiments,
    (experiment) => choose({ experiment }),
  );
  view.checkPool = choicesOf(
    find(".pools"),
    "Pool",
    view.pools.map(([pool, name]) => [pool, view.say(name)]),
    (pool) => choose({ pool }),
  );
  const power = { min: 0, max: POWERS.length - 1 };
  view.showPower = sliderOf(find(".power"), "Exponent p, or r", power, (at) => choose({ p: POWERS[at] }));
  const [min, max] = view.limits.sides;
  view.showSide = sliderOf(find(".sides"), "Side of the picture", { min, max }, (side) => choose({ side }));
  find("[name=label]").addEventListener("change", ({ target }) => choose({ label: Number(target.value) }));
  buildPanels(view, state);
  listenToTable(view, state);
  listenToSaving(view);
  if (!view.model.widget_manager) listenToAddress(view, state);
}

function buildPanels(view, state) {
  view.panels = {};
  for (const [name, panel] of Object.entries(PANELS)) {
    const section = element("section", {
      className: `panel ${name}`,
      hidden: true,
      "aria-label": Object.fromEntries(view.experiments)[name],
    });
    view.find(".panels").append(section);
    view.panels[name] = Object.assign(panel.build(view, section, state), { section });
  }
}

function listenToSaving(view) {
  const { find } = view;
  find("[name=numbers]").addEventListener("click", () => view.last && saveNumbers(view));
  find("[name=image]").addEventListener("click", () => view.last && savePicture(view));
  find("[name=link]").addEventListener("click", async () => {
    const address = new URL(addressOf(view.state.now(), view.standard), location.href).href;
    const own = view.state.now().picture === "own" ? " Your own picture is not in it." : "";
    try {
      await navigator.clipboard.writeText(address);
      find(".copied").textContent = "Copied." + own;
    } catch {
      find(".copied").textContent = `${address}${own}`;
    }
  });
}

function listenToAddress(view, { choose }) {
  const restore = () => {
    const found = stateIn(location.hash, view.standard);
    if (found) choose(sound(view, found));
  };
  addEventListener("hashchange", restore);
  view.closing.push(() => removeEventListener("hashchange", restore));
  restore();
}

/** A state out of an address, which anybody may have written, with what does not exist put right. */
function sound(view, state) {
  const [least, most] = view.limits.sides;
  const network = view.networks[state.network] ? state.network : view.standard.network;
  const { pictures, side, stages, room } = view.networks[network];
  const whole = (value, low, high) => clamp(Math.round(value), low, high);
  const same = network === view.standard.network;
  return {
    ...state,
    network,
    experiment: PANELS[state.experiment] ? state.experiment : view.standard.experiment,
    picture: pictures.includes(state.picture) ? state.picture : pictures[0],
    pool: view.pools.some(([name]) => name === state.pool) ? state.pool : view.standard.pool,
    layer: stages.includes(state.layer) ? state.layer : stages.at(-1),
    side: whole(!same && state.side === view.standard.side ? side : state.side, least, most),
    ...{ dx: whole(state.dx, -room, room), dy: whole(state.dy, -room, room) },
    p: state.p > 0 ? Math.min(state.p, POWERS.at(-1)) : view.standard.p,
    label: whole(state.label, -1, network === "garments" ? 9 : 999),
    channel: whole(state.channel, -1, 1e6),
    cell: whole(state.cell, -1, 1e6),
    noise: whole(state.noise, 0, view.limits.noise),
    seed: whole(state.seed, 0, 1e9),
  };
}

/** A picture of the reader's own goes onto the table; Python, where there is one, gets it too. */
function bringOwn(view, shape, bytes) {
  const turn = view.state.now().own_turn + 1;
  view.own = { turn, shape, values: bytes };
  if (view.model.widget_manager) view.model.send({ own: shape }, {}, [bytes.buffer]);
  view.state.choose({ own_turn: turn, picture: "own", dx: 0, dy: 0, label: -1, cell: -1 });
}

/** The scripts that a state needs. */
const partsFor = (view, state) => [
  "engine",
  ...(state.network === "photographs" ? ["photographs"] : []),
  ...PANELS[state.experiment].networks(view, state),
];

function draw(view, state, before) {
  const { find, root } = view;
  const panel = PANELS[state.experiment];
  readOwn(view, state);
  view.checkNetwork(state.network);
  view.checkExperiment(state.experiment);
  view.checkPool(state.pool);
  const nearest = POWERS.reduce(
    (best, p, i) => (Math.abs(p - state.p) < Math.abs(POWERS[best] - state.p) ? i : best),
    0,
  );
  view.showPower(nearest, `${state.p}`);
  view.showSide(state.side, `${state.side} px`);
  drawTable(view, state);
  find(".power").hidden = !panel.pools || !["gem", "lse"].includes(state.pool);
  find(".pools").hidden = !panel.pools;
  find(".class").hidden = !panel.classes;
  find(".sides").hidden = !panel.sides;
  for (const [name, { section }] of Object.entries(view.panels)) section.hidden = name !== state.experiment;
  if (state.experiment !== "stages") markAt(view.table, null);
  root.dataset.busy = "true";
  view.waiting = (view.waiting ?? 0) + 1;
  question(view, state).catch(view.complain).finally(() => (view.waiting -= 1) || delete root.dataset.busy);
  if (!view.model.widget_manager && before.experiment) rememberSoon(view);
}

/** Python may have put a picture on the table. */
function readOwn(view, state) {
  if (state.picture !== "own" || view.own?.turn === state.own_turn) return;
  const [own, shape] = [view.model.get("own"), view.model.get("own_shape")];
  const values = new Uint8Array(own.buffer, own.byteOffset, own.byteLength).slice();
  view.own = { turn: state.own_turn, shape, values };
}

/** Browsers take few changes of the address in a second. */
function rememberSoon(view) {
  clearTimeout(view.remembering);
  view.remembering = setTimeout(() => {
    const hash = addressOf(view.state.now(), view.standard);
    if (location.hash !== hash) history.replaceState(null, "", hash);
  }, 400);
}

/** From a state to the drawn answer: load, put on the desk, ask, show. */
async function question(view, state) {
  const panel = PANELS[state.experiment];
  await prepare(view, state);
  if (stale(view, state)) return;
  const answer = await panel.ask(view, state);
  if (!answer || stale(view, state)) return;
  const sentence = panel.show(view, view.panels[state.experiment], state, answer);
  view.last = { state, answer, sentence };
  showPicture(view, answer);
  view.find(".who").textContent = `${panel.who?.(view, state) ?? "The network"} says`;
  showBest(view, state, answer);
  view.find(".problem").textContent = "";
  view.find(".result").textContent = sentence;
  view.find(".ms").textContent = `${fixed(answer.ms, 1)} ms ${view.desk.where}. ${answer.note}`;
  tellPython(view, answer);
}

/** Whether the reader went on to another experiment, network or picture: an answer about those is of no use. */
const stale = (view, state) => {
  const now = view.state.now();
  return ["experiment", "network", "picture", "own_turn"].some((name) => now[name] !== state[name]);
};

async function prepare(view, state) {
  const { find } = view;
  await loadParts(view.model, partsFor(view, state), (done, all) => {
    find(".loading").hidden = done >= all;
    find("progress").value = done / all;
    find(".loading span").textContent = `Loading the network: ${(done / 1e6).toFixed(1)} of ${
      (all / 1e6).toFixed(1)
    } MB`;
  }).finally(() => (find(".loading").hidden = true));
  view.engine ??= loaded().engine();
  view.opening ??= openDesk(loaded().engine);
  view.desk = await view.opening;
  for (const name of PANELS[state.experiment].networks(view, state)) {
    if (view.put.has(name)) continue;
    view.put.add(name);
    const { plan, weights } = loaded()[name];
    await view.desk.tell({ put: { plan, weights: weights.join(""), wasm: loaded().wasm } });
  }
  if (!stale(view, state)) await lookAt(view, state);
}

/** Put the picture on the desk, if it is another than the one there. */
async function lookAt(view, state) {
  const key = `${state.network} ${state.picture} ${state.picture === "own" ? state.own_turn : ""}`;
  if (view.looked === key) return;
  const picture = await pictureOf(view, state);
  if (stale(view, state)) return;
  view.looked = key;
  await view.desk.tell({ look: picture });
}

function showBest(view, state, { logits, label }) {
  const classes = view.classes(state);
  const shares = probabilities(logits);
  view.find(".best").replaceChildren(
    ...bestOf(logits, BEST).map((each) => {
      const bar = element("i", { style: `width: ${100 * shares[each]}%` });
      return element("li", {}, element("span", {}, classes[each]), element("b", {}, formatPercent(shares[each])), bar);
    }),
  );
  const select = view.find("[name=label]");
  if (select.dataset.of !== state.network) {
    select.dataset.of = state.network;
    select.replaceChildren(
      new Option("the one that it says", "-1"),
      ...classes.map((name, i) => new Option(name, String(i))),
    );
  }
  select.value = state.label;
  const said = classes[label];
  select.options[0].textContent = state.label < 0 ? `the one that it says: ${said}` : "the one that it says";
}

/** In a live notebook Python has the answer too. */
function tellPython(view, { logits, best, label, gradients, sizes }) {
  if (!view.model.widget_manager) return;
  const shapes = Object.fromEntries(
    Object.keys(gradients).map((name) => [name, [sizes[name].channels, sizes[name].height, sizes[name].width]]),
  );
  const all = Float32Array.from(Object.values(gradients).flatMap((one) => [...one]));
  view.model.send({ answer: { logits: [...logits], best, label, gradients: shapes } }, {}, [all.buffer]);
}

function close({ closing, desk, remembering }) {
  clearTimeout(remembering);
  for (const end of closing) end();
  desk?.close();
}

export default widget(STATE, { build, draw, listen, close });
