# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Chapter 5 of five interview answers on trial: global max pooling's gradient is sparse at the pool and dense a block further back. Measured on real ResNets by stage, depth and noise, and in training with the gradient and the pooled value rescaled apart."
# ---

# %% [markdown]
# # Does max pooling starve a deep network of gradient?
#
# The fifth answer: *max pooling sends its gradient through one cell only; average pooling sends it through all of them, so
# gradients flow more stably and deep networks train better.* The first half is arithmetic. The second half is a statement about
# what 50 layers of convolutions, and then an optimiser, make of that gradient.
#
# **You will** read the gradient of real ResNets layer by layer, disturb the picture and watch its direction, walk from average to maximum
# along two roads, and take apart, in training, the *size* of max pooling's gradient, its *sparsity* and the *value* that it hands on.
# **You need** the chain rule, batch norm and SGD. **It takes** a minute to run.
#
# A **cell** is one of the H x W = 49 positions of ResNet's last map. The **density** of a gradient is the share of its numbers that are not zero. Tiny numbers
# deceive it, so there is the **effective density**, $(\sum |g|)^2 / (n \sum g^2)$: 1 if all $n$ numbers are equally large, $1/n$ if one is alone, and
# $2/\pi \approx 0.64$ for Gaussian noise. **L2** is the Euclidean norm.

# %% name="imports"
from functools import partial

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import claims, data, device, evidence, figures
from gaplab import gradients, models, shifting, training, weights
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
# Choose before you read on.

# %% name="predict" tags=["hide-input", "exact"]
from gaplab.widgets import Choice, Predictions, Question

predict = Predictions(
    [
        Question("Behind a global max-pool, 1 of 49 cells of a channel gets gradient. How many numbers of the gradient differ from zero one residual block further back?",
                 [Choice("about 1 in 49", 0, 5), Choice("about a half", 30, 70), Choice("all of them", 99, 101)], 2, "by-stage"),
        Question("At the pool's input, how long (L2) is max's gradient, set against the average's?",
                 [Choice("as long", 0.9, 1.1), Choice("7 times as long", 6.9, 7.1), Choice("49 times as long", 48, 50)], 1, "at-the-pool"),
        Question("Two ResNet-20s were trained, one with each pool. A little noise is added to the picture. In which does the gradient at the stem turn further away?",
                 [Choice("trained with the average", 0.05, 2), Choice("in both alike", -0.05, 0.05), Choice("trained with max", -2, -0.05)], 0, "noise-figure"),
        Question("Without warm-up a max head needs a lower learning rate. Divide max's gradient by 7, so that it is as long as the average's. Loss after 48 steps at rate 0.1, where guessing is 2.3?",
                 [Choice("as with the average, about 0.9", 0.5, 1.3), Choice("half-way", 1.3, 1.8), Choice("it still learns next to nothing", 1.8, 4)], 2, "bearable-figure"),
    ]
)  # fmt: skip
predict

# %% [markdown]
# ## At the pool, exactly
#
# $\text{mean}(x) = \frac{1}{HW} \sum x_i$ has the derivative $\frac{1}{HW}$ at every cell, whatever the map holds. The maximum has the derivative 1 at its
# cell and 0 elsewhere. Both sum to 1. Their lengths differ: $\sqrt{HW \cdot (1/HW)^2} = 1/\sqrt{HW}$ against 1, a factor of $\sqrt{49} = 7$. Autograd on the
# last map of a real ResNet-50 (random weights, two photographs), in double precision:


# %% name="back-through"
def back_through(pool, feature_map):
    """Return the gradient of all pooled values: each channel's own, since a pool mixes no channels."""
    x = feature_map.detach().requires_grad_()
    return torch.autograd.grad(pool(x).sum(), x)[0]


photographs = torch.cat([data.photograph(name).tensor for name in ("chelsea", "coffee")])
resnet50 = shifting.calibrate(models.torchvision_resnet("resnet50"), photographs)
with torch.no_grad():
    feature_map = models.parts(resnet50, photographs).feature_map
last_map = feature_map.cpu().double()  # (2, 2048, 7, 7); Apple's GPUs have no float64

# %% name="at-the-pool" tags=["exact"]
lengths, reached = {}, {}
for head, pool in POOLS.items():
    channels = back_through(pool, last_map).flatten(2)  # (2, 2048, 49)
    reached[head] = (channels != 0).sum(dim=2).unique().tolist()
    sums, lengths[head] = channels.sum(dim=2), channels.norm(dim=2)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    print(
        f"{head}: {reached[head]} of 49 cells, sum {sums.mean():.6f}, L2 {lengths[head].mean():.6f}"
    )
uniform = back_through(POOLS["gap"], last_map)
torch.testing.assert_close(uniform, torch.full_like(uniform, 1 / 49))
torch.testing.assert_close(lengths["max"] / lengths["gap"], torch.full_like(lengths["gap"], 7))

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
for name, pool in MAXIMA.items():
    shares = sorted(back_through(pool, two).flatten().tolist(), reverse=True)
    silent = back_through(pool, torch.zeros(1, 1, 7, 7, device=where))
    print(
        f"{name}: the tie gets {shares[:2]}; a silent channel, {int((silent != 0).sum())} of 49 cells"
    )

# %% [markdown]
# `amax` shares the gradient out, both max-pools pick one cell. On a silent channel `amax` is an average. The sum is 1 in each case.
#
# ### The ReLU just before
#
# ResNet's last operation before the pool is a ReLU, and what it set to zero passes nothing back. So neither gradient survives its first step whole. Here it is in networks
# random and trained. EfficientNet-Lite0 has a ReLU6, which is flat above 6 as well.


# %% name="behind-relu"
def behind_relu(feature_map, top=torch.inf):
    """Send each pool's gradient through the ReLU before it; return masked share, sums and L2 ratio."""
    passes = (feature_map > 0) & (feature_map < top)
    back = {head: back_through(pool, feature_map) * passes for head, pool in POOLS.items()}
    left = {head: gradient.sum(dim=(2, 3)).mean().item() for head, gradient in back.items()}
    return {
        "masked": 1 - passes.float().mean().item(),
        "silent": (feature_map.amax(dim=(2, 3)) == 0).float().mean().item(),
        "ratio": (back["max"].norm() / back["gap"].norm()).item(),
        **left,
    }  # fmt: skip


six = torch.cat([data.photograph(name).tensor for name in data.PHOTOGRAPHS])
garments, labels = data.stratified("test", 50)
garments, labels = data.normalise(garments), labels.to(where)
lite = weights.photo_network()
trained = {(h, s): weights.load(f"resnet20-{h}-s{s}") for h in POOLS for s in (0, 1, 2)}

# %% name="relu-measured"
with torch.no_grad():
    maps = {
        key: models.parts(network, garments).feature_map for key, network in trained.items()
    }
    lite_map = models.parts(lite, six).feature_map
first_step = {
    "ResNet-50, random": [behind_relu(last_map)],
    "ResNet-20, trained with average": [behind_relu(maps["gap", s]) for s in (0, 1, 2)],
    "ResNet-20, trained with max": [behind_relu(maps["max", s]) for s in (0, 1, 2)],
    "EfficientNet-Lite0, ImageNet": [behind_relu(lite_map, top=6)],
}
averaged = {name: pd.DataFrame(rows).mean() for name, rows in first_step.items()}

# %% name="relu-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {
                "network": name,
                "cells masked": f"{row.masked:.0%}",
                "silent channels": f"{row.silent:.0%}",
                "sum left of 1, average": f"{row.gap:.2f}",
                "sum left of 1, max": f"{row['max']:.2f}",
                "L2, max / average": f"{row.ratio:.1f}",
            }
            for name, row in averaged.items()
        ]
    ),
    caption="Behind the last ReLU, on its way back: what is left of each pool's gradient. ResNet-20: mean of three seeds on 50 garments; photographs for the others.",
)

# %% name="relu-words" tags=["remove-input"]
real = averaged["EfficientNet-Lite0, ImageNet"]
raw = averaged["ResNet-50, random"]
for row in averaged.values():
    assert abs(row.gap - (1 - row.masked)) < 1e-6  # k live cells of 49 leave k / 49
    assert row["max"] > row.gap
    assert row.ratio > 7
say(f"""
Read the two sums. They were equal at the pool and are not any more: the average left {raw.gap:.2f} in the random ResNet-50 and {real.gap:.2f} in the ImageNet network, because every masked cell takes its 1/49 with it.
The maximum sits on a live cell by definition and loses only channels that are silent (and, in a ReLU6, those at 6). In a trained network it is the *average* whose gradient is mostly thrown away, and "uniform over the whole map" describes it for no longer than one layer.
""")

# %% name="record-g5" tags=["hide-input"]
predict.settle(2, (lengths["max"] / lengths["gap"]).mean().item())
assert reached["gap"] == [49]
trial.record(
    "G5", HOLDS, reached["gap"][0], "of 49 cells get 1/49 each at the pool's input",
    stands_if=(49, 49), cell="at-the-pool",
    because=f"Exact, in double precision, for every channel and picture. It lasts one step: the ReLU before the pool masks {raw.masked:.0%} of the cells in a random ResNet-50 "
    f"and {real.masked:.0%} in a trained EfficientNet-Lite0.",
)  # fmt: skip

# %% [markdown]
# ## One block back
#
# Every image asks for a class of its own, and the score's gradient is read at the output of each block. `pooled_by` swaps the pool of one and the same network; weights and classifier stay.


# %% name="both-pools"
def own_class(logits):
    """Sum image i's score for class i: every image has a class of its own."""
    return logits.diagonal().sum()


def both(network, images, layers, objective):
    """Return the gradients at some layers with each pool in the network's place."""
    found = {}
    for head, pool in POOLS.items():
        with gradients.pooled_by(network, pool):
            found[head] = gradients.at(network, images, layers, objective)
    return found


STAGES = {"layer4.2": "pool's\ninput", "layer4.1": "1 block\nback", "layer4.0": "2 blocks\nback", "layer3": "layer3", "layer2": "layer2", "layer1": "layer1", "maxpool": "stem"}  # fmt: skip

# %% name="by-stage"
effective = {head: [] for head in POOLS}
ratio, pictured = [], None
for seed in (0, 1, 2):
    network = models.torchvision_resnet("resnet50", seed=seed)
    found = both(shifting.calibrate(network, photographs), photographs, STAGES, own_class)
    pictured = pictured or (network.fc.weight[0].abs().argmax().item(), found)
    spreads = {h: [gradients.spread(g) for g in found[h].values()] for h in POOLS}
    for head in POOLS:
        effective[head].append([100 * s.effective.mean().item() for s in spreads[head]])
    ratio.append([(m.l2 / a.l2).mean().item() for a, m in zip(*spreads.values(), strict=True)])
effective = {head: np.array(rows) for head, rows in effective.items()}  # (3 seeds, 7 layers)
ratio = np.array(ratio)
assert all((found[head]["layer4.1"] != 0).float().mean() > 0.999 for head in POOLS)
predict.settle(1, 100 * (found["max"]["layer4.1"] != 0).float().mean().item())

# %% name="inside"
inside = {"layer4.2.bn3": "behind the ReLU", "layer4.2.conv3": "behind batch norm", "layer4.2.conv2": "behind the 1x1 convolution and its ReLU"}  # fmt: skip
density = {}
for mode in ("evaluation", "training"):
    with gradients.pooled_by(network.train(mode == "training"), POOLS["max"]):
        steps = gradients.at(network, photographs, inside, own_class)
    density[mode] = [
        f"{name} {100 * (steps[at] != 0).float().mean():.0f} %" for at, name in inside.items()
    ]
    print(f"max, {mode} mode:", *density[mode], sep="\n  ")
network = network.eval()

# %% name="stages-figure" tags=["hide-input"]
figure, (left, right) = figures.plt.subplots(1, 2, figsize=(8.6, 3.5))
places, average, deviation = np.arange(len(STAGES)), ratio.mean(axis=0), ratio.std(axis=0, ddof=1)  # fmt: skip
figures.curves(places, effective, left, ylabel="effective density (%)")
right.errorbar(places, average, deviation, color=figures.PINK, marker="D", capsize=3)
right.axhline(7, color="#55606B", linewidth=1, linestyle=":")
right.set(ylabel="L2 of max / L2 of average", ylim=(0, None))
for ax in (left, right):
    ax.set_xticks(places, STAGES.values(), fontsize=8)
show(
    figure, name="fig-gradient-stages",
    alt=f"Effective density by layer from the pool's input to the stem. Max rises from {effective['max'][:, 0].mean():.1f} % to {effective['max'][:, 1].mean():.0f} % within one block and meets the average, near "
    f"{effective['gap'][:, 3].mean():.0f} %, at layer3. The ratio of lengths is 7 at the pool and {ratio[:, -1].mean():.1f} at the stem.",
    caption="ResNet-50 with random weights, 224 px, two photographs, three seeds. Left: effective density, from the pool (left) back to the stem (right). Right: length of max's gradient over that of the average's; dotted: 7.",
)  # fmt: skip

# %% name="stages-words" tags=["remove-input"]
say(f"""
At the pool's input max has {effective["max"][:, 0].mean():.1f} % against {effective["gap"][:, 0].mean():.0f} %. One block back **every number of both gradients is different from zero**, and the effective densities are {mean_spread(effective["max"][:, 1])} % and {mean_spread(effective["gap"][:, 1])} %. At `layer3` they are
{mean_spread(effective["max"][:, 3])} % and {mean_spread(effective["gap"][:, 3])} %, near the 64 % of Gaussian noise: nothing sparse is left.

The reason is in the printed lines. 2,048 channels have their maxima in different cells, and the first 1 x 1 convolution on the way back adds all channels up in every cell; only a ReLU's zeros remain. In training mode it is sooner still:
batch norm subtracts means, so its backward pass reaches every cell before any convolution does.

The ratio of lengths does not go away. It is 7 at the pool and {mean_spread(ratio[:, 1], 2)} one block back, since the ReLU takes its part of the average's gradient; at the stem it is {mean_spread(ratio[:, -1])}. Max does not starve the lower layers, it *feeds* them.
""")

# %% name="side-by-side" tags=["hide-input"]
channel, found = pictured
shown = {f"{head}, {STAGES[at]}".replace("\n", " ").replace("gap", "average"): found[head][at][0, channel].abs() for head in POOLS for at in ("layer4.2", "layer4.1", "layer4.0")}  # fmt: skip
relative = np.stack([(m / m.max()).cpu().numpy() for m in shown.values()])
titles = [title.replace(", ", "\n") for title in shown]
show(
    figures.map_grid(relative, titles, "relative size", columns=3),
    name="fig-side-by-side",
    alt="Six gradient maps of 7 x 7 cells of one channel. At the pool's input the average's map is even and max's has a single bright cell. One and two blocks back every "
    "cell of both has a value; max's winner still stands out.",
    caption=f"Gradient of one class's score in channel {channel} of ResNet-50 on the cat, seed 0, absolute values; each map is scaled to its largest number. Top: average. Bottom: max.",
)  # fmt: skip

# %% [markdown]
# The top left and the bottom left map are the picture that the article has in mind. The other four are what the convolutions get to see. One block back max's winner
# still stands out: the identity path carries it along unchanged, as one summand. Every other cell now has a gradient of its own.

# %% [markdown]
# ### From 18 to 152 layers
#
# If sparsity accumulated, depth would show it. All five ResNets, at 112 px to save time; the last map is then 4 x 4, so the ratio at the pool is 4.

# %% name="by-depth"
small = torch.cat([data.photograph(name, 112).tensor for name in data.PHOTOGRAPHS[:4]])
by_depth = {}
for name in models.TORCHVISION_RESNETS:
    network = shifting.calibrate(models.torchvision_resnet(name), small)
    back_one = f"layer4.{len(network.layer4) - 2}"
    found = both(network, small, ["layer4", back_one, "maxpool"], own_class)
    by_depth[name] = {
        place: [gradients.spread(found[head][layer]) for head in POOLS]
        for place, layer in (("pool", "layer4"), ("block", back_one), ("stem", "maxpool"))
    }

# %% name="depth-table" tags=["remove-input"]
rows = []
at_stem = {}
for name, at in by_depth.items():
    ratios = {
        place: (top.l2 / average.l2).mean().item() for place, (average, top) in at.items()
    }
    dense = {
        place: [100 * s.effective.mean().item() for s in pair] for place, pair in at.items()
    }
    at_stem[name] = (*dense["stem"], ratios["stem"])
    rows.append(
        {"network": name}
        | {f"{label}, average / max": f"{dense[place][0]:.0f} % / {dense[place][1]:.0f} %" for place, label in (("block", "1 block back"), ("stem", "stem"))}
        | {f"L2 ratio, {place}": f"{ratios[place]:.1f}" for place in ratios}
    )  # fmt: skip
figures.table(
    pd.DataFrame(rows),
    caption="Effective density and ratio of L2 (max over average) by depth; random weights, seed 0, mean of four photographs at 112 px.",
)

# %% name="depth-words" tags=["remove-input"]
gaps = {name: abs(a - m) for name, (a, m, _) in at_stem.items()}
assert max(gaps.values()) < 3
say(f"""
Depth does nothing to it. At the stem the two densities differ by at most {max(gaps.values()):.1f} points at any depth, and the ratio of lengths is {at_stem["resnet18"][2]:.1f} with 18 layers and {at_stem["resnet152"][2]:.1f} with 152.
""")

# %% [markdown]
# ### Trained networks: the case that goes the other way
#
# Random weights mix well. Trained ones may not. ResNet-20, trained on garments with each pool (three seeds), with its own pool; and EfficientNet-Lite0 on six photographs, trained with the average, with either pool in place.


# %% name="trained-density"
def of_label(logits):
    """Sum each garment's score for its own class."""
    return logits.gather(1, labels[:, None]).sum()


RESNET20 = {"layer3.2": "pool's input", "layer3.1": "1 block back", "layer2": "layer2", "layer1": "layer1"}  # fmt: skip
kept = {head: [] for head in POOLS}
for (head, _), network in trained.items():
    found = gradients.at(network, garments, RESNET20, of_label)
    kept[head].append(
        [100 * gradients.spread(g).effective.mean().item() for g in found.values()]
    )
kept = {head: np.array(rows) for head, rows in kept.items()}  # (3 seeds, 4 layers)

# %% name="trained-lite"
LITE = {"body.bn2": "pool's input", "body.blocks.6": "conv_head back", "body.blocks.5": "1 block back", "body.blocks.2": "blocks.2"}  # fmt: skip
named = models.parts(lite, six).logits.argmax(dim=1)
found = both(lite, six, LITE, lambda logits: logits.gather(1, named[:, None]).sum())
spreads = {head: [gradients.spread(g) for g in found[head].values()] for head in POOLS}
lite_kept = {h: [100 * s.effective.mean().item() for s in spreads[h]] for h in POOLS}
lite_ratio = [(m.l2 / a.l2).mean().item() for a, m in zip(*spreads.values(), strict=True)]

# %% name="trained-table" tags=["remove-input"]
NAMES = {"gap": "average", "max": "max"}
rows = [
    {"network": f"ResNet-20, trained with {NAMES[h]}"} | {f"step {i}": f"{RESNET20[layer]}: {mean_spread(kept[h][:, i])} %" for i, layer in enumerate(RESNET20)}
    for h in POOLS
] + [
    {"network": f"EfficientNet-Lite0, pooled by {NAMES[h]}"} | {f"step {i}": f"{LITE[layer]}: {lite_kept[h][i]:.1f} %" for i, layer in enumerate(LITE)}
    for h in POOLS
]  # fmt: skip
frame = pd.DataFrame(rows).rename(columns={f"step {i}": word for i, word in enumerate(("at the pool", "step 1", "step 2", "step 3"))})  # fmt: skip
figures.table(frame, caption="Effective density of the score's gradient in trained networks.")

# %% name="trained-words" tags=["remove-input"]
assert (kept["max"][:, 1] < kept["gap"][:, 1]).all()
say(f"""
In the ImageNet network the pool makes little difference behind the last 1 x 1 convolution already, {lite_kept["max"][1]:.0f} % against {lite_kept["gap"][1]:.0f} %, and none one block back: {lite_kept["max"][2]:.0f} % against {lite_kept["gap"][2]:.0f} %. The small networks speak **for the article**: trained with max, ResNet-20's gradient is still
the sparser one a block back, {mean_spread(kept["max"][:, 1])} % against {mean_spread(kept["gap"][:, 1])} %, and in `layer1`, {mean_spread(kept["max"][:, 3])} % against {mean_spread(kept["gap"][:, 3])} %. 64 channels have fewer maxima to spread over 49 cells than 2,048,
and a network that is trained with max learns to live on few cells. Neither is {100 / 49:.1f} %.
""")

# %% name="record-g3" tags=["hide-input"]
trial.record(
    "G3", CAVEATS, {seed: effective["max"][seed, 1] for seed in (0, 1, 2)}, "% effective density of max's gradient one block back in a ResNet-50 with random weights",
    stands_if=(30, 64), cell="stages-figure",
    because=f"1 of 49 cells at the pool's input, exactly. One block back every number is different from zero, and the average has {mean_spread(effective['gap'][:, 1])} %. "
    f"A ResNet-20 trained with max stays sparser there: {mean_spread(kept['max'][:, 1])} %.",
)  # fmt: skip

# %% [markdown]
# ## Does the direction hold still?
#
# A short gradient can be multiplied; a gradient that points elsewhere after a little noise cannot be mended so. The test: add Gaussian noise to the picture (in units of the
# pixels' standard deviation over the data set) and take the cosine between the gradient before and after. 1 is the same direction, 0 an unrelated one.


# %% name="steadiness"
LEVELS = (0.05, 0.1, 0.2)


def steadiness(network, images, layers, objective, seed):
    """Return the cosines between clean and noisy gradients, (layers, levels), mean over images."""
    clean = gradients.at(network, images, layers, objective)
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=draws).to(images.device)
    cosines = []
    for level in LEVELS:
        noisy = gradients.at(network, images + level * noise, layers, objective)
        pairs = [(clean[layer].flatten(1), noisy[layer].flatten(1)) for layer in layers]
        cosines.append([F.cosine_similarity(a, b).mean().item() for a, b in pairs])
    return np.array(cosines).T


# %% [markdown]
# Each network is measured with both pools, so that the pool is the only difference: three random ResNet-18 on photographs, and the trained ResNet-20s on garments, those that learned with the average and those that learned with max.

# %% name="noise"
steady = {}  # (network, pool) -> (3 seeds, 2 layers, levels): first the pool's input, then the stem
for seed in (0, 1, 2):
    network = shifting.calibrate(models.torchvision_resnet("resnet18", seed=seed), small)
    cases = {"random": (network, small, ["layer4", "conv1"], own_class)}
    for learned in POOLS:
        network = trained[learned, seed]
        cases[learned] = (network, garments, ["layer3", "conv1"], of_label)
    for name, case in cases.items():
        for head, pool in POOLS.items():
            with gradients.pooled_by(case[0], pool):
                steady.setdefault((name, head), []).append(steadiness(*case, seed=seed))
steady = {key: np.stack(rows) for key, rows in steady.items()}

# %% name="noise-figure" tags=["hide-input"]
TITLES = {"random": "ResNet-18, random", "gap": "ResNet-20, trained with average", "max": "ResNet-20, trained with max"}  # fmt: skip
figure, grid = figures.plt.subplots(2, 3, figsize=(8.2, 4.5), sharex=True, sharey=True)
for row, place in enumerate(("pool's input", "stem")):
    for ax, name in zip(grid[row], TITLES, strict=True):
        series = {head: steady[name, head][:, row] for head in POOLS}
        figures.curves(np.array(LEVELS), series, ax, ylim=(0, 1.05), xticks=LEVELS)
        ax.get_legend().set_visible(ax is grid[0, 0])
    grid[row, 0].set_ylabel(f"cosine,\n{place}")
for ax, title in zip(grid[1], TITLES.values(), strict=True):
    ax.set_xlabel(f"noise (standard deviations)\n{title}", fontsize=9)
middle = {key: values[:, 1, 1] for key, values in steady.items()}  # at the stem, noise 0.1
show(
    figure, name="fig-noise",
    alt=f"Six panels of cosine against noise. At the pool's input the average's line is 1 throughout and max's falls. At the stem the two pools' lines nearly coincide in each network; "
    f"in the networks trained with max both are higher ({middle['max', 'max'].mean():.2f} at noise 0.1) than in those trained with the average ({middle['gap', 'gap'].mean():.2f}).",
    caption="Cosine between the score's gradient with and without noise in the picture; mean and spread of three seeds. Above: at the pool's input. Below: at the stem. Lines: the pool that was used for the measurement.",
)  # fmt: skip

# %% name="noise-words" tags=["remove-input"]
advantage = {name: middle[name, "gap"] - middle[name, "max"] for name in TITLES}
at_pool = steady["random", "max"][:, 0, 1]
between = middle["max", "max"] - middle["gap", "gap"]
own_rate = {h: weights.card(f"resnet20-{h}-s0")["recipe"]["lr"] for h in POOLS}
assert np.allclose([steady[name, "gap"][:, 0] for name in TITLES], 1, atol=1e-4)
assert (between > 0.1).all()
say(f"""
**At the pool the average wins outright, and trivially**: its gradient is a constant, so noise cannot turn it, while max's winners change places (cosine {mean_spread(at_pool, 2)} at noise 0.1 in the random networks). **At the stem little of that is left.** With the same weights the average's cosine is higher
by {mean_spread(advantage["random"], 4)} (random), {mean_spread(advantage["gap"], 3)} (trained with the average) and {mean_spread(advantage["max"], 3)} (trained with max). The path through the layers, whose ReLUs switch with the noise, sets the direction.

**Between networks the sign is the other way.** Each with its own pool, the networks trained with *max* have the steadier gradient at the stem: {mean_spread(middle["max", "max"], 2)} against {mean_spread(middle["gap", "gap"], 2)}, in all three seeds. The pool of the measurement does not explain it, as the swapped lines show; the weights do. They
were trained at different rates ({own_rate["max"]:g} and {own_rate["gap"]:g}, each head's best), so it is a finding about two trained networks and not yet one about pools.
""")

# %% name="record-g6" tags=["hide-input"]
predict.settle(3, np.mean(between))
trial.record(
    "G6", CAVEATS, dict(enumerate(advantage["random"])), "is the average's lead in cosine at the stem of ResNet-18, same weights, noise 0.1",
    stands_if=(0.005, 0.2), cell="noise-figure",
    because=f"Steadier, and mostly at the pool itself, where its gradient is a constant (max: {mean_spread(at_pool, 2)}). In trained ResNet-20s the same swap changes {mean_spread(advantage['gap'], 3)}, "
    f"and those trained with max are the steadier ones, by {mean_spread(between, 2)}.",
)  # fmt: skip

# %% [markdown]
# ## The road from average to maximum
#
# Average and maximum are the ends of two roads. The **generalised mean** (GeM; Radenović, Tolias and Chum 2019), common in image retrieval, and **log-sum-exp**:
#
# $$\text{GeM}_p(x) = \Big(\frac{1}{HW} \sum x_i^p\Big)^{1/p}, \qquad \text{LSE}_r(x) = \frac{1}{r} \log \frac{1}{HW} \sum e^{r x_i} .$$
#
# GeM is the average at $p = 1$, LSE in the limit $r \to 0$; both tend to the maximum. LSE's gradient is the softmax of $r x$, so it always sums to 1. GeM's is $\frac{1}{HW} (x_i / \text{GeM}_p)^{p-1}$, which is 0 on a cell that the ReLU
# silenced as soon as $p > 1$ (in code at $p = 1$ too: GeM clamps its input to a tiny positive number, and a clamped cell passes nothing). One channel of EfficientNet-Lite0 on the cat: of those that its ReLU6 does not cut off, the one that varies most.

# %% name="road"
cat_map = lite_map[data.PHOTOGRAPHS.index("chelsea")]
varied = torch.where(cat_map.amax(dim=(1, 2)) < 6, cat_map.std(dim=(1, 2)), 0).argmax()
channel_map = cat_map[varied].view(1, 1, 7, 7).cpu().double()  # x^64 leaves float32
ROAD = np.geomspace(1, 64, 13).tolist()  # values of p, and of r
GEM, LSE = "GeM, p", "log-sum-exp, r"
roads = {
    GEM: {p: models.GeM(p) for p in ROAD},
    LSE: {r: lambda x, r=r: ((r * x).logsumexp(dim=(2, 3)) - np.log(49)) / r for r in ROAD},
}
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
live = int((channel_map > 0).sum())
at_three = cells[GEM][int(np.abs(np.array(ROAD) - 3).argmin())]
say(f"""
There is no cliff between dense and sparse. This channel has {live} live cells of 49, and near GeM's usual p = 3 the gradient is shared by {at_three:.0f}. Being between average and maximum is a choice of one number, and retrieval learns it.
""")

# %% name="road-maps" tags=["hide-input"]
STOPS = (1.0, 3.0, 10.0, 64.0)
on_road = torch.cat([back_through(models.GeM(p), channel_map)[0] for p in STOPS])
scaled = (on_road / on_road.amax(dim=(1, 2), keepdim=True)).numpy()
activation = (channel_map[0] / top).numpy()
show(
    figures.map_grid(
        np.concatenate([activation, scaled]), ["activation", *(f"gradient\np = {p:.0f}" for p in STOPS)], "relative size", columns=5,
    ),
    name="fig-road-maps",
    alt="One activation map of 7 x 7 cells and its gradient under GeM for four exponents: even over the live cells at p = 1, and on fewer and fewer cells for p = 3, 10 and 64.",
    caption=f"Channel {int(varied)} of EfficientNet-Lite0 on the cat, and GeM's gradient with respect to that map for four exponents.",
)  # fmt: skip

# %% [markdown]
# ## Training: what a head can bear
#
# Now the optimiser. First with the learning rate tuned for each head, as a fair comparison must be: six rates, two seeds, chosen on validation images with ResNet-8.

# %% name="tuned"
tuning = evidence.load("tuning")
score = tuning.groupby(["head", "lr"])["validation_accuracy"].mean().unstack() * 100
heads = evidence.load("heads")
pools_only = heads[heads["head"].isin(POOLS) & (heads["train_size"] == 10000)]
runs = {key: rows.set_index("seed") for key, rows in pools_only.groupby(["network", "head"])}


# %% name="tuned-table" tags=["remove-input"]
def spread_of(network, head, column, digits=1):
    """Write a column of some runs in percent, or as it is if it counts epochs."""
    factor = 1 if column in ("epochs_to_target", "final_loss") else 100
    return mean_spread(factor * runs[network, head][column], digits)


rows = [
    {
        "network": network.replace("resnet", "ResNet-"),
        "head": NAMES[head],
        "rate": f"{runs[network, head]['lr'].iloc[0]:g}",
        "training loss": spread_of(network, head, "final_loss", 2),
        "training accuracy": f"{spread_of(network, head, 'train_accuracy')} %",
        "test accuracy": f"{spread_of(network, head, 'test_accuracy')} %",
        "epochs to 85 %": spread_of(network, head, "epochs_to_target"),
    }
    for network, head in runs
]
figures.table(pd.DataFrame(rows), caption="10,000 garments, three seeds; ResNet-8 for 4 epochs, ResNet-20 for 5. Loss: mean over the last epoch. Rates were tuned on ResNet-8.")  # fmt: skip

# %% name="history-figure" tags=["hide-input"]
history, first_epoch = evidence.load("heads_history"), {}
figure, panels = figures.plt.subplots(1, 2, figsize=(8.2, 3.3), sharey=True)
for ax, network in zip(panels, ("resnet8", "resnet20"), strict=True):
    rows = history[(history["network"] == network) & (history["train_size"] == 10000)]
    curve = rows.pivot_table(index=["head", "seed"], columns="epoch", values="loss")
    figures.curves(curve.columns.to_numpy(), {h: curve.loc[h].to_numpy() for h in POOLS}, ax)
    ax.set(xlabel=f"epoch, {network.replace('resnet', 'ResNet-')}", xticks=curve.columns)
    first_epoch[network] = curve[1].groupby("head").mean()
panels[0].set_ylabel("training loss")
last = {key: value["final_loss"].mean() for key, value in runs.items()}
show(
    figure, name="fig-history",
    alt=f"Training loss by epoch. With ResNet-8 max is below the average from the second epoch on and ends at {last['resnet8', 'max']:.2f} against {last['resnet8', 'gap']:.2f}; with ResNet-20 max starts far higher and ends at "
    f"{last['resnet20', 'max']:.2f} against {last['resnet20', 'gap']:.2f}.",
    caption="Training loss with each head's tuned rate, mean and spread of three seeds, 10,000 garments.",
)  # fmt: skip

# %% name="tuned-words" tags=["remove-input"]
tuned_gap = {net: (runs[net, "gap"]["test_accuracy"] - runs[net, "max"]["test_accuracy"]) * 100 for net in ("resnet8", "resnet20")}  # fmt: skip
assert (tuned_gap["resnet20"] > 0).all()
assert abs(tuned_gap["resnet8"].mean()) < 1
assert last["resnet8", "max"] < last["resnet8", "gap"]
start = first_epoch["resnet20"]
assert start["max"] > start["gap"]
say(f"""
**With tuned rates ResNet-8 says no, and ResNet-20 says yes, a little.** On ResNet-8 max has the lower loss from the second epoch on, needs {spread_of("resnet8", "max", "epochs_to_target")} epochs to 85 % against {spread_of("resnet8", "gap", "epochs_to_target")}, and the test accuracies are level (average less max: {mean_spread(tuned_gap["resnet8"])} points). On ResNet-20 max starts
badly (loss {start["max"]:.2f} against {start["gap"]:.2f} in the first epoch), catches up, and ends {mean_spread(tuned_gap["resnet20"])} points behind on the test set, in all three seeds. That is the strongest number here for the article. Its weak side: the rates were tuned on the small network, and the next figure shows that
plain max wants a lower one on a deeper network.

Published ablations show gaps of the same order and none that would call max unfit. In SENet's squeeze, a pool inside every block of a ResNet-50, max has a top-1 error of 22.57 % and the average of 22.28 % (Hu and others 2018). Zhou and others (2016) found that global max pooling *classifies* about
as well as the average, and that the average *localises* better.
""")

# %% [markdown]
# ### Sparse, long, or large? Three suspects, taken apart
#
# Without warm-up, at a constant rate, the heads differ by much more. Max differs from the average in three ways at once, and they can be separated, because autograd lets a
# layer return one thing forward and another backward:
#
# - its gradient is **sparse**: 1 cell instead of 49;
# - its gradient is **7 times as long**: divide it by 7, and nothing else (`max, gradient / 7`); give the average's 7 times the length (`gap, gradient x 7`);
# - its **value is larger**, since a maximum is never below the mean: divide value and gradient by 7 (`max, value and gradient / 7`, which is the layer `max(x) / 7`). The gradient is as sparse as before.

# %% name="rescale" tags=["exact"]
x = torch.rand(1, 1, 7, 7, device=where)
value, back = {}, {}
for name, (v, g) in {
    "max": (1, 1),
    "gradient / 7": (1, 1 / 7),
    "both / 7": (1 / 7, 1 / 7),
}.items():
    pool = gradients.Rescaled(POOLS["max"], value=v, gradient=g)
    value[name], back[name] = pool(x).item() / x.max().item(), back_through(pool, x)
    cells_hit, length = int((back[name] != 0).sum()), back[name].norm().item()
    print(f"{name}: value {value[name]:.3f} of the maximum, {cells_hit} cell, L2 {length:.3f}")

# %% name="bearable"
stable = pd.concat([evidence.load("stability"), evidence.load("rescaled")], ignore_index=True)
stable["loss"] = stable["final_loss"].fillna(np.inf).clip(upper=3)  # some diverge to 1e20
VARIANTS = (
    "gap",
    "gap, gradient x 7",
    "max",
    "max, gradient / 7",
    "max, value and gradient / 7",
)
twenty = stable[(stable["network"] == "resnet20") & (stable["lr"] < 1)]
losses = {v: twenty[twenty["head"] == v].pivot(index="seed", columns="lr", values="loss") for v in VARIANTS}  # fmt: skip
best = {variant: table[table.mean().idxmin()] for variant, table in losses.items()}

# %% name="bearable-figure" tags=["hide-input"]
rates = losses["gap"].columns
series = {
    variant: [table[rate].to_numpy() for rate in rates] for variant, table in losses.items()
}
ax = figures.points(
    list(rates), series, figures.axes(width=6.4, height=3.9), styles=figures.RESCALED_STYLE,
    xlabel="learning rate, constant, no warm-up", ylabel="training loss after 48 steps",
)  # fmt: skip
ax.axhline(np.log(10), color="#55606B", linewidth=1, linestyle=":")
ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
show(
    ax, name="fig-bearable",
    alt=f"Training loss against learning rate. Max with its value and gradient divided by 7 falls to {losses[VARIANTS[4]][0.1].mean():.2f} at rate 0.1 and stays there at 0.3. Plain max does not learn from 0.03 on, and max with its gradient alone "
    f"divided by 7 never gets below {losses[VARIANTS[3]].mean().min():.2f}. The average, also with 7 times the gradient, learns up to 0.1.",
    caption="ResNet-20 on 1,000 garments, loss in the third epoch, mean and spread of three seeds. Dotted line: the loss of guessing. Max with value and gradient divided by 7 is as sparse as plain max.",
)  # fmt: skip

# %% name="bearable-words" tags=["remove-input"]
at = {v: losses[v].mean() for v in VARIANTS}
assert at["gap"][0.1] < 1.2
assert at["max"][0.03] > 2
assert at["max, gradient / 7"][0.1] > 1.9
assert losses["max, value and gradient / 7"][[0.1, 0.3]].to_numpy().max() < 1.2
assert at["gap, gradient x 7"][0.03] < at["gap"][0.03] + 0.1
bears = {v: at[v][at[v] < 1.5].index.max() for v in ("gap", "max", VARIANTS[4])}
say(f"""
**The length is not it.** With a gradient 7 times as long the average trains at the same rates: no worse at 0.03 ({at["gap, gradient x 7"][0.03]:.2f} against {at["gap"][0.03]:.2f}), worse at 0.1 ({at["gap, gradient x 7"][0.1]:.2f} against {at["gap"][0.1]:.2f}), far from max's trouble. And dividing max's by 7 rescues nothing: {at["max, gradient / 7"][0.03]:.2f} at 0.03, {at["max, gradient / 7"][0.1]:.2f} at 0.1, where guessing is {np.log(10):.2f}. We expected the opposite when we planned these runs. A likely reason: each convolution here stands before a batch norm, so its loss does not change with the scale of its weights. Too long a step makes the weights longer, and the next steps turn them less.

**The sparsity is not it.** `max(x) / 7` sends its gradient through one cell in 49 like plain max, and bears the highest rate of all: {mean_spread(losses["max, value and gradient / 7"][0.3], 2)} at 0.3, where the average has {mean_spread(losses["gap"][0.3], 2)} and no longer learns. Each at its best rate, it ends {mean_spread(best["gap"] - best["max, value and gradient / 7"], 2)} below the average as it is, and level with the average whose gradient is 7 times as long.

**The value is.** The highest rate with a loss below 1.5 is {bears["max"]:g} for max, {bears["gap"]:g} for the average and {bears[VARIANTS[4]]:g} for `max(x) / 7`. The linear layer multiplies the pooled vector, so the curvature of its loss grows with that vector's *square*, and the largest stable rate falls with it.
""")

# %% name="pooled-length"
untrained = {seed: models.build("resnet20", seed=seed) for seed in (0, 1, 2)}
squares = {}
with torch.no_grad():
    for seed, network in untrained.items():
        feature_map = models.parts(
            network, garments
        ).feature_map  # in training mode, as at step 1
        length2 = {h: pool(feature_map).square().sum(dim=1).mean() for h, pool in POOLS.items()}
        squares[seed] = (length2["max"] / length2["gap"]).item()
print(
    f"squared length of the pooled vector, max over average: {int(min(squares.values()))} or more in each seed"
)

# %% name="deep-words" tags=["remove-input"]
deep = stable[(stable["network"] == "resnet56") & (stable["lr"] == 0.03)]
deep = {v: deep[deep["head"] == v]["loss"].to_numpy() for v in VARIANTS}
assert min(map(len, deep.values())) == 3
assert deep["max, value and gradient / 7"].mean() < 1.5 < deep["max"].mean()
say(f"""
At the first step max's pooled vector is {mean_spread(squares.values(), 0)} times the average's in squared length (ResNet-20, three seeds), the order of the factor between the two rates, {bears["gap"] / bears["max"]:.0f}. It is a matter of the classifier's scale, and a division cures it.

"But the claim is about *deep* networks." ResNet-56, rate 0.03, loss after the same 48 steps: average {mean_spread(deep["gap"], 2)}; max {mean_spread(deep["max"], 2)}; max with its gradient divided by 7 {mean_spread(deep["max, gradient / 7"], 2)}; max with value and gradient divided by 7 {mean_spread(deep["max, value and gradient / 7"], 2)}.
""")

# %% name="record-g4" tags=["hide-input"]
predict.settle(4, at["max, gradient / 7"][0.1])
lead = best["gap, gradient x 7"] - best["max, value and gradient / 7"]
trial.record(
    "G4", FAILS, lead.to_dict(), "is how far max(x) / 7 ends below the average with 7 times its gradient in training loss, both at their best rates (ResNet-20, 48 steps)",
    stands_if=(-0.1, 1), cell="bearable-figure",
    because=f"They are level, and one of the two gradients is as sparse as max's; against the average as it is, max(x) / 7 ends {mean_spread(best['gap'] - best['max, value and gradient / 7'], 2)} lower and bears higher rates. Plain max does not, because its pooled value is large, not because its gradient is sparse. "
    f"In full training with tuned rates the average leads by {mean_spread(tuned_gap['resnet8'])} points (ResNet-8) and {mean_spread(tuned_gap['resnet20'])} (ResNet-20).",
)  # fmt: skip

# %% [markdown]
# ### A slice of it, live
#
# ResNet-8, 500 garments, four epochs at a constant rate of 0.3, one seed, in a few seconds. The fifth run closes the argument: the value is divided and the gradient is not.

# %% name="live" tags=["nbval-ignore-output"]
RUNS = {"gap": ("gap", 1, 1), "max": ("max", 1, 1), "max, gradient / 7": ("max", 1, 1 / 7), "max(x) / 7": ("max", 1 / 7, 1 / 7), "max, value / 7": ("max", 1 / 7, 1)}  # fmt: skip
few = data.stratified("train", 500)
live = {}
for name, (head, v, g) in RUNS.items():
    network = models.resnet8(head, seed=0)
    network.pool = gradients.Rescaled(network.pool, value=v, gradient=g)
    log = training.fit(network, few, epochs=4, lr=0.3, schedule="constant", label=name)
    live[name] = log["loss"].iloc[-1]
    print(f"{name}: training loss {live[name]:.1f}")
assert max(live["gap"], live["max(x) / 7"], live["max, value / 7"]) < 1.6
assert min(live["max"], live["max, gradient / 7"]) > 1.9

# %% [markdown]
# ## What each statistic forgets
#
# Both pools keep one number of 49. Two maps with the same mean and different maxima, and two with the same maximum and different means:

# %% name="one-number" tags=["exact"]
spot = torch.zeros(1, 1, 7, 7, device=where)
spot[0, 0, 3, 3] = 4.9
even = torch.full_like(spot, 0.1)
block = torch.zeros_like(spot)
block[0, 0, :4, :4] = 4.9
for name, feature_map in {
    "one spot": spot,
    "all cells alike": even,
    "a block of 16": block,
}.items():
    pooled = [pool(feature_map).item() for pool in POOLS.values()]
    print(f"{name}: mean {pooled[0]:.2f}, max {pooled[1]:.2f}")

# %% [markdown]
# The mean cannot tell the first from the second, the maximum cannot tell the first from the third. On real pictures: a photograph of 128 px once, twice and four times on a grey canvas of 384 px, through the trained network. The 50 channels that
# one copy excites most (mean with one copy less mean of the empty canvas) are followed. A mean that counts would show 1, 2, 4; a maximum, 1, 1, 1.


# %% name="copies"
def copies(name, count):
    """Put ``count`` copies of a photograph of 128 px into the quarters of a grey canvas of 384 px."""
    canvas = torch.zeros(1, 3, 384, 384, device=where)
    for i in range(count):
        top, left = 32 + 192 * (i // 2), 32 + 192 * (i % 2)
        canvas[:, :, top : top + 128, left : left + 128] = data.photograph(name, 128).tensor
    return canvas


followed, canvases = {}, {}
for name in data.PHOTOGRAPHS:
    canvases[name] = torch.cat([copies(name, count) for count in (0, 1, 2, 4)])
    with torch.no_grad():
        seen = models.parts(lite, canvases[name]).feature_map
    pooled = {head: pool(seen).flatten(1) for head, pool in POOLS.items()}
    excited = (pooled["gap"][1] - pooled["gap"][0]).topk(50).indices
    followed[name] = {h: p[:, excited].mean(dim=1).cpu().numpy() for h, p in pooled.items()}

# %% name="copies-table" tags=["remove-input"]
relative = {name: {h: v[1:] / v[1] for h, v in both_pools.items()} for name, both_pools in followed.items()}  # fmt: skip
figures.table(
    pd.DataFrame(
        [
            {"photograph": name.removesuffix("_left")}
            | {f"{NAMES[h]}, {count} copies": f"{relative[name][h][i]:.2f}" for h in POOLS for i, count in ((1, 2), (2, 4))}
            for name in relative
        ]
    ),
    caption="Pooled value of the 50 followed channels of EfficientNet-Lite0, with one copy as 1.",
)  # fmt: skip

# %% name="copies-words" tags=["remove-input"]
counted = {h: np.mean([r[h] for r in relative.values()], axis=0) for h in POOLS}
assert all(r["gap"][2] > r["gap"][1] > 1 for r in relative.values())
say(f"""
On average over six photographs the mean goes to {counted["gap"][1]:.2f} and {counted["gap"][2]:.2f}, the maximum to {counted["max"][1]:.2f} and {counted["max"][2]:.2f}. So the maximum does forget how much there is, as the article says. The mean counts, but does not count to four: the copies change one another's activations, because receptive
fields reach over the grey between them. And where it counts, it cannot say whether it saw two cups or one of twice the area.
""")

# %% name="record-g2" tags=["hide-input"]
trial.record(
    "G2", CAVEATS, 100 * counted["max"][2], "% of the maximum with one copy is what four copies of a photograph give",
    stands_if=(80, 110), cell="copies-table",
    because=f"The maximum does not see how much there is; the mean goes to {100 * counted['gap'][2]:.0f} %. But a mean is one number of 49 too: one spot of 4.9 and 49 cells of 0.1 are the same to it.",
)  # fmt: skip

# %% [markdown]
# ## Edges and corners
#
# A pool has no weights, so it can detect nothing. What does a 3 x 3 max-pool with stride 2, the one in ResNet's own stem, do to an edge or to a line? Pictures of one line, bright on dark and dark on bright:

# %% name="lines" tags=["exact"]
line = torch.zeros(1, 1, 16, 16, device=where)
line[..., 8] = 1
STEM_POOLS = {
    "max-pool": partial(F.max_pool2d, kernel_size=3, stride=2, padding=1),
    "average pool": partial(F.avg_pool2d, kernel_size=3, stride=2, padding=1, count_include_pad=False),
}  # fmt: skip
kept_contrast = {}
for name, pool in STEM_POOLS.items():
    for ground, picture in {"bright": line, "dark": 1 - line}.items():
        pooled = pool(picture)
        kept_contrast[name, ground] = (pooled.max() - pooled.min()).item()
        print(
            f"{name}, {ground} line: {100 * kept_contrast[name, ground]:.0f} % of the contrast left"
        )

# %% [markdown]
# Max-pooling keeps a bright line whole and **deletes a dark one**: it attends to peaks, not to edges. It suits edges because of what stands before it. A convolution turns an edge of either sign into a peak of some channel, and ReLU
# removes the other sign. Below, the first layer of EfficientNet-Lite0 on the camera man, the two channels with the finest lines (those from which a 3 x 3 average takes most), before a pool and after each.

# %% name="first-layer"
found = {}
with (
    torch.no_grad(),
    models.hooked(lite.body.bn1, lambda _, __, out: found.update(response=out)),
):
    lite(data.photograph("camera").tensor)
response = found["response"]  # (1, 32, 112, 112), after batch norm and ReLU6
heard = response[:, response[0].amax(dim=(1, 2)) > 1]
pooled = {"response": heard, **{name: pool(heard) for name, pool in STEM_POOLS.items()}}
peaks = {k: p[0].flatten(1).quantile(0.99, dim=1) for k, p in pooled.items()}
kept_peak = {k: 100 * (peaks[k] / peaks["response"]).median().item() for k in STEM_POOLS}
finest = (peaks["average pool"] / peaks["response"]).argsort()[:2].tolist()

# %% name="first-layer-figure" tags=["hide-input"]
shown, titles = [], []
for c in finest:
    for kind, p in pooled.items():
        half = p[0, c].cpu().numpy()
        shown.append(half if kind == "response" else half.repeat(2, axis=0).repeat(2, axis=1))
        titles.append(kind)
show(
    figures.map_grid(np.stack(shown), titles, "activation", columns=3),
    name="fig-first-layer",
    alt="Two rows of three maps: the response of a filter of the first layer to the camera man, and the same after a max-pool and after an average pool. The responses are thin lines; max-pooling thickens them and keeps their brightness, averaging dims them.",
    caption="First layer of EfficientNet-Lite0 (after batch norm and ReLU6) on the camera man, two channels: response, after a 3 x 3 max-pool with stride 2, and after an average pool of the same window.",
)  # fmt: skip

# %% name="first-layer-words" tags=["remove-input"]
assert kept_peak["max-pool"] > 100 > kept_peak["average pool"]
say(f"""
The lines are the filters' work, and both pools keep them recognisable. Over all {heard.shape[1]} channels that answer, the max-pool leaves {kept_peak["max-pool"]:.0f} % of the response's 99th percentile (median; above 100 because it thickens what is bright) and the average {kept_peak["average pool"]:.0f} %. Max keeps the peak, the average
keeps the amount and blurs it. ResNet uses both: a max-pool in the stem, where the next layer needs to know that there *was* an edge, and an average at the end.
""")

# %% name="record-g1" tags=["hide-input"]
trial.record(
    "G1", CAVEATS, 100 * kept_contrast["max-pool", "dark"], f"% of a dark line's contrast survives a 3 x 3 max-pool (bright: {100 * kept_contrast['max-pool', 'bright']:.0f} %)",
    stands_if=(0, 0), cell="lines",
    because=f"It attends to peaks, by definition. Edges are found by the filters before it; behind a trained first layer it keeps {kept_peak['max-pool']:.0f} % of the response's 99th percentile, an average pool {kept_peak['average pool']:.0f} %.",
)  # fmt: skip

# %% [markdown]
# ## A bug that trained well
#
# If max and average were as different in training as the article has it, a network with the wrong pool would be noticed at once. It was not. *Dive into Deep Learning*, a careful and much-used textbook, had global **max** pooling in its PyTorch code where its text
# says average, from May 2020 until January 2022 in places (d2l-en pull requests 1362, 1392, 1571 and 2016 put it right, network by network). Its notebooks were executed in continuous integration all the time. They ran, the shapes were right, and the loss fell.
#
# Here is that kind of mistake, and three tests.


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
wrong = 100 * runs["resnet20", "max"]["test_accuracy"]
assert (wrong > 80).all()
print(f"a ResNet-20 with this pool reaches {wrong.mean():.0f} % on Fashion-MNIST: it trains")

# %% name="oracle"
try:
    torch.testing.assert_close(out, feature_map.mean(dim=(2, 3), keepdim=True))
    caught = False
except AssertionError:
    caught = True
assert caught
torch.testing.assert_close(nn.AdaptiveAvgPool2d(1)(feature_map), feature_map.mean(dim=(2, 3), keepdim=True))  # fmt: skip
print("the value test fails on the wrong pool and passes on the right one")

# %% [markdown]
# The test that catches it states *what the layer is*, in one line, with an independent way to compute it: `out == x.mean(dim=(2, 3), keepdim=True)`. A test of shapes holds for every pool. Executing a notebook proves that it runs. An accuracy threshold low enough to be robust
# lets a sound network through, and a network with the wrong pool is a sound network.

# %% [markdown]
# ## Try it: the gradient microscope
#
# Three real maps. Change a cell, slide the pool from average to maximum, put the ReLU in the way, and watch the value and the gradient's sum, length and density. Beside it, the gradient of that *one* channel's pooled value one block back, measured on the
# network (absolute values, summed over the channels there): one channel alone spreads only as far as the block's windows reach. It takes a thousand channels to fill the map.

# %% name="one-channel"
from gaplab.widgets import GradientMicroscope, Microscopic


def one_block_back(network, layer, picture, channel, pool):
    """Return one channel's pooled gradient at an earlier layer, (H, W), summed over channels."""
    seen = {}
    keep = models.hooked(network.get_submodule(layer), lambda _, __, out: seen.update(back=out))
    with torch.enable_grad(), keep:
        feature_map = models.parts(network, picture.clone().requires_grad_()).feature_map
    pooled = pool(feature_map[:, [channel]]).sum()
    return torch.autograd.grad(pooled, seen["back"])[0][0].abs().sum(dim=0).cpu().numpy()


# %% name="microscopic" tags=["hide-input"]
def microscopic(label, network, layer, name):
    """Take the channel that varies most on a photograph, uncut, and its gradients one block back."""
    picture = data.photograph(name).tensor
    feature_map = models.parts(network, picture).feature_map[0].detach()
    uncut = feature_map.amax(dim=(1, 2)) < (6 if network is lite else torch.inf)
    channel = int(torch.where(uncut, feature_map.std(dim=(1, 2)), 0).argmax())
    pools = {"average": POOLS["gap"], "gem3": models.GeM(3.0).to(where), "max": POOLS["max"]}
    back = {
        k: one_block_back(network, layer, picture, channel, pool) for k, pool in pools.items()
    }
    return Microscopic(f"{label}, channel {channel}", feature_map[channel].cpu().numpy(), back)


# %% name="gradient-microscope" tags=["hide-input", "nbval-ignore-output"]
GradientMicroscope(
    [
        microscopic("EfficientNet-Lite0, cat", lite, "body.blocks.5", "chelsea"),
        microscopic("EfficientNet-Lite0, coffee", lite, "body.blocks.5", "coffee"),
        microscopic("ResNet-50 with random weights, cat", resnet50, "layer4.1", "chelsea"),
    ]
)

# %% [markdown]
# ## Your turn
#
# With a running kernel: choose the network, the pool and the layer, and see where the top class's gradient goes on a photograph. ResNet-50 can fetch its ImageNet weights once; random weights show how gradients spread, not what
# a trained network looks at.

# %% name="your-turn-imports" tags=["hide-input"]
import ipywidgets
from tqdm import tqdm

from gaplab.turn import your_turn


# %% name="choices" tags=["hide-input"]
POOL_CHOICES = {
    "average": POOLS["gap"],
    "GeM, p = 3": models.GeM(3.0).to(where),
    "GeM, p = 10": models.GeM(10.0).to(where),
    "max": POOLS["max"],
    "max / 7": gradients.Rescaled(POOLS["max"], 1 / 7, 1 / 7),
}
PLACES = ("pool's input", "1 block back", "2 blocks back", "3 blocks back", "half-way")


def loaded(network):
    """Load a photograph network, or build a ResNet with random weights."""
    if network in weights.PHOTO_NETWORKS:
        return weights.photo_network(network)
    untrained = models.torchvision_resnet(network.removesuffix(" (random)"))
    return shifting.calibrate(untrained, photographs)


# %% name="layer-names" tags=["hide-input"]
def layer_at(model, place):
    """Name the layer whose output is meant; blocks are counted back from the pool."""
    body, prefix = getattr(model, "body", model), "body." if hasattr(model, "body") else ""
    if hasattr(body, "blocks"):
        blocks = [f"blocks.{i}.{j}" for i, stage in enumerate(body.blocks) for j in range(len(stage))]  # fmt: skip
        blocks.append("bn2")
    else:
        blocks = [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in range(len(getattr(body, f"layer{i}")))]  # fmt: skip
    steps = {**{name: i + 1 for i, name in enumerate(PLACES[:4])}, "half-way": len(blocks) // 2}
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
    unit = "relative size"
    grid = figures.map_grid(
        np.stack(list(drawn.values())), list(drawn), unit, columns=4, photograph=picture
    )
    show(grid, name="fig-your-gradient", alt=finding, caption=finding)


# %% name="your-turn" tags=["hide-input", "nbval-ignore-output"]
your_turn(
    look,
    adds="choose the network, the photograph, the pool and the layer",
    network=ipywidgets.Dropdown(
        description="network",
        options=[*weights.PHOTO_NETWORKS, *(f"{name} (random)" for name in models.TORCHVISION_RESNETS)],
        value="efficientnet_lite0",
    ),
    photograph=ipywidgets.Dropdown(description="photo", options=data.PHOTOGRAPHS, value="coffee"),
    pool=ipywidgets.Dropdown(description="pool", options=list(POOL_CHOICES), value="GeM, p = 3"),
    place=ipywidgets.Dropdown(description="layer", options=PLACES, value="1 block back"),
)  # fmt: skip

# %% [markdown]
# ## Cross-examination
#
# - **"48 steps are no training."** They show which heads can start at a rate, which is what stability means here. The tuned runs of several epochs stand beside them, and there the average's lead on ResNet-20 is the article's best number. It is not explained by sparsity as long as `max(x) / 7` has not
#   been trained as long; nobody has, here.
# - **"max(x) / 7 is a trick."** It is the same function class: the classifier can multiply by 7. It changes the scale at the start and the effective rate of the linear layer, by 49 in the product. A head that needs its own learning rate is not a head that starves the network of gradient.
# - **"You divided the length and the value together, so it may take both."** In the evidence, yes. The other runs cover it: with 7 times the length alone the average trains at the same rates, a seventh of it alone does not help max, and in the live slice the value alone, divided, is enough.
# - **"Effective density counts channels, not cells."** It counts all numbers of the gradient, (C, H, W). Cell by cell within one channel at the pool it is 1/49; one block back cells and channels are mixed by the same convolution.
# - **"Random weights, two photographs."** For what a convolution does to sparsity that is enough, and it is stable over seeds and depths. For trained networks the small ones disagree, and the table says so: a ResNet-20 trained with max keeps a sparser gradient.
# - **"The noise test favours max because of its learning rate."** It may. The rates differ, and no run here separates rate and pool. That is why G6 rests on the comparison with equal weights.
# - **"Global max pooling is rare, so it must be bad."** It is common where presence matters more than amount: weakly supervised detection, text and audio tagging. The choice is about the statistic.

# %% [markdown]
# ## Verdicts

# %% name="verdicts" tags=["remove-input"]
trial.table()

# %% [markdown]
# ## Say it in the interview

# %% name="thirty-seconds" tags=["remove-input"]
say(f"""
**In 30 seconds.** "At the pool it is true: average pooling gives every cell 1/49, max pooling gives one cell everything. One residual block further back it is nearly gone, because a thousand channels have their maxima in different cells and the convolution adds them up: in a random ResNet-50 we measure an effective
density of {effective["max"][:, 1].mean():.0f} % against {effective["gap"][:, 1].mean():.0f} %. What a max head really brings is a larger pooled value, which the linear layer answers with a lower stable learning rate. Divide it by 7 and it trains at rates where the average fails, with the same sparse gradient. I would
choose between them by what they *measure*: how much, or how strong at best."

**In 2 minutes.** "Both gradients sum to one at the pool; max's is seven times as long, and the ratio grows on the way down, to {ratio[:, -1].mean():.0f} at the stem of a ResNet-50, because the ReLU in front of the pool masks {raw.masked:.0%} of the cells and takes their 1/49 along. So lower layers are not starved; if anything they get more. At the
stem, with random weights, the two densities differ by at most {max(gaps.values()):.1f} points, from 18 to 152 layers; in the ResNet-20 that we trained, max stays sparser all the way. In training I keep three things apart. Length: multiply the average's gradient by 7, and it trains at the same rates; divide max's by 7, no help. Sparsity: max(x)/7 is as sparse and bears a constant rate of 0.3, where the average has stopped learning. Value: max's pooled vector has {np.mean(list(squares.values())):.0f} times the squared length, and that
is the curvature that the classifier sees. With tuned rates the average led by {tuned_gap["resnet20"].mean():.1f} points on our ResNet-20 and by {tuned_gap["resnet8"].mean():.1f} on ResNet-8; SENet's ablation has 0.3 points. Where averaging is really steadier is the direction under noise at the pool, cosine 1 against {at_pool.mean():.2f}; at the stem, with equal weights, the lead is
{advantage["random"].mean():.2f} or less, and a network trained with max was the steadier one. And they forget different things: the max does not see amount, the mean does not see a peak."
""")

# %% [markdown]
# ### Five follow-ups
#
# Answer aloud before you unfold.

# %% name="follow-ups" tags=["remove-input"]
figures.answers(
    {
        "If only one cell per channel gets gradient, how can the whole map of the block before be reached?": "Each of C channels picks its own cell. On the way back a convolution adds all channels up in every cell of its window, so the pattern of one channel disappears in the sum; batch norm in training mode spreads it even before, since it subtracts a mean over all cells. The identity path alone keeps the sparse pattern, as one summand.",
        "Which pool sends more gradient to the stem?": f"Max. The sums are equal at the pool's input, but the average's shares on masked cells are lost at the ReLU and its length is a seventh. In a random ResNet-50 the stem's gradient is {ratio[:, -1].mean():.0f} times as long with max; in EfficientNet-Lite0, with the pool swapped, {lite_ratio[-1]:.0f} times as long in blocks.2.",
        "Your max head diverges where an average head trains. What do you try first?": "Scale, then rate: divide the pooled value by a constant near the ratio of the two vectors' lengths, or put a normalisation before the classifier, or give the classifier a lower rate; or warm up. Dividing the gradient into the backbone alone does not help in our runs.",
        "Where does GeM stand between them?": f"At p = 1 it is the average, for large p the maximum. At its usual p = 3 about {at_three:.0f} of 49 cells shared the gradient of one trained channel here; cells that the ReLU silenced get none for any p above 1. Its p can be learned.",
        "How would you test that a head really averages?": "By value, against an independent formula: out == x.mean(dim=(2, 3), keepdim=True) on random input. Shape, finiteness and a falling loss all hold for max pooling as well; a textbook shipped that mistake for over a year.",
    }
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# 1. **ex-5-1, predict.** At 448 px, what are the two gradients' L2 norms at the pool's input for one channel, and their ratio? Then run the cell `at-the-pool` on a larger photograph.
# 2. **ex-5-2, derive.** Show that the gradient of log-sum-exp sums to 1 for every $r$, and that GeM's sums to at most 1 for $p \ge 1$. When is it equal?
# 3. **ex-5-3, implement.** Write `lse_pool(x, r)` for `(N, C, H, W)` so that it neither overflows at $r = 1000$ nor loses the mean at $r = 10^{-3}$; test both ends against `mean` and `amax` in float64.
# 4. **ex-5-4, debug.** A colleague shows that one block back 100 % of max's gradient numbers are not zero, and concludes that sparsity is gone. Build a gradient with density 1 and effective density below 0.01, and say which number he should have shown.
# 5. **ex-5-5, judge.** Train ResNet-20 with `max(x) / 7`, its rate tuned for that head and network, on 10,000 garments with three seeds. Does the average still lead, and what follows for G4?
#
# ## What was shown
#
# Max pooling's gradient is sparse at the pool. One block back it is dense, with random weights and in the ImageNet network; a small network trained with max keeps it sparser throughout. It is longer than the average's, and steadier or less steady as the weights have it. The trouble that max heads have with
# high learning rates is real, and it sits in the size of the pooled value. Average pooling is a good default for what it measures, not for a gradient that it rescues.
