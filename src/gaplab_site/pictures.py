"""Pictures hold their place while they load, and figures come as the reader's screen and theme want them.

Places are a patch until Sphinx writes the size of pictures and lets them load late:
https://github.com/sphinx-doc/sphinx/issues/6706.
"""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path
from typing import Any

import imagesize
from docutils import nodes
from sphinx.application import Sphinx

from gaplab import contents

PHONES = "(max-width: 600px)"
LINKED = re.compile(r'(<figure\b[^>]*\bid="([^"]+)"[^>]*>\s*)<a\b[^>]*>\s*(<img\b[^>]*>)\s*</a>')
BOX = re.compile(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"')


def hold_pictures(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give pictures their size, so that nothing moves when they arrive, and let all but the first wait until near."""
    sources = {name: source for source, name in app.builder.images.items()}
    earlier = itertools.count()

    def complete(tag: re.Match[str]) -> str:
        name = re.search(r'src="[^"]*_images/([^"]+)"', tag[0])
        if not name or name[1] not in sources:
            return tag[0]
        width, height = imagesize.get(Path(app.srcdir) / sources[name[1]])
        lazy = ' loading="lazy"' if next(earlier) else ""
        plain = re.sub(r' style="[^"]*"', "", tag[0])
        return plain.replace("<img", f'<img width="{width // 2}" height="{height // 2}"{lazy}', 1)

    body = re.sub(r"<img\b[^>]*>", complete, context.get("body", ""))
    drawings = Path(app.srcdir) / Path(page).parent / contents.DRAWINGS
    context["body"] = LINKED.sub(lambda figure: _drawn(figure, drawings, Path(app.outdir)), body)


def _drawn(figure: re.Match[str], drawings: Path, site: Path) -> str:
    """Show a figure's drawings in place of its picture, and bring them to the site."""
    head, name, tag = figure.groups()
    whole, phone = (drawings / f"{name}{kind}.svg" for kind in ("", "-phone"))
    if not whole.exists():
        return figure[0]
    for drawing in (whole, phone):
        (site / "_images").mkdir(exist_ok=True)
        shutil.copyfile(drawing, site / "_images" / drawing.name)
    folder = re.search(r'src="([^"]*_images/)', tag)
    assert folder is not None
    tag = re.sub(r' (width|height|src)="[^"]*"', "", tag)
    tag = tag.replace("<img", f'<img {_size(whole)} src="{folder[1]}{whole.name}"', 1)
    narrow = f'<source media="{PHONES}" {_size(phone)} srcset="{folder[1]}{phone.name}" />'
    return f'{head}<a class="image-reference" href="{folder[1]}{whole.name}"><picture>{narrow}{tag}</picture></a>'


def _size(drawing: Path) -> str:
    """State a drawing's size at 100 px an inch, as figures are drawn for."""
    box = BOX.search(drawing.read_text(encoding="utf-8"))
    assert box is not None
    width, height = (round(float(side) / 72 * 100) for side in box.groups())
    return f'width="{width}" height="{height}"'


def drop_unused(site: Path, texts: list[str]) -> None:
    """Delete the pictures that drawings replaced, which nobody loads."""
    used = {name for text in texts for name in re.findall(r"_images/([^\"'&?#\s]+)", text)}
    for picture in (site / "_images").glob("*"):
        if picture.name not in used:
            picture.unlink()
