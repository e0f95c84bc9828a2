// A picture by the camera, which is on while its fold is open; one frame of it becomes the picture on the table.
import { element, finder } from "../kit/dom.js";

const CAMERA = `
  <summary>Take a picture</summary>
  <video muted playsinline aria-label="What the camera sees"></video>
  <div class="buttons"><button type="button" name="take" disabled>Take it</button></div>
  <p class="gl-muted">The camera is off as soon as this is closed. What it sees never leaves this page.</p>
`;

/**
 * @param {Element} parent
 * @param {(video: HTMLVideoElement) => Promise<unknown>} bring puts what the camera sees on the table
 * @param {(error: Error) => void} complain
 * @returns {() => void} turns the camera off
 */
export function buildCamera(parent, bring, complain) {
  const fold = element("details", { className: "camera" });
  fold.innerHTML = CAMERA;
  parent.append(fold);
  const find = finder(fold);
  const [video, take] = [find("video"), find("[name=take]")];
  video.muted = true; // the attribute alone does not mute what is written by a script
  let turn = 0; // grows when the camera is turned off: what the browser allows later comes too late
  const off = () => {
    turn += 1;
    take.disabled = true;
    stop(video.srcObject);
    video.srcObject = null;
  };
  const on = async () => {
    const mine = turn;
    try {
      const stream = await askForCamera();
      if (turn !== mine) return stop(stream);
      video.srcObject = stream;
      await video.play();
      take.disabled = turn !== mine;
    } catch (error) {
      if (turn !== mine) return;
      fold.open = false;
      const { message } = /** @type {Error} */ (error);
      complain(new Error(`The camera gave no picture (${message}): allow it, or choose a file.`));
    }
  };
  fold.addEventListener("toggle", () => (fold.open ? on() : off()));
  take.addEventListener("click", async () => {
    await bring(video);
    fold.open = false;
  });
  return off;
}

const stop = (stream) => stream?.getTracks().forEach((track) => track.stop());

/** The camera on the back of a telephone, else any. */
function askForCamera() {
  // Browsers hide cameras from pages at plain http.
  if (!navigator.mediaDevices) throw new Error("this page may not use one");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
}
