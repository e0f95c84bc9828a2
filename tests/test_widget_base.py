"""What every widget has from its base: the page it becomes, its module as one text, its colours."""

from __future__ import annotations

import base64
import colorsys
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gaplab import figures
from gaplab.shapes import LastMap, Step
from gaplab.widgets import (
    Backbone,
    HeadCalculator,
    PageWidget,
)
from gaplab.widgets.base import palette

VIEW = "application/vnd.jupyter.widget-view+json"


RESNET = tuple(Step(kernel, 2, kernel // 2) for kernel in (7, 3, 3, 3, 3))
RESNET_50 = Backbone("ResNet-50", LastMap(2048, RESNET), 23_508_032, 2_049_000)
ALEXNET = Backbone(
    "AlexNet",
    LastMap(256, (Step(11, 4, 2), Step(3, 2, 0), Step(3, 2, 0), Step(3, 2, 0))),
    2_469_696,
    58_631_144,
)


def test_bundle_has_live_view_html_and_words() -> None:
    calculator = HeadCalculator([RESNET_50])
    data, _ = calculator._repr_mimebundle_()
    assert set(data) == {VIEW, "text/html", "text/plain"}
    assert data["text/plain"] == calculator.describe() == repr(calculator)
    assert data["text/plain"] == (
        "At 224 px the last map of ResNet-50 is 7 × 7 × 2,048: for 1,000 classes the flattened head has "
        "100,352,000 weights, 49 times the GAP head's 2,048,000."
    )


def test_page_holds_no_model_id_and_no_address() -> None:
    calculator = HeadCalculator([RESNET_50])
    page = calculator.page_html()
    assert calculator.model_id not in page
    assert not re.search(r"0x[0-9a-f]{6,}|[0-9a-f]{32}|https?://(?!www.w3.org/)", page)  # a namespace is no address


def test_page_follows_the_state_alone(payload: Any) -> None:
    first, second = HeadCalculator([RESNET_50, ALEXNET]), HeadCalculator([RESNET_50, ALEXNET])
    assert first.page_html() == first.page_html() == second.page_html()
    second.size = 300
    assert payload(second)["state"]["size"] == 300
    assert first.page_html() != second.page_html()


def test_page_is_the_same_in_every_process() -> None:
    code = (
        "from gaplab.shapes import LastMap, Step\nfrom gaplab.widgets import Backbone, HeadCalculator\n"
        "widget = HeadCalculator([Backbone('R', LastMap(8, (Step(3, 2, 1),)), 10, 5)])\n"
        "print(widget._repr_mimebundle_()[0]['text/html'])"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pages) == 1
    assert len(pages.pop()) > 10_000


def test_nothing_in_the_state_can_close_the_script(payload: Any) -> None:
    widget = HeadCalculator([Backbone("</script><!-- & \u2028", LastMap(8, RESNET), 10, 5)])
    page = widget.page_html()
    assert page.count("</script") == page.count("<script") == 2
    assert "<!--" not in page
    assert payload(widget)["state"]["network"] == "</script><!-- & \u2028"


def made_widget(folder: Path, style: str = "") -> ModuleType:
    """Import a widget written for a test: its Python, module and style lie in ``folder``."""
    (folder / "widget.js").write_text("export default { render() {} };", encoding="utf-8")
    (folder / "style.css").write_text(style, encoding="utf-8")
    (folder / "made.py").write_text(
        "import traitlets\nfrom gaplab.widgets import PageWidget\n"
        "class Made(PageWidget):\n"
        "    slug = 'made'\n"
        "    maps = traitlets.Bytes().tag(sync=True)\n"
        "    note = traitlets.Unicode().tag(sync=True)\n"
        "    secret = traitlets.Unicode('not synced')\n"
        "    def describe(self): return 'A <made> widget.'\n",
        encoding="utf-8",
    )
    spec = importlib.util.spec_from_file_location(f"made_{folder.name}", folder / "made.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_new_widget_is_a_folder(tmp_path: Path, payload: Any) -> None:
    widget = made_widget(tmp_path, style=".made { color: red; }").Made(maps=b"\x00\xff\x7f", note="two")
    page = widget.page_html()
    assert payload(widget) == {
        "bytes": {"maps": base64.b64encode(b"\x00\xff\x7f").decode()},
        "kept": list(widget.kept),
        "module": widget._esm,
        "slug": "made",
        "state": {"note": "two"},
    }
    assert widget._esm.endswith("export default { render() {} };")
    assert ".made { color: red; }" in page
    assert ".gaplab-widget {" in page
    assert "<p>A &lt;made&gt; widget.</p>" in page


def test_style_that_would_end_its_element_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds '</style'"):
        made_widget(tmp_path, style="/* </STYLE> */")


def test_every_widget_is_complete() -> None:
    made = [widget for widget in PageWidget.__subclasses__() if widget.__module__.startswith("gaplab.")]
    assert len(made) == 10
    for widget in made:
        folder = Path(sys.modules[widget.__module__].__file__ or "").parent
        assert widget.slug.replace("-", "_") == folder.name
        assert f'widgetRoot("{widget.slug}"' in widget._esm
        assert len(re.findall("^export default ", widget._esm, re.MULTILINE)) == 1
        assert not re.search(r"^import |^ *\* @param", widget._esm, re.MULTILINE)
        names = re.findall(r"^(?:export )?(?:const|let|function) (\w+)", widget._esm, re.MULTILINE)
        assert len(set(names)) == len(names), f"{widget.slug}: two files have one name at their top"


def test_a_widgets_hues_are_the_figures_and_stand_out() -> None:
    """Of one hue with the figures', and three times as light or dark as the ground, as WCAG asks of drawings."""

    def channels(colour: str) -> tuple[float, ...]:
        return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))

    def luminance(colour: str) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
        return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    css = palette()
    hues = {style["color"]: head for head, style in figures.HEAD_STYLE.items()}
    assert len(hues) == len(figures.HUES)
    for name, (figure, *shades) in figures.HUES.items():
        pair = f"light-dark({shades[0]}, {shades[1]});"
        assert f"--gl-{name}: {pair}" in css
        assert f"--gl-{hues[figure]}: {pair}" in css
        for shade, ground in zip(shades, ("#f6f8fa", "#22272e"), strict=True):
            light, dark = sorted((luminance(shade), luminance(ground)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) > 3, (name, shade)
            here, there = (colorsys.rgb_to_hls(*channels(one))[0] for one in (figure, shade))
            assert abs(here - there) < 15 / 360, (name, shade)
