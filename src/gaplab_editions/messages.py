"""A sentence as a message: its numbers are slots, and what may not change is told from what may.

A message is text with a little Markdown: ``**strong**``, ``*emphasis*``, code in backticks, ``$formulas$`` and
``[links](address)`` mean what they mean there. ``<1>...</1>`` or ``<1/>`` is any other element, ``{1}`` an expression
of a script, and ``⟨1⟩`` the first number of the sentence, which is written anew from every build. Where Chinese counts
in 万 or 亿, ``⟨1×100⟩`` or ``⟨1÷100⟩`` is the number a hundred times larger or smaller.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

KEPT = {
    "code": re.compile(r"`[^`]+`"),
    "formulas": re.compile(r"\$[^$]+\$"),
    "links": re.compile(r"(?<=\])\([^)\s]*\)"),
    "elements": re.compile(r"</?\d+/?>|</?[a-zA-Z][^<>]*>"),
    "expressions": re.compile(r"\{\d+\}"),
}
"""What a translation must hold as often as its English does."""
PROTECTED = re.compile("|".join([*(pattern.pattern for pattern in KEPT.values()), r"\\."]))
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_#/.⟨])(?<![A-Za-z0-9_]-)(\d{4}-\d\d-\d\d|\d+(?:,\d{3})*(?:\.\d+)?)(?![A-Za-z0-9_⟩]|[.,]\d)",
    re.ASCII,
)
"""A number that stands by itself, or a date: not the 50 of ResNet-50."""
DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
SLOT = re.compile(r"⟨(\d+)(?:([×÷])(10+))?⟩")
IN_MYRIADS = re.compile(SLOT.pattern + r"(?:( ?)万(?!亿))?")
"""A slot, and the 万 behind it, ten thousand, of which Chinese writes no more than 9999: 10,000 万 is 1 亿."""
NONE = re.compile(r"(?:(?<![只没共还都各含具所])有|(?<=[中里])) " + SLOT.pattern + r" (?=[种个次条])")
"""How many there are: where there is none, Chinese does not count to zero."""
UNIT = re.compile(r"(?<=[\d}]) (?=%|± [\d$])|(?<=[\d}] ±) (?=[\d$])")
"""The blanks before a sign of per cent and around "±", at which no line breaks."""
MONTH = re.compile(r"(?<!\d)(\d{1,2})(?= 月)")
"""A month, which Chinese writes as a number and English as a word."""
MONTHS = tuple(
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
STRAIGHT = str.maketrans("‘’“”", "''\"\"")
WORD = re.compile(r"[A-Za-z]{2,}")
NAME = re.compile(r"(?<![\w.])(?=[\w.-]*(?:\d|_|[A-Z][\w]*[A-Z]))[A-Za-z][\w.]*(?:-[\w.]+)*")
"""A word with a digit, an underscore or two capitals is a name: ResNet-50, layer4, GAP."""


def abstract(text: str) -> tuple[str, list[str]]:
    """Return a sentence with slots for its numbers, and the numbers.

    Quotation marks become straight ones: Sphinx curves them in prose and nothing does in widgets, which repeat prose.
    """
    text = text.translate(STRAIGHT)
    numbers: list[str] = []

    def slot(found: re.Match[str]) -> str:
        numbers.append(found[1])
        return f"⟨{len(numbers)}⟩"

    pieces, at = [], 0
    for kept in PROTECTED.finditer(text):
        # A number is judged with its neighbours, so that it is looked for in the whole text.
        pieces.append((at, kept.start(), kept[0]))
        at = kept.end()
    pieces.append((at, len(text), ""))
    out = []
    for start, end, kept_text in pieces:
        last = start
        for found in NUMBER.finditer(text, start, end):
            out += [text[last : found.start()], slot(found)]
            last = found.end()
        out += [text[last:end], kept_text]
    return "".join(out), numbers


def fill(text: str, numbers: list[str]) -> str:
    """Write numbers into the slots of a translation."""
    text = NONE.sub(lambda slot: "没有一" if numbers[int(slot[1]) - 1] == "0" else slot[0], text)
    return IN_MYRIADS.sub(lambda slot: _counted(numbers[int(slot[1]) - 1], slot), text)


def _counted(number: str, slot: re.Match[str]) -> str:
    """Write a number into its slot, with 亿 in place of 万 from 10,000 of these on."""
    if date := DATE.fullmatch(number):
        year, month, day = map(int, date.groups())
        return f"{year} 年 {month} 月 {day} 日"
    _, sign, factor, blank = slot.groups()
    zeros = (len(factor) - 1) * (1 if sign == "×" else -1) if factor else 0
    if blank is None:
        return _scaled(number, zeros)
    if Decimal(number.replace(",", "")).scaleb(zeros) < 10_000:
        return f"{_scaled(number, zeros)}{blank}万"
    return f"{_scaled(number, zeros - 4)}{blank}亿"


def _scaled(number: str, zeros: int) -> str:
    """Write a number some powers of ten larger, with the digits that it shows: 5.8 (million), times 100, is 580.

    Zeros at the end of a whole number are not digits that it shows: 100 (million), over 100, is 1. A number of four
    digits has no comma, for before 万 and 亿 it has none in Chinese.
    """
    if not zeros:
        return number
    value = Decimal(number.replace(",", "")).scaleb(zeros)
    if "." not in number:
        value = value.normalize()
    return f"{value:,f}" if value >= 10_000 else f"{value:f}"


def problems(english: str, translated: str) -> Iterator[str]:
    """Say what a translation has otherwise than its English: slots, formulas, code, links, elements, typed numbers."""
    wanted, given = ({slot[1] for slot in SLOT.finditer(text)} for text in (english, translated))
    if wanted != given:
        yield f"slots differ: {', '.join(f'⟨{number}⟩' for number in sorted(wanted ^ given))}"
    months = {str(number) for number, month in enumerate(MONTHS, 1) if month in english}
    plain = MONTH.sub(lambda found: "" if found[1] in months else found[0], SLOT.sub("", translated))
    if typed := abstract(plain)[1]:
        yield f"typed numbers, which belong into slots: {', '.join(typed)}"
    for kind, pattern in KEPT.items():
        one, other = (Counter(SLOT.sub("", found) for found in pattern.findall(text)) for text in (english, translated))
        if different := [*(one - other), *(other - one)]:
            yield f"{kind} differ: {', '.join(different)}"
    for mark in ("**", "[", "]("):
        if english.count(mark) != translated.count(mark):
            yield f"{mark} stands {translated.count(mark)} times, not {english.count(mark)}"


def is_words(text: str, names: re.Pattern[str]) -> bool:
    """Tell whether a text has a word to translate besides code, formulas and names."""
    bare = NAME.sub(" ", PROTECTED.sub(" ", text))
    return bool(WORD.search(names.sub(" ", bare)))


def pseudo(text: str) -> str:
    """Return a translation that is none: every word bears a mark, so that what no catalogue reaches shows."""
    out, at = [], 0
    for kept in PROTECTED.finditer(text):
        out += [WORD.sub(r"\g<0>译", text[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*out, WORD.sub(r"\g<0>译", text[at:])])
