// Numbers as pictures on a canvas, one pixel each; the style sheet makes them large.
import { diverging, sequential } from "../kit/colour.js";

const SHADES = 256;
const palette = (scale, low) =>
  Array.from({ length: SHADES }, (_, i) => scale(low + ((1 - low) * i) / (SHADES - 1)).match(/\d+/g).map(Number));
const SEQUENTIAL = palette(sequential, 0);
const DIVERGING = palette(diverging, -1);

/** @type {(values: ArrayLike<number>) => number} the largest size of a number, and never 0 */
export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) most = Math.max(most, Math.abs(values[i]));
  return most || 1;
}

/** Whether zero must be in the middle of the scale; behind a ReLU it is its end. */
function hasNegative(values) {
  for (let i = 0; i < values.length; i += 1) if (values[i] < 0) return true;
  return false;
}

/** Fill a canvas of so many pixels by a function that gives red, green and blue of each. */
function paint(canvas, high, wide, colourAt) {
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  const image = context.createImageData(wide, high);
  for (let i = 0; i < high * wide; i += 1) {
    const rgb = colourAt(i);
    image.data[4 * i] = rgb[0];
    image.data[4 * i + 1] = rgb[1];
    image.data[4 * i + 2] = rgb[2];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

const shadeOf = (signed, most) => {
  const table = signed ? DIVERGING : SEQUENTIAL;
  return (value) => {
    const part = signed ? (value / most + 1) / 2 : value / most;
    return table[Math.round(Math.min(Math.max(part, 0), 1) * (SHADES - 1))];
  };
};

/**
 * One map: from 0 to `most`, or, signed, from -most to most, light at 0; a map with negative numbers is signed.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 * @param {{ height: number, width: number }} size
 * @param {{ most?: number, signed?: boolean }} [options]
 */
export function drawMap(
  canvas,
  values,
  { height, width },
  { most = largest(values), signed = hasNegative(values) } = {},
) {
  const shade = shadeOf(signed, most);
  paint(canvas, height, width, (i) => shade(values[i]));
}

/** What a network read: one channel as grey, three as red, green and blue. */
export function drawPixels(canvas, pixels, side) {
  const area = side * side;
  const [green, blue] = pixels.length === area ? [0, 0] : [area, 2 * area];
  paint(canvas, side, side, (i) => [pixels[i], pixels[i + green], pixels[i + blue]]);
}

/** @type {(channels: number) => number} how many maps stand in a row of a sheet */
export const sheetColumns = (channels) => Math.ceil(Math.sqrt(2 * channels));

/** All maps of a tensor side by side on one scale, a pixel apart. */
export function drawSheet(canvas, values, { channels, height, width }, chosen) {
  const columns = sheetColumns(channels);
  const rows = Math.ceil(channels / columns);
  const [high, wide] = [rows * (height + 1) + 1, columns * (width + 1) + 1];
  const shade = shadeOf(hasNegative(values), largest(values));
  paint(canvas, high, wide, (i) => {
    const [y, x] = [Math.floor(i / wide) - 1, (i % wide) - 1];
    const [row, column] = [Math.floor(y / (height + 1)), Math.floor(x / (width + 1))];
    const channel = row * columns + column;
    const [down, across] = [y - row * (height + 1), x - column * (width + 1)];
    const outside = y < 0 || x < 0 || down === height || across === width || channel >= channels;
    if (outside) return chosen >= 0 && channel === chosen ? [255, 140, 0] : [128, 128, 128];
    return shade(values[(channel * height + down) * width + across]);
  });
}

/** @type {(values: ArrayLike<number>, size: { channels: number, height: number, width: number }) => Float32Array} */
export function meanOverChannels(values, { channels, height, width }) {
  const found = new Float32Array(height * width);
  for (let i = 0; i < values.length; i += 1) found[i % found.length] += values[i] / channels;
  return found;
}

/** The length over channels at each place: where a gradient is, whatever its sign. */
export function lengthOverChannels(values, { height, width }) {
  const found = new Float32Array(height * width);
  for (let i = 0; i < values.length; i += 1) found[i % found.length] += values[i] ** 2;
  return found.map(Math.sqrt);
}
