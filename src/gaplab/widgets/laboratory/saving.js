// The state of the laboratory for a report or a homework: as numbers, and as a picture.
import { element } from "../kit/dom.js";
import { KEPT } from "./address.js";
import { bestOf, probabilities } from "./numbers.js";

const download = (blob, name) => {
  const href = URL.createObjectURL(blob);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
};

/** @type {(view: any) => void} */
export function saveNumbers(view) {
  const { state, answer, sentence } = view.last;
  const plan = view.plan(state);
  const shares = probabilities(answer.logits);
  const best = bestOf(answer.logits, 5).map((label) => ({
    class: plan.classes[label],
    logit: answer.logits[label],
    probability: shares[label],
  }));
  const found = {
    laboratory: "Question the network",
    state: Object.fromEntries(KEPT.map((name) => [name, state[name]])),
    network: { name: plan.name, licence: plan.licence },
    class: plan.classes[answer.label],
    sentence,
    best,
    gradients: Object.fromEntries(
      Object.entries(answer.gradients).map(([name, values]) => [name, Array.from(/** @type {any} */ (values))]),
    ),
    picture: view.table.canvas.toDataURL("image/png"),
    address: location.href,
  };
  download(new Blob([`${JSON.stringify(found, null, 1)}\n`], { type: "application/json" }), "laboratory.json");
}

const [WIDE, TILE, GAP, LINE] = [960, 220, 16, 24];

/** @type {(view: any) => void} the pictures that are shown, and under them what was said */
export function savePicture(view) {
  const shown = [...view.root.querySelectorAll(".canvas > canvas:not(.under)")].filter((one) => one.checkVisibility());
  const across = Math.floor((WIDE - GAP) / (TILE + GAP));
  const rows = Math.ceil(shown.length / across);
  const sheet = element("canvas", { width: WIDE, height: 1 });
  const context = sheet.getContext("2d");
  const lines = wrapped(context, `${view.plan(view.last.state).name}. ${view.last.sentence}`, WIDE - 2 * GAP);
  sheet.height = GAP + rows * (TILE + GAP) + lines.length * LINE + GAP;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, WIDE, sheet.height);
  context.imageSmoothingEnabled = false;
  shown.forEach((one, i) => {
    const scale = TILE / Math.max(one.width, one.height);
    const [x, y] = [GAP + (i % across) * (TILE + GAP), GAP + Math.floor(i / across) * (TILE + GAP)];
    context.drawImage(one, x, y, one.width * scale, one.height * scale);
  });
  context.fillStyle = "#000000";
  context.font = FONT;
  lines.forEach((line, i) => context.fillText(line, GAP, GAP + rows * (TILE + GAP) + (i + 0.75) * LINE));
  sheet.toBlob((blob) => download(blob, "laboratory.png"));
}

const FONT = "16px sans-serif";

/** @type {(context: CanvasRenderingContext2D, text: string, width: number) => string[]} */
function wrapped(context, text, width) {
  context.font = FONT;
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
