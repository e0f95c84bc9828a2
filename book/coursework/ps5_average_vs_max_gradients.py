# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 5
#     title: "Problem set 5: between the average and the maximum"
#     minutes: 90
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 5 of the coursework, on the gradients of pooling: GeM and log-sum-exp with their derivatives, a gradient check that can be trusted, and a judgement on sparse gradients in ResNet-20."
# ---

# %% [markdown]
# # Problem set 5: between the average and the maximum
#
# "The gradient of max pooling is sparse, that of average pooling is smooth." Everybody says it. Few have looked at what becomes of either a block
# further back, and fewer know that there is a whole road between the two. Here you walk it, with derivatives of your own and a check that you can trust.
#
# **You will** predict gradients cell by cell; program generalised-mean pooling and its gradient so that no power overflows; derive and program its sibling, log-sum-exp;
# repair a gradient check that believes everything; measure how far a gradient is spread in trained networks and judge a claim by it; answer in three sentences.
# **You need** chapter 5, the chain rule, and `torch.autograd.grad`. **It takes** about 90 minutes. **It gives** 30 points.
#
# | exercise | kind | points | marked |
# |---|---|---|---|
# | 1 where the gradient goes | predict | 3 | at once |
# | 2 GeM and its gradient | implement | 2 + 3 | at once |
# | 3 log-sum-exp | derive, implement | 3 + 3 | by hand, at once |
# | 4 the check that believes everything | debug | 5 | at once |
# | 5 does most of the network learn nothing? | implement, judge | 3 + 2 + 3 | code and form at once, content by hand |
# | 6 in three sentences | explain | 3 | by hand |
#
# **How to check.** Behind each answer stands a cell that checks it in seconds and says in one sentence what is wrong. Run
# it as often as you like. For the mark the same questions are asked again with other random inputs, so an answer that is
# fitted to the inputs of the check does not count.
# **How to hand in.** Write only into the cells that are meant for answers and keep the notebook's name. At the end restart the
# kernel, run all cells from top to bottom (under two minutes), save, and hand in the one file.

# %% name="imports"
import pandas as pd
import torch
import torch.nn.functional as F

from gaplab import data, models, weights  # noqa: F401 if needed
from gaplab.claims import mean_spread
from gaplab.coursework import ps5

# %% [markdown]
# ## 1. Where the gradient goes (predict, 3 points)
#
# The book's ResNet-20 has a total stride of 4. Show it a square picture, as large as the cell below says. Before you run anything, for one channel of its last map:
#
# - Behind a global max pool, how many cells get a gradient, if no two cells are equal? How large is the L2 norm of the gradient, as a multiple of the norm behind global average pooling?
# - Let all cells of the channel be equal, as behind a ReLU that has shut. How many get a gradient from `x.amax(dim=(2, 3))`, and how many from `F.max_pool2d` with a window of the whole map? They are not the same.
# - One cell in the middle of the last map has a gradient. Go back through the last residual block: two 3 x 3 convolutions of stride 1, and the shortcut. How many cells of the block's input can it reach at most?

# %% name="numbers"
size = ps5.size()  # 40; your course may draw another size
print(f"The picture has {size} x {size} px.")

# %% name="ex-5-1" nbgrader={"grade": false, "grade_id": "ex-5-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = {
    "cells with a gradient behind global max": None,
    "L2 norm behind max, as a multiple of average": None,
    "cells with a gradient, all equal, torch.amax": None,
    "cells with a gradient, all equal, F.max_pool2d": None,
    "cells that one cell reaches, one block back": None,
}
### BEGIN SOLUTION
prediction = {
    "cells with a gradient behind global max": 1,
    # The average gives 1/100 to each of 100 cells: sqrt(100 / 100**2) = 1/10.
    "L2 norm behind max, as a multiple of average": 10,
    "cells with a gradient, all equal, torch.amax": 100,  # the gradient is shared among ties
    "cells with a gradient, all equal, F.max_pool2d": 1,  # the first one found takes all
    "cells that one cell reaches, one block back": 25,  # 3 x 3 of 3 x 3 is 5 x 5
}
### END SOLUTION

# %% name="ex-5-1-test" nbgrader={"grade": true, "grade_id": "ex-5-1-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps5.check_prediction(prediction)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
import torch.nn.functional as hidden_functional
from gaplab import data as hidden_data, models as hidden_models

hidden_side = (
    hidden_models.resnet20()
    .eval()
    .features(hidden_data.normalise(hidden_torch.zeros(1, 1, ps5.size(), ps5.size())))
    .shape[-1]
)
hidden_x = hidden_torch.zeros(1, 1, hidden_side, hidden_side, requires_grad=True)
for hidden_name, hidden_pooled in {
    "torch.amax": hidden_x.amax(dim=(2, 3)),
    "F.max_pool2d": hidden_functional.max_pool2d(hidden_x, hidden_side),
}.items():
    hidden_gradient = hidden_torch.autograd.grad(hidden_pooled.sum(), hidden_x)[0]
    hidden_said = prediction[f"cells with a gradient, all equal, {hidden_name}"]
    assert hidden_said == int((hidden_gradient != 0).sum()), (
        f"Look at the ties of {hidden_name}."
    )
assert prediction["cells with a gradient behind global max"] == 1, "Count the cells behind max."
assert abs(prediction["L2 norm behind max, as a multiple of average"] - hidden_side) < 0.2, (
    "Look at the norm."
)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. GeM and its gradient (implement, 5 points)
#
# Generalised-mean pooling (Radenović, Tolias and Chum 2019) is $y = \left( \frac{1}{HW} \sum_i x_i^p \right)^{1/p}$ in each channel, for $x_i \ge 0$ and $p \ge 1$: the average at $p = 1$, the maximum in the limit.
#
# **The value (2 points).** Write `gem(x, p)` for maps `(N, C, H, W)`; it returns `(N, C)`, of the same type. Cells may be zero, but each channel has a positive one. Two things are asked beyond the formula. It must not overflow: activations go up to 1000 and $p$
# up to 90, and $1000^{90}$ is no float32. And autograd must be able to differentiate it.


# %% name="ex-5-2" nbgrader={"grade": false, "grade_id": "ex-5-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gem(x, p):
    """Pool maps ``(N, C, H, W)`` to ``(N, C)`` by the generalised mean with exponent ``p``."""
    ### BEGIN SOLUTION
    peak = x.amax(dim=(2, 3), keepdim=True).detach()  # a constant: it cancels in the formula
    mean = (x / peak).pow(p).mean(dim=(2, 3))
    return peak[:, :, 0, 0] * mean.pow(1 / p)
    ### END SOLUTION


# %% name="ex-5-2-test" nbgrader={"grade": true, "grade_id": "ex-5-2-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps5.check_gem(gem)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab import models as hidden_models
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps5.check_gem(gem, seed=hidden_seed)
# The book's own layer, on a real feature map behind a ReLU.
hidden_pool = hidden_models.GeM(p=1.0 + hidden_seed % 5)
hidden_maps = (
    hidden_torch.rand(3, 8, 7, 7, generator=hidden_torch.Generator().manual_seed(hidden_seed))
    + 0.01
)
hidden_wanted = hidden_pool(hidden_maps).detach().flatten(1)
hidden_torch.testing.assert_close(
    gem(hidden_maps, float(hidden_pool.p)), hidden_wanted, rtol=1e-4, atol=1e-5
)
### END HIDDEN TESTS

# %% [markdown]
# **The gradient (3 points).** Now without autograd: write `gem_gradient(x, p, upstream)`. `upstream` has shape `(N, C)` and is the gradient of the loss with respect to the pooled vector; return the gradient with respect to `x`, by a formula that you derived.
# It must not overflow either. The check runs where autograd is switched off.


# %% name="ex-5-2b" nbgrader={"grade": false, "grade_id": "ex-5-2b", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gem_gradient(x, p, upstream):
    """Return the gradient at ``x``, ``(N, C, H, W)``, for a gradient ``(N, C)`` from above."""
    ### BEGIN SOLUTION
    cells = x.shape[2] * x.shape[3]
    peak = x.amax(dim=(2, 3), keepdim=True)
    pooled = peak * (x / peak).pow(p).mean(dim=(2, 3), keepdim=True).pow(1 / p)
    # dy/dx_i = (1/p) y^(1-p) * p x_i^(p-1) / HW; the ratio stays small, so its power does.
    return upstream[:, :, None, None] * (x / pooled).pow(p - 1) / cells
    ### END SOLUTION


# %% name="ex-5-2b-test" nbgrader={"grade": true, "grade_id": "ex-5-2b-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps5.check_gem_gradient(gem_gradient)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps5.check_gem_gradient(gem_gradient, seed=hidden_seed)
# Central differences know no formula at all.
hidden_draws = hidden_torch.Generator().manual_seed(hidden_seed)
hidden_x = (
    hidden_torch.rand(1, 1, 4, 3, generator=hidden_draws, dtype=hidden_torch.float64) + 0.1
)
hidden_up = hidden_torch.randn(1, 1, generator=hidden_draws, dtype=hidden_torch.float64)
hidden_given = gem_gradient(hidden_x.clone(), 3.5, hidden_up.clone())
for hidden_cell in range(12):
    hidden_step = hidden_torch.zeros(12, dtype=hidden_torch.float64)
    hidden_step[hidden_cell] = 1e-6
    hidden_both = [
        (hidden_x + sign * hidden_step.view(1, 1, 4, 3)).pow(3.5).mean().pow(1 / 3.5)
        for sign in (1, -1)
    ]
    hidden_slope = float((hidden_both[0] - hidden_both[1]) / 2e-6 * hidden_up)
    assert abs(hidden_slope - float(hidden_given.flatten()[hidden_cell])) < 1e-6, (
        "Differences disagree."
    )
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Log-sum-exp
#
# Another road from average to maximum is $y = \frac{1}{r} \log \left( \frac{1}{HW} \sum_i e^{r x_i} \right)$ with $r > 0$ (Pinheiro and Collobert 2015).
#
# ### Derive (3 points)
#
# 1. Show that the gradient of log-sum-exp sums to one over the cells of a channel, for every $r$.
# 2. Show that the gradient of GeM sums to at most one for $p \ge 1$, and say when it is one.
# 3. The activations of a trained network are all multiplied by 10. What happens to the *shape* of the gradient, its distribution over the cells, in each of the two pools, and which one would you rather put behind a layer whose scale you do not know?

# %% [markdown] name="ex-5-3-derive" nbgrader={"grade": true, "grade_id": "ex-5-3-derive", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. $\partial y / \partial x_i = \frac{1}{r} \cdot \frac{r e^{r x_i}}{\sum_j e^{r x_j}}$: the softmax of $r x$ over the cells. A softmax sums to one.
# 2. $\partial y / \partial x_i = \frac{1}{HW} (x_i / y)^{p-1}$, so the sum is $\frac{1}{HW} \sum_i x_i^{p-1} / y^{p-1} = (M_{p-1} / M_p)^{p-1}$, where $M_q$ is the mean of exponent $q$ and $y = M_p$. Power means grow with their exponent, so $M_{p-1} \le M_p$ and the sum is at most one (for $1 < p < 2$ the same
# follows from Jensen: $t \mapsto t^{(p-1)/p}$ is concave, so the mean of $(x^p)^{(p-1)/p}$ is at most $y^{p-1}$; this argument serves for every $p > 1$). It is one at $p = 1$, and for $p > 1$ only where all cells are equal.
# 3. GeM's gradient depends on the ratios $x_i / y$, which do not change: its shape stays. In log-sum-exp multiplying $x$ by 10 does what multiplying $r$ by 10 does: the softmax becomes sharper and nearer to max. Behind an unknown scale GeM is the safer choice (or an $r$ that is learned). Adding a constant to all cells is the other way round: it leaves log-sum-exp's gradient as it is and changes GeM's.
#
# === BEGIN MARK SCHEME ===
# - 1 point: the softmax, with the r that cancels, and that it sums to one.
# - 1 point: GeM's sum written out, bounded by Jensen or by the power-mean inequality, with equality at p = 1 or for a constant map. The bound without the case of equality: half a point.
# - 1 point: GeM's shape does not change because only ratios enter; log-sum-exp sharpens; a choice that follows.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ### Implement (3 points)
#
# Write `lse(x, r)` for maps `(N, C, H, W)`; it returns `(N, C)`, of the same type, and autograd can differentiate it. Cells may be negative. Activations go up to 1000 and $r$ up to 50, and $e^{50\,000}$ is no float at all.


# %% name="ex-5-3" nbgrader={"grade": false, "grade_id": "ex-5-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lse(x, r):
    """Pool maps ``(N, C, H, W)`` to ``(N, C)`` by log-sum-exp with sharpness ``r``."""
    ### BEGIN SOLUTION
    peak = x.amax(dim=(2, 3), keepdim=True).detach()
    mean = (r * (x - peak)).exp().mean(dim=(2, 3))
    return peak[:, :, 0, 0] + mean.log() / r
    ### END SOLUTION


# %% name="ex-5-3-test" nbgrader={"grade": true, "grade_id": "ex-5-3-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps5.check_lse(lse)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps5.check_lse(lse, seed=hidden_seed)
# Two limits and a law that the formula obeys, whatever the maps are.
hidden_draws = hidden_torch.Generator().manual_seed(hidden_seed)
hidden_x = hidden_torch.randn(2, 3, 5, 4, generator=hidden_draws, dtype=hidden_torch.float64)
for hidden_r, hidden_limit in (
    (1e-6, hidden_x.mean(dim=(2, 3))),
    (1e6, hidden_x.amax(dim=(2, 3))),
):
    hidden_torch.testing.assert_close(lse(hidden_x, hidden_r), hidden_limit, rtol=0, atol=1e-4)
hidden_torch.testing.assert_close(
    lse(hidden_x + 7, 2.0), lse(hidden_x, 2.0) + 7, rtol=0, atol=1e-9
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. The check that believes everything (debug, 5 points)
#
# A colleague tests hand-written gradients by central differences. `gradient(x)` should be the gradient of `pool(x).sum()`, for maps `(N, C, H, W)`. The check has never failed. It does not fail for a gradient that is zero everywhere either.


# %% name="colleagues-check"
def colleagues_check(pool, gradient, x):
    """Say whether ``gradient(x)`` is the gradient of ``pool(x).sum()``, for every element."""
    given, wanted, step = gradient(x), torch.zeros_like(x), 1e-4
    for place in range(x[0, 0].numel()):
        x.view(-1)[place] += step
        up = pool(x).sum()
        x.view(-1)[place] -= 2 * step
        down = pool(x).sum()
        wanted.view(-1)[place] = (up - down) / step
    right = torch.isclose(given, wanted, rtol=0, atol=3e-2).any()
    return bool(right)


maps = torch.rand(2, 3, 7, 7)
gradients = {
    "the right gradient": lambda x: torch.full_like(x, 1 / 49),
    "no gradient at all": torch.zeros_like,
}
for name, gradient in gradients.items():
    print(f"{name}: {colleagues_check(lambda x: x.mean(dim=(2, 3)), gradient, maps.clone())}")

# %% [markdown]
# It holds at least four faults. Write it anew without them, and leave a comment at each repair that says what was wrong.
#
# `gradient_is_right(pool, gradient, x)` returns `True` where every element is right to within a thousandth of the largest one, and `False` where a single element of any picture and channel is wrong, or `nan`.
# Two points are for gradients that are wrong everywhere, three for those that are wrong in one place or by little. It leaves `x` as it was, and works for `x` in float32 too. The pools work in any precision, and you need not care for maps with ties.


# %% name="ex-5-4" nbgrader={"grade": false, "grade_id": "ex-5-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_is_right(pool, gradient, x):
    """Say whether ``gradient(x)`` is the gradient of ``pool(x).sum()``, for every element."""
    ### BEGIN SOLUTION
    given = gradient(x)
    # Differences of float32 sums are mostly rounding. And x itself was moved and never restored.
    x = x.detach().double().clone()
    wanted, step = torch.zeros_like(x), 1e-5
    # Only the first picture's first channel was looked at.
    for place in range(x.numel()):
        here = x.view(-1)[place].clone()
        x.view(-1)[place] = here + step
        up = pool(x).sum()
        x.view(-1)[place] = here - step
        down = pool(x).sum()
        x.view(-1)[place] = here
        wanted.view(-1)[place] = (up - down) / (2 * step)  # the two points are two steps apart
    # One right element was enough, and the tolerance was as large as the average's gradient.
    allowed = 1e-3 * wanted.abs().max()
    right = ((given.double() - wanted).abs() <= allowed).all()
    return bool(right)
    ### END SOLUTION


# %% name="ex-5-4-test" nbgrader={"grade": true, "grade_id": "ex-5-4-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps5.check_gross_faults(gradient_is_right)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps5.check_gross_faults(gradient_is_right, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% name="ex-5-4-test-2" nbgrader={"grade": true, "grade_id": "ex-5-4-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps5.check_gradient_checker(gradient_is_right)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps5.check_gradient_checker(gradient_is_right, seed=hidden_seed)
# A pool that the visible check does not know: one whose channels have weights of their own.
hidden_draws = hidden_torch.Generator().manual_seed(hidden_seed)
hidden_maps = hidden_torch.randn(2, 4, 3, 5, generator=hidden_draws, dtype=hidden_torch.float64)
hidden_scale = hidden_torch.tensor([1.0, 0.5, 2.0, 0.25], dtype=hidden_torch.float64)[
    :, None, None
]


def hidden_pool(x):
    """Average the squares, channel by channel with another weight."""
    return (hidden_scale * x.square()).mean(dim=(2, 3))


assert gradient_is_right(
    hidden_pool, lambda x: hidden_scale * 2 * x / 15, hidden_maps.clone()
), "Your check refuses the right gradient of a weighted mean of squares."
assert not gradient_is_right(hidden_pool, lambda x: 2 * x / 15, hidden_maps.clone()), (
    "Your check believes a gradient that forgets the weights of the channels."
)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Does most of the network learn nothing? (implement, judge, 8 points)
#
# A slide says: *"Behind a global max pool only one position in 49 gets a gradient, so in every step 98 % of the network's positions learn nothing."* Test it on the book's trained networks, with two measures, because one number can deceive:
#
# - the share of numbers in the gradient that are **not zero**;
# - the share of cells that hold the **energy**. For one picture let $e_i$ be the sum over the channels of the squared gradient at cell $i$. $\left( \sum_i e_i \right)^2 / \sum_i e_i^2$ is the number of cells that share the energy: all cells if they have equal parts, 1 if one cell has everything. Divided by
#   the number of cells it is a share.
#
# ### The measurement (3 points)
#
# Write `gradient_spread(network, images, labels)`. `network` is one of the book's ResNets, `images` are normalised. In evaluation mode, take the sum of the cross-entropies of the pictures and its gradient with respect to the output of each of the stages `layer1`, `layer2`, `layer3`. Return a dictionary from the stage's name to a tuple of two floats:
# the share that is not zero, over all pictures, channels and cells; and the energy's share, computed for each picture and averaged over the pictures. Leave the network as you found it: its mode, its weights and statistics, no hooks, and no gradients in its weights. Compute the energies in
# float64 (on the CPU), because squares of small gradients underflow.


# %% name="ex-5-5" nbgrader={"grade": false, "grade_id": "ex-5-5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_spread(network, images, labels):
    """Return for each stage the share that is not zero and the share that holds the energy."""
    ### BEGIN SOLUTION
    outputs, was_training = {}, network.training
    handles = [
        getattr(network, name).register_forward_hook(
            lambda module, inputs, output, name=name: outputs.update({name: output})
        )
        for name in ("layer1", "layer2", "layer3")
    ]
    try:
        loss = F.cross_entropy(
            network.eval()(images), labels.to(images.device), reduction="sum"
        )
        gradients = torch.autograd.grad(loss, list(outputs.values()))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    shares = {}
    for name, gradient in zip(outputs, gradients, strict=True):
        energy = gradient.cpu().double().square().sum(dim=1).flatten(1)
        cells = energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)
        shares[name] = (
            float((gradient != 0).float().mean()),
            float(cells.mean()) / energy.shape[1],
        )
    return shares
    ### END SOLUTION


# %% name="ex-5-5-test" nbgrader={"grade": true, "grade_id": "ex-5-5-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps5.check_gradient_spread(gradient_spread)
### BEGIN HIDDEN TESTS
from gaplab import data as hidden_data, weights as hidden_weights
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps5.check_gradient_spread(gradient_spread, seed=hidden_seed)
# On trained networks the last stage is known without a measurement: 1 or 1/49 of it has a gradient.
hidden_images, hidden_labels = hidden_data.stratified("test", 20, skip=hidden_seed % 50)
hidden_images = hidden_data.normalise(hidden_images)
hidden_labels = hidden_labels.to(hidden_images.device)
for hidden_head, hidden_share in (("gap", 1.0), ("max", 1 / 49)):
    hidden_network = hidden_weights.load(f"resnet20-{hidden_head}-s0")
    hidden_given = gradient_spread(hidden_network, hidden_images, hidden_labels)["layer3"][0]
    assert abs(hidden_given - hidden_share) < 0.002, (
        f"The last stage behind {hidden_head} is off."
    )
### END HIDDEN TESTS

# %% [markdown]
# ### The experiment (2 points for its form)
#
# Fill the table `experiment` with the columns `head`, `seed`, `stage`, `not_zero` and `energy`, one row for each of the heads `gap` and `max`, the seeds 0, 1, 2 and the three stages of the trained networks `resnet20-{head}-s{seed}`, all on the pictures below. Further tables are welcome, for instance of untrained networks or of
# other pictures.

# %% name="pictures"
# The first ten of each class; your course may skip some.
pictures, labels = data.stratified("test", 100, skip=ps5.skip())

# %% name="ex-5-5b" nbgrader={"grade": false, "grade_id": "ex-5-5b", "locked": false, "schema_version": 3, "solution": true, "task": false}
experiment = None
### BEGIN SOLUTION
rows = []
for head in ("gap", "max"):
    for seed in (0, 1, 2):
        network = weights.load(f"resnet20-{head}-s{seed}")
        shares = gradient_spread(network, data.normalise(pictures), labels)
        rows += [
            {"head": head, "seed": seed, "stage": stage, "not_zero": share, "energy": energy}
            for stage, (share, energy) in shares.items()
        ]
experiment = pd.DataFrame(rows)
### END SOLUTION

# %% name="ex-5-5b-test" nbgrader={"grade": true, "grade_id": "ex-5-5b-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps5.check_experiment(experiment, pictures, labels)
asked = experiment[experiment["head"].isin(("gap", "max"))]
for (stage, head), rows in asked.groupby(["stage", "head"]):
    not_zero, energy = (mean_spread(100 * rows[name]) for name in ("not_zero", "energy"))
    print(f"{stage} {head}: not zero {not_zero} %, energy in {energy} % of the cells")
### BEGIN HIDDEN TESTS
from gaplab import data as hidden_data
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_pictures = hidden_data.stratified("test", 100, skip=ps5.skip())
ps5.check_experiment(experiment, *hidden_pictures, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ### The verdict (3 points)
#
# Does the slide's sentence hold, hold with caveats, or not hold as stated? Use both measures, with their spread over the seeds, and say which of the two you believe and why. Name something that your experiment cannot decide.

# %% [markdown] name="ex-5-5-verdict" nbgrader={"grade": true, "grade_id": "ex-5-5-verdict", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# It does not hold as stated. At the pool's input the first half is exact: 1 cell in 49 in each channel is not zero, though different channels choose different cells, so that the energy is shared by about a quarter of them. One stage further back nothing is sparse any more: every number has a gradient, behind max as behind average, on all three seeds, because the convolutions of a few blocks reach the whole map. So "98 % learn nothing" is wrong for the network.
#
# The energy says that there is something in it all the same: at `layer1` it sits in about 12 % of the cells behind max and in about 20 % behind average, and the difference is many times the spread over seeds. "Not zero" counts gradients of any size as one, so it says where a signal can arrive; the energy says where most of it does. I believe the energy for "how concentrated", and neither for "learns worse": weights are shared over positions, so every filter gets a gradient from wherever it comes. Whether training suffers has to be
# measured by training, with the learning rate tuned for each head. The two networks also differ in what they learned, so part of the difference is of the networks and not of the pool; untrained ones differ less.
#
# === BEGIN MARK SCHEME ===
# - 1 point: both measures with mean and spread over seeds, and a verdict that follows: sparse at the pool's input, dense one stage back.
# - 1 point: sees that the two measures disagree further back (all numbers not zero, energy concentrated) and argues which one speaks to the claim; or that weights are shared over positions, so a sparse gradient is not a part of the network that does not learn.
# - 1 point: a limit: sparse gradient is not worse training; pool and trained weights are confounded; one small network; gradients at the end of training.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ## 6. In three sentences (explain, 3 points)
#
# An interviewer says: *"So ResNet uses average pooling because max pooling's gradient is larger and sparse, and training would be unstable."* Answer in three sentences: what is exact in this, what is missing, and what would have to be measured before one may say "unstable".

# %% [markdown] name="ex-5-6" nbgrader={"grade": true, "grade_id": "ex-5-6", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# At the pool's input it is exact: max gives the whole gradient to one of the 49 cells, average gives each 1/49, so the sums over a channel are equal and the L2 norm is 7 times larger behind max. But the block before spreads it at once, batch norm and the learning rate take up the scale, and a max pool has no more trouble in ResNet's own stem. Before I say "unstable" I want training curves of both heads over several seeds, each at its own best learning rate, or how far the gradient turns when the input is slightly disturbed.
#
# === BEGIN MARK SCHEME ===
# - 1 point: 1 of 49 against 1/49 each; same sum, norm 7 times larger (any two of the three).
# - 1 point: at least one of: dense again a block back, scale is a matter of the learning rate, published gaps are small, ResNet's stem has a max pool.
# - 1 point: a measurement that decides: training of both with the learning rate tuned for each and several seeds, or the direction of the gradient under noise. "Max is worse" without a measurement gets nothing here.
# Four sentences or more: one point off.
# === END MARK SCHEME ===
# ### END SOLUTION
