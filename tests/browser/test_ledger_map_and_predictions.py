"""Predictions, the ledger and the map of the network on the built pages, by mouse, touch and keyboard."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from gaplab import claims, counting

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.py"))
ASKING = [path.stem for path in CHAPTERS if "Predictions(" in path.read_text(encoding="utf-8")]
"""Chapters that let the reader predict."""
both_viewports = pytest.mark.parametrize("viewport", ["wide", "narrow"])


def widget(open_page: Any, site: Path, name: str, slug: str, viewport: str = "wide") -> Locator:
    page = open_page(viewport=viewport)
    page.goto((site / name).as_uri())
    found = page.locator(f"[data-widget={slug}]").first
    expect(found).to_have_attribute("data-state", "ready")
    return found


def state(found: Locator) -> dict[str, Any]:
    text = found.locator("xpath=following-sibling::script[@type='application/json'][1]").text_content()
    return dict(json.loads(text or "")["state"])


@pytest.mark.parametrize("chapter", ASKING)
def test_predictions_answer_at_once(open_page: Any, site: Path, chapter: str) -> None:
    found = widget(open_page, site, f"{chapter}.html", "predictions")
    questions = state(found)["questions"]
    groups = found.locator("fieldset")
    expect(groups).to_have_count(len(questions))
    for number, question in enumerate(questions):
        group = groups.nth(number)
        wrong = (question["right"] + 1) % len(question["choices"])
        group.get_by_label(question["choices"][wrong], exact=True).check()
        expect(group.get_by_role("status")).to_contain_text(f"No: {question['choices'][question['right']]}.")
        group.get_by_label(question["choices"][question["right"]], exact=True).check()
        expect(group.get_by_role("status")).to_contain_text(f"Right: {question['choices'][question['right']]}.")
    expect(found.locator(".total")).to_have_text(f"{len(questions)} of {len(questions)} answered right, 0 left.")


def test_predictions_by_keyboard(open_page: Any, site: Path) -> None:
    found = widget(open_page, site, "01_parameter_count.html", "predictions")
    questions = state(found)["questions"]
    found.get_by_role("radio").first.focus()
    found.page.keyboard.press("Space")
    found.page.keyboard.press("ArrowDown")
    chosen = questions[0]["choices"][1]
    expect(found.get_by_label(chosen, exact=True)).to_be_checked()
    expect(found.get_by_role("status").first).to_contain_text(questions[0]["choices"][questions[0]["right"]])
    found.page.keyboard.press("Tab")
    expect(found.get_by_role("link").first).to_be_focused()
    found.page.keyboard.press("Enter")
    assert found.page.url.endswith(f"#{questions[0]['cell']}")


@both_viewports
def test_the_ledger_filters_and_counts(open_page: Any, site: Path, viewport: str) -> None:
    found = widget(open_page, site, "06_verdict.html", "verdict-ledger", viewport)
    verdicts = claims.gather(sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb")))
    shown = found.locator("li:visible")
    expect(shown).to_have_count(len(claims.claims()))
    counts = Counter(entry.verdict for entry in verdicts.values())
    said = ", ".join(f"{name} {counts[name]}" for name in claims.MARKS)
    expect(found.get_by_role("status")).to_have_text(f"{len(verdicts)} claims: {said}.")
    for verdict in claims.MARKS:
        found.get_by_label("Verdict").select_option(verdict)
        for chapter in range(7):
            found.get_by_label("Chapter").select_option(str(chapter))
            wanted = [
                id_ for id_, entry in verdicts.items()
                if entry.verdict == verdict and chapter in (0, claims.claim(id_).chapter)
            ]  # fmt: skip
            assert shown.evaluate_all("(all) => all.map((e) => e.dataset.claim)") == wanted
            first = f"{len(wanted)} of 36 claims" if wanted else "No claim has that verdict"
            expect(found.get_by_role("status")).to_contain_text(first)


def test_a_claim_of_the_ledger_leads_to_its_cell(open_page: Any, site: Path) -> None:
    found = widget(open_page, site, "06_verdict.html", "verdict-ledger")
    row = next(row for row in state(found)["rows"] if row["id"] == "P7")
    found.locator('li[data-claim="P7"] a').click()
    assert found.page.url.endswith(row["href"])
    expect(found.page.locator(f"#{row['href'].partition('#')[2]}")).to_be_in_viewport()


@pytest.mark.parametrize(("folder", "english"), [("", True), ("zh/", False)])
def test_a_claim_stands_in_english_beside_the_articles_words_on_english_pages_alone(
    open_page: Any, site: Path, folder: str, english: bool
) -> None:
    found = widget(open_page, site, f"{folder}06_verdict.html", "verdict-ledger")
    rows = state(found)["rows"]
    assert found.locator(".zh:visible").all_inner_texts() == [row["zh"] for row in rows]
    expect(found.locator(".en:visible")).to_have_count(len(rows) if english else 0)


def test_predictions_and_filters_survive_a_reload_and_the_way_back(page: Page, served_site: str) -> None:
    def ready(name: str) -> None:
        expect(page.locator(f"[data-widget={name}]").first).to_have_attribute("data-state", "ready")

    page.goto(f"{served_site}/01_parameter_count.html")
    ready("predictions")
    radio = page.locator("[data-widget=predictions] [type=radio]").nth(1)
    radio.check()
    page.goto(f"{served_site}/06_verdict.html")
    ready("verdict-ledger")
    page.get_by_label("Verdict").select_option("holds")
    page.get_by_label("Chapter").select_option("2")
    shown = page.locator("[data-widget=verdict-ledger] li:visible")
    held = shown.evaluate_all("(all) => all.map((each) => each.dataset.claim)")
    for again in (page.reload, lambda: (page.goto(f"{served_site}/reference/glossary.html"), page.go_back())):
        again()
        ready("verdict-ledger")
        expect(page.get_by_label("Chapter")).to_have_value("2")
        expect(page.get_by_label("Verdict")).to_have_value("holds")
        assert shown.evaluate_all("(all) => all.map((each) => each.dataset.claim)") == held
    page.goto(f"{served_site}/01_parameter_count.html")
    ready("predictions")
    expect(radio).to_be_checked()
    expect(page.locator("[data-widget=predictions] .said").first).not_to_be_empty()


@both_viewports
def test_the_map_by_keyboard_and_mouse(open_page: Any, site: Path, viewport: str) -> None:
    found = widget(open_page, site, "index.html", "resnet-map", viewport)
    network = counting.on_meta("resnet50")
    macs = counting.macs_by_module(network)
    total = counting.count_parameters(network)
    stages = found.get_by_role("radio")
    names = [stage["name"] for stage in state(found)["stages"]]
    assert sum(stage["parameters"] for stage in state(found)["stages"]) == total
    assert names == ["picture", "conv1", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]
    found.locator("[aria-checked=true]").focus()
    found.page.keyboard.press("Home")
    expect(stages.first).to_be_focused()
    for name in names[1:]:
        found.page.keyboard.press("ArrowRight")
        expect(found.locator("[aria-checked=true]")).to_have_text(name)
        parameters = counting.count_parameters(network.get_submodule(name))
        if name == "conv1":
            parameters += counting.count_parameters(network.bn1)
        expect(found.locator(".parameters")).to_have_text(f"{parameters:,}")
        expect(found.locator(".macs")).to_have_text(f"{macs.get(name, 0):,}")
    found.page.keyboard.press("ArrowRight")
    expect(stages.first).to_be_focused()
    stages.nth(6).click()
    expect(found.locator(".shape")).to_have_text("2,048 × 7 × 7")
    target = found.locator(".question a").get_attribute("href")
    assert target
    found.locator(".question a").click()
    assert found.page.url.endswith(target)
