// Perceptually uniform colours for numbers.

const shades = (hexes) => hexes.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const VIRIDIS = shades("440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725");
// Crameri's vik: as dark at both ends, light at zero.
const VIK = shades("001261 033e7d 1e6f9d 71a8c4 c9dde7 ece5e0 eacebd d39774 be6533 8b2706 590008");

function colour(scale, part) {
  const at = Math.min(Math.max(part, 0), 1) * (scale.length - 1);
  const low = Math.min(Math.floor(at), scale.length - 2);
  const channels = scale[low].map((from, i) => Math.round(from + (at - low) * (scale[low + 1][i] - from)));
  return `rgb(${channels.join(",")})`;
}

/** The whole scale, for a bar beside the picture. */
export const SEQUENTIAL_BAR = `linear-gradient(90deg, ${VIRIDIS.map((rgb) => `rgb(${rgb})`).join()})`;

/** @type {(part: number) => string} a number from 0 to 1 as a colour */
export const sequential = (part) => colour(VIRIDIS, part);

/** @type {(part: number) => string} a number from -1 to 1 as a colour, light at 0 */
export const diverging = (part) => colour(VIK, (part + 1) / 2);

/**
 * Black or white, whichever reads better on a colour of a scale.
 * @param {string} fill
 */
export function ink(fill) {
  const [red, green, blue] = (fill.match(/\d+/g) ?? []).map((channel) => {
    const part = Number(channel) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}
