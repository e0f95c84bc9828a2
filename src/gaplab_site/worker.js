// Keeps the whole site on the reader's device. gaplab_site.keeping writes the list of its files before this text.

const worker = /** @type {any} */ (self);
/** Every file's digest, by its path from the site's root. @type {Record<string, string>} */
const FILES = worker.FILES;
/** The same of the live networks' scripts, which are kept when a page first asks for them. @type {Record<string, string>} */
const LATER = worker.LATER;
const SCOPE = worker.registration.scope;
// One host may publish several books.
const kept = () => caches.open(`book ${SCOPE}`);
/** A file is kept under its digest, so that editions share what is the same. @param {string} path */
const key = (path) => `${SCOPE}${path}?${encodeURIComponent(FILES[path] ?? LATER[path])}`;

/** Fetch what is not kept yet. The browser refuses what has another digest: an edition is kept whole or not at all. */
async function fill() {
  const cache = await kept();
  await Promise.all(
    Object.keys(FILES).map(async (path) => {
      if (await cache.match(key(path))) return;
      await cache.put(key(path), await fetch(SCOPE + path, { cache: "no-cache", integrity: FILES[path] }));
    }),
  );
}

/** A file out of what is kept, or else fetched, and kept if it is one of those for later. */
async function find(path, request) {
  const cache = await kept();
  const found = await cache.match(key(path));
  if (found || !(path in LATER)) return found ?? fetch(request);
  const fetched = await fetch(SCOPE + path, { cache: "no-cache", integrity: LATER[path] });
  await cache.put(key(path), fetched.clone());
  return fetched;
}

/** Forget the files of earlier editions. */
async function tidy() {
  const cache = await kept();
  const current = new Set(Object.keys({ ...FILES, ...LATER }).map(key));
  const old = (await cache.keys()).filter(({ url }) => !current.has(url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

worker.addEventListener("install", (event) => event.waitUntil(fill()));
// A new edition begins when no page of the one before is open, so that no page meets another edition's parts.
worker.addEventListener("activate", (event) => event.waitUntil(tidy()));
worker.addEventListener("message", (event) => event.source.postMessage({ bytes: worker.BYTES }));
worker.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const path = (origin + pathname).replace(SCOPE, "").replace(/(^|\/)$/, "$1index.html");
  if (event.request.method !== "GET" || !(path in FILES || path in LATER)) return;
  event.respondWith(find(path, event.request));
});
