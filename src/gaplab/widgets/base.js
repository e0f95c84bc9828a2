// Stands before every widget.js: both are one module in the page.

/** The element that holds a widget, with the shared look and manners. */
function widgetRoot(name) {
  const root = document.createElement("div");
  root.className = `gaplab-widget ${name}`;
  // Else JupyterLab's notebook takes the plain arrow keys from the sliders.
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
  return root;
}
