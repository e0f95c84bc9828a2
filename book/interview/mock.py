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
# Answer aloud or in writing, recover from what the interviewer throws in, then look at the answer and tick what you said. With all levels the interview climbs a ladder: up after a good answer, down after a poor
# one. What you missed comes back after others, and first of all in the next sitting; what you knew comes back after a day, then three, then eight, and so on, as in the flashcards. Nothing leaves your browser: what you type and how it went is
# kept there, until you clear it. If you read the book from your disk, a browser may now and then forget it when the page is loaded again, so export what you want to keep.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages
from gaplab.widgets import MockInterview

questions, _ = pages.bank()

# %% name="mock-interview" tags=["remove-input"]
MockInterview(questions, pages.interruptions(questions), pages.ladders(questions))
