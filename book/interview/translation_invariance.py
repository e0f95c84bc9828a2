# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Interview questions on translation invariance in ResNet and global average pooling, with folded answers, follow-ups, wrong answers, rubric and a link to each proof."
# ---

# %% [markdown]
# # Questions on translation invariance
#
# They ask what moves when the object moves, why strides and padding matter, and what a pooled vector still knows about place. Say your answer aloud, then unfold a question. [Chapter 2](../02_translation_invariance.ipynb) holds the proofs.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

everything, _ = pages.bank()
questions = [question for question in everything if question.file == "2_translation_invariance"]

# %% [markdown]
# ## Screen

# %% name="questions-screen" tags=["remove-input"]
pages.ask(question for question in questions if question.level == "screen")

# %% [markdown]
# ## On site

# %% name="questions-onsite" tags=["remove-input"]
pages.ask(question for question in questions if question.level == "onsite")

# %% [markdown]
# ## Expert

# %% name="questions-expert" tags=["remove-input"]
pages.ask(question for question in questions if question.level == "expert")

# %% name="open-linked-answer" tags=["remove-input"]
pages.open_linked_answer()

# %% name="read-aloud" tags=["remove-input"]
pages.read_aloud()
