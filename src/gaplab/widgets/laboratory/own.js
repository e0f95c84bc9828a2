// A reader's own picture: out of a file, the clipboard, a drop, the camera. It is read in the page and goes nowhere.

const SMALLEST = 8;
const MEGAPIXELS = 100;

/**
 * The central square of a picture file, or of what the camera sees, as red, green and blue planes; `note` says what was done to it.
 * @param {(Blob | HTMLVideoElement) & { name?: string, type?: string }} file
 * @param {number} largest side that is kept as it is
 * @returns {Promise<{ shape: number[], bytes: Uint8Array, note: string }>}
 */
export async function readPicture(file, largest) {
  const name = file.name || "What you pasted";
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${name} is no picture that this browser can read: choose a JPEG, PNG, WebP or GIF file.`);
  }
  const { width, height } = bitmap;
  const side = Math.min(width, height);
  if (side < SMALLEST) {
    throw new Error(`${name} has ${width} × ${height} px, which show nothing: choose ${SMALLEST} px or more a side.`);
  }
  if (width * height > MEGAPIXELS * 1e6) {
    throw new Error(`${name} has over ${MEGAPIXELS} million pixels: choose a smaller picture.`);
  }
  const kept = Math.min(side, largest);
  const { planes, clear } = planesOf(bitmap, [(width - side) / 2, (height - side) / 2, side], kept);
  bitmap.close();
  const notes = [
    width !== height && "its central square is taken",
    kept < side && `it is made smaller, ${kept} px a side`,
    clear && "transparent parts count as white",
    file.type === "image/gif" && "of an animation the first picture is taken",
  ].filter(Boolean);
  return { shape: [3, kept, kept], bytes: planes, note: notes.length ? `Of your picture, ${notes.join("; ")}.` : "" };
}

/** A square of a picture as planes, on white; `clear` tells whether some of it was transparent. */
export function planesOf(drawable, [left, top, side], kept) {
  const canvas = Object.assign(document.createElement("canvas"), { width: kept, height: kept });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(drawable, left, top, side, side, 0, 0, kept, kept);
  const { data } = context.getImageData(0, 0, kept, kept);
  const area = kept * kept;
  const planes = new Uint8Array(3 * area);
  let clear = false;
  for (let i = 0; i < area; i += 1) {
    const alpha = data[4 * i + 3] / 255;
    clear ||= alpha < 1;
    for (let c = 0; c < 3; c += 1) planes[c * area + i] = Math.round(alpha * data[4 * i + c] + 255 * (1 - alpha));
  }
  return { planes, clear };
}

/**
 * A picture as a network reads it: as many channels as it has. Garments were trained light on black, so a picture whose
 * border is light is turned over.
 * @param {{ shape: number[], values: ArrayLike<number> }} picture
 * @param {number} channels
 */
export function fitted({ shape: [planes, height, width], values }, channels) {
  const area = height * width;
  if (planes === channels) return { channels, height, width, values };
  if (channels === 3) {
    return { channels, height, width, values: Float32Array.from({ length: 3 * area }, (_, i) => values[i % area]) };
  }
  // The weights of red, green and blue in a grey (ITU-R BT.601).
  const grey = Float32Array.from(
    { length: area },
    (_, i) => 0.299 * values[i] + 0.587 * values[area + i] + 0.114 * values[2 * area + i],
  );
  const border = grey.filter((_, i) => i < width || i >= area - width || i % width === 0 || i % width === width - 1);
  const light = border.reduce((sum, one) => sum + one, 0) / border.length > 127;
  return { channels, height, width, values: light ? grey.map((one) => 255 - one) : grey };
}

/** The first picture among what was dropped or pasted. */
export const pictureFile = (transfer) => [...(transfer?.files ?? [])].find(Boolean);
