// The state in the page's address, behind its #, so that a link restores it.

const PREFIX = "#lab&";
export const KEPT = [
  ...["experiment", "network", "picture", "side", "dx", "dy", "pool", "p", "label", "layer", "channel", "cell"],
  ...["noise", "seed"],
];

/** @type {(state: any, standard: any) => string} what differs from the page's own first state */
export function addressOf(state, standard) {
  const told = KEPT.filter((name) => state[name] !== standard[name] && state[name] !== "own");
  const parts = new URLSearchParams(told.map((name) => [name, String(state[name])]));
  return `${PREFIX}${parts}`;
}

/**
 * The state that an address holds, or null; values of another type, and names that nobody knows, are left out.
 * @param {string} hash
 * @param {any} standard
 */
export function stateIn(hash, standard) {
  if (!hash.startsWith(PREFIX)) return null;
  const found = {};
  for (const [name, text] of new URLSearchParams(hash.slice(PREFIX.length))) {
    if (!KEPT.includes(name)) continue;
    const value = typeof standard[name] === "number" ? Number(text) : text;
    if (typeof value === "string" || Number.isFinite(value)) found[name] = value;
  }
  return { ...Object.fromEntries(KEPT.map((name) => [name, standard[name]])), ...found };
}
