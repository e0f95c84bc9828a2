"""The harness itself: a page that asks another host or logs an error must fail, and a missing browser must be named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRIALS = """
import pytest
pytestmark = pytest.mark.browser

def test_quiet(page):
    page.set_content("<p>nothing</p>")

def test_asks_another_host(page):
    page.set_content("<img alt='' src='https://example.org/picture.png'>")
    page.wait_for_load_state("networkidle")

def test_fetches_from_another_host(page):
    page.evaluate("fetch('http://example.org/').catch(() => 0)")

def test_logs_an_error(page):
    page.evaluate("console.error('seen')")

def test_throws(page):
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('thrown'); })")

def test_site(site):
    pass
"""


def run_trials(folder: Path, **settings: str) -> str:
    """Run the trials in a folder that has this harness and no built site, and return what pytest printed."""
    tests = folder / "tests" / "browser"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("conftest.py"), tests)
    (tests / "test_trials.py").write_text(TRIALS, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  browser: needs Chromium\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GAPLAB_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", str(tests)],
        cwd=folder, env=environment | settings, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return done.stdout


@pytest.mark.browser
def test_harness_fails_what_it_should(tmp_path: Path) -> None:
    told = run_trials(tmp_path, GAPLAB_CHROMIUM=os.environ.get("GAPLAB_CHROMIUM", ""))
    trials = "tests/browser/test_trials.py::test"
    for name, reason in {
        "asks_another_host": "asked another host: ['https://example.org/picture.png']",
        "fetches_from_another_host": "asked another host: ['http://example.org/']",
        "logs_an_error": "errors in the page: ['console: seen']",
        "throws": "errors in the page: ['page error: thrown']",
        "site": "the site is not built: run `nox -s book` first",
    }.items():
        assert f"ERROR {trials}_{name}" in told, told
        assert reason in told
    assert f"ERROR {trials}_quiet" not in told


def test_without_a_browser_the_browser_tests_are_skipped_with_one_reason(tmp_path: Path) -> None:
    told = run_trials(tmp_path, PATH=str(tmp_path), GAPLAB_NO_SITE="1")
    assert "6 skipped" in told, told
    assert "not run: no Chromium found (install chromium, or set GAPLAB_CHROMIUM to the path of one)" in told


def test_a_wrong_browser_is_one_sentence(tmp_path: Path) -> None:
    told = run_trials(tmp_path, GAPLAB_CHROMIUM=str(tmp_path / "nothing"))
    assert "passed" not in told
    assert "skipped" not in told
