"""The list of pages and chapters is the table of contents'."""

import pytest

from gaplab import ReaderError, contents

TOC = """root: index
parts:
  - chapters: [{file: 01_first, title: "1. First: why"}, {file: 02_second, title: "2. Second"}]
  - chapters: [{file: kit/index}]
"""


def test_chapters_are_the_numbered_pages_in_their_order(tmp_path):
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    book = tmp_path / "book"
    assert list(contents.pages(book)) == ["index", "01_first", "02_second", "kit/index"]
    assert contents.chapters(book) == {1: ("First: why", "01_first"), 2: ("Second", "02_second")}
    assert contents.notebooks(book) == [book / "01_first.ipynb", book / "02_second.ipynb"]


def test_another_folder_gets_one_sentence(tmp_path):
    with pytest.raises(ReaderError, match=r"no _toc\.yml beside .*use the book's own folder"):
        contents.pages(tmp_path / "book")
