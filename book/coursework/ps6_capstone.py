# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 6
#     title: "Problem set 6, the capstone: your own head on trial"
#     minutes: 90
#     cell_seconds: 300
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 6 of the coursework, the capstone: design a pooling head, put it on trial against global average pooling on ResNet-20 with seeds and spread, and defend the verdict."
# ---

# %% [markdown]
# # Problem set 6, the capstone: your own head on trial
#
# Five arguments were tried in this book, each on somebody else's head. Now it is yours. Design a head for ResNet-20 that is neither average nor maximum, say in advance what
# it will do, train it beside global average pooling, let a rule decide that was fixed before the numbers came, and defend the outcome. An honest "it made no difference" earns as much as a win.
#
# **You will** implement a pool and a classifier behind it; predict what they cost and where their gradient goes; program three measurements and a rule of decision; run the trial over three seeds; write the defence.
# **You need** all five chapters, and what you wrote in the other problem sets. **It takes** about 90 minutes, of which about three are training. **It gives** 40 points.
#
# | exercise | kind | points | marked |
# |---|---|---|---|
# | 1 the head | implement | 6 | at once |
# | 2 the forecast | predict | 4 | at once |
# | 3 the measurements | implement | 4 + 4 | at once |
# | 4 the rule | implement | 6 | at once |
# | 5 the verdicts | judge | 6 | by hand |
# | 6 the defence, and three sentences | judge, explain | 7 + 3 | by hand |
#
# **How to check.** Behind each answer in code stands a cell that checks it in seconds and says in one sentence what is wrong. For the mark the same questions are asked again with other random inputs.
# **How to hand in.** Write only into the cells that are meant for answers and keep the notebook's name. At the end restart the
# kernel, run all cells from top to bottom (about three minutes), save, and hand in the one file.

# %% name="imports"
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import data, device, models, training
from gaplab.claims import mean_spread
from gaplab.coursework import ps6

where = device()

# %% [markdown]
# ## 1. The head (implement, 6 points)
#
# Write a pool, an `nn.Module` from maps `(N, C, H, W)` to vectors `(N, F)`, and `my_head(channels, classes)`, which returns the pool and one `nn.Linear` that reads its vectors. $F$ is yours to choose. The pool
#
# - takes any map, from 1 x 1 on, square or not, in any float type;
# - reads more of a map of 7 x 7 cells than the average of each channel, and more than the maximum: what is computed from either alone is that pool once more;
# - gives an even map (all cells of a channel equal) the same vector at every size: its scale does not depend on the size;
# - looks at each picture alone in evaluation mode, leaves the maps as they are, and lets a finite gradient through to the maps and to each of its parameters, if it has any. A map may hold zeros and equal cells.
#
# Three points are for shapes and gradients, three for a pool that is your own, keeps its scale and looks at each picture alone.
#
# Ideas, if you want some: something between two pools of the book, with a learned weight; a pool of the best cells; several pools side by side; an attention over cells; a pool of pooled quarters.


# %% name="ex-6-1" nbgrader={"grade": false, "grade_id": "ex-6-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
class BestQuarter(nn.Module):
    """Average the highest quarter of each channel's cells, at least one."""

    def forward(self, x):
        """Pool a map."""
        cells = x.flatten(2)
        count = -(-cells.shape[2] // 4)
        return cells.topk(count, dim=2).values.mean(dim=2)


def my_head(channels, classes):
    """Return the pool and the classifier."""
    return BestQuarter(), nn.Linear(channels, classes)


### END SOLUTION

# %% name="ex-6-1-test" nbgrader={"grade": true, "grade_id": "ex-6-1-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps6.check_head(my_head)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab import data as hidden_data, device as hidden_device, training as hidden_training
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps6.check_head(my_head, seed=hidden_seed)
# On a real network: a step of training changes the backbone, and pictures of odd sizes run.
hidden_network = ps6.mount(my_head, seed=hidden_seed % 1000)
hidden_before = hidden_network.conv1.weight.detach().clone()
hidden_garments = hidden_data.stratified("train", 20, skip=hidden_seed % 150)
hidden_training.fit(hidden_network, hidden_garments, epochs=1, batch_size=10, progress=False)
assert not hidden_torch.equal(hidden_before, hidden_network.conv1.weight), (
    "Training does not move the backbone."
)
for hidden_shape in ((1, 1), (28, 56), (33, 17)):
    with hidden_torch.no_grad():
        hidden_logits = hidden_network(
            hidden_torch.randn(2, 1, *hidden_shape, device=hidden_device())
        )
    assert hidden_logits.shape == (2, 10), f"A picture of {hidden_shape} px does not run."
    assert hidden_torch.isfinite(hidden_logits).all(), (
        f"A picture of {hidden_shape} px gives no finite logits."
    )
### END HIDDEN TESTS

# %% name="ex-6-1-test-2" nbgrader={"grade": true, "grade_id": "ex-6-1-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps6.check_own(my_head)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps6.check_own(my_head, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The forecast (predict, 4 points)
#
# Your head sits on ResNet-20, behind a map of 64 channels and, at 28 px, 7 x 7 cells; the cell below says for how many classes. Before you measure: how many parameters has the head, pool and classifier together? How many multiply-adds does the classifier take for one picture? How many numbers does the classifier read if the picture has 56 px? And of the cells of the map, how
# many per cent get a gradient through your pool, where no two cells are equal and none is zero? (The last may be off by a twentieth of its value.)

# %% name="numbers"
classes = ps6.classes()  # the garments' ten; your course may draw another number
print(f"The head of the forecast has {classes} classes.")

# %% name="ex-6-2" nbgrader={"grade": false, "grade_id": "ex-6-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = {
    "parameters of the head": None,
    "multiply-adds of the classifier": None,
    "numbers that the classifier reads at 56 px": None,
    "cells with a gradient behind the pool, %": None,
}
### BEGIN SOLUTION
prediction = {
    "parameters of the head": 64 * 10 + 10,
    "multiply-adds of the classifier": 64 * 10,
    "numbers that the classifier reads at 56 px": 64,
    "cells with a gradient behind the pool, %": 100 * 13 / 49,  # 49 / 4, rounded up
}
### END SOLUTION

# %% name="ex-6-2-test" nbgrader={"grade": true, "grade_id": "ex-6-2-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps6.check_prediction(prediction, my_head)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab import device as hidden_device, models as hidden_models

hidden_network = ps6.mount(my_head, seed=0, classes=ps6.classes())
hidden_backbone = hidden_models.count_parameters(hidden_models.resnet20()) - (64 * 10 + 10)
hidden_head = hidden_models.count_parameters(hidden_network) - hidden_backbone
assert prediction["parameters of the head"] == hidden_head, (
    "Count the parameters of the head once more."
)
hidden_parts = hidden_models.parts(
    hidden_network.eval(), hidden_torch.zeros(1, 1, 56, 56, device=hidden_device())
)
hidden_read = prediction["numbers that the classifier reads at 56 px"]
assert hidden_read == hidden_parts.pooled.numel(), "Run a picture of 56 px."
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The measurements
#
# `images` are test images as `data.stratified` returns them, uint8 of 28 px; `data.normalise` makes of them what a network takes, and moves them to its device. Measure in evaluation mode and leave the network as you found it: mode, weights, statistics, no hooks.
#
# **Behaviour (4 points).** `behaviour(network, images, labels)` returns a dictionary of three floats, fractions from 0 to 1:
#
# - `accuracy`;
# - `consistency`: over the eight moves by $(dy, dx)$ with $dy, dx \in \{-s, 0, s\}$, not both zero ($s$ stands in the cell below), and over all images: the share that gets the class that the unmoved image gets, right or wrong. Move with `torch.roll`, so that what leaves at one side comes in at the other;
# - `accuracy_at_40`: the accuracy on the images scaled to 40 px by `data.resize`.

# %% name="step"
step = ps6.step()  # 2; your course may draw another step
print(f"Consistency is measured over moves by {step} px.")


# %% name="ex-6-3" nbgrader={"grade": false, "grade_id": "ex-6-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def behaviour(network, images, labels):
    """Return accuracy, consistency under small moves, and accuracy at 40 px."""
    ### BEGIN SOLUTION
    moves = [(dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if (dy, dx) != (0, 0)]
    still = training.predict(network, images).argmax(dim=1).cpu()
    same = [
        training.predict(network, images.roll(move, dims=(2, 3))).argmax(dim=1).cpu() == still
        for move in moves
    ]
    return {
        "accuracy": float((still == labels).float().mean()),
        "consistency": float(torch.stack(same).float().mean()),
        "accuracy_at_40": training.accuracy(network, (data.resize(images, 40), labels)),
    }
    ### END SOLUTION


# %% name="ex-6-3-test" nbgrader={"grade": true, "grade_id": "ex-6-3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps6.check_behaviour(behaviour)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from torch import nn as hidden_nn
from gaplab import data as hidden_data
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps6.check_behaviour(behaviour, seed=hidden_fresh_seed())


class HiddenBrightness(hidden_nn.Module):
    """Names a class by the brightness of the whole image, which no rolling changes."""

    def forward(self, x):
        """Return logits that peak at the class next to the brightness."""
        near = 5 + 4 * x.mean(dim=(1, 2, 3))[:, None]
        return -((hidden_torch.arange(10, device=x.device) - near).abs())


hidden_images, hidden_labels = hidden_data.stratified("test", 50)
hidden_given = behaviour(HiddenBrightness(), hidden_images, hidden_labels)
assert hidden_given["consistency"] == 1.0, (
    "A network that sees brightness alone keeps every class."
)
### END HIDDEN TESTS

# %% [markdown]
# **Gradients (4 points).** `gradients(network, images, labels)` looks at the gradient of each picture's own cross-entropy with respect to the last map, the input of the pool, and returns two floats:
#
# - `gradient_cells`: with $e_i$ the sum over channels of the squared gradient at cell $i$, the share $\left( \sum_i e_i \right)^2 / \left( HW \sum_i e_i^2 \right)$ of cells that hold the energy, averaged over the pictures;
# - `gradient_norm`: the L2 norm of a picture's gradient, over all channels and cells, averaged over the pictures.
#
# Compute squares in float64 on the CPU; squares of small gradients underflow.


# %% name="ex-6-3b" nbgrader={"grade": false, "grade_id": "ex-6-3b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradients(network, images, labels):
    """Return how far a picture's gradient is spread over the last map, and its norm."""
    ### BEGIN SOLUTION
    was_training = network.training
    seen = models.parts(network.eval(), data.normalise(images))
    # Summed and not averaged: each picture's gradient is then that of its own loss.
    loss = F.cross_entropy(seen.logits, labels.to(where), reduction="sum")
    gradient = torch.autograd.grad(loss, seen.feature_map)[0].cpu().double()
    network.train(was_training)
    energy = gradient.square().sum(dim=1).flatten(1)
    cells = energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)
    return {
        "gradient_cells": float(cells.mean()) / energy.shape[1],
        "gradient_norm": float(energy.sum(dim=1).sqrt().mean()),
    }
    ### END SOLUTION


# %% name="ex-6-3b-test" nbgrader={"grade": true, "grade_id": "ex-6-3b-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps6.check_gradients(gradients)
### BEGIN HIDDEN TESTS
from gaplab import data as hidden_data, models as hidden_models
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps6.check_gradients(gradients, seed=hidden_seed)
# Behind the average every cell gets the same, on any network.
hidden_images, hidden_labels = hidden_data.stratified("test", 20, skip=hidden_seed % 50)
hidden_given = gradients(
    hidden_models.resnet20(seed=hidden_seed % 1000), hidden_images, hidden_labels
)
assert abs(hidden_given["gradient_cells"] - 1) < 1e-3, (
    "Behind the average the energy is in every cell alike."
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. The rule (implement, 6 points)
#
# Fix the rule before you see results. `decide(table, measure)` gets a table with the columns `head` (`"gap"` or `"mine"`), `seed` and a column named `measure`; its rows come in any order, and each seed stands there once for each head. It returns a dictionary:
#
# - `difference`, the mean over the seeds of *mine less gap*. Pair them by seed: the same seed is the same backbone at the start and the same order of pictures;
# - `error`, the standard error of that mean: the sample standard deviation of the paired differences (divide by $n - 1$) over $\sqrt{n}$;
# - `verdict`: `"higher"` if the difference is more than two standard errors above zero, `"lower"` if it is more than two below, else `"undecided"`.
#
# Three points are for the two numbers, three for the verdict.


# %% name="ex-6-4" nbgrader={"grade": false, "grade_id": "ex-6-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def decide(table, measure):
    """Compare the two heads seed by seed, and decide by a rule that was fixed before."""
    ### BEGIN SOLUTION
    by_head = table.pivot(index="seed", columns="head", values=measure)
    gains = by_head["mine"] - by_head["gap"]
    difference, error = float(gains.mean()), float(gains.std(ddof=1) / len(gains) ** 0.5)
    verdict = "undecided"
    if abs(difference) > 2 * error:
        verdict = "higher" if difference > 0 else "lower"
    return {"difference": difference, "error": error, "verdict": verdict}
    ### END SOLUTION


# %% name="ex-6-4-test" nbgrader={"grade": true, "grade_id": "ex-6-4-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps6.check_decide(decide, verdicts=False)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps6.check_decide(decide, seed=hidden_fresh_seed(), verdicts=False)
### END HIDDEN TESTS

# %% name="ex-6-4-test-2" nbgrader={"grade": true, "grade_id": "ex-6-4-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps6.check_decide(decide)
### BEGIN HIDDEN TESTS
import pandas as hidden_pd
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps6.check_decide(decide, seed=hidden_fresh_seed())
# A gain of about 1 that every seed shows, under differences between seeds that are ten times as large.
hidden_table = hidden_pd.DataFrame(
    {
        "head": ["mine", "gap", "gap", "gap", "mine", "mine"],
        "seed": [7, 3, 7, 5, 5, 3],
        "score": [31.1, 10.0, 30.0, 20.0, 20.9, 11.0],
    }
)
hidden_given = decide(hidden_table, "score")
assert hidden_given["verdict"] == "higher", (
    "A small gain that every seed shows has to be seen: pair by seed."
)
assert abs(hidden_given["difference"] - 1.0) < 1e-6, (
    "The mean of the paired differences is off."
)
### END HIDDEN TESTS

# %% [markdown]
# ## The trial
#
# Nothing to write here. Each cell trains one head from one seed, twice: at a learning rate of 0.05 and at 0.02, three passes over 1,000 garments each. Both heads start from the same backbone.
# Every network is measured on 200 test garments, and on 200 validation garments that it never learned from: these choose each head's better rate.

# %% name="trial"
train, test = data.stratified("train", 1000), data.stratified("test", 200)
validation = data.stratified("train", 200, skip=100)
results = []


def put_on_trial(head, seed):
    """Train one head from one seed at two learning rates, and note the measurements."""
    for rate in (0.05, 0.02):
        network = models.resnet20(seed=seed) if head == "gap" else ps6.mount(my_head, seed)
        settings = {"epochs": 3, "batch_size": 32, "lr": rate, "seed": seed}
        training.fit(network, train, evaluate_at_most=10, **settings)
        row = {"head": head, "seed": seed, "rate": rate}
        row |= {"validation": training.accuracy(network, validation)}
        results.append(row | behaviour(network, *test) | gradients(network, *test))
        print(f"{head}, seed {seed}, rate {rate}: {100 * results[-1]['accuracy']:.0f} % right")


# %% name="gap-0"
put_on_trial("gap", 0)

# %% name="mine-0"
put_on_trial("mine", 0)

# %% name="gap-1"
put_on_trial("gap", 1)

# %% name="mine-1"
put_on_trial("mine", 1)

# %% name="gap-2"
put_on_trial("gap", 2)

# %% name="mine-2"
put_on_trial("mine", 2)

# %% name="results"
everything = pd.DataFrame(results).drop_duplicates(["head", "seed", "rate"], keep="last")
best = everything.groupby(["head", "rate"])["validation"].mean().unstack().idxmax(axis=1)
tables = {f"both at {rate}": everything[everything["rate"] == rate] for rate in (0.05, 0.02)}
tables["each at its better rate"] = everything[
    everything["rate"] == everything["head"].map(best)
]
print(f"better rate on validation images: {best.to_dict()}")

# %% name="decisions"
for title, table in tables.items():
    print(f"\n{title}")
    for measure in (
        "accuracy",
        "consistency",
        "accuracy_at_40",
        "gradient_cells",
        "gradient_norm",
    ):
        decision = decide(table, measure)
        by_head = {head: mean_spread(rows[measure], 3) for head, rows in table.groupby("head")}
        print(
            f"  {measure}: gap {by_head['gap']}, mine {by_head['mine']}; difference {decision['difference']:.3f}, "
            f"standard error {decision['error']:.3f}: {decision['verdict']}"
        )

# %% [markdown]
# ## 5. The verdicts (judge, 6 points)
#
# The article gives five arguments for average pooling: few parameters, insensitivity to position, the lineage of Network in Network, any input size, even gradients. For **your** head, go through the four that can be measured (all but the lineage), in a line or two each: does the argument speak for the average *against your head*? Take the table in which each head has its better rate, and say where another rate would have turned the verdict. Give the number, its spread
# or standard error over the seeds, and the verdict of the rule: holds, holds with caveats, does not hold. Say of each number that was counted and not measured that it is exact.

# %% [markdown] name="ex-6-5" nbgrader={"grade": true, "grade_id": "ex-6-5", "locked": false, "points": 6, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# (For the mean of the highest quarter. The numbers of a run differ a little between machines; quote those of your own table.)
#
# *Parameters.* Does not hold against my head: 650 parameters and 640 multiply-adds, exactly as many as the average has, because the pool has none. The argument is against flattening.
#
# *Position.* As an operator my pool is invariant to every permutation of cells, as the average is, because sorting forgets the order. In the network consistency is measured: I quote mean and spread of both heads and the difference with its standard error. If the rule says "undecided", the argument does not hold against my head in this experiment, which is not the same as "equally consistent".
#
# *Size.* The shape is free in both: 64 numbers at 56 px, exact. The values: accuracy at 40 px falls for both heads. A quarter of the cells is a share and not a number, so the pool keeps its meaning on larger maps. Verdict by the rule, with the caveat that accuracy at 28 px differs as well, so the drop is what should be compared.
#
# *Gradient.* Holds as a statement about the operator: 13 of 49 cells of a channel get a gradient, each 1/13, against 49 with 1/49; the norm is larger by sqrt(49/13), about 1.9, at the same gradient from above. Measured after training, the energy is in fewer cells with my head on every seed. That it trains worse for it does not follow and is not seen if the rule says "undecided" for accuracy.
#
# === BEGIN MARK SCHEME ===
# - 1 point for each of the four arguments: a verdict with the number that decides it, taken from the student's own counts and table (parameters, consistency, accuracy at 40 px or its drop, gradient).
# - 1 point: spread or standard error beside every measured number, and exact numbers named as such.
# - 1 point: verdicts follow the rule; "undecided" is not reported as "no difference" or as a win.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ## 6. The defence (judge and explain, 10 points)
#
# **In writing (7 points).** Defend your head before a sceptical colleague, in 120 to 200 words: what the design is for and what it gives up; where your forecast was wrong or would have been; the strongest result against it; what the learning rate does to the verdict; the strongest objection to the trial itself, and one further experiment
# that would settle it, with what you expect; and whether you would put this head into a product.

# %% [markdown] name="ex-6-6" nbgrader={"grade": true, "grade_id": "ex-6-6", "locked": false, "points": 7, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# An average dilutes: a hot cell in 49 counts for a forty-ninth; with the maximum one noisy cell decides. The mean of the highest quarter sits between and costs no parameter. It gives up the exact class activation map, because the cells that count are chosen in each channel separately.
#
# My forecast was arithmetic and held, but I did not foresee the strongest result, which goes against my head and then against the trial: at rate 0.05 the average is far more accurate, at 0.02 my head is, and where validation images choose each head's rate the rule cannot decide. Whoever runs one rate can prove what they like, so I quote the last table alone.
#
# The strongest objection: two rates are no grid, and the lower one suited my head, so a still lower one might suit it better. I would settle it with six rates a head, five seeds and training to the end, and I expect the gap to close, because at the end of training the book's heads differ by little.
#
# In a product I would keep the average: pretrained weights expect it, and a difference that three seeds cannot show pays for none of that.
#
# === BEGIN MARK SCHEME ===
# - 2 points: purpose of the design and what it gives up, in terms of the operator (1 each).
# - 1 point: compares forecast and outcome honestly.
# - 1 point: names the strongest result against the own head, with its number, and says what the learning rate does to the verdict.
# - 2 points: a strong objection to the trial (two rates are no grid, few seeds, short training, one data set), and an experiment that would settle exactly that, with an expectation (1 each).
# - 1 point: a decision for practice that follows from the evidence.
# Outside 120 to 200 words by more than a fifth: one point off. A claim of superiority that the table does not carry: two points off.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# **In three sentences (3 points).** The interviewer asks at last: *"Why does ResNet end in average pooling?"* Answer in three sentences, with one number that you measured yourself in this course and one reservation.

# %% [markdown] name="ex-6-6b" nbgrader={"grade": true, "grade_id": "ex-6-6b", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The paper states it in one sentence and does not argue for it; what can be shown is that a global pool makes a vector of C numbers of any map, so the head is 49 times lighter than a flattened one at 7 x 7 and any picture size runs. In my own trial a head that averages the best quarter of the cells had the same 650 parameters and the same freedom of size, so these arguments speak for *global pooling* and not for the *average*. For the average itself speak its exact decomposition into votes of positions and its simplicity, while its invariance and smooth gradient are true of the operator and, measured in networks, smaller than they are told.
#
# === BEGIN MARK SCHEME ===
# - 1 point: a reason that this book's measurements carry (light head, free shape, decomposition), correctly stated.
# - 1 point: a number of the student's own, right and in its place.
# - 1 point: a reservation: what is true of any global pool, or true of the operator and not of the network, or not argued for in the paper.
# Four sentences or more: one point off.
# === END MARK SCHEME ===
# ### END SOLUTION
