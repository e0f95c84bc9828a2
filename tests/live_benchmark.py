"""How long the network in a page takes: python tests/live_benchmark.py, with Chromium at hand.

Forward pass, and forward and backward pass, are timed on the page's own thread, which Chromium can slow down 4 and 6
times as a stand-in for telephones; a frame is what the page's thread spends on an answer of the Worker. Nothing is
asserted: times are the machine's.

With ``--peer FOLDER``, the folder ``dist`` of the npm package onnxruntime-web, its forward pass is timed beside ours on
the same networks. They are exported anew, which needs the packages onnx and onnxscript. It has no backward pass.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import torch
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from gaplab import live
from gaplab.live import exporting

sys.path.insert(0, str(Path(__file__).parent / "browser"))
import bench
from conftest import FLAGS, Silent, chromium

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
PEER_TIMES = """async ([model, shape, runs]) => {
  const bytes = Uint8Array.from(atob(model), (c) => c.charCodeAt(0));
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const numbers = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => ((i * 7919) % 256) / 255);
  const picture = { [session.inputNames[0]]: new ort.Tensor("float32", numbers, shape) };
  const times = [];
  for (let i = 0; i < runs; i += 1) {
    const start = performance.now();
    await session.run(picture);
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


def row(client: CDPSession, name: str, measure: Callable[[], float]) -> None:
    """Print a row: what is measured as the page's thread is slowed down."""
    times = []
    for rate in SLOWER:
        client.send("Emulation.setCPUThrottlingRate", {"rate": rate})
        times.append(measure())
    print(f"{name:52}" + "".join(f"{time:14.1f}" for time in times), flush=True)


def onnx(name: str) -> list[object]:
    """Export a network: the model in base64, and the shape of its picture."""
    picture = live.network(name).plan["picture"]
    shape = (1, picture["channels"], picture["side"], picture["side"])
    program = torch.onnx.export(exporting.trained(name), (torch.zeros(shape),), dynamo=True, verbose=False)
    model = io.BytesIO()
    program.save(model)
    return [base64.b64encode(model.getvalue()).decode(), list(shape)]


def peer(browser: Browser, folder: Path, names: list[str]) -> None:
    """Print what onnxruntime-web takes, on one thread as ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/ort.wasm.min.js")
        page.add_script_tag(url="/ort.wasm.min.js")
        page.evaluate("ort.env.wasm.numThreads = 1")
        client = page.context.new_cdp_session(page)
        version = page.evaluate("ort.env.versions.web")
        for name in names:
            model = onnx(name)
            row(
                client,
                f"{name}, onnxruntime-web {version}, forward",
                partial(page.evaluate, PEER_TIMES, [*model, RUNS]),
            )
        page.close()
        server.shutdown()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, help="the folder dist of the npm package onnxruntime-web")
    folder_of_peer = parser.parse_args().peer
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = bench.static_page(Path(folder), bench.laboratory().page_html())
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        load = f"; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if os.name == "posix" else ""
        print(f"Chromium {browser.version}; medians of {RUNS}, in milliseconds{load}")
        print(f"{'':52}" + "".join(f"{f'{rate} x slower' if rate > 1 else 'as it is':>14}" for rate in SLOWER))
        page = browser.new_page()
        client = page.context.new_cdp_session(page)
        page.goto(f"{address}#lab&experiment=votes&network=photographs")
        page.wait_for_function(IDLE, timeout=120_000)
        page.get_by_role("radio", name="Garments").check()
        page.wait_for_function(IDLE)
        small, large = "resnet20-gap-s0", exporting.PHOTO_NETWORK
        for name, slow in ((small, False), (small, True), (large, False)):
            kernels = "JavaScript" if slow else "WebAssembly"
            for what, gradients in (("forward", []), ("forward and backward", ["picture"])):
                question = [name, gradients, RUNS, slow]
                row(client, f"{name}, {kernels}, {what}", partial(page.evaluate, TIMES, question))
        page.goto("about:blank")
        page.goto(f"{address}#lab&experiment=move")
        page.wait_for_function(IDLE)
        row(client, "a frame of three heads, on the page’s thread", partial(frame, page))
        page.close()
        if folder_of_peer:
            peer(browser, folder_of_peer, [small, large])
        browser.close()


if __name__ == "__main__":
    main()
