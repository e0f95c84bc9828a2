"""Each edition in one file for readers of books, an EPUB 3, made of its built pages.

Sphinx's own EPUB is not well-formed where a notebook displays HTML, so this takes the pages that are there. A text is
cut out of its page; what only a screen needs goes; formulas stay as MathML; folded answers stand open; a widget is what
it says where no script runs: a table, or a sentence on its state. Problem sets are left out, for they are notebooks to
work in, and so is the mock interview, whose questions stand on the pages of their topics.
"""

from __future__ import annotations

import html
import posixpath
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Comment, Tag

FILE = "book.epub"
SIZE = "gaplab-size"
"""The class of what holds the file's size, where it is offered."""
APART = re.compile(r"coursework/|interview/(?:mock|index)$")
"""Pages that the file leaves out."""
GONE = frozenset("script style noscript button nav svg input select textarea link template".split())  # noqa: SIM905
GONE_CLASSES = frozenset({"headerlink", "copybtn", "gaplab-reading", "hide"})
OPENED = frozenset(["label", "fieldset", "form", "output"])
"""Elements of forms, of which the words stay."""
KEPT = frozenset("alt class colspan href id lang rowspan scope src".split())  # noqa: SIM905
MEDIA = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
STYLE = """body { line-height: 1.5; }
:lang(zh) em, :lang(zh-CN) em { font-style: normal; text-emphasis: filled dot; text-emphasis-position: under right; }
em :is(code, a, math, .gaplab-latin) { text-emphasis: none; } em .gaplab-latin { font-style: italic; }
.gaplab-whole { white-space: nowrap; } .gaplab-whole > * { white-space: normal; }
img { max-width: 100%; height: auto; }
figure { margin: 1em 0; } caption, figcaption { font-size: .85em; text-align: left; }
pre { font-size: .75em; white-space: pre-wrap; overflow-wrap: anywhere; padding: .6em; border-left: 3px solid #888; }
table { border-collapse: collapse; font-size: .82em; margin: 1em 0; }
td, th { border-bottom: 1px solid #bbb; padding: .25em .5em; text-align: left; vertical-align: top; }
.question { font-weight: bold; } .answer { margin: .8em 0; padding-left: .8em; border-left: 2px solid #ccc; }
.gaplab-record { border: 1px solid #888; padding: .5em .8em; }
h1, h2, h3, .question { break-after: avoid; } figure, tr, .gaplab-record { break-inside: avoid; }
"""


class Part(NamedTuple):
    """A part of the table of contents: its caption and its pages, by address, with their titles."""

    caption: str
    pages: list[tuple[str, str]]


def tell_size(pages: Iterable[Path], size: int) -> None:
    """Write the file's size, in bytes, where it is offered."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if f'class="{SIZE}"' in text:
            told = re.sub(rf'(class="{SIZE}">)[\d.]+', rf"\g<1>{size / 1e6:.1f}", text)
            page.write_text(told, encoding="utf-8")


def read_parts(home: Path) -> tuple[str, list[Part]]:
    """Return an edition's title, and the parts of its table of contents, as its front page shows them."""
    front = BeautifulSoup((home / "index.html").read_text(encoding="utf-8"), "html.parser")
    title = front.select_one(".navbar-brand")
    assert title is not None
    parts = [Part("", [("index.html", title.get_text(strip=True))])]
    for entry in front.select("nav.bd-links p.caption, nav.bd-links li.toctree-l1 > a"):
        words = entry.get_text(strip=True)
        if entry.name == "p":
            parts.append(Part(words, []))
        else:
            parts[-1].pages.append((str(entry["href"]), words))
    return title.get_text(strip=True), parts


def read_article(page: Path) -> Tag:
    """Return a page's text as a reader of books can show it."""
    text = page.read_text(encoding="utf-8")
    start, end = text.index("<article"), text.rindex("</article>")
    body = BeautifulSoup(_lightened(text[start:end]) + "</article>", "html.parser").article
    assert body is not None
    body.name = "div"
    _simplify(body)
    seen: set[str] = set()
    for tag in body.find_all(id=True):
        if str(tag["id"]) in seen:
            del tag["id"]
        else:
            seen.add(str(tag["id"]))
    return body


def _lightened(text: str) -> str:
    """Leave out what is most of a page, and goes anyway, before the page is parsed: this halves the time."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", text)
    text = re.sub(r"(?s)<pre>.*?</pre>", lambda code: re.sub(r"</?span[^>]*>", "", code[0]), text)
    kept, at = [], 0
    while (start := text.find('<span class="katex-html"', at)) >= 0:
        kept.append(text[at:start])
        depth, at = 0, start
        for edge in re.compile(r"<(/?)span\b").finditer(text, start):
            depth += -1 if edge[1] else 1
            if not depth:
                at = text.index(">", edge.end()) + 1
                break
    return "".join([*kept, text[at:]])


def _simplify(part: Tag) -> None:
    """Take from a part, and from those in it, what only a screen with scripts needs."""
    for child in list(part.children):
        if isinstance(child, Comment):
            child.extract()
        elif isinstance(child, Tag):
            _simplify_one(child)


def _simplify_one(tag: Tag) -> None:
    classes = set(tag.get_attribute_list("class"))
    if tag.name in GONE or classes & GONE_CLASSES:
        tag.decompose()
        return
    if classes & {"katex", "katex-display"}:
        _keep_mathml(tag)
        return
    _simplify(tag)
    if tag.name == "details":
        tag.name, tag["class"] = "div", "answer"
    elif tag.name == "summary":
        tag.name, tag["class"] = "p", "question"
    for name in set(tag.attrs) - KEPT:
        del tag[name]
    # A link within a link, and what is left of a form, are their words.
    if tag.name in OPENED or (tag.name == "a" and tag.find_parent("a")):
        tag.unwrap()


def _keep_mathml(formula: Tag) -> None:
    """Leave of a formula what says the same to every reader."""
    mathml = formula.find("math")
    assert isinstance(mathml, Tag)
    if "katex-display" in formula.get_attribute_list("class"):
        mathml["display"] = "block"
    for note in mathml.find_all("annotation"):
        note.decompose()
    for meaning in mathml.find_all("semantics"):
        meaning.unwrap()
    # KaTeX writes a third child where an index is an operator, such as max.
    for script in mathml.find_all(["msub", "msup"]):
        for extra in script.find_all(recursive=False)[2:]:
            extra.decompose()
    formula.replace_with(mathml)


def lead_links(body: Tag, page: str, ids: dict[str, set[str]], suffix: str) -> None:
    """Let links lead to pages of the book or to the web; what leads elsewhere in the site is text.

    Args:
        body: A page's text.
        page: Its address.
        ids: The ids of every page in the book.
        suffix: How the pages' files end in the book.
    """
    here = posixpath.dirname(page) or "."
    for link in body.find_all("a", href=True):
        address = str(link["href"])
        if re.match(r"https?:|mailto:", address):
            continue
        path, _, anchor = address.partition("#")
        target = posixpath.normpath(posixpath.join(here, path)) if path else page
        if target not in ids:
            link.unwrap()
        else:
            place = f"#{anchor}" if anchor in ids[target] else ""
            file = posixpath.relpath(target, here).removesuffix(".html") + suffix if target != page else ""
            link["href"] = f"{file}{place}" or posixpath.basename(page).removesuffix(".html") + suffix


def pictures(body: Tag, page: str, home: Path) -> Iterator[tuple[Tag, Path]]:
    """List a text's pictures with their files; what a page offers a phone in a picture's place is dropped."""
    for choice in body.find_all("picture"):
        for source in choice.find_all("source"):
            source.decompose()
        choice.unwrap()
    for image in body.find_all("img", src=True):
        if not str(image["src"]).startswith("data:"):
            yield image, (home / posixpath.dirname(page) / str(image["src"])).resolve()


def on_paper(drawing: str) -> str:
    """Give a drawing its colours on light paper: a reader of books may not know the variables that follow a theme."""
    if rules := re.search(r"<style>:root\{([^}]*)\}.*?</style>", drawing):
        colors = dict(pair.split(":") for pair in rules[1].split(";") if pair)
        drawing = drawing.replace(rules[0], "")
        drawing = re.sub(r"var\((--\w+)\)", lambda used: colors[used[1]], drawing)
    return drawing


def write_epub(home: Path, author: str, year: str) -> int:
    """Write an edition's file beside its front page: the same pages, the same bytes.

    Args:
        home: The edition's folder in the site.
        author: Who made the book.
        year: When.

    Returns:
        The file's size in bytes.
    """
    title, parts = read_parts(home)
    parts = [Part(caption, [each for each in pages if not APART.match(_name(each[0]))]) for caption, pages in parts]
    parts = [part for part in parts if part.pages]
    bodies = {page: read_article(home / page) for part in parts for page, _ in part.pages}
    ids = {page: {str(tag["id"]) for tag in body.find_all(id=True)} for page, body in bodies.items()}
    root = re.search(r'<html[^>]* lang="([^"]+)"', (home / "index.html").read_text(encoding="utf-8"))
    language = root[1] if root else "en"
    files: dict[str, str | bytes] = {"book.css": STYLE}
    entries: list[str] = ['<item id="style" href="book.css" media-type="text/css"/>']
    spine: list[str] = []
    for page, body in bodies.items():
        lead_links(body, page, ids, ".xhtml")
        for image, path in pictures(body, page, home):
            image["src"] = posixpath.relpath(f"pictures/{path.name}", posixpath.dirname(page) or ".")
            if f"pictures/{path.name}" not in files:
                drawn = path.suffix == ".svg"
                content: str | bytes = on_paper(path.read_text(encoding="utf-8")) if drawn else path.read_bytes()
                files[f"pictures/{path.name}"] = content
                kind = MEDIA[path.suffix]
                entries.append(f'<item id="p{len(entries)}" href="pictures/{path.name}" media-type="{kind}"/>')
        text = body.decode(formatter="minimal")
        heading = body.h1.get_text(strip=True) if body.h1 else title
        files[f"{_name(page)}.xhtml"] = _xhtml(language, heading, text, page.count("/"))
        mathml = ' properties="mathml"' if "<math" in text else ""
        place = f"t{len(spine)}"
        entries.append(f'<item id="{place}" href="{_name(page)}.xhtml" media-type="application/xhtml+xml"{mathml}/>')
        spine.append(f'<itemref idref="{place}"/>')
    files["nav.xhtml"] = _xhtml(language, title, _navigation(title, parts), 0)
    files["book.opf"] = (
        '<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        f'unique-identifier="id" xml:lang="{language}"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, title + language)}</dc:identifier>'
        f"<dc:title>{html.escape(title)}</dc:title><dc:language>{language}</dc:language>"
        f"<dc:creator>{html.escape(author)}</dc:creator><dc:rights>CC BY 4.0</dc:rights>"
        f'<meta property="dcterms:modified">{year}-01-01T00:00:00Z</meta></metadata><manifest>'
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        f"{''.join(entries)}</manifest><spine>{''.join(spine)}</spine></package>\n"
    )
    return _pack(home / FILE, files)


def _name(page: str) -> str:
    return page.removesuffix(".html")


def _navigation(title: str, parts: Iterable[Part]) -> str:
    """Write the table of contents."""

    def listed(pages: Iterable[tuple[str, str]]) -> str:
        return "".join(f'<li><a href="{_name(page)}.xhtml">{html.escape(words)}</a></li>' for page, words in pages)

    items = (
        f"<li><span>{html.escape(caption)}</span><ol>{listed(pages)}</ol></li>" if caption else listed(pages)
        for caption, pages in parts
    )
    return f'<nav epub:type="toc" id="toc"><h1>{html.escape(title)}</h1><ol>{"".join(items)}</ol></nav>'


def _xhtml(language: str, title: str, content: str, depth: int) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="{language}" lang="{language}"><head>'
        f'<meta charset="utf-8"/><title>{html.escape(title)}</title>'
        f'<link rel="stylesheet" href="{"../" * depth}book.css"/></head><body>{content}</body></html>\n'
    )


def _pack(target: Path, files: dict[str, str | bytes]) -> int:
    """Write an archive without dates, its first file as the format asks for it."""
    container = (
        '<?xml version="1.0"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>\n"
    )
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip", zipfile.ZIP_STORED)
        for name, content in {"META-INF/container.xml": container, **files}.items():
            stored = zipfile.ZIP_STORED if name.endswith((".png", ".jpg")) else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, stored)
    return target.stat().st_size
