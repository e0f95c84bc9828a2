// Leads from a page to the same place of it in the other language, and remembers which one the reader chose.

const KEY = "gaplab-language";
const own = document.documentElement.lang;
const other = /** @type {HTMLAnchorElement | null} */ (document.querySelector("a.gaplab-language"));

/** The last heading, cell, question, term or source above the middle of the screen: places bear one name in both languages. */
const here = () => {
  const places = [...document.querySelectorAll("article :is(section, .cell, details, dt, .citation)[id]")];
  const above = places.filter((place) => place.getBoundingClientRect().top < innerHeight / 2);
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
