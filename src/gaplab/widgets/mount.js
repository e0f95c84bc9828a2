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
  const listeners = new Map();
  const model = {
    get: (name) => state[name],
    set(name, value) {
      if (Object.is(state[name], value)) return;
      state[name] = value;
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
