"""The Chinese edition: sentences with slots, pages and scripts with other words in them, and the gate."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from gaplab_editions import catalogues, markup, messages, pages, scripts, setting

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "translations" / "zh"
EDITION = catalogues.Edition.read(FOLDER)
NO_NAMES = re.compile("(?!)")


# Sentences -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "numbers"),
    [
        ("ResNet-50 has 25,557,032 weights.", "ResNet-50 has ⟨1⟩ weights.", ["25,557,032"]),
        ("It saves 2.35 %, P7 says in layer4.", "It saves ⟨1⟩ %, P7 says in layer4.", ["2.35"]),
        ("Of 7 x 7 cells, $C = 512$ and `f(3)`.", "Of ⟨1⟩ x ⟨2⟩ cells, $C = 512$ and `f(3)`.", ["7", "7"]),
        ("Lin 2014, 46.4 ± 6.3 %.", "Lin ⟨1⟩, ⟨2⟩ ± ⟨3⟩ %.", ["2014", "46.4", "6.3"]),
        ("see [chapter 3](03_nin_lineage.html#a-1)", "see [chapter ⟨1⟩](03_nin_lineage.html#a-1)", ["3"]),
        ("{1} of 40", "{1} of ⟨1⟩", ["40"]),
    ],
)
def test_numbers_become_slots(text, message, numbers):
    assert messages.abstract(text) == (message, numbers)
    assert messages.fill(message, numbers) == text


def test_a_date_is_one_slot():
    assert messages.abstract("Changed on 2020-05-21.") == ("Changed on ⟨1⟩.", ["2020-05-21"])


@pytest.mark.parametrize(
    ("slot", "number", "written"),
    [
        ("⟨1⟩", "1,234", "1,234"),
        ("⟨1×100⟩", "5.8", "580"),
        ("⟨1×100⟩", "25", "2500"),
        ("⟨1×100⟩", "61.25", "6125"),
        ("⟨1×1000⟩", "61.25", "61,250"),
        ("⟨1÷100⟩", "100", "1"),
        ("⟨1×10⟩", "4.09", "40.9"),
        ("⟨1÷10000⟩", "25,557,032", "2555.7032"),
        ("⟨1×100⟩ 万", "99.9", "9990 万"),
        ("⟨1×100⟩ 万", "100", "1 亿"),
        ("⟨1×100⟩万", "102.76", "1.0276亿"),
        ("⟨1×100⟩ 万到 ⟨1⟩ 万", "100", "1 亿到 100 万"),
        ("⟨1÷10000⟩ 万", "138,357,544", "1.38357544 亿"),
        ("改动于 ⟨1⟩。", "2020-05-21", "改动于 2020 年 5 月 21 日。"),
        ("有 ⟨1⟩ 种改变", "0", "没有一种改变"),
        ("共有 ⟨1⟩ 个", "0", "共有 0 个"),
        ("三条中 ⟨1⟩ 条成立", "0", "三条中没有一条成立"),
        ("有 ⟨1⟩ 种改变", "10", "有 10 种改变"),
        ("只有 ⟨1⟩ 种", "0", "只有 0 种"),
    ],
)
def test_a_slot_may_count_otherwise(slot, number, written):
    assert messages.fill(slot, [number]) == written


@pytest.mark.parametrize(
    ("english", "chinese", "fault"),
    [
        ("⟨1⟩ of ⟨2⟩ hold", "⟨2⟩ 条中 ⟨1⟩ 条成立", ""),
        ("⟨1⟩ million", "⟨1×100⟩ 万", ""),
        ("ResNet-50 has ⟨1⟩", "ResNet-50 有 ⟨1⟩", ""),
        ("⟨1⟩ of ⟨2⟩ hold", "⟨2⟩ 条", "slots differ: ⟨1⟩"),
        ("⟨1⟩ maps", "第3章的 ⟨1⟩ 张", "typed numbers"),
        ("the $C$ maps", "$D$ 张", "formulas differ"),
        ("call `mean`", "调用 `sum`", "code differ"),
        ("see [this](a.html)", "见[此](b.html)", "links differ"),
        ("a <1>b</1>", "甲 <1>乙", "elements differ"),
        ("{1} px", "{2} 像素", "expressions differ"),
        ("in May ⟨1⟩", "⟨1⟩ 年 5 月", ""),
        ("in May ⟨1⟩", "⟨1⟩ 年 6 月", "typed numbers"),
        ("**a** b", "甲乙", "** stands 0 times"),
        ("*a* and `b`", "`b` 和 *甲", "marks do not match"),
    ],
)
def test_a_translation_keeps_what_its_english_has(english, chinese, fault):
    found = list(catalogues.faults(english, chinese))
    assert (fault in "; ".join(found)) if fault else found == []


def test_a_number_and_what_belongs_to_it_stay_on_a_line(tmp_path):
    said = {"⟨1⟩ % hold": "⟨1⟩ % 成立", "it is ⟨1⟩ ± ⟨2⟩": "是 ⟨1⟩ ± ⟨2⟩"}
    edition = edition_of(tmp_path, PAGE, **said).edition
    assert edition.say("46.4 % hold", "a") == "46.4\N{NO-BREAK SPACE}% 成立"
    assert edition.say("it is 1.5 ± 0.2", "a") == "是 1.5\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.2"
    assert scripts.translate("f(`${n} %`, a % b)", str) == "f(`${n}\N{NO-BREAK SPACE}%`, a % b)"


def test_names_and_code_are_nothing_to_translate():
    for text in ("ResNet-50", "7 x 7 x 512", "`mean`", "$C$", "layer4.2.conv2", "GAP", "46.4 ± 6.3 %"):
        assert not messages.is_words(text, NO_NAMES), text
    for text in ("GAP head", "holds", "Adam"):
        assert messages.is_words(text, NO_NAMES), text
    assert not messages.is_words("Adam", re.compile(r"\bAdam\b"))


# Pages ---------------------------------------------------------------------------------------------------------------


def said(html: str, **words: str) -> tuple[str, list[str]]:
    """Translate a piece of a page by a list, and say what was looked up."""
    met: list[str] = []

    def look(text: str) -> str:
        met.append(text)
        return words.get(text, text)

    soup = BeautifulSoup(html, "html.parser")
    markup.translate(soup, markup.Words(look, look, lambda slug: look))
    return str(soup), met


def test_a_sentence_keeps_its_elements_wherever_they_go():
    made, met = said(
        '<p>The <strong>head</strong> reads <code class="x">mean(3)</code>, says <a href="a.html#b">he</a>.</p>',
        **{"The **head** reads `mean(3)`, says [he](a.html#b).": "[他](a.html#b)说,`mean(3)` 由**头部**来读。"},
    )
    assert made == '<p><a href="a.html#b">他</a>说,<code class="x">mean(3)</code> 由<strong>头部</strong>来读。</p>'
    assert len(met) == 1


def test_signs_of_markdown_in_a_text_stay_what_they_are():
    html = "<p>a * b [0, 1] costs 3$ or `x`, p &lt; 1</p>"
    soup = BeautifulSoup(html, "html.parser")
    markup.translate(soup, markup.Words(lambda text: f"{text}!", str, lambda slug: str))
    assert str(soup) == html.replace("</p>", "!</p>")


def test_what_is_not_to_be_read_is_left_alone():
    html = '<td lang="zh">原话 AvgPool says</td><pre>the code</pre><script>let a = "the words";</script>'
    assert said(html) == (html, [])


def test_labels_alternative_texts_and_parts_of_figures_are_messages():
    _, met = said(
        '<figure><img alt="A cat and a dog" src="a.png"><figcaption><p><span class="caption-number">Fig. 1 </span>'
        '<span class="caption-text">Two animals</span><a class="headerlink" href="#x" title="Link here">#</a></p>'
        '</figcaption></figure><a class="gaplab-verdict" href="#y" title="P7 holds"><span>●</span> P7</a>'
    )
    assert {"A cat and a dog", "Fig. 1", "Two animals", "Link here", "holds"} <= set(met)


def test_what_stood_apart_stays_apart():
    html = (
        '<figcaption><span class="caption-number">Fig. 1 </span><span class="caption-text">Animals</span></figcaption>'
    )
    made, _ = said(html, **{"Fig. 1": "图 1", "Animals": "动物"})
    assert BeautifulSoup(made, "html.parser").get_text() == "图 1 动物"


def test_a_widget_speaks_from_its_state_and_its_module():
    payload = {"bytes": {}, "slug": "w", "state": {"network": "a net", "rows": [{"ask": "How many?", "href": "a b"}]}}
    payload["state"] |= {"name": "1_topic", "verdict": "all"}
    payload["module"] = 'const a = el("div", "gl-muted wide"); say(`${n} cell${n === 1 ? "" : "s"} moved`);'
    made, met = said(
        f'<div data-widget="w"></div><script type="application/json">{json.dumps(payload)}</script>',
        **{"How many?": "多少?", "{1} cell moved": "移动了 {1} 格"},
    )
    held = json.loads(re.search(r'json">(.*?)</script>', made)[1])
    assert held["state"] == {
        "name": "1_topic",
        "network": "a net",
        "rows": [{"ask": "多少?", "href": "a b"}],
        "verdict": "all",
    }
    assert held["module"] == 'const a = el("div", "gl-muted wide"); say(`移动了 ${n} 格`);'
    assert met == ["How many?", "{1} cell moved"]


def test_scripts_are_read_past_comments_patterns_and_nested_templates():
    source = (
        '// It\'s "not a text"\n/* nor `this one` */ const r = /["\'`]/g; a / b / c;\n'
        'f(`It is ${x ? `so ${y} times` : "not so"} today`, "No, keep it", "a-b c-d");'
    )
    met: list[str] = []
    assert scripts.translate(source, lambda text: met.append(text) or text) == source
    assert sorted(met) == ["It is {1} today", "No, keep it", "so {1} times"]
    made = scripts.translate(
        source, lambda text: {"It is {1} today": "今天{1}", "so {1} times": "`{1}` 次"}.get(text, text)
    )
    assert '`今天${x ? `\\`${y}\\` 次` : "not so"}`' in made


def test_a_small_word_that_is_chosen_within_a_sentence_is_read_and_a_class_is_not():
    source = (
        'f(`${n} px ${n > 0 ? "right" : "left"}`, `answer ${ok ? "right" : "wrong"}`, "right");'
        'g("16px sans-serif", `width: ${part}%`, `background-image: url("${at}")`);'
    )
    met: list[str] = []
    scripts.translate(source, lambda text: met.append(text) or text)
    assert met == ["{1} px {2}", "right", "left"]


def test_a_small_word_that_is_an_elements_text_or_label_is_read():
    source = (
        'a.textContent = ok ? "correct" : "wrong"; b.textContent = "input"; c.textContent = `gradient ${n}`;'
        'd.setAttribute("aria-valuetext", words || "centre"); e.textContent = key === "logit" ? f(g) : h("kind");'
        'i.setAttribute("class", ok ? "right" : "wrong"); j.textContent = k;\nl(m ? "shown" : "hidden");'
    )
    met: list[str] = []
    scripts.translate(source, lambda text: met.append(text) or text)
    assert met == ["correct", "wrong", "input", "gradient {1}", "centre"]


def test_the_mark_between_the_parts_of_a_list_is_read():
    source = (
        'say(seen.join(", "), told.join("; "), bytes.join(","), lines.join("\\n")); f(", ", `${n}, ${m}`, `${h}:${s}`);'
    )
    words = {"{1}, {2}": "{1}\N{FULLWIDTH COMMA}{2}", ",": "\N{IDEOGRAPHIC COMMA}", ";": "\N{FULLWIDTH SEMICOLON}"}
    made = scripts.translate(source, lambda text: words[text])
    assert made == (
        'say(seen.join("\N{IDEOGRAPHIC COMMA}"), told.join("\N{FULLWIDTH SEMICOLON}"), bytes.join(","), '
        'lines.join("\\n")); f(", ", `${n}\N{FULLWIDTH COMMA}${m}`, `${h}:${s}`);'
    )


def test_no_blank_is_left_behind_chinese_punctuation():
    source = 'f(`sum of ${n}, ` + `density of ${m}. ` + "and the rest ", `<b>Map: </b><i>Two words </i>`);'
    words = {"sum of {1},": "总和 {1}\N{FULLWIDTH COMMA}", "density of {1}.": "密度 {1}。", "and the rest": "其余"}
    words |= {"Map:": "图\N{FULLWIDTH COLON}", "Two words": "两个词"}
    made = scripts.translate(source, lambda text: words[text])
    assert made == (
        'f(`总和 ${n}\N{FULLWIDTH COMMA}` + `密度 ${m}。` + "其余 ", `<b>图\N{FULLWIDTH COLON}</b><i>两个词 </i>`);'
    )


def test_a_translated_page_links_its_own_first_mentions():
    soup = BeautifulSoup("<h2>头部</h2><p>头部之前是特征图,头部之后是向量(Lin 等人,2014)。</p>", "html.parser")
    terms = {"head": ["头部"], "feature map": ["特征图"]}
    mentions = [
        ("g.html#term-head", "head"),
        ("g.html#term-feature-map", "maps"),
        ("b.html#lin", "Lin and others, 2014"),
    ]
    pages.link_mentions(soup, mentions, terms)
    assert [(link["href"], link.get_text()) for link in soup.find_all("a")] == [
        ("g.html#term-head", "头部"),
        ("g.html#term-feature-map", "特征图"),
        ("b.html#lin", "Lin 等人,2014"),
    ]


def test_a_formula_stays_with_the_signs_beside_it():
    soup = BeautifulSoup(
        '<p>格子（<span class="math">N</span>）里，<span class="math">M</span> %，<span class="math">K</span> 个</p>',
        "html.parser",
    )
    setting.set_chinese(soup)
    assert str(soup) == (
        '<p>格子<span class="gaplab-whole">（<span class="math">N</span>）</span>里，'
        '<span class="gaplab-whole"><span class="math">M</span> %</span>，<span class="math">K</span> 个</p>'
    )


def test_dots_stand_under_chinese_alone():
    soup = BeautifulSoup(
        "<p><em>用 ResNet-50 at 7 x 7 的<code>max</code></em> <em>Mind the Pool</em></p>", "html.parser"
    )
    setting.set_chinese(soup)
    assert str(soup) == (
        '<p><em>用 <span class="gaplab-latin">ResNet-50 at 7 x 7</span> 的<code>max</code></em> '
        '<em><span class="gaplab-latin">Mind the Pool</span></em></p>'
    )


# The gate ------------------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html>
<html lang="en" data-content_root="./"><head><title>One — Book</title></head><body>
<nav><a class="gaplab-language" href="zh/a.html">中文</a></nav>
<article class="bd-article"><section id="one"><h1>One</h1><p>It has 3 heads.</p>
<picture><source srcset="_images/p.svg"><img alt="" src="_images/a.png"></picture>
</section></article></body></html>"""
ABOUT = """language = "zh-CN"
translated = [{}]
names = ["English"]
spoken = []
[terms]
[lines]
switch = "s"
english = "未译"
"""


def edition_of(folder: Path, page: str, translated: str = '"a"', **words: str) -> pages.Maker:
    """Make an edition of one page with a catalogue, in a folder."""
    (folder / "site" / "_static").mkdir(parents=True)
    for script in pages.SCRIPTS:
        (folder / "site" / script).write_text("", encoding="utf-8")
    (folder / "site" / "a.html").write_text(page, encoding="utf-8")
    (folder / "zh").mkdir()
    (folder / "zh" / "edition.toml").write_text(ABOUT.format(translated), encoding="utf-8")
    edition = catalogues.Edition.read(folder / "zh")
    for name, entries in {"site": {"Book": "书"}, "a": {"One": "一", **words}}.items():
        edition.merge(name, {key: key for key in entries})
        for key, text in entries.items():
            edition.catalogues[name].get(key).string = text
        edition.write(name)
    return pages.Maker(catalogues.Edition.read(folder / "zh"), folder / "site", [folder / "site" / "a.html"])


def test_a_number_that_changes_appears_in_chinese_by_itself(tmp_path):
    for at, number in enumerate(("3", "5,000")):
        maker = edition_of(tmp_path / str(at), PAGE.replace("3", number), **{"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个头部。"})
        made = maker.page("a.html", whole=True)
        assert f"<p>它有 {number} 个头部。</p>" in made
        assert list(maker.faults()) == []
        assert '<html lang="zh-CN" data-content_root=".././">' in made
        assert 'src="../_images/a.png"' in made
        assert 'srcset="../_images/p.svg"' in made
        switch = BeautifulSoup(made, "html.parser").find("a", class_="gaplab-language")
        assert (switch["href"], switch["lang"], switch.get_text()) == ("../a.html", "en", "English")


@pytest.mark.parametrize(
    ("english", "words", "fault"),
    [
        ("It has 3 tails.", {"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个头部。"}, "a: new: It has ⟨1⟩ tails."),
        (
            "It has 3 tails.",
            {"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个头部。"},
            "a: stale, the book no longer says: It has ⟨1⟩ heads.",
        ),
        ("It has 3 heads.", {"It has ⟨1⟩ heads.": ""}, "a: not translated: It has ⟨1⟩ heads."),
        ("It has 3 heads.", {"It has ⟨1⟩ heads.": "它有 3 个头部。"}, "a: slots differ"),
        ("It has 3 heads.", {"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个 5 寸的头部。"}, "a: typed numbers"),
    ],
)
def test_the_gate_stops_what_is_not_as_its_english_is(tmp_path, english, words, fault):
    maker = edition_of(tmp_path, PAGE.replace("It has 3 heads.", english), **words)
    maker.page("a.html", whole=True)
    assert any(found.startswith(fault) for found in maker.faults())


def test_a_changed_sentence_is_fuzzy_and_stops_the_build_until_somebody_looked(tmp_path):
    maker = edition_of(tmp_path, PAGE.replace("heads", "good heads"), **{"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个头部。"})
    maker.page("a.html", whole=True)
    maker.edition.merge("a", maker.found["a"])
    assert any(fault.startswith("a: to look at again (fuzzy): It has ⟨1⟩ good heads.") for fault in maker.faults())
    again = catalogues.Edition.read(tmp_path / "zh")
    entry = again.catalogues["a"].get("It has ⟨1⟩ good heads.")
    assert entry.fuzzy
    assert entry.string == "它有 ⟨1⟩ 个头部。"
    written = (tmp_path / "zh" / "a.po").read_text(encoding="utf-8")
    assert '#| msgid "It has ⟨1⟩ heads."' in written
    # Whoever merges once more before somebody looked finds the same.
    again.merge("a", maker.found["a"])
    assert (tmp_path / "zh" / "a.po").read_text(encoding="utf-8") == written


def test_a_long_former_sentence_is_read_as_it_was_written(tmp_path):
    long = " ".join(["It has ⟨1⟩ heads", *(f'and a "tail" of kind {letter}' for letter in "abcdefgh")]) + "."
    maker = edition_of(tmp_path, PAGE, **{long: "长"})
    maker.edition.merge("a", {long.replace("heads", "good heads"): ""})
    (entry,) = [each for each in catalogues.Edition.read(tmp_path / "zh").catalogues["a"] if each.fuzzy]
    assert list(entry.previous_id) == [long]
    assert entry.user_comments == []


def test_files_of_the_interview_are_the_editions_own_once_all_of_it_is_translated(tmp_path):
    link = '<p>It has 3 heads.</p><a href="interview-kit.html">kit</a>'
    for translated, leads in (("", "../../interview/interview-kit.html"), ('"interview/a"', "interview-kit.html")):
        folder = tmp_path / (translated and "whole")
        edition_of(folder, PAGE, translated)
        (folder / "site" / "interview").mkdir()
        page = folder / "site" / "interview" / "a.html"
        page.write_text(PAGE.replace("<p>It has 3 heads.</p>", link), encoding="utf-8")
        maker = pages.Maker(catalogues.Edition.read(folder / "zh"), folder / "site", [page])
        assert f'href="{leads}"' in maker.page("interview/a.html", whole=True)


def test_a_page_that_is_not_listed_stays_english_and_says_so(tmp_path):
    maker = edition_of(tmp_path, PAGE, translated="")
    made = maker.page("a.html", whole=False)
    assert '<article class="bd-article" lang="en">' in made or '<article lang="en" class="bd-article">' in made
    assert '</h1><p class="gaplab-untranslated" lang="zh-CN">未译</p><p>It has 3 heads.</p>' in made
    assert list(maker.faults()) == []


def test_merging_twice_writes_the_same_bytes(tmp_path):
    maker = edition_of(tmp_path, PAGE, **{"It has ⟨1⟩ heads.": "它有 ⟨1⟩ 个头部。"})
    maker.page("a.html", whole=True)
    maker.edition.merge("a", maker.found["a"])
    once = (tmp_path / "zh" / "a.po").read_bytes()
    again = catalogues.Edition.read(tmp_path / "zh")
    again.merge("a", maker.found["a"])
    assert (tmp_path / "zh" / "a.po").read_bytes() == once


# The catalogues ------------------------------------------------------------------------------------------------------


def broken_terms(english: str, chinese: str, terms: dict[str, list[str]]) -> list[str]:
    """Name the fixed terms that a message has in English and not in Chinese."""
    left, broken = messages.PROTECTED.sub(" ", english), []
    for term in sorted(terms, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(term)}s?(?![\w-])"
        if re.search(pattern, left, re.IGNORECASE):
            left = re.sub(pattern, " ", left, flags=re.IGNORECASE)
            if not any(said in chinese for said in terms[term]):
                broken.append(term)
    return broken


def test_terms_can_be_broken():
    terms = {"head": ["头部"], "flattened head": ["展平头部"], "map": ["图"]}
    assert broken_terms("A flattened head and maps", "展平头部和图", terms) == []
    assert broken_terms("The head, ahead of `head`", "脑袋", terms) == ["head"]


@pytest.mark.parametrize("name", sorted(EDITION.catalogues))
def test_catalogues_keep_to_the_fixed_terms_and_to_their_english(name):
    for entry in EDITION.catalogues[name]:
        if entry.id and entry.string:
            assert broken_terms(str(entry.id), str(entry.string), EDITION.terms) == [], entry.string
            assert list(catalogues.faults(str(entry.id), str(entry.string), name.startswith("widgets/"))) == []


HALF_WIDTH = re.compile(r"[\u3400-\u9fff][,:;?!]|[,;?!][\u3400-\u9fff]")
"""A sign of punctuation that is as wide as a Latin one beside a Chinese letter."""


def test_a_half_width_sign_is_seen():
    assert HALF_WIDTH.search("\u6c60,")
    assert HALF_WIDTH.search("GAP,\u6c60")
    assert not HALF_WIDTH.search("\u6c60\uff0cGAP, max")


def test_chinese_has_chinese_punctuation():
    from gaplab import claims

    quoted = {messages.abstract(claim.zh)[0] for claim in claims.claims().values()}
    half = [
        (name, str(entry.string))
        for name, catalogue in EDITION.catalogues.items()
        for entry in catalogue
        if entry.id and HALF_WIDTH.search(messages.PROTECTED.sub(" ", str(entry.string)))
    ]
    # The article's own words stand as it has them.
    assert [(name, text) for name, text in half if messages.abstract(text)[0] not in quoted] == []


SPELLED_DATE = re.compile(r"[一二三四五六七八九十]月|月[一二三四五六七八九十]+日")
"""A month or a day in Chinese numbers: the book writes 2015 年 5 月 21 日."""
WIDE_FORMULA = re.compile(
    r"\N{FULLWIDTH LEFT PARENTHESIS}[^\u3400-\u9fff]*?(?:, | [-+*/=^] )|[\^/][\uff08\uff09]|[\uff08\uff09][\^/]"
)
"""A formula in plain text with brackets as wide as Chinese letters."""


def test_spelled_dates_and_wide_formulas_are_seen():
    assert SPELLED_DATE.search("二月")
    assert SPELLED_DATE.search("2 月三日")
    assert not SPELLED_DATE.search("五个月，2 月 3 日")
    left, right = "\uff08\uff09"
    for formula in (f"{left}N, C{right}", f"{left}I + J{right}", f"{left}x 的平均{right}^p"):
        assert WIDE_FORMULA.search(formula), formula
    assert not WIDE_FORMULA.search(f"池化{left}max{right}和 (N, C)")


def test_dates_are_numbers_and_formulas_are_narrow():
    broken = [
        (name, str(entry.string))
        for name, catalogue in EDITION.catalogues.items()
        for entry in catalogue
        if entry.id
        for pattern in (SPELLED_DATE, WIDE_FORMULA)
        if pattern.search(messages.PROTECTED.sub(" ", str(entry.string)))
    ]
    assert broken == []


def test_every_listed_page_is_one_of_the_book():
    from gaplab import contents

    assert set(EDITION.translated) <= {*contents.pages(ROOT / "book"), "search"}


# Flashcards ----------------------------------------------------------------------------------------------------------


def test_flashcards_follow_when_the_whole_bank_is_translated(tmp_path):
    from gaplab.interview import flashcards, questions
    from gaplab_editions import cards

    one = questions.bank(ROOT / "book")[0][0]
    edition = catalogues.Edition.read(FOLDER)
    edition.catalogues = {}
    missing = cards.write([one], edition, ROOT / "book", tmp_path)
    assert one.ask in missing
    assert list(tmp_path.iterdir()) == []
    keys = {messages.abstract(text)[0]: text for text in missing}
    edition.folder = tmp_path / "zh"
    edition.merge("bank", {key: key for key in keys})
    for key in keys:
        edition.catalogues["bank"].get(key).string = f"译 {key}"
    assert cards.write([one], edition, ROOT / "book", tmp_path) == []
    speaker = cards.Bank(edition)
    line = (tmp_path / flashcards.TABLE).read_text(encoding="utf-8").splitlines()[1]
    assert f"译 {one.ask}" in line
    assert [speaker.around(text) for text in ("He and others, 2016: Deep", "Nobody's")] == [
        "He 等人, 2016: Deep",
        "Nobody's",
    ]
    edition.merge("labels", {"Full answer": "Full answer"})
    edition.catalogues["labels"].get("Full answer").string = "完整回答"
    assert speaker.around("Full answer") == "完整回答"
    english = flashcards.deck([one], ROOT / "book", 0)
    assert (tmp_path / flashcards.DECK).read_bytes() != english
