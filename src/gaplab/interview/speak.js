// Reads a text aloud with the browser's own voice, at its normal pace, and shows the time. A widget imports it; the
// kit's pages carry it as a script (gaplab.interview.pages).

/** Whether this browser has a voice at all. */
export const hasVoice = () => "speechSynthesis" in globalThis && "SpeechSynthesisUtterance" in globalThis;

export function hush() {
  if (hasVoice()) speechSynthesis.cancel();
}

/**
 * Sentence by sentence: some voices break off in the middle of a long text.
 * @param {string} text
 * @param {string} language
 * @param {() => void} over is told of the end, and of a voice that fails
 */
function speakSentences(text, language, over) {
  const sentences = text.trim().split(/(?<=[.?!][”"]?)\s+|(?<=[。\uff1f\uff01][”"]?)(?![”"])/);
  sentences.forEach((sentence, at) => {
    const utterance = new SpeechSynthesisUtterance(sentence);
    utterance.lang = language;
    if (at === sentences.length - 1) utterance.onend = over;
    utterance.onerror = over;
    speechSynthesis.speak(utterance);
  });
}

/**
 * A button that reads a text and, pressed again, stops, with the time beside it.
 * @param {string} text
 */
export function voiceButton(text) {
  const place = document.createElement("span");
  place.className = "gaplab-voice";
  const button = document.createElement("button");
  const time = document.createElement("span");
  button.type = "button";
  place.append(button, time);
  let running = 0;
  const rest = () => {
    clearInterval(running);
    running = 0;
    button.textContent = "Read aloud";
  };
  const read = () => {
    hush(); // another text may be read just now
    const from = Date.now();
    const tick = () => {
      if (!place.isConnected) rest();
      const seconds = Math.round((Date.now() - from) / 1000);
      time.textContent = ` ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    };
    button.textContent = "Stop reading";
    running = setInterval(tick, 1000);
    tick();
    const language = place.closest("[lang]")?.getAttribute("lang") ?? "en";
    speakSentences(text, language, () => {
      tick();
      rest();
    });
  };
  button.onclick = () => {
    if (!running) return read();
    hush();
    rest();
  };
  rest();
  return place;
}
