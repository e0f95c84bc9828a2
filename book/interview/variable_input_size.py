# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Interview questions on input size in ResNet and global average pooling, with folded answers, follow-ups, wrong answers, rubric and a link to each proof."
# ---

# %% [markdown]
# # Questions on input size
#
# They ask which networks take which sizes, how the last map follows the picture, and why running is not the same as being right. Say your answer aloud, then unfold a question. [Chapter 4](../04_variable_input_size.ipynb) holds the proofs.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

everything, _ = pages.bank()
questions = [question for question in everything if question.file == "4_variable_input_size"]

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
