# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 3
#     title: "Problem set 3: NIN's head and ResNet's"
#     minutes: 85
#     cell_seconds: 180
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 3 of the coursework: global average pooling and vote maps written by hand, Network in Network's head turned into ResNet's, a bug that passed for years, and whether gradients vanish in plain networks."
# ---

# %% [markdown]
# # Problem set 3: NIN's head and ResNet's
#
# Network in Network (NIN) makes one map for each class and averages it. ResNet averages its maps and then classifies. Here you write both, turn one into the other, repair a head
# that does not do what its text says together with the test that should have noticed, and measure whether the gradients of deep plain networks vanish.
#
# **Goals.** You can say which parts of a head commute and which do not, you can write a test that is able to fail, and you know what residual connections were for.
# **You need** chapter 3, and chapter 2 on votes; `torch.autograd`. **It takes** about 85 minutes. **Points:** 25.
#
# | exercise | kind | points |
# |---|---|---|
# | ex-3-1 | predict | 4 |
# | ex-3-2 | implement | 5 |
# | ex-3-3 | derive and implement | 4 |
# | ex-3-4 | debug | 5 |
# | ex-3-5 | judge by experiment | 4 |
# | ex-3-6 | explain (marked by hand) | 3 |
#
# **How to check.** Write where it says `YOUR CODE HERE`, and run the cell below it. The check answers at once, with one sentence about the first thing
# that is wrong. It draws random inputs, and the grade comes from other ones, so an answer that is typed in for one input earns nothing.
# **How to hand in.** Restart the kernel, run all cells from top to bottom, save, and hand in this file under its own name. Cells without
# an answer mark are restored before grading.

# %% name="imports"
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import data, figures, models, weights
from gaplab.claims import CAVEATS, FAILS, HOLDS  # noqa: F401 verdicts to choose from
from gaplab.coursework import ps3
from gaplab.figures import show

# Full precision: GPUs round what convolutions read to ten bits (TF32) unless told not to.
torch.backends.cudnn.conv.fp32_precision = "ieee"

# %% name="setup"
figures.use_style()

# %% [markdown]
# ## Exercise 1: predict (4 points)
#
# Paper and pencil. ResNet-50's head reads 2048 maps and has a bias, and its total stride is 32. The cell below says how many classes there are, and how large the larger picture is.
#
# **Costs.** You put the classifier first: a 1x1 convolution with bias that makes a map for each class, and then the global average, for pictures of 224 px.
#
# 1. How many **parameters** has the new head?
# 2. How many **times** as many multiply-adds as the old one does it need?
#
# **Cells.** Back to the pool and the linear layer behind it.
#
# 3. How many **cells** has the last map of the larger picture?
# 4. A logit is differentiated with respect to the value of one cell in one channel. By which **factor** does that derivative change from 224 px to the larger picture?
# 5. Somebody writes `sum` where the head says average. By which **factor** are the logits, without their bias, too large at 224 px?

# %% name="numbers"
# 1000 classes and 320 px; your course may draw others.
head_classes, size = ps3.classes(), ps3.size()
print(f"The head has {head_classes:,} classes; the larger picture has {size} px.")

# %% name="ex-3-1" nbgrader={"grade": false, "grade_id": "ex-3-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
costs = {
    "parameters of the new head": None,
    "times the multiply-adds of the old head": None,
}
cells = {
    f"cells of the last map at {size} px": None,
    f"gradient of a logit at one cell, {size} px over 224 px": None,
    "times the logits at 224 px if the head sums instead": None,
}
# Replace each None above, and delete the line below.
### BEGIN SOLUTION
costs = dict(zip(costs, (2049 * 1000, 49), strict=True))
cells = dict(zip(cells, (100, 0.49, 49), strict=True))
### END SOLUTION

# %% name="ex-3-1-test" nbgrader={"grade": true, "grade_id": "ex-3-1-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps3.check_costs(costs)

# %% name="ex-3-1-test-2" nbgrader={"grade": true, "grade_id": "ex-3-1-test-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps3.check_cells(cells)

# %% [markdown]
# ## Exercise 2: implement (5 points)
#
# **First (2 points)** global average pooling: `(N, C, H, W)` to `(N, C)`, for any sizes, one picture and one channel included.


# %% name="ex-3-2" nbgrader={"grade": false, "grade_id": "ex-3-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def global_avg_pool(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of each channel of each picture, ``(N, C)``."""
    ### BEGIN SOLUTION
    return x.mean(dim=(2, 3))
    ### END SOLUTION


# %% name="ex-3-2-test" nbgrader={"grade": true, "grade_id": "ex-3-2-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps3.check_global_avg_pool(global_avg_pool)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_global_avg_pool(global_avg_pool, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# **Then (3 points)** the map of votes for one class of each picture: what each cell says, such that the **mean** of a picture's votes is the logit of that class, bias included. This is
# the class activation map of Zhou et al. (2016), with a scale that means something. `weight` is `(K, C)` and `bias` `(K,)`, as `nn.Linear` has them; `classes` holds one class for each
# picture.


# %% name="ex-3-2b" nbgrader={"grade": false, "grade_id": "ex-3-2b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vote_map(
    feature_map: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, classes: torch.Tensor
) -> torch.Tensor:
    """Return the votes ``(N, H, W)`` of maps ``(N, C, H, W)`` for the classes ``(N,)``."""
    ### BEGIN SOLUTION
    chosen = weight[classes]  # (N, C)
    return torch.einsum("nchw,nc->nhw", feature_map, chosen) + bias[classes][:, None, None]
    ### END SOLUTION


# %% name="ex-3-2b-test" nbgrader={"grade": true, "grade_id": "ex-3-2b-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps3.check_vote_map(vote_map)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_vote_map(vote_map, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# Your map on a real ImageNet network that ends in GAP, and two photographs. Red cells vote for the class, blue ones against it.

# %% name="votes"
network = weights.photo_network()
names = ("chelsea", "coffee")
photographs = [data.photograph(name) for name in names]
with torch.no_grad():
    seen = models.parts(network, torch.cat([photograph.tensor for photograph in photographs]))
classes = seen.logits.argmax(dim=1)
fc = models.classifier(network)
votes = vote_map(seen.feature_map, fc.weight.detach(), fc.bias.detach(), classes)
for name, k, vote, logit in zip(names, classes, votes, seen.logits, strict=True):
    print(f"{name}: {network.categories[k]}, mean vote {vote.mean():.2f}, logit {logit[k]:.2f}")

# %% name="votes-figure"
for photograph, k, vote in zip(photographs, classes, votes, strict=True):
    label = network.categories[k]
    show(
        figures.map_grid(
            vote[None].cpu().numpy(), [label], "vote", diverging=True, columns=2, photograph=photograph.picture
        ),
        name=f"fig-votes-{k}",
        alt=f"A photograph and its 7 x 7 map of votes for the class {label}: strong on the object, weak or negative beside it.",
        caption=f"Votes for {label}.",
    )  # fmt: skip

# %% [markdown]
# ## Exercise 3: derive and implement (4 points)
#
# Show that averaging after a 1x1 convolution equals a linear layer after averaging, and write the function that turns one into the other: it takes the last convolution of an NIN and returns
# an `nn.Linear` that gives the same logits behind global average pooling. It has a bias exactly if the convolution has one, keeps the number type, can be trained, and shares no memory
# with the convolution.


# %% name="ex-3-3" nbgrader={"grade": false, "grade_id": "ex-3-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_from_nin(convolution: nn.Conv2d) -> nn.Linear:
    """Turn a 1x1 convolution before the pool into a linear layer behind it."""
    ### BEGIN SOLUTION
    # mean_i (W x_i + b) = W mean_i(x_i) + b: both are linear, one over channels and one over cells.
    weight, bias = convolution.weight, convolution.bias
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias is not None).to(weight)
    with torch.no_grad():
        linear.weight.copy_(weight[:, :, 0, 0])
        if bias is not None:
            linear.bias.copy_(bias)
    return linear
    ### END SOLUTION


# %% name="ex-3-3-test" nbgrader={"grade": true, "grade_id": "ex-3-3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps3.check_linear_from_nin(linear_from_nin)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_linear_from_nin(linear_from_nin, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# The book's NIN, like the paper's, has a ReLU between its last convolution and the average. The next cell compares your linear layer with it.

# %% name="nin-with-relu"
nin = weights.load("nin-gap-s0")
garments = data.normalise(data.stratified("test", 100)[0])
convolution = [module for module in nin.layer3 if isinstance(module, nn.Conv2d)][-1]
seen_by_it = {}
with models.hooked(convolution, lambda _, given, __: seen_by_it.update(map=given[0])):
    logits = nin(garments).detach()
turned = linear_from_nin(convolution)(seen_by_it["map"].mean(dim=(2, 3))).detach()
same = (logits.argmax(dim=1) == turned.argmax(dim=1)).float().mean()
print(
    f"largest difference of a logit: {(logits - turned).abs().max():.1f}; same class: {same:.0%}"
)

# %% [markdown]
# ## Exercise 4: debug (5 points)
#
# A widely used open textbook said for almost two years, in places, that a network ends in global **average** pooling, while its code took the global maximum. The code was executed in test runs all along. Here is a
# colleague's head with that mistake and two more, and the test that she relies on. The text is right: *each class map is averaged, and the averages go through a softmax.*


# %% name="colleague-head"
def colleague_probabilities(class_maps: torch.Tensor) -> torch.Tensor:
    """Average each class map, and apply softmax: ``(N, K, H, W)`` to ``(N, K)``."""
    scores = class_maps.softmax(dim=1)
    scores = F.adaptive_max_pool2d(scores, 1).squeeze()
    return scores / scores.sum(dim=-1, keepdim=True)


def colleague_catches(implementation) -> bool:
    """Say whether an implementation is wrong."""
    probabilities = implementation(torch.randn(8, 10, 7, 7))
    right_shape = probabilities.shape == (8, 10)
    return not (right_shape and torch.allclose(probabilities.sum(dim=1), torch.ones(8)))


print("caught:", colleague_catches(colleague_probabilities))

# %% [markdown]
# **First (2 points)** write the head that the text describes.


# %% name="ex-3-4" nbgrader={"grade": false, "grade_id": "ex-3-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nin_probabilities(class_maps: torch.Tensor) -> torch.Tensor:
    """Average each class map, and apply softmax: ``(N, K, H, W)`` to ``(N, K)``."""
    ### BEGIN SOLUTION
    return class_maps.mean(dim=(2, 3)).softmax(dim=1)
    ### END SOLUTION


# %% name="ex-3-4-test" nbgrader={"grade": true, "grade_id": "ex-3-4-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps3.check_nin_probabilities(nin_probabilities)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_nin_probabilities(nin_probabilities, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# **Then (3 points)** write the test that would have noticed. `catches(implementation)` returns `True` if the implementation is wrong and `False` if it is right. It must not compare with your own
# `nin_probabilities`: think of class maps for which the right probabilities are known, such as those in which only one cell, or only one class, is different. At grading it meets right and
# wrong implementations: a test that rejects a right one, or lets a wrong one pass, earns nothing. Some wrong ones fail only for one picture, or for maps that are not square.


# %% name="ex-3-4b" nbgrader={"grade": false, "grade_id": "ex-3-4b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def catches(implementation) -> bool:
    """Say whether an implementation of NIN's head is wrong."""
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(0)
    for pictures, classes, height, width in ((3, 4, 5, 7), (1, 10, 7, 7), (5, 3, 2, 1)):
        maps = 3 * torch.randn(pictures, classes, height, width, generator=generator)
        sums = torch.stack([maps[:, :, y, x] for y in range(height) for x in range(width)]).sum(
            dim=0
        )
        powers = torch.exp(sums / (height * width))
        wanted = powers / powers.sum(dim=1, keepdim=True)
        try:
            found = implementation(maps.clone())
        except (RuntimeError, IndexError):
            return True
        if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-5):
            return True
    return False
    ### END SOLUTION


# %% name="ex-3-4b-test" nbgrader={"grade": true, "grade_id": "ex-3-4b-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps3.check_catches(catches, colleague_probabilities)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
import torch.nn.functional as hidden_functional

hidden_rights = {
    "PyTorch's own pool": lambda m: (
        hidden_functional.adaptive_avg_pool2d(m, 1).flatten(1).softmax(dim=1)
    ),
    "the logarithm first": lambda m: m.mean(dim=(2, 3)).log_softmax(dim=1).exp(),
    "one that computes in float64": lambda m: m.double().mean(dim=(2, 3)).softmax(dim=1).to(m),
}
hidden_wrongs = {
    "the maximum": lambda m: m.amax(dim=(2, 3)).softmax(dim=1),
    "the sum": lambda m: m.sum(dim=(2, 3)).softmax(dim=1),
    "softmax before the average": lambda m: m.softmax(dim=1).mean(dim=(2, 3)),
    "an average that forgets the last column": lambda m: (
        m[..., : max(1, m.shape[3] - 1)].mean(dim=(2, 3)).softmax(dim=1)
    ),
    "softmax over the pictures": lambda m: m.mean(dim=(2, 3)).softmax(dim=0),
    "a batch of one that is lost": lambda m: m.mean(dim=(2, 3)).squeeze(0).softmax(dim=-1),
    "right for square maps only": lambda m: (m.sum(dim=(2, 3)) / m.shape[2] ** 2).softmax(
        dim=1
    ),
    "two classes exchanged": lambda m: m.mean(dim=(2, 3)).softmax(dim=1)[
        :, [*range(m.shape[1] - 2), -1, -2]
    ],
    "a softmax that is a little too sharp": lambda m: (1.05 * m.mean(dim=(2, 3))).softmax(
        dim=1
    ),
    "nan for the first class": lambda m: hidden_torch.where(
        hidden_torch.arange(m.shape[1]) == 0,
        hidden_torch.nan,
        m.mean(dim=(2, 3)).softmax(dim=1),
    ),
    "one picture's probabilities for all": lambda m: (
        m.mean(dim=(2, 3)).softmax(dim=1)[-1:].expand(len(m), -1)
    ),
    "a ReLU before the average": lambda m: m.relu().mean(dim=(2, 3)).softmax(dim=1),
}
ps3.try_test(catches, hidden_rights, hidden_wrongs)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: judge by an experiment of your own (4 points)
#
# > *Residual connections were needed because in deep plain networks the gradient vanishes on its way to the first layers.*
#
# The ResNet paper itself doubts that, for plain networks with batch norm. Measure it at initialisation, with batch norm throughout.
#
# **First (1 point)** write `first_to_last(network, inputs, labels)` for the book's CIFAR networks: the cross-entropy of one batch in training mode, the Euclidean norm of its gradient with respect to the
# weight of `conv1` in the **first** block of `layer1`, divided by the same for `conv1` in the **last** block of `layer3`, as a plain `float`. It takes no step, and a second call gives the same.


# %% name="ex-3-5" nbgrader={"grade": false, "grade_id": "ex-3-5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_to_last(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the first block's gradient over the last block's, both as norms."""
    ### BEGIN SOLUTION
    network.train()
    network.zero_grad()
    F.cross_entropy(network(inputs), labels).backward()
    first, last = network.layer1[0].conv1.weight.grad, network.layer3[-1].conv1.weight.grad
    return (first.norm() / last.norm()).item()
    ### END SOLUTION


# %% name="ex-3-5-test" nbgrader={"grade": true, "grade_id": "ex-3-5-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
ps3.check_first_to_last(first_to_last)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_first_to_last(first_to_last, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% name="batch"
images, labels = data.stratified("train", 40)
inputs = data.normalise(images)
labels = labels.to(inputs.device)

# %% [markdown]
# **Then (3 points)** fill a `pd.DataFrame` called `gradients` with the columns `kind` ("plain", "resnet"), `depth` (8, 20, 56, and 32 or 110 if you like), `seed` (at least three, of `models.build(f"{kind}{depth}", seed=seed)`) and `ratio`, all
# on the batch above. Give your `conclusion` for depth 56, a dictionary with the keys "plain" and "resnet": the gradient `"vanishes"` if the geometric mean of the ratios is below 1/100, it
# `"explodes"` if it is above 100, else `"neither"`. And the `verdict` on the sentence: `HOLDS`, `CAVEATS` or `FAILS`.

# %% name="ex-3-5b" nbgrader={"grade": false, "grade_id": "ex-3-5b", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
measured = [
    {"kind": kind, "depth": depth, "seed": seed, "ratio": first_to_last(models.build(f"{kind}{depth}", seed=seed), inputs, labels)}
    for kind in ("plain", "resnet") for depth in (8, 20, 56) for seed in (0, 1, 2)
]  # fmt: skip
gradients = pd.DataFrame(measured)
deep = gradients[gradients.depth == 56].groupby("kind").ratio
print(deep.apply(lambda ratios: ratios.prod() ** (1 / len(ratios))).round(1))
conclusion = {"plain": "explodes", "resnet": "neither"}
verdict = FAILS
### END SOLUTION

# %% name="ex-3-5b-test" nbgrader={"grade": true, "grade_id": "ex-3-5b-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps3.check_gradients(gradients, conclusion, verdict)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps3.check_gradients(gradients, conclusion, verdict, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: explain (3 points, marked by hand)
#
# *"ResNet borrowed its head from Network in Network."* Answer in three sentences: what NIN's head has that ResNet's has not (and the other way round), why the two can compute the same all the same, and
# what the cell with the ReLU above shows about that.

# %% [markdown] name="ex-3-6" nbgrader={"grade": true, "grade_id": "ex-3-6", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# NIN's last convolution makes one map for each class and the average of a map is its logit, without any fully-connected layer; ResNet averages its 2048 feature maps and puts one linear
# layer behind the average, which is GoogLeNet's head. A 1x1 convolution and a linear layer are the same matrix over channels, and a matrix over channels commutes with a mean over positions, so one can be turned into the other at no change of the logits and with 49 times fewer
# multiply-adds. That needs both to be linear: NIN has a ReLU between its last convolution and the average, so the logits of the turned head differ.
#
# === BEGIN MARK SCHEME ===
# 1 point: one map per class and no fully-connected layer in NIN; a linear layer behind the pool in ResNet. Naming GoogLeNet as the source is welcome and not needed.
# 1 point: linearity: the average over positions and the matrix over channels commute.
# 1 point: a nonlinearity between the two (ReLU, or softmax) breaks it, and the cell shows a difference of logits.
# "Both use GAP, so they are the same" earns nothing for the first two.
# === END MARK SCHEME ===
# ### END SOLUTION
