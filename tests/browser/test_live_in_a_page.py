"""The live network from disk, with the network shut: in the page, in a Worker, and without WebAssembly."""

import pytest
import torch
from conftest import in_both_browsers

from gaplab import data, live, weights

pytestmark = [pytest.mark.browser, in_both_browsers]
NAME = "resnet20-gap-s0"
PACKED = """const packed = (name) => {
  const { plan, weights } = gaplabLive[name];
  return { plan, weights: weights.join(""), wasm: gaplabLive.wasm };
};"""
ASK = """async ([name, pixels]) => {
  const { ask, unpackedNetwork } = gaplabLive.engine();
  const network = await unpackedNetwork(packed(name));
  const { logits, gradients } = ask(network, { pixels, gradients: ["picture"] });
  return { note: network.note, logits: [...logits], gradient: [...gradients.picture] };
}"""
ASK_WORKER = """([name, pixels]) => {
  const body = `const { ask, unpackedNetwork } = (${gaplabLive.engine})();
    onmessage = async ({ data: [packed, pixels] }) => {
      const { logits, gradients } = ask(await unpackedNetwork(packed), { pixels, gradients: ["picture"] });
      postMessage({ logits: [...logits], gradient: [...gradients.picture] });
    };`;
  const worker = new Worker(URL.createObjectURL(new Blob([body], { type: "text/javascript" })));
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage([packed(name), pixels]);
  });
}"""


@pytest.fixture
def live_page(page, tmp_path):
    live.write_scripts(tmp_path)
    names = [name for part in ("engine", NAME) for name in live.scripts(part)]
    scripts = "".join(f"<script src='{name}'></script>" for name in names)
    html = f"<!doctype html><html lang=en><meta charset=utf-8><title>live</title>{scripts}<script>{PACKED}</script>"
    (tmp_path / "live.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "live.html").as_uri())
    return page


def test_the_network_answers_in_the_page_in_a_worker_and_without_webassembly(live_page):
    image = data.fashion_mnist("test")[0][:1]
    question = [NAME, image.flatten().tolist()]
    fast, worker = live_page.evaluate(ASK, question), live_page.evaluate(ASK_WORKER, question)
    live_page.evaluate("delete globalThis.WebAssembly")
    without = live_page.evaluate(ASK, question)
    assert fast["note"] == ""
    assert without["note"].startswith("This browser has no WebAssembly with SIMD")
    with torch.no_grad():
        logits = weights.load(NAME).cpu()(data.normalise(image).cpu())[0]
    for answer in (fast, worker, without):
        assert answer["logits"] == pytest.approx(logits.tolist(), abs=0.02)  # as far as float16 weights take them
        assert answer["logits"] == pytest.approx(fast["logits"], rel=1e-5, abs=1e-5)
        assert answer["gradient"] == pytest.approx(fast["gradient"], rel=1e-4, abs=1e-6)
