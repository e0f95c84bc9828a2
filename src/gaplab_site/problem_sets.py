"""A problem set says what it takes and offers its notebook, on its own page and in the table of all of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gaplab.contents import notebooks
from gaplab_site.doctrees import put_under_title


@dataclass(frozen=True)
class ProblemSet:
    """What a page says of a problem set: facts of its student's notebook."""

    stem: str
    title: str
    chapter: int
    minutes: int
    points: int

    def download(self, words: str) -> str:
        """Return a link to the student's notebook, for the pages of the coursework."""
        return f'<a href="../_sources/coursework/{self.stem}.ipynb" download>{words}</a>'


def read_problem_set(path: Path) -> ProblemSet:
    """Read a student's notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    facts = notebook["metadata"]["coursework"]
    graded = (cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"])
    points = sum(cell["points"] for cell in graded if cell.get("grade"))
    return ProblemSet(path.stem, facts["title"], facts["chapter"], facts["minutes"], points)


def tell_problem_set(app: Sphinx, doctree: nodes.document) -> None:
    """Put under a problem set's title its time, its points, and a link that downloads the student's notebook."""
    if not re.match(r"coursework/ps\d", app.env.docname):
        return
    about = read_problem_set(Path(app.env.doc2path(app.env.docname)))
    link = about.download("Download the notebook")
    put_under_title(doctree, f"{about.minutes} minutes · {about.points} points · {link}")


class ProblemSets(SphinxDirective):
    """A table of all problem sets, from their notebooks."""

    def run(self) -> list[nodes.Node]:
        """Write the table in Markdown, and let the page's parser read it."""
        book = Path(self.env.srcdir)
        names = {int(path.stem[:2]): path.stem for path in notebooks(book)}
        lines = ["| problem set | chapter | minutes | points |", "|---|---|---|---|"]
        for path in sorted((book / "coursework").glob("ps*_*.ipynb")):
            self.env.note_dependency(str(path))
            about = read_problem_set(path)
            link = about.download(f"Download {about.stem.split('_')[0]}")
            lines.append(
                f"| [{about.title.removeprefix('Problem set ')}]({about.stem})<br>{link} "
                f"| [{about.chapter}](../{names[about.chapter]}) | {about.minutes} | {about.points} |"
            )
        table: list[nodes.Node] = self.parse_text_to_nodes("\n".join(lines))
        return table
