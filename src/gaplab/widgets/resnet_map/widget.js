// A network as a row of maps: choose a stage by mouse, touch or arrow keys; its numbers and its chapter follow.

/** 1234567 as "1,234,567". */
export function formatCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A share in percent with one decimal, or "under 0.1 %". */
export function formatShare(part, whole) {
  const share = (100 * part) / whole;
  if (part > 0 && share < 0.1) return "under 0.1 %";
  return `${share.toFixed(1)} %`;
}

/** Size of a drawn map in pixels: its side to scale but never invisible, its depth by the logarithm of its channels. */
export function drawn(stage, largest) {
  return { side: Math.max(4, (88 * stage.side) / largest), depth: 2 + 2 * Math.log2(stage.channels) };
}

const SVG = "http://www.w3.org/2000/svg";

function picture(stage, largest) {
  const { side, depth } = drawn(stage, largest);
  const width = side + depth + 2;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} 116`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", 116);
  svg.setAttribute("aria-hidden", "true");
  const top = 114 - side;
  const lift = Math.min(depth, top - 1);
  const faces = [
    ["front", `M1 ${top}h${side}v${side}h${-side}Z`],
    ["top", `M1 ${top}l${depth} ${-lift}h${side}l${-depth} ${lift}Z`],
    ["flank", `M${1 + side} ${top}l${depth} ${-lift}v${side}l${-depth} ${lift}Z`],
  ];
  for (const [name, d] of faces) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

function render({ model, el }) {
  const stages = model.get("stages");
  const largest = Math.max(...stages.map((stage) => stage.side));
  const total = (key) => stages.reduce((sum, stage) => sum + stage[key], 0);
  const [parameters, macs] = [total("parameters"), total("macs")];
  const root = widgetRoot("resnet-map");
  root.innerHTML = `
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
  const find = (selector) => root.querySelector(selector);
  find(".stages").setAttribute("aria-label", `Stages of ${model.get("name")}`);

  function choose(position) {
    model.set("stage", (position + stages.length) % stages.length);
    model.save_changes();
  }
  const buttons = stages.map((stage, position) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.append(picture(stage, largest), Object.assign(document.createElement("span"), { textContent: stage.name }));
    button.addEventListener("click", () => choose(position));
    find(".stages").append(button);
    return button;
  });
  find(".stages").addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const at = model.get("stage");
    const to = { Home: 0, End: stages.length - 1 }[event.key] ?? (event.key in steps ? at + steps[event.key] : null);
    if (to === null) return;
    event.preventDefault();
    choose(to);
    buttons[model.get("stage")].focus();
  });

  function refresh() {
    const at = model.get("stage");
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

  model.on("change:stage", refresh);
  refresh();
  el.replaceChildren(root);
  return () => model.off("change:stage", refresh);
}

export default { render };
