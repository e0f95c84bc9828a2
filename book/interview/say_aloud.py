# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "What to say aloud in an interview about ResNet's average pooling: for each chapter the one-line answer, the number to remember, the trap, and the follow-up that separates candidates."
# ---

# %% [markdown]
# # Say it aloud
#
# Each chapter in one breath: the line to say, the number to remember, the trap, and the follow-up that separates candidates. Read a line, look
# away, and say it in your own words. The numbers are those that the chapters measured.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

questions, verdicts = pages.bank()

# %% [markdown]
# ## Parameter count

# %% name="spoken-parameter-count" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Pooling makes the head independent of the map's area: 49 times fewer weights on a 7 x 7 map. That saves memory, hardly any computation, "
    "and whether it also generalises better has to be measured.",
    number="P7", trap="q-param-02", follow_up="q-param-13:2",
)  # fmt: skip

# %% [markdown]
# ## Translation invariance

# %% name="spoken-translation-invariance" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="The pool is exactly invariant to where things are in the last map; the network is not, because strides alias and zero padding writes the place "
    "into the channels before the pool sees them.",
    number="T3", trap="q-trans-01", follow_up="q-trans-13:2",
)  # fmt: skip

# %% [markdown]
# ## The NIN lineage

# %% name="spoken-nin-lineage" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Network in Network averaged one map for each class with nothing behind it; GoogLeNet put one linear layer behind the pool, and that is the head ResNet "
    "has. Its paper neither tests the head nor claims that shortcuts cure vanishing gradients.",
    number="N4", trap="q-nin-06", follow_up="q-nin-08:1",
)  # fmt: skip

# %% [markdown]
# ## Input size

# %% name="spoken-input-size" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Any global pool frees the shape: the classifier gets C numbers at every input size. It does not free the accuracy, because the values of those numbers "
    "shift with the size of the objects.",
    number="S5", trap="q-size-07", follow_up="q-size-13:1",
)  # fmt: skip

# %% [markdown]
# ## Average against maximum gradients

# %% name="spoken-gradients" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="At the pool the average sends the same gradient to every cell and the maximum sends all of it to one; the sums are equal, and in ResNet-50 one residual "
    "block further back both are dense. What differs in training is mostly the scale of the pooled value.",
    number="G3", trap="q-grad-04", follow_up="q-grad-08:1",
)  # fmt: skip

# %% [markdown]
# ## Verdict
#
# The line for the end of the conversation; the whole answer stands on [the verdict page](../06_verdict).

# %% name="spoken-verdict" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="I would pool by default, for the light head and the free input size, and for the vote map that comes with it. I would not where layout is the label, where the evidence is "
    "tiny, or where every position needs an answer.",
    number="W1", trap="q-near-17", follow_up="q-near-17:2",
)  # fmt: skip

# %% name="open-linked-answer" tags=["remove-input"]
pages.open_linked_answer()
