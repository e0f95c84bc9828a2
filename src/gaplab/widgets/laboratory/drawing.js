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
 * @typedef {{
 *   canvas: HTMLCanvasElement,
 *   side: number,
 *   pixels: Uint8Array,
 *   brush: [number, number],
 *   drawn: (pixels: Uint8Array) => void,
 * }} Pad
 */

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
  /** @type {Pad} */
  const pad = { canvas: find(".pad"), side, pixels: new Uint8Array(side * side), brush: [side / 2, side / 2], drawn };
  listenToPad(pad);
  find("[name=clear]").addEventListener("click", () => {
    pad.pixels.fill(0);
    showPad(pad);
    drawn(pad.pixels.slice());
  });
  fold.addEventListener("toggle", () => showPad(pad));
}

/** @param {Pad} pad */
function showPad({ canvas, side, pixels, brush }) {
  drawPixels(canvas, pixels, side);
  const context = canvas.getContext("2d");
  context.fillStyle = "rgb(255, 140, 0)";
  context.fillRect(Math.floor(brush[0]), Math.floor(brush[1]), 1, 1);
}

/** A soft dot of about three pixels, where the brush is. @param {Pad} pad */
function paintDot(pad) {
  const { side, pixels, brush: [x, y], drawn } = pad;
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const shade = Math.round(255 * clamp(2 - far, 0, 1));
      pixels[row * side + column] = Math.max(pixels[row * side + column], shade);
    }
  }
  showPad(pad);
  drawn(pixels.slice());
}

/** The pointer draws; arrow keys move the brush, and the space bar paints. @param {Pad} pad */
function listenToPad(pad) {
  const { canvas, side } = pad;
  const stroke = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const [x, y] = partsAt(event, canvas).map((part) => clamp(part, 0, 0.999) * side);
    pad.brush = [x, y];
    paintDot(pad);
  };
  for (const event of ["pointerdown", "pointermove"]) canvas.addEventListener(event, stroke);
  canvas.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (withModifier(event) || (!step && event.key !== " ")) return;
    event.preventDefault();
    const [x, y] = pad.brush;
    if (step) pad.brush = [clamp(x + step[0], 0, side - 0.5), clamp(y + step[1], 0, side - 0.5)];
    if (step) showPad(pad);
    else paintDot(pad);
  });
}
