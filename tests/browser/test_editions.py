"""The Chinese edition as its readers meet it: the way there and back, the search, and no word that is out of reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gaplab_editions import UNTRANSLATED, alternates, built_pages, markup, pages
from gaplab_editions.catalogues import Edition

pytestmark = pytest.mark.browser

CATALOGUES = Path(__file__).parents[2] / "translations" / "zh"
WORDS = """() => {
  const unread = "script, style, pre, code, noscript, .math, .gaplab-mention, .gaplab-language, [lang=zh], [lang=en]";
  const said = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    // An emphasised text is in parts, so that dots stand under Chinese alone.
    const whole = parent.matches(".gaplab-latin") ? parent.closest("em") : walk.currentNode;
    if (!parent.closest(unread)) said.push(whole.textContent.trim());
  }
  for (const name of ["alt", "aria-label", "aria-valuetext", "placeholder", "title"]) {
    for (const one of document.querySelectorAll(`[${name}]:not(${unread})`)) said.push(one.getAttribute(name));
  }
  return said;
}"""
NOT_OURS = re.compile(r"Copy|Copied|(?:max|flatten)$")
"""Words of the theme's scripts, which they say in the page's language by themselves, and heads as code calls them."""


@pytest.fixture(scope="module")
def marked(site: Path) -> pages.Maker:
    """The edition with a mark on every word in place of a translation."""
    maker = pages.Maker(Edition.read(CATALOGUES), site, built_pages(site))
    maker.say = pages.pseudo()
    return maker


@pytest.mark.parametrize(
    "name",
    [
        "index",
        "01_parameter_count",
        pytest.param("02_translation_invariance", marks=pytest.mark.thorough),
        "03_nin_lineage",
        pytest.param("04_variable_input_size", marks=pytest.mark.thorough),
        pytest.param("05_average_vs_max_gradients", marks=pytest.mark.thorough),
        "06_verdict",
        "interview/mock",
        "laboratory",
        pytest.param("interview/parameter_count", marks=pytest.mark.thorough),
        "search",
    ],
)
def test_no_word_is_out_of_reach_of_the_catalogues(
    page: Page, served_site: str, marked: pages.Maker, name: str
) -> None:
    """After its scripts have run, a page says nothing without the mark but names, code and what repeats headings."""
    address = f"{served_site}/zh/{name}.html"
    body = marked.page(f"{name}.html", whole=True)
    page.route(address, lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.goto(address)
    expect(page.locator("[data-widget]:not([data-state=ready])")).to_have_count(0)
    edition = marked.edition
    # A heading that is repeated beside the page is translated with it, and without a mark where it is not yet.
    repeated = set(
        page.evaluate(
            "(where) => where.flatMap((one) => [...document.querySelectorAll(one)])"
            ".flatMap((part) => [part, ...part.querySelectorAll('*')]).map((part) => part.textContent.trim())",
            pages.HEADINGS.split(", "),
        )
    )
    left = {
        text
        for text in page.evaluate(WORDS)
        if edition.is_words(markup.escaped(text)) and "译" not in text and text not in repeated
    }
    assert {text for text in left if not NOT_OURS.match(text)} == set()


def test_the_switch_leads_to_the_same_place_and_is_remembered(open_page: Any, served_site: str) -> None:
    page = open_page(viewport="narrow")
    page.goto(f"{served_site}/01_parameter_count.html#predict")
    place = page.evaluate("scrollY")
    # A click of Playwright's would scroll first: to it the page's head, which stays at the top, is out of view.
    page.locator("a.gaplab-language").dispatch_event("click")
    page.wait_for_url("**/zh/01_parameter_count.html#predict")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert page.evaluate("scrollY") > place / 2
    page.goto(f"{served_site}/index.html")
    page.wait_for_url("**/zh/index.html")
    page.locator("a.gaplab-language").click()
    page.wait_for_url(f"{served_site}/index.html*")
    page.goto(f"{served_site}/")
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(
    "place",
    ["interview/gradients.html#q-grad-05", "03_nin_lineage.html#the-family-tree", "reference/glossary.html#term-GAP"],
)
def test_the_switch_knows_questions_terms_and_sections(open_page: Any, served_site: str, place: str) -> None:
    page = open_page()
    page.goto(f"{served_site}/{place}")
    page.wait_for_function("scrollY > 0")
    page.locator("a.gaplab-language").dispatch_event("click")
    page.wait_for_url(f"**/zh/{place}")


def test_search_engines_are_told_of_editions_where_an_address_is_set(site: Path) -> None:
    """They want whole addresses, and take a page with others for faulty."""
    tags = alternates("https://example.org/book/", "reference/cards.html")
    told = dict(re.findall(r'hreflang="([^"]*)" href="([^"]*)"', tags))
    english = "https://example.org/book/reference/cards.html"
    chinese = "https://example.org/book/zh/reference/cards.html"
    assert told == {"en": english, "zh-CN": chinese, "x-default": english}
    assert not re.search(r"<link\b[^>]*\bhreflang=", (site / "reference" / "cards.html").read_text(encoding="utf-8"))


def test_chinese_is_searched_in_the_chinese_pages(page: Page, site: Path) -> None:
    page.goto(f"{(site / 'zh' / 'search.html').as_uri()}?q=平均池化")
    first = page.locator("#search-results li").first
    expect(first).to_contain_text("平均池化")
    expect(page.locator("#search-results [role=status]")).to_contain_text("搜索完毕")
    first.locator("a").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_a_page_that_is_not_translated_says_so(page: Page, site: Path) -> None:
    page.goto((site / "zh" / "reference" / "cards.html").as_uri())
    line = page.locator(f".{UNTRANSLATED}")
    assert line.count() == ("reference/cards" not in Edition.read(CATALOGUES).translated)
    assert page.locator("article").get_attribute("lang") == "en" or not line.count()


LINE_STARTS = """() => {
  const said = [];
  const range = document.createRange();
  for (const fold of document.querySelectorAll("article details")) fold.open = true;
  for (const formula of document.querySelectorAll("article span.math")) {
    const sign = formula.nextSibling;
    if (sign?.nodeType !== Node.TEXT_NODE || !/^[。，、；：？！）”%]/.test(sign.data)) continue;
    range.setStart(sign, 0);
    range.setEnd(sign, 1);
    const there = range.getBoundingClientRect();
    const before = [...formula.querySelectorAll(".base")].at(-1).getBoundingClientRect();
    if (there.width) said.push(there.left < before.right - 1);
  }
  return said;
}"""


def test_no_line_begins_with_the_sign_behind_a_formula(open_page: Any, site: Path) -> None:
    page = open_page(viewport="narrow")
    page.goto((site / "zh" / "interview" / "gradients.html").as_uri())
    for width in (330, 350, 370, 390):
        page.set_viewport_size({"width": width, "height": 844})
        begins = page.evaluate(LINE_STARTS)
        assert len(begins) > 20
        assert not any(begins)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_laboratory_names_garments_pools_and_photographs_in_chinese(page: Page, site: Path) -> None:
    def options(name: str) -> list[str]:
        return page.locator(f"[name={name}] option").all_text_contents()

    page.goto((site / "zh" / "laboratory.html").as_uri() + "#lab&experiment=votes&picture=Ankle boot")
    expect(page.locator(".laboratory .result")).to_contain_text("短靴：")
    assert "T 恤" in options("picture")
    assert len([name for name in options("label") if not re.search("[A-Z][a-z]", name)]) == 11
    expect(page.locator(".best li").first).to_contain_text("短靴")
    expect(page.locator(".pools label").nth(1)).to_have_text("最大")
    page.get_by_role("radio", name="照片").check()
    expect(page.locator("[name=picture]")).to_contain_text("宇航员")
    assert "猫 chelsea" in options("picture")


def test_emphasis_in_chinese_is_dots_and_not_slant(page: Page, site: Path) -> None:
    page.goto((site / "zh" / "index.html").as_uri())
    # The rule is that of the language, whatever is translated so far.
    page.locator("article").evaluate("(each) => { each.lang = 'zh-CN'; }")
    style = page.locator("article em").first.evaluate(
        "(each) => [getComputedStyle(each).fontStyle, getComputedStyle(each).textEmphasisStyle]"
    )
    assert style == ["normal", "dot"]
