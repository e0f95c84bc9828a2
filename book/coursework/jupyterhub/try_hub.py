"""Try the hub once, on this machine's loopback: release, fetch, submit, collect, grade, feedback.

As root, in an environment with jupyterhub and nbgrader:

    python try_hub.py ps1 --proxy PATH-OF/configurable-http-proxy --grade "python -m gapgrade grade --python LAB-PYTHON"

It makes three accounts and removes them, and a folder for the course that it removes too. Every step is what a person does
in JupyterLab: the same requests, to the person's own server, through the hub's proxy.
"""

import argparse
import contextlib
import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEACHER, DILIGENT, IDLE = "gap-teacher", "gap-ada", "gap-ben"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def call(url, token, data=None, method=None):
    """Make one request and return its JSON."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        url, body, headers, method=method or ("POST" if body is not None else "GET")
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read()
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise SystemExit(f"{url} did not answer with JSON: {text[:3000]!r}") from None


def until(what, seconds=120):
    """Wait until a call succeeds with something true."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            found = what()
            if found:
                return found
        if time.monotonic() > end:
            raise SystemExit("the hub did not answer in time")
        time.sleep(0.5)


class Person:
    """One person's server on the hub."""

    def __init__(self, hub, token, name):
        """Start the server and get a token for it."""
        self.name = name
        # People are listed in the hub's configuration and come into being at their first login, which this stands for.
        with contextlib.suppress(urllib.error.HTTPError):
            call(f"{hub}/hub/api/users/{name}", token, {})
        call(f"{hub}/hub/api/users/{name}/server", token, {})
        until(
            lambda: (
                call(f"{hub}/hub/api/users/{name}", token)["servers"].get("", {}).get("ready")
            )
        )
        self.token = call(f"{hub}/hub/api/users/{name}/tokens", token, {"note": "try_hub"})[
            "token"
        ]
        self.url = f"{hub}/user/{name}"

    def ask(self, path, data=None, method=None):
        """Speak to the server; a refusal by nbgrader ends the trial."""
        answer = call(f"{self.url}/{path}", self.token, data, method)
        if isinstance(answer, dict) and answer.get("success") is False:
            raise SystemExit(f"{self.name}: {path}: {answer}")
        return answer


def main():
    """Make the accounts, start the hub, go through the cycle, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignment", help="for example ps1")
    parser.add_argument(
        "--course", type=Path, default=HERE.parent, help="folder of the sources"
    )
    parser.add_argument(
        "--proxy", default="configurable-http-proxy", help="the hub's proxy program"
    )
    parser.add_argument(
        "--grade", required=True, help="command that grades a folder of submissions"
    )
    options = parser.parse_args()
    if os.geteuid():
        raise SystemExit("try_hub.py makes accounts, so it runs as root.")
    (student,) = options.course.glob(f"{options.assignment}_*.ipynb")

    import jupytext

    solved = {
        cell.metadata.get("name"): cell.source
        for cell in jupytext.read(student.with_suffix(".py")).cells
    }
    home = Path(tempfile.mkdtemp(prefix="gaplab-hub-", dir="/srv"))
    home.chmod(0o755)
    port, inner, api = free_port(), free_port(), free_port()
    hub, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    process = None
    try:
        for name in (TEACHER, DILIGENT, IDLE):
            subprocess.run(
                ["useradd", "--create-home", "--shell", "/bin/bash", name], check=True
            )
        for folder, mode in (("hub", 0o700), ("exchange", 0o777), ("course", 0o755)):
            (home / folder).mkdir()
            (home / folder).chmod(mode)
        release = home / "course" / "release" / options.assignment
        release.mkdir(parents=True)
        shutil.copy(student, release)
        subprocess.run(["chown", "-R", TEACHER, home / "course"], check=True)
        environment = {
            **os.environ,
            "GAPLAB_HUB_HOME": str(home),
            "GAPLAB_HUB_INSTRUCTOR": TEACHER,
            "GAPLAB_HUB_STUDENTS": f"{DILIGENT},{IDLE}",
            "GAPLAB_HUB_URL": hub,
            "GAPLAB_HUB_INNER_URL": f"http://127.0.0.1:{inner}",
            "GAPLAB_HUB_PROXY_URL": f"http://127.0.0.1:{api}",
            "GAPLAB_HUB_PROXY": options.proxy,
            "GAPLAB_HUB_TOKEN": token,
        }
        config = HERE / "jupyterhub_config.py"
        with (home / "hub.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", config],
                env=environment,
                stdout=log,
                stderr=log,
                cwd=home / "hub",
            )
        until(lambda: call(f"{hub}/hub/api/", token))
        print(f"hub {call(f'{hub}/hub/api/', token)['version']} at {hub}")
        teacher, ada, ben = (Person(hub, token, name) for name in (TEACHER, DILIGENT, IDLE))
        print("servers of", teacher.name, ada.name, ben.name, "run")
        teacher.ask(f"formgrader/api/assignment/{options.assignment}/release", {})
        print("released")
        entry = {"course_id": "gaplab", "assignment_id": options.assignment}
        path = f"api/contents/{options.assignment}/{student.name}"
        for person in (ada, ben):
            listed = person.ask("assignments?course_id=gaplab")["value"]
            assert [one["assignment_id"] for one in listed if one["status"] == "released"] == [
                options.assignment
            ], listed
            person.ask("assignments/fetch", entry)
        print("fetched by both")
        work = ada.ask(path)
        for cell in work["content"]["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                cell["source"] = solved[cell["metadata"]["nbgrader"]["grade_id"]]
        ada.ask(path, {"type": "notebook", "content": work["content"]}, "PUT")
        for person in (ada, ben):
            person.ask("assignments/submit", entry)
        print("submitted by both")
        teacher.ask(f"formgrader/api/assignment/{options.assignment}/collect", {})
        submitted = home / "course" / "submitted"
        print(
            "collected:",
            sorted(str(one.relative_to(submitted)) for one in submitted.rglob("*.ipynb")),
        )
        subprocess.run(
            [
                *shlex.split(options.grade),
                submitted,
                "--exchange",
                "--output",
                home / "graded",
                "--course",
                options.course,
            ],
            check=True,
        )
        results = home / "graded" / "results" / options.assignment
        print((results / "grades.csv").read_text(encoding="utf-8"))
        subprocess.run(["chown", "-R", TEACHER, home / "course"], check=True)
        teacher.ask(f"formgrader/api/assignment/{options.assignment}/release_feedback", {})
        ada.ask("assignments/fetch_feedback", entry)
        pages = list(Path(f"~{ada.name}").expanduser().rglob("*.html"))
        print("feedback in the student's home:", [page.name for page in pages])
        assert pages
    except BaseException:
        if (home / "hub.log").exists():
            print((home / "hub.log").read_text(encoding="utf-8")[-6000:], file=sys.stderr)
        raise
    finally:
        if process:
            process.terminate()  # the hub ends the servers and the proxy that it started
            process.wait(60)
        for name in (TEACHER, DILIGENT, IDLE):
            subprocess.run(
                ["userdel", "--remove", name], check=False, stderr=subprocess.DEVNULL
            )
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
