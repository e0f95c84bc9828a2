// A chapter's link to an experiment of the laboratory also opens it in its place: in a frame that holds the laboratory's
// page, which is loaded when the reader asks. There that page shows its widget alone, and says how tall it is.

const ADDRESS = "laboratory.html#lab&";
const laboratory = document.querySelector("[data-widget=laboratory]");

/** Show the widget without the page around it. @param {Element} widget */
const standAlone = (widget) => {
  document.documentElement.classList.add("gaplab-framed");
  for (let part = widget; part !== document.body; part = part.parentElement) {
    for (const other of part.parentElement.children) other.toggleAttribute("hidden", other !== part);
  }
  const tell = () =>
    parent.postMessage({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) }, "*");
  new ResizeObserver(tell).observe(widget);
};

/** Offer to open what a link leads to. @param {HTMLAnchorElement} link */
const offer = (link) => {
  const place = document.createElement("div");
  const button = document.createElement("button");
  place.className = "gaplab-live";
  button.type = "button";
  const show = (/** @type {boolean} */ opened) => {
    button.textContent = opened ? "Close the experiment" : "Open the experiment here";
    button.setAttribute("aria-expanded", String(opened));
  };
  show(false);
  button.addEventListener("click", () => {
    const opened = place.querySelector("iframe");
    show(!opened);
    if (opened) return opened.remove();
    const frame = document.createElement("iframe");
    frame.title = link.textContent;
    frame.src = link.href;
    addEventListener("message", ({ data, source }) => {
      if (source === frame.contentWindow && data?.height > 0) frame.style.height = `${data.height}px`;
    });
    place.append(frame);
  });
  place.append(button);
  link.closest("p").after(place);
};

if (laboratory && parent !== window) standAlone(laboratory);
for (const link of document.links) {
  if (link.href.includes(ADDRESS) && link.closest("p")) offer(/** @type {HTMLAnchorElement} */ (link));
}
