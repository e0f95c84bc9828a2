"""The ResNet map: what it says of each stage, and what it refuses."""

from __future__ import annotations

import pytest

from gaplab.errors import ReaderError
from gaplab.widgets import ResnetMap, Stage

STAGES = [
    Stage("conv1", "convolves", 64, 112, 9408, 118013952, "Why <so>?", "Chapter 5", "05.html"),
    Stage("fc", "classifies", 1000, 1, 2049000, 2048000, "Whose?", "Chapter 3", "03.html"),
]


def test_the_map_says_each_stage():
    made = ResnetMap("ResNet-50", STAGES, stage=1)
    assert made.describe() == "fc: classifies. Output 1,000 × 1 × 1, 2,049,000 parameters, 2,048,000 multiply-adds."
    assert made.fallback().count("<tr>") == 3
    assert "<so>" not in made.page_html()
    with pytest.raises(ReaderError, match="no stage 2: choose 0 to 1"):
        made.stage = 2
    assert made.stage == 1
    with pytest.raises(ReaderError, match="at least one stage"):
        ResnetMap("none", [])
