"""The harness itself: a page that asks another host or logs an error must fail, and a missing browser must be named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import conftest
import pytest

TRIALS = """
import pytest
from conftest import in_both_browsers
pytestmark = pytest.mark.browser

def test_quiet(page):
    page.set_content("<p>nothing</p>")

@in_both_browsers
def test_asks_another_host(page):
    page.set_content("<img alt='' src='https://example.org/picture.png'>")
    page.wait_for_load_state("networkidle")

@in_both_browsers
def test_fetches_from_another_host(page):
    page.evaluate("fetch('http://example.org/').catch(() => 0)")

@in_both_browsers
def test_logs_an_error(page):
    page.evaluate("console.error('seen')")

@in_both_browsers
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
    for name in ("conftest.py", "firefox.py"):
        shutil.copy(Path(__file__).with_name(name), tests)
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
    paths = {name: os.environ.get(name, "") for name in ("GAPLAB_CHROMIUM", "GAPLAB_FIREFOX")}
    told = run_trials(tmp_path, **paths)
    trials = "tests/browser/test_trials.py::test"
    browsers = ["chromium", "firefox"] if conftest.firefox() else ["chromium"]
    for name, reason in {
        "asks_another_host": "asked another host: ['https://example.org/picture.png']",
        "fetches_from_another_host": "asked another host: ['http://example.org/']",
        "logs_an_error": "errors in the page: ['console: seen']",
        "throws": "errors in the page: ['page error: thrown']",
        "site": "the site is not built: run `nox -s book` first",
    }.items():
        for id_ in [""] if name == "site" else [f"[{browser}]" for browser in browsers]:
            assert f"ERROR {trials}_{name}{id_}" in told, told  # and a reason, where a narrow terminal has room
        assert reason in told
    assert f"ERROR {trials}_quiet" not in told


def test_without_a_browser_the_browser_tests_are_skipped_with_one_reason(tmp_path: Path) -> None:
    told = run_trials(tmp_path, PATH=str(tmp_path), GAPLAB_NO_SITE="1")
    assert "10 skipped" in told, told
    for name in ("Chromium", "Firefox"):
        hint = f"install {name.lower()}, or set GAPLAB_{name.upper()} to the path of one"
        assert f"not run: no {name} found ({hint})" in told


def test_a_wrong_browser_is_one_sentence(tmp_path: Path) -> None:
    told = run_trials(tmp_path, GAPLAB_CHROMIUM=str(tmp_path / "nothing"))
    assert "passed" not in told
    assert "skipped" not in told
