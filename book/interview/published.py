# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Other published answers to why CNNs end in global average pooling, Chinese and English: what each asserts, and the measured numbers that decide it."
# ---

# %% [markdown]
# # Other published answers on trial
#
# The article is one of many. Here are others that answer the same question: why networks such as ResNet end in global average pooling, and not in
# fully-connected layers or in a maximum. They come from interview collections, a textbook, a course, documentation, blogs and a forum, in Chinese and in English.
#
# What each asserts is said in our words, and tied to the claims of this book that decide it. The verdict is the strictest one among those claims, or
# we say why it differs. Every number is one that a chapter measured, and leads to the cell that computed it. What none of our claims decides is decided by a
# paper, or is *not tested here*.
#
# Three things to keep in mind. An answer written for one network, such as Network in Network, is judged for that network first. Our networks are small and
# were trained on small pictures, apart from the counts; a verdict says what holds there. And the texts were read in stored copies, which may be older than what the address shows today;
# each says how much of it was read.

# %% name="setup" tags=["remove-input"]
from gaplab.figures import say
from gaplab.interview import published

answers, verdicts = published.answers()
trials = {answer.id: answer for answer in answers}

# %% [markdown]
# ## At a glance

# %% name="overview" tags=["remove-input"]
published.overview(answers)

# %% name="tally" tags=["remove-input"]
counts = published.tally(answers)
say(f"""
Each mark is an assertion: {counts["holds"]} hold (●), {counts["holds with caveats"]} hold with caveats (◐), {counts["does not hold as stated"]} do not hold as stated (○), and
{counts["not tested here"]} are not tested here (–). What can be counted is mostly right everywhere. What is recited of overfitting and of the meaning of single channels is mostly not.
""")

# %% [markdown]
# ## Chinese

# %% name="chinese" tags=["remove-input"]
for answer in answers:
    if answer.language == "zh":
        published.trial(answer, verdicts)

# %% [markdown]
# ## English

# %% name="english" tags=["remove-input"]
for answer in answers:
    if answer.language == "en":
        published.trial(answer, verdicts)

# %% [markdown]
# ## Asked, and not answered
#
# Two well-known collections ask the question and leave the answer to you.
#
# - [Deep-Learning-Interview-Book](https://github.com/amusi/Deep-Learning-Interview-Book/blob/master/docs/%E6%B7%B1%E5%BA%A6%E5%AD%A6%E4%B9%A0.md) (the collection last changed on 2024-04-24) asks why
#   downsampling uses the maximum and classification the average. Where the answer would be it says that it is still to be written.
# - [Introduction to Machine Learning Interviews](https://github.com/chiphuyen/ml-interviews-book/blob/master/contents/8.2.2-computer-vision.md) asks in section 8.2.2 what
#   happens with the maximum in place of the average, when to use which, and what happens without pooling. It gives no answers to them there.
#
# ## Use it in an interview
#
# Take an assertion that does not hold, say it as the textbooks do, and then say what would have to be measured. That is a better answer than a fifth
# reason. [Say it aloud](say_aloud) has the lines; [the verdict page](../06_verdict) has all claims.
