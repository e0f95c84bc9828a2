"""How long the network in a page takes: python tests/live_benchmark.py, with Chromium at hand.

Forward pass, and forward and backward pass, are timed on the page's own thread, which Chromium can slow down 4 and 6
times as a stand-in for telephones; a frame is what the page's thread spends on an answer of the Worker. Nothing is
asserted: times are the machine's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "browser"))
import bench
from conftest import FLAGS, chromium

RUNS = 11
SLOWER = (1, 4, 6)
TIMES = """async ([name, gradients, runs, slow]) => {
  const { ask, unpackedNetwork } = gaplabLive.engine();
  const { plan, weights } = gaplabLive[name];
  const network = await unpackedNetwork({ plan, weights: weights.join(""), wasm: gaplabLive.wasm }, { slow });
  const { channels, side } = plan.picture;
  const pixels = Float32Array.from({ length: channels * side * side }, (_, i) => (i * 7919) % 256);
  const times = [];
  for (let i = 0; i < runs; i += 1) {
    const start = performance.now();
    ask(network, { pixels, gradients });
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[runs >> 1];
}"""
IDLE = "!document.querySelector('.laboratory').dataset.busy && document.querySelector('.result').textContent"


def frame(page: Page) -> float:
    """Milliseconds that the page's thread spends on the answer to one step, the median of several."""
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        found = {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}
        return 1000 * (found["ScriptDuration"] + found["LayoutDuration"] + found["RecalcStyleDuration"])

    costs = []
    for step in range(RUNS):
        before = spent()
        page.locator(".table .canvas").press("ArrowLeft" if step % 2 else "ArrowRight")
        page.wait_for_function(IDLE)
        costs.append(spent() - before)
    return sorted(costs)[RUNS // 2]


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = bench.static_page(Path(folder), bench.laboratory().page_html())
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        print(f"Chromium {browser.version}; medians of {RUNS}, in milliseconds")
        print(f"{'':44}" + "".join(f"{f'{rate} x slower' if rate > 1 else 'as it is':>14}" for rate in SLOWER))
        page = browser.new_page()
        client = page.context.new_cdp_session(page)
        page.goto(f"{address}#lab&experiment=votes&network=photographs")
        page.wait_for_function(IDLE, timeout=120_000)
        page.get_by_role("radio", name="Garments").check()
        page.wait_for_function(IDLE)
        for name, slow in (("resnet20-gap-s0", False), ("resnet20-gap-s0", True), ("efficientnet_lite0", False)):
            for what, gradients in (("forward", []), ("forward and backward", ["picture"])):
                times = []
                for rate in SLOWER:
                    client.send("Emulation.setCPUThrottlingRate", {"rate": rate})
                    times.append(page.evaluate(TIMES, [name, gradients, RUNS, slow]))
                kernels = "JavaScript" if slow else "WebAssembly"
                print(f"{f'{name}, {kernels}, {what}':44}" + "".join(f"{time:14.1f}" for time in times), flush=True)
        page.goto("about:blank")
        page.goto(f"{address}#lab&experiment=move")
        page.wait_for_function(IDLE)
        times = []
        for rate in SLOWER:
            client.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            times.append(frame(page))
        print(f"{'a frame of three heads, on the page’s thread':44}" + "".join(f"{time:14.1f}" for time in times))
        browser.close()


if __name__ == "__main__":
    main()
