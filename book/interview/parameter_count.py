# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Interview questions on parameter count in ResNet and global average pooling, with folded answers, follow-ups, wrong answers, rubric and a link to each proof."
# ---

# %% [markdown]
# # Questions on parameter count
#
# They ask how many parameters a head has, what pooling saves and what it does not, and whether it reduces overfitting. Say your answer aloud, then unfold a question. [Chapter 1](../01_parameter_count.ipynb) holds the proofs.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

everything, _ = pages.bank()
questions = [question for question in everything if question.file == "1_parameter_count"]

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
