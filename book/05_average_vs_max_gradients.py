# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Chapter 5 of five interview answers on trial: global max pooling's gradient is sparse at the pool and dense a block further back. Pool, depth and two learning rates show whether it hurts: with 20 and 56 layers it is mostly the size of the pooled vector."
# ---

# %% [markdown]
# # Does max pooling starve a deep network of gradient?
#
# **The answer in three sentences.** At the pool the article is right, one even share for every cell against one cell with everything, but a few layers further back the convolutions have mixed that one cell into the
# whole map. With a learning rate of its own for the classifier the network with the maximum reached the *lower* training loss in our short runs, at every depth that we tried. With one rate for all layers it bears lower rates
# than the average: with 20 and with 56 layers that is mostly the size of its pooled vector and not the sparsity of its gradient, and with 110 we did not separate the two.
#
# **To read first**, about twelve minutes: [the claims](#the-claims), [your prediction](#predict), [the experiment that decides](#the-experiment-that-decides), [the verdicts](#verdicts) and
# [what to say](#say-it-in-the-interview). The rest is further evidence, about half an hour more, to be opened when somebody asks:
# [at the pool](#further-evidence-at-the-pool-exactly), [a block back](#further-evidence-a-block-back), [steadiness](#further-evidence-does-the-gradient-hold-still), [longer training](#further-evidence-longer-training-and-other-rates),
# [the road between the two](#further-evidence-the-road-from-average-to-maximum), [what each forgets](#further-evidence-what-each-statistic-forgets), [edges](#further-evidence-edges-and-corners),
# [a bug that trained well](#further-evidence-a-bug-that-trained-well), [pictures to play with](#further-evidence-the-gradient-microscope), [cross-examination](#further-evidence-cross-examination).
# **You need** the chain rule, batch norm and SGD. It takes one to two minutes to run.
#
# A **cell** is one of the H x W = 49 positions of the last map. The **pooled vector** holds one number a channel. The **classifier** is the linear layer behind it, the **backbone** everything before the pool.

# %% name="imports"
from functools import partial

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import claims, data, device, evidence, figures
from gaplab import gradients, models, training, weights
from gaplab.claims import CAVEATS, FAILS, HOLDS, mean_spread
from gaplab.figures import say, show

# %% name="setup"
figures.use_style()
trial = claims.Trial(chapter=5)
where = device()
POOLS = {"gap": nn.AdaptiveAvgPool2d(1), "max": nn.AdaptiveMaxPool2d(1)}

# %% [markdown]
# ## The claims

# %% name="docket" tags=["remove-input"]
trial.docket()

# %% [markdown]
# ## Predict
#
# Choose before you read on. Later cells call `predict.settle`, which fails if the measurement does not agree with the answer that is marked right.

# %% name="predict" tags=["hide-input", "exact"]
from gaplab.widgets import Choice, Predictions, Question

predict = Predictions(
    [
        Question(
            "The classifier gets a learning rate of its own, and both rates are tuned. Which ResNet-110 has the lower training loss after three epochs?",
            [Choice("with the average", -2, -0.03), Choice("level", -0.03, 0.03), Choice("with max", 0.03, 2)],
            2, "deciding"),
        Question(
            "At the pool's input, how long (L2) is max's gradient, set against the average's?",
            [Choice("as long", 0.9, 1.1), Choice("7 times as long", 6.9, 7.1), Choice("49 times as long", 48, 50)],
            1, "at-the-pool"),
        Question(
            "Behind a max-pool 1 of 49 cells of a channel gets gradient. How many of the gradient's numbers differ from zero one block further back?",
            [Choice("about 1 in 49", 0, 5), Choice("about a half", 30, 70), Choice("all of them", 99, 101)],
            2, "inside"),
    ]
)  # fmt: skip
predict

# %% [markdown]
# ## The experiment that decides
#
# If a sparse gradient starved a deep network, the network with the maximum would learn more slowly than the one with the average, and the more so the deeper it is. Each side gets its best chance:
# ResNets of 20, 56 and 110 layers; six learning rates for the backbone; and for the classifier that rate times 1, 1/7, 1/49 or 1/343. `evidence.load` reads a table of runs that took too long for this page.

# %% name="runs"
runs = evidence.load("stability")
runs = runs[runs["head"].isin(POOLS)]
NETWORKS = ("resnet20", "resnet56", "resnet110")
steps = 3 * -(-2000 // 64)  # 3 epochs of 2,000 garments in batches of 64
grid = runs[["lr", "classifier_rate"]].drop_duplicates()
print(f"{len(grid)} pairs of rates, {runs['seed'].nunique()} seeds, {steps} steps")

# %% [markdown]
# The score is the training loss, measured after the last step with batch norm's statistics taken anew. `evidence.tuned` gives each seed the rates that the *other* two seeds choose, so that no run has a part
# in the choice that it is judged by. First both rates are tuned; then one rate is tuned, and the classifier shares it. The rates, and those that tie with them, are listed [further down](#grid-table).

# %% name="deciding"
lowest = partial(evidence.tuned, score="train_loss", lowest=True)
RATES = ["lr", "classifier_rate"]
own_rate = lowest(runs, ["network", "head"], rates=RATES)
one_rate = lowest(runs[runs["classifier_rate"] == 1], ["network", "head"])
lead = {}
for name, rows in {"own rate": own_rate, "one rate": one_rate}.items():
    loss = rows.pivot(index=["network", "head"], columns="seed", values="train_loss")
    for network in NETWORKS:
        lead[name, network] = loss.loc[network, "gap"] - loss.loc[network, "max"]
        pair = [mean_spread(loss.loc[network, head], 2) for head in POOLS]
        print(f"{name}, {network}: average {pair[0]}, max {pair[1]}")
predict.settle(1, lead["own rate", "resnet110"].mean())

# %% [markdown]
# The picture shows the same runs rate by rate. At each rate of the backbone a filled mark has the factor that the other two seeds choose for the classifier; a hollow mark has the classifier at the backbone's rate.

# %% name="curves"
at_each = lowest(runs, ["network", "head", "lr"], rates=["classifier_rate"])
CURVES = {
    ("gap", "own"): at_each[at_each["head"] == "gap"],
    ("max", "own"): at_each[at_each["head"] == "max"],
    ("gap", "one"): runs[(runs["head"] == "gap") & (runs["classifier_rate"] == 1)],
    ("max", "one"): runs[(runs["head"] == "max") & (runs["classifier_rate"] == 1)],
}
NAMES = {"gap": "average", "max": "max"}
WORDS = {"own": "classifier's own rate", "one": "one rate for all"}
HOLLOW = {"markerfacecolor": "white", "linestyle": ":"}
ROUGH = 3  # above it, or with no loss at all, a run counts as diverged

# %% name="curve-values" tags=["hide-input"]
rates = sorted(runs["lr"].unique())
styles, series = {}, {network: {} for network in NETWORKS}
for (head, kind), rows in CURVES.items():
    label = f"{NAMES[head]}, {WORDS[kind]}"
    styles[label] = figures.HEAD_STYLE[head] | (HOLLOW if kind == "one" else {})
    rows = rows.assign(loss=rows["train_loss"].fillna(ROUGH).clip(upper=ROUGH))
    for network in NETWORKS:
        table = rows[rows["network"] == network].pivot(
            index="lr", columns="seed", values="loss"
        )
        series[network][label] = list(table.loc[rates].to_numpy())

# %% name="bearable-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 3, figsize=(8.6, 3.5), sharey=True)
for ax, network in zip(panels, NETWORKS, strict=True):
    figures.points(rates, evidence.summary(series[network]), ax, styles=styles)
    ax.get_legend().remove()
    ax.set(
        xlabel=f"backbone's rate, {network.replace('resnet', 'ResNet-')}",
        ylim=(0, 3.1),
    )
    ax.tick_params(axis="x", labelsize=8)
panels[0].set_ylabel("training loss")
lines = panels[0].get_legend_handles_labels()
figure.legend(*lines, loc="outside upper center", ncols=2, fontsize=9)
shown = {key: value.mean() for key, value in lead.items()}
show(
    figure, name="fig-bearable",
    alt=f"Training loss against the backbone's learning rate for 20, 56 and 110 layers. With the classifier's own rate max reaches the lowest loss at each depth, ahead of the average by {shown['own rate', 'resnet20']:.2f}, "
    f"{shown['own rate', 'resnet56']:.2f} and {shown['own rate', 'resnet110']:.2f}. With one rate for all, max breaks down at far lower rates than the average, and the deeper the lower.",
    caption=f"ResNet-20, -56 and -110 on 2,000 garments, 3 epochs ({steps} steps), constant rate, no warm-up; training loss, mean and spread of three seeds. Filled: the classifier's rate is chosen by the other seeds. Hollow: one rate for all. Guessing has 2.3; what is above {ROUGH} is drawn at {ROUGH}.",
)  # fmt: skip

# %% [markdown]
# See the filled marks: the orange curve goes lower than the blue one in every panel, and it does so at a lower rate of the backbone. To the right of a panel, at high rates, the blue one is the lower.

# %% name="at-one-rate"
fixed = runs[(runs["classifier_rate"] == 1) & (runs["lr"] == 0.01)]
at_hundredth = fixed.groupby(["network", "head"])["train_loss"].mean().round(2)
print(at_hundredth.unstack().loc[list(NETWORKS)].to_string())

# %% name="bearable-lines" tags=["remove-input"]
assert min(value.min() for (kind, _), value in lead.items() if kind == "own rate") > 0
ahead = {network: mean_spread(lead["own rate", network], 3) for network in NETWORKS}
behind = mean_spread(-lead["one rate", "resnet110"], 2)
level = {network: mean_spread(lead["one rate", network], 2) for network in NETWORKS[:2]}
deep = at_each[at_each["network"] == "resnet110"]
deep = deep.pivot(index=["lr", "seed"], columns="head", values="train_loss")
assert (deep.loc[[0.03, 0.1], "gap"] < deep.loc[[0.03, 0.1], "max"]).all()
high = {key: f"{value:.2f}" for key, value in deep.groupby("lr").mean().stack().items()}
tests = own_rate[own_rate["network"] == "resnet110"].groupby("head")["test_accuracy"]
tested = {head: f"{100 * value:.1f}" for head, value in tests.mean().items()}
say(f"""
**With a rate of its own for the classifier, max ends {steps} steps with the lower training loss at every depth, in every seed.** It is lower by {ahead["resnet20"]} with 20 layers, {ahead["resnet56"]} with 56 and {ahead["resnet110"]} with 110. The lead is smaller in the deeper networks, and it stays a lead. It is one of fit: in a ResNet-110 the test accuracies are level ({tested["max"]} % with max, {tested["gap"]} % with the average).

**It still bears lower rates.** With 110 layers and the backbone at 0.03 or 0.1 the average is ahead in every seed, slow classifier or not ({high[0.03, "gap"]} and {high[0.1, "gap"]} against {high[0.03, "max"]} and {high[0.1, "max"]}). Why was not measured.

**With one rate for all layers the article gets its point.** Tuned, the two pools are level within the spread with 20 layers (average less max: {level["resnet20"]}) and with 56 ({level["resnet56"]}); with 110 the average is ahead by {behind}, and there, as with 56, max wants the lowest rate that was tried. At 0.01, printed above, max learns little with 56 layers and hardly at all with 110. So a max head that is put into a recipe for the average does fail, and the deeper the network, the sooner. [Longer runs](#further-evidence-longer-training-and-other-rates) with one rate speak for the average as well; with two rates, tried on 5,000 garments, they do so in the ResNet-56 only, and only on test images.
""")

# %% [markdown]
# ### Is it sparsity, or size?
#
# The two pools differ in more than sparsity: a maximum is never below the mean, so the pooled vector of max is longer. By how much, in untrained ResNet-20s in training mode, as at the first step?
# (`models.parts` returns a network's last feature map, its pooled vector and its logits.)

# %% name="pooled-length"
garments, labels = data.stratified("test", 50)
garments, labels = data.normalise(garments), labels.to(where)


def times_longer(name, seed):
    """Return the length of max's vector, as a multiple of the average's, untrained."""
    network = models.build(name, seed=seed)
    with torch.no_grad():
        feature_map = models.parts(network, garments).feature_map
    length = {h: pool(feature_map).norm(dim=1).mean() for h, pool in POOLS.items()}
    return (length["max"] / length["gap"]).item()


longer = [times_longer("resnet20", seed) for seed in (0, 1, 2)]
print("length of max's vector over the average's:", *(f"{r:.1f}" for r in longer))

# %% [markdown]
# So there is a fair test: multiply or divide either pool until both vectors are equally long, and train with one rate for all. Three such pairs were trained. In each pair the lengths agree and the sparsity does not.

# %% name="matched"
PAIRS = {
    "both as long as max": ("gap x 4.1", "max"),
    "both as long as the average": ("gap", "max / 4.1"),
    "both 1.7 times shorter": ("gap / 1.7", "max / 7"),
}
losses = {}  # by network and variant: a row a rate, a column a seed
runs_of = evidence.load("rescaled").groupby(["network", "variant"])
for (network, variant), rows in runs_of:
    table = rows.pivot(index="lr", columns="seed", values="train_loss")
    losses.setdefault(network, {})[variant] = table
by_rate = losses["resnet20"]
gap_less_max = pd.concat([by_rate[a] - by_rate[m] for a, m in PAIRS.values()])
print(f"{gap_less_max.size} pairs of runs with equal length of the vector")


# %% name="matched-panels" tags=["hide-input"]
def matched_panels(by_rate):
    """Draw the training loss of each pair by learning rate."""
    figure, panels = figures.plt.subplots(1, 3, figsize=(8.4, 3.0), sharey=True)
    for ax, (title, pair) in zip(panels, PAIRS.items(), strict=True):
        shown = {name: by_rate[name].clip(upper=ROUGH).to_numpy().T for name in pair}
        series = {name.replace("gap", "average"): values for name, values in shown.items()}
        styles = dict(zip(series, (figures.HEAD_STYLE[head] for head in POOLS), strict=True))
        drawn = evidence.summary(series)
        figures.points(list(by_rate["gap"].index), drawn, ax, styles=styles)
        ax.set(xlabel=f"learning rate,\n{title}", ylim=(0, None))
        ax.legend(loc="upper left", fontsize=8)
    panels[0].legend(loc="lower right", fontsize=8)
    panels[0].set_ylabel("training loss")
    return figure


# %% name="matched-figure" tags=["hide-input"]
high = {name: by_rate[name].loc[0.3].mean() for name in by_rate}
show(
    matched_panels(by_rate), name="fig-matched",
    alt=f"Three panels of training loss against learning rate, each with an average and a maximum of equal pooled length. Where the vectors are short, the two curves run together up to a rate of 0.1; where they are long, the average is ahead at 0.03. From the longest to the shortest vector the loss at rate 0.3 falls from {high['max']:.1f} "
    f"over {high['gap']:.1f} to {high['gap / 1.7']:.1f}.",
    caption="ResNet-20 on 2,000 garments, 3 epochs, one constant rate for all layers, no warm-up; training loss, mean and spread of three seeds. Value and gradient of the pool are multiplied alike. Guessing has 2.3.",
)  # fmt: skip

# %% name="matched-words" tags=["remove-input"]
short = [by_rate[a] - by_rate[m] for a, m in list(PAIRS.values())[1:]]
short = pd.concat([pair.loc[:0.1] for pair in short]).mean()  # by seed
long = {name: by_rate[name].loc[0.03] for name in PAIRS["both as long as max"]}
assert 0 <= short.mean() < 0.1
assert (long["gap x 4.1"] < long["max"]).all()
assert high["max"] > high["gap"] > high["gap / 1.7"]
say(f"""
See that the two curves of a panel stay close, while the panels differ. **At equal length a dense and a sparse gradient train nearly alike.** In the two shorter pairs max is level or slightly ahead up to a rate of 0.1 (average less max: {mean_spread(short, 2)}). In the longest pair most rates are too high for both; at 0.03 the average is ahead in every seed, {long["gap x 4.1"].mean():.2f} against {long["max"].mean():.2f}. So length explains most of the difference in this ResNet-20, and [in a ResNet-56](#equal-lengths-in-a-resnet-56) as well; with 110 layers nothing was matched. How high a rate a head can bear here is decided by the length: at 0.3 the short pair still learns ({high["gap / 1.7"]:.2f} and {high["max / 7"]:.2f}), the long pair does not ({high["gap x 4.1"]:.2f} and {high["max"]:.2f}).

The likely reason is the classifier. It multiplies the pooled vector, so the curvature of its loss grows with the *square* of that vector's length, and the highest stable rate falls with it. What counts is rate times curvature: a seventh of the vector or a 49th of the classifier's rate brings it down by the same factor.
""")

# %% name="record-g4" tags=["hide-input"]
trial.record(
    "G4", FAILS, dict(enumerate(lead["own rate", "resnet110"])),
    "is by how much max's training loss is lower in a ResNet-110 after 96 steps, both rates tuned",
    stands_if=(0, 0.5), cell="bearable-figure",
    because=f"With a rate of its own for the classifier max is ahead at 20, 56 and 110 layers, and at equal length of the pooled vector the two train nearly alike in a ResNet-20 and, at low rates, in a ResNet-56. "
    f"For the claim: max bears lower rates in the short runs. With one rate for all the average is ahead in a ResNet-110 ({behind}) and, in eight epochs, in a ResNet-56.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: at the pool, exactly
#
# $\text{mean}(x) = \frac{1}{HW} \sum x_i$ has the derivative $\frac{1}{HW}$ at every cell, whatever the map holds. The maximum has the derivative 1 at its
# cell and 0 elsewhere. Both sum to 1. Their lengths (**L2** is the Euclidean norm) differ: $\sqrt{HW \cdot (1/HW)^2} = 1/\sqrt{HW}$ against 1, a factor of $\sqrt{49} = 7$.
# This holds for any map, so a ResNet-50 with random weights serves as well as another; `calibrate` sets its batch norm to the statistics of these two photographs, so that random weights give sane maps.


# %% name="back-through"
def back_through(pool, feature_map):
    """Return the gradient of all pooled values; pools mix no channels."""
    x = feature_map.detach().requires_grad_()
    return torch.autograd.grad(pool(x).sum(), x)[0]


photographs = torch.cat([data.photograph(n).tensor for n in ("chelsea", "coffee")])
resnet50 = training.calibrate(models.torchvision_resnet("resnet50"), photographs)
with torch.no_grad():
    feature_map = models.parts(resnet50, photographs).feature_map
last_map = feature_map.cpu().double()  # (2, 2048, 7, 7); Apple's GPUs have no float64

# %% [markdown]
# Each pool's gradient, channel by channel, in double precision:

# %% name="at-the-pool" tags=["exact"]
lengths, reached = {}, {}
for head, pool in POOLS.items():
    channels = back_through(pool, last_map).flatten(2)  # (2, 2048, 49)
    cells, sums = (channels != 0).sum(dim=2), channels.sum(dim=2)
    reached[head], lengths[head] = cells.unique().tolist(), channels.norm(dim=2)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    size = f"{lengths[head].mean():.6f}"
    print(f"{head}: {reached[head]} of 49 cells, sum {sums.mean():.6f}, L2 {size}")
ratio = lengths["max"] / lengths["gap"]
torch.testing.assert_close(ratio, torch.full_like(ratio, 7))
predict.settle(2, ratio.mean().item())

# %% [markdown]
# The average's gradient is a constant. It does not know the picture: the cat and the wall behind it are told to change by the same amount.
#
# ### Ties
#
# Where two cells share the maximum, the derivative does not exist, and each library function makes its choice. Behind a ReLU the commonest tie is a silent channel: zero everywhere.

# %% name="ties" tags=["exact"]
MAXIMA = {
    "amax": lambda x: x.amax(dim=(2, 3)),
    "AdaptiveMaxPool2d": POOLS["max"],
    "max_pool2d": lambda x: F.max_pool2d(x, kernel_size=x.shape[-1]),
}
two = torch.tensor([[0.0, 2.0], [2.0, 1.0]], device=where).view(1, 1, 2, 2)
silent = torch.zeros(1, 1, 7, 7, device=where)
for name, pool in MAXIMA.items():
    shares = sorted(back_through(pool, two).flatten().tolist(), reverse=True)[:2]
    cells = int((back_through(pool, silent) != 0).sum())
    print(f"{name}: the tie gets {shares}; a silent channel, {cells} of 49 cells")

# %% [markdown]
# `amax` shares the gradient out, both max-pools pick one cell. On a silent channel `amax` is an average. The sum is 1 in each case.
#
# ### The ReLU just before
#
# ResNet's last operation before the pool is a ReLU, and what it set to zero passes nothing back. So neither gradient survives its first step whole. Here it is in networks
# random and trained. EfficientNet-Lite0, which was trained on ImageNet (and which you can replace by ResNet-50), has a ReLU6, which is flat above 6 as well.


# %% name="behind-relu"
def behind_relu(feature_map, top=torch.inf):
    """Send each pool's gradient through the ReLU before it; measure what is left."""
    passes = (feature_map > 0) & (feature_map < top)
    back = {h: back_through(pool, feature_map) * passes for h, pool in POOLS.items()}
    left = {head: g.sum(dim=(2, 3)).mean().item() for head, g in back.items()}
    silent = (feature_map.amax(dim=(2, 3)) == 0).float().mean().item()
    ratio = (back["max"].norm() / back["gap"].norm()).item()
    return {
        "masked": 1 - passes.float().mean().item(),
        "silent": silent,
        "ratio": ratio,
        **left,
    }


# %% name="relu-networks"
six = torch.cat([data.photograph(name).tensor for name in data.PHOTOGRAPHS])
lite = weights.photo_network()
trained = {(h, s): weights.load(f"resnet20-{h}-s{s}") for h in POOLS for s in (0, 1, 2)}

# %% name="trained-as" tags=["hide-input"]
whole = evidence.load("whole")
whole = whole[whole["head"].isin(POOLS)]
((garments_seen, epochs, lr),) = (
    whole[["train_size", "epochs", "lr"]].drop_duplicates().itertuples(index=False)
)
fit = {head: f"{loss:.3f}" for head, loss in whole.groupby("head")["train_loss"].mean().items()}
TRAINED_AS = (
    f"{garments_seen:,} garments, {epochs} epochs, rate {lr:g} for both pools, "
    f"training loss {fit['gap']} with the average and {fit['max']} with max (means of {whole['seed'].nunique()} seeds)"
)

# %% name="relu-measured"
with torch.no_grad():
    lite_map = models.parts(lite, six).feature_map
    maps = {k: models.parts(net, garments).feature_map for k, net in trained.items()}
EFFICIENT = lite.name == "efficientnet_lite0"  # else a reader's ResNet-50
PHOTO = lite.title
TOP = 6 if EFFICIENT else torch.inf  # ReLU6 is flat above 6
first_step = {
    "ResNet-20, trained with average": [behind_relu(maps["gap", s]) for s in (0, 1, 2)],
    "ResNet-20, trained with max": [behind_relu(maps["max", s]) for s in (0, 1, 2)],
    f"{PHOTO}, ImageNet": [behind_relu(lite_map, top=TOP)],
    "ResNet-50, random": [behind_relu(last_map)],
}
averaged = {name: pd.DataFrame(rows).mean() for name, rows in first_step.items()}

# %% name="relu-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {
                "network": name,
                "cells masked": f"{100 * row.masked:.0f} %",
                "silent channels": f"{100 * row.silent:.0f} %",
                "sum left of 1, average": f"{row.gap:.2f}",
                "sum left of 1, max": f"{row['max']:.2f}",
                "L2, max / average": f"{row.ratio:.1f}",
            }
            for name, row in averaged.items()
        ]
    ),
    caption=f"Behind the last ReLU, on its way back: what is left of each pool's gradient. ResNet-20: mean of three seeds on 50 test garments; trained on {TRAINED_AS}. Photographs for the others.",
)

# %% name="relu-words" tags=["remove-input"]
real, raw = averaged[f"{PHOTO}, ImageNet"], averaged["ResNet-50, random"]
small_net = averaged["ResNet-20, trained with average"]
for row in averaged.values():
    assert abs(row.gap - (1 - row.masked)) < 1e-6  # k live cells of 49 leave k / 49
    assert row["max"] > row.gap
    assert row.ratio > 7
say(f"""
Read the two sums. They were equal at the pool and are not any more: the average left {real.gap:.2f} in the ImageNet network, {small_net.gap:.2f} in the trained ResNet-20 and {raw.gap:.2f} in the random ResNet-50, because every masked cell takes its 1/49 with it.
The maximum sits on a live cell by definition and loses only channels that are silent (and, in a ReLU6, those at 6). In the ImageNet network it is the *average* whose gradient is mostly thrown away, and in all four "uniform over the whole map" describes it for no longer than one layer.
""")

# %% name="record-g5" tags=["hide-input"]
assert reached["gap"] == [49]
trial.record(
    "G5", HOLDS, reached["gap"][0], "of 49 cells get 1/49 each at the pool's input",
    stands_if=(49, 49), cell="at-the-pool",
    because=f"Exact, for every channel and picture. It lasts one step: the ReLU before the pool masks {100 * real.masked:.0f} % of the cells in {PHOTO}, trained on ImageNet.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: a block back
#
# How far does the sparsity reach? The **density** of a gradient is the share of its numbers that are not zero. Tiny numbers
# deceive it, so there is the **effective density**, $(\sum |g|)^2 / (n \sum g^2)$: 1 if all $n$ numbers are equally large, $1/n$ if one is alone, and
# $2/\pi \approx 0.64$ for Gaussian noise. It is taken of the gradient of each image's own class score.
#
# First the trained networks: ResNet-20, trained with each pool and measured with that pool.


# %% name="trained-density"
def densities(found):
    """Return the effective density at each layer in percent, (layers, images)."""
    spreads = [gradients.spread(gradient).effective for gradient in found.values()]
    return 100 * torch.stack(spreads).cpu().numpy()


def of_label(logits):
    """Sum each garment's score for its own class."""
    return logits.gather(1, labels[:, None]).sum()


# %% name="trained-small"
RESNET20 = {
    "layer3.2": "pool's\ninput",
    "layer3.1": "1 block\nback",
    "layer3.0": "2 blocks\nback",
    "layer2": "layer2",
    "layer1": "layer1",
}
kept = {head: [] for head in POOLS}
for (head, _), network in trained.items():
    found = gradients.at(network, garments, RESNET20, of_label)
    kept[head].append(densities(found).mean(axis=1))
kept = {head: np.array(rows) for head, rows in kept.items()}  # (3 seeds, 5 layers)

# %% [markdown]
# Then the ImageNet network on six photographs. It was trained with the average; `pooled_by` puts either pool in its place, and weights and classifier stay.


# %% name="trained-lite"
def both(network, images, layers, objective):
    """Return the gradients at some layers with each pool in the network's place."""
    found = {}
    for head, pool in POOLS.items():
        with gradients.pooled_by(network, pool):
            found[head] = gradients.at(network, images, layers, objective)
    return found


def lengthened(found):
    """Return the length of max's gradient over that of the average's, by layer."""
    pairs = zip(found["max"].values(), found["gap"].values(), strict=True)
    spreads = [(gradients.spread(m), gradients.spread(a)) for m, a in pairs]
    return [(m.l2 / a.l2).mean().item() for m, a in spreads]


# %% name="photo-layers" tags=["hide-input"]
ALIKE = {
    "body.layer4.2": "pool's\ninput",
    "body.layer4.1": "1 block\nback",
    "body.layer4.0": "2 blocks\nback",
    "body.layer2": "layer2",
    "body.maxpool": "stem",
}
LITE = {
    "body.bn2": "pool's\ninput",
    "body.blocks.6": "last 1x1\nback",
    "body.blocks.5": "1 block\nback",
    "body.blocks.3": "blocks.3",
    "body.bn1": "stem",
}
LITE = LITE if EFFICIENT else ALIKE
BACK = list(LITE.values()).index("1 block\nback")

# %% name="lite-measured"
with torch.no_grad():
    named = lite(six).argmax(dim=1)
found = both(lite, six, LITE, lambda logits: logits.gather(1, named[:, None]).sum())
lite_kept = {head: densities(found[head]).T for head in POOLS}  # (6 images, 5 layers)
lite_ratio = lengthened(found)

# %% [markdown]
# Last, ResNet-50 with random weights and both pools, three seeds. Random weights show what convolutions alone do to a sparse gradient, and nothing of what training makes of it.


# %% name="by-stage"
def own_class(logits):
    """Sum image i's score for class i: every image has a class of its own."""
    return logits.diagonal().sum()


STAGES = {
    "layer4.2": "pool's\ninput",
    "layer4.1": "1 block\nback",
    "layer4.0": "2 blocks\nback",
    "layer2": "layer2",
    "maxpool": "stem",
}

# %% name="random-measured"
effective, ratio = {head: [] for head in POOLS}, []
for seed in (0, 1, 2):
    network = models.torchvision_resnet("resnet50", seed=seed)
    training.calibrate(network, photographs)
    found = both(network, photographs, STAGES, own_class)
    for head in POOLS:
        effective[head].append(densities(found[head]).mean(axis=1))
    ratio.append(lengthened(found))
effective, ratio = {h: np.array(rows) for h, rows in effective.items()}, np.array(ratio)

# %% [markdown]
# One block back in the random ResNet-50, how many numbers of max's gradient differ from zero? And inside that block, where does it happen?

# %% name="inside"
one_back = 100 * (found["max"]["layer4.1"] != 0).float().mean().item()
predict.settle(3, one_back)
inside = {
    "layer4.2.bn3": "behind the ReLU",
    "layer4.2.conv3": "behind batch norm",
    "layer4.2.conv2": "behind the 1x1 convolution and its ReLU",
}
for mode in ("evaluation", "training"):
    with gradients.pooled_by(network.train(mode == "training"), POOLS["max"]):
        inner = gradients.at(network, photographs, inside, own_class)
    print(f"max, {mode} mode:")
    for at, name in inside.items():
        print(f"  {name} {100 * (inner[at] != 0).float().mean():.0f} %")
network = network.eval()

# %% name="stages-values" tags=["hide-input"]
PANELS = {
    "ResNet-20, trained with each pool": (RESNET20, kept),
    f"{PHOTO}, trained": (LITE, lite_kept),
    "ResNet-50, random weights": (STAGES, effective),
}
block = {head: mean_spread(kept[head][:, 1]) for head in POOLS}
lite_block = {head: lite_kept[head][:, BACK].mean() for head in POOLS}

# %% name="stages-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 3, figsize=(9, 3), sharey=True)
for ax, (title, (layers, measured)) in zip(panels, PANELS.items(), strict=True):
    places = np.arange(len(layers))
    drawn = evidence.summary(measured)
    figures.curves(places, drawn, ax, ylim=(0, 82), xlabel=title)
    ax.set_xticks(places, layers.values(), fontsize=7)
    ax.xaxis.label.set_size(9)
    ax.get_legend().set_visible(ax is panels[0])
panels[0].set_ylabel("effective density (%)")
show(
    figure, name="fig-gradient-stages",
    alt=f"Effective density from the pool's input back to the first stage in three networks. Max starts near 1 % in each. In ResNet-20 it has {block['max']} % one block back, against the average's {block['gap']} %, and stays lower to the end; "
    f"in {PHOTO} the two meet one block back, and in the random ResNet-50 they come close.",
    caption=f"Effective density of the class score's gradient, from the pool back. ResNet-20, each with its own pool: mean and spread of three seeds; trained on {TRAINED_AS}. {PHOTO}, trained: spread over six photographs, either pool in the one network. ResNet-50, random: three seeds.",
)  # fmt: skip

# %% [markdown]
# See that the two lines meet in the wide networks, whose pool was swapped, and do not meet in the small one, which was trained with each pool.

# %% name="stages-words" tags=["remove-input"]
random_block = {head: mean_spread(effective[head][:, 1]) for head in POOLS}
first_stage = {head: mean_spread(kept[head][:, -1]) for head in POOLS}
stem_gap = (effective["gap"] - effective["max"])[:, -1].mean()
assert one_back > 99.9
assert (kept["max"][:, 1] < kept["gap"][:, 1]).all()
assert (kept["max"][:, -1] < kept["gap"][:, -1]).all()
say(f"""
One block back in the random ResNet-50 **every number of both gradients is different from zero**, and the effective densities are {random_block["max"]} % (max) and {random_block["gap"]} % (average); at the stem they are {stem_gap:.1f} points apart. The printed lines say why: 2,048 channels have their maxima in different cells, and the first 1 x 1 convolution on the way back adds all channels up in every cell.
In training mode it is sooner still: batch norm subtracts means, so its backward pass reaches every cell before any convolution does. The ImageNet network agrees: one block back it has {lite_block["max"]:.0f} % with max and {lite_block["gap"]:.0f} % with the average.

**The small trained networks speak for the article.** Trained with max, ResNet-20's gradient is still the sparser one a block back, {block["max"]} % against {block["gap"]} %, and as far as `layer1`, {first_stage["max"]} % against {first_stage["gap"]} %. 64 channels have fewer maxima to spread over 49 cells than 2,048. Or else width is not the reason: no wide network was trained with max here, the pool was only swapped.
That is half of the average's density or more, and not 1 cell in 49; and it is the same kind of network that learned faster with max in the experiment above.
""")

# %% [markdown]
# ### The same as a picture
#
# One garment through two trained ResNet-20s: the activation in front of the pool, then the gradient of its class's score, in the one channel that counts most for that class, and over all channels.

# %% name="garment-maps"
boot = int((labels == 9).nonzero()[0])  # the first ankle boot
drawn = []
for head in POOLS:
    network = trained[head, 0]
    with torch.no_grad():
        activation = models.parts(network, garments[[boot]]).feature_map[0].mean(dim=0)
    score = lambda logits: logits[0, 9]  # noqa: E731
    found = gradients.at(network, garments[[boot]], RESNET20, score)
    channel = int(found["layer3.2"][0].flatten(1).norm(dim=1).argmax())
    ones = [found[at][0, channel].abs() for at in list(RESNET20)[:3]]
    every = [found[at][0].norm(dim=0) for at in list(RESNET20)[:3]]
    drawn += [(m / m.max()).cpu().numpy() for m in (activation, *ones, *every)]

# %% name="side-by-side" tags=["hide-input"]
COLUMNS = ("activation", "one channel,\npool's input", "one channel,\n1 block back", "one channel,\n2 blocks back", "all channels,\npool's input", "all channels,\n1 block back", "all channels,\n2 blocks back")  # fmt: skip
scaled_up = [m.repeat(28 // len(m), axis=0).repeat(28 // len(m), axis=1) for m in drawn]
titles = [f"{pool},\n{column}" for pool in ("GAP", "max") for column in COLUMNS]
show(
    figures.map_grid(np.stack(scaled_up), titles, "relative size", columns=7),
    name="fig-side-by-side",
    alt="Two rows of seven maps for one ankle boot. With the average the one channel's gradient is even at the pool's input; with max it is one bright cell, which still stands out one and two blocks back. "
    "Over all channels max's gradient has many cells at the pool's input already, and all of them a block back.",
    caption=f"Ankle boot, ResNet-20 of seed 0. GAP: trained and pooled with the average; max: with the maximum. Length of the class score's gradient in every cell, each map scaled to its largest number. Trained on {TRAINED_AS}.",
)  # fmt: skip

# %% [markdown]
# See the maps titled *max*: in one channel its winner still stands out two blocks back, because the identity path carries it along unchanged, as one summand. Over all channels many cells have a gradient
# at once, for each channel has its winner elsewhere, and a block back every cell has.
#
# ### From 18 to 152 layers
#
# If sparsity accumulated, depth would show it. All five ResNets with random weights, at 112 px to save time; the last map is then 4 x 4, so the ratio at the pool is 4.

# %% name="by-depth"
small = torch.cat([data.photograph(name, 112).tensor for name in data.PHOTOGRAPHS[:4]])
by_depth = {}
for name in models.TORCHVISION_RESNETS:
    network = training.calibrate(models.torchvision_resnet(name), small)
    places = ["layer4", f"layer4.{len(network.layer4) - 2}", "maxpool"]
    found = both(network, small, places, own_class)
    dense = {head: densities(found[head]).mean(axis=1) for head in POOLS}
    by_depth[name] = dense | {"ratio": lengthened(found)}

# %% name="depth-table" tags=["remove-input"]
rows = []
for name, at in by_depth.items():
    row = {"network": name}
    for place, words in ((1, "1 block back"), (2, "stem")):
        pair = f"{at['gap'][place]:.0f} % / {at['max'][place]:.0f} %"
        row[f"{words}, average / max"] = pair
    for place, words in enumerate(("pool", "block", "stem")):
        row[f"L2 ratio, {words}"] = f"{at['ratio'][place]:.1f}"
    rows.append(row)
figures.table(
    pd.DataFrame(rows),
    caption="Effective density and ratio of L2 (max over average) by depth; random weights, seed 0, mean of four photographs at 112 px. Random weights show what depth alone does.",
)

# %% name="depth-words" tags=["remove-input"]
gaps = {name: abs(at["gap"][2] - at["max"][2]) for name, at in by_depth.items()}
assert max(gaps.values()) < 3
stem_ratio, lite_stem = ratio[:, -1].mean(), lite_ratio[-1]
assert stem_ratio > 7
assert lite_stem > 3
say(f"""
With random weights depth does nothing to it: at the stem the two densities differ by at most {max(gaps.values()):.1f} points at any depth. And where max takes the average's place it does not starve the lower layers, it *feeds* them: with the pool swapped and all weights equal, its gradient at the stem is {stem_ratio:.0f} times as long as the average's in the random ResNet-50 and {lite_stem:.1f} times in {PHOTO}, trained on ImageNet. How it stands in deep networks that were *trained* with max was not measured.
""")

# %% name="record-g3" tags=["hide-input"]
trial.record(
    "G3", CAVEATS, dict(enumerate(100 * kept["max"][:, 1] / kept["gap"][:, 1])),
    "% of the average's effective density is what max's gradient has one block back, in trained ResNet-20s",
    stands_if=(10, 90), cell="stages-figure",
    because=f"1 of 49 cells at the pool's input, exactly. A block back every number is different from zero, and the trained ResNet-20 with max is still the sparser one. "
    f"In {PHOTO} the pools agree one block back ({lite_block['max']:.0f} and {lite_block['gap']:.0f} %).",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: does the gradient hold still?
#
# "Stably" can mean three things: that a little noise in the picture does not turn the gradient; that two batches give the optimiser the same direction; that training does not diverge. The third was the experiment above. Here are the other two.
#
# ### Noise in the picture
#
# Add Gaussian noise (in units of the pixels' standard deviation over the data set) and take the cosine between the gradient before and after. 1 is the same direction, 0 an unrelated one.


# %% name="steadiness"
LEVELS, PLACES = (0.05, 0.1, 0.2), ("layer3", "conv1")


def steadiness(network, images, seed):
    """Return the cosines between clean and noisy gradients, (places, levels)."""
    clean = gradients.at(network, images, PLACES, of_label)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    cosines = []
    for level in LEVELS:
        pictures = images + level * noise.to(images.device)
        noisy = gradients.at(network, pictures, PLACES, of_label)
        pairs = [(clean[place].flatten(1), noisy[place].flatten(1)) for place in PLACES]
        cosines.append([F.cosine_similarity(a, b).mean().item() for a, b in pairs])
    return np.array(cosines).T


# %% [markdown]
# Each network is measured with both pools, so that the pool is the only difference: untrained ResNet-20s, those that were trained with the average, and those that were trained with max.

# %% name="noise"
steady = {}  # (network, pool): (3 seeds, 2 layers, levels), pool's input and stem
for seed in (0, 1, 2):
    untrained = training.calibrate(models.build("resnet20", seed=seed), garments)
    cases = {"untrained": untrained, "gap": trained["gap", seed]}
    for name, network in (cases | {"max": trained["max", seed]}).items():
        for head, pool in POOLS.items():
            with gradients.pooled_by(network, pool):
                found = steadiness(network, garments, seed)
            steady.setdefault((name, head), []).append(found)
steady = {key: np.stack(rows) for key, rows in steady.items()}

# %% name="noise-values" tags=["hide-input"]
middle = {key: values[:, 1, 1] for key, values in steady.items()}  # at the stem, noise 0.1
own_pool = {head: mean_spread(middle[head, head], 2) for head in POOLS}

# %% name="noise-figure" tags=["hide-input"]
TITLES = {
    "untrained": "untrained",
    "gap": "trained with average",
    "max": "trained with max",
}
figure, panels = figures.plt.subplots(1, 3, figsize=(8, 2.9), sharey=True)
for ax, (name, title) in zip(panels, TITLES.items(), strict=True):
    series = evidence.summary({head: steady[name, head][:, 1] for head in POOLS})
    figures.curves(np.array(LEVELS), series, ax, ylim=(0, 0.7), xticks=LEVELS)
    ax.get_legend().set_visible(ax is panels[0])
    ax.set_xlabel(f"noise (standard deviations)\n{title}", fontsize=9)
panels[0].set_ylabel("cosine at the stem", fontsize=10)
show(
    figure, name="fig-noise",
    alt=f"Three panels of cosine at the stem against noise. The average's line is the higher one in untrained networks, the two coincide in those trained with the average, "
    f"and max's is the higher one in those trained with max ({own_pool['max']} at noise 0.1, against {own_pool['gap']} in those trained with the average).",
    caption=f"ResNet-20, 50 garments: cosine between the score's gradient at the stem with and without noise in the picture; mean and spread of three seeds. Lines: the pool that was used for the measurement. The trained networks: {TRAINED_AS}.",
)  # fmt: skip

# %% [markdown]
# See how the orange line moves from below the blue one to above it, from *untrained* to *trained with max*.

# %% name="noise-words" tags=["remove-input"]
advantage = {name: middle[name, "gap"] - middle[name, "max"] for name in TITLES}
turned = {name: mean_spread(values, 2) for name, values in advantage.items()}
at_pool = mean_spread(steady["max", "max"][:, 0, 1], 2)
steadier = middle["max", "max"] - middle["gap", "gap"]
assert np.allclose([steady[name, "gap"][:, 0] for name in TITLES], 1, atol=1e-4)
assert advantage["untrained"].min() > 0 > advantage["max"].max()
assert abs(advantage["gap"]).max() < 0.05
assert steadier.min() > 0
say(f"""
**Training reverses it.** In untrained networks the average's gradient is the steadier one at the stem, by {turned["untrained"]} in cosine (noise 0.1, same weights). In networks that were trained with the average the pool makes no difference (under 0.05 in each seed). In those trained with max, *max* is steadier, by {-advantage["max"].mean():.2f}. And each network with its own pool: {own_pool["max"]} with max, {own_pool["gap"]} with the average, in all three seeds.

At the pool's input the average wins everywhere, and trivially: its gradient is a constant there, so noise cannot turn it, while max's winners change places (cosine {at_pool} in the networks trained with max). The path through the layers, whose ReLUs switch with the noise, makes the rest. Both pools were trained at the same rate, to training losses of about {fit["gap"]} (average) and {fit["max"]} (max).
""")

# %% [markdown]
# ### From batch to batch: what an optimiser feels
#
# An optimiser sees one batch after another. Take the gradient of the loss in all weights of the convolutions for six batches of 64 garments, and the mean cosine between two of them. (McCandlish and others, 2018, build their noise scale from the same
# comparison, and find that noise grows as the loss falls.) `gradients.of_batches` measures in training mode, on a copy.


# %% name="agreement"
def agreement(network):
    """Return the mean cosine between the gradients of two batches."""
    each = F.normalize(gradients.of_batches(network, batches, right), dim=1)
    cosines = each @ each.T
    apart = ~torch.eye(len(each), dtype=torch.bool, device=where)
    return cosines[apart].mean().item()


batches, right = data.stratified("train", 400)
batches, right = data.normalise(batches[:384]), right[:384].to(where)

# %% [markdown]
# Three moments: at the first step, with the same weights behind either pool, and behind max with its vector divided by the ratio that was measured above; after 8 steps, each pool at the pair of rates that was best in the decisive runs; and at the end of the long training.
# The pairs are printed: the backbone's rate, in brackets the classifier's factor, and after the best pair those that tie with it (within one standard error).

# %% name="choice-words" tags=["hide-input"]
LISTED = "The best over all seeds comes first, then what is within one standard error of it. Edge: the best is the lowest or the highest that was tried."
IN_BRACKETS = "In brackets the classifier's factor, where it is not 1."


def rate_words(pair):
    """Write a rate; with the classifier's factor in brackets, if it has one of its own."""
    lr, *factor = pair
    return f"{lr:g}" + "".join(f" (1/{1 / share:.0f})" for share in factor if share < 1)


def choice_words(choice):
    """List the best rates, those that tie with them, and whether the best lie at the edge."""
    ties = [pair for pair in choice.ties if pair != choice.best]
    listed = ", ".join(map(rate_words, [choice.best, *ties]))
    return listed + ("; edge" if choice.at_edge else "")


# %% name="own-rates"
best = {}
for network in NETWORKS:
    for head in POOLS:
        own = runs[(runs["network"] == network) & (runs["head"] == head)]
        best[network, head] = evidence.choose(
            own,
            score="train_loss",
            lowest=True,
            rates=RATES,
        )
for head in POOLS:
    print(f"{NAMES[head]}: {choice_words(best['resnet20', head])}")

# %% name="batch-noise"
FIRST = {"average": ("gap", 1), "max": ("max", 1), "max / 4.1": ("max", 1 / 4.1)}
few = data.stratified("train", 500)  # 8 batches of 64
felt = {name: [] for name in (*FIRST, "8 gap", "8 max", "end gap", "end max")}
for seed in (0, 1, 2):
    for name, (head, factor) in FIRST.items():
        network = models.build("resnet20", head, seed=seed)
        network.pool = gradients.Rescaled(network.pool, factor, factor)
        felt[name].append(agreement(network))
    for head in POOLS:
        lr, factor = best["resnet20", head].best
        network = models.build("resnet20", head, seed=seed)
        options = {"lr": lr, "classifier_rate": factor, "schedule": "constant"}
        training.fit(network, few, epochs=1, seed=seed, progress=False, **options)
        felt[f"8 {head}"].append(agreement(network))
        felt[f"end {head}"].append(agreement(trained[head, seed]))

# %% name="batch-table" tags=["remove-input"]
felt = {name: np.array(values) for name, values in felt.items()}
assert all(abs(felt[f"end {head}"]).max() < 0.1 for head in POOLS)
MOMENTS = {  # a short training amplifies rounding, so it gets one decimal
    "first step, same weights": ("average", "max", 2),
    "first step, max divided by 4.1": ("average", "max / 4.1", 2),
    "after 8 steps, each at its own rates": ("8 gap", "8 max", 1),
}
rows = [
    {"moment": moment, "average": mean_spread(felt[a], n), "max": mean_spread(felt[m], n)}
    for moment, (a, m, n) in MOMENTS.items()
]
last = {"moment": "end of training (60,000 garments)", "average": "below 0.1"}
figures.table(
    pd.DataFrame([*rows, last | {"max": "below 0.1"}]),
    caption=f"Mean cosine between the gradients of two batches of 64 garments, in all convolutions of a ResNet-20; six batches, three seeds. First step: untrained, so that the pool is the only difference. 8 steps: one epoch of {len(few[0])} garments. End: trained on {TRAINED_AS}.",
)

# %% name="batch-words" tags=["remove-input"]
lead_felt = {
    "first": felt["average"] - felt["max"],
    "scaled": felt["average"] - felt["max / 4.1"],
    "8": felt["8 gap"] - felt["8 max"],
}
assert min(lead_felt["first"].min(), lead_felt["scaled"].min()) > 0
assert abs(lead_felt["8"].mean()) < 2 * lead_felt["8"].std(ddof=1)
at_first = mean_spread(lead_felt["first"], 2)
say(f"""
**At the first step the article is right.** With the same weights two batches agree more about the direction with the average than with max, by {at_first} in cosine, in every seed. The length of the vector does not explain it: with max's divided, the lead is {mean_spread(lead_felt["scaled"], 2)}. A mean over 49 cells is a steadier statistic than one cell, and its gradient is.

**How long it lasts is open.** After 8 steps three seeds cannot tell the two apart. At the end of training both cosines are below 0.1: what remains of the loss is a different few garments in each batch. And the noisier start was not a slower one: in the decisive runs, each at its own rates, max learned faster.
""")

# %% name="record-g6" tags=["hide-input"]
trial.record(
    "G6", FAILS, dict(enumerate(steadier)),
    "is how much better ResNet-20s trained with max hold the gradient's direction at the stem under noise (cosine)",
    stands_if=(0.01, 0.3), cell="noise-figure",
    because=f"Steadier where it is a constant, at the pool, and from batch to batch at the first step (by {at_first}). After 8 steps three seeds cannot tell, at the end of training both cosines are below 0.1, and under noise in the picture the networks with max are the steadier ones.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: longer training and other rates
#
# ### Longer training, one rate for all layers
#
# The decisive runs are short. These are longer, with the usual schedule (the rate rises for a fifth of the steps, then falls), and one rate for all layers. It is chosen on validation images by the other seeds, from five between 0.01 and 1.

# %% name="longer"
heads, deeper = evidence.load("heads"), evidence.load("degradation")
LONGER = {
    "ResNet-20, 5,000 x 8": deeper[deeper["network"] == "resnet20"],
    "ResNet-56, 5,000 x 8": deeper[deeper["network"] == "resnet56"],
    "ResNet-20, 10,000 x 10": heads[heads["network"] == "resnet20"],
    "ResNet-20, 60,000 x 15": evidence.load("whole"),
}

# %% [markdown]
# Each seed's run at the rate that the other seeds choose; beside it the runs at one common rate for both pools.

# %% name="longer-chosen"
chosen, common = {}, {}
for name, table in LONGER.items():
    table = table[table["head"].isin(POOLS)]
    several = table["lr"].nunique() > 1
    rate = evidence.common_rate(table, ["head"]) if several else table["lr"].iloc[0]
    alike = table[table["lr"] == rate]
    tuned = evidence.tuned(table, ["head"]) if several else alike
    for head in POOLS:
        chosen[name, head] = tuned[tuned["head"] == head].set_index("seed")
        common[name, head] = alike[alike["head"] == head].set_index("seed")


# %% name="tuned-rows" tags=["remove-input"]
def longer_row(name, head):
    """Return a line of the table: one pool in one setting, at its own and at the common rate."""
    own, alike = chosen[name, head], common[name, head]
    tried = LONGER[name][LONGER[name]["head"] == head]
    several = tried["lr"].nunique() > 1
    return {
        "network, images x epochs": name,
        "head": NAMES[head],
        "seeds": len(own),
        "tuned rate, ties": choice_words(evidence.choose(tried))
        if several
        else rate_words(tried["lr"].unique()),
        "training loss": mean_spread(own["train_loss"], 3),
        "test accuracy": f"{mean_spread(100 * own['test_accuracy'])} %",
        "common rate": f"{alike['lr'].iloc[0]:g}",
        "its training loss": mean_spread(alike["train_loss"], 3),
        "its test accuracy": f"{mean_spread(100 * alike['test_accuracy'])} %",
    }


# %% name="tuned-table" tags=["remove-input"]
rows = [longer_row(name, head) for name, head in chosen]
figures.table(
    pd.DataFrame(rows),
    caption=f"Garments, one cycle, one rate for all layers. Tuned: each seed's rate is chosen by the others on validation images. {LISTED} Common: the rate with the best mean of both pools' median validation accuracies. 60,000 images: one rate only, which other runs chose for both.",
)

# %% name="tuned-held" tags=["remove-cell"]
points = {
    name: 100 * (chosen[name, "gap"]["test_accuracy"] - chosen[name, "max"]["test_accuracy"])
    for name in LONGER
}
fits = {key: f"{own['train_loss'].mean():.3f}" for key, own in chosen.items()}
ten, sixty = "ResNet-20, 10,000 x 10", "ResNet-20, 60,000 x 15"
five, deep = "ResNet-20, 5,000 x 8", "ResNet-56, 5,000 x 8"
assert min(points[name].min() for name in (five, deep, ten)) > 0
assert abs(points[sixty].mean()) < points[sixty].std() + 0.2
assert float(fits[five, "max"]) < float(fits[five, "gap"])
few_max = [LONGER[name][LONGER[name]["head"] == "max"] for name in (five, deep)]
assert all(evidence.choose(own).best[0] == own["lr"].min() for own in few_max)
assert float(fits[deep, "max"]) > 2 * float(fits[deep, "gap"])

# %% name="tuned-words" tags=["remove-input"]
test_lead = {name: mean_spread(values) for name, values in points.items()}
say(f"""
**This is the article's best evidence.** Average less max on test images: {test_lead[five]} points in a ResNet-20 on 5,000 garments, {test_lead[deep]} in a ResNet-56, {test_lead[ten]} on 10,000, in every seed. With all 60,000 the two are level ({test_lead[sixty]}). In the ResNet-56 the average fits better too: its training loss is {fits[deep, "gap"]}, max's {fits[deep, "max"]}. In the ResNet-20 on 5,000 garments it is the other way round, {fits[five, "gap"]} against {fits[five, "max"]}: there max learns more and tests worse.

All of these runs have one rate for all layers, and on 5,000 garments the best rate of max is the lowest of the five. For 5,000 garments the next section lifts both limits.

Published ablations show gaps of the same order, and none that would call max unfit. In SENet's squeeze, a pool inside every block of a ResNet-50, max has a top-1 error of 22.57 % and the average of 22.28 % (Hu and others 2018). Zhou and others (2016) found that global max pooling classifies about as well as the average, and that the average localises better.
""")

# %% [markdown]
# ### The same eight epochs, with a rate of its own for the classifier
#
# Three epochs say what a maximum lacks. Do eight end as they did if the classifier gets its own rate? The runs on 5,000 garments were made once more, with three factors for the classifier's rate, a lower rate and five seeds.

# %% name="eight-epochs"
eight = evidence.load("slower_classifier")
eight_one = eight[eight["classifier_rate"] == 1]
by_seed = {"index": ["network", "seed"], "columns": "head"}
print(f"{len(eight)} runs, {len(eight[RATES].drop_duplicates())} pairs of rates")

# %% [markdown]
# Each seed's rates are those with which the *other* seeds do best on validation images: once for all layers together, once for backbone and classifier apart.

# %% name="eight-tuned"
TUNED = {
    "one rate": evidence.tuned(eight_one, ["network", "head"]),
    "two rates": evidence.tuned(eight, ["network", "head"], rates=RATES),
}
tests = {}
for name, rows in TUNED.items():
    tests[name] = rows.pivot(**by_seed, values="test_accuracy") * 100
    ahead_by = (tests[name]["gap"] - tests[name]["max"]).groupby("network")
    print(f"{name}, average less max:", ahead_by.mean().round(2).to_dict())


# %% name="eight-rows" tags=["remove-input"]
eight_choice = {
    (name, *key): evidence.choose(own, rates=RATES)
    for name, tried in {"one rate": eight_one, "two rates": eight}.items()
    for key, own in tried.groupby(["network", "head"])
}


def eight_row(name, network, head, own):
    """Return a line of the table: one pool's runs at the rates chosen for one network."""
    return {
        "network": network.replace("resnet", "ResNet-"),
        "head": NAMES[head],
        "tuned": name,
        "rate, ties": choice_words(eight_choice[name, network, head]),
        "training loss": mean_spread(own["train_loss"], 3),
        "test accuracy": f"{mean_spread(100 * own['test_accuracy'])} %",
    }


# %% name="eight-table" tags=["remove-input"]
rows = [
    eight_row(name, network, head, own)
    for name, chosen_runs in TUNED.items()
    for (network, head), own in chosen_runs.groupby(["network", "head"])
]
figures.table(
    pd.DataFrame(rows).sort_values(["network", "tuned"], kind="stable"),
    caption=f"5,000 garments, 8 epochs, one cycle, five seeds. Six rates for the backbone, 0.003 to 1; for the classifier that rate times 1, 1/7, 1/49 or 1/343. Each seed's rates are chosen by the other seeds on validation images. {LISTED} {IN_BRACKETS}",
)


# %% name="eight-numbers" tags=["remove-cell"]
def fit_lead(runs, **options):
    """Return by how much max's training loss is lower, by network and seed, at the rates of lowest loss."""
    losses = lowest(runs, ["network", "head"], **options).pivot(**by_seed, values="train_loss")
    return losses["gap"] - losses["max"]


max_lower, one_lower = fit_lead(eight, rates=RATES), fit_lead(eight_one)
two, one = (tests[name]["gap"] - tests[name]["max"] for name in ("two rates", "one rate"))
gain = (tests["two rates"] - tests["one rate"]).groupby("network").mean()
best_fit = lowest(eight, ["network", "head"], rates=RATES)
best_fit_test = best_fit.pivot(**by_seed, values="test_accuracy") * 100
fit_test = best_fit_test["gap"] - best_fit_test["max"]
slowest = eight[eight["classifier_rate"] == eight["classifier_rate"].min()]
slowest = slowest.groupby(["network", "lr", "head"])["train_loss"].mean().unstack()
others = eight.query("network == 'resnet20' and head == 'max' and seed != 2")
means_by_rate = others.groupby(RATES)["validation_accuracy"].mean()

# %% name="eight-held" tags=["remove-cell"]
assert max_lower.min() > 0
assert one.min() > 0
assert two["resnet20"].mean() < 0 < two["resnet56"].min()
assert (slowest["max"] < slowest["gap"]).all()
assert np.isclose(means_by_rate, means_by_rate.max()).sum() == 2
at_edge = [key for key, choice in eight_choice.items() if choice.at_edge]
assert at_edge == [("two rates", "resnet20", "max"), ("two rates", "resnet56", "max")]
smallest = eight["classifier_rate"].min()
tied = {key[1:]: {f for _, f in eight_choice["two rates", *key[1:]].ties} for key in at_edge}
assert tied["resnet56", "max"] == {smallest} < tied["resnet20", "max"]
assert smallest in {f for _, f in eight_choice["two rates", "resnet56", "gap"].ties}
assert one_lower["resnet56"].mean() < 0 < one_lower["resnet20"].min()
assert (best_fit.query("head == 'max'")["classifier_rate"] > 0.1).all()
lowest_one = lowest(eight_one.query("network == 'resnet56' and head == 'max'"), ["head"])
assert (lowest_one["lr"] == eight["lr"].min()).all()
assert abs(fit_test["resnet20"].mean()) < fit_test["resnet20"].std()
assert fit_test["resnet56"].min() > 0

# %% name="eight-words" tags=["remove-input"]
say(f"""
**Max fits better at both depths.** Each pool at the rates with the lowest training loss, max ends eight epochs lower by {mean_spread(max_lower["resnet20"], 3)} with 20 layers and by {mean_spread(max_lower["resnet56"], 3)} with 56, in every seed. The better fit of the average in the ResNet-56, one section above, came mostly from how its one rate was chosen. With the one rate of lowest training loss, which for max is the lowest that was tried, the average is ahead by no more than {mean_spread(-one_lower["resnet56"], 3)}. A second rate turns it round.

**On test images the two depths disagree.** At the rates of the table, max is ahead by {mean_spread(-two["resnet20"])} points in the ResNet-20 and the average by {mean_spread(two["resnet56"])} in the ResNet-56. Neither lead is large: one seed of the ResNet-20 has two factors that tie exactly, and with the other one it goes to the average; the smallest lead in the ResNet-56 is {two["resnet56"].min():.1f} points. With one rate the average was ahead in both, by {mean_spread(one["resnet20"])} and {mean_spread(one["resnet56"])}. The second rate helps max by {gain.loc["resnet20", "max"]:.1f} and {gain.loc["resnet56", "max"]:.1f} points, and with 56 layers it helps the average too, by {gain.loc["resnet56", "gap"]:.1f}. At the rates of best fit max does not test better: it is level with 20 layers and {mean_spread(fit_test["resnet56"])} points behind with 56.

**Here max bears the average's rates.** With the smallest factor its mean training loss is the lower one at every rate of the backbone, up to 1, with 20 and with 56 layers. The rate rises slowly in these runs; in the short ones it did not.

Limits. By validation max takes the smallest factor at both depths. In the ResNet-20 larger factors tie with it; in the ResNet-56 none does, and there the average with the smallest factor ties with its own best: either may do better beyond. Two rates were tried on 5,000 garments only, for eight epochs, and not with 110 layers.
""")

# %% [markdown]
# ### The whole grid
#
# Behind the decisive figure stand 24 pairs of rates for each pool and depth. First the best of them, with both rates tuned and with one rate for all:

# %% name="whole-grid"
one_best = {}
for network, head in best:
    own = runs[(runs["network"] == network) & (runs["head"] == head)]
    shared = own[own["classifier_rate"] == 1]
    one_best[network, head] = evidence.choose(shared, "train_loss", lowest=True)

# %% name="grid-table" tags=["remove-input"]
rows = [
    {
        "network": network.replace("resnet", "ResNet-"),
        "head": NAMES[head],
        "two rates, ties": choice_words(best[network, head]),
        "one rate, ties": choice_words(one_best[network, head]),
    }
    for network, head in best
]
figures.table(
    pd.DataFrame(rows),
    caption=f"The rates of lowest mean training loss over three seeds (2,000 garments, 3 epochs, constant rates from {min(rates):g} to {max(rates):g}). {LISTED} {IN_BRACKETS}",
)

# %% [markdown]
# Then the whole grid. Read a panel from top to bottom: the lower the row, the slower the classifier.

# %% name="grid-axes" tags=["hide-input"]
factors = sorted(runs["classifier_rate"].unique(), reverse=True)
means = runs.groupby(["network", "head", "classifier_rate", "lr"])["train_loss"].mean()


def loss_map(ax, network, head):
    """Draw one panel: the mean loss at each pair of rates, and a star on the best."""
    losses = means.loc[network, head].unstack().loc[factors, rates].to_numpy()
    image = ax.imshow(losses, vmin=0.3, vmax=2.4, cmap="viridis_r", aspect="auto")
    lr, factor = best[network, head].best
    star = {
        "marker": "*",
        "color": figures.PALE,
        "markersize": 13,
        "markeredgecolor": figures.DEEP,
    }
    ax.plot(rates.index(lr), factors.index(factor), **star)
    ax.set_title(f"{network.replace('resnet', 'ResNet-')}, {NAMES[head]}", fontsize=10)
    ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates], fontsize=7)
    ax.set_yticks(range(len(factors)), ["1", "1/7", "1/49", "1/343"], fontsize=8)
    return image


# %% name="grid-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(2, 3, figsize=(8.6, 4), sharex=True, sharey=True)
for row, head in zip(panels, POOLS, strict=True):
    for ax, network in zip(row, NETWORKS, strict=True):
        image = loss_map(ax, network, head)
        ax.grid(visible=False)
figure.supxlabel("backbone's rate", fontsize=10)
figure.supylabel("classifier's rate, times the backbone's", fontsize=10)
figure.colorbar(image, ax=panels, label="training loss")
show(
    figure, name="fig-whole-grid",
    alt="Six maps of training loss over the backbone's rate and the classifier's factor. For the average a broad low region lies at high rates of the backbone and small factors. For max the low region is deeper and lies at lower rates of the backbone; in the top row, one rate for all, it hardly exists in the deep networks.",
    caption="Mean training loss of three seeds (2,000 garments, 3 epochs, constant rates, no warm-up). Star: the best pair. Losses above 2.4 have the colour of 2.4; guessing has 2.3.",
)  # fmt: skip

# %% name="grid-words" tags=["remove-input"]
edge = [key for key, choice in best.items() if choice.at_edge]
flat = evidence.load("stability")
flat = flat[flat["head"] == "flatten"].groupby(["network", "lr"])["train_loss"].mean()
flat_low = {network: flat[network].min() for network in NETWORKS}
assert edge == [("resnet56", "gap")]
one_edge = [key for key, choice in one_best.items() if choice.at_edge]
assert one_edge == [("resnet56", "max"), ("resnet110", "max")]
assert all(one_best[key].best[0] == min(rates) for key in one_edge)
assert len(best["resnet56", "gap"].ties) > 1
low_max = (
    own_rate[own_rate["head"] == "max"].groupby("network")["train_loss"].mean()["resnet20"]
)
say(f"""
See that max's low region is the deeper one and lies further to the left, and that in the top row, which is one rate for all, it hardly exists in the deep networks. One of the six best pairs lies at the edge of the grid: the average in ResNet-56 takes the smallest factor. It ties with pairs inside, so a much better one beyond the edge is unlikely, and it is not excluded. With one rate for all, max takes the lowest rate that was tried with 56 and with 110 layers.

A flattened head, run with one rate only, is the fastest learner with 20 layers ({flat_low["resnet20"]:.2f}, where max has {low_max:.2f}) and diverges at the lowest rates as depth grows: with 56 and 110 layers its best rate is the lowest that was tried.
""")

# %% [markdown]
# ### The gradient's length alone
#
# Autograd lets a layer return one thing forward and another backward, so a third suspect can be tried: max's gradient is 7 times as long at the pool. Give the average 7 times the gradient, or max a seventh of it, and leave the values as they are.

# %% name="rescale" tags=["exact"]
x = torch.rand(1, 1, 7, 7, device=where)
RESCALED = {"max": (1, 1), "gradient / 7": (1, 1 / 7), "both / 7": (1 / 7, 1 / 7)}
for name, (v, g) in RESCALED.items():
    pool = gradients.Rescaled(POOLS["max"], value=v, gradient=g)
    share, length = pool(x).item() / x.max().item(), back_through(pool, x).norm().item()
    print(f"{name}: value {share:.3f} of the maximum, gradient's L2 {length:.3f}")

# %% name="length-table" tags=["remove-input"]
ALONE = ("gap", "gap, gradient x 7", "max", "max, gradient / 7")
rows = [
    {"head": name} | {f"{rate:g}": mean_spread(by_rate[name].loc[rate], 2) for rate in by_rate[name].index}
    for name in ALONE
]  # fmt: skip
figures.table(
    pd.DataFrame(rows),
    caption="Training loss by constant learning rate, one for all layers; ResNet-20, 2,000 garments, 3 epochs, three seeds. Guessing has 2.3.",
)

# %% name="length-words" tags=["remove-input"]
assert by_rate["gap, gradient x 7"].loc[0.1].mean() < 1.2
assert by_rate["max, gradient / 7"].loc[0.1].mean() > 2
helped, harmed = (
    f"{by_rate['max, gradient / 7'].loc[rate].mean():.2f}" for rate in (0.03, 0.01)
)
helpless, harmless = (f"{by_rate['max'].loc[rate].mean():.2f}" for rate in (0.03, 0.01))
assert (by_rate["max, gradient / 7"].loc[0.01] > by_rate["max"].loc[0.01]).all()
assert (by_rate["max, gradient / 7"].loc[0.03] < by_rate["max"].loc[0.03]).all()
say(f"""
The length of the gradient is not all of it. With 7 times as much the average still learns at 0.1, and with a seventh of it max still does not. At 0.03 a seventh helps ({helped} on average against {helpless}), at 0.01 it harms ({harmed} against {harmless}). A likely reason why length matters so little at 0.1: each convolution stands before a batch norm, so the loss does not change with the scale of its weights. Too long a step makes the weights longer, and the next steps turn them less.
""")

# %% [markdown]
# ### Equal lengths in a ResNet-56
#
# The same three pairs, deeper. How much longer is max's vector there?

# %% name="deeper-length"
deeper = [times_longer("resnet56", seed) for seed in (0, 1, 2)]
print("ResNet-56:", *(f"{r:.1f}" for r in deeper))

# %% name="deeper-figure" tags=["hide-input"]
deep_pairs = losses["resnet56"]
deep_mean = {name: table.mean(axis=1) for name, table in deep_pairs.items()}
show(
    matched_panels(deep_pairs), name="fig-matched-deeper",
    alt=f"The same three panels for a ResNet-56. At a rate of 0.01 the average with the longest vector ends at {deep_mean['gap x 4.1'][0.01]:.1f} and max at {deep_mean['max'][0.01]:.1f}; "
    f"the average as it is ends at {deep_mean['gap'][0.01]:.1f} and max with a vector of that length at {deep_mean['max / 4.1'][0.01]:.1f}.",
    caption=f"ResNet-56 on 2,000 garments, 3 epochs, one constant rate for all layers, no warm-up; training loss, mean and spread of three seeds. Guessing has 2.3; what is above {ROUGH} is drawn at {ROUGH}.",
)  # fmt: skip

# %% name="deeper-words" tags=["remove-input"]
deep_less = {m: deep_pairs[a] - deep_pairs[m] for a, m in PAIRS.values()}
low = pd.concat([deep_less[m].loc[:0.03] for m in ("max / 4.1", "max / 7")]).mean()
assert abs(low.mean()) < 0.1
assert deep_mean["gap x 4.1"][0.01] > 1.5 > 0.8 > deep_mean["max / 4.1"][0.01]
assert (deep_less["max / 4.1"].loc[0.1] < -0.3).all()
assert (deep_less["max / 7"].loc[0.1] > 0).sum() == 2
say(f"""
See that the deeper network says the same. **With a vector as long as max's the average fails as max does**: at 0.01 they end at {deep_mean["gap x 4.1"][0.01]:.2f} and {deep_mean["max"][0.01]:.2f}. The average as it is ends at {deep_mean["gap"][0.01]:.2f}, and max with a vector of that length at {deep_mean["max / 4.1"][0.01]:.2f}. In the two shorter pairs average and max are level up to a rate of 0.03 (average less max: {mean_spread(low, 2)}).

At 0.1 the pairs disagree. With vectors as long as the average's the average is ahead in every seed ({deep_mean["gap"][0.1]:.2f} against {deep_mean["max / 4.1"][0.1]:.2f}); with shorter ones max is ahead in two of three ({deep_mean["max / 7"][0.1]:.2f} against {deep_mean["gap / 1.7"][0.1]:.2f}). So length explains most of it here too, and what is left at high rates favours neither pool throughout. The pairs were made for the ResNet-20: here max's vectors are about a tenth shorter than their partners.
""")

# %% [markdown]
# ### A slice of it, live
#
# ResNet-8, 500 garments, four epochs at a constant rate of 0.3, one seed. `training.fit` takes the classifier's factor.

# %% name="live" tags=["nbval-ignore-output"]
LIVE = {
    "average": ("gap", 1, 1),
    "max": ("max", 1, 1),
    "max, classifier's rate / 49": ("max", 1, 1 / 49),
    "average x 4.1, classifier's rate / 49": ("gap", 4.1, 1 / 49),
}
learn = partial(training.fit, epochs=4, lr=0.3, schedule="constant")
for name, (head, factor, slower) in LIVE.items():
    network = models.resnet8(head, seed=0)
    network.pool = gradients.Rescaled(network.pool, value=factor, gradient=factor)
    log = learn(network, data.stratified("train", 500), classifier_rate=slower)
    print(f"{name}: training loss in the last epoch {log['loss'].iloc[-1]:.1f}")

# %% [markdown]
# ## Further evidence: the road from average to maximum
#
# Average and maximum are the ends of two roads. The **generalised mean** (GeM; Radenović, Tolias and Chum 2019), common in image retrieval, and **log-sum-exp**:
#
# $$\text{GeM}_p(x) = \Big(\frac{1}{HW} \sum x_i^p\Big)^{1/p}, \qquad \text{LSE}_r(x) = \frac{1}{r} \log \frac{1}{HW} \sum e^{r x_i} .$$
#
# GeM is the average at $p = 1$, LSE in the limit $r \to 0$; both tend to the maximum. LSE's gradient is the softmax of $r x$, so it always sums to 1. GeM's is $\frac{1}{HW} (x_i / \text{GeM}_p)^{p-1}$, which is 0 on a cell that the ReLU
# silenced as soon as $p > 1$ (in code at $p = 1$ too: GeM clamps its input to a tiny positive number, and a clamped cell passes nothing). One channel of the ImageNet network on the cat: of those that a ReLU6 does not cut off, the one that varies most.


# %% name="road"
def log_sum_exp(x, r):
    """Return the log-sum-exp of a map's cells, between their mean and their maximum."""
    return ((r * x).logsumexp(dim=(2, 3)) - np.log(x.shape[2] * x.shape[3])) / r


cat_map = lite_map[data.PHOTOGRAPHS.index("chelsea")]
uncut = cat_map.amax(dim=(1, 2)) < TOP
varied = torch.where(uncut, cat_map.std(dim=(1, 2)), 0).argmax()
channel_map = cat_map[varied].view(1, 1, 7, 7).cpu().double()  # x^64 leaves float32
ROAD = np.geomspace(1, 64, 13).tolist()  # values of p, and of r
GEM, LSE = "GeM, p", "log-sum-exp, r"
roads = {
    GEM: {p: models.GeM(p) for p in ROAD},
    LSE: {r: partial(log_sum_exp, r=r) for r in ROAD},
}

# %% [markdown]
# For each stop on both roads: the pooled value, the number of cells that share the gradient (49 times its effective density), and the gradient's sum.

# %% name="road-measured"
values, cells, sums = {}, {}, {}
for road, pools in roads.items():
    back = [back_through(pool, channel_map) for pool in pools.values()]
    values[road] = [pool(channel_map).item() for pool in pools.values()]
    cells[road] = [49 * gradients.spread(g).effective.item() for g in back]
    sums[road] = [g.sum().item() for g in back]
mean, top = channel_map.mean().item(), channel_map.max().item()
assert np.allclose(values[GEM][0], mean)
assert np.allclose(sums[LSE], 1)
assert all(0 < s <= 1 + 1e-6 for s in sums[GEM])

# %% name="road-figure" tags=["hide-input"]
panels = {
    "pooled value": values,
    "cells that share the gradient": cells,
    "sum of the gradient": sums,
}
show(
    figures.roads(np.array(ROAD), panels, {"mean": mean, "max": top}), name="fig-road",
    alt=f"Three panels against p or r from 1 to 64. The pooled value rises from the mean, {mean:.2f}, towards the maximum, {top:.2f}; the cells that share the gradient fall towards 1; "
    f"the gradient's sum stays 1 for log-sum-exp and rises from {sums[GEM][0]:.2f} towards 1 for GeM.",
    caption="GeM and log-sum-exp on one trained channel (7 x 7 cells): forward value, effective number of cells that get gradient (49 times the effective density), and the gradient's sum.",
)  # fmt: skip

# %% name="road-words" tags=["remove-input"]
alive = int((channel_map > 0).sum())
at_three = cells[GEM][int(np.abs(np.array(ROAD) - 3).argmin())]
say(f"""
See that there is no cliff between dense and sparse. This channel has {alive} live cells of 49, and near GeM's usual p = 3 the gradient is shared by {at_three:.0f}. Being between average and maximum is a choice of one number, and retrieval learns it.
""")

# %% [markdown]
# The same channel as a picture: the activation, then GeM's gradient at four exponents. See how it draws together on the peak.

# %% name="road-maps" tags=["hide-input"]
STOPS = (1.0, 3.0, 10.0, 64.0)
on_road = torch.cat([back_through(models.GeM(p), channel_map)[0] for p in STOPS])
scaled = (on_road / on_road.amax(dim=(1, 2), keepdim=True)).numpy()
activation = (channel_map[0] / top).numpy()
show(
    figures.map_grid(
        np.concatenate([activation, scaled]),
        ["activation", *(f"gradient\np = {p:.0f}" for p in STOPS)],
        "relative size",
        columns=5,
    ),
    name="fig-road-maps",
    alt="One activation map of 7 x 7 cells and its gradient under GeM for four exponents: even over the live cells at p = 1, and on fewer and fewer cells for p = 3, 10 and 64.",
    caption=f"Channel {int(varied)} of {PHOTO} on the cat, and GeM's gradient with respect to that map for four exponents.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: what each statistic forgets
#
# Both pools keep one number of 49. Two maps with the same mean and different maxima, and two with the same maximum and different means:

# %% name="one-number" tags=["exact"]
spot = torch.zeros(1, 1, 7, 7, device=where)
spot[0, 0, 3, 3] = 4.9
even = torch.full_like(spot, 0.1)
block = torch.zeros_like(spot)
block[0, 0, :4, :4] = 4.9
maps_of_49 = {"one spot": spot, "all cells alike": even, "a block of 16": block}
for name, feature_map in maps_of_49.items():
    pooled = [pool(feature_map).item() for pool in POOLS.values()]
    print(f"{name}: mean {pooled[0]:.2f}, max {pooled[1]:.2f}")

# %% [markdown]
# The mean cannot tell the first from the second, the maximum cannot tell the first from the third. On real pictures: a photograph of 128 px once, twice and four times on a grey canvas of 384 px, through the trained network. The 50 channels that
# one copy excites most (mean with one copy less mean of the empty canvas) are followed. A mean that counts would show 1, 2, 4; a maximum, 1, 1, 1.


# %% name="copies"
def copies(name, count):
    """Put copies of a photograph of 128 px on a grey canvas of 384 px."""
    canvas = torch.zeros(1, 3, 384, 384, device=where)
    photograph = data.photograph(name, 128).tensor
    for i in range(count):
        top, left = 32 + 192 * (i // 2), 32 + 192 * (i % 2)
        canvas[:, :, top : top + 128, left : left + 128] = photograph
    return canvas


# %% name="followed"
followed = {}
for name in data.PHOTOGRAPHS:
    canvases = torch.cat([copies(name, count) for count in (0, 1, 2, 4)])
    with torch.no_grad():
        seen = models.parts(lite, canvases).feature_map
    pooled = {head: pool(seen).flatten(1) for head, pool in POOLS.items()}
    excited = (pooled["gap"][1] - pooled["gap"][0]).topk(50).indices
    means = {h: p[:, excited].mean(dim=1).cpu().numpy() for h, p in pooled.items()}
    followed[name] = means

# %% name="copies-table" tags=["remove-input"]
relative = {name: {h: v[1:] / v[1] for h, v in pair.items()} for name, pair in followed.items()}
figures.table(
    pd.DataFrame(
        [
            {"photograph": name.removesuffix("_left")}
            | {f"{NAMES[h]}, {count} copies": f"{relative[name][h][i]:.2f}" for h in POOLS for i, count in ((1, 2), (2, 4))}
            for name in relative
        ]
    ),
    caption=f"Pooled value of the 50 followed channels of {PHOTO}, with one copy as 1.",
)  # fmt: skip

# %% name="copies-words" tags=["remove-input"]
counted = {h: np.mean([r[h] for r in relative.values()], axis=0) for h in POOLS}
assert all(r["gap"][2] > r["gap"][1] > 1 for r in relative.values())
say(f"""
On average over six photographs the mean goes to {counted["gap"][1]:.2f} and {counted["gap"][2]:.2f}, the maximum to {counted["max"][1]:.2f} and {counted["max"][2]:.2f}. So the maximum does forget how much there is, as the article says. The mean counts, but does not count to four: the copies change one another's activations, because receptive
fields reach over the grey between them. And where it counts, it cannot say whether it saw two cups or one of twice the area.
""")

# %% name="record-g2" tags=["hide-input"]
four_copies = 100 * counted["gap"][2]
trial.record(
    "G2", CAVEATS, 100 * counted["max"][2],
    "% of the maximum with one copy is what four copies of a photograph give",
    stands_if=(80, 130), cell="copies-table",
    because=f"The maximum does not see how much there is; the mean goes to {four_copies:.0f} %. But a mean is one number of 49 too: one spot of 4.9 and 49 cells of 0.1 are the same to it.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: edges and corners
#
# A pool has no weights, so it can detect nothing. What does a 3 x 3 max-pool with stride 2, the one in ResNet's own stem, do to an edge or to a line? Pictures of one line, bright on dark and dark on bright:

# %% name="lines" tags=["exact"]
line = torch.zeros(1, 1, 16, 16, device=where)
line[..., 8] = 1
STEM_POOLS = {
    "max-pool": partial(F.max_pool2d, kernel_size=3, stride=2, padding=1),
    "average pool": partial(
        F.avg_pool2d, kernel_size=3, stride=2, padding=1, count_include_pad=False
    ),
}
kept_contrast = {}
for name, pool in STEM_POOLS.items():
    for ground, picture in {"bright": line, "dark": 1 - line}.items():
        pooled = pool(picture)
        contrast = (pooled.max() - pooled.min()).item()
        kept_contrast[name, ground] = 100 * contrast
        print(f"{name}, {ground} line: {100 * contrast:.0f} % of the contrast left")

# %% [markdown]
# Max-pooling keeps a bright line whole and **deletes a dark one**: it attends to peaks, not to edges. It suits edges because of what stands before it. A convolution turns an edge of either sign into a peak of some channel, and ReLU
# removes the other sign. Below, the first layer of the ImageNet network on the camera man, the channel with the finest lines (the one from which a 3 x 3 average takes most), before a pool and after each.

# %% name="first-layer"
found = {}
with (
    torch.no_grad(),
    models.hooked(lite.body.bn1, lambda _, __, out: found.update(response=out)),
):
    lite(data.photograph("camera").tensor)
response = found["response"].relu()  # (1, 32 or 64, 112, 112)
heard = response[:, response[0].amax(dim=(1, 2)) > 1]
pooled = {"response": heard, **{name: pool(heard) for name, pool in STEM_POOLS.items()}}
peaks = {k: p[0].flatten(1).quantile(0.99, dim=1) for k, p in pooled.items()}
shares = {k: peaks[k] / peaks["response"] for k in STEM_POOLS}
kept_peak = {k: 100 * share.median().item() for k, share in shares.items()}
finest = (peaks["average pool"] / peaks["response"]).argsort()[:2].tolist()

# %% name="first-layer-figure" tags=["hide-input"]
shown, titles = [], []
for c in finest[:1]:
    for kind, p in pooled.items():
        half = p[0, c].cpu().numpy()
        shown.append(half if kind == "response" else half.repeat(2, axis=0).repeat(2, axis=1))
        titles.append(kind)
show(
    figures.map_grid(np.stack(shown), titles, "activation", columns=3),
    name="fig-first-layer",
    alt="Three maps: the response of a filter of the first layer to the camera man, and the same after a max-pool and after an average pool. The responses are thin lines; max-pooling thickens them and keeps their brightness, averaging dims them.",
    caption=f"First layer of {PHOTO} (after batch norm and ReLU) on the camera man, one channel: response, after a 3 x 3 max-pool with stride 2, and after an average pool of the same window.",
)  # fmt: skip

# %% name="first-layer-words" tags=["remove-input"]
assert kept_peak["max-pool"] > 100 > kept_peak["average pool"]
say(f"""
The lines are the filters' work, and both pools keep them recognisable. Over all {heard.shape[1]} channels that answer, the max-pool leaves {kept_peak["max-pool"]:.0f} % of the response's 99th percentile (median; above 100 because it thickens what is bright) and the average {kept_peak["average pool"]:.0f} %. Max keeps the peak, the average
keeps the amount and blurs it. ResNet uses both: a max-pool in the stem, where the next layer needs to know that there *was* an edge, and an average at the end.
""")

# %% name="record-g1" tags=["hide-input"]
trial.record(
    "G1", CAVEATS, kept_contrast["max-pool", "dark"],
    f"% of a dark line's contrast survives a 3 x 3 max-pool (bright: {kept_contrast['max-pool', 'bright']:.0f} %)",
    stands_if=(0, 0), cell="lines",
    because=f"It attends to peaks, by definition. Edges are found by the filters before it; behind a trained first layer it keeps {kept_peak['max-pool']:.0f} % of the response's 99th percentile, an average pool {kept_peak['average pool']:.0f} %.",
)  # fmt: skip

# %% [markdown]
# ## Further evidence: a bug that trained well
#
# If max and average were as different in training as the article has it, a network with the wrong pool would fail at once. It does not. *Dive into Deep Learning*, a careful and much-used textbook, had global **max** pooling in its PyTorch code where its text
# says average, from May 2020 until January 2022 in places (d2l-en pull requests 1362, 1392, 1571 and 2016 put it right, network by network). An earlier PyTorch version of the book by others had it too, and there a reader asked about it on 2 March 2020 (dsgiitr/d2l-pytorch, issue 104): with the average, the report says, NiN trained a lot
# slower, to 0.460 after five epochs. So one reader of a port saw a difference, in a curve, and no check saw it. Continuous integration executed d2l's notebooks all the time: they ran, the shapes were right, and the loss fell.
#
# That report can be tried: a small NiN on garments, with either pool, at five rates.

# %% name="nin-pools"
nin = evidence.load("nin_control")
nin = nin[nin["network"] == "nin"]
curves = evidence.load("nin_history")
curves = curves[(curves["network"] == "nin") & (curves["epoch"] == 2)]
early = curves.pivot(index=["lr", "seed"], columns="head", values="test_accuracy")
second = curves.groupby(["lr", "head"])["test_accuracy"].mean().unstack()
last = nin.groupby(["lr", "head"])["test_accuracy"].mean().unstack()
loss = nin.groupby(["lr", "head"])["train_loss"].mean().unstack()

# %% name="nin-table" tags=["remove-input"]
nin_choice = {h: evidence.choose(nin[nin["head"] == h]) for h in POOLS}
rows = [
    {"rate": f"{rate:g}"}
    | {f"{NAMES[h]}, second epoch": f"{100 * second.loc[rate, h]:.0f} %" for h in POOLS}
    | {f"{NAMES[h]}, tenth epoch": f"{100 * last.loc[rate, h]:.0f} %" for h in POOLS}
    | {f"{NAMES[h]}, training loss": f"{loss.loc[rate, h]:.2f}" for h in POOLS}
    for rate in last.index
]
figures.table(
    pd.DataFrame(rows),
    caption="A NIN of a quarter of the paper's width on 10,000 garments, 10 epochs, one cycle, mean of three seeds: test accuracy early and late, and the training loss at the end. "
    f"Validation images choose, with ties: {choice_words(nin_choice['gap'])} (average) and {choice_words(nin_choice['max'])} (max); the best comes first.",
)

# %% name="nin-words" tags=["remove-input"]
pick = {h: nin_choice[h].best[0] for h in POOLS}
reached_by = {h: last.loc[pick[h], h] for h in POOLS}
at_second = {h: second.loc[pick[h], h] for h in POOLS}
slow = 100 * (early.loc[0.01, "max"] - early.loc[0.01, "gap"])
assert slow.min() < 0 < slow.max()
assert reached_by["gap"] > reached_by["max"]
assert at_second["gap"] > at_second["max"]
say(f"""
Our NiN shows what that one reader saw at the lowest rate at best (chapter 3). At 0.01 the order in the second epoch is open: max less average is {mean_spread(slow)} points over three seeds. Each at the rate that validation images choose ({pick["gap"]:g} for the average, {pick["max"]:g} for max), the average is ahead in the second epoch, {100 * at_second["gap"]:.0f} % against {100 * at_second["max"]:.0f} %, and at the end, {100 * reached_by["gap"]:.0f} % against {100 * reached_by["max"]:.0f} %. So one rate, on one network, can show either order.
""")

# %% [markdown]
# Here is that kind of mistake in a test.


# %% name="wrong"
def global_average_pool():
    """Average every channel over its map, or so it says."""
    return nn.AdaptiveMaxPool2d((1, 1))


pool = global_average_pool()
with torch.no_grad():
    feature_map = models.parts(resnet50, photographs).feature_map
out = pool(feature_map)
assert out.shape == (2, 2048, 1, 1)
assert out.isfinite().all()
print("shapes are right, values are finite: the tests pass")

# %% name="also-trains"
wrong = 100 * chosen[sixty, "max"]["test_accuracy"]
assert (wrong > 90).all()
print(f"a ResNet-20 with this pool reaches {wrong.mean():.1f} % of the test garments")

# %% name="oracle"
expected = feature_map.mean(dim=(2, 3), keepdim=True)
try:
    torch.testing.assert_close(out, expected)
    caught = False
except AssertionError:
    caught = True
assert caught
torch.testing.assert_close(nn.AdaptiveAvgPool2d(1)(feature_map), expected)
print("the value test fails on the wrong pool and passes on the right one")

# %% [markdown]
# The test that catches it states *what the layer is*, in one line, with an independent way to compute it: `out == x.mean(dim=(2, 3), keepdim=True)`. A test of shapes holds for every pool. Executing a notebook proves that it runs. An accuracy threshold low enough to be robust
# lets a sound network through, and a network with the wrong pool is a sound network.

# %% [markdown]
# ## Further evidence: the gradient microscope
#
# Three real maps. Change a cell, slide the pool from average to maximum, put the ReLU in the way, and watch the value and the gradient's sum, length and density. Beside it, the gradient of that *one* channel's pooled value one block back, measured on the
# network (absolute values, summed over the channels there): one channel alone spreads only as far as the block's windows reach. It takes a thousand channels to fill the map.

# %% name="one-channel"
from gaplab.widgets import GradientMicroscope, Microscopic


def one_block_back(network, layer, picture, channel, pool):
    """Return one channel's pooled gradient at an earlier layer, (H, W)."""
    seen, picture = {}, picture.clone().requires_grad_()
    keep = partial(models.hooked, network.get_submodule(layer))
    with torch.enable_grad(), keep(lambda _, __, out: seen.update(back=out)):
        feature_map = models.parts(network, picture).feature_map
    pooled = pool(feature_map[:, [channel]]).sum()
    gradient = torch.autograd.grad(pooled, seen["back"])[0][0]
    return gradient.abs().sum(dim=0).cpu().numpy()  # summed over channels


# %% name="microscopic" tags=["hide-input"]
def microscopic(label, network, layer, name):
    """Take the channel that varies most on a photograph, uncut, and its gradients one block back."""
    picture = data.photograph(name).tensor
    feature_map = models.parts(network, picture).feature_map[0].detach()
    uncut = feature_map.amax(dim=(1, 2)) < (TOP if network is lite else torch.inf)
    channel = int(torch.where(uncut, feature_map.std(dim=(1, 2)), 0).argmax())
    pools = {
        "average": POOLS["gap"],
        "gem3": models.GeM(3.0).to(where),
        "max": POOLS["max"],
    }
    back = {
        k: one_block_back(network, layer, picture, channel, pool) for k, pool in pools.items()
    }
    return Microscopic(f"{label}, channel {channel}", feature_map[channel].cpu().numpy(), back)


# %% name="gradient-microscope" tags=["hide-input", "nbval-ignore-output"]
GradientMicroscope(
    [
        microscopic(f"{PHOTO}, cat", lite, list(LITE)[BACK], "chelsea"),
        microscopic(f"{PHOTO}, coffee", lite, list(LITE)[BACK], "coffee"),
        microscopic("ResNet-50 with random weights, cat", resnet50, "layer4.1", "chelsea"),
    ]
)

# %% [markdown]
# [The laboratory](laboratory.ipynb) has a trained network in the page. <a href="laboratory.html#lab&amp;experiment=pool&amp;pool=gem">Swap its pool</a>
# and see the gradient at the map, one block back, at the stem and at your own picture; add noise, and see whether it keeps its direction.

# %% [markdown]
# ## Further evidence: your turn
#
# With a running kernel: choose the network, the pool and the layer, and see where the top class's gradient goes on a photograph. ResNet-50 can fetch its ImageNet weights once; random weights show how gradients spread, not what
# a trained network looks at.

# %% name="your-turn-imports" tags=["hide-input"]
import ipywidgets
from tqdm import tqdm

from gaplab.your_turn import your_turn


# %% name="choices" tags=["hide-input"]
POOL_CHOICES = {
    "average": POOLS["gap"],
    "GeM, p = 3": models.GeM(3.0).to(where),
    "GeM, p = 10": models.GeM(10.0).to(where),
    "max": POOLS["max"],
    "max / 7": gradients.Rescaled(POOLS["max"], 1 / 7, 1 / 7),
}
WHERE = ("pool's input", "1 block back", "2 blocks back", "3 blocks back", "half-way")


def loaded(network):
    """Load a photograph network, or build a ResNet with random weights."""
    if network in weights.PHOTO_NETWORKS:
        return weights.photo_network(network)
    untrained = models.torchvision_resnet(network.removesuffix(" (random)"))
    return training.calibrate(untrained, photographs)


# %% name="layer-names" tags=["hide-input"]
def layer_at(model, place):
    """Name the layer whose output is meant; blocks are counted back from the pool."""
    body, prefix = (
        getattr(model, "body", model),
        "body." if hasattr(model, "body") else "",
    )
    if hasattr(body, "blocks"):
        blocks = [f"blocks.{i}.{j}" for i, stage in enumerate(body.blocks) for j in range(len(stage))]  # fmt: skip
        blocks.append("bn2")
    else:
        blocks = [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in range(len(getattr(body, f"layer{i}")))]  # fmt: skip
    steps = {
        **{name: i + 1 for i, name in enumerate(WHERE[:4])},
        "half-way": len(blocks) // 2,
    }
    return prefix + blocks[-steps[place]]


# %% name="look" tags=["hide-input"]
def top_score(logits):
    """Sum every image's highest score."""
    return logits.max(dim=1).values.sum()


def look(network, photograph, pool, place):
    """Draw the top class's gradient map at a layer, for the chosen pool, and measure its spread."""
    picture, tensor = data.photograph(photograph)
    model, drawn = loaded(network), {}
    layer = layer_at(model, place)
    print(f"{network}, gradient at {place} ({layer})")
    for name in tqdm(dict.fromkeys([pool, "average", "max"]), desc="pools", leave=False):
        with gradients.pooled_by(model, POOL_CHOICES[name]):
            gradient = gradients.at(model, tensor, [layer], top_score)[layer]
        s = gradients.spread(gradient)
        print(f"{name}: {s.density.item():.0%} not zero, effective {s.effective.item():.1%}")
        strength = gradient[0].norm(dim=0)
        drawn[name] = (strength / strength.max()).cpu().numpy()
    draw(drawn, picture, f"{network} on {photograph}, {place}")


# %% name="draw" tags=["hide-input"]
def draw(drawn, picture, what):
    """Show the maps of a choice beside the photograph."""
    finding = f"{what}: length of the top class's gradient in every cell, for each pool."
    unit, small = "relative size", picture[::4, ::4]  # as small as it is drawn
    grid = figures.map_grid(
        np.stack(list(drawn.values())), list(drawn), unit, columns=4, photograph=small
    )
    show(grid, name="fig-your-gradient", alt=finding, caption=finding)


# %% name="your-turn" tags=["hide-input", "nbval-ignore-output"]
your_turn(
    look,
    adds="choose network, photo, pool and layer",
    network=ipywidgets.Dropdown(
        description="network",
        options=[*weights.PHOTO_NETWORKS, *(f"{name} (random)" for name in models.TORCHVISION_RESNETS)],
        value="efficientnet_lite0",
    ),
    photograph=ipywidgets.Dropdown(description="photo", options=data.PHOTOGRAPHS, value="coffee"),
    pool=ipywidgets.Dropdown(description="pool", options=list(POOL_CHOICES), value="GeM, p = 3"),
    place=ipywidgets.Dropdown(description="layer", options=WHERE, value="1 block back"),
)  # fmt: skip

# %% [markdown]
# ## Further evidence: cross-examination
#
# - **"96 steps are no training."** They show how fast a head learns from the start, and at which rates it still learns, which is what the claim is about. The longer runs stand beside them, and there the average has better test accuracies in all but the largest; one of them, the ResNet-56, is also better fitted. Those runs had one rate for all layers. With two rates eight epochs leave the average a lead on test images in the ResNet-56 alone, and no better fit.
# - **"Max leads because its larger vector sends more gradient to the backbone. That is size again, not a merit of max."** It may well be. At equal length and one rate the two pools are level at low rates, and nobody trained a deep network with the average, a longer vector *and* its own rate for the classifier here (the live slice has a ResNet-8 with it, one seed: it does not catch up with max). The verdict needs only that the sparse gradient is no brake.
# - **"You gave max two rates. In practice there is one."** Then divide the pooled vector by a constant, or normalise it: the same function class, for the classifier can multiply. A head that needs its own scale is not a head that starves the network of gradient.
# - **"Equal lengths were trained with 20 and 56 layers only."** Yes, and with 56 layers the pairs disagree at high rates. With 110 the only cure that was tried is the classifier's rate. It gives max the lower best loss at every depth. In 96 steps at a constant rate it does not let max bear the average's rates; in eight epochs, with 56 layers and a rate that rises slowly, it does.
# - **"Your factor of 1/49 only changes the rate; dividing by 7 changes the start as well."** True. Dividing the vector by 7 also makes the first logits a seventh as large. Both raise the rate that max bears; with the classifier's rate alone it learned faster.
# - **"Random weights, two photographs."** For what a convolution does to sparsity that is enough, and it is stable over seeds and depths. For the verdict the trained networks count, and the small one, trained with max, disagrees with the large one, whose pool was swapped.
# - **"The noise between batches decides, and there the average wins."** It wins at the first step. After 8 steps three seeds cannot tell the two apart, and at the end of training both cosines are below 0.1. In the decisive runs max has the lower loss all the same. Steadier is not the same as faster.
# - **"Global max pooling is rare, so it must be bad."** It is common where presence matters more than amount: weakly supervised detection, text and audio tagging. The choice is about the statistic.

# %% [markdown]
# ## Verdicts

# %% name="verdicts" tags=["remove-input"]
trial.table()

# %% [markdown]
# ## Say it in the interview

# %% name="spoken-numbers" tags=["remove-input"]
times = f"{np.mean(longer):.0f}"
loss_110 = own_rate[own_rate["network"] == "resnet110"].groupby("head")["train_loss"].mean()
spoken = {head: f"{loss_110[head]:.1f}" for head in POOLS}
say(f"""
**In 30 seconds.** "At the pool the average gives every cell the same share, the maximum gives one cell everything. Further back, convolutions mix it. Up to 56 layers max bears lower rates mostly because its pooled vector is about {times} times as long. With the classifier's rate tuned, max had the lower best loss in short runs."

**In 2 minutes.** "At the pool's input the average sends one forty-ninth to every cell, the maximum everything to one. The sums are equal. But channels peak in different cells, and the next convolutions add them up. Where we swapped the pool in a wide network, little of the difference was left further back. In a small network trained with max, more stays.

Does it hurt? With one rate for all layers, yes: max breaks down earlier, sooner when deep. Up to 56 layers that is mostly size: its pooled vector is {times} times as long, and the classifier's curvature grows with the square. Make both vectors equally long, and our ResNet-20 trains nearly alike with either. Deeper we did not separate it. With the classifier's rate tuned, max has the lower best loss there: {spoken["max"]} against {spoken["gap"]} with 110 layers, in a short run. At high rates the average stays ahead.

What the average has is a steadier gradient at the very start, and an easier recipe. I choose by what they measure: how much there is, or the strongest response."
""")

# %% [markdown]
# ### When the interviewer interrupts
#
# Answer aloud before you unfold.

# %% name="follow-ups" tags=["remove-input"]
figures.answers(
    {
        "But only one cell gets gradient, so the rest of the map never learns, no?": "The weights are shared over all positions, and each channel picks its own cell. One convolution further back the channels are added up, and every cell has a gradient.",
        "But a gradient 7 times as long must explode in a deep network, no?": "It is one factor at the head, not a factor a layer. Multiplying the average's gradient by 7 did little harm in our ResNet-20s, and dividing max's by 7 helped at one rate and harmed at another.",
        "So is max the better head?": "No. With one rate for all layers the average bears higher rates and mostly tests better. With two, max tested better with 20 layers and the average with 56. I would take the average by default.",
        "Your max head diverges where an average head trains. What do you try first?": "The scale: divide the pooled vector by the ratio of the two lengths, normalise it before the classifier, or give the classifier a lower rate. With many layers I would lower the backbone's rate too, or warm up.",
        "Which pool sends more gradient to the stem?": f"Max. The average's shares on masked cells are lost at the ReLU. With the pool swapped in {PHOTO}, the stem's gradient is {lite_stem:.0f} times as long with max.",
        "And in what sense is the average more stable, then?": "At the first step two batches agree better about its direction, and at the pool its gradient is a constant. Under noise in the picture its lead is gone in trained networks, and reversed in those trained with max.",
        "Where does GeM stand between them?": f"With the exponent one it is the average, with a large one the maximum. With three, the usual one, about {at_three:.0f} of 49 cells shared the gradient of one trained channel here. The exponent can be learned.",
        "How would you test that a head really averages?": "By value, against an independent formula: out == x.mean(dim=(2, 3), keepdim=True) on random input. Shape, finiteness and a falling loss all hold for max pooling as well.",
    }
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# [Problem set 5](coursework/ps5_average_vs_max_gradients.ipynb) checks your answers:
#
# 1. **ex-5-1, predict.** Where does the gradient of one channel go, behind either pool, with ties, and one block back?
# 2. **ex-5-2, implement.** GeM and its gradient, so that no power overflows.
# 3. **ex-5-3, derive and implement.** Log-sum-exp: its gradient sums to 1 for every $r$, and GeM's to at most 1. When is it equal?
# 4. **ex-5-4, debug.** A colleague's gradient check believes everything. Find why.
# 5. **ex-5-5, judge.** "Behind a global max-pool 98 % of the positions learn nothing." Put it on trial in trained networks.
# 6. **ex-5-6, explain.** Is a sparse gradient bad for a deep network? Three sentences.
#
# ## Sources
#
# Hu and others 2018 (SENet: the squeeze ablation) and Zhou and others 2016 (class activation maps: average against maximum), both as quoted above; Radenović, Tolias and Chum 2019 (GeM); McCandlish and others 2018 (the gradient noise scale);
# He and others 2016 (ResNet); Xiao, Rasul and Vollgraf 2017 (Fashion-MNIST); d2l-ai/d2l-en pull requests 1362, 1392, 1571 and 2016, and dsgiitr/d2l-pytorch issue 104.
