"""The words in a page: its texts as messages, and the page again with other words in their place.

A message is what stands in one block: a paragraph, a cell of a table, a caption, a summary. Elements within a sentence
become marks of Markdown or numbers (`gaplab_editions.messages`), so that a translation can put them elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from bs4 import BeautifulSoup
from bs4.dammit import EntitySubstitution
from bs4.element import NavigableString, PageElement, Tag
from bs4.formatter import HTMLFormatter

from gaplab_editions import scripts

INLINE = frozenset(
    "a abbr annotation b br cite code del em i img ins kbd mark q s small span strong sub sup svg u var wbr".split()  # noqa: SIM905
)
APART = frozenset(
    "caption-number caption-text gl-label search-button__default-text btn__text-container".split()  # noqa: SIM905
)
"""Classes of elements within a line that are messages of their own."""
REFERENCE = frozenset({"doc", "std", "std-ref", "pre"})
"""Classes of elements that Sphinx puts around a link's words, and which show nothing."""
UNREAD = ("script", "style", "link", "meta", "pre", "math", "svg", "noscript", "template")
ATTRIBUTES = ("alt", "aria-label", "aria-valuetext", "data-bs-title", "placeholder", "title")
CLAIM = re.compile(r"[A-Z]\d (?=[a-z])")
MENTION = "gaplab-mention"
IDS = frozenset(
    [
        *"bytes cell file garment_names href id kind level mark model network picture pictures".split(),  # noqa: SIM905
        *"pool proof slug topic variable x y zh".split(),  # noqa: SIM905
    ]
)
"""Keys of a widget's state under which stand names that its script knows, and addresses."""
WORDS = frozenset("choices classes does name names verdict".split())  # noqa: SIM905
"""Keys under which a single small word is there to be read."""
TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<code>`[^`]+`)|(?P<math>\$[^$]+\$)|(?P<strong>\*\*)|(?P<em>\*)|(?P<open>\[)"
    r"|\]\((?P<link>[^)\s]*)\)|<(?P<void>\d+)/>|<(?P<start>\d+)>|</(?P<stop>\d+)>"
)

EMPTY = BeautifulSoup("", "html.parser")
"""Makes elements."""


class AsWritten(HTMLFormatter):
    """Writes elements with their attributes in the order in which they stood."""

    def __init__(self) -> None:
        """Write the entities that must be written, and no others."""
        super().__init__(EntitySubstitution.substitute_xml)

    def attributes(self, tag: Tag) -> Iterable[tuple[str, Any]]:
        """Leave the order as it is; the default sorts them."""
        return [(name, value) for name, value in tag.attrs.items()]


AS_WRITTEN = AsWritten()
Look = Callable[[str], str]
"""Takes an English text and returns what stands in its place: the same where there is nothing to say."""


class Words(NamedTuple):
    """How words are looked up: on the page, in the state of its widgets, in the scripts of each widget."""

    page: Look
    state: Look
    script: Callable[[str], Look]
    spoken: frozenset[str] = frozenset()
    """Small words of scripts that readers see."""


def translate(part: Tag, words: Words) -> None:
    """Put other words into a part of a page: texts, labels, and the widgets in it."""
    for mention in part.select(f"a.{MENTION}"):
        mention.unwrap()
    part.smooth()
    for tag in _readable(part):
        for name in ATTRIBUTES:
            if tag.get(name):
                tag[name] = _label(" ".join(str(tag[name]).split()), words.page)
    for run in list(_runs(part)):
        _say(run, words.page)
    for script in part.find_all("script"):
        if script.get("type") == "application/json":
            script.string = _widget(str(script.string), words)
        elif _speaks(script):
            script.string = scripts.translate(str(script.string), words.page, words.spoken)


def _speaks(script: Tag) -> bool:
    """Tell whether a script within a page's text may say something: not one in a file, and not what starts a widget."""
    before = script.find_previous_sibling()
    starts = isinstance(before, Tag) and before.get("type") == "application/json"
    plain = script.string is not None and not script.get("src") and not script.get("type")
    return plain and not starts and script.find_parent("article") is not None


def _readable(tag: Tag) -> Iterator[Tag]:
    """List an element and those in it whose words are the page's: neither code nor formulas nor quoted Chinese."""
    if not _unread(tag):
        yield tag
        for child in tag.children:
            if isinstance(child, Tag):
                yield from _readable(child)


def _unread(tag: Tag) -> bool:
    return tag.name in UNREAD or tag.get("lang") == "zh" or "math" in tag.get_attribute_list("class")


def _label(text: str, look: Look) -> str:
    """Say a label; the id of a claim before a verdict stays."""
    found = CLAIM.match(text)
    return f"{found[0]}{look(text[found.end() :])}" if found else look(text)


def _runs(block: Tag) -> Iterator[list[PageElement]]:
    """List the runs of text and elements within a line, in a block and in those within it."""
    if _unread(block):
        return
    run: list[PageElement] = []
    for child in [*block.children, None]:
        if child is not None and _in_line(child):
            run.append(child)
            continue
        yield from _trimmed(run)
        run = []
        if isinstance(child, Tag):
            yield from _runs(child)


def _in_line(node: PageElement) -> bool:
    if isinstance(node, NavigableString):
        return type(node) is NavigableString  # no comment, and no declaration
    if not isinstance(node, Tag) or node.name not in INLINE or APART & set(node.get_attribute_list("class")):
        return False
    return "math" in node.get_attribute_list("class") or all(
        _in_line(child) for child in node.children if isinstance(child, Tag)
    )


def _trimmed(run: list[PageElement]) -> Iterator[list[PageElement]]:
    """Leave out what says nothing at a run's ends, and go into an element that holds all of it."""
    while run and not _says(run[0]):
        run = run[1:]
    while run and not _says(run[-1]):
        run = run[:-1]
    if len(run) == 1 and isinstance(run[0], Tag):
        if run[0].name != "code" and "math" not in run[0].get_attribute_list("class"):
            yield from _runs(run[0])
    elif run:
        yield run


def _says(node: PageElement) -> bool:
    if isinstance(node, NavigableString):
        return bool(node.strip())
    assert isinstance(node, Tag)
    quiet = "headerlink" in node.get_attribute_list("class") or node.get("aria-hidden") == "true"
    return not quiet and node.name != "br" and bool(node.get_text(strip=True))


def _say(run: list[PageElement], look: Look) -> None:
    """Replace a run by what is said in its place."""
    elements: dict[str, Tag] = {}
    written = _written(run, elements)
    said = look(text := written.strip())
    if said == text:
        return
    # What stands beside the run stays apart from it.
    left, right = (" " if side != side.strip() else "" for side in (written[:1], written[-1:]))
    last = run[-1]
    after = last.next_sibling
    parent = last.parent
    assert parent is not None
    for node in run:
        node.extract()
    for node in [NavigableString(left), *_read(said, elements), NavigableString(right)]:
        if after is None:
            parent.append(node)
        else:
            after.insert_before(node)


def _written(nodes: Iterable[PageElement], elements: dict[str, Tag]) -> str:
    """Write nodes as a message, and keep the elements by their marks."""
    out: list[str] = []

    def keep(mark: str, tag: Tag) -> str:
        elements.setdefault(mark, tag)
        return mark

    for node in nodes:
        if isinstance(node, NavigableString):
            out.append(escaped(re.sub(r"\s+", " ", node)))
            continue
        assert isinstance(node, Tag)
        text = node.get_text()
        tex = node.find("annotation") if "math" in node.get_attribute_list("class") else None
        if isinstance(tex, Tag) and "$" not in tex.get_text():
            out.append(keep(f"${' '.join(tex.get_text().split())}$", node))
        elif node.name == "code" and text.strip() and "`" not in text:
            out.append(keep(f"`{' '.join(text.split())}`", node))
        elif node.name == "span" and REFERENCE & set(node.get_attribute_list("class")):
            out.append(_written(node.children, elements))
        elif node.name in ("strong", "b", "em", "i") and text.strip() and not node.attrs:
            mark = "**" if node.name in ("strong", "b") else "*"
            elements.setdefault(mark, node)
            out.append(f"{mark}{_written(node.children, elements)}{mark}")
        elif node.name == "a" and node.get("href") and text.strip() and " " not in str(node["href"]):
            inner = _written(node.children, elements)
            elements.setdefault(f"]({node['href']})", node)
            out.append(f"[{inner}]({node['href']})")
        else:
            number = str(1 + sum(mark.isdigit() for mark in elements))
            elements[number] = node
            closed = not text.strip() or "math" in node.get_attribute_list("class")
            out.append(f"<{number}/>" if closed else f"<{number}>{_written(node.children, elements)}</{number}>")
    return re.sub(r" +", " ", "".join(out))


def escaped(text: str) -> str:
    """Write plain text so that nothing in it is taken for a mark."""
    return re.sub(r"([\\`*\[\]$]|<(?=/?\d))", r"\\\1", text)


def _read(text: str, elements: dict[str, Tag]) -> list[PageElement]:
    """Read a message as nodes."""
    soup = EMPTY
    top = soup.new_tag("span")
    stack: list[tuple[str, Tag]] = [("", top)]
    used: set[int] = set()

    def element(mark: str) -> Tag:
        tag = elements[mark]
        if id(tag) in used:
            tag = _copy(tag)
        used.add(id(tag))
        return tag

    def open_one(mark: str, tag: Tag) -> None:
        stack[-1][1].append(tag)
        stack.append((mark, tag))

    def empty(tag: Tag) -> Tag:
        shell = _copy(tag)
        shell.clear()
        return shell

    def close(mark: str) -> None:
        if stack[-1][0] != mark:
            raise ValueError(f"{mark} closes what {stack[-1][0] or 'nothing'} opened")
        stack.pop()

    at = 0
    for token in TOKEN.finditer(text):
        stack[-1][1].append(text[at : token.start()])
        at = token.end()
        kind, value = token.lastgroup, token[token.lastgroup or 0]
        if kind == "escaped":
            stack[-1][1].append(value)
        elif kind in ("code", "math", "void"):
            stack[-1][1].append(element(value))
        elif kind in ("strong", "em"):
            close(value) if stack[-1][0] == value else open_one(value, empty(elements[value]))
        elif kind == "open":
            open_one("[", soup.new_tag("span"))
        elif kind == "link":
            link = empty(elements[f"]({value})"])
            held = stack[-1][1]
            close("[")
            link.extend(list(held.contents))
            held.replace_with(link)
        elif kind == "start":
            open_one(value, empty(elements[value]))
        elif kind == "stop":
            close(value)
    stack[-1][1].append(text[at:])
    close("")
    return list(top.contents)


def _copy(tag: Tag) -> Tag:
    copied = tag.__copy__()
    assert isinstance(copied, Tag)
    return copied


def parses(text: str, english: str) -> str:
    """Say why a translation cannot be read back into its sentence, or nothing."""
    soup = EMPTY
    marks = (token[token.lastgroup or 0] for token in TOKEN.finditer(english))
    links = (f"]({token['link']})" for token in TOKEN.finditer(english) if token["link"] is not None)
    try:
        _read(text, {mark: soup.new_tag("span") for mark in (*marks, *links)})
    except (KeyError, ValueError) as problem:
        return f"marks do not match: {problem}"
    return ""


def _widget(payload: str, words: Words) -> str:
    """Put other words into a widget's state and module."""
    held: dict[str, Any] = json.loads(payload)
    if "slug" not in held:
        return payload
    # A small word by itself in the state is what a control is set to, and stands in the module too.
    held["state"] = {
        name: part if isinstance(part, str) and re.fullmatch(r"[a-z]\w*", part) else _leaves(part, words.state, name)
        for name, part in held["state"].items()
    }
    held["module"] = scripts.translate(held["module"], words.script(held["slug"]), words.spoken)
    # As `gaplab.widgets.base` writes it: nothing in it can open or close an element.
    return json.dumps(held, sort_keys=True, ensure_ascii=False).replace("<", "\\u003c")


def _leaves(value: Any, look: Look, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _leaves(part, look, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_leaves(part, look, key) for part in value]
    if not isinstance(value, str) or key in IDS or value.startswith("data:"):
        return value
    small = re.fullmatch(r"[\w./#-]*", value) and not re.fullmatch(r"[A-Z][a-z]+", value)
    if small and (key not in WORDS or "_" in value):
        return value
    return "\n\n".join(look(" ".join(paragraph.split())) for paragraph in value.split("\n\n"))
