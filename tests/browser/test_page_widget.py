"""What every widget gets from its base in a page without a kernel: a model, its bytes, and keys of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from bench import ROWS, static_page
from playwright.sync_api import Page, expect

from gaplab.widgets import HeadCalculator, base

pytestmark = pytest.mark.browser

KIT = Path(base.__file__).with_name("kit")
PYTHON = """
import traitlets
from gaplab.widgets import PageWidget

class Probe(PageWidget):
    slug = "probe"
    maps = traitlets.Bytes(bytes(range(256))).tag(sync=True)
    step = traitlets.Int(1).tag(sync=True)

    def describe(self):
        return "A probe."
"""
# Shows the sum of the bytes; a button adds one to `step`, and the listener alone writes what is shown of it.
MODULE = (
    f"""import {{ widgetRoot }} from "{KIT}/dom.js";
"""
    + """
function render({ model, el }) {
  const root = widgetRoot("probe");
  const maps = model.get("maps");
  let sum = 0;
  for (let i = 0; i < maps.byteLength; i += 1) sum += maps.getUint8(i);
  root.innerHTML = `<p class="sum">${sum}</p><button>step</button><output></output><input type="range">`;
  const show = () => { root.querySelector("output").textContent = model.get("step"); };
  model.on("change:step", show);
  root.querySelector("button").onclick = () => { model.set("step", model.get("step") + 1); model.save_changes(); };
  el.replaceChildren(root);
  window.probe = { model, show };
}
export default { render };
"""
)


@pytest.fixture
def probe(page: Page, tmp_path: Path) -> Page:
    (tmp_path / "widget.js").write_text(MODULE, encoding="utf-8")
    (tmp_path / "style.css").write_text("", encoding="utf-8")
    (tmp_path / "probe.py").write_text(PYTHON, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("probe", tmp_path / "probe.py")
    assert spec
    assert spec.loader
    made: Any = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "probe", made)
        spec.loader.exec_module(made)
        html = made.Probe().page_html()
    (tmp_path / "page.html").write_text(f"<!doctype html><meta charset=utf-8><main>{html}</main>", encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator("#probe[data-state=ready]")).to_have_count(1)
    return page


def test_a_module_that_fails_leaves_the_fallback(open_page: Any, tmp_path: Path) -> None:
    page = open_page(strict=False)
    broken = HeadCalculator(ROWS).page_html().replace("function draw(", "function drawn(")
    page.goto(static_page(tmp_path, broken))
    expect(page.locator("[data-state=failed] table")).to_be_visible()


def test_bytes_arrive_as_in_a_live_notebook(probe: Page) -> None:
    expect(probe.locator(".sum")).to_have_text(str(sum(range(256))))
    assert probe.evaluate("window.probe.model.get('maps') instanceof DataView")


def test_a_change_calls_its_listener_once_it_differs(probe: Page) -> None:
    probe.get_by_role("button").click()
    expect(probe.locator("output")).to_have_text("2")
    probe.evaluate("document.querySelector('output').textContent = ''; window.probe.model.set('step', 2)")
    expect(probe.locator("output")).to_be_empty()


def test_one_listener_a_trait_and_off_removes_it(probe: Page) -> None:
    second = "() => { try { probe.model.on('change:step', () => {}); return ''; } catch (e) { return e.message; } }"
    assert probe.evaluate(second) == "probe: a second listener for change:step"
    probe.evaluate("probe.model.off('change:step', probe.show)")
    assert probe.evaluate(second) == ""


def test_plain_keys_stay_in_the_widget_and_shortcuts_leave_it(probe: Page) -> None:
    probe.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    probe.get_by_role("slider").focus()
    probe.keyboard.press("ArrowRight")
    probe.keyboard.press("Control+k")
    assert probe.evaluate("heard") == ["Control", "k"]
