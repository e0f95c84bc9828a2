"""Coursework machinery: from an assignment's source to the student's notebook, from a folder of submissions to grades.

It runs in an environment of its own that has nbgrader and no PyTorch. Students' code runs in the lab's Python, in a
sandbox.
"""

from __future__ import annotations


class CourseworkError(Exception):
    """What an instructor has to change, in one sentence."""
