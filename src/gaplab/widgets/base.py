"""The base of every widget of the book."""

from __future__ import annotations

import base64
import html
import inspect
import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import ipywidgets
import traitlets

from gaplab.errors import ReaderError
from gaplab.figures import HEAD_STYLE, HUES
from gaplab.javascript import joined

_HERE = Path(__file__).parent
_BASE_CSS = (_HERE / "base.css").read_text(encoding="utf-8")
_MOUNT_JS = (_HERE / "mount.js").read_text(encoding="utf-8")


def palette() -> str:
    """Return the figures' colours as CSS variables: each hue on light and on dark ground, and each head's hue."""
    hues = {figure: f"light-dark({light}, {dark})" for figure, light, dark in HUES.values()}
    named = {name: hues[figure] for name, (figure, _, _) in HUES.items()}
    named |= {head: hues[style["color"]] for head, style in HEAD_STYLE.items()}
    return f".gaplab-widget {{ {' '.join(f'--gl-{name}: {value};' for name, value in named.items())} }}"


class WidgetValueError(ReaderError, traitlets.TraitError):
    """A bad value for a widget, in one sentence; being a ``TraitError`` too, it rolls the widget's traits back."""


class PageWidget(anywidget.AnyWidget):
    """A widget that a page without a kernel can run.

    A subclass is a folder: ``__init__.py`` with the class and its synced traits, ``widget.js`` with an ES module whose
    default export is ``{ render }``, and ``style.css``. The module imports what it needs of ``kit`` and of its own
    folder, and `joined` makes one text of it; before the style stand ``base.css`` and the palette of the figures.
    With a live kernel the widget is an ordinary anywidget. Its ``text/html`` holds the same module, its style and its
    state, so that an exported page runs it with no kernel, no network and no other script. Where scripts are removed,
    ``fallback()`` is what is left to read.

    The HTML depends on the state alone: rendering twice gives the same bytes. ``mount.js`` finds its widget by its
    own place in the page, so that several widgets, even equal ones, do not collide.
    """

    slug: ClassVar[str]
    """The widget's name in the page: the id of the first one is this, of the second ``slug-2``."""
    kept: ClassVar[tuple[str, ...]] = ()
    """Traits that a page keeps while its tab is open: what a reader would not like to choose again."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the folder of the subclass."""
        # traitlets makes a subclass of its own whenever a widget adds traits: that one has no folder.
        if "_esm" not in cls.__dict__:
            folder = Path(inspect.getfile(cls)).parent
            cls._esm = joined(folder / "widget.js")
            cls._css = f"{palette()}\n{_BASE_CSS}\n{(folder / 'style.css').read_text(encoding='utf-8')}"
            if "</style" in cls._css.lower():
                raise ValueError(f"The style of {cls.__name__} holds '</style', which would end its element early.")
        super().__init_subclass__(**kwargs)

    def describe(self) -> str:
        """Say in words what the widget shows now, for plain text and for those who cannot see it."""
        raise NotImplementedError

    def fallback(self) -> str:
        """Return the HTML shown where scripts do not run: on GitHub, or in a browser without JavaScript."""
        return f"<p>{html.escape(self.describe())}</p>"

    def page_html(self) -> str:
        """Return the widget as one self-contained piece of HTML, the same bytes for the same state."""
        names = set(self.keys) - set(ipywidgets.DOMWidget.class_trait_names(sync=True))
        state = self.get_state([name for name in names if not name.startswith("_")])
        bytes_traits = {
            name: base64.b64encode(value).decode() for name, value in state.items() if isinstance(value, bytes)
        }
        payload = {
            "bytes": bytes_traits,
            "kept": self.kept,
            "module": self._esm,
            "slug": self.slug,
            "state": {name: value for name, value in state.items() if name not in bytes_traits},
        }
        # No "<" is left in the JSON, so nothing in it can open or close an element.
        payload_json = json.dumps(payload, sort_keys=True, ensure_ascii=False).replace("<", "\\u003c")
        return (
            f"<style>{self._css}</style>"
            f'<div data-widget="{self.slug}"><div class="gaplab-widget">{self.fallback()}</div></div>'
            f'<script type="application/json">{payload_json}</script>'
            f"<script>{_MOUNT_JS}</script>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return data | {"text/plain": self.describe(), "text/html": self.page_html()}, metadata

    def __repr__(self) -> str:
        """Describe the widget; the default would print a memory address."""
        return self.describe()
