# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Interview questions on the neighbourhood in ResNet and global average pooling, with folded answers, follow-ups, wrong answers, rubric and a link to each proof."
# ---

# %% [markdown]
# # Questions on the neighbourhood
#
# They ask what lies next to the five chapters: receptive fields, attention pooling, retrieval, segmentation, deployment, whole systems, and when not to pool at all. Say your answer aloud, then unfold a question. The proofs stand in the five chapters; each question names its own.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

everything, _ = pages.bank()
questions = [question for question in everything if question.file == "6_neighbourhood"]

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
