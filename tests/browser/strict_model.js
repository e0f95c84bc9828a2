// A model that forgives nothing: what a widget gets away with here, it gets away with everywhere.
export function strictModel(traits) {
  const state = structuredClone(traits);
  const listeners = new Map();
  const unsaved = new Set();
  const saved = [];
  const asked = new Set();
  const known = (name) => {
    if (!Object.hasOwn(state, name)) throw new Error(`strict model: no trait ${name}`);
  };
  const change = (name, value) => {
    if (Object.is(state[name], value)) return;
    state[name] = value;
    listeners.get(`change:${name}`)?.();
  };
  return {
    saved,
    get(name) {
      known(name);
      asked.add(name);
      return structuredClone(state[name]);
    },
    set(name, value) {
      known(name);
      if (typeof value !== typeof state[name]) throw new Error(`strict model: ${name} changes its type`);
      unsaved.add(name);
      change(name, value);
    },
    save_changes() {
      if (!unsaved.size) throw new Error("strict model: nothing to save");
      saved.push(Object.fromEntries([...unsaved].map((name) => [name, state[name]])));
      unsaved.clear();
    },
    on(event, listener) {
      if (!event.startsWith("change:")) throw new Error(`strict model: no event ${event}`);
      known(event.slice("change:".length));
      if (listeners.has(event)) throw new Error(`strict model: a second listener for ${event}`);
      listeners.set(event, listener);
    },
    off(event, listener) {
      if (listeners.get(event) !== listener) throw new Error(`strict model: not a listener of ${event}`);
      listeners.delete(event);
    },
    send() {
      throw new Error("strict model: a page has no kernel to send to");
    },
    // What Python would do: the change arrives without being the reader's.
    fromPython(changes) {
      for (const [name, value] of Object.entries(changes)) change(name, value);
    },
    asked: () => [...asked],
    unsaved: () => [...unsaved],
    listening: () => [...listeners.keys()],
  };
}
