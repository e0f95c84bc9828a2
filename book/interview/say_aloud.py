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
# away, and say it in your own words. The numbers are those that the chapters measured. Under each stand the answer in two minutes and what interviewers throw in; where your browser has a voice, it reads them to you.

# %% name="setup" tags=["remove-input"]
from gaplab.interview import pages

questions, verdicts = pages.bank()
thrown_in = pages.interruptions(questions)

# %% [markdown]
# ## Parameter count

# %% name="spoken-parameter-count" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Pooling makes the head independent of the map's area: 49 times fewer weights on a 7 x 7 map. That saves memory, hardly any computation, "
    "and whether it also generalises better has to be measured.",
    number="P7",
    remember="Pooling saves about {:.0f} per cent of the multiply-adds of a flattened ResNet-50.",
    trap="q-param-02", follow_up="q-param-13:2",
)  # fmt: skip
pages.in_two_minutes(1)
pages.thrown_in(thrown_in, 1)

# %% [markdown]
# ## Translation invariance

# %% name="spoken-translation-invariance" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="The pool is exactly invariant to where things are in the last map; the network is not, because strides alias and zero padding writes the place "
    "into the channels before the pool sees them.",
    number="T3",
    remember="From the centre to a corner the pooled vector moves by about {:.1f} times the usual distance between garments and their mean.",
    trap="q-trans-01", follow_up="q-trans-13:2",
)  # fmt: skip
pages.in_two_minutes(2)
pages.thrown_in(thrown_in, 2)

# %% [markdown]
# ## The NIN lineage

# %% name="spoken-nin-lineage" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Network in Network averaged one map for each class with nothing behind it; GoogLeNet put one linear layer behind the pool, and that is the head ResNet "
    "has. Its paper neither tests the head nor claims that shortcuts cure vanishing gradients.",
    number="N4",
    remember="Without batch norm and with small weights, shortcuts save about {:.0f} powers of ten of the gradient over twenty layers.",
    trap="q-nin-06", follow_up="q-nin-08:1",
)  # fmt: skip
pages.in_two_minutes(3)
pages.thrown_in(thrown_in, 3)

# %% [markdown]
# ## Input size

# %% name="spoken-input-size" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="Any global pool frees the shape: the classifier gets C numbers at every input size. It does not free the accuracy, because the values of those numbers "
    "shift with the size of the objects.",
    number="S5",
    remember="After equal training, reading each picture at its own size was {:.1f} points worse than resizing all of them.",
    trap="q-size-07", follow_up="q-size-13:1",
)  # fmt: skip
pages.in_two_minutes(4)
pages.thrown_in(thrown_in, 4)

# %% [markdown]
# ## Average against maximum gradients

# %% name="spoken-gradients" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="At the pool the average sends the same gradient to every cell and the maximum sends all of it to one; the sums are equal, and in a ResNet-50 with random weights both are "
    "dense one block further back. With 20 and 56 layers what differs in training is mostly the size of the pooled vector.",
    number="G3",
    remember="One block back the maximum's gradient is still only about {:.0f} per cent as dense as the average's, in a small trained ResNet.",
    trap="q-grad-04", follow_up="q-grad-08:1",
)  # fmt: skip
pages.in_two_minutes(5)
pages.thrown_in(thrown_in, 5)

# %% [markdown]
# ## Verdict
#
# The line for the end of the conversation; the whole answer stands on [the verdict page](../06_verdict).

# %% name="spoken-verdict" tags=["remove-input"]
pages.spoken(
    questions, verdicts,
    line="I would pool by default, for the light head and the free input size, and for the vote map that comes with it. I would not where layout is the label, where the evidence is "
    "tiny, or where every position needs an answer.",
    number="W1",
    remember="Of three benefits that are named for it, {:.0f} shows on every network that we trained.",
    trap="q-near-17", follow_up="q-near-17:2",
)  # fmt: skip
pages.in_two_minutes(6)
pages.thrown_in(thrown_in, 6)

# %% name="open-linked-answer" tags=["remove-input"]
pages.open_linked_answer()

# %% name="read-aloud" tags=["remove-input"]
pages.read_aloud()
