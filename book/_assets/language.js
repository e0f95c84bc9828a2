// Leads from a page to the same place of it in the other language, and remembers which one the reader chose.

const KEY = "gaplab-language";
const own = document.documentElement.lang;
const other = /** @type {HTMLAnchorElement | null} */ (document.querySelector("a.gaplab-language"));

const TOP = 120; // pixels from the top of the screen: the page's head, and a line of text

/** Where the reader is: at the place that a link has led to, else at the last one that begins above; languages share names. */
const here = () => {
  const top = (place) => place.getBoundingClientRect().top;
  const linked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked && top(linked) >= 0 && top(linked) < innerHeight / 2) return location.hash;
  const places = [...document.querySelectorAll("article :is(section, .cell, details, dt, .citation)[id]")];
  const above = places.filter((place) => place.checkVisibility() && top(place) < TOP);
  return scrollY > 0 && above.length ? `#${above[above.length - 1].id}` : "";
};

/** @param {string} [language] */
const remembered = (language) => {
  try {
    if (language) localStorage.setItem(KEY, language);
    return localStorage.getItem(KEY);
  } catch {
    return null; // a private window may keep nothing
  }
};

if (other) {
  other.addEventListener("click", () => {
    remembered(other.hreflang);
    other.hash = here();
  });
  // Whoever opens the book's front door anew comes in by the language that was chosen last.
  const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const front = document.querySelector(".bd-links .current") === null && own === "en" && !document.referrer;
  const home = /(^|\/)(index\.html)?$/.test(location.pathname);
  if (front && home && visit?.type === "navigate" && remembered() === other.hreflang) location.replace(other.href);
}
