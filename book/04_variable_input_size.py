# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Chapter 4 of five interview answers on trial: global average pooling frees ResNet's shape from 224 x 224 pixels, and not its accuracy: training on many sizes, resizing and a transfer to digits, measured over seeds."
# ---

# %% [markdown]
# # Does average pooling free ResNet from 224 x 224?
#
# **The answer in three sentences.** A global pool frees the *shape*: it makes C numbers of a map of any size, so ResNet runs on every picture
# and no layer has to change. It does not free the *accuracy*: a network that saw one size in training misreads the others, and what repairs that
# is training on many sizes, a re-fitted linear layer, or resizing the picture, which needs no pool. Nor does it have to be the *average*: a
# maximum, a pool to a fixed grid, or a fully-connected layer read as a convolution also takes pictures of other sizes.
#
# The article's words: *a fully-connected layer wants a map of fixed size; global average pooling turns any map into a vector of C numbers, so
# ResNet is more flexible in transfer and with inputs of several sizes.* So there are two questions. Does the network **run**? And is it still **right**?
#
# **To read first**, about twelve minutes: [the claims](#the-claims), [your prediction](#predict), [the experiment that decides](#the-experiment-that-decides),
# [verdicts](#verdicts), [what to say](#say-it-in-the-interview). **Further evidence**, for as long as you like:
# [the side of every map](#further-evidence-the-side-of-every-map), [what fails at 300](#further-evidence-what-fails-at-300),
# ["average" is not yet "global"](#further-evidence-average-pooling-is-not-yet-global),
# [trained on one size](#further-evidence-trained-on-one-size), [the remedy](#further-evidence-the-remedy),
# [votes and gradients](#further-evidence-votes-and-gradients-at-another-size), [transfer to digits](#further-evidence-transfer-to-handwritten-digits),
# [photographs](#further-evidence-a-real-imagenet-network-on-photographs), [cost](#further-evidence-what-a-larger-picture-costs),
# [the size explorer](#further-evidence-the-size-explorer), [cross-examination](#further-evidence-cross-examination).
#
# The **side** of a square picture or map is its height, which is its width. **GAP** is global average pooling. A part of a network is
# **re-fitted** where it is learned anew on pictures of the new size while the rest stays as it was. You need convolution arithmetic and batch norm.

# %% name="imports" tags=["hide-input"]
from functools import partial
from textwrap import shorten

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torchvision.models import alexnet

from gaplab import claims, counting, data, device, device_name, gradients
from gaplab import evidence, figures, models, sizes, timing, training, weights
from gaplab.claims import CAVEATS, HOLDS, mean_spread
from gaplab.errors import ReaderError
from gaplab.figures import say, show

# %% name="setup"
figures.use_style()
trial = claims.Trial(chapter=4)
where = device()

# %% [markdown]
# ## The claims
#
# Each gets a verdict, and with it an interval: the chapter fails to run if the measured number leaves it.

# %% name="docket" tags=["remove-input"]
trial.docket()

# %% [markdown]
# ## Predict
#
# Choose before you read on. Where the answer is measured, `predict.settle` holds it against the measurement.

# %% name="predict" tags=["hide-input"]
from gaplab.widgets import Choice, Predictions, Question

predict = Predictions(
    [
        Question("A picture of 300 x 300 pixels: what is the side of ResNet-50's last map?",
                 [Choice("9 cells", 9, 10), Choice("10 cells", 10, 11), Choice("12 cells", 12, 13)], 1, "stages"),
        Question("Give ResNet a flattened head for 224 x 224. How many of the sizes from 1 to 640 does that head take?",
                 [Choice("one", 1, 2), Choice("32", 2, 64), Choice("all of them", 640, 641)], 1, "law-holds"),
        Question("torchvision's AlexNet ends in fully-connected layers. Does it run at 300 x 300?",
                 [Choice("no", 0, 1), Choice("yes", 1, 2)], 1, "adaptive"),
        Question("A small ResNet with GAP was trained on garments of 28 x 28 pixels. Enlarged to 56 x 56, how many does it get right?",
                 [Choice("more", 2, 100), Choice("as many", -2, 2), Choice("fewer", -100, -2)], 2, "accuracy-figure"),
        Question("Trained on garments of 20 to 48 pixels, which ResNet with GAP is right more often on those sizes?",
                 [Choice("one that reads each picture at its own size", 0.5, 100), Choice("both alike", -0.5, 0.5),
                  Choice("one that gets every picture resized to 28 pixels", -100, -0.5)], 2, "deciding-numbers"),
    ]
)  # fmt: skip
predict

# %% [markdown]
# ## The experiment that decides
#
# That every size runs is arithmetic, and further evidence below. What decides is S5: is a network that may read any size *better* with many sizes?
# The claim gets its best chance: the network is trained on many sizes. Each batch of 64 garments is scaled to one of 20, 24, 28, 32, 40 and 48 px.
# Four heads or habits compete. **GAP** and global **maximum** read each picture at its own size. A **grid** head averages any map to 7 x 7 cells and keeps
# each cell's place, so it takes every size with fully-connected weights. And a network with **resizing** gets every picture scaled to 28 px first, so that
# it needs no freedom: a flattened head will do.
#
# All are ResNet-20s, trained alike: 10,000 garments, 12 epochs, three seeds, and one highest learning rate, 0.1, chosen on validation images for GAP, maximum and flattened head together; the flattened head alone would take a lower one. `evidence.load` reads a table that
# these long runs left in the package.

# %% name="deciding"
jitter = evidence.load("jitter")  # a row for each network and test size


def by_size(way, learned="many sizes"):
    """Accuracies in percent: one row a seed, one column a test size."""
    rows = jitter.query("way == @way and training == @learned")
    return 100 * rows.pivot(index="seed", columns="size", values="accuracy")


# %% [markdown]
# The fairest comparison changes one thing alone. The head is GAP in both, the garments are the same, and so is the training. One network reads each
# size as it is, the other gets it resized.

# %% name="deciding-numbers"
LEARNED = [20, 24, 28, 32, 40, 48]  # the sizes in training, px
own_size = by_size("gap")[LEARNED].mean(axis=1)
resized = by_size("gap, resized")[LEARNED].mean(axis=1)
flat_resized = by_size("flatten, resized")[LEARNED].mean(axis=1)
freedom = own_size - resized  # points, seed by seed
print(f"GAP, each picture at its own size: {mean_spread(own_size)} %")
print(f"GAP, resized to 28 px first:       {mean_spread(resized)} %")
print(f"flattened, resized to 28 px first: {mean_spread(flat_resized)} %")
predict.settle(5, freedom.mean())

# %% name="deciding-series" tags=["hide-input"]
WAYS = {
    "GAP, own size": ("gap", figures.HEAD_STYLE["gap"]),
    "max, own size": ("max", figures.HEAD_STYLE["max"]),
    "grid, own size": ("grid", figures.HEAD_STYLE["gem"]),
    "GAP, resized": ("gap, resized", figures.HEAD_STYLE["fc_dropout"]),
    "flattened, resized": ("flatten, resized", figures.HEAD_STYLE["flatten"]),
}
style = {label: line for label, (_, line) in WAYS.items()}
many = {label: by_size(way) for label, (way, _) in WAYS.items()}
one = {label: by_size(WAYS[label][0], "one size") for label in list(WAYS)[:3]}
at_64 = {label: frame[64].mean() for label, frame in many.items()}

# %% name="deciding-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 2, figsize=(8.4, 4.4), sharey=True)
for ax, lines in zip(panels, (one, many), strict=True):
    numbers = evidence.summary({label: frame.to_numpy() for label, frame in lines.items()})
    figures.size_curves(one["GAP, own size"].columns.to_numpy(), numbers, style, 28, ax)
panels[1].axvspan(20, 48, color=figures.GREY, alpha=0.15, linewidth=0)
panels[0].set(xlabel="test size, trained on 28 px (px)", ylabel="accuracy (%)")
panels[1].set_xlabel("test size, trained on 20 to 48 px (px)")
keys = panels[1].get_legend_handles_labels()
figure.legend(*keys, loc="outside upper center", ncols=3, fontsize=9)
show(
    figure, name="fig-many-sizes",
    alt=f"Accuracy against test size. Trained on 28 pixels alone all heads peak there. Trained on 20 to 48 pixels they are flat in between and fall outside: "
    f"at 64 pixels GAP has {at_64['GAP, own size']:.0f} percent; the networks with resizing keep about 90 at every size.",
    caption="ResNet-20 on 1,000 test garments scaled to nine sizes. Trained on 10,000 garments, 12 epochs, learning rate 0.1 throughout, on 28 px alone and on many sizes "
    "(grey); mean of three seeds, band of one standard deviation. Training losses are in the table below.",
)  # fmt: skip

# %% [markdown]
# Training on many sizes lifts every head that reads a picture at its own size, but the flattest lines, at every size, belong to the networks that get the picture resized.

# %% name="deciding-table" tags=["remove-input"]
fits = evidence.load("jitter_networks").groupby(["training", "way"])["train_loss"].mean()
rows = []
for learned, lines in (("28 px", one), ("20 to 48 px", many)):
    for label, frame in lines.items():
        loss = fits["one size" if learned == "28 px" else "many sizes", WAYS[label][0]]
        row = {
            "trained on": learned,
            "head": label,
            "mean of 20 to 48 px": mean_spread(frame[LEARNED].mean(axis=1)),
        }
        row |= {f"{size} px": f"{frame[size].mean():.0f}" for size in (28, 56, 64)}
        rows.append(row | {"training loss": f"{loss:.2f}"})
figures.table(
    pd.DataFrame(rows),
    caption="Accuracy (%) of ResNet-20 by head and by the sizes in training; 10,000 garments, 12 epochs, rate 0.1, three seeds. The training loss is on the training garments at 28 px.",
)

# %% name="deciding-words" tags=["remove-input"]
gained = by_size("gap")[56] - by_size("gap", "one size")[56]
grid_less_gap = by_size("grid")[LEARNED].mean(axis=1) - own_size
at_each = by_size("gap")[LEARNED] - by_size("gap, resized")[LEARNED]  # points
ends, inside = at_each[[20, 48]].mean(axis=1), at_each[[24, 28, 32, 40]].mean(axis=1)
fit = {way: fits["many sizes", way] for way in ("gap", "gap, resized")}
say(f"""
Three things can be read off. **Training on many sizes is what makes GAP read many sizes**: at 56 px, a size that neither network saw, it adds {mean_spread(gained)} points.
**The freedom itself brings no accuracy here**: against the same head with resized pictures it is {mean_spread(freedom, 2)} points over the trained sizes. What is lost is lost at the ends:
{mean_spread(ends)} points at 20 and 48 px together, {mean_spread(inside)} at the four sizes between, and at 28 px own size is ahead by {mean_spread(at_each[28])}.
**And it is not GAP's own**: the grid head, with 49 times the weights, is {mean_spread(grid_less_gap)} points from GAP over those sizes: a tie. Above them, where neither has learned, the grid holds up better.

Two limits. Enlarged garments hold no new detail, which favours resizing. And this is the same training, not the same fit: after 12 epochs the network that reads many sizes has a training loss of {fit["gap"]:.2f}, the
resized one {fit["gap, resized"]:.2f}, so longer training may narrow the gap. On photographs a larger size brings detail: ResNet-50, trained at 224 px, is published with 80.4 % on ImageNet at 224 px and 81.2 % at 288 px
with nothing re-fitted ([below](#published)).
""")

# %% name="record-s5" tags=["hide-input"]
trial.record(
    "S5", CAVEATS, freedom.to_dict(), "points: GAP's accuracy at each picture's own size minus its accuracy after resizing",
    stands_if=(-10, 0.5), cell="deciding-numbers",
    because="Every size runs and no layer changes: that flexibility is real. On garments it brought no accuracy over resizing, trained as long, though fitted less; "
    "in transfer a frozen, flattened map was read better. A published ResNet-50 gains about a point from a larger picture.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: the side of every map
#
# A convolution or a pool with window $k$, stride $q$ and padding $p$ turns a side $s$ into
#
# $$s' = \left\lfloor \frac{s + 2p - k}{q} \right\rfloor + 1 .$$
#
# ResNet has five layers of stride 2: a $7 \times 7$ convolution with $p = 3$, and four $3 \times 3$ windows with $p = 1$. In each,
# $2p - k = -1$, so each gives $\lfloor (s - 1) / 2 \rfloor + 1 = \lceil s / 2 \rceil$. Halving and rounding up five times is dividing by 32 and
# rounding up once: the last map has side $\lceil s / 32 \rceil$. That is arithmetic on paper. Now read it off the real network, with hooks:
# functions that PyTorch calls whenever a layer has run. `counting.run_shapes` runs it on the meta device, which has shapes and no numbers.

# %% name="hooks"
SIZES_SHOWN = (1, 32, 33, 224, 300, 640)
resnet50 = counting.on_meta("resnet50")
stages = sizes.stages("resnet50")
watched = sizes.STAGES["resnet50"] | {"avgpool": "avgpool", "fc": "fc"}
shapes = {}
for size in SIZES_SHOWN:
    with sizes.watch(resnet50, watched) as shapes[size]:
        counting.run_shapes(resnet50, size)
    by_hooks = [shapes[size][stage.name][-1] for stage in stages]
    assert by_hooks == sizes.sides(stages, size)  # the formula, layer by layer

# %% name="stages" tags=["remove-input"]
rows = []
for label in [stage.name for stage in stages] + ["avgpool"]:
    sides_at = {str(size): str(shapes[size][label][-1]) for size in SIZES_SHOWN}
    rows.append({"stage": label, "channels": f"{shapes[224][label][0]:,}"} | sides_at)
rows.append(
    {"stage": "fc", "channels": f"{shapes[224]['fc'][0]:,}"} | dict.fromkeys(sides_at, "")
)
figures.table(
    pd.DataFrame(rows),
    caption="Side of the map behind each stage of the real ResNet-50, for pictures of 1 to 640 px, read by hooks; fc leaves logits.",
)  # fmt: skip

# %% [markdown]
# Read the last rows: `layer4` grows with the picture, `avgpool` is 1 x 1 for all of them, and so `fc` never notices.
# Now every size from 1 to 640, on three networks, still on the meta device.

# %% name="law"
LAST = {"resnet18": "layer4", "vgg16": "features", "alexnet": "features"}
every_size = np.arange(1, 641)


def last_side(network, last, size):
    """Return the side of a real network's last map, or 0 if it cannot run."""
    try:
        with sizes.watch(network, {"map": last, "pool": "avgpool"}) as seen:
            logits = counting.run_shapes(network, size)
    except ReaderError:
        return 0
    assert logits.shape == (1, 1000)
    if last == "layer4":  # ResNet: pooled to 1 x 1 at every size
        assert seen["pool"] == (512, 1, 1)
    return seen["map"][-1]


# %% name="law-sides"
sides = {}
for name, last in LAST.items():
    network = counting.on_meta(name)
    sides[name] = np.array([last_side(network, last, int(size)) for size in every_size])

# %% [markdown]
# Each network follows a law, here held against all 640 sizes.

# %% name="law-holds"
assert np.array_equal(sides["resnet18"], np.ceil(every_size / 32))
assert np.array_equal(sides["vgg16"], every_size // 32)
assert np.array_equal(sides["alexnet"], np.maximum(0, (every_size - 31) // 32))
for name, law in {
    "resnet18": "ceil(s / 32)",
    "vgg16": "floor(s / 32)",
    "alexnet": "floor((s - 31) / 32)",
}.items():
    smallest = every_size[sides[name] > 0].min()
    print(f"{name}: {law}; 300 px gives {sides[name][299]}; runs from {smallest} px")

# %% name="law-alike" tags=["hide-input"]
paths = {counting.last_map(f"resnet{depth}").path for depth in (18, 34, 50, 101, 152)}
assert len(paths) == 1  # the five ResNets differ in depth and channels, not in this
at = {name: {size: side[size - 1] for size in (224, 300)} for name, side in sides.items()}

# %% name="law-figure" tags=["hide-input"]
ax = figures.axes(width=7.0, height=3.6)
for name, color, dash in (("resnet18", figures.BLUE, "-"), ("vgg16", figures.ORANGE, "--"), ("alexnet", figures.GREEN, "-.")):  # fmt: skip
    ax.step(
        every_size,
        sides[name],
        where="post",
        color=color,
        linestyle=dash,
        label=name,
        linewidth=1.6,
    )
ax.axvline(300, color="#55606B", linewidth=1, linestyle=":")
ax.set(xlabel="input side (pixels)", ylabel="side of the last map (cells)")
ax.legend(loc="upper left")
show(
    ax, name="fig-last-map",
    alt=f"Side of the last map against input size, three staircases with a step every 32 pixels. At 300 pixels ResNet has {at['resnet18'][300]}, "
    f"VGG-16 {at['vgg16'][300]} and AlexNet {at['alexnet'][300]} cells; ResNet's is never below the others.",
    caption="Side of the last map for every input size from 1 to 640 pixels, read from the running networks; dotted: 300 pixels.",
)  # fmt: skip

# %% [markdown]
# All three staircases have a step every 32 pixels, because all three networks have a total stride of 32. ResNet pads, so it rounds up
# and runs even on a single pixel; VGG's pools do not pad, so it rounds down.

# %% name="record-s3" tags=["hide-input"]
predict.settle(1, shapes[300]["layer4"][-1])
assert shapes[300]["layer4"] == (2048, 10, 10)
assert shapes[300]["avgpool"] == (2048, 1, 1)
trial.record(
    "S3", HOLDS, shapes[300]["layer4"][-1], "cells is the side of ResNet-50's last map at 300 x 300 pixels",
    stands_if=(10, 10), cell="stages",
    because=f"Exactly ceil(300 / 32), pooled to 1 x 1 x 2048. The number is ResNet's own: VGG-16 has {at['vgg16'][300]}, AlexNet {at['alexnet'][300]}.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: what fails at 300
#
# First the claim's own case: the map is flattened, and each position has its own weights. A real ResNet-18 on the device, a real photograph. What is
# asked is whether it runs, so random weights will do: shapes do not depend on them.


# %% name="attempt"
def attempt(network, image):
    """Run a network; return the shape of its logits, or what the error says."""
    try:
        with torch.no_grad():
            return tuple(network(image).shape)
    except (RuntimeError, ValueError) as error:
        return "fails: " + shorten(str(error).splitlines()[0], 66, placeholder=" ...")


flat = models.torchvision_resnet("resnet18", "flatten", size=224).eval()
cat = {
    size: data.photograph("chelsea", size).tensor
    for size in (1, 32, 33, 160, 192, 193, 224, 225, 300)
}

# %% [markdown]
# The error is PyTorch's own. The two sizes just inside and just outside of the range that works stand beside 300.

# %% name="flatten-fails" tags=["nbval-ignore-output"]
said = {size: attempt(flat, cat[size]) for size in (192, 193, 224, 225, 300)}
print("\n".join(f"{size} px: {answer}" for size, answer in said.items()))
assert said[193] == said[224] == (1, 1000)
assert f"{10 * 10 * 512}" in said[300]  # the flattened 10 x 10 x 512
assert all("fails" in said[size] for size in (192, 225, 300))

# %% name="flatten-takes" tags=["remove-input"]
taken = {
    name: every_size[sides[name] == at[name][224]] for name in sides
}  # sizes with the same last map as 224 px
predict.settle(2, len(taken["resnet18"]))
say(f"""
At 300 px the matrix product does not fit: {at["resnet18"][300] ** 2 * 512:,} numbers arrive where the layer has weights for {flat.fc.in_features:,}. But it takes more than one size.
The layer needs a fixed *map*, and every picture from {taken["resnet18"].min()} to {taken["resnet18"].max()} px makes a map of 7 x 7:
{len(taken["resnet18"])} of the {len(every_size)} sizes. For a flattened VGG-16 they are {taken["vgg16"].min()} to {taken["vgg16"].max()} px,
for AlexNet {taken["alexnet"].min()} to {taken["alexnet"].max()} px.
""")

# %% [markdown]
# ### torchvision's AlexNet and VGG at 300
#
# Both end in three fully-connected layers, so by the claim both must fail.

# %% name="adaptive" tags=["nbval-ignore-output"]
real_alexnet = alexnet().eval()  # on the CPU: Apple's GPUs lack uneven windows
vgg, image = counting.on_meta("vgg16"), torch.empty(1, 3, 300, 300, device="meta")
said = []
for name, network, picture in (
    ("alexnet", real_alexnet, cat[300].cpu()),
    ("vgg16", vgg, image),
):
    said.append(f"{name} at 300 px: {attempt(network, picture)}")
    print(f"{said[-1]}\n  through {network.avgpool}")
    network.avgpool = nn.Identity()
    said.append(attempt(network, picture))
    print(f"  without that pool:\n    {said[-1]}")

# %% name="adaptive-settled" tags=["hide-input"]
predict.settle(3, "(1, 1000)" in said[0])
assert f"{8 * 8 * 256}" in said[1]
assert f"{9 * 9 * 512}" in said[3]
del real_alexnet

# %% [markdown]
# They run, and the reason is in the printed line: torchvision puts an `AdaptiveAvgPool2d((6, 6))` or `((7, 7))` before the fully-connected
# layers. At 224 px it copies its input; at 300 px it averages windows until 6 x 6 are left. Without it the flattened map no longer fits, and they fail.
# VGG's authors met this in testing by the second escape below: they read the fully-connected layers as convolutions and averaged the map of scores (Simonyan and Zisserman 2015).
# So average pooling frees AlexNet too, and it does not have to be *global*. Spatial pyramid pooling (He and others 2014) pools to several fixed grids at once for the same purpose.
# The grid head of the deciding experiment is this pool, trained.

# %% name="adaptive-copies"
x = torch.randn(1, 256, 6, 6)
pool = nn.AdaptiveAvgPool2d((6, 6))
assert torch.equal(pool(x), x)  # at 224 px AlexNet's pool does nothing
x = torch.randn(1, 256, 8, 8)
window = x[0, :, 0:2, 0:2].mean(dim=(1, 2))
torch.testing.assert_close(pool(x)[0, :, 0, 0], window)

# %% [markdown]
# ### A fully-connected layer is a convolution
#
# The second escape changes no weight. A layer that reads 7 x 7 x 512 numbers *is* a convolution with a 7 x 7 window: the same numbers, read as
# $(1000, 512, 7, 7)$ instead of $(1000, 25088)$. On a 7 x 7 map it has one place to stand. On 10 x 10 it has $(10 - 7 + 1)^2 = 16$. This is true of any weights,
# so random ones show it.

# %% name="fc-as-convolution"
as_conv = nn.Conv2d(512, 1000, kernel_size=7, device=where)
as_conv.weight.data = flat.fc.weight.data.view(1000, 512, 7, 7)
as_conv.bias.data = flat.fc.bias.data
backbone = nn.Sequential(*list(flat.children())[:-2])  # all but the pool and fc
with torch.no_grad():
    maps = {size: backbone(cat[size]) for size in (224, 300)}
    scores = {size: as_conv(feature_map) for size, feature_map in maps.items()}
print({size: tuple(score.shape) for size, score in scores.items()})

# %% [markdown]
# The scores are the old head's, on each window. The tolerance allows for a GPU that rounds to TF32.

# %% name="fc-as-convolution-equal"
equal = partial(torch.testing.assert_close, rtol=0, atol=5e-3)
with torch.no_grad():
    equal(scores[224][:, :, 0, 0], flat.fc(maps[224].flatten(1)))
    corner = maps[300][:, :, 3:10, 3:10].flatten(1)  # the last of the 16 windows
    equal(scores[300][:, :, 3, 3], flat.fc(corner))

# %% [markdown]
# At 224 px the logits are the same. At 300 px there is a map of 4 x 4 scores for each class, each equal to the old head on one window.
# Trained weights show what that is good for. Below, ResNet-20 with a **flattened** head, trained on all 60,000 garments of 28 px (15 epochs, rate 0.1), reads a canvas of 56 px,
# four times the area that its layer was made for.


# %% name="score-map"
def window_scores(seed, canvases):
    """Read ResNet-20's flattened head as a 7 x 7 convolution: ``(N, 10, 8, 8)``."""
    network = weights.load(f"resnet20-flatten-s{seed}")
    sliding = nn.Conv2d(64, 10, kernel_size=7, device=where)
    sliding.weight.data = network.fc.weight.data.view(10, 64, 7, 7)
    sliding.bias.data = network.fc.bias.data
    with torch.no_grad():
        return torch.cat(
            [sliding(network.features(batch)) for batch in training.batches(canvases)]
        ).cpu()


garments, labels = data.stratified("test", 200)
canvases = data.place(garments, 56, dx=10, dy=-10)  # corner at x = 24, y = 4 px
scored = {seed: window_scores(seed, canvases) for seed in (0, 1, 2)}

# %% [markdown]
# Is the best window of the garment's own class at the garment? And is the class with the highest score anywhere the right one?

# %% name="score-map-found" tags=["nbval-ignore-output"]
near, right = {}, {}
for seed, score in scored.items():
    own = score[torch.arange(len(labels)), labels].flatten(1).argmax(dim=1)
    # the garment's own window: row 4 / 4, column 24 / 4, for the total stride is 4
    off = torch.maximum((own // 8 - 1).abs(), (own % 8 - 6).abs())
    near[seed] = 100 * float((off <= 1).float().mean())
    best = score.amax(dim=(2, 3)).argmax(dim=1)
    right[seed] = 100 * float((best == labels).float().mean())
print(f"best window within one cell of the garment: {mean_spread(near.values())} %")
print(f"class of the best window is right: {mean_spread(right.values())} %")

# %% name="score-map-figure" tags=["hide-input"]
assert int(scored[0][0, labels[0]].argmax()) == 1 * 8 + 6  # row 1, column 6: where it lies
shown = [int(labels[0]), *(c for c in (7, 5, 8) if c != labels[0])]
show(
    figures.map_grid(
        scored[0][0, shown].numpy(),
        [data.CLASSES[c] for c in shown],
        "score (logit)",
        columns=5,
        photograph=np.repeat(canvases[0, 0].numpy()[:, :, None], 3, axis=2),
    ),
    name="fig-score-map",
    alt=f"{data.CLASSES[labels[0]]} in the upper right of a black canvas of 56 pixels, and maps of 8 x 8 scores for it and three other classes; "
    "the highest score for the right class is at the window where the garment is.",
    caption="A flattened head read as a convolution: the first test garment on a canvas of 56 x 56 pixels, and 8 x 8 scores for four of the ten classes.",
)

# %% [markdown]
# The brightest cell of the first map is the window that holds the garment: the flattened head takes the larger picture and says *where*; a pooled
# head gives one answer for the whole canvas. To say *what* it is less fit: most windows hold half a garment or none, which the layer never saw in training, and some of them score high for a wrong class.

# %% name="record-s1" tags=["hide-input"]
trial.record(
    "S1", CAVEATS, len(taken["resnet18"]), "of 640 input sizes are taken by a ResNet-18 with a flattened head",
    stands_if=(2, 639), cell="flatten-takes",
    because="A literal flatten needs one map size, which is not one picture size. With fully-connected layers left in place there are two escapes: "
    "an adaptive pool before them, or the same weights read as a convolution.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: "average pooling" is not yet "global"
#
# The claim that no later layer needs adjusting rests on one word. The original Caffe release of ResNet, and torchvision for some time, had
# `AvgPool2d(7, stride=1)`: a window, of the size that the map has at 224 px. At 224 px nobody can tell the difference.

# %% name="window-pool" tags=["nbval-ignore-output"]
resnet18 = models.torchvision_resnet("resnet18").eval()
over_global = attempt(resnet18, cat[300])
resnet18.avgpool = nn.AvgPool2d(7, stride=1)
at_160, at_224, at_300 = (attempt(resnet18, cat[size]) for size in (160, 224, 300))
print(f"global pool, 300 px: {over_global}")
for size, answer in ((160, at_160), (224, at_224), (300, at_300)):
    print(f"AvgPool2d(7, stride=1), {size} px:\n    {answer}")
assert over_global == at_224 == (1, 1000)
assert f"{(10 - 7 + 1) ** 2 * 512}" in at_300
assert "fails" in at_160

# %% [markdown]
# At 300 px the window has $(10 - 7 + 1)^2 = 16$ places to stand, 16 x 512 numbers arrive at `fc`, and it fails just as a flattened head does.
# At 160 px the window does not even fit. Both pools are the same function where the map is 7 x 7, and nowhere else.

# %% [markdown]
# ### The smallest pictures
#
# With a global pool ResNet runs on one pixel, as the law says. Training is another matter.

# %% name="smallest" tags=["nbval-ignore-output"]
resnet18.avgpool = nn.AdaptiveAvgPool2d(1)
said = {}
for size in (1, 32, 33):
    said[size, "eval"] = attempt(resnet18.eval(), cat[size])
    said[size, "train"] = attempt(resnet18.train(), cat[size])
print("\n".join(f"{size} px, {mode}: {told}" for (size, mode), told in said.items()))
assert all(said[size, "eval"] == (1, 1000) for size in (1, 32, 33))
assert "more than 1 value per channel" in said[32, "train"]
assert said[33, "train"] == (1, 1000)
assert attempt(resnet18.train(), cat[32].repeat(2, 1, 1, 1)) == (2, 1000)

# %% [markdown]
# One picture of 32 px leaves a map of 1 x 1, and batch norm in training mode has no variance to take from one number a channel. At 33 px the map is
# 2 x 2 and it runs. A second picture in the batch would also do.

# %% name="record-s4" tags=["hide-input"]
runs_global = int((sides["resnet18"] > 0).sum())
runs_window = int((sides["resnet18"] == 7).sum())
trial.record(
    "S4", CAVEATS, runs_global, "of 640 input sizes run through ResNet-18 with a global pool and nothing adjusted",
    stands_if=(640, 640), cell="window-pool",
    because=f"It has to be global: with AvgPool2d(7, stride=1) {runs_window} sizes are left. And to run is not to be right: adjusting the classifier pays.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: trained on one size
#
# The deciding experiment trained on many sizes. Most networks are trained on one. Here are the book's reference networks: ResNet-20 with a GAP or a global max head,
# trained on all 60,000 garments of 28 x 28 px for 15 epochs at a learning rate of 0.1, and then shown 1,000 test garments of other sizes, in two ways.
# **Scaled**: the garment grows with the picture. **Canvas**: the garment keeps its 28 px and the black around it grows.

# %% name="evidence"
table = evidence.load("size")


def runs(column, kind, head="gap", remedy="none"):
    """Return one row a seed, one column a test size."""
    chosen = table.query("kind == @kind and head == @head and remedy == @remedy")
    return chosen.pivot(index="seed", columns="size", values=column)


scaled = 100 * runs("accuracy", "scaled")
canvas = {head: 100 * runs("accuracy", "canvas", head) for head in ("gap", "max")}
predict.settle(4, scaled[56].mean() - scaled[28].mean())
for size in scaled:
    print(f"GAP, scaled to {size} px: {mean_spread(scaled[size])} %")

# %% name="accuracy-figure" tags=["hide-input"]
fit = evidence.load("whole").groupby("head")["train_loss"].mean()
figure, panels = figures.plt.subplots(1, 2, figsize=(8.2, 3.3), sharey=True)
for ax, kind in zip(panels, ("scaled", "canvas"), strict=True):
    by_head = {head: 100 * runs("accuracy", kind, head) for head in ("gap", "max")}
    figures.size_curves(
        by_head["gap"].columns.to_numpy(),
        evidence.summary({head: frame.to_numpy() for head, frame in by_head.items()}),
        figures.HEAD_STYLE, 28, ax, xlabel=f"test size, {kind} (px)",
    )  # fmt: skip
panels[0].set_ylabel("accuracy (%)")
panels[0].legend(loc="upper right")
show(
    figure, name="fig-size-accuracy",
    alt=f"Accuracy against test size for GAP and global max. Both peak at the training size of 28 pixels. Scaled to 56 pixels GAP falls to {scaled[56].mean():.0f} percent; "
    f"on a canvas of 56 pixels GAP to {canvas['gap'][56].mean():.0f} and max to {canvas['max'][56].mean():.0f} percent.",
    caption=f"Accuracy of ResNet-20 by test size, nothing re-fitted: three seeds, band of one standard deviation. 60,000 garments, 15 epochs, rate 0.1, training loss {fit['gap']:.2f} (GAP) and {fit['max']:.2f} (max). The garment is scaled, or the canvas grows around it.",
)  # fmt: skip

# %% [markdown]
# Both heads are best at the size of the training pictures and fall away from it, and no error is raised anywhere on these curves. On the canvas they part. Three seeds are few, so look at each of them.

# %% name="canvas-seeds"
for head, frame in canvas.items():
    told = ", ".join(f"{accuracy:.0f} %" for accuracy in frame[56])
    print(f"{head} on a canvas of 56 px, seeds 0, 1, 2: {told}")
refit_canvas = {}
for head in canvas:
    refit_canvas[head] = 100 * runs("accuracy", "canvas", head, "classifier")[56]
    print(f"{head}, classifier re-fitted: {mean_spread(refit_canvas[head])} %")
assert (canvas["max"][56] - canvas["gap"][56] > 20).all()
assert (refit_canvas["gap"] > refit_canvas["max"]).all()

# %% name="canvas-words" tags=["remove-input"]
ahead = canvas["max"][56] - canvas["gap"][56]
behind = refit_canvas["gap"] - refit_canvas["max"]
say(f"""
With nothing re-fitted the maximum is ahead by {mean_spread(ahead, 0)} points, and in every seed: this is resolved, and it is a case against the average, for most of what it averages is
background. With the classifier re-fitted the order turns: GAP is ahead by {mean_spread(behind)} points, in every seed too. So the background destroyed only a part of what GAP's vector holds ({refit_canvas["gap"].mean():.0f} % after re-fitting, {canvas["gap"][28].mean():.0f} % without the canvas).
The rest it moved to where the old classifier cannot read it.
""")

# %% [markdown]
# A slice of the table, measured again from the stored network, and with it the remedy that needs no pool at all: scale the picture back.

# %% name="slice" tags=["nbval-ignore-output"]
network = weights.load("resnet20-gap-s0")
test = data.stratified("test", 500)
enlarged = data.resize(test[0], 56)
scaled_back = data.resize(enlarged, 28)
live = {
    what: 100 * training.accuracy(network, (pictures, test[1]))
    for what, pictures in (
        ("28 px", test[0]),
        ("enlarged to 56 px", enlarged),
        ("enlarged and scaled back to 28 px", scaled_back),
    )
}
print("\n".join(f"seed 0, {what}: {accuracy:.1f} %" for what, accuracy in live.items()))
assert abs(live["enlarged to 56 px"] - scaled.loc[0, 56]) < 5
assert abs(live["28 px"] - live["enlarged and scaled back to 28 px"]) < 4

# %% [markdown]
# The pictures at 56 px are the same pictures. What changed is what the pool hands on. Here is the pooled vector: its mean over pictures and channels, and its
# spread, the standard deviation over pictures, which is what a classifier has to tell garments apart by.

# %% name="pooled-figure" tags=["hide-input"]
figure, grid = figures.plt.subplots(2, 2, figsize=(8.2, 4.5), sharex="col", sharey="row")
for row, column in zip(grid, ("pooled_mean", "pooled_spread"), strict=True):
    for ax, kind in zip(row, ("scaled", "canvas"), strict=True):
        relative = {h: (f := runs(column, kind, h)).div(f[28], axis=0) for h in ("gap", "max")}
        x = relative["gap"].columns.to_numpy()
        series = evidence.summary({head: f.to_numpy() for head, f in relative.items()})
        figures.size_curves(x, series, figures.HEAD_STYLE, 28, ax)
        row[0].set_ylabel(column.replace("_", " "))
        grid[1][0].set_xlabel("test size, scaled (px)")
        grid[1][1].set_xlabel("test size, canvas (px)")
grid[0][0].legend(loc="lower right")
ratio = {kind: runs("pooled_spread", kind).pipe(lambda f: f.div(f[28], axis=0)) for kind in ("scaled", "canvas")}  # fmt: skip
show(
    figure, name="fig-pooled",
    alt=f"Mean and spread of the pooled vector against test size, relative to 28 pixels. GAP's spread falls to {ratio['scaled'][56].mean():.2f} at 56 pixels scaled and to "
    f"{ratio['canvas'][56].mean():.2f} on a canvas; that of global max falls to about half in both.",
    caption="The pooled vector by test size, relative to its own value at the training size: its mean, and its spread over pictures; three seeds.",
)  # fmt: skip

# %% name="pooled-words" tags=["remove-input"]
mean_ratio = runs("pooled_mean", "scaled").pipe(lambda f: f.div(f[28], axis=0))
max_ratio = runs("pooled_spread", "canvas", "max").pipe(lambda f: f.div(f[28], axis=0))
say(f"""
Look at the *pooled spread*: pictures that differed at 28 px look more and more alike to the classifier. At 56 px GAP's spread is
{mean_spread(ratio["scaled"][56], 3)} of what it was (scaled) and {mean_spread(ratio["canvas"][56], 2)} (canvas, where most of the average is background; the maximum keeps
{mean_spread(max_ratio[56], 2)} there). Its mean moves less: {mean_spread(mean_ratio[56], 2)} at 56 px.
""")

# %% name="record-s2" tags=["hide-input"]
assert all(shapes[size]["avgpool"] == (2048, 1, 1) for size in SIZES_SHOWN)
trial.record(
    "S2", CAVEATS, ratio["scaled"][56].to_dict(), "times the spread at 28 px is left in the pooled vector at 56 px",
    stands_if=(0, 0.9), cell="pooled-words",
    because="The shape of the output depends on the channels alone, at all 640 sizes. Its values do not: the same garments at twice the size "
    "are pooled to vectors that differ far less from each other.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: the remedy
#
# Three repairs, each from 1,000 *training* pictures at the new size, none of which touches a convolution: measure batch norm's statistics anew, re-fit
# the linear layer behind the pool, or both.

# %% name="remedies"
REMEDIES = {
    "as trained": "none",
    "batch norm re-fitted": "batch_norm",
    "classifier re-fitted": "classifier",
    "both re-fitted": "both",
}
repaired = {"scaled": {}, "canvas": {}}
for kind, by_remedy in repaired.items():
    for label, remedy in REMEDIES.items():
        by_remedy[label] = 100 * runs("accuracy", kind, "gap", remedy)
lost = scaled[28] - scaled[56]
regained = {name: frame[56] - scaled[56] for name, frame in repaired["scaled"].items()}
print(f"points lost at 56 px scaled: {mean_spread(lost)}")
for label in list(REMEDIES)[1:]:
    print(f"regained with {label}: {mean_spread(regained[label])}")
assert (regained["classifier re-fitted"] > lost / 2).all()

# %% name="remedies-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 2, figsize=(8.2, 3.7), sharey=True)
for ax, kind in zip(panels, ("scaled", "canvas"), strict=True):
    series = evidence.summary({label: f.to_numpy() for label, f in repaired[kind].items()})
    x = repaired[kind]["as trained"].columns.to_numpy()
    figures.size_curves(x, series, figures.REMEDY_STYLE, 28, ax)
    ax.set_xlabel(f"test size, {kind} (px)")
panels[0].set_ylabel("accuracy (%)")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9)  # fmt: skip
on_canvas = {label: frame[56] for label, frame in repaired["canvas"].items()}
show(
    figure, name="fig-remedy",
    alt=f"Accuracy of the GAP network by test size with four treatments. At 56 pixels scaled: {scaled[56].mean():.0f} percent as trained, "
    f"{repaired['scaled']['batch norm re-fitted'][56].mean():.0f} with batch norm, {repaired['scaled']['classifier re-fitted'][56].mean():.0f} with the classifier re-fitted.",
    caption="What re-fitting buys the GAP networks of the last section at each test size: mean of three seeds, band of one standard deviation.",
)  # fmt: skip

# %% name="remedies-words" tags=["remove-input"]
say(f"""
The triangles stay high: re-fitting one linear layer at 56 px returns {mean_spread(regained["classifier re-fitted"])} of the {mean_spread(lost)} points that were lost.
So the pooled vector still *holds* much of what tells the classes apart. Batch norm alone returns {mean_spread(regained["batch norm re-fitted"])} points. On the canvas
batch norm does harm beside the classifier: at 56 px the classifier alone reaches {mean_spread(on_canvas["classifier re-fitted"])} %, both together
{mean_spread(on_canvas["both re-fitted"])} %. A likely reason: the statistics are then taken over background for the most part.
""")

# %% [markdown]
# ### The published figures beside ours
#
# On ImageNet a larger test size can **gain**. Touvron and others (2019) named the reason the *train-test resolution discrepancy*.

# %% name="published" tags=["remove-input"]
refitted = repaired["scaled"]["classifier re-fitted"]
rows = [(f"28, {s} px", mean_spread(scaled[s]), mean_spread(refitted[s])) for s in (28, 56)]
rows = [("ResNet-20 (ours), garments", *row) for row in rows] + [
    ("ResNet-50 (Touvron 2019), ImageNet", "224, 224 px", "77.0", ""),
    ("ResNet-50 (Touvron 2019), ImageNet", "224, 384 px", "", "79.0"),
    ("ResNet-50 (Wightman 2021), ImageNet", "224, 224 px", "80.4", ""),
    ("ResNet-50 (Wightman 2021), ImageNet", "224, 288 px", "81.2", ""),
]
figures.table(
    pd.DataFrame(rows, columns=["network", "trained, tested", "as trained", "re-fitted"]),
    caption="Top-1 accuracy (%); ours over three seeds. Re-fitted at the test size: ours the linear layer, Touvron and others the last layers. "
    "An empty cell was not measured by us, or not read in a source. 80.4 is from the paper's abstract; 81.2 is the same weights (resnet50.a1_in1k) in the results table of the library timm.",
)

# %% [markdown]
# Compare the column "as trained" alone: ours loses, that of Wightman and others (2021) gains, with nothing re-fitted in either. It should be so. ImageNet's training crops are random and enlarged, so objects look
# larger in training than in testing; a larger test picture brings their size back to what the network has seen, and adds detail. (At 288 px timm also shows the whole picture in place of a
# crop of 95 % of its side.) Our garments have one size in training, so every other size is a mismatch. In both cases what matters is the
# apparent **size of the object** and the **statistics behind the pool**. Neither is a question of shape. Alsallakh and others (2023, *Mind the Pool*)
# add a third cause: the rounding in the strided layers itself lets a network overfit the input size, so that accuracy drops at certain sizes next to good ones.

# %% [markdown]
# ## Further evidence: votes and gradients at another size
#
# Why does the trained network fail on a larger picture? Look at what the last map says, and at what goes back through it. The logit of a class is a sum over the
# cells of the last map, so each cell has a **vote**: its activations times the gradient of the logit with respect to them, summed over channels. The votes and the bias add up to the
# logit, for the average and for the maximum. (`models.parts` returns a network's last map, pooled vector and logits.)


# %% name="votes"
def votes(network, pictures, labels):
    """Return each cell's vote for the right class, and the gradient at the last map."""
    images, labels = data.normalise(pictures), labels.to(where)

    def right_logit(logits):
        return logits.gather(1, labels[:, None]).sum()

    gradient = gradients.at(network, images, ["layer3"], right_logit)["layer3"]
    with torch.no_grad():
        seen = models.parts(network, images)
    return (gradient * seen.feature_map).sum(dim=1), gradient, seen.logits


# %% [markdown]
# One test garment: as in training, enlarged to 56 px, and on a canvas of 56 px. The reference networks of seed 0.

# %% name="votes-check"
chosen = int((labels == data.CLASSES.index("Coat")).nonzero()[0])
coat, its_label = garments[[chosen]], labels[[chosen]]
shown = {
    "28 px": coat,
    "scaled to 56 px": data.resize(coat, 56),
    "canvas of 56 px": data.place(coat, 56),
}
heads = {head: weights.load(f"resnet20-{head}-s0") for head in ("gap", "max")}
for head, network in heads.items():
    for what, picture in shown.items():
        vote, gradient, logits = votes(network, picture, its_label)
        logit, bias = logits[0, its_label].item(), network.fc.bias[its_label].item()
        assert abs(float(vote.sum()) + bias - logit) < 0.02
        cells = vote.shape[-1] ** 2
        print(f"{head}, {what}: {cells} cells, logit of the right class {logit:.1f}")


# %% [markdown]
# And backwards: which pixels does the right class's logit listen to? The gradient at the picture says it.


# %% name="input-gradient"
def input_gradient(network, pictures, labels):
    """Return the size of the right logit's gradient at each pixel, ``(N, H, W)``."""
    images = data.normalise(pictures).requires_grad_()
    network(images).gather(1, labels.to(where)[:, None]).sum().backward()
    return images.grad.abs().sum(dim=1)


# %% name="votes-drawn" tags=["hide-input"]
COLUMNS = ("GAP: votes", "GAP: gradient", "max: votes", "max: gradient")
drawn = {}
for what, picture in shown.items():
    both = []
    for network in heads.values():
        both.append(votes(network, picture, its_label)[0][0].cpu().numpy())
        both.append(input_gradient(network, picture, its_label)[0].cpu().numpy())
    drawn[what] = dict(zip(COLUMNS, both, strict=True))
strongest = {what: np.abs(maps["GAP: votes"]).max() for what, maps in drawn.items()}


# %% name="votes-row" tags=["hide-input"]
def draw_row(line, what):
    """Draw a picture, and the votes and gradients of both heads, each column on one scale."""
    few = partial(figures.plt.get_cmap, lut=25)  # few colours: three maps share one palette
    line[0].imshow(shown[what][0, 0], cmap=few("gray"))
    line[0].set_ylabel(what, fontsize=9)
    images = []
    for ax, title in zip(line[1:], COLUMNS, strict=True):
        top = max(np.abs(maps[title]).max() for maps in drawn.values())
        name, low = ("RdBu_r", -top) if "votes" in title else ("viridis", 0)
        steps = np.round(drawn[what][title] / top, 3) * top
        images.append(ax.imshow(steps, vmin=low, vmax=top, cmap=few(name)))
    for ax in line:
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
    return images


# %% name="votes-figure" tags=["hide-input"]
figure, grid = figures.plt.subplots(3, 5, figsize=(8.6, 5.6))
rows = [draw_row(line, what) for line, what in zip(grid, shown, strict=True)]
for place, title in enumerate(("picture", *COLUMNS)):
    grid[0][place].set_title(title, fontsize=10)
    image = rows[0][place - 1] if place else grid[0][0].images[0]
    label = "logit" if "votes" in title else "gradient"
    bar = figure.colorbar(
        image, ax=grid[:, place], orientation="horizontal", label=label, pad=0.03
    )
    bar.ax.set_visible(place > 0)  # the pictures keep the room, so that the rows stay level
show(
    figure, name="fig-votes",
    alt=f"A coat at 28 pixels, enlarged, and on a canvas; votes and input gradients of GAP and of global max. GAP's strongest vote falls from {strongest['28 px']:.2f} at 28 pixels "
    f"to {strongest['canvas of 56 px']:.2f} on the canvas, where the empty cells vote as well; the maximum's votes stay on single cells.",
    caption="ResNet-20 with GAP and with global max (60,000 garments of 28 px, 15 epochs, rate 0.1, seed 0): what each cell of the last map adds to the logit of the right class, and the size of that logit's gradient at each pixel. One colour scale a column.",
)  # fmt: skip

# %% [markdown]
# Down each GAP column the votes fade. To a quarter would be arithmetic, for each cell has 1/196 of the mean in place of 1/49; that they fade further says that the features themselves
# answer less. On the canvas the empty cells around the coat vote too.
#
# Now over 100 garments and three seeds: which part of the gradient at the last map lands on the garment's own cells? The garment is put on a multiple of the total stride,
# so that it has exactly 7 x 7 of the 14 x 14 cells.

# %% name="gradient-share"
on_garment = {head: {} for head in ("gap", "max")}
placed = data.place(garments[:100], 56, dx=2, dy=2)  # pixels 16 to 43: cells 4 to 10
for head in on_garment:
    for seed in (0, 1, 2):
        network = weights.load(f"resnet20-{head}-s{seed}")
        _, gradient, _ = votes(network, placed, labels[:100])
        size_at = gradient.abs().sum(dim=1)
        inside = size_at[:, 4:11, 4:11].sum(dim=(1, 2)) / size_at.sum(dim=(1, 2))
        on_garment[head][seed] = 100 * float(inside.mean())
    print(f"{head}: {mean_spread(on_garment[head].values())} % on the garment's cells")
assert all(abs(share - 25) < 0.01 for share in on_garment["gap"].values())

# %% [markdown]
# The average sends a quarter of its gradient to the garment, whatever the weights: a quarter of the cells is the garment's. The rest teaches, or blames, the background. The
# maximum sends its gradient to the cells that won, on the garment or not. So the averages of a larger picture are diluted going forward and the gradient is diluted going back,
# and a network fine-tuned on such canvases needs to know where the object is, for the pool does not.
#
# If dilution is the whole story on the canvas, an average over the garment's 49 cells alone must give the accuracy back.

# %% name="masked-mean" tags=["nbval-ignore-output"]
everywhere, masked = {}, {}
for seed in (0, 1, 2):
    network = weights.load(f"resnet20-gap-s{seed}")
    with torch.no_grad():
        maps = network.features(data.normalise(placed))
        for cells, found in ((maps, everywhere), (maps[:, :, 4:11, 4:11], masked)):
            named = network.fc(cells.mean(dim=(2, 3))).argmax(dim=1).cpu()
            found[seed] = 100 * float((named == labels[:100]).float().mean())
print(f"average over all 196 cells:          {mean_spread(everywhere.values(), 0)} %")
print(f"average over the garment's 49 cells: {mean_spread(masked.values(), 0)} %")
assert all(masked[seed] > everywhere[seed] + 20 for seed in masked)

# %% [markdown]
# It gives back much, and not all. So most of the loss on a canvas is dilution: where a mask or a box is known, average inside of it. The rest must be in the cells themselves. A likely reason
# is the border: in training the zero padding began where the garment's frame ended, and on the canvas it is far away.

# %% [markdown]
# ## Further evidence: transfer to handwritten digits
#
# S5 names transfer first. Take the networks that were trained on 60,000 garments and teach them scikit-learn's handwritten digits: 8 x 8 px, enlarged to 28. There are 50 or 500 digits to
# learn from, 200 to choose by, and 500 to test. **Classifier**: the network is frozen and a logistic regression reads its vector, standardised: each number less its mean, over its spread.
# Without that, one penalty on the weights would press harder on a head whose vectors are short. **Whole**: all weights learn, the classifier afresh. **Fresh**: the same from random weights, the
# control. Both take 30 epochs, and then batch norm is measured anew. Each seed's rate, of five from 0.01 to 1.0, and each seed's penalty, of six, is chosen by the other seeds' validation digits: that is
# what `evidence.tuned` does.

# %% name="transfer"
transfer = evidence.load("transfer")
TUNED = ("lr", "penalty")
at_best = evidence.tuned(transfer, ["how", "head", "train_size"], rates=TUNED)
digits = {
    key: 100 * rows.set_index("seed")["test_accuracy"]
    for key, rows in at_best.groupby(["how", "head", "train_size"])
}
for how in ("classifier", "whole", "fresh"):
    for head in ("gap", "max", "flatten"):
        accuracies = digits[how, head, 500]
        print(f"500 digits, {how}, {head}: {mean_spread(accuracies)} %")

# %% name="transfer-panel" tags=["hide-input"]
HOWS = ("classifier", "whole", "fresh")
frozen = {head: digits["classifier", head, 500] for head in ("gap", "max", "flatten")}


def draw_panel(ax, count):
    """Draw accuracy by way of learning and head, for one number of digits."""
    for place, head in enumerate(frozen):
        values = [digits[how, head, count] for how in HOWS]
        spots = np.arange(3) + 0.18 * (place - 1)
        line = figures.HEAD_STYLE[head] | {"linestyle": ""}
        means, errors = [v.mean() for v in values], [v.std() for v in values]
        ax.errorbar(spots, means, errors, label=head, capsize=3, **line)
    ax.set(xticks=range(3), xlim=(-0.5, 2.5), xlabel=f"{count} digits to learn from")
    ax.set_xticklabels(["frozen,\nclassifier only", "whole", "fresh"])


# %% name="transfer-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 2, figsize=(8.2, 3.9), sharey=True)
for ax, count in zip(panels, (50, 500), strict=True):
    draw_panel(ax, count)
panels[0].set_ylabel("accuracy (%)")
keys = panels[0].get_legend_handles_labels()
figure.legend(*keys, loc="outside upper center", ncols=3)
show(
    figure, name="fig-transfer",
    alt=f"Accuracy on 500 test digits by head and way of learning. With the network frozen and 500 digits the flattened head reaches {frozen['flatten'].mean():.0f} percent, max {frozen['max'].mean():.0f} and GAP {frozen['gap'].mean():.0f}. "
    "With all weights trained and 500 digits GAP and max are ahead of the flattened head, and a fresh GAP network is as good as a transferred one.",
    caption="ResNet-20, trained on 60,000 garments (15 epochs, rate 0.1), taught handwritten digits: 30 epochs, rates chosen on validation digits; mean and standard deviation of three seeds. Training losses are in the table.",
)  # fmt: skip

# %% [markdown]
# With the network frozen the order is flattened, maximum, average; with all weights trained and 500 digits the pooled heads are ahead of the flattened one, with 50 no head clearly leads. And with 500 digits no transferred network beats a fresh one with GAP.

# %% name="transfer-rates" tags=["remove-input"]
rates = {
    (how, head, count): ", ".join(
        f"{value:g}"
        for value in sorted(rows["penalty" if how == "classifier" else "lr"].unique())
    )
    for (how, head, count), rows in at_best.groupby(["how", "head", "train_size"])
}
losses = at_best.groupby(["how", "head", "train_size"])["train_loss"].mean()

# %% name="transfer-table" tags=["remove-input"]
rows = [
    {"how": how, "head": head}
    | {f"{count} digits": mean_spread(digits[how, head, count]) for count in (50, 500)}
    | {"rates, or penalties": f"{rates[how, head, 50]}; {rates[how, head, 500]}"}
    | {"training loss": f"{losses[how, head, 50]:.3f}; {losses[how, head, 500]:.3f}"}
    for how in ("classifier", "whole", "fresh")
    for head in ("gap", "max", "flatten")
]
figures.table(
    pd.DataFrame(rows),
    caption="Accuracy (%) on 500 digits, three seeds; rates (for the classifier alone, penalties) and training losses with 50, then with 500 digits, after 30 epochs where weights of the network learn. "
    "0.01 is the lowest rate tried: fresh networks with max or a flattened head might do better below it. Of the penalties the flattened head takes the lowest; larger ones are as good.",
)

# %% [markdown]
# ### Is it the head, or what is read?
#
# GAP hands on 64 numbers, flattening 3,136. So the frozen comparison mixes two things. Take them apart, live: one set of weights, those of GAP, and the map read in
# three ways: averaged, averaged over a grid of 2 x 2, and flattened. Beside it a network that learned nothing, with the same readings.

# %% name="readings"
READINGS = {
    "averaged": lambda maps: maps.mean(dim=(2, 3)),
    "2 x 2 grid": lambda maps: F.adaptive_avg_pool2d(maps, 2).flatten(1),
    "flattened": lambda maps: maps.flatten(1),
}


def maps_of(network, pictures):
    """Return a frozen network's last maps, on the CPU."""
    with torch.no_grad():
        found = [network.features(batch) for batch in training.batches(pictures)]
    return torch.cat(found).cpu()


# %% [markdown]
# The digits are shared out as in the long runs: 200 to choose by, 500 to learn from, the last 500 to test.

# %% name="share-out"
pictures, names_of = data.digits()


def share_out(seed, count=500):
    """Return the digits' numbers: to choose by, to learn from, to test."""
    draws = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(pictures) - 500, generator=draws)
    rest = torch.arange(len(pictures) - 500, len(pictures))
    return torch.cat([order[: 200 + count], rest])


# %% name="untrained"
def untrained(seed):
    """Return a ResNet-20 with random weights, batch norm measured on garments."""
    network = models.build("resnet20", seed=seed)
    training.refit_batch_norm(network, garments)
    return network


# %% [markdown]
# The classifier is a logistic regression on standardised vectors, as in the table. How tightly it is held in check, scikit-learn's `C`, is chosen by 200 digits that it neither
# learns from nor is tested on.


# %% name="read-out"
def read_out(maps, seed, reading):
    """Fit a classifier to 500 digits; return its accuracy on the last 500 (%)."""
    vectors = READINGS[reading](maps).numpy()
    names = names_of[share_out(seed)].numpy()
    choose, learn, test = slice(200), slice(200, 700), slice(700, None)
    vectors = StandardScaler().fit(vectors[learn]).transform(vectors)
    scores = {}
    for c in (0.02, 0.2, 2.0, 20.0):
        fitted = LogisticRegression(C=c, tol=1e-6, max_iter=1000)
        fitted.fit(vectors[learn], names[learn])
        chosen_by = fitted.score(vectors[choose], names[choose])
        scores[chosen_by] = 100 * fitted.score(vectors[test], names[test])
    return scores[max(scores)]


# %% name="read-both" tags=["nbval-ignore-output"]
read = {}
for who in ("trained with GAP", "untrained"):
    for seed in (0, 1, 2):
        network = untrained(seed)
        if who != "untrained":
            network = weights.load(f"resnet20-gap-s{seed}")
        maps = maps_of(network, pictures[share_out(seed)])
        for reading in READINGS:
            read.setdefault((who, reading), {})[seed] = read_out(maps, seed, reading)
for (who, reading), accuracies in read.items():
    print(f"{who}, {reading}: {mean_spread(accuracies.values())} %")

# %% name="read-checked" tags=["hide-input"]
at_28 = read["trained with GAP", "averaged"]
assert all(
    abs(accuracy - frozen["gap"][seed]) < 4 for seed, accuracy in at_28.items()
)  # the table
assert min(read["trained with GAP", "flattened"].values()) > 85
assert min(read["untrained", "flattened"].values()) > 85

# %% [markdown]
# The network that was trained **with GAP**, read flattened, is nearly as good as the one that was trained flattened: the layout was in its map, and the average threw it away.
# And garments taught these maps little about digits: an untrained network, read in the same three ways, does as well.
#
# One freedom is left to try, and it is the one of this chapter: a pooled head lets us choose at which *size* the digits are read. A flattened head does not.

# %% name="digit-size" tags=["nbval-ignore-output"]
smaller = {}
for seed in (0, 1, 2):
    network = weights.load(f"resnet20-gap-s{seed}")
    small = data.resize(pictures[share_out(seed)], 12)
    smaller[seed] = read_out(maps_of(network, small), seed, "averaged")
print(f"averaged, digits of 28 px: {mean_spread(at_28.values())} %")
print(f"averaged, digits of 12 px: {mean_spread(smaller.values())} %")
assert all(smaller[seed] > at_28[seed] for seed in at_28)

# %% name="transfer-words" tags=["remove-input"]
ahead = {
    (head, count): digits["whole", head, count] - digits["fresh", head, count]
    for head in frozen
    for count in (50, 500)
}
assert all((points > 0).all() for (_, count), points in ahead.items() if count == 50)
assert max(losses["whole", head, 50] for head in frozen) < 0.01
say(f"""
Here the freedom pays: at 12 px, one smaller size that we tried, with a map of 3 x 3, the same frozen GAP network reads digits at {mean_spread(smaller.values(), 0)} % in place of {mean_spread(at_28.values(), 0)} % at 28 px. It is still behind the
flattened reading. So: **shape freedom makes transfer easier, not better by itself.** What decided here is how much layout the classifier may read, and whether the weights may learn. With 50 digits a
transferred whole network is ahead of a fresh one with every head and in every seed: by {mean_spread(ahead["gap", 50], 0)} points with GAP, {mean_spread(ahead["max", 50], 0)} with max, {mean_spread(ahead["flatten", 50], 0)} flattened. That is not all better features: 30 epochs are
then 30 steps, in which the transferred networks learn their digits by heart and the fresh ones nearly (training losses in the table). With 500 digits nothing of the lead is left with GAP ({mean_spread(ahead["gap", 500])} points); with max it is {mean_spread(ahead["max", 500])}, flattened {mean_spread(ahead["flatten", 500])}.

There is a published case against pooled heads in transfer. Zhang and others (2017, *In Defense of Fully Connected Layers in Visual Representation Transfer*) report that where images or task lie far from
those of the first training, pre-trained fully-connected layers are essential for high accuracy. Garments to digits is such a case, though our flattened head is one linear layer and theirs are the deep
ones of older networks. One small network and one pair of data sets: take the question along, not the numbers.
""")

# %% [markdown]
# ## Further evidence: a real ImageNet network on photographs
#
# EfficientNet-Lite0 (or ResNet-50, if you chose it) has ImageNet weights, a total stride of 32 and a GAP head. Six photographs, nine sizes. We follow the class that it names at 224 px. Whether
# the name is *right* is not asked here: the photographs have no ImageNet label.

# %% name="photographs"
photo_sizes = (96, 128, 160, 192, 224, 256, 320, 384, 448)
photo_network = weights.photo_network()
rows = []
for name in data.PHOTOGRAPHS:
    for size in photo_sizes:
        with torch.no_grad():
            seen = models.parts(photo_network, data.photograph(name, size).tensor)
        probabilities = seen.logits.softmax(dim=1)[0].cpu()
        pooled = float(seen.pooled.mean())
        rows.append((name, size, int(probabilities.argmax()), pooled, probabilities))
        assert seen.feature_map.shape[-1] == -(-size // 32)
photos = pd.DataFrame(rows, columns=["name", "size", "top", "pooled", "probabilities"])
at_224 = photos[photos["size"] == 224].set_index("name")

# %% name="photographs-follow" tags=["hide-input"]
photos["class"] = photos["name"].map(at_224["top"])
photos["probability"] = [
    float(p[c]) for p, c in zip(photos.probabilities, photos["class"], strict=True)
]
photos["relative"] = photos["pooled"] / photos["name"].map(at_224["pooled"])
photos["same"] = photos["top"] == photos["class"]
kept = photos.pivot(index="name", columns="size", values="same")
probability = 100 * photos.pivot(index="name", columns="size", values="probability")
relative = photos.pivot(index="name", columns="size", values="relative")

# %% [markdown]
# Is it the larger object that matters, or the larger map? As a control the photograph stays at 224 px, in the middle of a canvas of the mean colour.

# %% name="photographs-canvas"
on_grey = []
for name in data.PHOTOGRAPHS:
    alone = data.photograph(name, 224).tensor
    with torch.no_grad():
        before = models.parts(photo_network, alone)
        after = models.parts(photo_network, F.pad(alone, (112, 112, 112, 112)))
    shorter = float(after.pooled.norm() / before.pooled.norm())
    on_grey.append((name, after.logits.softmax(dim=1)[0].cpu(), shorter))
    assert after.feature_map.shape[-1] == 2 * before.feature_map.shape[-1]

# %% name="photographs-table" tags=["remove-input"]
grey = pd.DataFrame(on_grey, columns=["name", "probabilities", "length"]).set_index("name")
grey["probability"] = [100 * float(grey.loc[n, "probabilities"][at_224.loc[n, "top"]]) for n in grey.index]  # fmt: skip
grey["same"] = [int(grey.loc[n, "probabilities"].argmax()) == at_224.loc[n, "top"] for n in grey.index]  # fmt: skip
names = {name: photo_network.categories[at_224.loc[name, "top"]] for name in kept.index}
figures.table(
    pd.DataFrame(
        [
            {"photograph: class at 224 px": f"{name.removesuffix('_left')}: {label}"}
            | {str(size): f"{probability.loc[name, size]:.0f} %" for size in (96, 128, 160, 192, 224, 320, 448)}
            | {"canvas": f"{grey.loc[name, 'probability']:.0f} %"}
            for name, label in names.items()
        ]
    ),
    caption=f"Probability that {photo_network.title} gives, at each size in pixels, to the class that it names at 224 px. "
    "Canvas: the photograph at 224 px in the middle of 448 px of grey.",
)  # fmt: skip

# %% name="photographs-figure" tags=["hide-input"]
surer = int((probability[192] > probability[224]).sum())
figure, (left, right) = figures.plt.subplots(1, 2, figsize=(8.2, 3.8))
for name, marker in zip(probability.index, "osD^vP", strict=True):
    left.plot(probability.columns, probability.loc[name], marker=marker, label=name.removesuffix("_left"), linewidth=1.5)  # fmt: skip
    right.plot(relative.columns, relative.loc[name], marker=marker, linewidth=1.5)
for ax in (left, right):
    ax.axvline(224, color="#55606B", linewidth=1, linestyle=(0, (2, 2)))
    ax.set_xlabel("size of the photograph (px); dashed: 224")
left.set_ylabel("probability (%)")
right.set_ylabel("pooled mean (1 at 224 px)")
figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=9)  # fmt: skip
show(
    figure, name="fig-photographs",
    alt=f"For six photographs from 96 to 448 pixels: the probability of the class named at 224 pixels is higher at 192 than at 224 pixels for {surer} of the six; the pooled mean at 448 pixels is on average {relative[448].mean():.2f} of its value at 224.",
    caption=f"{photo_network.title} on six photographs at nine sizes: the probability of the class that it names at 224 px, and the mean of its pooled vector.",
)  # fmt: skip

# %% name="photographs-words" tags=["remove-input"]
fallen = int((probability[448] < probability[224]).sum())
always = [name.removesuffix("_left") for name in kept.index if kept.loc[name].all()]
other = {size: ", ".join(kept.index[~kept[size]]) or "none" for size in (96, 128)}
say(f"""
It runs at every size, and every size is read differently. **{surer} of the 6 photographs are named with more confidence at 192 px than at 224**, which is near the training size: on average {probability[192].mean():.0f} %
against {probability[224].mean():.0f} %. Below that it depends on the photograph: at 128 px another class is named for {other[128]}, at 96 px for {other[96]}. From 224 to 448 px {fallen} of the 6 fall, to a mean of
{probability[448].mean():.0f} % at 448 px. {len(always)} of the 6 keep their class at all nine sizes ({", ".join(always)}).

In the canvas column nothing about the object has changed, and {int(grey["same"].sum())} of 6
classes stay. The probability still falls to {grey["probability"].mean():.0f} %: the average over 14 x 14 cells, most of them empty, has {grey["length"].mean():.2f} of its former length, and the classifier reads shorter vectors as less evidence. A mean says *how much*
of the picture is cat. Confidence is not accuracy, and six photographs do not measure accuracy.
""")

# %% [markdown]
# ## Further evidence: what a larger picture costs
#
# Multiply-adds are exact and follow the area, in the steps of the rounding. Time and memory are those of the device at hand.

# %% name="cost" tags=["exact"]
cost_sizes = (128, 224, 320, 448, 640)
macs = {size: counting.macs_by_module(resnet50, size)[""] for size in cost_sizes}
for size in cost_sizes:
    area, work = size**2 / 224**2, macs[size] / macs[224]
    print(f"{size} px: {area:.2f} times the area of 224 px, {work:.2f} times the work")
assert all(abs(macs[s] / macs[224] / (s / 224) ** 2 - 1) < 0.01 for s in cost_sizes)

# %% name="cost-measured"
on_device = models.torchvision_resnet("resnet50").eval()
costs = {}
for size in cost_sizes:
    picture = data.photograph("chelsea", size).tensor
    with torch.no_grad():
        costs[size] = timing.cost(partial(on_device, picture), repeats=3)

# %% name="cost-table" tags=["remove-input", "timing"]
figures.table(
    pd.DataFrame(
        [
            {
                "side": f"{size} px",
                "multiply-adds": f"{macs[size] / 1e9:.2f} billion",
                "time": f"{cost.milliseconds:.0f} ms",
                "memory": f"{cost.peak_megabytes:,.0f} MB",
            }
            for size, cost in costs.items()
        ]
    ),
    caption=f"ResNet-50 on one photograph, measured on {device_name()}: median time, and most memory of activations at once.",
)

# %% [markdown]
# Twice the side is four times the work. In training the activations of every layer are kept, so memory follows the area as well. Freedom of size is not free.

# %% [markdown]
# ## Further evidence: the size explorer
#
# Choose a network, move the size, choose a head. Each map is drawn to one scale; a head that cannot take the last map says why. Below is the accuracy that was
# measured on ResNet-20, trained on one size; for the other networks it is marked at the same ratio of test to training size, and is not a measurement on them.

# %% name="size-explorer" tags=["hide-input"]
from gaplab.widgets import Curve, Explored, SizeExplorer


def points(head, remedy):
    """Return accuracies over seeds by size, as the explorer takes them."""
    return {int(size): list(column) for size, column in runs("accuracy", "scaled", head, remedy).items()}  # fmt: skip


SizeExplorer(
    [Explored(label, sizes.stages(name)) for label, name in (("ResNet-50", "resnet50"), ("ResNet-18", "resnet18"), ("VGG-16", "vgg16"), ("AlexNet", "alexnet"))]
    + [Explored("ResNet-20", sizes.RESNET20, trained=28, largest=80, channels=1)],
    [
        Curve("global average", "average", points("gap", "none")),
        Curve("global max", "max", points("max", "none")),
        Curve("global average, classifier re-fitted", "average", points("gap", "classifier")),
    ],
    measured_on="ResNet-20",
)  # fmt: skip

# %% [markdown]
# [The laboratory](laboratory.ipynb) has a trained network in the page. <a href="laboratory.html#lab&amp;experiment=size">Give it a picture of any size</a>:
# the last map and the probabilities follow, and the flattened head says why it cannot.

# %% [markdown]
# ### Your turn
#
# With a running kernel: any of torchvision's ResNets, or the photograph network, on a photograph of any size. ResNet-50 can fetch its ImageNet weights
# once; the random ones show activations, but no meaningful class.

# %% name="your-turn-imports" tags=["hide-input"]
import ipywidgets
from tqdm import tqdm

from gaplab.your_turn import your_turn


def loaded(network):
    """Load a photograph network, or build a ResNet with random weights."""
    if network in weights.PHOTO_NETWORKS:
        return weights.photo_network(network)
    return models.torchvision_resnet(network.removesuffix(" (random)")).eval()


# %% name="look" tags=["hide-input"]
def look(network, photograph, size):
    """Draw the strongest maps at a size, and print the top classes at sizes up to it."""
    model, said = loaded(network), []
    for side in tqdm(sorted({*range(64, size, 96), size}), desc="sizes", leave=False):
        picture, tensor = data.photograph(photograph, side)
        with torch.no_grad():
            seen = models.parts(model, tensor)
        best = seen.logits.softmax(dim=1)[0].topk(3)
        tops = [f"{photo_network.categories[i]} {100 * float(p):.0f} %" for p, i in zip(*best, strict=True)]  # fmt: skip
        cells = seen.feature_map.shape[-1]
        said.append(f"{side} px, map {cells} x {cells}: {', '.join(tops)}")
    print("\n".join(said))
    maps = seen.feature_map[0].cpu().numpy()
    chosen = maps.mean(axis=(1, 2)).argsort()[::-1][:5]
    titles = [f"channel {c}" for c in chosen]
    finding = f"{network} at {size} px: the photograph and the five maps with the highest mean."
    grid = figures.map_grid(maps[chosen], titles, "activation", photograph=picture)
    show(grid, name="fig-your-size", alt=finding, caption=finding)


# %% name="your-turn" tags=["hide-input"]
your_turn(
    look,
    adds="choose network, photograph and size",
    network=ipywidgets.Dropdown(
        description="network",
        options=[*weights.PHOTO_NETWORKS, *(f"{name} (random)" for name in models.TORCHVISION_RESNETS)],
        value="efficientnet_lite0",
    ),
    photograph=ipywidgets.Dropdown(description="photo", options=data.PHOTOGRAPHS, value="coffee"),
    size=ipywidgets.BoundedIntText(description="size", value=320, min=1, max=1024),
)  # fmt: skip

# %% [markdown]
# ## Further evidence: cross-examination
#
# - **"Enlarged garments are no test of resolution."** They add no detail, so the experiment isolates scale, and that favours resizing. With detail the balance can tip: the published ResNet-50
#   gains about a point at 288 px, and two at 384 px after fine-tuning. Both results say the same about the claim: the size that runs and the size that is read well are different questions.
# - **"ResNet's authors test at other sizes themselves."** They do, and it is the best case for the claim: for their best results they average the scores over pictures with a shorter side of 224, 256, 384, 480 and 640 px (He and others 2016). Their training pictures came in
#   several scales too, and an average over sizes does not tell what one size costs.
# - **"One learning rate for all heads."** Yes, in the deciding experiment: 0.1, which suits GAP and the maximum best and the flattened head a little less. A rate of its own would probably lift the flattened, resized line further. The grid head's rate was never tuned.
# - **"The networks with many sizes are trained too little."** Possibly. Their training loss is higher than that of the resized ones after the same 12 epochs. It is also what a budget buys: learning many sizes costs fit.
# - **"The pool is blamed for what convolutions do."** Agreed, in both directions. Filters do not grow with the object, so no pool makes an object twice as large look the same. And what frees ResNet's shape is
#   that everything before the head is convolutional: detectors and segmentation networks use the same backbone at any size *without* the pool.
# - **"Re-fitting batch norm is the standard remedy."** Touvron and others fine-tune it together with the classifier. Here the classifier does nearly all of it, and on a canvas new statistics beside it do harm. One small
#   network, three seeds: take the direction, not the numbers, with you.
# - **"Resize to 224 and the question is gone."** For classification, mostly yes, and it needs no GAP. The freedom pays where resizing destroys what matters, as with small objects, text and very long pictures, and
#   where the best size to read at is not the size of training.

# %% [markdown]
# ## Verdicts

# %% name="verdicts" tags=["remove-input"]
trial.table()

# %% [markdown]
# ## Say it in the interview

# %% name="thirty-seconds" tags=["remove-input"]
before, after = scaled[28].mean(), scaled[56].mean()
fixed = refitted[56].mean()
say(f"""
**In 30 seconds.** "A ResNet's convolutions take any picture, and a global pool makes one number a channel of any map, so the classifier always fits. That frees the shape, not the accuracy. Our small
ResNet fell from {before:.0f} to {after:.0f} percent on garments enlarged to twice the size. Train on many sizes, re-fit the linear layer, or resize."

**In 2 minutes.** "Two questions hide in this answer: does it run, and is it still right? It runs, because convolutions do not care about size, and a global pool turns any map into one number a channel.
At 300 pixels ResNet's last map is 10 by 10. A flattened layer needs a fixed map, but it has ways out: an adaptive pool to a fixed grid, as in torchvision's VGG, or the
same weights read as a convolution. So the key word is global, not average.

Is it right? Not by itself. Filters do not grow with the object, and background dilutes the mean. Our small ResNet, trained on one size, fell from {before:.0f} to {after:.0f} percent at twice
the size; re-fitting the linear layer brought it back to {fixed:.0f}. Training on many sizes works too, and resizing every picture did at least as well. On ImageNet a larger picture can
even help, because training crops make objects look larger. So the pool gives me the freedom to choose a size. Matching the size of the objects is still my job."
""")

# %% [markdown]
# ### Interruptions
#
# Answer aloud in one or two sentences before you unfold.

# %% name="follow-ups" tags=["remove-input"]
figures.answers(
    {
        "But without average pooling it cannot run at 300, no?": "It needs some reading of fixed length, not the average: a maximum, an adaptive grid, or the fully-connected layer as a 7 x 7 convolution also runs. torchvision's AlexNet and VGG run at 300 through an adaptive pool.",
        "So a larger picture means more accuracy?": "Only if objects then look as in training, or if the detail is worth the mismatch. A published ResNet-50 gains almost a point at 288 pixels; our garments, which have one size in training, lose.",
        "Then max pooling is the robust one?": "On a canvas of background it is, clearly, as long as nothing is re-fitted, for empty cells do not dilute a maximum. After re-fitting the linear layer the average was slightly ahead, and on enlarged garments both fall.",
        "But GAP makes transfer learning better, surely?": "It makes it easier to set up. On our digits a frozen, pooled vector was read worse than the flattened map, because the average throws layout away. With all weights trained on 500 digits the pooled heads were ahead.",
        "Why not resize everything and forget the question?": "For classification I mostly would, and it needs no global pool. I keep the freedom for small objects, text and long pictures, where resizing destroys what matters.",
        "You said global. Is AvgPool2d(7) not the same?": "Only where the map is 7 x 7. With stride 1, as in ResNet's first releases, 16 windows fit at 300 pixels, and the classifier fails. With the default stride one fits, and the other cells drop without an error.",
        "VGG-16 at 300 x 300: what is the last map?": f"{at['vgg16'][300]} x {at['vgg16'][300]}, because its pools round down; ResNet pads and rounds up to 10.",
        "Any size, you say. Train on one picture of 32 x 32, then.": "In evaluation mode it runs on one pixel. In training mode the last map of 32 pixels is 1 x 1, so batch norm has one value a channel and no variance; two pictures, or 33 pixels, and it runs.",
    }
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# [Problem set 4](coursework/ps4_variable_input_size.ipynb) checks your answers:
#
# 1. **ex-4-1, predict.** A picture of 300 x 450 px. How many numbers reach the classifier through a global average, a fixed window and a plain flatten, and by what factor does the work grow?
# 2. **ex-4-2, derive and implement.** Go backwards: which sides of the picture lead to a given side of the last map? Show that they are consecutive, and write the function that finds them.
# 3. **ex-4-3, implement.** Turn a whole head of linear layers into convolutions, for maps of any height and width.
# 4. **ex-4-4, debug.** A colleague's pool averages over padding too. Repair it, so that a picture's vector does not depend on its batch.
# 5. **ex-4-5, judge.** "With global pooling, resizing a picture first is wasted work." Put it on trial.
# 6. **ex-4-6, explain.** A product sends 448 x 448 to a ResNet-50 that was trained at 224, and nothing crashes. What does the pool guarantee, and what would you measure?
#
# ## Sources
#
# Touvron and others 2019 (train-test resolution); Wightman, Touvron and Jégou 2021 (ResNet-50 at 224 and 288 px); He and others 2014 (spatial pyramid pooling);
# He and others 2016 (ResNet, tested at several sizes); Zhang and others 2017 (fully-connected layers in transfer); the [bibliography](reference/bibliography.md) has them all.
#
# ## What was shown
#
# Convolutions take any size, and a global pool keeps the head from spoiling that: 640 of 640 sizes run, none needs another layer. Other heads have their own ways out.
# Whether the answers stay right is decided by the sizes in training, by the size of the objects and by what the classifier was fitted to.
