"""An edition's pages, made of the built English ones: the same outputs, numbers, ids and places."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

from gaplab_editions import KIT_FILE, UNTRANSLATED, markup, messages, scripts
from gaplab_editions.catalogues import KIT, SITE, Edition, Found
from gaplab_editions.setting import set_chinese

SCRIPTS = {
    "_static/code.js": SITE,
    "_static/keep.js": SITE,
    "_static/live.js": SITE,
    "_static/search.js": SITE,
    "_static/whiteboard.js": "interview/whiteboard",
}
"""The book's scripts with words for readers, of which an edition has its own, and the catalogues of their words."""
OWN = (*SCRIPTS, "search-texts.js", "book.epub")
"""Files that an edition has besides its pages."""
CARRIED = ("interview/gaplab-flashcards.apkg", "interview/gaplab-flashcards.csv", KIT_FILE)
"""Files of the interview, which an edition has besides once all of its interview is translated."""
HEADINGS = "#jb-print-docs-body, .bd-toc, .prev-next-title"
"""Parts around a page that repeat headings of pages: they are in Chinese where the heading is."""
ENGLISH_ONLY = "In English"
"""The column of the dockets that says in English what the article says in Chinese."""
COMPOSED = re.compile(
    r"(\*\*In 30 seconds\.\*\*|Follow-up:|The whole question:)( )(.+)"
    r"|(\*)([^*]+[.?!])(\* )(.+)"
    r"|(.+?[.?!])( )(\[.+\]\([^)\s]*\))"
)
"""How the interview's pages put sentences together that stand alone in the mock interview and on cards."""
BLANK_BEHIND = re.compile(r"(?<=[：。？！]) ")
"""A blank behind Chinese punctuation, which brings its own."""
UNLINKED = frozenset(
    "a code pre h1 h2 h3 h4 h5 h6 figcaption caption summary table script style".split()  # noqa: SIM905
)
UNLINKED_CLASSES = frozenset({"math", "text_html", "gaplab-reading", UNTRANSLATED})
Say = Callable[[str, str], str]
"""Takes a catalogue's name and a sentence."""


class Maker:
    """Makes an edition's pages and notes every message that it meets."""

    def __init__(self, edition: Edition, site: Path, pages: Iterable[Path]) -> None:
        """Take the built English pages."""
        self.edition, self.site = edition, site
        self.pages = [page.relative_to(site).as_posix() for page in pages]
        self.found, self.stated = Found(), Found()
        """What was met on pages that are translated, and around all pages; and in the states of their widgets."""
        self.modules: dict[str, str] = {}
        """The module of every widget of the site, by the widget's name."""
        self.used: set[str] = set()
        """The widgets on pages that are translated."""
        self.say: Say = lambda name, text: edition.say(text, name, KIT, SITE)

    def words(self, name: str) -> markup.Words:
        """Return how the words of a page are looked up."""

        def look(catalogue: str, found: Found) -> markup.Look:
            def said(text: str) -> str:
                if not (self.edition.is_words(text) or scripts.is_mark(text)):
                    return text
                if catalogue.startswith("interview/") and (parts := COMPOSED.fullmatch(text)):
                    composed = "".join(said(part) if part.strip(" *") else part for part in parts.groups() if part)
                    return BLANK_BEHIND.sub("", composed)
                found.note(catalogue, text)
                return self.say(catalogue, text)

            return said

        def script(slug: str) -> markup.Look:
            self.used.add(slug)
            return look(f"widgets/{slug}", self.found)

        return markup.Words(look(name, self.found), look(name, self.stated), script, self.edition.spoken)

    def is_whole(self, page: str) -> bool:
        """Tell whether a page is listed as translated; one without a text of its own is, as what is around it."""
        return page.removesuffix(".html") in self.edition.translated

    def carried(self) -> tuple[str, ...]:
        """Name the edition's own files of the interview."""
        asked = [page for page in self.pages if page.startswith("interview/")]
        return CARRIED if asked and all(map(self.is_whole, asked)) else ()

    def page(self, page: str, whole: bool) -> str:
        """Return a page of the edition.

        Args:
            page: Its address from the site's root.
            whole: Whether its text is translated, or only what stands around it.
        """
        text = (self.site / page).read_text(encoding="utf-8")
        self.modules |= _modules(text)
        head, article, tail = _cut(_placed(text, page, {*self.pages, *OWN, *self.carried()}))
        name = page.removesuffix(".html")
        title = description = ""
        if whole:
            body = BeautifulSoup(article, "html.parser")
            self._article(body, name)
            title = body.h1.get_text().removesuffix("#") if body.h1 else ""
            described = re.search(r'<meta content="([^"]*)"[^>]* name="description"', head)
            described_plain = BeautifulSoup(described[1], "html.parser").get_text() if described else ""
            description = self.words(name).page(described_plain) if described else ""
            article = body.decode(formatter=markup.AS_WRITTEN)
        elif article:
            line = f'<p class="{UNTRANSLATED}" lang="{self.edition.language}">{self.edition.lines["english"]}</p>'
            article = re.sub(r"<article\b", '<article lang="en"', article, count=1)
            article = re.sub(r"(?s)(<h1\b.*?</h1>)", lambda found: found[0] + line, article, count=1)
        around = BeautifulSoup(f"{head}<article></article>{tail}", "html.parser")
        self._around(around, name, title, description, whole)
        return around.decode(formatter=markup.AS_WRITTEN).replace("<article></article>", article, 1)

    def _article(self, body: BeautifulSoup, name: str) -> None:
        """Put the words of the edition into a page's text."""
        for table in body.select("table"):
            _drop_column(table, ENGLISH_ONLY)
        mentions = [(str(link["href"]), link.get_text()) for link in body.select(f"a.{markup.MENTION}")]
        markup.translate(body, self.words(name))
        link_mentions(body, mentions, self.edition.terms)
        set_chinese(body)
        reading = body.select_one(".gaplab-reading") or body.h1
        offered = body.select_one("a[href*='_sources/']")  # its words say already that the text is English
        if reading and body.select_one(".cell_input") and not offered and (line := self.edition.lines.get("notebook")):
            note = BeautifulSoup(f'<p class="gaplab-reading">{line}</p>', "html.parser").p
            assert note
            reading.insert_after(note)

    def _around(self, soup: BeautifulSoup, name: str, title: str, description: str, whole: bool) -> None:
        """Put the words of the edition around a page: the head, the navigation, the footer."""
        words = self.words(SITE)
        held = []
        for part in soup.select(HEADINGS):
            if part.find_parent(class_=["bd-toc"]):
                continue
            place = soup.new_tag("i")
            part.replace_with(place)
            held.append((place, part))
        repeated = markup.Words(self._heading, self._heading, lambda slug: self._heading)
        for _, part in held:
            for label in part.select(".onthispage, h2"):
                label_words = " ".join(label.get_text().split())
                last = [child for child in label.children if isinstance(child, NavigableString)][-1]
                last.replace_with(f" {words.page(label_words)} ")
            for named in part.select("[aria-label]"):
                named["aria-label"] = words.page(str(named["aria-label"]))
            if whole or "prev-next-title" in part.get_attribute_list("class"):
                markup.translate(part, repeated)
        for link in soup.select("link[rel=next], link[rel=prev]"):
            link["title"] = self._heading(str(link["title"]))
        html, head = soup.html, soup.head
        assert html
        assert head
        html["lang"] = self.edition.language
        root = str(html.get("data-content_root", ""))
        if root:
            html["data-content_root"] = posixpath.join("..", root) + ("" if root.endswith("/") else "/")
        book = words.page(str(soup.title.string).rpartition(" — ")[2]) if soup.title else ""
        if soup.title:
            first = title or str(soup.title.string).rpartition(" — ")[0]
            soup.title.string = f"{self._heading(first)} — {book}" if first and first != book else book
        for meta in soup.select("meta[content]"):
            kind = meta.get("property") or meta.get("name")
            if kind == "og:image:alt" or (kind == "description" and not description and name == "search"):
                meta["content"] = words.page(str(meta["content"]))
            elif kind in ("description", "og:description") and description:
                meta["content"] = description
                for attribute in ("lang", "xml:lang"):
                    if attribute in meta.attrs:
                        meta[attribute] = self.edition.language
            elif kind == "og:url":
                meta["content"] = str(meta["content"]).replace(
                    f"{name}.html", f"{self.edition.folder.name}/{name}.html"
                )
            elif kind == "og:title" and title:
                meta["content"] = title
            elif kind == "og:site_name":
                meta["content"] = book
        held_title = soup.title.extract() if soup.title else None
        markup.translate(soup, words)
        if held_title:
            head.insert(0, held_title)
        up = "../" * (1 + name.count("/"))
        if switch := soup.select_one("a.gaplab-language"):
            switch.string = "English"
            switch["lang"] = switch["hreflang"] = "en"
            switch["href"] = f"{up}{name}.html"
            switch["title"] = self.edition.lines["switch"]
        for place, part in held:
            place.replace_with(part)

    def _heading(self, text: str) -> str:
        """Say a heading of any page, without noting it."""
        return self.edition.say(text) if self.edition.is_words(text) else text

    def scripts(self) -> dict[str, str]:
        """Return the book's own scripts with the edition's words, by their addresses."""
        return {
            path: scripts.translate(
                (self.site / path).read_text(encoding="utf-8"), self.words(name).page, self.edition.spoken
            )
            for path, name in SCRIPTS.items()
            if (self.site / path).exists()
        }

    def around(self) -> None:
        """Note the words of the scripts."""
        self.scripts()
        used = set(self.used)
        for slug, module in self.modules.items():
            scripts.translate(module, self.words("").script(slug), self.edition.spoken)
        self.used = used

    def known(self) -> dict[str, set[str]]:
        """Return for each catalogue all messages that it may hold, of what was met."""
        known = {name: set(entries) for name, entries in self.found.items()}
        for name, entries in self.stated.items():
            known.setdefault(name, set()).update(entries)
        known[KIT] = {key for name in known if name.startswith("widgets/") for key in known[name]}
        return known

    def faults(self) -> Iterator[str]:
        """Say what keeps the edition from being built."""
        self.around()
        met = Found({name: dict(entries) for name, entries in self.found.items()})
        for name, entries in self.stated.items():
            met.setdefault(name, {}).update(entries)
        pages = {name for name in self.edition.translated if f"{name}.html" in self.pages}
        for name in sorted({*self.edition.translated} - pages):
            yield f"edition.toml lists {name} as translated, and there is no such page"
        # Before the first page is translated, nothing needs to be.
        around = {SITE, KIT} if self.edition.translated else set()
        used = {f"widgets/{slug}" for slug in self.used}
        yield from self.edition.faults(met, self.known(), around | pages | used)


def _modules(text: str) -> dict[str, str]:
    """Return the modules of a page's widgets."""
    found: dict[str, str] = {}
    for payload in re.findall(r'(?s)<script type="application/json">(.*?)</script>', text):
        held = json.loads(payload)
        if "slug" in held:
            found[held["slug"]] = held["module"]
    return found


def _cut(text: str) -> tuple[str, str, str]:
    """Cut a page's text out of what stands around it."""
    start, end = text.find("<article"), text.rfind("</article>")
    if start < 0:
        return text, "", ""
    end += len("</article>")
    return text[:start], text[start:end], text[end:]


def _placed(text: str, page: str, own: set[str]) -> str:
    """Lead links of a page that lies a folder deeper: what the edition has not is a folder further up.

    A ``srcset`` of the book names one file.
    """
    here = posixpath.dirname(page)
    up = "../" * (1 + page.count("/"))

    def led(found: re.Match[str]) -> str:
        link = found[2]
        path = re.split(r"[?#]", link)[0]
        if not path or re.match(r"[a-z][a-z0-9+.-]*:|/", path):
            return found[0]
        target = posixpath.normpath(posixpath.join(here, path))
        rest = link[len(path) :]
        return found[0] if target in own else f'{found[1]}="{up}{target}{rest}"'

    return re.sub(r'\b(href|src|srcset|action)="([^"]*)"', led, text)


def _drop_column(table: Tag, head: str) -> None:
    """Take a column out of a table, if it is there."""
    heads = [cell.get_text(strip=True) for cell in table.select("thead th")]
    if head in heads:
        at = heads.index(head)
        for row in table.select("tr"):
            row.find_all(["th", "td"])[at].decompose()


def link_mentions(body: Tag, mentions: Iterable[tuple[str, str]], terms: Mapping[str, list[str]]) -> None:
    """Link the first mention of each term and paper that the English page links, where the translation has it.

    Args:
        body: The page's text.
        mentions: Addresses and English words of the links.
        terms: The fixed terms.
    """
    anchors = {"term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-"): said for term, said in terms.items()}
    texts = list(_linkable(body))
    for address, english in sorted(mentions, key=lambda mention: -len(mention[1])):
        anchor = address.partition("#")[2]
        if anchor.startswith("term-"):
            said = anchors.get(anchor.lower(), [])
            pattern = "|".join(map(re.escape, sorted({*said, english}, key=len, reverse=True)))
        else:
            year = re.search(r"\d{4}", english)
            pattern = rf"{re.escape(english.split()[0])}[^。;\uff1b]{{0,24}}?{year[0] if year else ''}"
        for at, text in enumerate(texts):
            if found := re.search(pattern, text):
                soup = BeautifulSoup("", "html.parser")
                link = soup.new_tag("a", href=address, attrs={"class": f"{markup.MENTION} reference internal"})
                link.string = found[0]
                before, after = NavigableString(text[: found.start()]), NavigableString(text[found.end() :])
                text.replace_with(before, link, after)
                texts[at : at + 1] = [before, after]
                break


def _linkable(part: Tag) -> Iterator[NavigableString]:
    """List the texts in which a mention may be a link: not titles, code, links or what a cell displayed."""
    for child in part.children:
        if isinstance(child, Tag):
            if child.name not in UNLINKED and not UNLINKED_CLASSES & set(child.get_attribute_list("class")):
                yield from _linkable(child)
        elif type(child) is NavigableString:
            yield child


def pseudo() -> Say:
    """Return a way of looking up that marks every word, to see what no catalogue reaches."""
    return lambda name, text: messages.pseudo(text)
