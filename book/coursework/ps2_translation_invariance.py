# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 2
#     title: "Problem set 2: what moves when the picture does"
#     minutes: 80
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 2 of the coursework: which shifts a network cannot feel, the head that ignores order, a metric of consistency under shifts, an invariance test that never fails, and garments cut into tiles."
# ---

# %% [markdown]
# # Problem set 2: what moves when the picture does
#
# A global pool ignores where an activation is. A network that ends in one does not ignore where the garment is. Here you predict which shifts a trained
# network cannot feel, derive the one linear head that ignores order, write and repair the measurements that such statements rest on, and then cut
# pictures to pieces.
#
# **Goals.** You can keep apart what is invariant by construction and what has to be measured, and you can write a measurement that is able to say no.
# **You need** chapter 2, permutations, and tensor indexing. **It takes** about 80 minutes. **Points:** 24.
#
# | exercise | kind | points |
# |---|---|---|
# | ex-2-1 | predict | 4 |
# | ex-2-2 | derive | 3 |
# | ex-2-3 | implement | 5 |
# | ex-2-4 | debug | 4 |
# | ex-2-5 | judge by experiment | 5 |
# | ex-2-6 | explain (marked by hand) | 3 |
#
# **How to check.** Write where it says `YOUR CODE HERE`, and run the cell below it. The check answers at once, with one sentence about the first thing
# that is wrong. It draws random inputs, and the grade comes from other ones, so an answer that is typed in for one input earns nothing.
# **How to hand in.** Restart the kernel, run all cells from top to bottom, save, and hand in this file under its own name. Cells without
# an answer mark are restored before grading.

# %% name="imports"
import pandas as pd
import torch
from torch import nn

from gaplab import data, figures, shifting, training, weights  # noqa: F401 if needed
from gaplab.claims import CAVEATS, FAILS, HOLDS  # noqa: F401 verdicts to choose from
from gaplab.coursework import ps2
from gaplab.figures import show

# Full precision: GPUs round what convolutions read to ten bits (TF32) unless told not to.
torch.backends.cudnn.conv.fp32_precision = "ieee"

# %% name="setup"
figures.use_style()
_ = torch.set_grad_enabled(False)  # nothing is trained here

# %% [markdown]
# ## Exercise 1: predict (4 points)
#
# No code. Replace every `None` by a whole number.
#
# **Shifts.** A picture of 28 x 28 pixels is moved around a ring, `picture.roll(s, dims=3)`, for $s = 1, 2, \dots$ as far as the cell below says. It goes through the book's trained ResNet-20 (total
# stride 4, last map 7 x 7) with a GAP head or a flattened head, with zero padding as trained or with windows that wrap around. For how many of these shifts are the logits the
# same as without a shift, up to rounding?
#
# **Orders.** A map has as many rows and columns as the cell below says, with different numbers in its cells, and a linear layer behind it. You try all orders of the cells. How many different logit vectors
# are there if the layer reads the global average, the average of each column, or the flattened map?

# %% name="numbers"
# 28 shifts and 2 x 3 cells; your course may draw others.
shifts, (height, width) = ps2.shifts(), ps2.grid()
print(f"Shifts by 1 to {shifts} px; a map of {height} x {width} cells.")

# %% name="ex-2-1" nbgrader={"grade": false, "grade_id": "ex-2-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
same_logits = {
    "gap, windows wrap around": None,
    "gap, zero padding": None,
    "flatten, windows wrap around": None,
    "flatten, zero padding": None,
}
different_orders = {
    "global average": None,
    "average of each column": None,
    "flatten": None,
}
# Replace each None above, and delete the line below.
### BEGIN SOLUTION
same_logits = dict(zip(same_logits, (7, 1, 1, 1), strict=True))  # 28 px are once around
different_orders = dict(zip(different_orders, (1, 90, 720), strict=True))  # 6! / 2!^3 = 90
### END SOLUTION

# %% name="ex-2-1-test" nbgrader={"grade": true, "grade_id": "ex-2-1-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps2.check_shifts(same_logits)

# %% name="ex-2-1-test-2" nbgrader={"grade": true, "grade_id": "ex-2-1-test-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps2.check_orders(different_orders)

# %% [markdown]
# ## Exercise 2: derive (3 points)
#
# A flattened head has the weight `(K, C * H * W)` of an `nn.Linear` behind `flatten(1)`. Show it a map in every order of its cells, the same order in all channels, and average the logits: the
# average does not depend on the order any more. Derive which weight $(K, C)$ behind **global average pooling** gives exactly these averaged logits for every map, and write
# the function. (Every cell is in every place equally often. Where does the factor $1/HW$ of the pool go?)


# %% name="ex-2-2" nbgrader={"grade": false, "grade_id": "ex-2-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def indifferent(weight: torch.Tensor, channels: int, height: int, width: int) -> torch.Tensor:
    """Return the weight ``(K, C)`` behind a global average pool that ignores order."""
    ### BEGIN SOLUTION
    # Averaged over orders each cell's weight becomes w = (1/HW) sum_i w_i, and sum_i w x_i = HW w * mean(x).
    return weight.reshape(len(weight), channels, height * width).sum(dim=2)
    ### END SOLUTION


# %% name="ex-2-2-test" nbgrader={"grade": true, "grade_id": "ex-2-2-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps2.check_indifferent(indifferent)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_indifferent(indifferent, seed=hidden_fresh_seed())
hidden_draws = hidden_torch.Generator().manual_seed(hidden_fresh_seed())
hidden_weight = hidden_torch.randn(
    10, 6 * 5 * 8, generator=hidden_draws, dtype=hidden_torch.float64
)
hidden_cells = hidden_torch.randn(6, 5, 8, generator=hidden_draws, dtype=hidden_torch.float64)
# All shifts around the ring put each cell into each place once, as all orders do on average.
hidden_moved = hidden_torch.stack(
    [hidden_cells.roll((y, x), (1, 2)).flatten() for y in range(5) for x in range(8)]
)
hidden_given = indifferent(hidden_weight.clone(), 6, 5, 8) @ hidden_cells.mean(dim=(1, 2))
assert hidden_torch.allclose(
    hidden_given, (hidden_moved @ hidden_weight.T).mean(dim=0), atol=1e-9
), "A map of 5 x 8 cells, averaged over all shifts around the ring."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: implement (5 points)
#
# Accuracy cannot see that a network changes its mind between two wrong classes. Consistency can: it is the share of pairs of **different** shifts of the same picture that get the same
# class, over all pairs and all pictures (Zhang 2019 measures it on random pairs). Write it for logits `(S, N, K)`: S shifts of N pictures, K classes. It returns a plain
# `float` from 0 to 1. Two points are for two shifts, three for any number of them.


# %% name="ex-2-3" nbgrader={"grade": false, "grade_id": "ex-2-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def consistency(logits: torch.Tensor) -> float:
    """Return the share of pairs of shifts (S >= 2) that give the same class."""
    ### BEGIN SOLUTION
    classes = logits.argmax(dim=2)  # (S, N)
    same = (
        (classes[:, None] == classes[None, :]).float().mean(dim=2)
    )  # (S, S), the diagonal is 1
    shifts = len(classes)
    return ((same.sum() - shifts) / (shifts * (shifts - 1))).item()
    ### END SOLUTION


# %% name="ex-2-3-test" nbgrader={"grade": true, "grade_id": "ex-2-3-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps2.check_consistency(consistency, shifts=[2])
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_consistency(consistency, shifts=[2], seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% name="ex-2-3-test-2" nbgrader={"grade": true, "grade_id": "ex-2-3-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps2.check_consistency(consistency, shifts=[3, 5, 13])
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_consistency(consistency, shifts=[3, 4, 9], seed=hidden_fresh_seed())
hidden_logits = hidden_torch.zeros(6, 3, 4)
hidden_logits[:, 0, 1] = hidden_logits[:, 1, 2] = hidden_logits[:, 2, 3] = 1
assert abs(consistency(hidden_logits) - 1) < 1e-6, (
    "Pictures that keep their class at each shift."
)
hidden_logits[5, :, 0] = 2  # one shift in six changes every picture
assert abs(consistency(hidden_logits) - 10 / 15) < 1e-6, "One shift in six changes the class."
### END HIDDEN TESTS

# %% [markdown]
# Your metric on trained networks: 20 garments of 16 px, moved along the middle row by -6 to 6 px.

# %% name="consistency-of-heads"
garments = data.resize(data.stratified("test", 20)[0], data.SMALL)
moves = [data.place(garments, data.FRAME, dx) for dx in range(-data.ROOM, data.ROOM + 1)]
for head in ("gap", "max", "flatten"):
    for trained in ("centred", "shifted"):
        network = weights.load(f"resnet20-{head}-{trained}-s0")
        logits = torch.stack([training.predict(network, frames) for frames in moves])
        print(f"{head}, trained on {trained} garments: {consistency(logits.cpu()):.2f}")

# %% [markdown]
# ## Exercise 4: debug (4 points)
#
# A colleague has written a test of shift invariance, and reports that every network passes it. It says so even of a flattened head:


# %% name="colleague-invariant"
def colleague_is_invariant(network: nn.Module, images: torch.Tensor, shifts: list[int]) -> bool:
    """Say whether moving pictures to the right, around the ring, leaves the logits alone."""
    before = network(images)
    for shift in shifts:
        after = network(images.roll(shift))
        if torch.isclose(after, before, rtol=0.05).any():
            return True
    return False


# %% name="colleague-example"
flattened = weights.load("resnet20-flatten-s0")
pictures = data.normalise(data.stratified("test", 20)[0])
print("invariant to 1 and to 9 px:", colleague_is_invariant(flattened, pictures, [1, 9]))

# %% [markdown]
# Find what is wrong: look at which pixels go where, at how the comparison is made, at how many shifts are looked at, and at what happens if the network is still in
# training mode. Then write the measurement that she needed, a number and not a yes. For one picture and one shift the drift is
#
# $$\frac{\lVert f(\text{moved picture}) - f(\text{picture}) \rVert}{\lVert f(\text{picture}) \rVert}$$
#
# with the Euclidean norm over the logits. `largest_drift` returns the largest over all pictures and all shifts, as a plain `float`. It measures in evaluation mode, and leaves the network in the mode
# in which it was and with the numbers that it had.


# %% name="ex-2-4" nbgrader={"grade": false, "grade_id": "ex-2-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def largest_drift(network: nn.Module, images: torch.Tensor, shifts: list[int]) -> float:
    """Return the largest drift of pictures ``(N, C, H, W)`` moved to the right, around the ring."""
    ### BEGIN SOLUTION
    mode = network.training
    network.eval()  # batch norm and dropout would look at the batch, and learn from it
    with torch.no_grad():
        before = network(images)
        moved = torch.stack([network(images.roll(shift, dims=3)) for shift in shifts])
    network.train(mode)
    return ((moved - before).norm(dim=2) / before.norm(dim=1)).max().item()
    ### END SOLUTION


# %% name="ex-2-4-test" nbgrader={"grade": true, "grade_id": "ex-2-4-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps2.check_largest_drift(largest_drift)
### BEGIN HIDDEN TESTS
from gaplab import data as hidden_data, shifting as hidden_shifting, weights as hidden_weights
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_largest_drift(largest_drift, seed=hidden_fresh_seed())
hidden_ring = hidden_shifting.circular(hidden_weights.load("resnet20-gap-s1"))
hidden_garments = hidden_data.normalise(hidden_data.stratified("test", 20)[0])
assert largest_drift(hidden_ring, hidden_garments, [4, 8, 20]) < 1e-3, (
    "Without a border, moves by the total stride leave the logits of a GAP network alone."
)
assert largest_drift(hidden_ring, hidden_garments, [4, 6]) > 0.05, (
    "A move by 6 px is felt, even if another shift in the list is not."
)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: judge by an experiment of your own (5 points)
#
# The mean does not see the order of the cells. Some conclude:
#
# > *A network with GAP is a bag of patches: cut the picture into tiles, shuffle them, and it still recognises the garment.*
#
# "Still" shall mean that it keeps at least 90 % of its accuracy for tiles of 14 px, half the picture's side, a multiple of the total stride.
#
# **First (2 points)** write `scramble(images, tile, seed)`. It cuts each picture into square tiles of `tile` px (a divisor of the side) and puts them in a random order, **another order for
# each picture**, drawn from `seed`. Shape and type stay as they are.


# %% name="ex-2-5" nbgrader={"grade": false, "grade_id": "ex-2-5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scramble(images: torch.Tensor, tile: int, seed: int) -> torch.Tensor:
    """Shuffle the tiles of each picture ``(N, C, H, H)``."""
    ### BEGIN SOLUTION
    draws = torch.Generator().manual_seed(seed)
    n, c, side, _ = images.shape
    across = side // tile
    tiles = images.reshape(n, c, across, tile, across, tile).permute(0, 2, 4, 1, 3, 5)
    tiles = tiles.reshape(n, across * across, c, tile, tile)
    orders = [torch.randperm(across * across, generator=draws) for _ in range(n)]
    tiles = torch.stack([picture[order] for picture, order in zip(tiles, orders, strict=True)])
    tiles = tiles.reshape(n, across, across, c, tile, tile).permute(0, 3, 1, 4, 2, 5)
    return tiles.reshape(images.shape)
    ### END SOLUTION


# %% name="ex-2-5-test" nbgrader={"grade": true, "grade_id": "ex-2-5-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps2.check_scramble(scramble)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_scramble(scramble, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% name="scrambled-garments"
shown = data.stratified("test", 10)[0]
rows = {f"tiles of {tile} px": scramble(shown, tile, seed=0)[:8, 0] for tile in (28, 14, 7)}
show(
    figures.picture_rows(torch.stack(list(rows.values())).numpy(), list(rows)),
    name="fig-scrambled",
    alt="Eight garments in three rows: whole, cut into four tiles and shuffled, cut into sixteen tiles and shuffled.",
    caption="Garments whole, and with their tiles in a random order.",
)

# %% [markdown]
# **Then (3 points)** measure. Fill a `pd.DataFrame` called `scrambled` with one row for each condition and the columns `head` ("gap", "flatten", and "max" if you like), `seed` (0, 1, 2: the networks
# `weights.load("resnet20-gap-s0")` and so on), `tile` (28 for the whole picture, 14, and at least one more) and `accuracy` (a fraction; `training.accuracy` measures it). Use 200 test garments, `data.stratified("test", 200)`.
# From the table work out `kept`: for "gap" and for "flatten", the percentage of the accuracy at 28 px that is kept at 14 px, each averaged over seeds first. Give the `verdict` that
# follows: `HOLDS`, `CAVEATS` or `FAILS`.

# %% name="ex-2-5b" nbgrader={"grade": false, "grade_id": "ex-2-5b", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
images, labels = data.stratified("test", 200)
measured = []
for head in ("gap", "flatten"):
    for seed in (0, 1, 2):
        network = weights.load(f"resnet20-{head}-s{seed}")
        for tile in (28, 14, 7):
            right = training.accuracy(network, (scramble(images, tile, seed), labels))
            measured.append({"head": head, "seed": seed, "tile": tile, "accuracy": right})
scrambled = pd.DataFrame(measured)
mean = scrambled.groupby(["head", "tile"]).accuracy.mean()
kept = {head: 100 * mean[head, 14] / mean[head, 28] for head in ("gap", "flatten")}
verdict = FAILS
### END SOLUTION

# %% name="ex-2-5b-test" nbgrader={"grade": true, "grade_id": "ex-2-5b-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps2.check_scrambled(scrambled, kept, verdict)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps2.check_scrambled(scrambled, kept, verdict, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: explain (3 points, marked by hand)
#
# *"GAP makes ResNet translation invariant."* Answer your interviewer in three sentences: what exactly is invariant and to what, two causes that break it before the pool, and one number of
# your own from this problem set that shows it.

# %% [markdown] name="ex-2-6" nbgrader={"grade": true, "grade_id": "ex-2-6", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The pool is invariant to every permutation of the last map's cells, and that says nothing yet about the picture. Strides sample other places after a shift that is no multiple of the total stride, and
# zero padding tells cells near the border apart, so the map does not just move along. Of 28 shifts around the ring the trained GAP network with zero padding leaves its logits alone for one, the whole turn, and with tiles of 14 px in another order it keeps about half
# of its accuracy.
#
# === BEGIN MARK SCHEME ===
# 1 point: the operator is invariant to permutations (or shifts) of the last map's cells; the network's answer to a moved picture is another matter.
# 1 point: two of: stride (aliasing), padding (the border), what the network was trained on. Half a point for one.
# 1 point: a number from the student's own cells, with what it measures. A number from the chapter earns half a point.
# Saying that convolution is invariant, where equivariant is meant, costs half a point.
# === END MARK SCHEME ===
# ### END SOLUTION
