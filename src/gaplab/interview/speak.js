// Reads a text aloud with the browser's own voice, at its normal pace, and shows the time. A widget imports it; the
// kit's pages carry it as a script (gaplab.interview.pages).

/** Letters that are said at one go at most: ten seconds, for Chromium's voices from the network break off after 15. */
const BREATH = 150;
/** Seconds of silence after which a browser that lists no voice is taken to have none. */
const SILENT = 4;
const NOTHING = () => {};

/** Takes the button of what is being read back to rest. */
let rest = NOTHING;
/** What the voice has still to say: Chromium forgets to report the end of what nobody holds. */
let held = [];

/** Whether this browser can read aloud at all. */
export const hasVoice = () => "speechSynthesis" in globalThis && "SpeechSynthesisUtterance" in globalThis;

export function hush() {
  const former = rest;
  rest = NOTHING;
  held = [];
  former();
  if (hasVoice()) speechSynthesis.cancel();
}

/**
 * A text as it is said: a voice spells signs, or leaves them out.
 * @param {string} text
 */
export function aloud(text) {
  return text.trim().replace(/\s+/g, " ")
    .replace(/(\d) ?[x×] ?(?=\d)/g, (_, side) => `${side} by `)
    .replace(/(\d+)\/(\d+)/g, (_, part, whole) => `${part} over ${whole}`)
    .replace(/(\w+) = (\w+)/g, (_, name, value) => `${name} equals ${value}`)
    .replaceAll("_", " ");
}

/** About how long a text takes: a Chinese sign is a syllable, some three letters. */
const length = (text) => text.replace(/[\u3000-\u9fff\uff00-\uffef]/g, "sss").length;

/**
 * What is said at one go: sentences, and of a long one its clauses.
 * @param {string} text
 */
export function pieces(text) {
  const sentences = text.split(/(?<=[.?!][”"]?)\s+|(?<=[。\uff1f\uff01][”"]?)(?![”"])/);
  return sentences.filter(Boolean).flatMap((sentence) => {
    const said = [""];
    for (const clause of sentence.split(/(?<=[,;:] )|(?<=[\uff0c\uff1a\uff1b])/)) {
      if (said.at(-1) && length(said.at(-1) + clause) > BREATH) said.push(clause);
      else said.push(said.pop() + clause);
    }
    return said.map((each) => each.trim());
  });
}

/** The voices that the browser lists; some list theirs late, or never, and Chromium begins when it is first asked. */
const voices = () => speechSynthesis.getVoices?.() ?? [];

/** Whether one of the voices that are listed speaks the language. */
function speaks(language) {
  const [wanted] = language.toLowerCase().split("-");
  return voices().some(({ lang }) => lang.toLowerCase().split(/[-_]/)[0] === wanted);
}

/**
 * @param {string} text
 * @param {string} language
 * @param {{ begun: () => void, over: (failed: boolean) => void }} hears
 */
function speak(text, language, { begun, over }) {
  held = pieces(aloud(text)).map((piece) => new SpeechSynthesisUtterance(piece));
  for (const utterance of held) {
    utterance.lang = language;
    utterance.onstart = begun;
    utterance.onerror = ({ error }) => over(error !== "canceled" && error !== "interrupted");
  }
  held.at(-1).onend = () => over(false);
  for (const utterance of [...held]) speechSynthesis.speak(utterance);
}

/**
 * Read a text: `show` is told the seconds, `resting` the end, and `mute` that nothing could be heard.
 * @param {string} text
 * @param {string} language
 * @param {{ show: (seconds: number) => void, resting: () => void, mute: () => void }} tells
 */
function read(text, language, { show, resting, mute }) {
  hush(); // another text may be read just now
  addEventListener("pagehide", hush);
  const from = Date.now();
  const seconds = () => Math.round((Date.now() - from) / 1000);
  let heard = false;
  const tick = () => {
    show(seconds());
    if (!heard && seconds() >= SILENT && !speaks(language)) end(true);
  };
  const running = setInterval(tick, 1000);
  const mine = () => {
    clearInterval(running);
    resting();
  };
  const end = (unheard) => {
    if (rest !== mine) return; // a voice that was stopped reports that too
    show(seconds());
    hush();
    if (unheard) mute();
  };
  rest = mine;
  show(0);
  if (voices().length && !speaks(language)) return end(true);
  speak(text, language, { begun: () => (heard = true), over: (failed) => end(failed && !heard) });
}

/**
 * A button that reads a text and, pressed again, stops, with the time beside it.
 * @param {string} text
 */
export function voiceButton(text) {
  const place = document.createElement("span");
  place.className = "gaplab-voice";
  const [button, time, note] = ["button", "span", "span"].map((name) => document.createElement(name));
  /** @type {HTMLButtonElement} */ (button).type = "button";
  note.setAttribute("role", "status");
  place.append(button, time, note);
  let running = false;
  const resting = () => {
    running = false;
    button.textContent = "Read aloud";
  };
  const show = (seconds) => {
    time.textContent = ` ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  const mute = () => {
    time.textContent = "";
    note.textContent = " This browser has no voice for this language.";
  };
  button.onclick = () => {
    if (running) return hush();
    running = true;
    note.textContent = "";
    button.textContent = "Stop reading";
    read(text, place.closest("[lang]")?.getAttribute("lang") ?? "en", { show, resting, mute });
  };
  resting();
  voices();
  return place;
}
