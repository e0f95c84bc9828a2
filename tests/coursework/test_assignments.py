"""What students and readers get is what the sources give, without solutions, hidden tests and mark schemes."""

import html
import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from gapgrade import CourseworkError
from gapgrade.assignments import exercise_of, find_assignments, read_assignment, write_release

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COURSE = ROOT / "book" / "coursework"
SOURCES = [HERE / "fixture" / "ps0_fixture.py", *sorted(COURSE.glob("ps*_*.py"))]
SECRET = re.compile(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)|END (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
SITE = ROOT / "_build" / "html"

every = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def secrets(source):
    """List the distinctive lines between the marks: those that stand nowhere outside of them."""
    inside, outside, depth = [], [], 0
    for cell in read_assignment(source).notebook.cells:
        for line in cell.source.split("\n"):
            if SECRET.search(line):
                depth += 1 if "BEGIN" in line else -1
            else:
                (inside if depth else outside).append(line.strip())
        assert depth == 0, cell.id
    visible = "\n".join(outside)
    return sorted({line for line in inside if len(line) >= 16 and line not in visible})


def leaks(text, source):
    return [line for line in secrets(source) if line in text] + SECRET.findall(text)


def plain(page):
    """Return a page's text as a reader sees it: highlighted code without its tags."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


@every
def test_the_student_notebook_holds_no_secret(source):
    student = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in student["cells"])
    assert len(secrets(source)) >= 5
    assert not leaks(text, source)
    assert not any(cell.get("outputs") for cell in student["cells"])
    assert "YOUR CODE HERE" in text


needs_the_site = pytest.mark.skipif(
    not (SITE / "index.html").exists() and bool(os.environ.get("GAPLAB_NO_SITE")),
    reason="not run: the site is not built, and GAPLAB_NO_SITE leaves its tests out",
)


@needs_the_site
@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda path: path.stem)
def test_the_site_holds_no_secret(source):
    pages = [path for path in SITE.rglob("*") if path.is_file() and source.stem in path.name]
    assert {path.suffix for path in pages} == {".html", ".ipynb"}, "the site is not built: run nox -s book first"
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert not leaks(plain(text), source), path
        assert not leaks(text, source), path


@needs_the_site
def test_no_file_of_the_site_holds_a_mark_or_a_source():
    texts = [path for path in SITE.rglob("*") if path.suffix in (".html", ".ipynb", ".js", ".json", ".txt", ".md")]
    assert len(texts) > 20, "the site is not built: run nox -s book first"
    assert not [path for path in texts if SECRET.search(path.read_text(encoding="utf-8"))]
    names = {source.name for source in SOURCES}
    assert not [path for path in SITE.rglob("*.py") if path.name in names or path.parent.name == "coursework"]


def test_the_search_for_secrets_finds_them_in_the_source_and_in_highlighted_code():
    source = SOURCES[0]
    assert set(secrets(source)) <= set(leaks(source.read_text(encoding="utf-8"), source))
    assert leaks(plain("<b>return</b> [[<i>1</i> / count <b>for</b> _ <b>in</b> row] for row in grid]"), source)


def test_committed_notebooks_are_what_their_sources_give(gapgrade):
    for folder in (HERE / "fixture", COURSE):
        if list(folder.glob("ps*_*.py")):
            done = gapgrade("assign", "--check", "--course", folder)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("source", SOURCES[1:], ids=lambda path: path.stem)
def test_the_head_of_a_problem_set_says_what_its_cells_add_up_to(source):
    """Points in the text and in the table of exercises are those of the cells; there are four to six exercises."""
    assignment = read_assignment(source)
    head = assignment.notebook.cells[0].source
    (stated,) = re.findall(r"\*\*Points:\*\* (\d+)|\*\*It gives\*\* (\d+) points", head)
    assert float(stated[0] or stated[1]) == assignment.points
    rows = [line.strip("| ").split(" | ") for line in head.splitlines() if line.startswith("| ")][1:]
    by_number = {}
    for cell in assignment.graded:
        number = re.match(r"ex-\d+-(\d+)", cell.id)[1]
        by_number[number] = by_number.get(number, 0) + cell.metadata.nbgrader["points"]
    stated = {re.match(r"(?:ex-\d+-)?(\d+)", row[0])[1]: sum(map(int, row[2].split("+"))) for row in rows}
    assert stated == by_number
    assert 4 <= len(stated) <= 6
    for fact in ("**You need**", "**It takes**"):
        assert fact in head


@every
def test_every_exercise_can_earn_points(source):
    assignment = read_assignment(source)
    assert assignment.points > 0
    assert {exercise_of(cell.id) for cell in assignment.graded} == {cell.id for cell in assignment.answers}
    by_hand = [cell for cell in assignment.graded if cell.metadata.nbgrader["solution"]]
    for cell in by_hand:
        assert "=== BEGIN MARK SCHEME ===" in cell.source, cell.id


def test_a_release_is_the_notebook_and_a_page_of_instructions_and_the_same_bytes_each_time(tmp_path):
    assignment = read_assignment(SOURCES[0])
    text = SOURCES[0].with_suffix(".ipynb").read_text(encoding="utf-8")
    first = write_release(assignment, text, tmp_path / "a", "gaplab").read_bytes()
    assert first == write_release(assignment, text, tmp_path / "b", "gaplab").read_bytes()
    with zipfile.ZipFile(tmp_path / "a" / "ps0_fixture.zip") as archive:
        assert archive.namelist() == ["ps0_fixture/ps0_fixture.ipynb", "ps0_fixture/README.txt"]
        readme = archive.read("ps0_fixture/README.txt").decode()
        assert b"run  %pip install gaplab  in a cell;" in archive.read("ps0_fixture/ps0_fixture.ipynb")
    assert "About 5 minutes, 10 points" in readme
    for wanted in ("pip install gaplab", "jupyter lab ps0_fixture.ipynb", "Run All Cells", "Hand in: the one file"):
        assert wanted in readme
    assert len(readme.splitlines()) < 50


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name="imports"', "", "a cell of code has no name"),
        ('name="ex-0-2"', 'name="ex-0-9"', "the cell named 'ex-0-9' has the grade_id 'ex-0-2'"),
        ('name="ex-0-2-test" nbgrader={"grade": true, "grade_id": "ex-0-2-test"',
         'name="ex-0-1-test-3" nbgrader={"grade": true, "grade_id": "ex-0-1-test-3"', "does not follow the answer"),
        ("minutes: 5", "", "lacks minutes"),
        ('name="imports"', 'name="ex-0-1"', "two cells named"),
    ],
)  # fmt: skip
def test_a_source_that_breaks_the_format_is_refused_in_one_sentence(tmp_path, old, new, sentence):
    broken = tmp_path / "ps0_fixture.py"
    text = SOURCES[0].read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseworkError, match=re.escape(sentence)):
        read_assignment(broken)


def test_an_unknown_assignment_is_refused_with_those_that_exist():
    with pytest.raises(CourseworkError, match=r"'ps7'.*ps0"):
        find_assignments(HERE / "fixture", ["ps7"])


def test_without_an_address_nothing_is_released(tmp_path):
    text = SOURCES[0].with_suffix(".ipynb").read_text(encoding="utf-8")
    with pytest.raises(CourseworkError, match="ps0 cannot be released without an address"):
        write_release(read_assignment(SOURCES[0]), text, tmp_path)
    assert not list(tmp_path.iterdir())
