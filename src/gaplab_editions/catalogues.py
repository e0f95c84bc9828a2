"""The catalogues of an edition: one ``.po`` file a page, one a widget, and ``site.po`` for what stands around pages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import denormalize, read_po, write_po

from gaplab_editions import markup, messages

SITE, KIT = "site", "widgets/kit"
HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {}\\n"\n\n'


class Found(dict[str, dict[str, str]]):
    """The messages that were met: for each catalogue, each message with slots, and once with its numbers."""

    def note(self, name: str, text: str) -> str:
        """Note a sentence, and return its message."""
        key, _ = messages.abstract(text)
        self.setdefault(name, {}).setdefault(key, text)
        return key


@dataclass
class Edition:
    """A language, its catalogues, and what ``edition.toml`` says of both."""

    folder: Path
    language: str
    """As pages name it, such as ``zh-CN``."""
    translated: list[str]
    """The pages that are translated whole; the others stay English."""
    lines: dict[str, str]
    """What the edition says of itself, in its own language."""
    terms: dict[str, list[str]]
    """The fixed terms: for each English one the ways in which it may be said, the first being the usual one."""
    names: re.Pattern[str]
    """Words that stay as they are."""
    spoken: frozenset[str]
    """Small words of scripts that readers see, and which could as well be the names of classes."""
    catalogues: dict[str, Catalog] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Edition:
        """Read an edition's folder."""
        held = tomllib.loads((folder / "edition.toml").read_text(encoding="utf-8"))
        names = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in held["names"]))
        edition = cls(
            folder, held["language"], held["translated"], held["lines"], held["terms"], names, frozenset(held["spoken"])
        )
        for path in sorted(folder.rglob("*.po")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            edition.catalogues[name] = read_po(BytesIO(path.read_bytes()), locale=edition.locale)
            for entry in edition.catalogues[name]:
                _know_former(entry)
        return edition

    @property
    def locale(self) -> str:
        """The language as catalogues name it, such as ``zh_CN``."""
        return self.language.replace("-", "_")

    def find(self, key: str, *names: str) -> str:
        """Return a message's translation, from the catalogues that are named first and then from any, or nothing."""
        for name in dict.fromkeys([*names, *self.catalogues]):
            entry = self.catalogues[name].get(key) if name in self.catalogues else None
            if entry and entry.string and not entry.fuzzy:
                return str(entry.string)
        return ""

    def say(self, text: str, *names: str) -> str:
        """Return a sentence in this language with its own numbers, or as it is."""
        key, numbers = messages.abstract(text)
        said = messages.fill(self.find(key, *names), numbers)
        return messages.UNIT.sub("\N{NO-BREAK SPACE}", said) or text

    def is_words(self, text: str) -> bool:
        """Tell whether a text has something to translate."""
        return messages.is_words(text, self.names)

    def faults(self, found: Found, known: Mapping[str, set[str]], wanted: set[str]) -> Iterator[str]:
        """Say what keeps the edition from being built: a message that is new, stale, fuzzy or not as its English is.

        Args:
            found: The messages of what is translated.
            known: For each catalogue all messages that it may hold.
            wanted: The catalogues that must be whole.
        """
        for name in sorted(wanted):
            for key in found.get(name, {}):
                if not self.find(key, name):
                    entry = self.catalogues[name].get(key) if name in self.catalogues else None
                    state = "new" if entry is None else "to look at again (fuzzy)" if entry.fuzzy else "not translated"
                    yield f"{name}: {state}: {key}"
            for entry in self.catalogues.get(name, Catalog()):
                if not entry.id:
                    continue
                if name in known and entry.id not in known[name]:
                    yield f"{name}: stale, the book no longer says: {entry.id}"
                elif entry.string and not entry.fuzzy:
                    for problem in faults(str(entry.id), str(entry.string), name.startswith("widgets/")):
                        yield f"{name}: {problem} in: {entry.string}"

    def merge(self, name: str, found: Mapping[str, str]) -> None:
        """Bring a catalogue up to what the book says: new messages come in, stale ones go, changed ones are fuzzy."""
        template = Catalog(locale=self.locale)
        for key, example in found.items():
            template.add(key, auto_comments=[example] if example != key else ())
        catalogue = self.catalogues.setdefault(name, Catalog(locale=self.locale))
        former = {entry.id: entry.previous_id for entry in catalogue if entry.fuzzy}  # Babel forgets them
        catalogue.update(template, update_header_comment=False)
        for message, previous in former.items():
            kept = catalogue.get(str(message))
            if kept and kept.fuzzy:
                kept.previous_id = previous
        catalogue.obsolete.clear()
        self.write(name)

    def write(self, name: str) -> None:
        """Write a catalogue, or delete one without messages; the same catalogue is the same bytes."""
        text = BytesIO()
        write_po(text, self.catalogues[name], width=0, omit_header=True, include_previous=True)
        path = self.folder / f"{name}.po"
        if not len(self.catalogues[name]):
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD.format(self.locale) + text.getvalue().decode().lstrip("\n"), encoding="utf-8")


def _know_former(entry: Message) -> None:
    """Read an entry's former English, which Babel writes and takes for a translator's comment when it reads it."""
    lines = [line.removeprefix("|").strip() for line in entry.user_comments if line.startswith("|")]
    entry.user_comments = [line for line in entry.user_comments if not line.startswith("|")]
    if lines:
        entry.previous_id = [denormalize(" ".join(lines).removeprefix("msgid "))]


def faults(english: str, translated: str, in_script: bool = False) -> Iterator[str]:
    """Say what a translation has otherwise than its English, and why a page could not be made of it."""
    yield from messages.problems(english, translated)
    if not in_script and (problem := markup.parses(translated, english)):
        yield problem


def words_in(text: str) -> int:
    """Count a message's English words."""
    return len(messages.WORD.findall(messages.PROTECTED.sub(" ", text)))
