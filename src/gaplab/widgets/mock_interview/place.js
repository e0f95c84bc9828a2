// Where the reader was, in this tab: a reload and the way back lead there again.

const FIELDS = "select, [type=radio]";

/** Whether this page was loaded again or come back to; who follows a link to it begins at its first screen. */
function returned() {
  const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return ["reload", "back_forward"].includes(visit?.type);
}

/** What is kept as long as the tab is open: the screen's name, its open folds and what was chosen on it. */
export function openPlace(key) {
  const name = `${key}-place`;
  let place = { screen: "start" };
  try {
    if (returned()) place = JSON.parse(sessionStorage.getItem(name)) ?? place;
  } catch {
    // Nothing may be kept here: the way back leads to the first screen.
  }
  return {
    get: () => place,
    note(found) {
      place = found;
      try {
        sessionStorage.setItem(name, JSON.stringify(place));
      } catch {
        // The same.
      }
    },
  };
}

/** What a reader unfolded and chose on a screen. */
export function seen(screen) {
  const all = (what) => [...screen.querySelectorAll(what)];
  return {
    about: screen.querySelector("h2")?.textContent,
    folds: all("details[open] > summary").map((summary) => summary.textContent), // by name: a tick changes which there are
    chosen: all(FIELDS).map((field) => field.type === "radio" ? field.checked : field.value),
  };
}

/** Unfold and choose the same again, if the screen is about the same: another question has other folds. */
export function restore(screen, { about, folds = [], chosen = [] }) {
  if (about !== screen.querySelector("h2")?.textContent) return;
  for (const fold of screen.querySelectorAll("details")) {
    fold.open = folds.includes(fold.querySelector(":scope > summary")?.textContent);
  }
  const fields = [...screen.querySelectorAll(FIELDS)].slice(0, chosen.length);
  fields.forEach((field, i) => {
    if (field.type === "radio") field.checked = chosen[i];
    else field.value = chosen[i];
  });
  fields.at(-1)?.dispatchEvent(new Event("change", { bubbles: true })); // not before the last: they belong together
}
