# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "A mock interview on ResNet and global average pooling: questions against the clock, a rubric to tick, follow-ups that depend on it, and a summary of what to read next."
# ---

# %% [markdown]
# # Mock interview
#
# Answer aloud or in writing, then look at the answer and tick what you said. Nothing leaves your browser: what you type and how it went is
# kept there, until you clear it. If you read the book from your disk, a browser may now and then forget it when the page is loaded again, so export what you want to keep.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages
from gaplab.widgets import MockInterview

questions, _ = pages.bank()

# %% name="mock-interview" tags=["remove-input"]
MockInterview(questions)
