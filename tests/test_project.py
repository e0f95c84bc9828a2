"""The project's own files agree with one another."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gaplab import contents

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def ranges():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.partition("#") for line in lines if line and not line.startswith("#")]


def named():
    names = [*PYPROJECT["project"]["dependencies"]]
    for group in PYPROJECT["dependency-groups"].values():
        names += group
    return names


def test_every_dependency_has_its_range_and_its_reason_once():
    requirements = [Requirement(requirement) for requirement, _, _ in ranges()]
    assert sorted(canonicalize_name(r.name) for r in requirements) == sorted({canonicalize_name(n) for n in named()})
    for requirement, (_, _, reason) in zip(requirements, ranges(), strict=True):
        assert requirement.specifier, requirement.name
        assert len(reason.split()) >= 3, f"{requirement.name} needs a word on why it is here"


def test_the_lock_has_every_dependency_in_its_range_and_at_one_version_everywhere():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line) for line in lines if not line.startswith("#")]
    for pin in locked:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{pin.name} is not locked to one version: {pin}"
    for requirement in (Requirement(requirement) for requirement, _, _ in ranges()):
        pins = [pin for pin in locked if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
        assert [pin.marker for pin in pins] == [None], f"{requirement.name}: run `nox -s lock`"
        version = str(pins[0].specifier).removeprefix("==")
        assert requirement.specifier.contains(version), f"{requirement} is locked to {version}: run `nox -s lock`"


def test_the_lock_names_no_registry_and_no_file():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not set("/\\@") & set(text)


def test_the_site_needs_no_torch():
    site = PYPROJECT["dependency-groups"]["site"]
    assert not any("torch" in name for name in site)


def test_the_readme_has_the_two_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s book" in readme
    assert "\n.venv/bin/nox -s tests\n" in readme
    assert ".venv/bin/nox -s tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def without_encoding(path):
    """List the calls that open text, or text from another process, in whatever encoding the machine prefers."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or "encoding" in (given := {keyword.arg for keyword in call.keywords}):
            continue
        owner, _, name = ast.unparse(call.func).rpartition(".")
        opens = name in ("open", "fdopen", "NamedTemporaryFile") and owner not in ("gzip", "Image")
        binary = any(re.fullmatch(r"'[rwax+]*b[rwax+]*'", ast.unparse(argument)) for argument in call.args)
        reads = name in ("run", "Popen", "check_output") and given & {"text", "universal_newlines"}
        if name in ("read_text", "write_text") or (opens and not binary) or reads:
            yield f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(call.func)}"


def test_every_text_is_read_and_written_as_utf_8():
    """A linter sees only the paths whose type it can infer, and no text from another process."""
    sources = [
        *ROOT.glob("*.py"),
        *(path for folder in ("src", "tests", "book") for path in ROOT.glob(f"{folder}/**/*.py")),
    ]
    assert [call for path in sources for call in without_encoding(path)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("path.read_text()", True),
        ("(folder / 'x').write_text(text)", True),
        ("open(path)", True),
        ("path.open('w', newline='')", True),
        ("subprocess.run(command, text=True)", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.open('rb')", False),
        ("gzip.open(path)", False),
        ("subprocess.run(command, encoding='utf-8')", False),
    ],
)
def test_a_text_without_its_encoding_is_found(tmp_path, monkeypatch, code, found):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(code, encoding="utf-8")
    assert bool(list(without_encoding(tmp_path / "x.py"))) == found


def test_workflows_know_nothing_but_nox_and_its_sessions():
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = re.findall(r"^@nox\.session.*\ndef (\w+)", noxfile, re.MULTILINE)
    for name in ("pages", "tests"):
        workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
        for command in (step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step):
            named = re.match(r"nox -s (\w+)", command)
            assert command == "pip install nox" or (named and named[1] in sessions), f"{name}.yml runs {command!r}"


def test_the_map_of_the_house_is_the_one_that_imports_are_held_to():
    (drawn,) = re.findall(r"(?s)## The house\n.*?```\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    rooms = [line[25:].strip() for line in drawn.splitlines() if "↓" not in line]
    assert rooms == PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]


def test_no_page_reaches_into_the_long_runs():
    """The import contract sees the package alone."""
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "book").rglob("*.py")}
    reaching = re.compile(
        r"(?m)^\s*(from gaplab\.experiments|import gaplab\.experiments|from gaplab import .*experiments)"
    )
    assert [path.name for path, text in sources.items() if reaching.search(text)] == []
    assert reaching.search("from gaplab import data, experiments")


def test_pages_of_the_contents_exist_and_every_chapter_is_in_them():
    files = contents.pages(ROOT / "book")
    assert {path.stem for path in contents.notebooks(ROOT / "book")} == {
        path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.ipynb")
    }
    for name in files:
        assert any((ROOT / "book" / f"{name}{suffix}").exists() for suffix in (".ipynb", ".md")), name
