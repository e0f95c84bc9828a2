"""JavaScript for pages, which carry their modules as text and load nothing."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
_NOTE = re.compile(r"^ */\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)


def joined(module: Path) -> str:
    """Return an ES module as one text: before it all that it imports, each file once, without imports and notes.

    A page carries its widgets' modules as text and loads nothing, so their files share one scope: a name at the top of
    one file must not stand at the top of another, and no import may rename.
    """
    seen: set[Path] = set()
    texts: list[str] = []

    def add(path: Path) -> None:
        if path in seen:
            return
        seen.add(path)
        text = path.read_text(encoding="utf-8")
        for name in _IMPORT.findall(text):
            add((path.parent / name).resolve())
        texts.append(_NOTE.sub("", _IMPORT.sub("", text)))

    add(module.resolve())
    return "\n".join(texts)
