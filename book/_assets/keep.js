// Keeps a published site on the reader's device after one visit, and says so; a site on the disk is there already.

const root = new URL(document.documentElement.dataset.content_root ?? ".", location.href);

/** @param {string} text */
const say = (text) => {
  const line = document.createElement("p");
  line.className = "gaplab-kept";
  line.setAttribute("role", "status");
  line.textContent = text;
  document.querySelector(".bd-footer-content__inner")?.prepend(line);
};

async function keep() {
  const registration = await navigator.serviceWorker.register(new URL("service-worker.js", root));
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    const size = (data.bytes / 1e6).toFixed(1);
    const newer = registration.waiting ? " A newer edition is shown when you close its pages and open it again." : "";
    say(`Saved on this device: every page opens without a network (${size} MB).${newer}`);
  });
  navigator.serviceWorker.startMessages();
  (await navigator.serviceWorker.ready).active.postMessage("How large?");
}

if (location.protocol.startsWith("http")) {
  const link = document.createElement("link");
  link.rel = "manifest";
  link.href = new URL("manifest.webmanifest", root).href;
  document.head.append(link);
  // Not before the page is there, and not where the reader asks for little.
  const spares = /** @type {any} */ (navigator).connection?.saveData;
  if ("serviceWorker" in navigator && !spares) {
    // Where it is not allowed, as in some private windows, the site works as it does without.
    addEventListener("load", () => keep().catch(() => {}));
  }
}
