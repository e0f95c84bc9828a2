"""A claim without a verdict fails the build."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from gaplab.claims import gather
from gaplab.contents import notebooks
from gaplab.errors import ReaderError


def require_verdicts(app: Sphinx) -> None:
    """Read every chapter's verdicts, which `gaplab.claims.gather` refuses where a claim of the chapter has none or two.

    Raises:
        ExtensionError: A chapter's notebook lacks a verdict, or holds one twice.
    """
    try:
        gather(notebooks(Path(app.srcdir)))
    except ReaderError as problem:
        raise ExtensionError(str(problem)) from None
