"""The head calculator in a live JupyterLab: the reader moves it, Python reads the choice, and the other way round."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOW = """\
from gaplab import counting
from gaplab.widgets import Backbone, HeadCalculator
calculator = HeadCalculator([
    Backbone("ResNet-18", counting.last_map("resnet18"), 11_176_512, 513_000),
    Backbone("ResNet-50", counting.last_map("resnet50"), 23_508_032, 2_049_000),
])
calculator"""
READ = "print('python reads', calculator.network, calculator.size, calculator.classes)"
WRITE = "calculator.classes = 10"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab on loopback, without a token, with one small notebook in a folder of its own."""
    home = tmp_path_factory.mktemp("lab")
    work = home / "work"
    work.mkdir()
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (SHOW, READ, WRITE)]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, work / "try.ipynb")
    port = free_port()
    state = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    settings = {name: str(home / name.lower()) for name in state}
    settings["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    log = (home / "lab.log").open("w", encoding="utf-8")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
            *("--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.news_url="),
            *("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", f"--ServerApp.root_dir={work}"),
        ],
        env=os.environ | settings,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status", server, Path(log.name))
        yield address
    finally:
        server.send_signal(signal.SIGTERM)  # JupyterLab ends its kernels before it goes
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(120):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                json.load(answer)
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")


def run_cell(page: Page, number: int) -> None:
    """Run one cell of the notebook and wait until the kernel has finished it."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt").first
    before = prompt.inner_text()
    # While JupyterLab is still arranging itself, it may take the focus from the cell, and the key is lost.
    for _ in range(12):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(200)
        if prompt.inner_text() != before:
            break
        page.wait_for_timeout(2000)
    expect(prompt).not_to_have_text(before)
    expect(prompt).not_to_have_text("[*]:")


def check_python_reads(page: Page, wanted: str) -> None:
    """Run the cell that prints the traits, again while a change is on its way: the front end sends one at a time."""
    for _ in range(5):
        run_cell(page, 1)
        read = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output").inner_text().strip()
        if read == f"python reads {wanted}":
            return
    pytest.fail(f"Python reads {read!r}, not {wanted!r}")


def test_python_reads_what_the_reader_chose(open_page: Any, lab: str) -> None:
    page = open_page(strict=False)  # JupyterLab's own messages on the console are not ours
    page.goto(f"{lab}/lab/tree/try.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").nth(2).wait_for()
    # A cell that is run before the kernel answers is not run at all.
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for()
    run_cell(page, 0)
    calculator = page.locator(".jp-OutputArea-output .head-calculator")
    expect(calculator).to_have_count(1)
    # The live view was chosen, not the HTML for pages without a kernel.
    expect(page.locator(".jp-OutputArea-output [data-widget]")).to_have_count(0)
    check_python_reads(page, "ResNet-50 224 1000")

    calculator.get_by_label("Backbone").select_option("ResNet-18")
    slider = calculator.get_by_role("slider", name="Input size")
    slider.focus()
    slider.press("ArrowRight")
    check_python_reads(page, "ResNet-18 225 1000")

    calculator.get_by_role("spinbutton", name="Number of classes").fill("0")
    expect(calculator.get_by_role("alert")).to_contain_text("The number of classes is 0")
    check_python_reads(page, "ResNet-18 225 1000")

    run_cell(page, 2)
    expect(calculator.get_by_role("spinbutton", name="Number of classes")).to_have_value("10")
    expect(calculator.locator(".result")).to_contain_text("for 10 classes the flattened head has 327,680 weights")
