// A formula wider than the screen scrolls by itself, so the keyboard must be able to reach it. The theme does the same for code and tables.
const reach = () => {
  for (const formula of document.querySelectorAll(".math")) {
    const scrolls = formula.scrollWidth > formula.clientWidth && getComputedStyle(formula).overflowX === "auto";
    if (scrolls) formula.setAttribute("tabindex", "0");
    else formula.removeAttribute("tabindex");
  }
};
addEventListener("load", reach);
addEventListener("resize", reach);
