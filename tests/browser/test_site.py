"""The built site, page by page, opened from disk as a reader without a network opens it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from gaplab.shapes import LastMap, Step
from gaplab.widgets import Backbone, HeadCalculator

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]

both_viewports = pytest.mark.parametrize("viewport", ["wide", "narrow"])


def visit(page: Page, site: Path, name: str) -> Page:
    """Open a page of the site from disk and wait until each of its widgets is drawn."""
    page.goto((site / name).as_uri(), wait_until="load")
    expect(page.locator("[data-widget]:not([data-state=ready])")).to_have_count(0)
    return page


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")


@pytest.fixture(scope="module", params=["wide-light", "narrow-dark"])
def visited(request: pytest.FixtureRequest, open_shared_page: Any, site: Path, page_name: str) -> Iterator[Page]:
    """A page that several tests look at.

    It fails on a request to another host and on an error, as any page; here also on a missing local file.
    """
    viewport, theme = request.param.split("-")
    with open_shared_page() as open_one:
        page, missing = open_one(viewport, theme), []
        page.on("requestfailed", lambda asked: missing.append(asked.url))
        yield visit(page, site, page_name)
        page.wait_for_load_state("networkidle")
        assert missing == []


def test_page_is_in_its_theme(visited: Page) -> None:
    wanted = visited.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    assert visited.locator("html").get_attribute("data-theme") == wanted


def test_the_theme_is_chosen_before_anything_is_painted(open_page: Any, served_site: str) -> None:
    """Chosen later, it would be seen to change, and what it draws would move the rest."""
    page = open_page("narrow", "dark")
    page.route(re.compile(r"\.js(\?|$)"), lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(f"{served_site}/coursework/index.html")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_no_drawn_text_is_smaller_than_eleven_pixels(visited: Page) -> None:
    small = visited.locator("article svg text").evaluate_all(
        """(all) => all.filter((e) => e.textContent.trim() && e.getBoundingClientRect().height).map((e) => {
          const { a, b } = e.getScreenCTM();
          return [parseFloat(getComputedStyle(e).fontSize) * Math.hypot(a, b), e.textContent];
        }).filter(([size]) => size < 11)"""
    )
    assert small == []


def test_a_column_that_stays_is_striped_as_its_rows(visited: Page) -> None:
    others = visited.locator(".pst-scrollable-table-container > table > * > tr > :first-child").evaluate_all(
        """(all) => {
          const ground = (element) => getComputedStyle(element).backgroundColor;
          return all.filter((cell) => ground(cell) !== ground(cell.parentElement)).map((cell) => cell.textContent);
        }"""
    )
    assert others == []


def test_the_sign_behind_a_heading_takes_no_line_of_its_own(visited: Page) -> None:
    alone = visited.locator("article :is(h1, h2, h3, h4) > .headerlink").evaluate_all(
        """(all) => all.filter((sign) => {
          const words = new Range();
          words.setStart(sign.parentElement, 0);
          words.setEndBefore(sign);
          const below = sign.getBoundingClientRect().top >= words.getBoundingClientRect().bottom - 4;
          return below && sign.getClientRects().length;
        }).map((sign) => sign.parentElement.textContent)"""
    )
    assert alone == []


def test_a_chapter_has_fewer_than_five_thousand_nodes(visited: Page, page_name: str) -> None:
    """Counted with its widgets drawn; the interview's pages fold hundreds of answers and are allowed more."""
    nodes = visited.evaluate("document.querySelectorAll('*').length")
    assert nodes < 5000 or not re.match(r"(zh/)?0\d_", page_name), nodes


def test_page_fits_its_screen(visited: Page) -> None:
    too_wide = visited.evaluate(
        """() => {
          if (document.documentElement.scrollWidth <= innerWidth) return [];
          const all = [...document.body.querySelectorAll("*")];
          const out = all.filter((e) => e.getBoundingClientRect().right > innerWidth);
          return out.slice(0, 5).map((e) => e.outerHTML.slice(0, 120));
        }"""
    )
    assert too_wide == []
    assert visited.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = visited.locator("div.math").evaluate_all(
        """(all) => all.filter((e) => {
          const [box, sign] = [e, e.querySelector(".katex-html")].map((each) => each.getBoundingClientRect());
          return sign.left < box.left - 1 || sign.right - box.left > e.scrollWidth + 1
            || sign.width + 4 < e.querySelector(".katex-html").scrollWidth;
        }).map((e) => e.textContent)"""
    )
    assert cut == [], "a part of a formula lies where scrolling cannot reach"
    assert visited.locator(".gaplab-widget").evaluate_all("(all) => all.every((w) => w.scrollWidth <= w.clientWidth)")


def test_axe_finds_nothing_at_all(visited: Page, page_name: str) -> None:
    # The kit's questions are those of the topics' pages, and are judged there, unfolded.
    if not page_name.endswith("interview-kit.html"):
        unfold(visited)
    # What is folded out fades in, and axe must not judge the colours half-way.
    visited.evaluate("Promise.all(document.getAnimations().map((each) => each.finished.catch(() => 0)))")
    # Without "preload", axe would fetch the style sheets once more, which no browser allows from disk.
    results = Axe().run(visited, options={"resultTypes": ["violations"], "preload": False})
    assert results.response["violations"] == [], "\n".join(
        f"{fault['id']}: {node['target']} {node['html'][:200]}"
        for fault in results.response["violations"]
        for node in fault["nodes"]
    )


def test_the_keyboard_reaches_a_table_that_was_folded(open_page: Any, site: Path) -> None:
    page = visit(open_page("narrow", "light"), site, "03_nin_lineage.html")
    page.wait_for_timeout(1000)  # the theme judges what scrolls once more when the page has been still for 300 ms
    fold = page.locator("details:has(table.gaplab-table)").first
    fold.locator("summary").first.click()
    expect(fold.locator("xpath=ancestor::div[contains(@class, 'output')][1]")).to_have_attribute("tabindex", "0")


def test_equations_are_typeset(visited: Page) -> None:
    raw = visited.evaluate(
        """() => [...document.querySelectorAll("span.math, div.math")]
          .filter((e) => !e.querySelector(".katex, mjx-container") || e.querySelector(".katex-error, mjx-merror"))
          .map((e) => e.textContent)"""
    )
    assert raw == []
    left = visited.evaluate(
        r"""() => {
          const text = document.querySelector("main").cloneNode(true);
          text.querySelectorAll("pre, code, script, style, .math").forEach((e) => e.remove());
          return text.textContent.match(/\\[(\[]|\$\$|\\(frac|sum|times|cdot|text|lceil)\b/g) ?? [];
        }"""
    )
    assert left == []
    if visited.locator(".katex").count():
        # A font loads when a letter of it is first seen, so not before its answer is unfolded.
        unfold(visited)
        visited.evaluate("document.fonts.ready")
        faces = "[...document.fonts].filter((f) => f.family.startsWith('KaTeX') && f.status === 'loaded').length"
        assert visited.evaluate(faces) > 0


def test_some_page_has_equations_and_some_has_a_widget(site: Path) -> None:
    """Else the tests above would have looked at nothing."""
    pages = [page.read_text(encoding="utf-8") for page in site.glob("*.html")]
    assert any('class="math' in page and 'class="katex' in page for page in pages)
    assert any("data-widget=" in page for page in pages)


@both_viewports
def test_search_works_from_disk(open_page: Any, site: Path, viewport: str) -> None:
    page = visit(open_page(viewport=viewport), site, "index.html")
    page.keyboard.press("Control+k")
    page.locator("dialog[open] input[type=search], .search-button__wrapper.show input[type=search]").fill("pooling")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=pooling*")
    expect(page.locator("#search-results")).to_contain_text("Search finished")
    results = page.locator("#search-results li a")
    assert results.count() > 0
    results.first.click()
    page.wait_for_load_state()
    assert "pooling" in page.locator("main").inner_text().lower()


@pytest.mark.parametrize(
    ("query", "best", "quoted"),
    [
        ("梯度", "05_average_vs_max_gradients.html", "梯度"),
        ("参数", "01_parameter_count.html", "参数"),
        ("2.35", "01_parameter_count.html", "2.35"),
        ("why resnet average pooling", "06_verdict.html", ""),
    ],
)
def test_search_finds_and_quotes(open_page: Any, site: Path, query: str, best: str, quoted: str) -> None:
    page = open_page(viewport="narrow")
    page.goto(f"{(site / 'search.html').as_uri()}?q={query}")
    first = page.locator("#search-results li").first
    assert (first.locator("a").get_attribute("href") or "").startswith(best)
    expect(first.locator("p")).to_contain_text(quoted)
    assert len(first.locator("p").inner_text()) > 80


FRONT_AND_CHAPTERS = ["index", *sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.py"))]
OTHERS = ["interview/neighbourhood", *(f"reference/{name}" for name in ("measuring", "cards", "bibliography"))]


@pytest.mark.parametrize("name", [*FRONT_AND_CHAPTERS, *OTHERS])
def test_page_fits_the_smallest_screen(page: Page, site: Path, name: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    visit(page, site, f"{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", FRONT_AND_CHAPTERS)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_answer_stands_on_a_phones_first_screen(open_page: Any, site: Path, name: str, scripts: bool) -> None:
    page = open_page(viewport="narrow", javascript=scripts)
    page.goto((site / f"{name}.html").as_uri())
    box = page.locator(".gaplab-first").bounding_box()
    assert box
    assert box["y"] + box["height"] <= 844
    assert page.locator(".gaplab-first a").count() >= 2


@pytest.mark.parametrize(("viewport", "shown"), [("narrow", False), ("wide", True)])
def test_one_switch_folds_a_chapters_code(open_page: Any, served_site: str, viewport: str, shown: bool) -> None:
    """On a phone it is folded at first, on a wide screen shown; the choice holds for other chapters, and reloads."""
    page = open_page(viewport=viewport)
    page.goto(f"{served_site}/01_parameter_count.html")
    code, button = page.locator("div.cell_input").first, page.get_by_role("button", name="Show code")
    expect(code).to_be_visible(visible=shown)
    expect(button).to_have_attribute("aria-pressed", str(shown).lower())
    button.click()
    expect(code).to_be_visible(visible=not shown)
    for name in ("01_parameter_count", "02_translation_invariance"):
        page.goto(f"{served_site}/{name}.html")
        expect(code).to_be_visible(visible=not shown)
        expect(button).to_have_attribute("aria-pressed", str(not shown).lower())


def test_code_is_there_without_scripts(open_page: Any, site: Path) -> None:
    page = open_page(viewport="narrow", javascript=False)
    page.goto((site / "01_parameter_count.html").as_uri())
    expect(page.locator("div.cell_input").first).to_be_visible()


def test_what_stands_at_the_top_stays_when_code_unfolds(open_page: Any, site: Path) -> None:
    page = visit(open_page(viewport="narrow"), site, "01_parameter_count.html")
    page.add_style_tag(content="html { overflow-anchor: none; }")  # as in browsers that hold nothing by themselves
    heading = page.locator("#verdicts > h2, #verdicts h2").first
    heading.evaluate("(each) => scrollTo(0, each.getBoundingClientRect().top + scrollY - 100)")
    before = heading.bounding_box()
    # Playwright's own click scrolls the page first, though the bar with the button is always in view.
    page.get_by_role("button", name="Show code").evaluate("(each) => each.click()")
    after = heading.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2


def test_a_wide_table_keeps_its_caption_and_the_names_of_its_rows(open_page: Any, site: Path) -> None:
    page = visit(open_page(viewport="narrow"), site, "01_parameter_count.html")
    table = page.locator("table.gaplab-table").first
    moved = table.evaluate(
        """(table) => {
          const box = table.closest(".output");
          box.scrollLeft = 200;
          const edges = box.getBoundingClientRect();
          const inside = (part) => {
            const { left, right } = part.getBoundingClientRect();
            return left >= edges.left - 1 && right <= edges.right + 1;
          };
          const [name, number] = table.tBodies[0].rows[0].cells;
          return { by: box.scrollLeft, caption: inside(table.caption), name: inside(name), number: inside(number) };
        }"""
    )
    assert moved == {"by": 200, "caption": True, "name": True, "number": False}


@pytest.mark.parametrize("name", FRONT_AND_CHAPTERS)
def test_printed_lines_fit_a_phone(open_page: Any, site: Path, name: str) -> None:
    page = visit(open_page(viewport="narrow"), site, f"{name}.html")
    wide = page.locator(".cell_output pre").evaluate_all(
        "(all) => all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)"
    )
    assert wide == []


def test_say_it_aloud_prints_a_page_a_chapter(page: Page, site: Path) -> None:
    visit(page, site, "interview/say_aloud.html")
    printed = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == page.locator("#say-it-aloud > section").count()


def test_published_site_is_kept_after_one_visit(browser: Browser, served_site: str) -> None:
    """It says so; then the network goes away, and every kind of page opens without it."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{served_site}/index.html")
    expect(page.locator(".gaplab-kept")).to_have_text(re.compile(r"^Saved on this device.*\(\d+\.\d MB\)\.$"))
    context.set_offline(True)
    for name in ("", "02_translation_invariance.html", "interview/mock.html"):
        page.goto(f"{served_site}/{name}")
        assert page.locator(".headerlink").first.evaluate("(each) => getComputedStyle(each).visibility") == "hidden"
    page.goto(f"{served_site}/search.html?q=2.35")
    expect(page.locator("#search-results li").first).to_be_visible()
    context.close()


# The head calculator on the page of chapter 1 -------------------------------------------------------------------------


@pytest.fixture
def calculator(open_page: Any, site: Path, request: pytest.FixtureRequest) -> Locator:
    """The head calculator, on a page of the viewport that the test asks for."""
    viewport = request.getfixturevalue("viewport") if "viewport" in request.fixturenames else "wide"
    page = visit(open_page(viewport=viewport), site, "01_parameter_count.html")
    return page.locator("[data-widget=head-calculator]").first


def rows_of(calculator: Locator) -> list[Backbone]:
    """The rows that the chapter measured, read from the page."""
    text = calculator.locator("xpath=following-sibling::script[@type='application/json'][1]").text_content()
    rows = json.loads(text or "")["state"]["rows"]
    maps = [LastMap(row["channels"], tuple(Step(*step) for step in row["path"])) for row in rows]
    return [
        Backbone(row["name"], last_map, row["backbone_parameters"], row["head_parameters"])
        for row, last_map in zip(rows, maps, strict=True)
    ]


def cells(calculator: Locator, quantity: str) -> list[str]:
    return calculator.locator(f'[data-quantity="{quantity}"] td').all_text_contents()


def check(calculator: Locator, network: str, size: int, classes: int) -> None:
    """Compare what is shown with Python's arithmetic."""
    rows = rows_of(calculator)
    row = next(row for row in rows if row.name == network)
    expect(calculator.locator(".result")).to_have_text(HeadCalculator(rows, network, size, classes).describe())
    channels = row.last_map.channels
    flattened = row.last_map.side(size) ** 2 * channels
    assert cells(calculator, "inputs") == [f"{flattened:,}", f"{channels:,}"]
    assert cells(calculator, "weights") == [f"{flattened * classes:,}", f"{channels * classes:,}"]
    assert cells(calculator, "parameters") == [f"{(n + 1) * classes:,}" for n in (flattened, channels)]
    assert cells(calculator, "multiplyAdds") == cells(calculator, "weights")
    expect(calculator.get_by_role("alert")).to_be_empty()


@both_viewports
def test_calculator_first_state(calculator: Locator, viewport: str) -> None:
    check(calculator, "ResNet-50", 224, 1000)
    assert cells(calculator, "weights") == ["100,352,000", "2,048,000"]


@both_viewports
def test_calculator_by_keyboard_alone(calculator: Locator, viewport: str) -> None:
    page = calculator.page
    calculator.get_by_label("Backbone").focus()
    page.keyboard.type("VGG-16")
    check(calculator, "VGG-16", 224, 1000)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    check(calculator, "VGG-16", 225, 1000)
    page.keyboard.press("End")
    check(calculator, "VGG-16", 640, 1000)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("300")
    check(calculator, "VGG-16", 300, 1000)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    check(calculator, "VGG-16", 300, 2000)
    page.keyboard.press("Home")
    check(calculator, "VGG-16", 300, 2)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("365")
    check(calculator, "VGG-16", 300, 365)


@both_viewports
def test_calculator_by_mouse(calculator: Locator, viewport: str) -> None:
    page = calculator.page
    slider = calculator.get_by_role("slider", name="Input size")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    size = int(slider.input_value())
    assert 450 < size < 600
    check(calculator, "ResNet-50", size, 1000)


@both_viewports
def test_calculator_keeps_the_last_good_state(calculator: Locator, viewport: str) -> None:
    classes = calculator.get_by_role("spinbutton", name="Number of classes")
    classes.fill("0")
    expect(calculator.get_by_role("alert")).to_contain_text("The number of classes is 0: choose a whole number from 2")
    assert cells(calculator, "weights") == ["100,352,000", "2,048,000"]
    classes.fill("10")
    check(calculator, "ResNet-50", 224, 10)


def test_calculator_offers_every_row(calculator: Locator) -> None:
    rows = rows_of(calculator)
    for row in rows:
        calculator.get_by_label("Backbone").select_option(row.name)
        check(calculator, row.name, 224, 1000)
    assert {"AlexNet", "VGG-16", "ResNet-18", "ResNet-50", "ResNet-152"} <= {row.name for row in rows}


EXPERIMENTS = [
    ("01_parameter_count", "narrow", "Size"),
    ("02_translation_invariance", "wide", "Move it"),
    ("03_nin_lineage", "wide", "Votes"),
    ("04_variable_input_size", "wide", "Size"),
    ("05_average_vs_max_gradients", "narrow", "Pool and gradients"),
]


@pytest.mark.parametrize(("chapter", "viewport", "title"), EXPERIMENTS)
def test_a_chapters_experiment_opens_in_its_place(
    open_page: Any, site: Path, chapter: str, viewport: str, title: str
) -> None:
    """From the disk: the laboratory's widget alone, of its own height, in a chapter that still fits."""
    page = visit(open_page(viewport=viewport), site, f"{chapter}.html")
    assert page.locator("iframe").count() == 0
    button = page.get_by_role("button", name="Open the experiment here")
    button.focus()
    page.keyboard.press("Enter")
    inside = page.frame_locator(".gaplab-live iframe")
    expect(inside.locator(".laboratory .result")).not_to_be_empty()
    expect(inside.locator(".laboratory .problem")).to_have_text("")
    expect(inside.get_by_role("region", name=title, exact=True)).to_be_visible()
    expect(inside.locator("article h1")).to_be_hidden()
    frame = page.frames[1]
    frame.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("iframe").get_attribute("title")
    page.get_by_role("button", name="Close the experiment").click()
    expect(page.locator("iframe")).to_have_count(0)


def test_a_page_without_an_experiment_loads_no_script_for_one(site: Path) -> None:
    loading = [page.name for page in site.glob("*.html") if "live.js" in page.read_text(encoding="utf-8")]
    assert {"02_translation_invariance.html", "laboratory.html"} <= set(loading)
    assert "06_verdict.html" not in loading
