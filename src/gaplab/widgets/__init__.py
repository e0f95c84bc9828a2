"""Widgets that are alive in JupyterLab and on the static page: one ES module serves both."""

from gaplab.widgets.base import PageWidget
from gaplab.widgets.census_scatter import CensusModel, CensusScatter
from gaplab.widgets.gradient_microscope import GradientMicroscope, Microscopic
from gaplab.widgets.head_calculator import Backbone, HeadCalculator
from gaplab.widgets.laboratory import Laboratory
from gaplab.widgets.mock_interview import MockInterview
from gaplab.widgets.predictions import Choice, Predictions, Question
from gaplab.widgets.resnet_map import ResnetMap, Stage
from gaplab.widgets.shift_explorer import MovedGarment, ShiftExplorer
from gaplab.widgets.size_explorer import Curve, Explored, SizeExplorer
from gaplab.widgets.verdict_ledger import VerdictLedger
from gaplab.widgets.vote_explorer import VotedPhotograph, VoteExplorer

__all__ = [
    "Backbone",
    "CensusModel",
    "CensusScatter",
    "Choice",
    "Curve",
    "Explored",
    "GradientMicroscope",
    "HeadCalculator",
    "Laboratory",
    "Microscopic",
    "MockInterview",
    "MovedGarment",
    "PageWidget",
    "Predictions",
    "Question",
    "ResnetMap",
    "ShiftExplorer",
    "SizeExplorer",
    "Stage",
    "VerdictLedger",
    "VoteExplorer",
    "VotedPhotograph",
]
