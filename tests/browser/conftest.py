"""Real browsers with the network shut, Chromium and for some tests Firefox: they look at pages as a reader does."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, ProxySettings, Request, WebSocket, expect, sync_playwright

from gaplab import live
from gaplab.live import exporting
from gaplab.widgets import Laboratory
from gaplab.widgets.base import PageWidget

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
VIEWPORTS = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
PATIENCE = 60_000
"""Milliseconds for which a test waits until a page is as it should be; on a busy machine that may take long."""
QUICK = ("index.html", "02_translation_invariance.html", "laboratory.html", "search.html", "interview/mock.html")
"""Pages of the Chinese edition that every run looks at."""
LOCAL_HOSTS = ("127.0.0.1", "localhost")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that sees a moving pattern
    # What asks another host finds none, and is noted below.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def chromium() -> str | None:
    """Return the path of a Chromium: ``GAPLAB_CHROMIUM``, else the first one on the search path."""
    return _program("GAPLAB_CHROMIUM", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def firefox() -> str | None:
    """Return the path of a Firefox: ``GAPLAB_FIREFOX``, else the first one on the search path.

    What stands before it (``firefox.py``) is started by a shell, so on Windows there is none.
    """
    return None if os.name == "nt" else _program("GAPLAB_FIREFOX", "firefox-esr", "firefox")


def _program(variable: str, *names: str) -> str | None:
    wanted = os.environ.get(variable)
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise pytest.UsageError(f"{variable} is {wanted!r}, which is no program: set it to a browser.")
        return found
    return next(filter(None, map(shutil.which, names)), None)


BROWSERS = {"with_chromium": ("Chromium", chromium), "with_firefox": ("Firefox", firefox)}
in_both_browsers = pytest.mark.parametrize(
    "browser", [pytest.param(fixture, id=name.lower()) for fixture, (name, _) in BROWSERS.items()], indirect=True
)
"""Marks a test that runs in Firefox too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = {fixture: name for fixture, (name, find) in BROWSERS.items() if not find()}
    for item in items:
        used = item.callspec.params.get("browser", "with_chromium") if hasattr(item, "callspec") else "with_chromium"
        used = "with_chromium" if used == "with_page_cache" else used
        if item.get_closest_marker("browser") and used in missing:
            name = missing[used]
            hint = f"install {name.lower()}, or set GAPLAB_{name.upper()} to the path of one"
            item.add_marker(pytest.mark.skip(reason=f"not run: no {name} found ({hint})"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``page_name`` on every page of the site; on a site not built, once, and it fails."""
    if "page_name" in metafunc.fixturenames:
        pages = (path.relative_to(SITE) for path in SITE.rglob("*.html"))
        # Folders with an underscore hold the theme's parts, not pages.
        names = sorted(page.as_posix() for page in pages if not page.parts[0].startswith("_"))
        # The scope lets the tests that share a visit follow one another.
        metafunc.parametrize("page_name", [*map(_by_turns, names)] or ["no page"], scope="module")


def _by_turns(name: str) -> Any:
    """Leave pages of the Chinese edition to thorough runs, but for one of each kind: they are built as the English."""
    edition, _, page = name.partition("/")
    return pytest.param(name, marks=pytest.mark.thorough) if edition == "zh" and page not in QUICK else name


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site."""
    if not (SITE / "index.html").exists():
        reason = "the site is not built: run `nox -s book` first, or set GAPLAB_NO_SITE=1 to leave these tests out"
        if os.environ.get("GAPLAB_NO_SITE"):
            pytest.skip(reason)
        pytest.fail(reason)
    return SITE


class Silent(SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="session")
def served_site(site: Path) -> Iterator[str]:
    """The address of the built site on a server of this machine, for tests of what a browser keeps.

    Now and then, mostly on a busy machine, Chromium gives a page that is loaded again from disk a storage of its own:
    it is empty and forgotten with the page, and what was kept before is there again at the browser's next start.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def with_chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def with_page_cache(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium that keeps a page as it was left and shows it again on the way back, as readers' browsers do."""
    no_cache = ["--disable-back-forward-cache"]  # Playwright's own option
    browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS, ignore_default_args=no_cache)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def with_firefox(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    start = tmp_path_factory.mktemp("firefox") / "start"
    relay = Path(__file__).with_name("firefox.py")
    command = shlex.join([sys.executable, str(relay), str(firefox())])
    start.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    start.chmod(0o755)
    # What asks another host is sent to a port at which nobody listens.
    shut = ProxySettings(server="http://127.0.0.1:9", bypass=",".join(LOCAL_HOSTS))
    camera = {"media.navigator.streams.fake": True, "media.navigator.permission.disabled": True}
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=start, proxy=shut, firefox_user_prefs=camera
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Browser:
    """Chromium, and where a test is marked `in_both_browsers` each of them in turn."""
    return request.getfixturevalue(getattr(request, "param", "with_chromium"))


OpenPage = Callable[..., Page]


@contextmanager
def watching(browser: Browser) -> Iterator[OpenPage]:
    """Open pages in contexts of their own; at the end none may have asked another host or logged an error.

    The function takes ``viewport`` ("wide" or "narrow"), ``theme`` ("light" or "dark"), ``javascript`` and
    ``strict``: whether errors on the console count, which they do unless the page is not the book's own.
    """
    contexts, foreign, errors = [], [], []

    def note(asked: Request | WebSocket) -> None:
        address = urlsplit(asked.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in LOCAL_HOSTS:
            foreign.append(asked.url)

    def open_one(viewport: str = "wide", theme: str = "light", javascript: bool = True, strict: bool = True) -> Page:
        context = browser.new_context(
            viewport=VIEWPORTS[viewport], color_scheme=theme, java_script_enabled=javascript, service_workers="block"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("request", note)
        # The reader's own choice of theme, as the switch in the book's header keeps it.
        context.add_init_script(
            "if (location.protocol === 'file:')"
            f" {{ localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}'); }}"
        )
        page = context.new_page()
        page.on("websocket", note)
        if strict:
            page.on("pageerror", lambda error: errors.append(f"page error: {error}"))
            page.on("console", lambda said: errors.append(f"console: {said.text}") if said.type == "error" else None)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not foreign, f"asked another host: {foreign}"
    assert not errors, f"errors in the page: {errors}"


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open pages for one test, as `watching` says."""
    with watching(browser) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def open_shared_page(browser: Browser) -> Callable[[], AbstractContextManager[OpenPage]]:
    """Do the same in a ``with`` block, for a page that several tests look at."""
    return partial(watching, browser)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A wide, light page, watched as `watching` says."""
    return open_page()


LOAD = """async ([widget, fake]) => {
  const load = async (text) => {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try { return await import(url); } finally { URL.revokeObjectURL(url); }
  };
  window.widget = await load(widget);
  Object.assign(window, await load(fake));
}"""
MOUNT = """([state, bytes]) => {
  const views = Object.fromEntries(
    Object.entries(bytes).map(([name, text]) => [name, Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer]),
  );
  const inner = strictModel({ ...state, ...views });
  // A live notebook hands bytes over as a DataView, which no structured clone keeps.
  const view = (name, value) => (name in views ? new DataView(value) : value);
  window.model = { ...inner, get: (name) => view(name, inner.get(name)) };
  window.cleanup = window.widget.default.render({ model, el: document.querySelector("main") });
}"""


@pytest.fixture
def load_module(page: Page) -> Callable[[PageWidget | type[PageWidget]], Page]:
    """Make an empty page in which ``widget`` is a widget's module and ``strictModel`` makes a model."""
    strict_model = Path(__file__).with_name("strict_model.js").read_text(encoding="utf-8")

    def load(widget: PageWidget | type[PageWidget]) -> Page:
        page.goto("about:blank")
        page.set_content("<!doctype html><html lang=en><title>empty</title><main></main>")
        page.evaluate(LOAD, [str(widget._esm), strict_model])
        return page

    return load


@pytest.fixture
def mount(
    load_module: Callable[[PageWidget], Page], payload: Callable[[PageWidget], dict[str, Any]]
) -> Callable[[PageWidget], Page]:
    """Render a widget on a strict model that is ``model``; ``cleanup`` ends it."""

    def mounted(widget: PageWidget) -> Page:
        page = load_module(widget)
        page.add_style_tag(content=str(widget._css))
        for part in ("engine", *exporting.RESNETS) if isinstance(widget, Laboratory) else ():
            for script in live.scripts(part).values():
                page.add_script_tag(content=script)
        held = payload(widget)
        page.evaluate(MOUNT, [held["state"], held["bytes"]])
        return page

    return mounted
