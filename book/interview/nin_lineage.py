# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Interview questions on the NIN lineage in ResNet and global average pooling, with folded answers, follow-ups, wrong answers, rubric and a link to each proof."
# ---

# %% [markdown]
# # Questions on the NIN lineage
#
# They ask who introduced which head, what each paper shows, what residual connections solve, and what stands inside a residual block. Say your answer aloud, then unfold a question. [Chapter 3](../03_nin_lineage.ipynb) holds the proofs.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

everything, _ = pages.bank()
questions = [question for question in everything if question.file == "3_nin_lineage"]

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
