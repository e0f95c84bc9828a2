# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Chapter 3 of five interview answers on trial: vanishing gradients by initialisation, batch norm and shortcut, degradation shown, whose head ResNet really has, Network in Network's control at equal fit, and average against maximum with two learning rates."
# ---

# %% [markdown]
# # Did ResNet get its pooling from Network in Network?
#
# **The answer in three sentences.** The average is Network in Network's idea, but ResNet's head, average and then one linear layer, is GoogLeNet's, and the ResNet paper never tests it
# against another head. Shortcuts do rescue a gradient that vanishes; in ResNet's own setting, with batch norm, it does not vanish, and what shortcuts cure there is
# *degradation*: the deeper plain network trains worse. We find no sign that an even gradient is what steadies very deep training: with a slower classifier
# the maximum, whose gradient is as uneven as can be, reaches the lower training loss in short runs at each of the three depths that we tried.
#
# **You need** 1x1 convolutions, back-propagation and batch norm. **To read first**, about twelve minutes: down to the end of the first experiment, then the [verdicts](#verdicts) and [what to say](#say-it-in-the-interview).
# **Further evidence**, half an hour and more: [three heads](#heads), [80 classifiers](#walk), [NIN's control](#control),
# [average against maximum by depth](#two-rates), [votes and what they send back](#cam).
#
# **NIN** is Network in Network (Lin, Chen, Yan 2014). **GAP** is global average pooling. A **head** is everything behind the last feature map. A **plain** network is a residual
# network without its shortcuts.

# %% name="imports"
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gaplab import census, claims, counting, data, device, evidence
from gaplab import figures, gradients, models, training, weights
from gaplab.claims import CAVEATS, FAILS, mean_spread
from gaplab.figures import say, show

# %% [markdown]
# A `Trial` collects the chapter's verdicts, and stops the chapter where a measurement does not support one. `device` finds a GPU if there is one.

# %% name="setup"
figures.use_style()
trial = claims.Trial(chapter=3)
where = device()

# %% [markdown]
# ## The claims

# %% name="docket" tags=["remove-input"]
trial.docket()

# %% [markdown]
# ## Predict
#
# Choose before you read on. Each answer is held against the measurement further down (`predict.settle`).

# %% name="predict" tags=["hide-input"]
from gaplab.widgets import Choice, Predictions, Question

predict = Predictions([
    Question("A plain network of 110 layers with batch norm, not trained. On the way from the last block back to the first, what does the gradient do?",
             [Choice("it vanishes", -100, -1), Choice("it stays within a factor of ten", -1, 1), Choice("it explodes", 1, 100)], 2, "gradients-table"),
    Question("Plain networks with batch norm, trained alike. What is the training loss with 56 layers, as a multiple of that with 20?",
             [Choice("lower: it has more layers", 0, 0.9), Choice("the same", 0.9, 1.1), Choice("about twice as high", 1.5, 3)], 2, "degradation-table"),
    Question("NIN, GoogLeNet and ResNet all end in an average. How many of the other two have ResNet's head, average and then one linear layer?",
             [Choice("neither", 0, 1), Choice("one", 1, 2), Choice("both", 2, 3)], 1, "real-heads-table"),
    Question("Of torchvision's 80 classifiers, how many end as NIN does: one map for each class, then the average?",
             [Choice("none", 0, 1), Choice("two", 2, 3), Choice("about twenty", 15, 30)], 1, "census-all"),
    Question("Put a maximum in the place of the average in a ResNet of 20 layers, and tune both learning rates, the body's and the classifier's. After three short epochs, where is the maximum's training loss?",
             [Choice("above the average's", 0.05, 9), Choice("level with it", -0.05, 0.05), Choice("below it", -9, -0.05)], 2, "two-rates-table"),
])  # fmt: skip
predict

# %% [markdown]
# ## The experiment that decides
#
# "Residual connections solve vanishing gradients" (N4) makes two statements. Where the gradient vanishes, shortcuts
# keep it. And that is what they did for ResNet. Two experiments decide: gradients before training, and training itself.
#
# ### Does the gradient vanish?
#
# Three switches decide it. **Initial weights**: He's draw keeps a signal's size through ReLU, and is what the ResNet paper uses; PyTorch's own draw is smaller.
# **Batch norm**: behind every convolution, or nowhere. **Shortcuts**: residual, or plain. One batch of 60 garments goes forward and back through an untrained network. We
# note the size of the loss's gradient at the output of each block; `gradients.at` collects it.


# %% name="block-gradients"
def block_gradients(network, images, labels):
    """Return the size of an image's loss gradient at each block's output."""
    modules = network.named_modules()
    blocks = [name for name, part in modules if isinstance(part, models.BasicBlock)]
    loss = partial(F.cross_entropy, target=labels, reduction="sum")
    found = gradients.at(network, images, blocks, loss)
    return [float(found[name].flatten(1).norm(dim=1).mean()) for name in blocks]


# %% [markdown]
# All eight settings with 20 layers, live. Printed is a power of ten: the first block's gradient over the last's. Minus six: a millionth arrives.

# %% name="live-grid"
batch, batch_labels = data.stratified("train", 60)
images, targets = data.normalise(batch), batch_labels.to(where)
live = {}
SETTINGS = product(("default", "he"), (False, True), ("plain20", "resnet20"))
for init, norm, name in SETTINGS:
    sizes = block_gradients(models.build(name, norm=norm, init=init), images, targets)
    live[init, norm, name] = float(np.log10(sizes[0] / sizes[-1]))
    normed = "with" if norm else "no"
    print(f"{init:8} {normed:4} batch norm, {name:8}: {live[init, norm, name]:+.1f}")

# %% [markdown]
# The first line is the claim's best case: hardly anything arrives at the first block. In the second, with shortcuts, nearly everything does. The stored runs add depth and seeds.

# %% name="gradients"
table = evidence.load("gradients")  # a table that a long run left in the package


def by_block(init, kind, depth, values="activation_gradient"):
    """Return gradient norms: one row a seed, one column a block."""
    chosen = table.query("init == @init and kind == @kind and depth == @depth")
    return chosen.pivot(index="seed", columns="block", values=values)


# %% name="powers-of-ten"
def powers(init, kind, depth, values):
    """Return the power of ten from last block's gradient to first's, by seed."""
    grid = by_block(init, kind, depth, values)
    with np.errstate(divide="ignore"):  # a gradient of 0 becomes minus infinity
        return np.log10(grid.iloc[:, 0] / grid.iloc[:, -1])


KINDS, DEPTHS = list(figures.NETWORK_STYLE), (20, 56, 110)
ALL = list(product(("he", "default"), KINDS, DEPTHS))
# What goes on back, at the blocks' outputs:
orders = {key: powers(*key, "activation_gradient") for key in ALL}
# The gradient of a block's first convolution's weights is what training uses.
at_weights = {key: powers(*key, "weight_gradient") for key in ALL}

# %% name="gradients-agree" tags=["remove-input"]
for (init, norm, name), value in live.items():
    kind = ("residual" if name == "resnet20" else "plain") + (
        "" if norm else " without batch norm"
    )
    assert abs(value - orders[init, kind, 20][0]) < 0.1  # the live slice is the table's seed 0
# Which curves leave the figure, whose axis ends at 1e-12, as the text says.
plain = {depth: by_block("default", "plain without batch norm", depth) for depth in DEPTHS}
assert [depth for depth in DEPTHS if plain[depth].median().min() < 1e-12] == [56, 110]

# %% name="gradient-panel" tags=["hide-input"]
LABELS = {
    "plain without batch norm": "plain, no batch norm",
    "residual without batch norm": "residual, no batch norm",
    "plain": "plain, batch norm",
    "residual": "residual, batch norm",
}
WORDS = {"he": "He's", "default": "PyTorch's own"}


def gradient_panel(ax, init, depth):
    """Draw the gradient's norm block by block for the four kinds of network."""
    shown = {kind: by_block(init, kind, depth).to_numpy() for kind in KINDS}
    drawn = evidence.summary(shown, whole_range=True)
    figures.depth_curves(drawn, ax, ylim=(1e-12, 1e10))
    ax.set_title(f"{WORDS[init]} weights, {depth} layers", fontsize=10)
    ax.locator_params(axis="x", integer=True)


# %% name="gradients-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(2, 3, figsize=(8.6, 5.6), sharey=True)
for (row, init), (column, depth) in product(enumerate(WORDS), enumerate(DEPTHS)):
    gradient_panel(panels[row, column], init, depth)
for ax in panels[1]:
    ax.set_xlabel("block")
for ax in panels[:, 0]:
    ax.set_ylabel("gradient norm")
lines, _ = panels[0, 0].get_legend_handles_labels()
names = [LABELS[kind] for kind in KINDS]
figure.legend(lines, names, loc="outside upper center", ncols=2, fontsize=9)
show(
    figure,
    name="fig-gradients",
    alt="Gradient norm by block in six panels: two initialisations, and 20, 56 and 110 layers. With batch norm, plain networks grow steeply towards the first block and residual ones a little, under either initialisation. "
    "Without batch norm and with PyTorch's weights the plain network's gradient falls, with 56 and 110 layers off the axis, and the residual one's stays level.",
    caption="Norm of an image's loss gradient at each block's output, untrained networks with a GAP head: median of five seeds, band from lowest to highest. Back-propagation runs from right to left.",
)

# %% [markdown]
# Look at the panels titled *PyTorch's own weights*: with 56 and 110 layers one curve falls off the axis, and above it the same network with shortcuts stays level.


# %% name="powers-rows" tags=["remove-input"]
def written(values):
    """Write powers of ten over seeds, or that the gradient is too small for float32."""
    return mean_spread(values, 1) if np.isfinite(values).all() else "below 10⁻²⁰"


def powers_table(of):
    """Return the powers of ten as a table, a line for each initialisation and network."""
    return pd.DataFrame(
        [
            {"initial weights": WORDS[init], "network": label}
            | {f"{depth} layers": written(of[init, kind, depth]) for depth in DEPTHS}
            for init in ("default", "he")
            for kind, label in LABELS.items()
        ]
    )


# %% name="gradients-table" tags=["remove-input"]
figures.table(
    powers_table(orders),
    caption="Power of ten by which the gradient at the first block exceeds that at the last, at the blocks' outputs, five seeds. Below 10⁻²⁰ the first block's gradient is 0 in float32.",
)

# %% name="gradients-numbers"
bare, rescued = "plain without batch norm", "residual without batch norm"
saved = orders["default", rescued, 20] - orders["default", bare, 20]
exploding = orders["he", "plain", 110]
unbridled = orders["he", rescued, 110]
tamed = 10 ** orders["he", "residual", 110].mean()
mild = 10 ** -orders["he", bare, 110].mean()
level = at_weights["he", rescued, 110]
assert np.isneginf(orders["default", bare, 56]).all()
assert abs(level.mean()) < 1 < unbridled.mean()

# %% name="gradients-words" tags=["remove-input"]
predict.settle(1, exploding.mean())
say(f"""
**So the mechanism is real.** Without batch norm and with small weights the gradient dies, and over only 20 layers shortcuts save {mean_spread(saved, 2)} powers of ten of it. He and others (2016, *Identity Mappings*) derive just that: along a clean shortcut the gradient does not vanish however small the weights.

**And it is not ResNet's case.** The paper's networks, plain ones too, have batch norm and He's weights. There the gradient *grows* on its way back, by {mean_spread(exploding)} powers of ten over 110 plain layers; Yang and others (2019) derive that batch norm itself does this where shortcuts are missing. Shortcuts tame it to a factor of {tamed:.0f}. He's weights alone lose a factor of {mild:.0f}: no catastrophe. Nor do shortcuts cure everything: with He's weights and no batch norm the activations grow forward, and their gradient backward, by {mean_spread(unbridled)} powers of ten; [at the weights](#weights-table) it stays level ({mean_spread(level)}).
""")

# %% [markdown]
# If no gradient arrives, the network should not learn. The claim's best case, trained live: no batch norm, PyTorch's weights, 500 garments, 2 epochs, one rate, one seed.

# %% name="live-best-case" tags=["nbval-ignore-output"]
small, last_loss = data.stratified("train", 500), {}
for name in ("plain20", "resnet20"):
    network = models.build(name, norm=False, init="default")
    course = training.fit(network, small, epochs=2, lr=0.03, batch_size=16, label=name)
    last_loss[name] = course["loss"].iloc[-1]
    print(f"{name}: training loss {last_loss[name]:.2f}; guessing is {np.log(10):.2f}")
assert last_loss["plain20"] > 2.25 > 2.2 > last_loss["resnet20"]

# %% [markdown]
# The plain network stands still where the residual one learns.
#
# ### Does the deeper network train worse?
#
# The ResNet paper calls its plain networks' trouble "unlikely to be caused by vanishing gradients": with batch norm they "exhibit healthy norms" (section 4.1). Before training we find growth. Both say: not vanishing.
# Its subject is **degradation**: a deeper plain network has the higher *training* error, although it could copy the shallower one. We train four networks alike: 5,000 garments, 8 epochs, five learning rates, three seeds. `evidence.choose` takes the rate
# with the best accuracy on 2,000 other images, for each network.


# %% name="degradation"
def tied(choice):
    """List the other rates that are within one standard error of the best."""
    return ", ".join(f"{r:g}" for (r,) in choice.ties if (r,) != choice.best) or "none"


degraded = evidence.load("degradation").query("head == 'gap'")
best_rate, ties, best_runs = {}, {}, {}
for name in ("plain20", "plain56", "resnet20", "resnet56"):
    own = degraded[degraded["network"] == name]
    choice = evidence.choose(own)
    best_rate[name], ties[name] = choice.best[0], tied(choice)
    best_runs[name] = own[own["lr"] == best_rate[name]].set_index("seed")
common = evidence.common_rate(degraded, ["network"])  # serves all four best
at_common = degraded[degraded["lr"] == common].groupby("network")

# %% name="degradation-course" tags=["hide-input"]
FOUR = {
    "plain20": {"color": figures.ORANGE, "marker": "s", "linestyle": "-"},
    "plain56": {"color": figures.ORANGE, "marker": "D", "linestyle": "--"},
    "resnet20": {"color": figures.BLUE, "marker": "o", "linestyle": "-"},
    "resnet56": {"color": figures.BLUE, "marker": "^", "linestyle": "--"},
}


def draw_course(ax, course, name):
    """Draw the mean over seeds of a network's loss by epoch, with its range."""
    style, epochs = FOUR[name], course.columns
    ax.plot(epochs, course.mean(), label=name, markersize=4, **style)
    band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
    ax.fill_between(epochs, course.min(), course.max(), **band)


# %% name="degradation-figure" tags=["hide-input"]
figure, (left, right) = figures.plt.subplots(1, 2, figsize=(8.6, 3.6), sharey=True)
history = evidence.load("degradation_history").query("head == 'gap' and lr == @common")
for name, own in history.groupby("network"):
    draw_course(left, own.pivot(index="seed", columns="epoch", values="loss"), name)
left.set(xlabel=f"epoch, all at rate {common}", ylabel="training loss", ylim=(0, 2.4))
tried = sorted(degraded["lr"].unique())
each = degraded.groupby(["network", "lr"])["train_loss"]
series = {name: [each.get_group((name, rate)) for rate in tried] for name in FOUR}
ends_at = evidence.summary(series)
figures.points(tried, ends_at, right, styles=FOUR, xlabel="learning rate, at the end")
right.get_legend().remove()
lines = left.get_legend_handles_labels()
figure.legend(*lines, loc="outside upper center", ncols=4, fontsize=9)
show(
    figure,
    name="fig-degradation",
    alt="Training loss of four networks. The plain network of 56 layers stays far above the plain one of 20 layers in every epoch and at every learning rate; with shortcuts the network of 56 layers ends below that of 20 at the two lower rates and above it at 0.1 and 0.3.",
    caption=f"Degradation. Fashion-MNIST, 5,000 images, 8 epochs, GAP, batch norm, three seeds. Against the epoch: training loss at the common rate {common}, mean and range. Against the learning rate: training loss at the end, mean and one standard deviation.",
)

# %% [markdown]
# Look at the two orange curves against the learning rate: the dashed one, with 56 plain layers, is above the other at every rate.

# %% name="degradation-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {
                "network": name,
                "rate": best_rate[name],
                "ties": ties[name],
                "training loss": mean_spread(own["train_loss"], 2),
                "test accuracy": f"{mean_spread(100 * own['test_accuracy'])} %",
                f"training loss at {common}": mean_spread(
                    at_common.get_group(name)["train_loss"], 2
                ),
            }
            for name, own in best_runs.items()
        ]
    ),
    caption="The same runs at each network's chosen rate, and at one common rate. Ties: rates within one standard error of the best. Mean and standard deviation of three seeds; 5,000 images, 8 epochs.",
)

# %% name="degradation-numbers"
ends = {name: own["train_loss"].mean() for name, own in best_runs.items()}
worse = best_runs["plain56"]["train_loss"] - best_runs["plain20"]["train_loss"]
by_rate = degraded.pivot_table(index="lr", columns="network", values="train_loss")
assert (by_rate["plain56"] > by_rate["plain20"]).all()  # at every rate
assert ends["resnet56"] < ends["resnet20"] < ends["plain20"] < ends["plain56"]
shaken = by_rate.loc[0.1]

# %% name="degradation-words" tags=["remove-input"]
predict.settle(2, ends["plain56"] / ends["plain20"])
say(f"""
**Degradation, shown.** More plain layers make the *training* loss higher, {ends["plain56"]:.2f} against {ends["plain20"]:.2f}, so it is no overfitting. With shortcuts the deeper network ends at {ends["resnet56"]:.2f} and the shallower at {ends["resnet20"]:.2f}. That needs a rate that suits the depth: at 0.1 the 56-layer ResNet is behind the 20-layer one as well ({shaken["resnet56"]:.2f} against {shaken["resnet20"]:.2f}).
""")

# %% name="record-n4" tags=["hide-input"]
trial.record(
    "N4",
    CAVEATS,
    saved.to_dict(),
    "powers of ten of the gradient are saved by shortcuts over 20 layers, with PyTorch's initial weights and no batch norm",
    stands_if=(1, 20),
    cell="gradients-table",
    because="Without batch norm the mechanism is real. Vanishing was not ResNet's problem: with batch norm the plain network's gradient grows, by "
    f"{mean_spread(exploding)} powers of ten over 110 layers. The paper's subject is degradation: "
    f"with 56 plain layers the training loss ends {mean_spread(worse, 2)} above that with 20, and with shortcuts, at a rate that suits the depth, it does not.",
)

# %% [markdown]
# ### And the head?
#
# N5 says that the average's even gradient steadies very deep training. [Short runs at 20, 56 and 110 layers](#two-rates-figure) decide: with one
# learning rate the average bears far higher rates than the maximum, and is ahead at 110 layers. Give the classifier its own, lower rate, and the maximum ends with the lower training
# loss at every depth. With 20 and 56 layers most of the difference is the *size* of what the classifier reads; with 110, sizes were not made equal. What is left nobody has traced to the evenness of the gradient.

# %% [markdown]
# ## Further evidence: the gradient at the weights
#
# What trains a layer is the gradient of its *weights*: what comes back times what went forward. Here it is for each block's first convolution, in the same networks.
# With He's weights, shortcuts and no batch norm the one grows backward as the other grows forward, so that between the blocks it stays level. It is no healthy network for that.

# %% name="weights-table" tags=["remove-input"]
blown_up = table.query("init == 'he' and kind == @rescued and depth == 110")["loss"].median()
figures.table(
    powers_table(at_weights),
    caption=f"Power of ten by which the gradient of the first block's weights exceeds that of the last's, five seeds. The untrained residual network of 110 layers with He's weights and no batch norm has a loss of {blown_up / 1e6:.0f} million, where guessing has {np.log(10):.2f}.",
)

# %% [markdown]
# ## Further evidence: three heads, side by side
#
# The same last map, three endings. In NIN the last convolution makes one map for each class, and its average *is* the score. GoogLeNet and ResNet average first and
# put a linear layer behind. GoogLeNet's paper has dropout of 40 % between the two; torchvision's GoogLeNet has 20 %.

# %% name="heads"
class_maps = nn.Conv2d(512, 1000, kernel_size=1, device=where)
linear = nn.Linear(512, 1000, device=where)


def nin_head(x):
    return F.relu(class_maps(x)).mean(dim=(2, 3))


def googlenet_head(x, training=False):
    return linear(F.dropout(x.mean(dim=(2, 3)), 0.4, training))


def resnet_head(x):
    return linear(x.mean(dim=(2, 3)))


x = torch.randn(1, 512, 7, 7).to(where)
assert nin_head(x).shape == resnet_head(x).shape == (1, 1000)
assert torch.equal(googlenet_head(x), resnet_head(x))  # dropout sleeps at test time

# %% [markdown]
# Do the real networks do that? Here are a trained NIN of this book on a garment, and torchvision's GoogLeNet and ResNet-50 on a photograph. The last two have random weights: how a head is built
# does not depend on them. `models.parts` runs a network and returns its last map, its pooled vector and its logits.

# %% name="real-heads"
nin = weights.load("nin-gap-s0")
googlenet = torchvision.models.googlenet(aux_logits=False, init_weights=False)
googlenet = googlenet.to(where).eval()
resnet50 = models.torchvision_resnet("resnet50").eval()
cat = data.photograph("chelsea").tensor
garments, garment_labels = data.stratified("test", 10)
with torch.no_grad():
    seen = {
        "NIN": models.parts(nin, data.normalise(garments)),
        "GoogLeNet": models.parts(googlenet, cat),
        "ResNet-50": models.parts(resnet50, cat),
    }

# %% [markdown]
# Now each head as a formula on the network's own last map. It must give the network's own logits.

# %% name="real-heads-agree"
close = {"rtol": 1e-3, "atol": 5e-3}  # a GPU may round to TF32
with torch.no_grad():
    own = {name: part.feature_map.mean(dim=(2, 3)) for name, part in seen.items()}
    by_hand = {
        "NIN": own["NIN"],
        "GoogLeNet": googlenet.fc(own["GoogLeNet"]),
        "ResNet-50": resnet50.fc(own["ResNet-50"]),
    }
for name, logits in by_hand.items():
    torch.testing.assert_close(logits, seen[name].logits, **close)
assert googlenet.dropout.p == 0.2

# %% name="real-heads-table" tags=["remove-input"]
found = {
    "NIN": census.head_of(nin, 28, 1),
    "GoogLeNet": census.head_of(googlenet),
    "ResNet-50": census.head_of(resnet50),
}
figures.table(
    pd.DataFrame(
        [
            {
                "network": name,
                "last map": " x ".join(str(side) for side in seen[name].feature_map.shape[1:]),
                "classes": f"{seen[name].logits.shape[1]:,}",
                "linear layers behind the average": head.layers,
            }
            for name, head in found.items()
        ]
    ),
    caption="The ends of three real networks. NIN's channels are its classes; the other two have as many channels as they like.",
)

# %% [markdown]
# NIN has ten maps because it has ten classes. GoogLeNet has 1024 and ResNet-50 has 2048 for the same 1000 classes. And this is what NIN's ten maps hold, in the trained network:

# %% name="class-maps-training" tags=["hide-input"]
card = weights.card("nin-gap-s0")
recipe, images_seen = card["recipe"], card["data"]["train_images"]
runs = evidence.load("nin_control").query("network == 'nin' and head == 'gap'")
nin_run = runs[(runs["seed"] == card["seed"]) & (runs["lr"] == recipe["lr"])].iloc[0]

# %% name="class-maps-figure" tags=["hide-input"]
one = int(seen["NIN"].logits.softmax(dim=1)[range(10), garment_labels.tolist()].argmax())
maps = seen["NIN"].feature_map[one].cpu().numpy()
right_class = int(garment_labels[one])
grey = garments[one].expand(3, -1, -1).permute(1, 2, 0).numpy()
show(
    figures.map_grid(maps, list(data.CLASSES), "activation", columns=6, photograph=grey),
    name="fig-class-maps",
    alt=f"A test garment and the ten last maps of a trained NIN, named by class. The map of the right class, {data.CLASSES[right_class]}, is bright; most others are dark.",
    caption=f"The last feature map of a trained NIN (Fashion-MNIST, {images_seen:,} images, {recipe['epochs']} epochs, rate {recipe['lr']:g}, seed {card['seed']}, training loss {nin_run['train_loss']:.2f}) for one test garment: ten channels, ten classes. Each map's average is that class's logit.",
)
assert maps.mean(axis=(1, 2)).argmax() == right_class

# %% [markdown]
# The brightest map on average is the answer: no layer comes behind.
#
# ### The identity that ties them
#
# Averaging is linear, and so is a 1x1 convolution. So they can change places: **a linear layer behind the average gives the same logits as the average behind
# a 1x1 convolution with the same weights**,
#
# $$W \, \overline{x} + b \;=\; \overline{W x + b} \, ,$$
#
# where the bar is the mean over the positions. The left side is ResNet's head. The right side is NIN's, but for one thing: NIN has a ReLU on its class maps.

# %% name="identity"
torch.manual_seed(0)
exact = {"device": "cpu", "dtype": torch.float64}  # Apple's GPUs have no float64
fc, conv = nn.Linear(512, 1000, **exact), nn.Conv2d(512, 1000, kernel_size=1, **exact)
conv.weight.data, conv.bias.data = fc.weight.data[:, :, None, None], fc.bias.data
x = torch.randn(1, 512, 7, 7, **exact)
with torch.no_grad():
    behind = fc(x.mean(dim=(2, 3)))  # ResNet: average, then linear
    maps = conv(x)  # one map a class
    linear_form = float((maps.mean(dim=(2, 3)) - behind).abs().max())
    with_relu = float((maps.relu().mean(dim=(2, 3)) - behind).abs().max())
    early = maps.softmax(dim=1).mean(dim=(2, 3)) / behind.softmax(dim=1)
    with_softmax = 100 * float((early - 1).abs().max())

# %% name="identity-numbers"
print(f"average behind the convolution: logits differ by {linear_form:.10f}")
print(f"with NIN's ReLU before the average: by up to {with_relu:.1f}")
print(f"softmax before the average: probabilities differ by up to {with_softmax:.0f} %")
assert linear_form < 1e-14 < 0.1 < with_relu

# %% [markdown]
# The two sides agree to the last digits. Two things do not commute with the average. With the **ReLU**, positions that speak against a class are cut off before they
# can be averaged. And **softmax** of the averaged scores is not the average of the positions' softmaxes. So ResNet's head is NIN's without the ReLU, computed in the cheaper order:
# 1000 scores once, where NIN makes them at each of the 49 positions.
#
# ### What the extra layer buys
#
# First, freedom of width. Change the number of classes and see which tensors change shape.


# %% name="new-classes"
def changed(build):
    """Return the weights whose shapes differ between 10 and 1000 classes."""
    few, many = (build(classes).state_dict() for classes in (10, 1000))
    return [key for key in many if few[key].shape != many[key].shape]


print("NIN:", changed(lambda classes: models.nin(classes=classes)))
print("ResNet-50:", changed(partial(counting.on_meta, "resnet50")))

# %% [markdown]
# In both it is one layer, so NIN can be adapted to new classes too. The difference is what stands in front of it. What NIN averages *is* the class scores; throw them away and no pooled
# vector is left. In ResNet a vector is left, ready to be read by another layer. Second, then, reuse. The ImageNet network
# below has never seen Fashion-MNIST. Nothing in it is trained; one linear layer is fitted to its pooled vectors, in closed form (ridge regression).


# %% name="new-task"
def pooled(network, garments):
    """Return the pooled vectors of garments, enlarged and coloured as photographs."""
    shades = (data.IMAGENET_MEAN, data.IMAGENET_STD)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in shades)
    pictures = (data.resize(garments, 64).repeat(1, 3, 1, 1) / 255 - mean) / std
    with torch.no_grad():
        batches = (models.parts(network, b.to(where)) for b in pictures.split(50))
        return torch.cat([part.pooled.cpu() for part in batches])


photo_network = weights.photo_network()
few, few_labels = data.stratified("train", 200)
test, labels = data.stratified("test", 200)
vectors, test_vectors = pooled(photo_network, few), pooled(photo_network, test)

# %% name="new-task-fit" tags=["nbval-ignore-output"]
centre = vectors.mean(dim=0)
x, y = vectors - centre, F.one_hot(few_labels, 10).float() - 0.1
weight = torch.linalg.solve(x.T @ x + 10 * torch.eye(x.shape[1]), x.T @ y)
right = ((test_vectors - centre) @ weight).argmax(dim=1) == labels
new_task = 100 * float(right.float().mean())
print(f"{new_task:.0f} % of {len(labels)} garments right from {len(few)} examples")
print(f"trained: one layer of {weight.numel():,} weights")
assert new_task > 30  # guessing has 10

# %% [markdown]
# That is what a linear layer behind the average is good for: the backbone stays as it is, and a new task is a new matrix. GoogLeNet's paper gives the same reason for it, and adds that this is mostly for convenience and that no large effect is expected.
#
# ## Further evidence: the papers' own words
#
# | paper | what it says of its head |
# |---|---|
# | NIN (Lin, Chen, Yan 2014) | Proposes GAP as a **structural regulariser**, and says that it "sums out the spatial information, thus it is more robust to spatial translations" |
# | GoogLeNet (Szegedy and others 2015) | Averages after NIN, **plus an extra linear layer**. Moving from fully-connected layers to average pooling "improved the top-1 accuracy by about 0.6%, however the use of dropout remained essential" |
# | ResNet (He and others 2016) | "ends with a global average pooling layer and a 1000-way fully-connected layer with softmax". That is all, and a second sentence of the kind for CIFAR. No dropout, **and no argument for the head** |
#
# So two of the three argue for the average, and both have numbers. ResNet takes it over without a word.
#
# Has anybody validated it on a ResNet, then? Here is a small ablation of our own: ResNet-20, all 60,000 garments, one common rate for the three heads.

# %% name="our-ablation"
whole = evidence.load("whole")
accuracy, fit = {}, {}
for head, rows in whole.groupby("head"):
    accuracy[head] = 100 * rows.set_index("seed")["test_accuracy"]
    fit[head] = rows["train_loss"]
    right, left_over = mean_spread(accuracy[head]), fit[head].mean()
    print(f"{head:8} {right} %, training loss {left_over:.3f}")
ahead = mean_spread(accuracy["gap"] - accuracy["flatten"])
beside = mean_spread(accuracy["gap"] - accuracy["max"])

# %% name="our-ablation-words" tags=["remove-input"]
assert (accuracy["gap"] - accuracy["flatten"]).mean() > 0
say(f"""
ResNet-20 on Fashion-MNIST, 60,000 images, 15 epochs, learning rate {whole["lr"].iloc[0]}, three seeds; test accuracy on 10,000 images. The average is {ahead} points ahead of the flattened map, which fits its training images best, and level with the maximum ({beside} points). So the design works on this small ResNet. That is our comparison. The paper has none.
""")

# %% [markdown]
# ## Further evidence: a census of 80 classifiers
#
# Who else has this head? Names do not answer that: torchvision's VGG has a module `avgpool`, and flattens what it gives. The census follows each network's logits *back* through the graph that PyTorch keeps for
# gradients, until it meets the step that ends the spatial axes. On the meta device that costs no memory. This is the walk for ResNet-18, by hand:

# %% name="walk"
logits = counting.on_meta("resnet18")(torch.empty(1, 3, 224, 224, device="meta"))
step = logits.grad_fn
while "Mean" not in step.name():
    print(step.name())
    # the data, not the weights: those are leaves, transposed (T) or accumulated
    step = next(s for s, _ in step.next_functions if s.name()[:2] not in ("TB", "to"))
positions = counting.last_map("resnet18").side(224) ** 2
print(step.name(), "averages", positions, "positions")

# %% [markdown]
# A matrix product (`Addmm`), a change of shape (`View`), and then a mean over positions: *average, linear*. Now all of torchvision's classifiers.

# %% name="census"
everyone = census.census().set_index("name")
counts = everyone["head"].value_counts()
print(counts.to_string())
assert len(everyone) == counts.sum() == 80
assert counts[census.GAP_LINEAR] > 40

# %% name="census-table" tags=["remove-input", "exact"]
rows = []
for head, group in everyone.groupby("head", sort=False):
    low, high = 100 * group["head_share"].min(), 100 * group["head_share"].max()
    rows.append(
        {
            "head": head,
            "networks": len(group),
            "share of parameters": f"{low:.1f}–{high:.1f}&nbsp;%",
            "top-1": f"{group['accuracy'].min():.1f}–{group['accuracy'].max():.1f}&nbsp;%",
        }
    )
rows.sort(key=lambda row: -row["networks"])
figures.table(
    pd.DataFrame(rows),
    caption="Heads of torchvision's classifiers, found by following the logits back; share of parameters in the head (counted) and ImageNet accuracy as published with the weights.",
)

# %% name="census-words" tags=["remove-input", "exact"]
averaging = int(
    everyone["head"].isin([census.GAP_LINEAR, census.GAP_MLP, census.CLASS_MAPS]).sum()
)
light = 100 * everyone.loc[everyone["head"] == census.GAP_LINEAR, "head_share"]
lightest, heaviest = light.idxmin(), light.idxmax()
others = " and ".join(everyone.index[everyone["weights"] != "IMAGENET1K_V1"])
say(f"""
{averaging} of {len(everyone)} average. {counts[census.GAP_LINEAR]} have ResNet's head, which is GoogLeNet's; {counts[census.CLASS_MAPS]} have NIN's, both of them SqueezeNets. An average is no promise of a light head: it holds
{light[lightest]:.1f} % of the parameters in {lightest} and {light[heaviest]:.0f} % in {heaviest}, because the matrix stays when the body shrinks.
The accuracies are no comparison of heads: bodies, recipes and years differ with them. They are those of the weights `IMAGENET1K_V1`, except {others}, which have only weights
pre-trained on other pictures.
""")

# %% name="census-exceptions" tags=["remove-input", "exact"]
vgg = everyone.loc["vgg16"]
attending = everyone[everyone["attention"]]
full = sum(p.numel() for p in torchvision.models.googlenet(init_weights=False).parameters())
extra = 100 * (1 - everyone.loc["googlenet", "parameters"] / full)
share = 100 * everyone["head_share"]
figures.answers(
    {
        "AlexNet, VGG: flatten": f"AlexNet is older than NIN, and VGG is of the same year as GoogLeNet. torchvision puts an adaptive average to 6 x 6 or 7 x 7 before the flattening, which is an average and not a global one: {vgg['positions']} positions still have weights of their own, and {share['vgg16']:.0f} % of VGG-16's parameters lie there.",
        "SqueezeNet: NIN's head": f"A 1x1 convolution makes 1000 class maps, ReLU, average, nothing behind. The weights have not gone: the convolution holds {share['squeezenet1_1']:.0f} % of SqueezeNet 1.1, as many as ResNet's linear layer on 512 channels. By the identity they are the same 513,000 numbers.",
        "MobileNetV3, MaxViT: a hidden layer behind the average": f"Cheap in multiply-adds, because it runs once and not at every position, and dear in parameters: {share['mobilenet_v3_large']:.0f} % of MobileNetV3-Large.",
        "ViT: a class token": f"No average. One more token is attended to by all others, and the linear layer reads that token alone. The sequence has {everyone.loc['vit_b_16', 'positions']} tokens in ViT-B/16: 196 patches and itself.",
        "Swin, MaxViT: attention, and still an average": f"Of the {len(attending)} networks with attention {int((attending['head'] != census.TOKEN).sum())} average their last map. Attention does not rule out GAP; ViT's authors report that GAP works with another learning rate.",
        "GoogLeNet, Inception: auxiliary heads": f"In training they have extra heads half-way, which average to a small grid, flatten and use fully-connected layers: {extra:.0f} % of GoogLeNet's parameters in training. Inference never runs them, so the census leaves them out.",
        "Not in torchvision": "CLIP's ResNets replace GAP by attention pooling, and image retrieval often uses GeM, a learned step between average and maximum. Tests of the census hold such heads; it calls them 'another head'.",
    }
)  # fmt: skip

# %% name="census-all" tags=["remove-input", "exact"]
figures.table(
    pd.DataFrame(
        [
            {
                "network": name,
                "head": row["head"],
                "share": f"{100 * row['head_share']:.1f} %",
                "parameters": f"{row['parameters'] / 1e6:.1f} M",
                "top-1": f"{row['accuracy']:.1f} %",
                "GFLOPS": f"{row['gflops']:.2f}",
            }
            for name, row in everyone.iterrows()
        ]
    ),
    caption="Parameters are counted without auxiliary heads; accuracy and cost are published with the weights (a multiply-add counts as one).",
    fold="All 80 networks",
)

# %% [markdown]
# ### Try it: the census as a map
#
# Each point is a network. Choose the axes, hide a head, walk through a family: where do heads get heavy, and where did attention arrive?

# %% name="census-scatter" tags=["hide-input", "exact"]
from gaplab.widgets import CensusModel, CensusScatter

CensusScatter(
    [
        CensusModel(name, row["family"], row["head"], row["head_share"], row["accuracy"], int(row["parameters"]), row["gflops"])
        for name, row in everyone.iterrows()
    ]
)  # fmt: skip

# %% [markdown]
# ### The family tree
#
# Years are those of each paper's first version; the lane of each network that torchvision has is checked against the census, not typed.

# %% name="family" tags=["hide-input"]
LANES = {
    census.FLATTEN: ("flatten, linear layers", figures.GREEN, "^"),
    census.CLASS_MAPS: ("class maps, average", figures.PINK, "D"),
    census.GAP_LINEAR: ("average, linear", figures.BLUE, "o"),
    census.GAP_MLP: ("average, hidden layer, linear", figures.SKY, "P"),
    census.TOKEN: ("class token", figures.ORANGE, "s"),
    census.OTHER: ("attention pooling", figures.AMBER, "v"),
}
YEARS = {"alexnet": 2012, "vgg16": 2014, "googlenet": 2014, "inception_v3": 2015, "resnet50": 2015, "squeezenet1_0": 2016,
         "densenet121": 2016, "resnext50_32x4d": 2016, "mobilenet_v2": 2018, "shufflenet_v2_x1_0": 2018, "mnasnet1_0": 2018, "mobilenet_v3_large": 2019,
         "efficientnet_b0": 2019, "regnet_y_8gf": 2020, "vit_b_16": 2020, "swin_t": 2021, "convnext_tiny": 2022, "maxvit_t": 2022}  # fmt: skip
BEYOND = [("NIN", 2013, found["NIN"].kind), ("SENet", 2017, census.GAP_LINEAR), ("MobileNet", 2017, census.GAP_LINEAR), ("CLIP's ResNets", 2021, census.OTHER)]  # fmt: skip

# %% name="family-tree" tags=["hide-input"]
SHOWN = {"vgg16": "VGG", "resnet50": "ResNet", "alexnet": "AlexNet", "squeezenet1_0": "SqueezeNet", "resnext50_32x4d": "ResNeXt", "mobilenet_v2": "MobileNetV2",
         "mobilenet_v3_large": "MobileNetV3", "inception_v3": "Inception v3", "efficientnet_b0": "EfficientNet", "regnet_y_8gf": "RegNet", "vit_b_16": "ViT", "swin_t": "Swin",
         "convnext_tiny": "ConvNeXt", "maxvit_t": "MaxViT", "shufflenet_v2_x1_0": "ShuffleNetV2", "mnasnet1_0": "MnasNet", "densenet121": "DenseNet", "googlenet": "GoogLeNet"}  # fmt: skip
members = [
    (SHOWN[name], year, everyone.loc[name, "head"]) for name, year in YEARS.items()
] + BEYOND
show(
    figures.family_tree(
        [(name, year, LANES[head][0]) for name, year, head in members],
        {title: {"color": color, "marker": marker} for title, color, marker in LANES.values()},
        [("NIN", "GoogLeNet"), ("NIN", "SqueezeNet")],
    ),
    name="fig-family-tree",
    alt=f"Networks from 2012 to 2022 in lanes by head. NIN of 2013 and SqueezeNet average class maps; GoogLeNet of 2014 and {sum(m[2] == census.GAP_LINEAR for m in members) - 1} later networks average and then have one linear layer; "
    "AlexNet and VGG flatten, ViT reads a class token.",
    caption="Networks by year and head. Arrows lead to the papers that name NIN as the source of their head; ResNet's paper names none.",
)  # fmt: skip

# %% [markdown]
# The long lane in the middle begins in 2014 with GoogLeNet. Inception v3 joins it in December 2015, days before ResNet.

# %% name="record-n1" tags=["hide-input"]
same = [name for name in ("NIN", "GoogLeNet") if found[name][:2] == found["ResNet-50"][:2]]
predict.settle(3, len(same))
predict.settle(4, counts[census.CLASS_MAPS])
assert found["NIN"].kind == census.CLASS_MAPS
assert found["ResNet-50"].kind == found["GoogLeNet"].kind == census.GAP_LINEAR
trial.record(
    "N1",
    CAVEATS,
    found["ResNet-50"].layers,
    "linear layer stands behind ResNet-50's average, as in GoogLeNet; in NIN none does",
    stands_if=(1, 1),
    cell="real-heads-table",
    because="The average in place of the big fully-connected layers is NIN's idea. Average and then one linear layer is GoogLeNet's change of it, so ResNet still ends in a fully-connected layer.",
)

# %% [markdown]
# For N3 we ask which comparisons of heads the ResNet paper could have made with its own networks: the five for ImageNet, in torchvision's form, and plain and residual ones for CIFAR.

# %% name="papers-heads"
depths = (18, 34, 50, 101, 152)
kinds = {everyone.loc[f"resnet{depth}", "head"] for depth in depths}
for name in ("plain20", "plain56", "resnet20", "resnet56", "resnet110"):
    kinds.add(census.head_of(models.build(name), 28, 1).kind)
print("kinds of head among the paper's networks:", *kinds)

# %% name="record-n3" tags=["hide-input"]
trial.record(
    "N3",
    FAILS,
    len(kinds) - 1,
    "kinds of head other than GAP and one linear layer among torchvision's five ResNets, which are the paper's",
    stands_if=(0, 0),
    cell="papers-heads",
    because="All end in GAP and one linear layer, the paper's CIFAR networks by its section 4.2 too, and the paper describes no run with another head, so its results cannot tell what the head contributes; they show that GAP does not stand in the way. "
    f"A ResNet-20 of ours does compare: GAP is {ahead} points of test accuracy ahead of a flattened map and level with a maximum.",
)

# %% [markdown]
# ## Further evidence: NIN's control, at equal fit
#
# NIN did test its claim. One conventional CNN makes ten class maps for CIFAR-10; behind them come a linear layer, dropout and a linear layer, or the average alone. We repeat it on Fashion-MNIST:
# 10,000 images, 20 epochs, five rates, three seeds. Training is long enough for all three, but they do not fit equally well. So there are two comparisons: at each head's chosen rate, and at the rate
# with which each ends nearest to a training loss of 0.2.

# %% name="control"
control = evidence.load("nin_control").query("network == 'control_cnn'")
control = control.assign(error=100 - 100 * control["test_accuracy"])
control["gap"] = 100 * control["train_accuracy"] - 100 + control["error"]
tuned, alike, choices = {}, {}, {}
for head, rows in control.groupby("head"):
    losses = rows.groupby("lr")["train_loss"].mean()
    alike_rate = (losses - 0.2).abs().idxmin()
    alike[head] = rows[rows["lr"] == alike_rate].set_index("seed")
    choices[head] = evidence.choose(rows)  # by validation accuracy
    tuned[head] = rows[rows["lr"] == choices[head].best[0]].set_index("seed")

# %% [markdown]
# One stored network, loaded and judged again on part of the test images, shows that the table is of real networks:

# %% name="live-control" tags=["nbval-ignore-output"]
kept = weights.load("control_cnn-gap-s0")
again = 100 - 100 * training.accuracy(kept, data.stratified("test", 1000))
stored = tuned["gap"].loc[0, "error"]
print(f"test error on 1,000 images: {again:.1f} %")
print(f"in the table, on all 10,000: {stored:.1f} %")
assert abs(again - stored) < 3

# %% name="control-columns" tags=["remove-input"]
PUBLISHED = {"fc": "17.56", "fc_dropout": "15.99", "gap": "16.46"}
ENDINGS = {
    "fc": "linear layer",
    "fc_dropout": "dropout, linear layer",
    "gap": "average alone",
}


def described(rows, what, **more):
    """Return a table's columns for runs at one rate."""
    return {
        f"{what}: rate": f"{rows['lr'].iloc[0]:g}",
        **{f"{what}: {name}": value for name, value in more.items()},
        f"{what}: loss": mean_spread(rows["train_loss"], 2),
        f"{what}: error": f"{mean_spread(rows['error'])} %",
    }


# %% name="control-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {
                "behind ten class maps": ENDINGS[head],
                "NIN's paper": f"{PUBLISHED[head]} %",
            }
            | described(tuned[head], "chosen", ties=tied(choices[head]))
            | described(alike[head], "equal fit")
            for head in PUBLISHED
        ]
    ),
    caption="Test error in NIN's paper (CIFAR-10) and in our repeat (Fashion-MNIST, 10,000 images, 20 epochs, three seeds), with the training loss: at each head's chosen rate (ties: other rates within one standard error of it), and at the rate that brings it nearest to a training loss of 0.2.",
)

# %% name="control-numbers"
better = alike["fc"]["error"] - alike["gap"]["error"]  # at equal training loss
better_than_dropout = mean_spread(alike["fc_dropout"]["error"] - alike["gap"]["error"])
behind = mean_spread(tuned["gap"]["error"] - tuned["fc"]["error"])  # at chosen rates
narrow = {head: mean_spread(rows["gap"]) for head, rows in tuned.items()}
sizes = {head: rows["parameters"].iloc[0] for head, rows in tuned.items()}
weights_saved = sizes["fc"] - sizes["gap"]
assert better.min() > 0
assert all(abs(r["train_loss"].mean() - 0.2) < 0.02 for r in alike.values())

# %% name="control-words" tags=["remove-input"]
worst = control.groupby("lr")["error"].max()
alike_rates = [rate for rate in worst.index if worst[rate] < 50]  # every run learns
by_rate = control.groupby(["lr", "head"])["error"].mean().unstack()
slower = by_rate.loc[alike_rates, "gap"] - by_rate.loc[alike_rates, "fc"]
assert slower.min() > 0
at_lowest, at_highest = slower.iloc[0], slower.iloc[-1]
say(f"""
**At equal training loss the average has the smallest test error**, {mean_spread(better, 3)} points below the linear layer; against dropout the difference, {better_than_dropout}, is within its spread. That is what regularising means: the same fit, less error. Equal fit needed different learning rates, and that weakens the comparison.

**At any one rate up to {alike_rates[-1]:g}**, where every run learns, the average fits less and errs more: by {at_lowest:.1f} points at {alike_rates[0]:g}, by {at_highest:.1f} at {alike_rates[-1]:g}.

**At the chosen rates it has the smallest train/test gap and no smaller error**: gaps of {narrow["gap"]}, {narrow["fc_dropout"]} (dropout) and {narrow["fc"]} points, and an error {behind} points above the linear layer's, which fits much further. So the average constrains; whether that pays depends on what the data would otherwise let the head overfit. It is not the number of weights: the average saves {weights_saved:,} of {sizes["fc"]:,}.

NIN's own ordering is linear layer, average, dropout, from most error to least, on CIFAR-10, one run each. That control is of a conventional network; on its own the paper has the average ahead of both, in figures that we could not check and leave out.
""")

# %% name="record-n2" tags=["hide-input"]
trial.record(
    "N2",
    CAVEATS,
    better.to_dict(),
    "points of test error by which the average is better than the linear layer at equal training loss",
    stands_if=(0, 5),
    cell="control-table",
    because="NIN's paper argues for both, fewer parameters and less overfitting, and its own control has GAP ahead of a linear layer (16.46 against 17.56 % error) and behind dropout (15.99 %). "
    f"In our repeat it regularises in that sense, and yet ends {behind} points behind the linear layer where each head has its chosen rate: a constraint, not a free gain.",
)

# %% [markdown]
# ### NIN with the other pool
#
# The PyTorch code of the textbook *Dive into Deep Learning* pooled its NiN by maximum until August 2020 (d2l-ai/d2l-en, pull request 1362), where the text says average. A reader of an earlier port had noticed in March
# (dsgiitr/d2l-pytorch, issue 104): with the average it "will train a lot slower", with an accuracy of 0.460 at epoch 5. Is that the average, or the rate? A NIN of a quarter of the paper's width, both pools, 10,000 images, 10 epochs, three seeds:

# %% name="nin-pools"
nin_runs = evidence.load("nin_control").query("network == 'nin'")
grouped = nin_runs.groupby(["lr", "head"])
for (rate, head), rows in grouped:
    right = mean_spread(100 * rows["test_accuracy"])
    left_over = rows["train_loss"].mean()
    print(f"rate {rate:<5} {head}: {right:>11} %, training loss {left_over:.2f}")
history = evidence.load("nin_history")
fifth = history.query("network == 'nin' and epoch == 5 and lr == 0.001")
early = 100 * fifth.groupby("head")["test_accuracy"].mean()
by_seed = fifth.pivot(index="seed", columns="head", values="test_accuracy")
assert (by_seed["gap"] < by_seed["max"]).sum() == 2

# %% name="nin-pools-words" tags=["remove-input"]
final = 100 * grouped["test_accuracy"].mean()
assert final[0.001, "max"] > final[0.001, "gap"]
assert final[0.03, "gap"] > final[0.03, "max"]
won = final[0.03, "gap"] - final[0.01, "max"]
say(f"""
In our NiN it depends on the rate. At 0.001 the average is the slower one in two of three seeds, {early["gap"]:.0f} % after five epochs on average where the maximum has {early["max"]:.0f}. At its own best rate, 0.03, it ends {won:.0f} points ahead of the maximum at *its* best, 0.01. Neither has fitted its images, so these are speeds and no final accuracies. That may be what the reader saw: the maximum hands on larger numbers, which works like a higher rate. His run was not repeated.
""")

# %% [markdown]
# ## Further evidence: the head and very deep training
#
# N5 gives a reason, the even gradient, and an effect, steadier training, above all of very deep networks. Take the effect first, and give it its best chance. ResNets of 20, 56 and 110 layers, 2,000 garments, 3 epochs at a
# constant rate without warm-up, which is where instability shows. Average and maximum; six rates for the body; and for the classifier that rate or a 7th, 49th or 343rd of it. Batch norm's statistics
# are measured anew before a run is judged, since so short a run leaves them behind. We compare training losses.

# %% name="two-rates"
brief = evidence.load("stability")
tune = partial(evidence.tuned, by=["network", "head"], score="train_loss", lowest=True)
one_rate = tune(brief[brief["classifier_rate"] == 1])  # as everybody trains
two_rates = tune(brief, rates=("lr", "classifier_rate"))


def lead(runs):
    """Return how far the maximum's training loss is below the average's, by seed."""
    wide = runs.pivot(index=["network", "seed"], columns="head", values="train_loss")
    return wide["gap"] - wide["max"]


lead_one, lead_two = lead(one_rate), lead(two_rates)

# %% [markdown]
# `evidence.tuned` lets the *other* seeds choose the rates of each run, so that no run has a part in the choice that it is judged by.


# %% name="rates-map" tags=["hide-input"]
def rates_map(ax, mean):
    """Draw the training loss over both rates, the lowest one boxed."""
    colours = {"cmap": "viridis_r", "vmin": 0.3, "vmax": 2.3, "aspect": "auto"}
    image = ax.imshow(np.minimum(mean, 2.3), origin="lower", **colours)
    lowest = mean.to_numpy().min()
    boxed = {"fill": False, "edgecolor": figures.DEEP, "pad": 1.5}
    for (y, x), value in np.ndenumerate(mean.to_numpy()):
        style = {"ha": "center", "va": "center", "fontsize": 7.5}
        style["color"] = figures.PALE if value > 1.3 else figures.DEEP
        if value == lowest:
            style |= {"weight": "bold", "bbox": boxed}
        ax.text(x, y, f"{value:.2f}" if value <= 3 else "div.", **style)
    ax.set_xticks(range(mean.shape[1]), [f"{r:g}" for r in mean.columns], fontsize=8)
    ax.set_yticks(range(mean.shape[0]), ["1/343", "1/49", "1/7", "1"], fontsize=8)
    ax.grid(visible=False)
    return image


# %% name="two-rates-figure" tags=["hide-input"]
size = {"figsize": (8.8, 4.9), "sharex": True, "sharey": True}
figure, panels = figures.plt.subplots(2, 3, **size)
pools = {"gap": "average", "max": "maximum"}
for (row, head), (column, depth) in product(enumerate(pools), enumerate(DEPTHS)):
    own = brief[(brief["network"] == f"resnet{depth}") & (brief["head"] == head)]
    mean = own.pivot_table(index="classifier_rate", columns="lr", values="train_loss")
    image = rates_map(panels[row, column], mean)
    panels[row, column].set_title(f"{pools[head]}, {depth} layers", fontsize=10)
for ax in panels[1]:
    ax.set_xlabel("learning rate of the body")
for ax in panels[:, 0]:
    ax.set_ylabel("classifier's rate / body's")
figure.colorbar(image, ax=panels, label="training loss", shrink=0.8)
show(
    figure,
    name="fig-two-rates",
    alt="Six heat maps of training loss over two learning rates, of the average and of the maximum, at 20, 56 and 110 layers. In the top line of each map, one rate for all layers, the average learns up to far higher rates than the maximum. Further down, where the classifier learns more slowly, the maximum has a wide region of low loss as well, and its lowest loss is below the average's at each depth.",
    caption="Training loss after 96 steps at a constant rate, mean of three seeds: ResNet on 2,000 images of Fashion-MNIST, 3 epochs. Guessing is 2.30; div.: above 3. Boxed: the lowest of each map. The top line is the usual recipe, one rate for all layers.",
)

# %% [markdown]
# Compare the top lines first, then the whole maps: what the maximum lacks in the top line it has in the lower ones.


# %% name="two-rates-table" tags=["remove-input"]
def compared(name):
    """Return one row: training losses and leads of a network."""
    row = {"layers": name.removeprefix("resnet")}
    for what, runs, lead_of in (
        ("one rate", one_rate, lead_one),
        ("two rates", two_rates, lead_two),
    ):
        losses = runs[runs["network"] == name].groupby("head")["train_loss"]
        row |= {f"{what}: average": mean_spread(losses.get_group("gap"), 2)}
        row |= {f"{what}: maximum": mean_spread(losses.get_group("max"), 2)}
        row |= {f"{what}: maximum lower by": mean_spread(lead_of[name], 3)}
    return row


figures.table(
    pd.DataFrame([compared(f"resnet{depth}") for depth in DEPTHS]),
    caption="The same runs, each at the rates that the other seeds choose: training loss, mean and standard deviation of three seeds. With one rate the maximum's best at 56 and 110 layers is the lowest that was tried, and with two the average's at 56 has the lowest classifier's rate (tied with the next): their true bests may be better.",
)

# %% name="two-rates-numbers"
right = 100 * two_rates.groupby(["network", "head"])["test_accuracy"].mean()
deep_one, deep_two = lead_one["resnet110"], lead_two["resnet110"]
shallow_two = lead_two["resnet20"]
gone = brief[~(brief["train_loss"] <= 3)]
assert (gone["classifier_rate"] == 1).all()
assert (brief[brief["classifier_rate"] == 1].groupby("head").size() == 54).all()
diverged = gone.groupby("head").size()
longer = evidence.load("degradation").groupby(["network", "head", "lr"])
longer = longer["train_loss"].mean()
assert (lead_two > 0).all()  # in every seed, at every depth
assert (deep_one < 0).all()

# %% name="two-rates-words" tags=["remove-input"]
predict.settle(5, -shallow_two.mean())
say(f"""
**The effect is there, with one rate.** The average's good rates reach about ten times higher. At its own best rate the maximum is level with it at 20 and 56 layers (differences within their spread) and behind at 110, in each seed, by {mean_spread(-deep_one, 2)}. Longer runs with one rate go the same way in the deeper network: 5,000 images, 8 epochs, training loss {longer["resnet20", "max", 0.01]:.2f} (at the lowest rate tried) against the average's {longer["resnet20", "gap", 0.1]:.2f} with 20 layers, {longer["resnet56", "max", 0.01]:.2f} against {longer["resnet56", "gap", 0.03]:.2f} with 56. So at the rates tried the average's advantage grows with depth. The maximum's best lies at the edge of the grid there, so its true size is open. Of the 54 runs with one rate that each head has, {diverged.get("gap", 0)} diverge (a loss above 3 or none) with the average, {diverged["max"]} with the maximum, {diverged["flatten"]} with a flattened map; with a slower classifier none.

**With two rates the best losses change places.** Every seed at every depth then has the lower training loss under the maximum, by {mean_spread(shallow_two, 2)} at 20 layers and {mean_spread(deep_two, 3)} at 110. Its lead is smaller in the deeper networks, and its lead on test images is gone at 110 ({right["resnet110", "max"]:.0f} % and {right["resnet110", "gap"]:.0f} %; with 20 layers {right["resnet20", "max"]:.0f} % and {right["resnet20", "gap"]:.0f} %). At a body's rate of 0.1 and more the average stays better with 56 and 110 layers: that steadiness survives, and its cause was not found. So in the best losses: no advantage of the even gradient that a slower classifier does not give, and no claim that the maximum is the better head. These are 96 steps of small networks.
""")

# %% [markdown]
# ### Is it the even gradient, or the size of the vector?
#
# The maximum of 49 positions is larger than their average. Before training, on the same maps, in ResNet-20:

# %% name="length-ratio"
untrained = models.build("resnet20").train()
with torch.no_grad():
    maps = untrained.features(images)
    means, maxima = maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))
ratio = float((maxima.norm(dim=1) / means.norm(dim=1)).mean())
print(f"the maximum's pooled vector is {ratio:.1f} times as long as the average's")
assert 3.8 < ratio < 4.4

# %% [markdown]
# So multiply *both* pools by constants, and compare them where their vectors are equally long. The function class stays the same, and each pool keeps its gradient's pattern: even, or on one position in 49.

# %% name="smooth"
LENGTHS = {
    "gap": {"gap x 4.1": 4.1, "gap": 1, "gap / 1.7": 1 / 1.7, "gap / 4.1": 1 / 4.1},
    "max": {"max": 4.1, "max / 4.1": 1, "max / 7": 4.1 / 7},
}
rescaled = evidence.load("rescaled").query("network == 'resnet20'")
rates = sorted(rescaled["lr"].unique())
loss = rescaled.groupby(["variant", "lr"])["train_loss"]


# %% name="length-panel" tags=["hide-input"]
def length_panel(ax, rate):
    """Draw training loss against the pooled vector's length, both pools, at one rate."""
    for head, variants in LENGTHS.items():
        runs = [loss.get_group((variant, rate)) for variant in variants]
        drawn = {"capsize": 3, "markersize": 6, "linewidth": 1.2} | figures.HEAD_STYLE[head]
        label = {"gap": "average times a constant", "max": "maximum times a constant"}[head]
        middle, spread = [run.mean() for run in runs], [run.std() for run in runs]
        ax.errorbar(list(variants.values()), middle, spread, label=label, **drawn)
    ax.set(xscale="log", xlabel=f"pooled length, rate {rate:g}", ylim=(0, None))
    ax.set_xticks([0.25, 0.6, 1, 4.1], ["1/4", "0.6", "1", "4.1"])
    ax.minorticks_off()


# %% name="smooth-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 3, figsize=(8.6, 3.4), sharey=True)
for ax, rate in zip(panels, rates[1:], strict=True):
    length_panel(ax, rate)
panels[0].set_ylabel("training loss")
lines = panels[0].get_legend_handles_labels()
figure.legend(*lines, loc="outside upper center", ncols=2, fontsize=9)
show(
    figure,
    name="fig-length",
    alt="Training loss against the length of the pooled vector at three learning rates. Average and maximum lie on nearly the same curve at each rate: where the vector is 4.1 times as long as the average's both fail, at 0.6 of it both learn at every rate.",
    caption="Training loss of ResNet-20 after 96 steps (2,000 images, 3 epochs, constant rate), mean and one standard deviation of three seeds, against the initial length of the pooled vector, the average's being 1. Guessing is 2.30.",
)

# %% [markdown]
# Where the vectors are equally long, the two pools end near one another, though one of them has its gradient on a single position. The exception is the longest vector, with which most runs fail: at 0.03 the average is ahead there.

# %% name="smooth-table" tags=["remove-input"]
VARIANTS = [*LENGTHS["gap"], *LENGTHS["max"], "gap, gradient x 7", "max, gradient / 7"]
figures.table(
    pd.DataFrame(
        [
            {"pool": variant}
            | {
                f"rate {rate:g}": mean_spread(loss.get_group((variant, rate)), 2)
                for rate in rates
            }
            for variant in VARIANTS
        ]
    ),
    caption="All of these runs. The last two change the gradient's size alone and leave what the classifier reads as it is.",
)

# %% name="record-n5" tags=["hide-input"]
trial.record(
    "N5",
    FAILS,
    deep_two.to_dict(),
    "is by how much the maximum's training loss is lower with 110 layers, body and classifier each at its own rate",
    stands_if=(0, 2),
    cell="two-rates-table",
    because="The reason is not supported, the effect in part. With one rate the average bears higher rates, and leads at 110 layers. With two, the maximum's best loss is lower at each depth, but at body rates of 0.1 and more "
    "the average stays better with 56 and 110 layers, in 96 steps. At equal vector length the pools train nearly alike with 20 layers and, at low rates, with 56; with 110 it was not tried.",
)

# %% [markdown]
# ## Further evidence: each position's vote, and what it sends back
#
# The identity has one more use. If the class scores can be made *before* the average, one can look at them: a map for each class that says where its score comes from. That is the class activation map (Zhou and others 2016), and
# GAP with one linear layer gives it for nothing. On real photographs, with real ImageNet weights:

# %% name="cam"
fc = models.classifier(photo_network)


def votes(photograph, category):
    """Return what each position adds to a class's logit, (H, W), and the logit."""
    with torch.no_grad():
        part = models.parts(photo_network, data.photograph(photograph).tensor)
    x = part.feature_map[0].cpu().double()
    w = fc.weight[category].detach().cpu().double()
    vote = torch.einsum("c,chw->hw", w, x) / x[0].numel()
    return vote, float(part.logits[0, category])


# %% name="cam-sums" tags=["nbval-ignore-output"]
top = {}
for name in data.PHOTOGRAPHS:
    with torch.no_grad():
        logits = photo_network(data.photograph(name).tensor)[0]
    top[name] = int(logits.argmax())
    vote, logit = votes(name, top[name])
    bias, total = float(fc.bias[top[name]].detach()), float(vote.sum())
    label, cast = photo_network.categories[top[name]], vote.numel()
    print(f"{label}: {cast} votes {total:.3f} + bias {bias:.3f} = {logit:.3f}")
    assert abs(total + bias - logit) < 0.02  # rounding, or TF32 on a GPU

# %% name="cam-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 6, figsize=(8.8, 1.9))
maps = {name: votes(name, top[name])[0].numpy() for name in data.PHOTOGRAPHS}
edge = max(np.abs(m).max() for m in maps.values())
for ax, (name, cam) in zip(panels, maps.items(), strict=True):
    grey = data.photograph(name).picture.mean(axis=2) // 16 * 16  # 16 greys keep the file small
    ax.imshow(grey, cmap="gray", extent=(0, 7, 7, 0))
    steps = np.round(cam / edge, 2) * edge
    image = ax.imshow(
        steps, cmap="RdBu_r", vmin=-edge, vmax=edge, alpha=0.6, extent=(0, 7, 7, 0)
    )
    ax.set_title(photo_network.categories[top[name]], fontsize=9)
    ax.set_axis_off()
figure.colorbar(image, ax=panels, label="vote (logit)", shrink=0.9)
highest = {name: np.sort(m, axis=None)[:-11:-1].sum() / m.sum() for name, m in maps.items()}
show(
    figure,
    name="fig-cam",
    alt=f"Six grey photographs, each under the votes of its 7 x 7 positions for the class named above it. The ten highest of 49 positions cast {100 * highest['chelsea']:.0f} % of the vote for the cat, and {100 * highest['coffee']:.0f} % of that for the cup of espresso.",
    caption="A trained ImageNet network on six photographs: each position's vote for the class with the highest logit. Red is for, blue against; the 49 votes and the bias add up to the logit.",
)

# %% [markdown]
# The red cells are where the class is read off. It is no saliency method with its own assumptions: the network's answer *is* this sum.
#
# ### Back from a vote to the picture
#
# A cell of this map is one of 49, but it is not one 49th of the picture. To see what a vote was made of, send it back: the gradient of the strongest cell's vote with respect to the
# pixels. First the gradient of the whole logit at the last map. The average gives each position the same.


# %% name="sends-back-all"
picture = data.photograph("chelsea").tensor
part = models.parts(photo_network, picture.clone().requires_grad_())
at_map = torch.autograd.grad(part.logits[0, top["chelsea"]], part.feature_map)[0][0]
weight = fc.weight[top["chelsea"]].detach() / at_map[0].numel()
everywhere = weight[:, None, None].expand_as(at_map)
torch.testing.assert_close(at_map, everywhere, rtol=2e-3, atol=1e-6)  # TF32 on a GPU
print("each of the 49 positions gets the class's weights, divided by 49")

# %% [markdown]
# Now one position alone, all the way back.


# %% name="sends-back"
def sent_back(photograph, category):
    """Return how strongly each pixel moves the strongest vote, (H, W), and its cell."""
    pixels = data.photograph(photograph).tensor.clone().requires_grad_()
    x = models.parts(photo_network, pixels).feature_map[0]
    vote = torch.einsum("c,chw->hw", fc.weight[category].detach(), x) / x[0].numel()
    row, column = divmod(int(vote.argmax()), vote.shape[1])
    gradient = torch.autograd.grad(vote[row, column], pixels)[0][0]
    return gradient.abs().sum(dim=0).cpu(), (row, column)


back = {name: sent_back(name, top[name]) for name in data.PHOTOGRAPHS}

# %% name="sends-back-share"
own_share, near_share = {}, {}
for name, (strength, (row, column)) in back.items():
    cells = strength.reshape(7, 32, 7, 32).sum(dim=(1, 3)) / strength.sum()
    around = cells[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    own_share[name] = 100 * float(cells[row, column])
    near_share[name] = 100 * float(around.sum())
own_least, own_most = min(own_share.values()), max(own_share.values())
near_least, near_most = min(near_share.values()), max(near_share.values())
assert own_most < 50

# %% name="sends-back-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 6, figsize=(8.8, 1.9))
for ax, (name, (strength, (row, column))) in zip(panels, back.items(), strict=True):
    coarse = F.avg_pool2d(strength[None, None], 4)[0, 0].numpy()
    steps = np.round(np.sqrt(coarse / coarse.max()), 2)
    image = ax.imshow(steps, cmap="viridis", vmin=0, vmax=1, extent=(0, 7, 7, 0))
    frame = {"fill": False, "edgecolor": figures.PALE, "linewidth": 1.5}
    ax.add_patch(figures.plt.Rectangle((column, row), 1, 1, **frame))
    ax.set_title(photo_network.categories[top[name]], fontsize=9)
    ax.set_axis_off()
figure.colorbar(image, ax=panels, label="gradient", shrink=0.9)
show(
    figure,
    name="fig-vote-sends-back",
    alt=f"Six gradient maps at the pixels, each with a white square around the cell whose vote was sent back. The gradient lies on the object and far around the square, which holds only {own_least:.0f} % to {own_most:.0f} % of it.",
    caption="The gradient of the strongest cell's vote with respect to the pixels, in the trained network: absolute values, summed over colours, in blocks of 4 px, as a square root with each map's largest set to 1. The white square is the cell.",
)

# %% name="sends-back-words" tags=["remove-input"]
say(f"""
Look at the white squares: most of the gradient lies outside of them. The cell's own 32 x 32 px hold {own_least:.0f} % to {own_most:.0f} % of it, and with the eight cells around {near_least:.0f} % to {near_most:.0f} %. So a class activation map says where the *last map's* evidence stands, and not which pixels made it: each cell has seen most of the photograph.
""")

# %% [markdown]
# ### Try it: every position votes
#
# Choose a photograph and a class, point at a position, and compare the average with the maximum. Under the maximum only the winners of each channel vote.


# %% name="vote-arrays"
def voted(name):
    """Return a photograph with its votes, for its top five classes and a wrong one."""
    picture, tensor = data.photograph(name)
    with torch.no_grad():
        part = models.parts(photo_network, tensor)
    order = part.logits[0].argsort(descending=True)
    chosen = torch.cat([order[:5], order[500:501]])
    w, x = fc.weight[chosen].detach().cpu().double(), part.feature_map[0].cpu().double()
    winner = F.one_hot(x.flatten(1).argmax(dim=1), x[0].numel()).view_as(x)
    average = torch.einsum("kc,chw->khw", w, x) / x[0].numel()
    maximum = torch.einsum("kc,chw->khw", w, x * winner)  # a winner a channel
    labels = [photo_network.categories[c] for c in chosen]
    bias, title = fc.bias[chosen].detach().cpu().numpy(), name.removesuffix("_left")
    return title, picture, labels, bias, average.numpy(), maximum.numpy()


# %% name="vote-explorer" tags=["hide-input", "nbval-ignore-output"]
from gaplab.widgets import VotedPhotograph, VoteExplorer

VoteExplorer(
    [VotedPhotograph(*voted(name)) for name in ("chelsea", "coffee", "rocket", "camera")]
)

# %% [markdown]
# [The laboratory](laboratory.ipynb) has a trained network in the page. <a href="laboratory.html#lab&amp;experiment=votes&amp;network=photographs">Let it vote on a photograph of your own</a>.
# The network is loaded when you follow the link; the photograph stays in the page.

# %% [markdown]
# ### Your turn
#
# With a running kernel: any photograph, any of its first classes, two networks, and the layer to read. At the last map the votes add up to the logit. At earlier layers no linear classifier reads the map, so Grad-CAM (Selvaraju and others 2017) stands in: each channel weighted by its mean gradient. Its map adds up to nothing in particular.

# %% name="your-turn-imports" tags=["hide-input"]
import ipywidgets

from gaplab.your_turn import your_turn

BACK = {"last map": 0, "one stage back": 1, "two stages back": 2}


# %% name="grad-cam" tags=["hide-input"]
def stages(network):
    """Return a photograph network's stages, first to last."""
    body = network.body
    return list(body.blocks) if hasattr(body, "blocks") else [body.layer1, body.layer2, body.layer3, body.layer4]  # fmt: skip


def grad_cam(network, tensor, rank, stage):
    """Return the class, its logit, and a stage's maps weighted by their mean gradient, (H, W)."""
    kept = []
    with models.hooked(stage, lambda _, __, output: kept.append(output)):
        logits = network(tensor)[0]
    category = int(logits.argsort(descending=True)[rank - 1])
    gradient = torch.autograd.grad(logits[category], kept[0])[0]
    weighted = gradient.mean(dim=(2, 3), keepdim=True) * kept[0]
    return (
        category,
        float(logits[category].detach()),
        weighted.sum(dim=1)[0].detach().cpu(),
    )


# %% name="look" tags=["hide-input"]
def look(network, photograph, rank, layer):
    """Draw the map of a class, and print what it adds up to."""
    model, (picture, tensor) = (
        weights.photo_network(network),
        data.photograph(photograph),
    )
    category, logit, cam = grad_cam(model, tensor, rank, stages(model)[-1 - BACK[layer]])
    label, unit = model.categories[category], "weighted activation"
    if BACK[layer] == 0:
        with torch.no_grad():
            x = models.parts(model, tensor).feature_map[0]
        head, unit = models.classifier(model), "vote (logit)"
        cam = (torch.einsum("c,chw->hw", head.weight[category], x) / x[0].numel()).detach().cpu().numpy()  # fmt: skip
        print(f"{label}: {cam.size} votes {cam.sum():.2f} + bias {float(head.bias[category].detach()):.2f} = logit {logit:.2f}")  # fmt: skip
    else:
        print(f"{label}: logit {logit:.2f}; the map of this layer has no such sum")
    finding = f"{network} on {photograph}: where class {label!r} is read, {layer}."
    grid = figures.map_grid(np.asarray(cam)[None], [label], unit, diverging=True, columns=2, photograph=picture)  # fmt: skip
    show(grid, name="fig-your-votes", alt=finding, caption=finding)


# %% name="your-turn" tags=["hide-input"]
your_turn(
    look,
    adds="choose picture, class, network and layer",
    network=ipywidgets.Dropdown(description="network", options=[*weights.PHOTO_NETWORKS]),
    photograph=ipywidgets.Dropdown(
        description="photo", options=data.PHOTOGRAPHS, value="chelsea"
    ),
    rank=ipywidgets.BoundedIntText(description="class rank", value=1, min=1, max=1000),
    layer=ipywidgets.Dropdown(description="layer", options=list(BACK)),
)

# %% [markdown]
# ## Further evidence: cross-examination
#
# - **"You call it GoogLeNet's head, but the idea is NIN's."** Yes, and GoogLeNet's paper says so. The claim names the idea *as* the replacement of fully-connected layers, and ResNet has one. By the identity the step from one to the other is a ReLU and an order of operations.
#   It is small in algebra and large in use: almost every averaging network of the census went that way, and two went NIN's.
# - **"Your control is not NIN's control."** Right: other data, a convolution where NIN has a locally connected layer, grey pictures. It cannot refute NIN. It shows that NIN's ordering is not a law of heads, and that a small train/test gap alone says little where training losses differ.
# - **"Gradients at initialisation are not training."** Right. That is why degradation stands beside them. And batch norm makes a layer's output independent of the scale of its weights, so a gradient that explodes at the start does not mean that training must fail.
# - **"Then why do shortcuts help?"** That is still discussed. Balduzzi and others (2017) find that gradients of deep plain networks come to resemble white noise even where initialisation and batch norm keep their size, and that shortcuts delay this. Veit and others (2016) find that a
#   ResNet's gradient comes mostly through short paths, and call that avoiding the vanishing gradient. So the word is not absurd; it is not what the first paper set out to solve.
# - **"Your case of vanishing is a straw man: nobody trains so."** It is the case in which the claim is true. Before normalised initialisation and batch norm people did train so. Without it the claim could not have won.
# - **"Degradation with 5,000 images and 8 epochs?"** It shows at every one of five rates, in each network trained alike. Longer training may narrow the difference; the paper reports it on CIFAR-10 and ImageNet with full schedules.
# - **"Ninety-six steps say nothing about ResNet-152."** They say what a pool does to a start without warm-up, which is where stability is in question. Final accuracy at 101 or 152 layers with a well-scaled maximum was not measured here. SENet's ablation of its squeeze, a different place in the network, finds maximum and average close: 22.57 and 22.28 % error.
# - **"A class activation map shows what the network looks at."** It shows where the last map's evidence stands. The gradient of one cell's vote covers most of the picture.

# %% [markdown]
# ## Verdicts

# %% name="verdicts" tags=["remove-input"]
trial.table()

# %% [markdown]
# ## Say it in the interview

# %% name="thirty-seconds" tags=["remove-input"]
say(f"""
**In 30 seconds.** "The average is Network in Network's idea. ResNet's head, average then one linear layer, is GoogLeNet's, and the ResNet paper never ablates it. Shortcuts can rescue a vanishing gradient, but with batch norm it doesn't vanish. The paper's subject is degradation: in my runs fifty-six plain layers end at training loss {ends["plain56"]:.1f}, twenty at {ends["plain20"]:.1f}."

**In 2 minutes.** "A linear layer behind the average gives the same logits as the average of a one-by-one convolution. So ResNet's head is NIN's without its ReLU, and it gives class activation maps for free. In torchvision {counts[census.GAP_LINEAR]} of {len(everyone)} classifiers have it.

Does it regularise? In NIN's control on a conventional network the average beat a linear layer and lost to dropout. In my repeat it had less test error at equal training loss, and no less when each was tuned.

Gradients: without batch norm and with small initial weights a plain network's gradient does vanish, and shortcuts keep it. With batch norm, as in ResNet, it grows, and still the deeper plain network trains worse: that's degradation.

And the pool? With one learning rate the average trains more easily than the maximum, at the rates we tried more so when deep. Up to 56 layers that is mostly size: the maximum's vector is about {ratio:.0f} times as long. In short runs a slower classifier gives the maximum the lower best loss. I know of no test at 152 layers."
""")

# %% [markdown]
# ### When they interrupt
#
# Answer aloud before you unfold.

# %% name="interruptions" tags=["remove-input"]
figures.answers(
    {
        "“But shortcuts fix vanishing gradients, no?”": "They can: without batch norm and with small weights they do. ResNet's plain networks had batch norm, and the paper says that vanishing is unlikely to be their problem.",
        "“Then why did deep plain networks fail?”": "They degrade: the training error rises with depth. Their gradients are large enough, but hard to use; shattered gradients are one explanation, and the question isn't closed.",
        "“NIN's head and ResNet's are the same thing.”": "They are one identity apart: W mean(x) + b = mean(Wx + b). NIN's ReLU on the class maps breaks it.",
        "“NIN showed that GAP regularises better than dropout.”": "Not in its control on a conventional network: there dropout has less error than the average. On NIN's own network the paper has the average ahead.",
        "“Average pooling's smooth gradient is why ResNet-152 trains.”": "The ResNet paper doesn't test that. Up to 56 layers the difference to a maximum is mostly the size of the pooled vector. To 110 layers, in short runs, a slower classifier gives the maximum the lower best loss.",
        "“How would you really test the head?”": "Same body, several depths, both learning rates tuned on other seeds, pooled vectors scaled to equal length, training loss beside every accuracy.",
    }
)

# %% [markdown]
# ## Exercises
#
# [Problem set 3](coursework/ps3_nin_lineage.ipynb) checks your answers:
#
# 1. **ex-3-1, predict.** Put ResNet-50's classifier before its average. How many parameters has the head then, and how many times as many multiply-adds?
# 2. **ex-3-2, implement.** Write the average for maps of any size, and the map of votes whose mean is a class's logit.
# 3. **ex-3-3, derive and implement.** Turn NIN's last convolution into the linear layer that gives the same logits behind the average.
# 4. **ex-3-4, debug.** A colleague's head does not do what its text says. Repair it, and the test that should have noticed.
# 5. **ex-3-5, judge.** "Residual connections were needed because in deep plain networks the gradient vanishes." Put it on trial, with batch norm.
# 6. **ex-3-6, explain.** "ResNet borrowed its head from Network in Network": what is alike, and what is not?
#
# ## Sources
#
# Lin, Chen and Yan 2014 (NIN); Szegedy and others 2015 (GoogLeNet); He and others 2016 (ResNet, and *Identity Mappings*); Yang and others 2019 (batch norm and explosion); Balduzzi and others 2017 (shattered gradients);
# Veit, Wilber and Belongie 2016 (short paths); Zhou and others 2016 (class activation maps); Hu and others 2018 (SENet); Selvaraju and others 2017 (Grad-CAM).
