"""Modules become one text."""

from pathlib import Path

from gaplab.javascript import joined


def test_a_module_is_joined_with_what_it_imports(tmp_path: Path) -> None:
    files = {
        "widget.js": 'import { one } from "./one.js";\nimport { two } from "./two.js";\n/** A\n * note */\nsay(one);\n',
        "one.js": 'import { two } from "./two.js";\nexport const one = two / 2; /** a note in a line stays */\n',
        "two.js": 'import { one } from "./one.js";\nexport const two = () => one;\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert joined(tmp_path / "widget.js") == (
        "export const two = () => one;\n\nexport const one = two / 2; /** a note in a line stays */\n\nsay(one);\n"
    )
