{
  // Runs once for each widget of a page without a kernel. A classic script, because only that knows its own place.
  const place = document.currentScript;
  const payload = JSON.parse(place.previousElementSibling.textContent);
  const el = /** @type {HTMLElement} */ (place.previousElementSibling.previousElementSibling);
  let id = payload.slug;
  for (let n = 2; document.getElementById(id); n += 1) id = `${payload.slug}-${n}`;
  el.id = id;
  el.dataset.state = "loading";

  const state = payload.state;
  for (const [name, text] of Object.entries(payload.bytes)) {
    state[name] = new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  }
  // What the reader chose survives a reload and the way back, in this tab and while the widget is as it was.
  const key = `gaplab:${location.pathname}#${id}`;
  const edition = payload.kept.length ? JSON.stringify(state) : "";
  try {
    const stored = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    if (stored.edition === edition) Object.assign(state, stored.chosen);
  } catch {
    // Nothing may be kept here: a choice lasts as long as the page.
  }
  const keep = () => {
    const chosen = Object.fromEntries(payload.kept.map((name) => [name, state[name]]));
    try {
      sessionStorage.setItem(key, JSON.stringify({ edition, chosen }));
    } catch {
      // The same.
    }
  };
  const listeners = new Map();
  const model = {
    get: (name) => state[name],
    set(name, value) {
      if (Object.is(state[name], value)) return;
      state[name] = value;
      if (payload.kept.includes(name)) keep();
      listeners.get(`change:${name}`)?.();
    },
    on(event, listener) {
      if (listeners.has(event)) throw new Error(`${payload.slug}: a second listener for ${event}`);
      listeners.set(event, listener);
    },
    off: (event) => listeners.delete(event),
    save_changes() {}, // there is no kernel to tell
    send() {},
  };

  const url = URL.createObjectURL(new Blob([payload.module], { type: "text/javascript" }));
  import(url)
    .then((module) => module.default.render({ model, el }))
    .then(() => (el.dataset.state = "ready"))
    .catch((error) => {
      el.dataset.state = "failed"; // the fallback stays
      console.error(error);
    })
    .finally(() => URL.revokeObjectURL(url));
}
