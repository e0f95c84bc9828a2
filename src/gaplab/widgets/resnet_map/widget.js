// A network as a row of maps: choose a stage by mouse, touch or arrow keys; its numbers and its chapter follow.
import { element, finder, widgetRoot } from "../kit/dom.js";
import { formatCount, formatPercent } from "../kit/format.js";
import { svg } from "../kit/svg.js";
import { widget } from "../kit/widget.js";

const LEAST = 0.1; // percent, the smallest share that one decimal shows

/** A share in percent with one decimal, or "under 0.1 %". */
export function formatShare(part, whole) {
  return part > 0 && part / whole < LEAST / 100 ? `under ${LEAST} %` : formatPercent(part / whole);
}

/** Size of a drawn map in pixels: its side to scale but never invisible, its depth by the logarithm of its channels. */
export function drawn(stage, largest) {
  return { side: Math.max(4, (88 * stage.side) / largest), depth: 2 + 2 * Math.log2(stage.channels) };
}

const TEMPLATE = `
  <div class="stages" role="radiogroup"></div>
  <div class="said" role="status">
    <p class="title"><b></b> <span></span></p>
    <table class="gl-table"><tbody>
      <tr><th scope="row">Output</th><td class="shape"></td><td class="positions gl-muted"></td></tr>
      <tr><th scope="row">Parameters</th><td class="parameters"></td><td class="parameters-share gl-muted"></td></tr>
      <tr><th scope="row">Multiply-adds</th><td class="macs"></td><td class="macs-share gl-muted"></td></tr>
    </tbody></table>
    <p class="question"><span></span> <a></a></p>
  </div>`;

function build(model) {
  const stages = model.get("stages");
  const largest = Math.max(...stages.map((stage) => stage.side));
  const root = widgetRoot("resnet-map", TEMPLATE);
  const find = finder(root);
  find(".stages").setAttribute("aria-label", `Stages of ${model.get("name")}`);
  const buttons = stages.map((stage) => {
    const name = element("span", {}, stage.name);
    return element("button", { type: "button", role: "radio" }, buildPicture(stage, largest), name);
  });
  find(".stages").append(...buttons);
  const total = (key) => stages.reduce((sum, stage) => sum + stage[key], 0);
  return { root, find, stages, buttons, parameters: total("parameters"), macs: total("macs") };
}

/** A map as a box: its front, its top and its flank. */
function buildPicture(stage, largest) {
  const { side, depth } = drawn(stage, largest);
  const width = side + depth + 2;
  const top = 114 - side;
  const lift = Math.min(depth, top - 1);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} 116`, width, height: 116, "aria-hidden": "true" },
    svg("path", { class: "front", d: `M1 ${top}h${side}v${side}h${-side}Z` }),
    svg("path", { class: "top", d: `M1 ${top}l${depth} ${-lift}h${side}l${-depth} ${lift}Z` }),
    svg("path", { class: "flank", d: `M${1 + side} ${top}l${depth} ${-lift}v${side}l${-depth} ${lift}Z` }),
  );
}

function draw({ find, stages, buttons, parameters, macs }, { stage: at }) {
  const stage = stages[at];
  buttons.forEach((button, position) => {
    button.setAttribute("aria-checked", String(position === at));
    button.tabIndex = position === at ? 0 : -1;
  });
  find(".title b").textContent = stage.name;
  find(".title span").textContent = stage.does;
  find(".shape").textContent = `${formatCount(stage.channels)} × ${stage.side} × ${stage.side}`;
  find(".positions").textContent = `${formatCount(stage.side * stage.side)} position${stage.side === 1 ? "" : "s"}`;
  find(".parameters").textContent = formatCount(stage.parameters);
  find(".parameters-share").textContent = formatShare(stage.parameters, parameters);
  find(".macs").textContent = formatCount(stage.macs);
  find(".macs-share").textContent = formatShare(stage.macs, macs);
  find(".question span").textContent = stage.question;
  Object.assign(find(".question a"), { href: stage.href, textContent: stage.chapter });
}

function listen({ find, buttons }, { now, choose }) {
  buttons.forEach((button, stage) => button.addEventListener("click", () => choose({ stage })));
  find(".stages").addEventListener("keydown", (event) => {
    const [at, count] = [now().stage, buttons.length];
    const [next, last] = [(at + 1) % count, (at + count - 1) % count];
    const keys = { ArrowRight: next, ArrowDown: next, ArrowLeft: last, ArrowUp: last, Home: 0, End: count - 1 };
    if (!(event.key in keys)) return;
    event.preventDefault();
    choose({ stage: keys[event.key] });
    buttons[keys[event.key]].focus();
  });
}

export default widget(["stage"], { build, draw, listen });
