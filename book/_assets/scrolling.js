// What is wider than the screen scrolls by itself, so the keyboard must be able to reach it. The theme does so for code and
// tables, but not for formulas; the interview's one file has no theme.
const themed = document.getElementById("main-content");
const scrolling = themed ? ".math" : ".math, pre, .cell_output > .output, .pst-scrollable-table-container";
const reach = () => {
  for (const part of document.querySelectorAll(scrolling)) {
    const scrolls = part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX === "auto";
    if (scrolls) part.setAttribute("tabindex", "0");
    else part.removeAttribute("tabindex");
  }
};
addEventListener("load", reach);
addEventListener("resize", reach);
// What was folded had no width to be judged by; the theme looks again when the window changes its size.
document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
