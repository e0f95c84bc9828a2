// One switch shows or folds all code of a chapter, and the reader's choice is kept for all chapters.

const page = document.documentElement;
const code = [...document.querySelectorAll("div.cell_input")];

/** What stands at the top of the screen stays there while code comes and goes above it. @param {() => void} change */
const holding = (change) => {
  const first = [...document.querySelectorAll("article :is(h2, h3, p, figure, div.cell_output)")]
    .find((part) => part.checkVisibility() && part.getBoundingClientRect().top > 60);
  const before = first?.getBoundingClientRect().top ?? 0;
  change();
  scrollBy({ top: (first?.getBoundingClientRect().top ?? 0) - before, behavior: "instant" });
};

if (code.length) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm gaplab-code";
  button.textContent = "Show code";
  const tell = () => button.setAttribute("aria-pressed", String(page.dataset.code === "shown"));
  button.addEventListener("click", () => {
    holding(() => (page.dataset.code = page.dataset.code === "shown" ? "folded" : "shown"));
    tell();
    try {
      localStorage.setItem("gaplab-code", page.dataset.code);
    } catch {
      // Where nothing may be kept, the choice holds for this page.
    }
  });
  tell();
  document.querySelector(".article-header-buttons")?.prepend(button);
}
