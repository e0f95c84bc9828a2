// The page's elements, made and found. A file of the kit stands before every widget that imports it.

/**
 * The element that holds a widget, with the shared look and manners.
 * @param {string} name
 * @param {string} [template] its first content, as HTML
 */
export function widgetRoot(name, template = "") {
  const root = document.createElement("div");
  root.className = `gaplab-widget ${name}`;
  root.innerHTML = template;
  // Else JupyterLab's notebook takes the plain arrow keys from the sliders.
  root.addEventListener("keydown", (event) => {
    if (!withModifier(event)) event.stopPropagation();
  });
  return root;
}

/** @type {(event: KeyboardEvent) => boolean} whether a key is a shortcut of the page, which no widget may take */
export const withModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** @type {(root: Element) => (selector: string) => any} finds the first element in it that fits a selector */
export const finder = (root) => (selector) => root.querySelector(selector);

/**
 * An element with properties, attributes (`aria-…`, `data-…`, `role`, `for`) and children; text is text, never markup.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** @type {(target: Element, attributes: Record<string, any>) => void} */
export const setAll = (target, attributes) => {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, value);
};

/** @type {(what: string) => string} a name that no other widget of the page has, for radio buttons and ids */
export const uniqueName = (what) => `${what}-${Math.random().toString(36).slice(2)}`;

/** @type {(part: number) => string} a part of 1 as a length in a style */
export const cssPercent = (part) => `${(100 * part).toFixed(3)}%`;
