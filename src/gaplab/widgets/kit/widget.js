// A widget is three functions: build its view, draw its state, listen to its reader.

/**
 * The default export of a widget's module.
 * @param {string[]} names what the reader can change: traits of the model, which JupyterLab shares with Python
 * @param {object} parts
 * @param {(model: any) => { root: Element } & Record<string, any>} parts.build make the view once
 * @param {(view: any, state: any, before: any) => void} parts.draw show a state that differs from the one drawn before
 * @param {(view: any, state: State) => void} parts.listen tie the view's controls to the state
 * @param {(view: any) => void} [parts.close] end what the view began, such as a Worker
 */
export function widget(names, { build, draw, listen, close = () => {} }) {
  return {
    render({ model, el }) {
      const view = build(model);
      const state = stateOf(model, names);
      listen(view, state);
      const end = follow(model, names, state, (now, before) => draw(view, now, before));
      el.replaceChildren(view.root);
      return () => {
        end();
        close(view);
      };
    },
  };
}

/** @typedef {{ now: () => any, choose: (chosen: Record<string, any>) => void }} State */

/**
 * `now()` reads the traits, and `choose()` tells the model what the reader changed, if it is news.
 * @param {any} model
 * @param {string[]} names
 * @returns {State}
 */
function stateOf(model, names) {
  return {
    now: () => Object.fromEntries(names.map((name) => [name, model.get(name)])),
    choose(chosen) {
      const changed = Object.keys(chosen).filter((name) => !same(chosen[name], model.get(name)));
      for (const name of changed) model.set(name, chosen[name]);
      if (changed.length) model.save_changes();
    },
  };
}

/** Draw at once and at every change: by the reader here, by another view, or by Python. Return what ends that. */
function follow(model, names, { now }, draw) {
  let drawn = {};
  const refresh = () => {
    const [state, before] = [now(), drawn];
    if (same(state, before)) return;
    drawn = state;
    draw(state, before);
  };
  const events = names.map((name) => `change:${name}`);
  for (const event of events) model.on(event, refresh);
  refresh();
  return () => {
    for (const event of events) model.off(event, refresh);
  };
}

/** Whether two values of a trait are equal, lists and mappings by what they hold. */
export const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
