// A garment drawn by hand, in the 28 x 28 pixels that the network reads.
import { element, finder, withModifier } from "../kit/dom.js";
import { ARROWS, clamp, partsAt } from "../kit/grid.js";
import { drawPixels } from "./heat.js";

const PAD = `
  <summary>Draw a garment</summary>
  <canvas class="pad" width="28" height="28" tabindex="0" role="application"
    aria-label="Drawing pad of 28 by 28 pixels: draw with the pointer, or move by arrow keys and paint with the space bar"></canvas>
  <div class="buttons"><button type="button" name="clear">Clear the pad</button></div>
  <p class="gl-muted">Light on black, as the network's garments were. Arrow keys move the brush, the space bar paints.</p>
`;

/**
 * @param {Element} parent
 * @param {number} side
 * @param {(pixels: Uint8Array) => void} drawn is told of every stroke
 */
export function buildPad(parent, side, drawn) {
  const fold = element("details", { className: "drawing" });
  fold.innerHTML = PAD;
  parent.append(fold);
  const find = finder(fold);
  const canvas = find(".pad");
  const pixels = new Uint8Array(side * side);
  /** @type {[number, number]} */
  let brush = [side / 2, side / 2];

  const show = () => {
    drawPixels(canvas, pixels, side);
    const context = canvas.getContext("2d");
    context.fillStyle = "rgb(255, 140, 0)";
    context.fillRect(Math.floor(brush[0]), Math.floor(brush[1]), 1, 1);
  };
  /** A soft dot of about three pixels. */
  const paint = ([x, y]) => {
    for (let row = 0; row < side; row += 1) {
      for (let column = 0; column < side; column += 1) {
        const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const shade = Math.round(255 * clamp(2 - far, 0, 1));
        pixels[row * side + column] = Math.max(pixels[row * side + column], shade);
      }
    }
    show();
    drawn(pixels.slice());
  };
  const stroke = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const [x, y] = partsAt(event, canvas).map((part) => clamp(part, 0, 0.999) * side);
    brush = [x, y];
    paint(brush);
  };
  for (const event of ["pointerdown", "pointermove"]) canvas.addEventListener(event, stroke);
  canvas.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (withModifier(event) || (!step && event.key !== " ")) return;
    event.preventDefault();
    if (step) brush = [clamp(brush[0] + step[0], 0, side - 0.5), clamp(brush[1] + step[1], 0, side - 0.5)];
    if (step) show();
    else paint(brush);
  });
  find("[name=clear]").addEventListener("click", () => {
    pixels.fill(0);
    show();
    drawn(pixels.slice());
  });
  fold.addEventListener("toggle", show);
}
