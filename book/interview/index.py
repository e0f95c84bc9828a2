# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "An interview kit on ResNet and global average pooling: a question bank by topic, level and kind, a mock interview, flashcards for Anki, and answers to say aloud."
# ---

# %% [markdown]
# # The interview kit
#
# An answer is ready when it is short, right, and survives two follow-ups. This part of the book is for getting there.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages
from gaplab.figures import say

questions, _ = pages.bank()
own = sum(question.measured_here for question in questions)

# %% name="ways" tags=["remove-input"]
say(f"""
1. **[Say it aloud](say_aloud)**: the line, the number, the trap and the follow-up of each chapter. Start here if the interview is tomorrow.
2. **[Mock interview](mock)**: one question at a time against the clock, with interruptions, then the answer and what an interviewer would have ticked. It climbs a ladder of each chapter, up after a good answer and down
   after a poor one, and what was missed comes back. Quick mode is multiple choice.
3. **The question bank** below: {len(questions)} questions, each with an answer of half a minute, the full answer, follow-ups, common wrong answers and the cell of the book that proves it.
4. **Flashcards** for a few minutes a day, at the end of this page.
5. **[Other published answers on trial](published)**: what interview collections, textbooks and blogs say about the same question, and what of it holds.
6. **[Museum of real bugs](museum)**: ten pieces of code with a fault, from public history. Find it before you unfold the answer.

Three levels. *Screen*: asked in the first call; the answer has one idea. *On site*: asked by an engineer who listens for reasons. *Expert*: asked by
somebody who has read the papers and wants a derivation, a design or a doubt. {own} questions ask for what only this book has measured: they are marked so, and quick mode leaves them out.
""")

# %% [markdown]
# **[The whiteboard](whiteboard)** has the questions that want code: sixteen, each judged at once, in a notebook or in the page.
#
# ## Due today

# %% name="due" tags=["remove-input"]
pages.due_today()

# %% [markdown]
# ## By topic and level

# %% name="counts" tags=["remove-input"]
pages.counts(questions)

# %% [markdown]
# ## By level

# %% name="by-level" tags=["remove-input"]
pages.by_level(questions)

# %% [markdown]
# ## By kind

# %% name="by-kind" tags=["remove-input"]
pages.by_kind(questions)

# %% [markdown]
# ## A week of practice
#
# - **First day.** Ten questions of the screen level in quick mode. Read the pages of the two topics that went worst.
# - **Every day.** First what is due: the schedule brings back tomorrow what you knew for the first time, then after three days, after eight, and so on; what you missed comes back at once.
# - **Second and third day.** A mock interview of ten questions on site, aloud. Tick honestly: a point counts if you said it, not if you knew it.
# - **Fourth and fifth day.** The expert questions of your weakest topic, with pen and paper. Follow each link to its proof and look at the figure there.
# - **Sixth day.** Twenty questions of all levels. Say each answer again until it takes half a minute.
# - **Last day.** [Say it aloud](say_aloud), once in the morning, once in the evening.

# %% [markdown]
# ## Flashcards

# %% name="flashcards" tags=["remove-input"]
say(f"""
- <a href="gaplab-flashcards.apkg" download>Deck for Anki</a>: {len(questions)} cards with equations and the book's figures, tagged by chapter, level and kind. Import a
  newer deck over it: the cards change and what you have learnt stays.
- <a href="gaplab-flashcards.csv" download>The same as CSV</a>, for any other program: one line a question, equations between dollar signs.

Both are made with the site, by `nox -s book`.
""")

# %% name="open-linked-answer" tags=["remove-input"]
pages.open_linked_answer()
