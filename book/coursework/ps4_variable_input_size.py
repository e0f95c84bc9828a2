# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 4
#     title: "Problem set 4: a picture of any size"
#     minutes: 90
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 4 of the coursework, on variable input size: the law of input sizes, a head turned into convolutions, a pool for pictures of mixed sizes, and a judgement on resizing."
# ---

# %% [markdown]
# # Problem set 4: a picture of any size
#
# Interviewers like the question "and what happens at 300 x 300?", because it shows who has computed a map and who has
# only read about one. Here you compute maps, backwards as well as forwards, free a head with two linear layers from its
# size, repair a pool that is not quite global, and put an everyday rule to the test.
#
# **You will** predict what reaches a classifier from an oblong picture; derive and program the law of input sizes; turn
# a whole head into convolutions; repair a colleague's pool; judge a claim by an experiment of your own; answer in
# three sentences. **You need** chapter 4 and PyTorch's `nn.Module`. **It takes** about 90 minutes. **It gives** 30 points.
#
# | exercise | kind | points | marked |
# |---|---|---|---|
# | 1 what reaches the classifier | predict | 3 | at once |
# | 2 the law of input sizes | derive, implement | 3 + 4 | by hand, at once |
# | 3 a head becomes convolutions | implement | 6 | at once |
# | 4 the pool that forgets where pictures end | debug | 5 | at once |
# | 5 is resizing wasted work? | judge | 2 + 4 | form at once, content by hand |
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
from torch import nn

from gaplab import counting, data, device, models, training, weights  # noqa: F401 if needed
from gaplab.claims import mean_spread
from gaplab.coursework import ps4

where = device()

# %% [markdown]
# ## 1. What reaches the classifier (predict, 3 points)
#
# One of torchvision's ResNets is shown one oblong picture: the cell below says which, and how high and wide it is. Before you run anything: how many
# numbers for this one picture leave a global average pool, a pool with a fixed window of 7 x 7 cells and stride 1, and a
# plain flatten? And by what factor do the multiply-adds of the network grow, compared with 224 x 224? The factor may be off by 5 %.

# %% name="numbers"
# ResNet-50, 300 px high and 450 px wide; your course may draw others.
network, (height, width) = ps4.network(), ps4.picture()
print(f"{network} is shown a picture that is {height} px high and {width} px wide.")

# %% name="ex-4-1" nbgrader={"grade": false, "grade_id": "ex-4-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = {
    "global average pool": None,
    "AvgPool2d(7, stride=1)": None,
    "flatten": None,
    "times the multiply-adds at 224 x 224": None,
}
### BEGIN SOLUTION
rows, columns = 10, 15  # 300 / 32 and 450 / 32, rounded up
prediction = {
    "global average pool": 2048,
    "AvgPool2d(7, stride=1)": 2048 * (rows - 6) * (columns - 6),
    "flatten": 2048 * rows * columns,
    "times the multiply-adds at 224 x 224": 300 * 450 / 224**2,
}
### END SOLUTION

# %% name="ex-4-1-test" nbgrader={"grade": true, "grade_id": "ex-4-1-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps4.check_prediction(prediction)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from torch import nn as hidden_nn
from gaplab import device as hidden_device, models as hidden_models

# Another route: the whole network with real numbers, its pool replaced.
hidden_network = hidden_models.torchvision_resnet(ps4.network()).eval()
hidden_network.fc = hidden_nn.Identity()
hidden_height, hidden_width = ps4.picture()
for hidden_name, hidden_pool in {
    "global average pool": hidden_nn.AdaptiveAvgPool2d(1),
    "AvgPool2d(7, stride=1)": hidden_nn.AvgPool2d(7, stride=1),
    "flatten": hidden_nn.Identity(),
}.items():
    hidden_network.avgpool = hidden_pool
    with hidden_torch.no_grad():
        hidden_out = hidden_network(
            hidden_torch.zeros(1, 3, hidden_height, hidden_width, device=hidden_device())
        )
    assert prediction[hidden_name] == hidden_out.numel(), (
        f"Run through {hidden_name}, the real network disagrees."
    )
hidden_area = hidden_height * hidden_width / 224**2
assert 0.93 < prediction["times the multiply-adds at 224 x 224"] / hidden_area < 1.11, (
    "The factor of the multiply-adds is off."
)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. The law of input sizes
#
# The chapter went from the picture to the last map. Go backwards. A network has $n$ layers, the convolutions and pools that
# change the side of the map. Layer $i$ has window $k_i$, stride $q_i$ and padding $p_i$ with $2 p_i < k_i$, and
# rounds down:
#
# $$ s_i = \left\lfloor \frac{s_{i-1} + 2 p_i - k_i}{q_i} \right\rfloor + 1 . $$
#
# ### Derive (3 points)
#
# Show that for **every** side $s_n \ge 1$ of the last map, the input sides $s_0 \ge 1$ that lead to it are consecutive whole
# numbers, and that there are exactly $q_1 q_2 \cdots q_n$ of them, whatever the windows and the paddings are. Say where you use $2 p_i < k_i$.

# %% [markdown] name="ex-4-2-derive" nbgrader={"grade": true, "grade_id": "ex-4-2-derive", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# One layer first. $\lfloor (s + 2p - k) / q \rfloor + 1 = s'$ means $q (s' - 1) \le s + 2p - k \le q (s' - 1) + q - 1$, so
# $s$ runs from $a = q (s' - 1) + k - 2p$ to $a + q - 1$: exactly $q$ consecutive whole numbers. Since $s' \ge 1$ and $k - 2p \ge 1$, the
# smallest is at least 1, so all of them are real sides, and the window fits. This is where $2p < k$ is needed: otherwise
# some of the $q$ numbers could be zero or negative.
#
# Now several layers. Let an interval of $m$ consecutive sides be wanted behind a layer. Its sides have preimages of $q$ numbers each, and
# the preimage of $s' + 1$ begins at $a + q$, right where that of $s'$ ends. So they join to one interval of $m q$ numbers. Start with the single side $s_n$,
# $m = 1$, and go back through the layers: $q_n$, then $q_{n-1} q_n$, at last $q_1 \cdots q_n$.
#
# === BEGIN MARK SCHEME ===
# - 1 point: turns the rounding into two inequalities for one layer and finds q consecutive numbers.
# - 1 point: uses k - 2p >= 1 to show that all of them are at least 1 (and says that this is what the condition is for).
# - 1 point: composes the layers: neighbouring preimages join without gap or overlap, so the counts multiply.
# An argument for ResNet alone (total stride 32), or by examples, gets 1 point at most.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ### Implement (4 points)
#
# Write `sizes_for(layers, side)`: the smallest and the largest input side that lead to a last map of `side` cells. `layers` is a list
# of `(window, stride, padding)` from the picture's side on. Return two whole numbers as a tuple.


# %% name="ex-4-2" nbgrader={"grade": false, "grade_id": "ex-4-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sizes_for(layers, side):
    """Return the smallest and the largest input side for a last map of ``side`` cells."""
    ### BEGIN SOLUTION
    smallest = largest = side
    for window, stride, padding in reversed(layers):
        smallest = stride * (smallest - 1) + window - 2 * padding
        largest = stride * (largest - 1) + window - 2 * padding + stride - 1
    return smallest, largest
    ### END SOLUTION


# %% name="ex-4-2-test" nbgrader={"grade": true, "grade_id": "ex-4-2-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps4.check_sizes_for(sizes_for)
### BEGIN HIDDEN TESTS
import random as hidden_random
import torch as hidden_torch
from torch import nn as hidden_nn
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps4.check_sizes_for(sizes_for, seed=hidden_seed)
hidden_draws = hidden_random.Random(hidden_seed)
for _ in range(20):  # PyTorch's own convolutions in one dimension decide
    hidden_layers = ps4.random_layers(hidden_draws)
    hidden_stack = hidden_nn.Sequential(
        *(hidden_nn.Conv1d(1, 1, k, q, p, device="meta") for k, q, p in hidden_layers)
    )
    hidden_side = hidden_draws.randint(1, 9)
    for hidden_size in sizes_for(list(hidden_layers), hidden_side):
        hidden_out = hidden_stack(hidden_torch.empty(1, 1, hidden_size, device="meta"))
        assert hidden_out.shape[-1] == hidden_side, (
            f"Convolutions with the layers {hidden_layers} make no side {hidden_side} of {hidden_size} px."
        )
### END HIDDEN TESTS

# %% [markdown]
# What the function is good for: the sizes at which a head for the map of 224 px still fits, without trying one.

# %% name="sizes-table"
for name in ("resnet50", "vgg16", "alexnet"):
    last = counting.last_map(name)
    path = [(step.kernel, step.stride, step.padding) for step in last.path]
    print(f"{name}: side {last.side(224)} for inputs of {sizes_for(path, last.side(224))} px")

# %% [markdown]
# ## 3. A head becomes convolutions (implement, 6 points)
#
# Chapter 4 reads *one* linear layer on a *square* map as a convolution. Do it for a whole head on a map of any shape. Write
# `head_to_convolutions(head, channels, height, width)`. `head` is an `nn.Sequential` of `Linear` layers with other modules between them (`ReLU`, `Dropout`,
# `Tanh`); its first linear layer reads `flatten(1)` of maps `(N, channels, height, width)`. Return a new `nn.Sequential` in which every linear layer is a convolution and
# every other module is kept, so that
#
# - on a map of `height` x `width` it gives the head's logits, shaped `(N, classes, 1, 1)`;
# - on a larger map it gives one vector of logits for each place of the window;
# - the old head stays as it is: the convolutions hold *copies* of its weights, of the same type and on the same device. A linear layer without a bias
#   becomes a convolution without one.
#
# Three points are for the head on its own map, three for larger maps and for layers, biases and copies as described.


# %% name="ex-4-3" nbgrader={"grade": false, "grade_id": "ex-4-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_to_convolutions(head, channels, height, width):
    """Return the same head as convolutions, for maps of ``height`` x ``width`` cells or larger."""
    ### BEGIN SOLUTION
    layers, shape = [], (channels, height, width)
    for module in head:
        if isinstance(module, nn.Linear):
            weight = module.weight.detach().view(-1, *shape)
            conv = nn.Conv2d(shape[0], len(weight), shape[1:], bias=module.bias is not None).to(
                weight
            )
            with torch.no_grad():
                conv.weight.copy_(weight)
                if module.bias is not None:
                    conv.bias.copy_(module.bias)
            module, shape = conv, (len(weight), 1, 1)
        layers.append(module)
    return nn.Sequential(*layers)
    ### END SOLUTION


# %% name="ex-4-3-test" nbgrader={"grade": true, "grade_id": "ex-4-3-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps4.check_head_to_convolutions(head_to_convolutions, larger=False)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps4.check_head_to_convolutions(head_to_convolutions, hidden_fresh_seed(), larger=False)
### END HIDDEN TESTS

# %% name="ex-4-3-test-2" nbgrader={"grade": true, "grade_id": "ex-4-3-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps4.check_head_to_convolutions(head_to_convolutions)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from torch import nn as hidden_nn
from gaplab import data as hidden_data, weights as hidden_weights
from gaplab.coursework import fresh_seed as hidden_fresh_seed

hidden_seed = hidden_fresh_seed()
ps4.check_head_to_convolutions(head_to_convolutions, seed=hidden_seed)
# A trained head: the book's flattened ResNet-20 on its own maps, and on the lower right window of larger ones.
hidden_network = hidden_weights.load("resnet20-flatten-s0")
hidden_head = head_to_convolutions(hidden_nn.Sequential(hidden_network.fc), 64, 7, 7)
hidden_images = hidden_data.normalise(
    hidden_data.place(hidden_data.stratified("test", 10)[0], 40, dx=2, dy=-2)
)
with hidden_torch.no_grad():
    hidden_maps = hidden_network.features(hidden_images)
    hidden_wanted = hidden_network.fc(hidden_maps[:, :, 3:, 2:9].flatten(1))
    hidden_torch.testing.assert_close(
        hidden_head(hidden_maps)[:, :, 3, 2], hidden_wanted, rtol=0, atol=5e-3
    )
### END HIDDEN TESTS

# %% [markdown]
# ## 4. The pool that forgets where pictures end (debug, 5 points)
#
# A colleague trains on pictures of different sizes. To make one batch of them, each map is padded to the largest height and width in the batch. What stands in the
# padding is left over from earlier layers and means nothing. The pool has to average over each picture's own cells and over no others: a
# picture's vector must not depend on which other pictures are in the batch. `sizes` holds the height and the width of each picture in pixels; the network pads as ResNet does, so its map has the side that ResNet's has.


# %% name="colleagues-pool"
def colleagues_pool(maps, sizes, stride=32):
    """Average each picture's own cells: maps ``(N, C, H, W)`` to vectors ``(N, C)``."""
    vectors = []
    for each, (height, width) in zip(maps, sizes, strict=True):
        rows, columns = height // stride, width // stride
        vectors.append(each[:, :columns, :rows].sum(dim=(1, 2)) / each[0].numel())
    return torch.stack(vectors)


maps = torch.rand(1, 512, 7, 7)
torch.testing.assert_close(colleagues_pool(maps, [(224, 224)]), maps.mean(dim=(2, 3)))
print("The colleague's only test passes.")

# %% [markdown]
# It holds several faults. Write it anew without them, and leave a comment at each repair that says what was wrong. Two points are for squares of whole strides, three for pictures of any size.


# %% name="ex-4-4" nbgrader={"grade": false, "grade_id": "ex-4-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool_ragged(maps, sizes, stride=32):
    """Average each picture's own cells: maps ``(N, C, H, W)`` to vectors ``(N, C)``."""
    ### BEGIN SOLUTION
    vectors = []
    for each, (height, width) in zip(maps, sizes, strict=True):
        # The map's side is rounded up, not down.
        rows, columns = -(-height // stride), -(-width // stride)
        # Rows and columns were swapped, which no square picture shows; and the sum was
        # divided by all cells of the padded map, not by the picture's own.
        vectors.append(each[:, :rows, :columns].mean(dim=(1, 2)))
    return torch.stack(vectors)
    ### END SOLUTION


# %% name="ex-4-4-test" nbgrader={"grade": true, "grade_id": "ex-4-4-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps4.check_pool_ragged(pool_ragged, oblong=False)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps4.check_pool_ragged(pool_ragged, seed=hidden_fresh_seed(), oblong=False)
### END HIDDEN TESTS

# %% name="ex-4-4-test-2" nbgrader={"grade": true, "grade_id": "ex-4-4-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps4.check_pool_ragged(pool_ragged)
### BEGIN HIDDEN TESTS
import torch as hidden_torch
from gaplab import data as hidden_data, device as hidden_device, models as hidden_models
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps4.check_pool_ragged(pool_ragged, seed=hidden_fresh_seed())
# A real network: photographs of three sizes, each alone through the network's own pool.
hidden_network = hidden_models.torchvision_resnet("resnet18").eval()
hidden_sizes = [(224, 224), (225, 64), (33, 300)]
hidden_maps, hidden_wanted = hidden_torch.full((3, 512, 8, 10), 7.0, device=hidden_device()), []
for hidden_index, (hidden_height, hidden_width) in enumerate(hidden_sizes):
    hidden_image = hidden_data.photograph("coffee", 300).tensor[
        :, :, :hidden_height, :hidden_width
    ]
    with hidden_torch.no_grad():
        hidden_parts = hidden_models.parts(hidden_network, hidden_image)
    hidden_map = hidden_parts.feature_map[0]
    hidden_maps[hidden_index, :, : hidden_map.shape[1], : hidden_map.shape[2]] = hidden_map
    hidden_wanted.append(hidden_parts.pooled[0])
hidden_torch.testing.assert_close(
    pool_ragged(hidden_maps, hidden_sizes),
    hidden_torch.stack(hidden_wanted),
    rtol=1e-4,
    atol=1e-4,
)
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Is resizing wasted work? (judge, 6 points)
#
# A blog post says: *"With global pooling a network takes any size, so resizing a picture to the training size first is wasted work."*
# Chapter 4 tries it with networks that learned from many sizes. Here is the harder case for the pool, and the commoner one in practice: networks that know one size only. You have three trained networks, `weights.load("resnet20-gap-s0")` to `-s2`, trained on garments
# of 28 px, and the test images of the package, `data.stratified("test", n)`. `data.resize` scales, `data.place` puts a garment on a larger canvas, `training.accuracy` measures.
#
# ### The experiment (2 points for its form)
#
# Write `measure(seed, size)`: it makes test pictures of `size` px and returns two accuracies as fractions, of the network run on them *directly* and run on them *resized* to 28 px. How a picture of another size comes about is part
# of your design: a larger garment is not the same as more background. Then fill the table `experiment` with the columns `seed`, `size`, `direct`, `resized`: all three seeds, at least three sizes, some below 28 px and some above, none above 112. Further columns, rows and tables are welcome.
# With 100 to 200 images the whole table takes seconds.


# %% name="ex-4-5" nbgrader={"grade": false, "grade_id": "ex-4-5", "locked": false, "schema_version": 3, "solution": true, "task": false}
def measure(seed, size):
    """Return the accuracy on pictures of ``size`` px, run directly and resized to 28 px."""
    ### BEGIN SOLUTION
    network = weights.load(f"resnet20-gap-s{seed}")
    pictures, labels = data.stratified("test", 100)
    pictures = data.resize(pictures, size)
    back = data.resize(pictures, 28)
    return training.accuracy(network, (pictures, labels)), training.accuracy(
        network, (back, labels)
    )
    ### END SOLUTION


experiment = None
### BEGIN SOLUTION
experiment = pd.DataFrame(
    [
        dict(zip(("seed", "size", "direct", "resized"), (s, p, *measure(s, p)), strict=True))
        for s in (0, 1, 2)
        for p in (14, 20, 40, 56)
    ]
)
# The other way to be larger: the garment stays at 28 px and the background grows.
labels = data.stratified("test", 100)[1]
canvas = data.place(data.stratified("test", 100)[0], 56)
ways = {
    "direct": canvas,
    "resized": data.resize(canvas, 28),
    "cropped": canvas[:, :, 14:42, 14:42],
}
for way, pictures in ways.items():
    accuracies = [
        100 * training.accuracy(weights.load(f"resnet20-gap-s{s}"), (pictures, labels))
        for s in (0, 1, 2)
    ]
    print(f"canvas of 56 px, {way}: {mean_spread(accuracies)} %")
### END SOLUTION

# %% name="ex-4-5-test" nbgrader={"grade": true, "grade_id": "ex-4-5-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps4.check_experiment(experiment, measure)
for size, rows in experiment.groupby("size"):
    print(
        f"{size} px: direct {mean_spread(100 * rows['direct'])} %, "
        f"resized {mean_spread(100 * rows['resized'])} %"
    )
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps4.check_experiment(experiment, measure, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ### The verdict (4 points)
#
# Does the sentence of the blog post hold, hold with caveats, or not hold as stated? Give numbers with their spread, name a case that goes against your verdict or limits it, and say what you would do in practice.

# %% [markdown] name="ex-4-5-verdict" nbgrader={"grade": true, "grade_id": "ex-4-5-verdict", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# It does not hold as stated. For garments scaled with the picture, resizing to 28 px wins at every size tried and on all three networks: at 56 px it takes the accuracy from about a third back
# to about 90 %, near what 28 px gives, and at 14 px from about a quarter to 70 %. The difference is several times the spread over seeds. The network runs on 56 px, but
# its filters look for garments of 28 px, and the pooled statistics move.
#
# A case that limits it: on a canvas of 56 px, where the garment keeps its 28 px, resizing halves the garment and leaves about a third of them right, against a sixth directly. Cutting the garment out brings all of it back. So the rule is not "resize to the training size" but
# "bring the *object* to the size that it had in training". What resizing cannot do is add detail: at 14 px a gap of about twenty points remains. And on ImageNet a larger test size can help, because training crops enlarge objects (Touvron and others 2019).
#
# === BEGIN MARK SCHEME ===
# - 1 point: a verdict of the book's three, and it follows from the student's own numbers.
# - 1 point: numbers as mean and spread over the three networks, and the difference is compared with the spread.
# - 1 point: a case that limits the verdict, measured or well argued: a canvas instead of a scaled garment; detail that is lost at small sizes; re-fitting the classifier instead; ImageNet's opposite sign.
# - 1 point: names the mechanism (size of the object in training, statistics of the pooled vector) and a practice that follows from it.
# === END MARK SCHEME ===
# ### END SOLUTION

# %% [markdown]
# ## 6. In three sentences (explain, 3 points)
#
# An interviewer asks: *"Our product sends pictures of 448 x 448 to a ResNet-50 that was trained at 224. Nothing crashes. Are we fine?"* Answer in three sentences: what the pool guarantees, what it does not, and what you would measure or change first.

# %% [markdown] name="ex-4-6" nbgrader={"grade": true, "grade_id": "ex-4-6", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# The convolutions make a map of 14 x 14 from it, and the global pool makes 2048 numbers of any map, so the classifier always fits: that is all that "nothing crashes" tells. Objects now look twice as large as in training and the average is taken over
# other statistics, so accuracy and confidence may have moved in either direction while four times the work is paid. I would measure accuracy at both sizes on labelled pictures of the product, then either resize so that objects have their training size, or re-fit the linear layer (and perhaps batch norm) at 448.
#
# === BEGIN MARK SCHEME ===
# - 1 point: the shape is guaranteed, and by the pool being global (14 x 14 or "any map" to 2048 numbers).
# - 1 point: the values are not: object size against training size, or shifted pooled statistics. "Worse" as a certainty, or "GAP makes it robust", does not get this point.
# - 1 point: a first step that decides: accuracy at both sizes on own data, then resize or re-fit the classifier. Cost (four times) may be named instead of one remedy.
# Four sentences or more: one point off.
# === END MARK SCHEME ===
# ### END SOLUTION
