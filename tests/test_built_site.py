"""The built site as files: every link leads somewhere, pages are light, and one line turns on what publishing needs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from gaplab import claims, live, rendering

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
FIRST_LOAD = 700_000
"""Bytes, compressed, that a page may need before a reader scrolls."""


class Page(HTMLParser):
    """What a page links to, what it can be linked at, and what it loads at once."""

    def __init__(self, path: Path) -> None:
        """Read a page of the site."""
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.loads: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if found.get("id"):
            self.ids.add(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "script" and "src" in found:
            self.loads.add(found["src"])
        if tag == "img" and found.get("loading") != "lazy":
            self.loads.add(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads |= {found["href"]} - {"data:,"}  # an icon that is none


@cache
def page(path: Path) -> Page:
    return Page(path)


def pages() -> list[Path]:
    paths = (path for path in SITE.rglob("*.html") if not path.relative_to(SITE).parts[0].startswith("_"))
    return sorted(paths) or [SITE / "no page"]


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(SITE)))


PAGES = each(pages())
CHAPTERS = [SITE / f"{path.stem}.html" for path in sorted((ROOT / "book").glob("[0-9][0-9]_*.py"))]
KIT = "interview-kit.html"
NO_CARD = ("genindex.html", "search.html", KIT)
"""Pages that nobody links to from elsewhere."""


def widget_links(path: Path) -> list[str]:
    """Addresses that a widget makes links of: they stand in its state and in its fallback."""
    text = path.read_text(encoding="utf-8")
    states = [json.loads(found) for found in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    lists = ("rows", "stages", "topics", "questions")
    rows = [
        row for state in states for key in lists for row in state.get("state", {}).get(key, []) if isinstance(row, dict)
    ]
    cells = [f"#{row['cell']}" for row in rows if "cell" in row]
    return [row[key] for row in rows for key in ("href", "proof") if key in row] + cells


def broken(path: Path, links: list[str]) -> list[str]:
    """Name the links of a page that lead to no file of the site, or to no place in it."""
    found = []
    for link in links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        inside = parts.fragment and target.suffix == ".html"
        if not target.is_file() or (inside and unquote(parts.fragment) not in page(target).ids):
            found.append(link)
    return found


@PAGES
def test_every_internal_link_leads_to_a_place(path):
    assert broken(path, page(path).links + widget_links(path)) == []


def test_the_link_check_can_fail(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">x</a><a href="#gone">x</a><a href="b.html">x</a>', encoding="utf-8"
    )
    path = tmp_path / "a.html"
    assert broken(path, page(path).links) == ["#gone", "b.html"]


def first_load(path: Path) -> int:
    """Bytes that a page needs at once: itself, styles, scripts, the pictures that do not wait, and its fonts."""
    loads = {(path.parent / unquote(urlsplit(link).path)).resolve() for link in page(path).loads}
    files = [path, *sorted(loads)]
    total = 0
    for file in files:
        content = file.read_bytes()
        total += len(content) if file.suffix in (".png", ".jpg", ".woff2") else len(gzip.compress(content))
    fonts = SITE / "_static" / "katex" / "fonts"
    if loads and 'class="katex"' in path.read_text(encoding="utf-8"):  # the interview's one file loads no fonts
        total += sum(file.stat().st_size for file in fonts.glob("KaTeX_[MS][ai][it][nhe]*-*.woff2"))
    return total


@PAGES
def test_the_first_load_is_light(path):
    assert first_load(path) < FIRST_LOAD


@each([path for path in pages() if path.name != KIT])
def test_nothing_but_one_sheet_holds_up_the_first_paint(path):
    """Scripts in files are deferred, and the search comes to the page that searches alone."""
    text = path.read_text(encoding="utf-8")
    scripts = re.findall(r"<script\b[^>]* src=[^>]*>", text)
    assert [tag for tag in scripts if " defer" not in tag] == []
    assert len(re.findall(r'<link\b[^>]*rel="stylesheet"', text)) == 1
    assert ("search-texts.js" in text) == (path.name == "search.html")
    assert 'rel="preload"' not in text


def test_the_sheet_is_light_whole_and_without_icon_fonts():
    sheet = SITE / "_static" / "book-style.css"
    text = sheet.read_text(encoding="utf-8")
    assert len(gzip.compress(text.encode())) < 35_000
    assert "@import" not in text
    assert "fa-solid-900" not in text
    assert re.search(r'html\[data-theme="?light"?\] \.highlight \.mi', text), "the theme's colours of code"
    for address in re.findall(r"url\(([^\"'():]+)\)", text):
        assert (sheet.parent / address).is_file(), address


@each(CHAPTERS)
def test_code_has_a_node_for_a_colour_and_not_for_a_token(path):
    """No span is left that colours nothing, nor two neighbours of one colour, as the site's style sheet has them."""
    sheet = (SITE / "_static" / "pygments.css").read_text(encoding="utf-8")
    rules = re.findall(r'html\[data-theme="(\w+)"\] \.highlight(?: \.(\w+))?\s*\{[^}]*?(?<!-)color: (#\w+)', sheet)
    colours = {(theme, kind): colour.lower() for theme, kind, colour in rules}
    assert ("dark", "") in colours
    assert ("light", "o") in colours

    def looks(kind):
        return [colours.get((theme, kind), colours[theme, ""]) for theme in ("light", "dark")]

    code = re.findall(r"(?s)<pre>.*?</pre>", path.read_text(encoding="utf-8"))
    kinds = {kind for part in code for kind in re.findall(r'<span class="(\w+)">', part)}
    assert {"k", "nb", "s2"} <= kinds
    assert [kind for kind in kinds if looks(kind) == looks("")] == []
    neighbours = {
        pair for part in code for pair in re.findall(r'<span class="(\w+)">[^<]*</span>(?=<span class="(\w+)">)', part)
    }
    assert [pair for pair in neighbours if looks(pair[0]) == looks(pair[1])] == []


def test_a_number_in_a_table_keeps_its_spread_and_its_unit():
    for page in ("03_nin_lineage.html", "zh/03_nin_lineage.html", "reference/cards.html"):
        cells = re.findall(r"<td([^>]*)>([^<]*)</td>", (SITE / page).read_text(encoding="utf-8"))
        numbers = [kind for kind, text in cells if re.fullmatch(r"-?[\d.]+( ± [\d.]+| %)", text)]
        assert len(numbers) > 20, page
        assert set(numbers) == {' class="gaplab-number"'}, page
        assert not any("class" in kind for kind, text in cells if re.search(r"[A-Za-z;]|, ", text)), page


CODED, SPOKEN = {"flatten", "gap", "gem", "max"}, {"展平", "平均", "最大"}
"""Heads as code calls them, and as Chinese does."""


def test_a_chinese_table_calls_all_its_heads_in_one_way():
    mixed = []
    for path in sorted((SITE / "zh").rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for table in soup.find_all("table"):
            labels = {cell.get_text(strip=True) for cell in table.find_all(["th", "td"])}
            if labels & CODED and labels & SPOKEN:
                mixed.append((path.name, labels & (CODED | SPOKEN)))
    assert mixed == []


def test_a_chinese_page_says_of_every_download_that_it_is_english():
    """Files of pages are those of the English book; what the edition has of its own lies in its own folder."""
    links = 0
    for path in sorted((SITE / "zh").rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for link in soup.select("a[href*='_sources/']"):
            assert "英文" in link.get_text() + str(link.get("title")), (path, link)
            links += 1
    assert links > 12


def test_chinese_does_not_count_to_zero():
    found = sorted((SITE / "zh").rglob("*.html"))
    assert found
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?:有|[中里]) 0 [种个次条]", text) == [], path


def test_the_worker_keeps_every_page_and_all_that_it_loads():
    worker = (SITE / "service-worker.js").read_text(encoding="utf-8")
    lists = json.loads(worker.partition("(self, ")[2].partition(");\n")[0])
    files = lists["FILES"]
    assert {f"_live/{name}" for part in ("engine", "photographs", *live.names()) for name in live.scripts(part)} == {
        *lists["LATER"]
    }
    for path in pages():
        if path.name == KIT:
            continue
        assert path.relative_to(SITE).as_posix() in files
        for link in page(path).loads:
            target = (path.parent / unquote(urlsplit(link).path)).resolve()
            assert target.relative_to(SITE.resolve()).as_posix() in files
    for name, digest in {**files, **lists["LATER"]}.items():
        found = base64.b64encode(hashlib.sha256((SITE / name).read_bytes()).digest()).decode()
        assert digest == f"sha256-{found}", name


def test_the_interview_in_one_file_needs_no_other():
    text = (SITE / "interview" / KIT).read_text(encoding="utf-8")
    assert page(SITE / "interview" / KIT).loads == set()
    assert '<link rel="icon" href="data:,">' in text, "a browser asks the server for an icon"
    assert not re.search(r"url\((?![\"']?data:)", text)
    assert all(f'id="{name}"' in text for name in ("say_aloud", "mock", "q-param-01", "q-near-01"))


@PAGES
def test_no_link_lies_in_another(path):
    """A browser cuts the outer one short: a term of the glossary in a question's link must be left alone."""
    depth = 0
    for closes in re.findall(
        r"<(/?)a\b", re.sub(r"(?s)<script.*?</script>|<svg.*?</svg>", "", path.read_text(encoding="utf-8"))
    ):
        depth += -1 if closes else 1
        assert depth in (0, 1)


@PAGES
def test_pictures_hold_their_place(path):
    """Only the first may load at once, and each says before it arrives how large it is."""
    text = path.read_text(encoding="utf-8")
    images = re.findall(r"<img\b[^>]*_images[^>]*>", text)
    for tag in [*images, *re.findall(r"<source\b[^>]*>", text)]:
        stated = re.search(r'width="(\d+)" height="(\d+)"', tag)
        assert stated is not None, tag
        size = drawn_size(SITE / "_images" / re.search(r'_images/([^"]+)"', tag)[1])
        assert tuple(map(int, stated.groups())) == pytest.approx(size, abs=0.5), tag
    assert [tag for tag in images if 'loading="lazy"' not in tag] == images[:1]


def drawn_size(picture):
    """Return a picture's width and height in pixels of a page: 100 an inch of a drawing, half of a picture's own."""
    if picture.suffix == ".svg":
        box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', picture.read_text(encoding="utf-8"))
        return tuple(float(side) / 72 * 100 for side in box.groups())
    with Image.open(picture) as opened:
        return tuple(side // 2 for side in opened.size)


@PAGES
def test_every_figure_has_a_drawing_for_the_screen_and_one_for_a_phone(path):
    text = path.read_text(encoding="utf-8")
    for name, figure in re.findall(r'<figure\b[^>]*id="(fig-[^"]+)"[^>]*>(.*?)</figure>', text, re.S):
        assert re.search(rf'<source media="[^"]*" [^>]*srcset="[^"]*_images/{name}-phone\.svg"', figure), name
        assert re.search(rf'<img\b[^>]*src="[^"]*_images/{name}\.svg"', figure), name
    assert not re.search(r"_images/[0-9a-f]{64}", text)


def test_every_verdict_leads_to_the_cell_that_shows_it():
    notebooks = sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb"))
    verdicts = claims.gather(notebooks)
    assert list(verdicts) == list(claims.claims())
    chapters = {int(path.name[:2]): path.stem for path in notebooks}
    for entry in verdicts.values():
        target = SITE / f"{chapters[claims.claim(entry.claim).chapter]}.html"
        assert entry.cell in page(target).ids, entry.claim


def test_every_paper_of_the_bibliography_is_named_on_some_page():
    keys = re.findall(
        r"^@\w+\{(\w+),", (ROOT / "book/reference/references.bib").read_text(encoding="utf-8"), re.MULTILINE
    )
    linked = {urlsplit(link).fragment for path in pages() for link in page(path).links if "bibliography.html#" in link}
    assert sorted(set(keys) - linked) == []


@each(CHAPTERS)
def test_a_chapter_offers_its_notebook_and_says_how_long_it_takes(path):
    text = path.read_text(encoding="utf-8")
    assert re.search(rf'href="_sources/{path.stem}\.ipynb"', text)
    said = re.search(
        r"<p class=\"gaplab-reading\">(\d+) minutes to read(?:, (\d+) with all further evidence)?</p>", text
    )
    assert said is not None
    # The chapters on the five answers have a spine of about ten minutes; the verdict page is read as a whole.
    spine, whole = int(said[1]), int(said[2] or said[1])
    assert spine <= 12 or path.stem == "06_verdict"
    assert (said[2] is None) == (path.stem == "06_verdict")
    assert 5 <= whole <= 60
    assert 'rel="prev"' in text or path.name.startswith("01")
    assert "copybutton.js" in text


@each(CHAPTERS)
def test_a_chapter_begins_with_its_answer_and_the_number_that_proves_it(path):
    """In the page itself, before any script: the words that it says further down, and the record of its notebook."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    first = soup.select_one("article h1 + .gaplab-first")
    standing, spoken, number, links = first.find_all("p", recursive=False)
    words = [" ".join(part.get_text().split()) for part in (spoken, *soup.select(".cell_output > p"))]
    assert words[0] in words[1:]
    assert words[0].startswith("In 30 seconds. ")
    assert 40 <= len(words[0].split()) <= 70
    verdicts = claims.gather([ROOT / "book" / f"{path.stem}.ipynb"])
    entry = verdicts[claims.remembered(int(path.name[:2])).id]
    assert links.a["href"] == f"#{entry.cell}"
    assert number.get_text().endswith(f"{entry.verdict}: {entry.measured}.")
    counted = {verdict: sum(each.verdict == verdict for each in verdicts.values()) for verdict in claims.MARKS}
    found = {
        part.get_text()[2:].split(":")[0]: int(part.get_text().split()[-1])
        for part in standing.find_all("span", class_="gaplab-verdict")
    }
    assert found == {verdict: count for verdict, count in counted.items() if count}
    assert soup.select_one("#verdicts")
    assert soup.select_one("#say-it-in-the-interview")


PROBLEM_SETS = sorted((ROOT / "book" / "coursework").glob("ps*_*.ipynb"))


@pytest.mark.parametrize("notebook", PROBLEM_SETS, ids=lambda path: path.stem)
def test_a_problem_set_says_what_it_takes_and_offers_its_notebook(notebook):
    """On its page and in the list of all of them; what is offered is the student's notebook, byte for byte."""
    student = json.loads(notebook.read_text(encoding="utf-8"))
    facts = [cell["metadata"].get("nbgrader", {}) for cell in student["cells"]]
    points = sum(cell["points"] for cell in facts if cell.get("grade"))
    minutes = student["metadata"]["coursework"]["minutes"]
    text = (SITE / "coursework" / f"{notebook.stem}.html").read_text(encoding="utf-8")
    link = f'<a href="../_sources/coursework/{notebook.stem}.ipynb" download>'
    assert (
        f'<p class="gaplab-reading">{minutes} minutes · {points} points · {link}Download the notebook</a></p>' in text
    )
    assert "<strong>You need</strong>" in text
    rows = (SITE / "coursework" / "index.html").read_text(encoding="utf-8").split("<tr")
    (row,) = [row for row in rows if link in row]
    assert f'href="{notebook.stem}.html"' in row
    cells = re.findall(r"<p>(.*?)</p>", row)
    assert cells[2:4] == [str(minutes), str(points)]
    assert (SITE / "_sources" / "coursework" / notebook.name).read_bytes() == notebook.read_bytes()


@each([path for path in pages() if path.name not in NO_CARD])
def test_a_link_to_a_page_makes_a_card(path):
    text = path.read_text(encoding="utf-8")
    for name in ("og:title", "og:description", "og:image"):
        assert re.search(rf'<meta property="{name}" content="[^"]+"', text), name
    # An edition names the book as its front page does.
    home = (SITE / ("zh" if path.is_relative_to(SITE / "zh") else ".") / "index.html").read_text(encoding="utf-8")
    (name,) = re.findall(r'"og:site_name" content="([^"]+)"', text)
    assert BeautifulSoup(home, "html.parser").title.text.endswith(name)
    assert "minutes to read" not in re.search(r'"og:description" content="([^"]*)"', text)[1]
    assert re.search(r'<link rel="(shortcut )?icon" href="[^"]*_static/favicon.svg"', text)


def test_no_address_of_a_repository_is_set_and_nothing_that_needs_one_shows():
    for path in pages():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"colab\.research|mybinder|fa-github|fa-pencil", text), path.name
    assert not (SITE / "sitemap.xml").exists()


def builder() -> str | None:
    """Find the Jupyter Book that built the site."""
    # Beside the environment of these tests, for there is one pair of the locked versions and one of the newest.
    own = Path(sys.prefix).with_name("book") / ("Scripts/jupyter-book.exe" if os.name == "nt" else "bin/jupyter-book")
    return str(own) if own.exists() else shutil.which("jupyter-book")


def built(root: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the book."""
    options = ("--config", "_config.yml", "--toc", str(root / "_toc.yml"), "--path-output", ".")
    return subprocess.run([builder(), "build", "book", *options], cwd=root, capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The site with the one line set: a chapter, with the glossary as front page, is enough."""
    root = tmp_path_factory.mktemp("published")
    shutil.copytree(ROOT / "book", root / "book", ignore=shutil.ignore_patterns("coursework", "interview"))
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("checkpoints", "__pycache__"))
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    line = 'gaplab_repository: ""'
    assert config.count(line) == 1
    config = config.replace(line, 'gaplab_repository: "https://github.com/Some-One/a-book"')
    (root / "_config.yml").write_text(config, encoding="utf-8")
    chapter = {"file": "01_parameter_count", "title": "1. Parameter count"}
    toc = {"format": "jb-book", "root": "reference/glossary", "parts": [{"chapters": [chapter]}]}
    (root / "_toc.yml").write_text(json.dumps(toc), encoding="utf-8")
    assert built(root).returncode == 0
    return root


@pytest.mark.skipif(builder() is None, reason="not run: the book's own environment is missing (nox -s book makes it)")
class TestPublished:
    def test_buttons_show(self, published):
        text = (published / "_build/html/01_parameter_count.html").read_text(encoding="utf-8")
        assert (
            "https://colab.research.google.com/github/Some-One/a-book/blob/main/book/01_parameter_count.ipynb" in text
        )
        assert "https://mybinder.org/v2/gh/Some-One/a-book/main" in text
        assert "https://github.com/Some-One/a-book/edit/main/book/01_parameter_count.ipynb" in text

    def test_addresses_are_whole(self, published):
        text = (published / "_build/html/01_parameter_count.html").read_text(encoding="utf-8")
        assert 'property="og:image" content="https://some-one.github.io/a-book/_static/card.png"' in text
        places = ElementTree.parse(published / "_build/html/sitemap.xml").getroot()
        found = {place[0].text for place in places}
        assert "https://some-one.github.io/a-book/01_parameter_count.html" in found

    def test_a_notebook_opened_alone_names_the_address(self, published):
        for source in (published / "book/01_parameter_count.py", ROOT / "book/01_parameter_count.py"):
            cells = rendering.read_source(source).cells
            assert ("%pip install git+https://github.com/Some-One/a-book " in cells[1].source) == (
                source.parents[1] != ROOT
            )

    def test_a_build_with_nothing_to_do_leaves_the_sheet_and_one_with_a_new_style_renews_it(self, published):
        sheet = published / "_build" / "html" / "_static" / "book-style.css"
        before = sheet.read_text(encoding="utf-8")
        assert built(published).returncode == 0
        assert sheet.read_text(encoding="utf-8") == before
        style = published / "book" / "_assets" / "book.css"
        style.write_text(style.read_text(encoding="utf-8") + "\n.bd-article p { tab-size: 7; }\n", encoding="utf-8")
        assert built(published).returncode == 0
        assert "tab-size: 7" in sheet.read_text(encoding="utf-8")

    def test_a_claim_without_a_verdict_fails_the_build(self, published):
        chapter = published / "book" / "01_parameter_count.ipynb"
        text = chapter.read_text(encoding="utf-8")
        chapter.write_text(text.replace(claims.VERDICT_MIME, "application/json"), encoding="utf-8")
        result = built(published)
        chapter.write_text(text, encoding="utf-8")
        assert result.returncode != 0
        assert "01_parameter_count.ipynb holds no verdict on I1, P1" in result.stdout + result.stderr
