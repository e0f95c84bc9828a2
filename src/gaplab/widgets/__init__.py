"""Widgets that are alive in JupyterLab and on the static page: one ES module serves both."""

from gaplab.widgets.base import PageWidget
from gaplab.widgets.head_calculator import Backbone, HeadCalculator

__all__ = ["Backbone", "HeadCalculator", "PageWidget"]
