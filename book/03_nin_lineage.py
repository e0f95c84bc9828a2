# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Chapter 3 of five interview answers on trial: whose head ResNet really has, a census of 80 classifiers, Network in Network's control repeated with seeds, and gradients by depth with and without shortcuts."
# ---

# %% [markdown]
# # Did ResNet get its pooling from Network in Network?
#
# The third answer is a story: *ResNet took global average pooling from Network in Network, which had shown that it regularises;
# ResNet confirmed it; and its smooth gradient, with the residual connections, keeps very deep networks stable.* Half of it is history, which papers
# can settle. The other half is about gradients and training, which can be measured.
#
# **You will** build three heads and prove the identity between them, inspect all 80 classifiers of torchvision without trusting a name, repeat NIN's own
# control, measure gradients down to 110 layers, and see each position of a photograph vote for a class.
# **You need** 1x1 convolutions, back-propagation and batch norm. **It takes** a minute to run.
#
# **NIN** is Network in Network (Lin, Chen, Yan 2014). **GAP** is global average pooling. A **class map** is a feature map that stands for one
# class. A **head** is everything behind the last feature map.

# %% name="imports"
from contextlib import ExitStack
from functools import partial

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gaplab import census, claims, counting, data, device, evidence
from gaplab import figures, models, training, weights
from gaplab.claims import CAVEATS, FAILS, mean_spread
from gaplab.figures import say, show

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
# Choose before you read on.

# %% name="predict" tags=["hide-input"]
from gaplab.widgets import Choice, Predictions, Question

predict = Predictions(
    [
        Question("NIN, GoogLeNet and ResNet all end in an average. How many of the other two have ResNet's head, average and then one linear layer?",
                 [Choice("neither", 0, 1), Choice("one", 1, 2), Choice("both", 2, 3)], 1, "real-heads-table"),
        Question("Of torchvision's 80 classifiers, how many end as NIN does: one map for each class, then the average?",
                 [Choice("none", 0, 1), Choice("two", 2, 3), Choice("about twenty", 15, 30)], 1, "census-all"),
        Question("A plain network of 110 layers with batch norm, no shortcuts, not trained. From the last block back to the first, what does the gradient do?",
                 [Choice("it vanishes", -100, -1), Choice("it stays within a factor of ten", -1, 1), Choice("it explodes", 1, 100)], 2, "gradients-table"),
        Question("Replace the average by a maximum, at the same 14 constant learning rates and depths. In how many runs more does the loss blow up?",
                 [Choice("none", 0, 1), Choice("about six", 3, 9), Choice("all of them", 13, 15)], 1, "stability"),
    ]
)  # fmt: skip
predict

# %% [markdown]
# ## Three heads, side by side
#
# The same last map, three endings. In NIN the last convolution makes one map for each class, and its average *is* the score. GoogLeNet and ResNet average first and
# put a linear layer behind.

# %% name="heads"
class_maps = nn.Conv2d(512, 1000, kernel_size=1, device=where)
linear = nn.Linear(512, 1000, device=where)


def nin_head(x):
    return F.relu(class_maps(x)).mean(dim=(2, 3))


def googlenet_head(x, training=False):
    return linear(F.dropout(x.mean(dim=(2, 3)), 0.2, training))


def resnet_head(x):
    return linear(x.mean(dim=(2, 3)))


x = torch.randn(1, 512, 7, 7, device=where)
assert nin_head(x).shape == resnet_head(x).shape == (1, 1000)
assert torch.equal(googlenet_head(x), resnet_head(x))  # dropout sleeps at test time

# %% [markdown]
# Do the real networks do that? Here are a trained NIN of this book on garments, and torchvision's GoogLeNet and ResNet-50 on a photograph. Each line below is a head, applied to
# the network's own last map, and must give the network's own logits.

# %% name="real-heads"
nin = weights.load("nin-gap-s0")
googlenet = torchvision.models.googlenet(aux_logits=False, init_weights=False).to(where).eval()
resnet50 = models.torchvision_resnet("resnet50").eval()
cat = data.photograph("chelsea").tensor
garment = data.normalise(data.stratified("test", 10)[0])
with torch.no_grad():
    seen = {"NIN": models.parts(nin, garment)}
    seen |= {
        "GoogLeNet": models.parts(googlenet, cat),
        "ResNet-50": models.parts(resnet50, cat),
    }
    own = {name: part.feature_map.mean(dim=(2, 3)) for name, part in seen.items()}
    close = {"rtol": 1e-3, "atol": 5e-3}  # a GPU may round to TF32
    torch.testing.assert_close(own["NIN"], seen["NIN"].logits, **close)
    torch.testing.assert_close(
        googlenet.fc(own["GoogLeNet"]), seen["GoogLeNet"].logits, **close
    )
    torch.testing.assert_close(resnet50.fc(own["ResNet-50"]), seen["ResNet-50"].logits, **close)
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
# Read the second and third column together: NIN has ten maps because it has ten classes. GoogLeNet has 1024 and ResNet-50 has 2048 for the same 1000 classes.

# %% [markdown]
# ### The identity that ties them
#
# Averaging is linear, and so is a 1x1 convolution. So they can change places: **a linear layer behind the average gives the same logits as the average behind
# a 1x1 convolution with the same weights**,
#
# $$W \, \overline{x} + b \;=\; \overline{W x + b} \, ,$$
#
# where the bar is the mean over the positions. The left side is ResNet's head. The right side is NIN's, but for one thing.

# %% name="identity"
exact = {"device": "cpu", "dtype": torch.float64}  # Apple's GPUs have no float64
fc, conv = nn.Linear(512, 1000, **exact), nn.Conv2d(512, 1000, kernel_size=1, **exact)
conv.weight.data, conv.bias.data = fc.weight.data[:, :, None, None], fc.bias.data
x = torch.randn(1, 512, 7, 7, generator=torch.Generator().manual_seed(0)).to(**exact)
with torch.no_grad():
    behind = fc(x.mean(dim=(2, 3)))  # ResNet: average, then linear
    maps = conv(x)  # one map a class
    difference = float((maps.mean(dim=(2, 3)) - behind).abs().max())
    with_relu = float((maps.relu().mean(dim=(2, 3)) - behind).abs().max())
    one = behind.softmax(dim=1)
    each = maps.softmax(dim=1).mean(dim=(2, 3))
    largest = float((each / one - 1).abs().max())
assert difference < 1e-14
print(f"linear behind the average = average behind 1x1 convolution: {difference < 1e-5}")

# %% name="identity-words" tags=["remove-input"]
assert with_relu > 0.1
assert largest > 0.01
say("""
In float64 the two sides agree to the last digits. Two things do not commute with the average. NIN's last layer has a **ReLU** on its class maps: with it, positions that speak against a class are cut off before they
can be averaged. And **softmax** of the averaged scores is not the average of the positions' softmaxes. So ResNet's head is NIN's without the ReLU, computed in the cheaper order:
1000 scores once, where NIN makes them at each of the 49 positions.
""")

# %% [markdown]
# ### What the extra layer buys
#
# First, freedom of width. Change the number of classes and see which tensors change shape.


# %% name="new-classes"
def changed(build):
    """Return the names of the weights whose shapes differ between 10 and 1000 classes."""
    few, many = (build(classes).state_dict() for classes in (10, 1000))
    return [key for key in many if few[key].shape != many[key].shape]


print("NIN:", changed(lambda classes: models.nin(classes=classes)))
print("ResNet-50:", changed(lambda classes: counting.classifier("resnet50", classes)))

# %% [markdown]
# In both it is one layer, so NIN can be adapted to new classes too. The difference is what stands in front of it. What NIN averages *is* the class scores; throw them away and no pooled
# vector is left, only a map that nobody has averaged. In ResNet a vector of 2048 numbers is left, ready to be read by another layer. Second, then, reuse. The ImageNet network
# below has never seen Fashion-MNIST. Nothing in it is trained; one linear layer is fitted to its pooled vectors, in closed form.


# %% name="new-task"
def pooled(network, garments):
    """Return the pooled vectors of garments, enlarged to 64 px and coloured as ImageNet's pictures."""
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in (data.IMAGENET_MEAN, data.IMAGENET_STD)
    )
    pictures = (data.resize(garments, 64).repeat(1, 3, 1, 1) / 255 - mean) / std
    with torch.no_grad():
        batches = [models.parts(network, b.to(where)).pooled.cpu() for b in pictures.split(50)]
    return torch.cat(batches)


photo_network = weights.photo_network()
(few, few_labels), (test, labels) = data.stratified("train", 200), data.stratified("test", 200)
vectors, test_vectors = pooled(photo_network, few), pooled(photo_network, test)

# %% name="new-task-fit" tags=["nbval-ignore-output"]
centre = vectors.mean(dim=0)
x, y = vectors - centre, F.one_hot(few_labels, 10).float() - 0.1
weight = torch.linalg.solve(x.T @ x + 10 * torch.eye(x.shape[1]), x.T @ y)  # ridge regression
right = ((test_vectors - centre) @ weight).argmax(dim=1) == labels
new_task = 100 * float(right.float().mean())
print(f"{new_task:.0f} % of {len(labels)} garments right from {len(few)} examples, one new layer of {weight.numel():,} weights")  # fmt: skip
assert new_task > 65

# %% [markdown]
# That is what a linear layer behind the average is good for: the backbone stays as it is, and a new task is a new matrix. GoogLeNet's paper gives the same reason for it, and adds that this is mostly for convenience and that no large effect is expected.
#
# ## In the papers' own words
#
# | paper | what it says of its head |
# |---|---|
# | NIN (Lin, Chen, Yan 2014) | Proposes GAP as a **structural regulariser**, and says that it "sums out the spatial information, thus it is more robust to spatial translations" |
# | GoogLeNet (Szegedy and others 2015) | Averages after NIN, **plus an extra linear layer**. Moving from fully-connected layers to average pooling "improved the top-1 accuracy by about 0.6%, however the use of dropout remained essential" |
# | ResNet (He and others 2016) | "ends with a global average pooling layer and a 1000-way fully-connected layer with softmax". That is all, and a second sentence of the kind for CIFAR. No dropout, **and no argument for the head** |
#
# So two of the three argue for the average, and both have numbers. ResNet takes it over without a word.

# %% [markdown]
# ## A census of 80 classifiers
#
# Who else has this head? Names do not answer that: torchvision's VGG has a module `avgpool`, and flattens what it gives. The census follows each network's logits *back* through the graph that PyTorch keeps for
# gradients, until it meets the step that ends the spatial axes. On the meta device that costs no memory. This is the walk for ResNet-18, by hand:

# %% name="walk"
logits = counting.classifier("resnet18")(torch.empty(1, 3, 224, 224, device="meta"))
step = logits.grad_fn
while "Mean" not in step.name():
    print(step.name())
    # the data, not the weights: those are leaves, transposed (T) or accumulated
    step = next(s for s, _ in step.next_functions if s.name()[:2] not in ("TB", "to"))
print(step.name(), "averages", counting.last_map("resnet18").side(224) ** 2, "positions")

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
light = everyone[everyone["head"] == census.GAP_LINEAR]
say(f"""
{averaging} of {len(everyone)} average. {counts[census.GAP_LINEAR]} have ResNet's head, which is GoogLeNet's; {counts[census.CLASS_MAPS]} have NIN's, both of them SqueezeNets. An average is no promise of a light head: it holds
{100 * light["head_share"].min():.1f} % of the parameters in {light["head_share"].idxmin()} and {100 * light["head_share"].max():.0f} % in {light["head_share"].idxmax()}, because the matrix stays when the body shrinks.
The accuracies are no comparison of heads: bodies, recipes and years differ with them. They are those of the weights `IMAGENET1K_V1`, except {" and ".join(everyone.index[everyone["weights"] != "IMAGENET1K_V1"])}, which have only weights
pre-trained on other pictures.
""")

# %% name="census-exceptions" tags=["remove-input", "exact"]
vgg, squeeze = everyone.loc["vgg16"], everyone.loc["squeezenet1_1"]
attending = everyone[everyone["attention"]]
full = sum(p.numel() for p in torchvision.models.googlenet(init_weights=False).parameters())
extra = 100 * (1 - everyone.loc["googlenet", "parameters"] / full)
figures.answers(
    {
        "AlexNet, VGG: flatten": f"They are older than the habit. torchvision puts an adaptive average to 6 x 6 or 7 x 7 before the flattening, which is an average and not a global one: {vgg['positions']} positions still have weights of their own, and {100 * vgg['head_share']:.0f} % of VGG-16's parameters lie there.",
        "SqueezeNet: NIN's head": f"A 1x1 convolution makes {1000} class maps, ReLU, average, nothing behind. The weights have not gone: the convolution holds {100 * squeeze['head_share']:.0f} % of SqueezeNet 1.1, as many as ResNet's linear layer on 512 channels. By the identity they are the same 513,000 numbers.",
        "MobileNetV3, MaxViT: a hidden layer behind the average": f"Cheap in multiply-adds, because it runs once and not at every position, and dear in parameters: {100 * everyone.loc['mobilenet_v3_large', 'head_share']:.0f} % of MobileNetV3-Large.",
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

# %% name="family"
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
# The long lane in the middle begins in 2014 with GoogLeNet. ResNet joins it a year later.

# %% name="record-n1" tags=["hide-input"]
predict.settle(
    1, sum(found[name][:2] == found["ResNet-50"][:2] for name in ("NIN", "GoogLeNet"))
)
predict.settle(2, (everyone["head"] == census.CLASS_MAPS).sum())
assert found["NIN"].kind == census.CLASS_MAPS
assert found["ResNet-50"].kind == found["GoogLeNet"].kind == census.GAP_LINEAR
trial.record(
    "N1", CAVEATS, found["ResNet-50"].layers, "linear layer stands behind ResNet-50's average, as in GoogLeNet; in NIN none does",
    stands_if=(1, 1), cell="real-heads-table",
    because="The average in place of the big fully-connected layers is NIN's idea. The head that ResNet has, average and then one linear layer, is GoogLeNet's change of it, so ResNet still ends in a fully-connected layer.",
)  # fmt: skip

# %% name="record-n3" tags=["hide-input"]
depths = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
trial.record(
    "N3", FAILS, everyone.loc[depths, "head"].nunique(), "kind of head in the five ImageNet ResNets of the paper",
    stands_if=(1, 1), cell="census-all",
    because="All of them have the same head and the paper describes no run with another, so its results cannot tell what the head contributes. That ResNet won with GAP shows that GAP does not stand in the way.",
)  # fmt: skip

# %% [markdown]
# ## NIN's control, repeated with seeds
#
# NIN did test its claim. One conventional CNN makes ten class maps for CIFAR-10; behind them come a linear layer, dropout and a linear layer, or the average alone. We repeat it small, on Fashion-MNIST, with five seeds and the learning
# rate chosen for each head. It costs minutes, so the runs are stored; one of them is repeated here, live.

# %% name="live-control" tags=["nbval-ignore-output"]
tuned = evidence.load("nin_tuning").query("network == 'control_cnn'")
row = tuned.query("head == 'gap' and lr == 0.003 and seed == 100").iloc[0]
small = data.stratified("train", 2000)
network = models.control_cnn("gap", seed=100)
history = training.fit(network, small, epochs=8, lr=0.003, seed=100, label="NIN's control, GAP")
again = 100 * training.accuracy(network, small)
print(f"accuracy on its 2,000 training images: {again:.1f} %, in the table {100 * row['train_accuracy']:.1f} %")  # fmt: skip
assert abs(again - 100 * row["train_accuracy"]) < 6

# %% name="control"
control = evidence.load("nin_control")
control["error"] = 100 - 100 * control["test_accuracy"]
control["gap"] = 100 * (control["train_accuracy"] - control["test_accuracy"])
by_head = {head: rows.set_index("seed") for head, rows in control.query("network == 'control_cnn'").groupby("head")}  # fmt: skip
nin_runs = control.query("network == 'nin'")
for head, rows in by_head.items():
    print(f"{head}: error {mean_spread(rows['error'])} %, train/test gap {mean_spread(rows['gap'])} points")  # fmt: skip
assert by_head["gap"]["error"].min() > by_head["fc_dropout"]["error"].max() > by_head["fc"]["error"].max()  # fmt: skip

# %% name="control-table" tags=["remove-input"]
PUBLISHED = {"fc": "17.56", "fc_dropout": "15.99", "gap": "16.46"}
LABELS = {"fc": "linear layer", "fc_dropout": "dropout, linear layer", "gap": "average alone"}
figures.table(
    pd.DataFrame(
        [
            {
                "behind ten class maps": LABELS[head],
                "NIN, CIFAR-10": f"{PUBLISHED[head]} %",
                "ours": f"{mean_spread(by_head[head]['error'])} %",
                "ours, training": f"{mean_spread(100 - 100 * by_head[head]['train_accuracy'])} %",
                "gap": f"{mean_spread(by_head[head]['gap'])}",
            }
            for head in PUBLISHED
        ]
    ),
    caption="Test error as NIN's paper has it and as we find it (five seeds, Fashion-MNIST, 10,000 images, 5 epochs), our training error, and the difference in points.",
)

# %% name="control-words" tags=["remove-input"]
weights_saved = int(by_head["fc"]["parameters"].iloc[0] - by_head["gap"]["parameters"].iloc[0])
stuck = tuned.query("head == 'gap' and lr == 0.03")["validation_accuracy"].min()
best = tuned.groupby(["head", "lr"])["validation_accuracy"].mean().groupby("head").idxmax()
say(f"""
**Our result contradicts NIN's ordering.** In NIN's control the average beats the linear layer and loses to dropout. In ours it is last, with about twice the error of the others.

What the numbers do show: the average has by far the smallest gap between training and test, {mean_spread(by_head["gap"]["gap"])} points against {mean_spread(by_head["fc"]["gap"])}. That is what a regulariser does. But its *training* error is
{mean_spread(100 - 100 * by_head["gap"]["train_accuracy"])} %. A head that cannot fit the training set cannot overfit it, and a small gap alone is no merit: here regularising reads as underfitting. Nor is it the number of weights, of which the average saves {weights_saved:,} in
{by_head["fc"]["parameters"].iloc[0]:,}.

What they do not show: that GAP on class maps stays behind. Five epochs are short, and this head is slow: its best rate, {best["gap"][1]}, is a tenth of the others' {best["fc"][1]}; at {best["fc"][1]} one of its two tuning runs ended at {100 * stuck:.0f} %. NIN's runs were long, on colour pictures,
with another network. That control is of a conventional network; on its own the paper has the average ahead of both, in figures that we could not check and leave out. The NIN of this book, a quarter of the paper's width, ends at
{mean_spread(nin_runs["error"])} % with seeds far apart: five epochs are too few for it, and it decides nothing. ResNet's form, the average with a linear layer, is another matter: chapter 1 trains it against a flattened head.
""")

# %% name="record-n2" tags=["hide-input"]
narrower = by_head["fc"]["gap"] - by_head["gap"]["gap"]
worse = by_head["gap"]["error"] - by_head["fc"]["error"]
trial.record(
    "N2", CAVEATS, narrower.to_dict(), "points by which the average narrows the train/test gap of the linear layer",
    stands_if=(0.5, 20), cell="control",
    because=f"NIN proposed both, and its own control has GAP ahead of a linear layer (16.46 against 17.56 %) but behind dropout (15.99 %) on a conventional network, and ahead of both on NIN's own, in figures not checked here. In ours the gap narrows while the test error grows by {mean_spread(worse)} points: a constraint, not a free gain.",
)  # fmt: skip

# %% [markdown]
# ## Do residual connections solve vanishing gradients?
#
# Four kinds of network, with and without shortcuts, with and without batch norm, all with He's initialisation and a GAP head. One batch goes forward and back through the untrained network. We note the gradient of the loss
# with respect to each block's output. This is the measurement, live on a plain network of 56 layers:


# %% name="block-gradients"
def block_gradients(network, images, labels):
    """Return the mean norm of an image's loss gradient at each block's output, first block first."""
    outputs = []

    def keep(_, __, output):
        output.retain_grad()
        outputs.append(output)

    with ExitStack() as hooks:
        for block in network.modules():
            if isinstance(block, models.BasicBlock):
                hooks.enter_context(models.hooked(block, keep))
        F.cross_entropy(network(images), labels).backward()
    return [len(images) * float(out.grad.flatten(1).norm(dim=1).mean()) for out in outputs]


batch, batch_labels = data.stratified("train", 60)
live = block_gradients(models.build("plain56"), data.normalise(batch), batch_labels.to(where))

# %% name="gradients"
table = evidence.load("gradients")


def by_block(kind, depth, column="activation_gradient"):
    """Return one row a seed, one column a block."""
    chosen = table.query("kind == @kind and depth == @depth")
    return chosen.pivot(index="seed", columns="block", values=column)


stored = by_block("plain", 56).loc[0].to_numpy()
assert np.allclose(live, stored, rtol=0.1)  # the slice agrees with the table
KINDS = list(figures.NETWORK_STYLE)
first_to_last = {(kind, depth): (f := by_block(kind, depth)).iloc[:, 0] / f.iloc[:, -1] for kind in KINDS for depth in (20, 56, 110)}  # fmt: skip

# %% name="gradients-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 3, figsize=(8.6, 3.6), sharey=True)
for ax, depth in zip(panels, (20, 56, 110), strict=True):
    figures.depth_curves({kind: by_block(kind, depth).to_numpy() for kind in KINDS}, ax, xlabel=f"block ({depth} layers)")  # fmt: skip
panels[0].set_ylabel("gradient norm")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)  # fmt: skip
orders = {key: np.log10(ratio) for key, ratio in first_to_last.items()}
show(
    figure, name="fig-gradients",
    alt=f"Gradient norm by block for 20, 56 and 110 layers on a logarithmic axis. At 110 layers, from the last block to the first: plain with batch norm grows by {orders['plain', 110].mean():.0f} orders of magnitude, "
    f"residual with batch norm by {orders['residual', 110].mean():.1f}, plain without batch norm falls by {-orders['plain without batch norm', 110].mean():.1f}.",
    caption="Norm of the loss gradient at each block's output, untrained networks with a GAP head: median of five seeds, band from lowest to highest. Back-propagation runs from right to left.",
)  # fmt: skip

# %% name="gradients-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {"network": kind}
            | {f"{d} layers": mean_spread(orders[kind, d], 2) for d in (20, 56, 110)}
            for kind in KINDS
        ]
    ),
    caption="Orders of magnitude (powers of ten) by which the gradient at the first block exceeds that at the last: five seeds. Negative: it vanishes on the way back.",
)

# %% name="gradients-words" tags=["remove-input"]
vanished = first_to_last["plain without batch norm", 110]
first, last = (by_block("plain", 110, "weight_gradient").iloc[:, i] for i in (0, -1))
say(f"""
Read each curve from right to left. **Nothing vanishes where there is batch norm.** The plain network with batch norm does the opposite: going back through 110 layers, the gradient grows
by {mean_spread(orders["plain", 110], 2)} orders of magnitude, and the gradients of the blocks' weights grow by {mean_spread(np.log10(first / last))}. Batch norm itself does that: Yang and others (2019) derive that it makes gradients explode with depth at initialisation in networks without shortcuts. The one network whose gradient shrinks is the plain one
*without* batch norm, and mildly: with He's initialisation a factor of {1 / vanished.mean():.0f} over 110 layers. Shortcuts do matter: with batch norm they cut the growth to a factor of {first_to_last["residual", 110].mean():.0f}.
That is about as far from even as the plain network without batch norm is, on the other side. Shortcuts without batch norm are no cure, and explode as well.
""")

# %% [markdown]
# The ResNet paper agrees with the direction. Vanishing gradients, it says, have been "largely addressed" by normalised initialisation and intermediate normalisation, and the trouble of its plain networks is "unlikely to be caused by vanishing gradients".
# What it sets out to solve is *degradation*: a deeper plain network has a higher **training** error. It does not claim that shortcuts cure vanishing. It also reports healthy backward norms with batch norm; our plain 20-layer network is not far from that,
# and our 56 and 110 layers are not, at initialisation. What becomes of the explosion in training was not measured here: batch norm makes a layer's output independent of the scale of its weights, so norms at the start are not yet a fate.

# %% name="record-n4" tags=["hide-input"]
predict.settle(3, orders["plain", 110].mean())
trial.record(
    "N4", FAILS, orders["plain", 110].to_dict(), "orders of magnitude by which the gradient grows, on its way back through a plain network of 110 layers with batch norm",
    stands_if=(0, 20), cell="gradients-table",
    because="There is no vanishing gradient to solve in such a network: it explodes. Shortcuts with batch norm tame that to a factor of "
    f"{first_to_last['residual', 110].mean():.0f}. Vanishing was dealt with before, by initialisation and normalisation, as the ResNet paper itself says.",
)  # fmt: skip

# %% [markdown]
# ## Does the average make very deep training more stable?
#
# The claim has two parts: the average helps, and it helps the deeper networks more. First gradients, on torchvision's own ResNets of 18, 50 and 152 layers, untrained, in training mode. One forward pass, two heads on the same last map, and the gradient
# at that map and all the way back at `layer1`.


# %% name="head-gradients"
def head_gradients(name, seed, images, labels):
    """Return gradient norms at layer1 and at the last map, under the average and under the maximum."""
    network, seen = models.torchvision_resnet(name, seed=seed).train(), {}
    with ExitStack() as hooks:
        for layer in ("layer1", "layer4"):
            keep = partial(lambda layer, _, __, output: seen.update({layer: output}), layer)
            hooks.enter_context(models.hooked(getattr(network, layer), keep))
        network(images)
    maps, norms = seen["layer4"], {}
    pools = {"gap": maps.mean(dim=(2, 3)), "max": maps.amax(dim=(2, 3))}
    for head, vector in pools.items():
        loss = F.cross_entropy(network.fc(vector), labels)
        back = torch.autograd.grad(loss, [seen["layer1"], maps], retain_graph=True)
        norms[head] = [len(images) * float(g.flatten(1).norm(dim=1).mean()) for g in back]
    return norms


# %% name="head-gradients-run"
from tqdm import tqdm

photos = ("chelsea", "coffee", "rocket", "camera")
images = torch.cat([data.photograph(name, 112).tensor for name in photos])  # a 4 x 4 last map
photo_labels = torch.arange(len(photos), device=where)
DEEP = ("resnet18", "resnet50", "resnet152")
runs = [(name, seed) for name in DEEP for seed in (0, 1, 2)]
norms = {run: head_gradients(*run, images, photo_labels) for run in tqdm(runs, leave=False)}
times = {
    name: np.array([np.divide(norms[name, seed]["max"], norms[name, seed]["gap"]) for seed in (0, 1, 2)])
    for name in DEEP
}  # fmt: skip

# %% name="head-gradients-table" tags=["nbval-ignore-output"]
at_layer1 = {n: [norms[n, s]["gap"][0] for s in (0, 1, 2)] for n in DEEP}
rows = [
    {
        "network": name,
        "average, layer1": mean_spread(at_layer1[name], 2),
        "ratio, last map": mean_spread(times[name][:, 1], 2),
        "ratio, layer1": mean_spread(times[name][:, 0], 2),
    }
    for name in DEEP
]
figures.table(
    pd.DataFrame(rows),
    caption="Gradient norms of untrained ResNets on four photographs of 112 px (last map 4 x 4), three seeds: the average's own at layer1, and the ratio of the maximum's to the average's.",
)
assert all(abs(t[:, 1].mean() - 4) < 0.5 for t in times.values())  # sqrt of 16 positions
assert times["resnet152"][:, 0].mean() < 1.3 * times["resnet18"][:, 0].mean()

# %% name="head-gradients-words" tags=["remove-input", "nbval-ignore-output"]
grown = np.mean(at_layer1["resnet152"]) / np.mean(at_layer1["resnet18"])
say(f"""
At the last map the maximum's gradient is about {times["resnet50"][:, 1].mean():.0f} times larger, the square root of the 16 positions: the same sum on one position in place of sixteen (at 224 px, on 49 positions, 7 times). Further back it is {times["resnet18"][:, 0].mean():.1f} times larger in ResNet-18
and {times["resnet152"][:, 0].mean():.1f} times in ResNet-152. **That factor does not grow with depth.** The gradient itself does, {grown:.0f}-fold from 18 to 152 layers, but under both heads alike. So the head multiplies, and depth does its work independently.
""")

# %% [markdown]
# ### Short training runs
#
# Does the head show in training? ResNet-20 and ResNet-56 were trained on 1,000 garments for 3 epochs at a constant rate without warm-up, average against maximum, seven rates, three seeds. A run counts as diverged if its last loss is above that of guessing.

# %% name="stability"
runs = evidence.load("stability")
diverged = runs.groupby(["network", "head"])["diverged"].agg(["sum", "count"])
mean_accuracy = 100 * runs.groupby(["network", "head", "lr"])["test_accuracy"].mean()
best_rate = mean_accuracy.groupby(["network", "head"]).idxmax().map(lambda key: key[2])
best_accuracy = mean_accuracy.groupby(["network", "head"]).max()
for key in diverged.index:
    lost, all_runs = diverged.loc[key]
    print(f"{' '.join(key)}: {lost} of {all_runs} runs diverged; best rate {best_rate[key]}, {best_accuracy[key]:.0f} %")  # fmt: skip

# %% name="stability-unlearned"
idle = runs[runs["test_accuracy"] < 0.2].groupby(["network", "head"]).size()
for key in idle.index:
    print(f"{' '.join(key)}: {idle[key]} of 21 runs end below 20 % accuracy")

# %% name="stability-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 2, figsize=(8.6, 3.5), sharey=True)
rates = sorted(runs["lr"].unique())
for ax, name in zip(panels, ("resnet20", "resnet56"), strict=True):
    own = runs[runs["network"] == name].groupby(["head", "lr"])["test_accuracy"]
    series = {head: [100 * own.get_group((head, rate)).to_numpy() for rate in rates] for head in ("gap", "max")}  # fmt: skip
    assert np.allclose([np.mean(r) for r in series["max"]], mean_accuracy[name, "max"])
    figures.points(rates, series, ax, xlabel=f"learning rate, {name}")
panels[0].set_ylabel("test accuracy (%)")
usable = (
    mean_accuracy[mean_accuracy > 40].reset_index().groupby(["network", "head"])["lr"].max()
)
show(
    figure, name="fig-stability",
    alt=f"Accuracy after 3 short epochs against the learning rate. The mean stays above 40 percent up to a rate of {usable['resnet20', 'gap']} for the average and {usable['resnet20', 'max']} for the maximum in ResNet-20, and up to {usable['resnet56', 'gap']} and {usable['resnet56', 'max']} in ResNet-56.",
    caption="Test accuracy after 48 steps at a constant learning rate: mean and one standard deviation of three seeds, average (gap) against maximum (max).",
)  # fmt: skip

# %% name="stability-words" tags=["remove-input"]
fewer = {
    name: int(diverged.loc[(name, "max"), "sum"] - diverged.loc[(name, "gap"), "sum"])
    for name in ("resnet20", "resnet56")
}
low = {(name, head): f"{best_accuracy[name, head]:.0f}" for name in fewer for head in ("gap", "max")}  # fmt: skip
say(f"""
The orange squares break down first: the maximum needs a rate several times lower. In {diverged.loc[("resnet20", "gap"), "sum"]} of 21 runs the average diverged at 20 layers and in {diverged.loc[("resnet56", "gap"), "sum"]} at 56; the maximum in {diverged.loc[("resnet20", "max"), "sum"]} and {diverged.loc[("resnet56", "max"), "sum"]}.
That supports the first part of the claim, though how much depends on what one counts: some runs of the average do not blow up and still learn nothing. By runs that end below 20 % accuracy it is {idle["resnet20", "gap"]} and {idle["resnet56", "gap"]} against {idle["resnet20", "max"]} and {idle["resnet56", "max"]}.

Against it stands what happens at each head's own best rate: with 20 layers the **maximum** is ahead ({low["resnet20", "max"]} to {low["resnet20", "gap"]} %), with 56 the average ({low["resnet56", "gap"]} to {low["resnet56", "max"]} %). And the maximum's best rate is the lowest that was tried,
so its true best may lie lower still and be better. The second part, "above all in very deep networks", finds no support. The highest rate with a mean above 40 % is {usable["resnet20", "gap"]} for the average and {usable["resnet20", "max"]} for the maximum at 20 layers, {usable["resnet56", "gap"]} and {usable["resnet56", "max"]} at 56: depth lowers both alike. The average saves {fewer["resnet20"]} runs from divergence at 20 layers and {fewer["resnet56"]} at 56. Forty-eight steps show what diverges, not what wins, and nothing of 101 or 152 layers was trained here.
""")

# %% [markdown]
# ### Is it the smooth gradient?
#
# The claim gives a reason: the average's gradient is even, the maximum's falls on one position in 49. That reason can be tested by itself. Take the maximum and divide it by 7. Its gradient still falls on one position; only
# the scale has changed. Chapter 5 takes such layers apart and trains them in the same way; these are its stored runs on ResNet-20.

# %% name="smooth"
both = pd.concat([runs, evidence.load("rescaled")])
VARIANTS = {"gap": "average", "max": "maximum", "max, gradient / 7": "maximum, gradient alone / 7", "max, value and gradient / 7": "maximum / 7"}  # fmt: skip
shown = both[(both["network"] == "resnet20") & both["lr"].isin([0.03, 0.1, 0.3])]
loss = {head: shown[shown["head"] == head].pivot(index="seed", columns="lr", values="final_loss") for head in VARIANTS}  # fmt: skip
assert (loss["max, value and gradient / 7"] < 1.5).all(axis=None)
assert (loss["max, gradient / 7"].mean() > 1.5).all()

# %% name="smooth-table" tags=["remove-input"]
figures.table(
    pd.DataFrame(
        [
            {"head": label} | {f"rate {rate}": mean_spread(loss[head][rate], 2) for rate in (0.03, 0.1, 0.3)}
            for head, label in VARIANTS.items()
        ]
    ),
    caption=f"Training loss of ResNet-20 in the third epoch, three seeds; guessing is {np.log(10):.2f}.",
)  # fmt: skip

# %% name="smooth-words" tags=["remove-input"]
say("""
The last row learns at every one of these rates, with a gradient as uneven as the second row's, and at the highest it is the only one that does; at the lowest the average is ahead of it. Dividing the gradient alone, in the third row, hardly helps. So it is not the smoothness of the gradient, nor its length, that lets the average bear a
higher rate than the plain maximum. The maximum hands on larger *values*, and the linear layer behind it answers with a lower stable rate; chapter 5 shows why.
""")

# %% name="record-n5" tags=["hide-input"]
lost_runs = runs.groupby(["seed", "head"])["diverged"].sum().unstack()
predict.settle(4, (lost_runs["max"] - lost_runs["gap"]).mean())
assert fewer["resnet56"] <= fewer["resnet20"]  # depth does not add to the average's lead
below = loss["gap"][0.3] - loss["max, value and gradient / 7"][0.3]
trial.record(
    "N5", FAILS, below.to_dict(), "is how far below the average's the training loss of ResNet-20 ends at rate 0.3 under max(x) / 7, whose gradient falls on one position in 49",
    stands_if=(0.1, 5), cell="smooth-table",
    because=f"The average does bear higher rates than the plain maximum: {mean_spread(lost_runs['max'] - lost_runs['gap'])} fewer of a seed's 14 short runs diverge. But its smooth gradient is not the reason: with an uneven one and a smaller pooled value still higher rates are borne, though at rate 0.03 the average is ahead by {mean_spread(loss['max, value and gradient / 7'][0.03] - loss['gap'][0.03], 2)}. And neither gradients from 18 to 152 layers nor runs at 20 and 56 show that the pool matters more in deeper networks.",
)  # fmt: skip

# %% [markdown]
# ## The average as a vote: class activation maps
#
# The identity has one more use. If the class scores can be made *before* the average, one can look at them: a map for each class that says where its score comes from. That is the class activation map (Zhou and others 2016), and
# GAP with one linear layer gives it for nothing. On real photographs, with real ImageNet weights:

# %% name="cam"
fc = models.classifier(photo_network)


def votes(photograph, category):
    """Return what each position adds to a class's logit, (H, W), and the logit itself."""
    with torch.no_grad():
        seen = models.parts(photo_network, data.photograph(photograph).tensor)
    x, w = seen.feature_map[0].cpu().double(), fc.weight[category].detach().cpu().double()
    height, width = x.shape[1:]
    vote = torch.einsum("c,chw->hw", w, x) / (height * width)
    return vote, float(seen.logits[0, category]), float(fc.bias[category].detach())


# %% name="cam-sums" tags=["nbval-ignore-output"]
top = {}
for name in data.PHOTOGRAPHS:
    with torch.no_grad():
        logits = photo_network(data.photograph(name).tensor)[0]
    top[name] = int(logits.argmax())
    vote, logit, bias = votes(name, top[name])
    label = photo_network.categories[top[name]]
    print(f"{name}: {label}: {vote.numel()} votes {float(vote.sum()):.3f} + bias {bias:.3f} = {logit:.3f}")  # fmt: skip
    assert abs(float(vote.sum()) + bias - logit) < 0.02  # float32 rounding, or TF32 on a GPU

# %% name="cam-figure" tags=["hide-input"]
figure, panels = figures.plt.subplots(1, 6, figsize=(8.8, 1.9))
maps = {name: votes(name, top[name])[0].numpy() for name in data.PHOTOGRAPHS}
edge = max(np.abs(m).max() for m in maps.values())
for ax, (name, cam) in zip(panels, maps.items(), strict=True):
    grey = data.photograph(name).picture.mean(axis=2) // 16 * 16  # 16 greys keep the file small
    ax.imshow(grey, cmap="gray", extent=(0, 7, 7, 0))
    steps = np.round(cam / edge, 2) * edge
    image = ax.imshow(steps, cmap="RdBu_r", vmin=-edge, vmax=edge, alpha=0.6, extent=(0, 7, 7, 0))  # fmt: skip
    ax.set_title(photo_network.categories[top[name]], fontsize=9)
    ax.set_axis_off()
figure.colorbar(image, ax=panels, label="vote (logit)", shrink=0.9)
highest = {name: np.sort(m, axis=None)[:-11:-1].sum() / m.sum() for name, m in maps.items()}
show(
    figure, name="fig-cam",
    alt=f"Six grey photographs, each under the votes of its 7 x 7 positions for the class named above it. The ten highest of 49 positions cast {highest['chelsea']:.0%} of the vote for the cat, and {highest['coffee']:.0%} of that for the cup of espresso.",
    caption="EfficientNet-Lite0 on six photographs: each position's vote for the class with the highest logit. Red is for, blue against; the 49 votes and the bias add up to the logit.",
)  # fmt: skip

# %% [markdown]
# The red cells are where the class is read off. It is no saliency method with its own assumptions: the network's answer *is* this sum. What it does not tell is what a cell has seen, since each cell's receptive field reaches over most of the photograph.
#
# ## Try it: every position votes
#
# Choose a photograph and a class, point at a position, and compare the average with the maximum. Under the maximum only the winners of each channel vote.


# %% name="vote-arrays"
def voted(name):
    """Return a photograph with its votes: for the top five classes and for one wrong one."""
    picture, tensor = data.photograph(name)
    with torch.no_grad():
        seen = models.parts(photo_network, tensor)
    order = seen.logits[0].argsort(descending=True)
    chosen = torch.cat([order[:5], order[500:501]])
    w, x = fc.weight[chosen].detach().cpu().double(), seen.feature_map[0].cpu().double()
    winner = F.one_hot(x.flatten(1).argmax(dim=1), x[0].numel()).view_as(x)  # a 1 a channel
    average = torch.einsum("kc,chw->khw", w, x) / x[0].numel()
    maximum = torch.einsum("kc,chw->khw", w, x * winner)
    labels = [photo_network.categories[c] for c in chosen]
    bias = fc.bias[chosen].detach().cpu().numpy()
    return name.removesuffix("_left"), picture, labels, bias, average.numpy(), maximum.numpy()


# %% name="vote-explorer" tags=["hide-input", "nbval-ignore-output"]
from gaplab.widgets import VotedPhotograph, VoteExplorer

VoteExplorer(
    [VotedPhotograph(*voted(name)) for name in ("chelsea", "coffee", "rocket", "camera")]
)

# %% [markdown]
# ## Your turn
#
# With a running kernel: any photograph, any of its first classes, two networks, and the layer to read. At the last map the votes add up to the logit. At earlier layers no linear classifier reads the map, so Grad-CAM (Selvaraju and others 2017) stands in: each channel weighted by its mean gradient. Its map adds up to nothing in particular.

# %% name="your-turn-imports" tags=["hide-input"]
import ipywidgets

from gaplab.turn import your_turn

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
    return category, float(logits[category].detach()), weighted.sum(dim=1)[0].detach().cpu()


# %% name="look" tags=["hide-input"]
def look(network, photograph, rank, layer):
    """Draw the map of a class, and print what it adds up to."""
    model, (picture, tensor) = weights.photo_network(network), data.photograph(photograph)
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
    adds="choose the photograph, the class, the network and the layer",
    network=ipywidgets.Dropdown(description="network", options=weights.PHOTO_NETWORKS),
    photograph=ipywidgets.Dropdown(
        description="photo", options=data.PHOTOGRAPHS, value="chelsea"
    ),
    rank=ipywidgets.BoundedIntText(description="class rank", value=1, min=1, max=1000),
    layer=ipywidgets.Dropdown(description="layer", options=list(BACK)),
)

# %% [markdown]
# ## Cross-examination
#
# - **"You call it GoogLeNet's head, but the idea is NIN's."** Yes, and GoogLeNet's paper says so. The claim names the idea *as* the replacement of fully-connected layers, and ResNet has one. By the identity the step from one to the other is a ReLU and an order of operations.
#   It is small in algebra and large in use: almost every averaging network of the census went that way, and two went NIN's.
# - **"Your control is not NIN's control."** Right: other data, another network (a convolution where NIN has a locally connected layer), grey pictures, five epochs. It cannot refute NIN. It shows that NIN's ordering is not a law of heads, and that a small train/test gap can be had by fitting badly.
# - **"Gradients at initialisation are not training."** Right. They answer the claim as it is put, that there is a vanishing gradient and shortcuts remove it. Degradation, the paper's real subject, shows in training error, and was not repeated here.
# - **"Plain networks without batch norm do vanish, so the claim holds for them."** With He's initialisation, mildly; a smaller initial scale would shrink the gradient by its factor at every layer. But ResNet is not compared with those: its plain twins have batch norm.
# - **"The runs had no warm-up and no tuning of momentum."** Right, and warm-up would save the maximum some of its runs. That is the point: what separates the heads is for the most part a scale, which chapter 5 finds in the pooled value, and a recipe can absorb a scale. SENet's ablation of its squeeze, a different place in the network, finds maximum and average close: 22.57 and 22.28 % error.
# - **"A class activation map shows what the network looks at."** It shows where the last map's evidence stands. With a receptive field of nearly the whole picture that is not the same.

# %% [markdown]
# ## Verdicts

# %% name="verdicts" tags=["remove-input"]
trial.table()

# %% [markdown]
# ## Say it in the interview

# %% name="thirty-seconds" tags=["remove-input"]
say(f"""
**In 30 seconds.** "Averaging in place of big fully-connected layers is NIN's idea, but NIN averages one map per class and has nothing behind. ResNet's head, average and then one linear layer, is GoogLeNet's. The two forms are one identity apart, and the linear one frees the width.
The ResNet paper states its head in a sentence and never ablates it. And it says itself that vanishing gradients are unlikely to be the cause: with batch norm, plain networks explode at initialisation rather than vanish."

**In 2 minutes.** "A linear layer behind the average equals the average of a 1x1 convolution, so ResNet's head is NIN's without the ReLU on the class maps, in the cheaper order. That also gives class activation maps. Of torchvision's {len(everyone)} classifiers {counts[census.GAP_LINEAR]} have GoogLeNet's head, {counts[census.CLASS_MAPS]} NIN's; the others flatten,
put a hidden layer behind, or read a class token. On regularisation, NIN's control on a conventional network has GAP at 16.46 % error between a linear layer's 17.56 and dropout's 15.99; on NIN's own network GAP is ahead of both. GoogLeNet gained 0.6 % and still needed dropout. In a small repeat of ours GAP on class maps had the smallest train/test gap, {mean_spread(by_head["gap"]["gap"])} points, and the worst error, because it underfits in five epochs.
On gradients: going back through 110 plain layers with batch norm, they grow by {orders["plain", 110].mean():.0f} orders of magnitude; with shortcuts by a factor of {first_to_last["residual", 110].mean():.0f}; without batch norm and shortcuts they shrink by a factor of {1 / vanished.mean():.0f}. So shortcuts tame an explosion; the paper's target was degradation. Average against maximum: in our short runs the maximum diverged in {diverged["sum"].xs("max", level="head").sum()} of 42 runs against {diverged["sum"].xs("gap", level="head").sum()}. But divide the maximum by 7, and it bears higher rates than the average with a gradient as sparse as before, so smoothness is not the reason. I know of no evidence that this matters more at 152 layers."
""")

# %% [markdown]
# ### Five follow-ups
#
# Answer aloud before you unfold.

# %% name="follow-ups" tags=["remove-input"]
figures.answers(
    {
        "Write the identity between ResNet's head and NIN's. Where does it break?": "W mean(x) + b = mean(Wx + b): a linear layer behind the average is the average behind a 1x1 convolution. It breaks at anything that is not linear between the two: NIN's ReLU on the class maps, or a softmax at each position.",
        "Why does ResNet not end as NIN does, with as many channels as classes?": "The width of the last map would be tied to the label set, and the class scores would be made at all 49 positions. With a linear layer behind the average the width is free, and a new label set needs a new matrix on a vector that is still there.",
        "If residual connections do not solve vanishing gradients, what do they do?": f"The paper's target is degradation: deeper plain networks have a higher training error although a solution by identity layers exists. At initialisation we see that shortcuts with batch norm keep the gradient within a factor of {first_to_last['residual', 110].mean():.0f} over 110 layers, where a plain network's explodes. Why that helps optimisation is still debated.",
        "Batch norm was meant to stabilise. How can it make gradients explode?": "Each layer divides by the standard deviation of its input, and with ReLU the backward factor of a layer is then on average above one. Depth multiplies it. Yang and others (2019) compute it: without shortcuts the explosion at initialisation cannot be avoided by choosing the initial weights' variance, since batch norm cancels their scale.",
        "How would you really test whether the head matters for very deep training?": "Train ResNet-101 and -152 with both heads over a grid of learning rates with warm-up, several seeds each, and report the whole curve of final error against the rate, not one rate. And separate what differs: scale the maximum's output so that its pooled vector is as long as the average's, and in other runs its gradient alone.",
    }
)  # fmt: skip

# %% [markdown]
# ## Exercises
#
# 1. **ex-3-1, predict.** SqueezeNet has no linear layer. How many weights has its class-map layer for 1000 classes, and how many would ResNet's head have on the same map? Check with the census.
# 2. **ex-3-2, derive.** Show that Grad-CAM at the last map of a network with GAP and one linear layer is the class activation map, up to a constant. Give the constant.
# 3. **ex-3-3, implement.** Write `to_nin(network)` that turns a ResNet into one with class maps and the average at the end, with the same logits. Check in float64.
# 4. **ex-3-4, debug.** A colleague plots `fc.weight[c] @ map` for VGG-16 and wonders why it does not even multiply. Explain, and say what would have to be true of a head for the map to be exact.
# 5. **ex-3-5, judge.** "The average diverged in fewer runs, so it is the better head." Use the table `stability` to argue for and against, with seeds.
#
# ## What was shown
#
# The average came from NIN, the head from GoogLeNet, and ResNet tested neither. The identity between them makes the class activation map exact. NIN's control shows a lower error than a head without dropout; our repeat shows a small train/test gap and underfitting. Plain networks with
# batch norm have no vanishing gradient; shortcuts tame their exploding one. The average bears larger steps than the plain maximum, at both depths alike,
# and not because its gradient is smooth.
