// The picture on the table: chosen, brought along, taken or drawn; moved by pointer and keys where the experiment moves it.
import { element, setAll, withModifier } from "../kit/dom.js";
import { ARROWS, clamp } from "../kit/grid.js";
import { buildCamera } from "./camera.js";
import { buildPad } from "./drawing.js";
import { drawPixels } from "./heat.js";
import { fitted, pictureFile, planesOf, readPicture } from "./own.js";
import { loaded } from "./loading.js";
import { figureOf } from "./parts.js";

/** @param {Element} parent */
export function buildTable(parent) {
  const figure = figureOf("Picture on the table", "table");
  const select = element("select", { name: "picture", "aria-label": "Picture" });
  const file = element("input", { type: "file", accept: "image/*", className: "file" });
  const open = element("label", { className: "button" }, "Your own picture", file);
  const note = element("p", { className: "gl-muted note", role: "status" });
  parent.append(
    figure.figure,
    select,
    open,
    element("p", { className: "gl-muted" }, "Or paste or drop one. It never leaves this page."),
    note,
  );
  setAll(figure.frame, { tabindex: "0", role: "application" });
  return { ...figure, select, file, note, parent };
}

export function listenToTable(view, { now, choose }) {
  const { table, root, networks } = view;
  const bring = (file) =>
    readPicture(file, view.limits.largest).then(
      ({ shape, bytes, note }) => {
        table.note.textContent = note;
        view.bringOwn(shape, bytes);
      },
      view.complain,
    );
  table.select.addEventListener("change", () => choose({ picture: table.select.value, dx: 0, dy: 0, label: -1 }));
  table.file.addEventListener("change", () => {
    if (table.file.files.length) bring(table.file.files[0]);
    table.file.value = ""; // so that the same file can be brought again
  });
  view.closing.push(buildCamera(table.parent, bring, view.complain));
  buildPad(table.parent, networks.garments.side, (pixels) => {
    const { side } = networks.garments;
    if (now().network !== "garments") view.chooseNetwork("garments");
    view.bringOwn([1, side, side], pixels);
  });
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault(); // else the browser leaves the page for the picture
    const found = pictureFile(event.dataTransfer);
    if (found) bring(found);
  });
  const paste = (event) => {
    const found = pictureFile(event.clipboardData);
    if (found) bring(found);
  };
  document.addEventListener("paste", paste);
  view.closing.push(() => document.removeEventListener("paste", paste));
  listenToMoves(view, { now, choose });
}

/** Drag the picture, or press arrow keys; the experiments that scale it leave it in its place. */
function listenToMoves({ table, networks }, { now, choose }) {
  let start = null;
  const moveTo = (dx, dy) => {
    if (now().experiment !== "move") return;
    const { room } = networks[now().network];
    choose({ dx: clamp(dx, -room, room), dy: clamp(dy, -room, room) });
  };
  table.frame.addEventListener("pointerdown", (event) => {
    start = { x: event.clientX, y: event.clientY, dx: now().dx, dy: now().dy };
    if (now().experiment === "move") table.frame.setPointerCapture(event.pointerId);
  });
  table.frame.addEventListener("pointermove", (event) => {
    if (!start || !event.buttons) return;
    const pixel = table.frame.clientWidth / networks[now().network].side;
    const [across, down] = [(event.clientX - start.x) / pixel, (event.clientY - start.y) / pixel];
    moveTo(start.dx + Math.round(across), start.dy + Math.round(down));
  });
  table.frame.addEventListener("pointerup", () => (start = null));
  table.frame.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step || withModifier(event) || now().experiment !== "move") return;
    event.preventDefault(); // the page would scroll
    moveTo(now().dx + step[0], now().dy + step[1]);
  });
}

const nameOf = (say, picture) => picture === "own" ? "your own picture" : say(picture);

/** Offer the pictures of a network, and the reader's own where there is one. */
export function drawTable({ table, networks, own, say }, { network, picture, experiment }) {
  const offered = [...networks[network].pictures, ...(own ? ["own"] : [])];
  const key = `${network} ${offered.length}`;
  if (table.select.dataset.of !== key) {
    table.select.replaceChildren(
      ...offered.map((name) => new Option(nameOf(say, name), name)),
    );
    table.select.dataset.of = key;
  }
  table.select.value = picture;
  table.frame.classList.toggle("movable", experiment === "move");
  const moves = experiment === "move" ? " Drag it, or move it by arrow keys." : "";
  table.frame.setAttribute("aria-label", `Picture on the table: ${nameOf(say, picture)}.${moves}`);
  // Before the first answer too, so that nothing below moves when it comes.
  if (!table.words.textContent) sayFrame(table, networks[network].side);
}

export function showPicture({ table }, answer) {
  drawPixels(table.canvas, answer.pixels, answer.frame);
  sayFrame(table, answer.frame);
}

const sayFrame = (table, side) => (table.words.textContent = `${side} × ${side} px, as the network reads it`);

/** The picture as the desk takes it. */
export async function pictureOf(view, { network, picture }) {
  const { channels, side, pictures } = view.networks[network];
  if (picture === "own") return fitted(view.own, channels);
  if (network === "garments") {
    const [area, at] = [side * side, pictures.indexOf(picture)];
    const { buffer, byteOffset } = view.garments;
    return {
      channels,
      height: side,
      width: side,
      values: new Uint8Array(buffer, byteOffset + at * area, area).slice(),
    };
  }
  const image = new Image();
  image.src = loaded().photographs[picture];
  await image.decode();
  const { naturalWidth: wide } = image;
  return { channels, height: wide, width: wide, values: planesOf(image, [0, 0, wide], wide).planes };
}
