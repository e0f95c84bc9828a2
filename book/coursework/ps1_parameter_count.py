# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   coursework:
#     chapter: 1
#     title: "Problem set 1: what the head costs"
#     minutes: 75
#   myst:
#     html_meta:
#       "description lang=en": "Problem set 1 of the coursework: predict, derive, count and debug what a classifier's head costs in parameters, multiply-adds and bytes, and try the book's own verdict where it is weakest."
# ---

# %% [markdown]
# # Problem set 1: what the head costs
#
# Chapter 1 finds that pooling saves parameters and memory and hardly any computation. Here you predict such numbers before you see them, write
# the counters that chapter 1 took from libraries, repair one that is wrong, and then look for the conditions under which the chapter's
# own conclusion fails.
#
# **Goals.** You can say what a head costs in weights, in multiply-adds and in bytes, for any map and any number of classes, and you can test a sentence
# that begins with "always".
# **You need** chapter 1, PyTorch's `nn.Module`, and integer arithmetic. **It takes** about 75 minutes. **Points:** 24.
#
# | exercise | kind | points |
# |---|---|---|
# | ex-1-1 | predict | 4 |
# | ex-1-2 | derive | 3 |
# | ex-1-3 | implement | 5 |
# | ex-1-4 | debug | 4 |
# | ex-1-5 | judge by experiment | 4 |
# | ex-1-6 | explain (marked by hand) | 4 |
#
# **How to check.** Write where it says `YOUR CODE HERE`, and run the cell below it. The check answers at once, with one sentence about the first thing
# that is wrong. It draws random inputs, and the grade comes from other ones, so an answer that is typed in for one input earns nothing.
# **How to hand in.** Restart the kernel, run all cells from top to bottom, save, and hand in this file under its own name. Cells without
# an answer mark are restored before grading.

# %% name="imports"
import torch
from torch import nn

from gaplab import counting, models
from gaplab.claims import CAVEATS, FAILS, HOLDS  # noqa: F401 verdicts to choose from
from gaplab.coursework import ps1

# %% [markdown]
# ## Exercise 1: predict (4 points)
#
# Paper and pencil, no counting code. ResNet-50's backbone, that is everything before the head, has 23.5 million parameters; its
# last map has 2048 channels, and its total stride is 32, each halving rounded up. Replace every `None` by your number.
#
# 1. The cell below says how many classes there are. Which **percentage** of all parameters of a ResNet-50 with GAP is then in its head?
# 2. How many **megabytes** ($10^6$ bytes) do that head's float32 weights, their gradients and Adam's state take together?
# 3. The picture grows from 224 to 448 pixels. By which **factor** do the multiply-adds of the backbone grow?
# 4. And by which those of the GAP head's linear layer?
# 5. Suppose that the map was flattened. By which factor do the head's weights grow from 256 to **257** pixels?
#
# The first two have to be right within 8 %, the others within 2 %.

# %% name="numbers"
classes = ps1.classes()  # ImageNet-21k has 21,841; your course may draw another number
print(f"Your head has {classes:,} classes.")

# %% name="ex-1-1" nbgrader={"grade": false, "grade_id": "ex-1-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
parameters = {
    f"percent of the parameters in a head of {classes:,} classes": None,
    "megabytes of that head under Adam": None,
}
growth = {
    "backbone's multiply-adds, 448 px over 224 px": None,
    "GAP head's multiply-adds, 448 px over 224 px": None,
    "flattened head's weights, 257 px over 256 px": None,
}
# Replace each None above, and delete the line below.
### BEGIN SOLUTION
head = (2048 + 1) * 21_841  # of another number of classes it is another head
share, adam = 100 * head / (23.5e6 + head), 16 * head / 1e6
parameters = dict(zip(parameters, (share, adam), strict=True))
growth = dict(zip(growth, (4, 1, 81 / 64), strict=True))
### END SOLUTION

# %% name="ex-1-1-test" nbgrader={"grade": true, "grade_id": "ex-1-1-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps1.check_parameters(parameters)

# %% name="ex-1-1-test-2" nbgrader={"grade": true, "grade_id": "ex-1-1-test-2", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps1.check_growth(growth)

# %% [markdown]
# ## Exercise 2: derive (3 points)
#
# A GAP head has $C$ channels, $K$ classes and a bias; the backbone before it has $B$ parameters. Solve for the smallest whole $K$ at which the head holds
# at least $p$ percent of **all** parameters, and write the result as a function. It has to be exact for numbers of any size, so think about
# rounding.


# %% name="ex-1-2" nbgrader={"grade": false, "grade_id": "ex-1-2", "locked": false, "schema_version": 3, "solution": true, "task": false}
def classes_for_share(backbone: int, channels: int, percent: int) -> int:
    """Return the fewest classes at which the head has ``percent`` (1 to 99) of all parameters."""
    ### BEGIN SOLUTION
    # 100 h >= p (B + h) with h = (C + 1) K, so K >= p B / ((100 - p) (C + 1)), rounded up.
    return -(-percent * backbone // ((100 - percent) * (channels + 1)))
    ### END SOLUTION


# %% name="ex-1-2-test" nbgrader={"grade": true, "grade_id": "ex-1-2-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps1.check_classes_for_share(classes_for_share)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps1.check_classes_for_share(classes_for_share, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: implement (5 points)
#
# Write your own counter of multiply-adds for a head, for **one** picture. The head is an `nn.Sequential` of convolutions, linear layers, a global average pool, `Flatten`, ReLU
# and dropout; it reads a map of `channels` x `height` x `width` cells. Convolutions may have stride, padding and groups, as `nn.Conv2d` has them.
# As is the field's custom, biases, pools and activations count nothing.
#
# Two points are for heads whose only weights are linear layers, three for heads with convolutions. PyTorch's `FlopCounterMode` is the judge, so it
# cannot be the answer, nor can what calls it, such as `gaplab.counting`. Leave the head as you found it: its weights, its mode, no hooks.


# %% name="ex-1-3" nbgrader={"grade": false, "grade_id": "ex-1-3", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_macs(head: nn.Sequential, channels: int, height: int, width: int) -> int:
    """Count the multiply-adds of a head for one picture."""
    ### BEGIN SOLUTION
    total, x = 0, torch.zeros(1, channels, height, width)
    with torch.no_grad():
        for layer in head:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                total += layer.weight.numel()  # each weight once a picture
            elif isinstance(layer, nn.Conv2d):
                total += layer.weight.numel() * x.shape[2] * x.shape[3]  # each once a position
    return total
    ### END SOLUTION


# %% name="ex-1-3-test" nbgrader={"grade": true, "grade_id": "ex-1-3-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
ps1.check_head_macs(head_macs, ps1.vector_heads())
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps1.check_head_macs(head_macs, ps1.vector_heads(hidden_fresh_seed()))
### END HIDDEN TESTS

# %% name="ex-1-3-test-2" nbgrader={"grade": true, "grade_id": "ex-1-3-test-2", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
ps1.check_head_macs(head_macs, ps1.convolution_heads())
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps1.check_head_macs(head_macs, ps1.convolution_heads(hidden_fresh_seed()))
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: debug (4 points)
#
# A colleague measures what training a network keeps in memory: every weight, the gradient of every weight that is trained, and every tensor of the
# optimiser's state. Her function is called right after a step, when all of them exist. Compare its result with arithmetic.


# %% name="colleague-bytes"
def colleague_bytes(network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Measure the bytes of weights, gradients and optimiser state."""
    total = 0
    for module in network.modules():
        for parameter in module.parameters():
            total += 4 * parameter.numel()  # the weight
            total += 4 * parameter.numel()  # its gradient
    for state in optimiser.state.values():
        for tensor in state.values():
            total += 4 * tensor.numel()
    return total


# %% name="colleague-example"
resnet = models.resnet20("flatten")
adam = torch.optim.Adam(resnet.parameters())
resnet(torch.randn(4, 1, 28, 28, device=next(resnet.parameters()).device)).sum().backward()
adam.step()
print(f"measured:   {colleague_bytes(resnet, adam):>12,} bytes")
print(
    f"arithmetic: {counting.training_bytes(models.count_parameters(resnet), 'adam'):>12,} bytes"
)

# %% [markdown]
# The step counters that Adam keeps, 4 bytes for each tensor, explain a few hundred bytes and no more. There are three mistakes. The example shows one of them; the others show when
# the network is in another precision, or when its backbone is frozen, as in transfer learning. Write the function anew, right for any network and any optimiser, also for one
# whose state holds plain numbers beside tensors: these count nothing, and every tensor counts, step counters included. The function measures, and leaves the network as it was.


# %% name="ex-1-4" nbgrader={"grade": false, "grade_id": "ex-1-4", "locked": false, "schema_version": 3, "solution": true, "task": false}
def training_bytes(network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Measure the bytes of weights, gradients and optimiser state, right after a step."""
    ### BEGIN SOLUTION
    parameters = list(network.parameters())  # each once, wherever it is nested
    kept = [*parameters, *(p.grad for p in parameters if p.grad is not None)]
    for state in optimiser.state.values():
        kept += [value for value in state.values() if isinstance(value, torch.Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in kept)
    ### END SOLUTION


# %% name="ex-1-4-test" nbgrader={"grade": true, "grade_id": "ex-1-4-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps1.check_training_bytes(training_bytes)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps1.check_training_bytes(training_bytes, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: judge by an experiment of your own (4 points)
#
# Chapter 1 measures ResNet-50 at 224 pixels and 1000 classes and concludes that the head is no matter of computation. Make it a general claim and put it on trial:
#
# > *The head's part of the multiply-adds of a ResNet is negligible, below 5 %.*
#
# 1. Write `head_share(network, head, size, classes)`: the percentage of all multiply-adds of one of torchvision's five ResNets (`models.TORCHVISION_RESNETS`) that is in
#    its head, `"gap"` or `"flatten"`, for a square picture of `size` pixels. `counting.macs_by_module` and `models.torchvision_resnet` are allowed; on PyTorch's
#    meta device (`with torch.device("meta"):`) a network costs no memory. Put it in evaluation mode: batch norm cannot train on one cell.
# 2. Fill `rows` from it: at least eight conditions that differ in network, head, size and classes, each as
#    `{"network": ..., "head": ..., "size": ..., "classes": ..., "share": ...}`. Look where the claim is weakest: find a condition
#    with **20 % or more**. Show also one below 5 %.
# 3. Give the `verdict` that follows: `HOLDS`, `CAVEATS` or `FAILS`.


# %% name="ex-1-5" nbgrader={"grade": false, "grade_id": "ex-1-5", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
def head_share(network, head, size, classes):
    """Return the percentage of a ResNet's multiply-adds that is in its head."""
    with torch.device("meta"):
        built = models.torchvision_resnet(network, head, classes=classes, size=size)
    macs = counting.macs_by_module(built.eval(), size)
    return 100 * macs["fc"] / macs[""]


conditions = [
    (network, head, size, classes)
    for network in ("resnet18", "resnet50")
    for head in ("gap", "flatten")
    for size, classes in ((32, 21_841), (224, 1000))
]
keys = ("network", "head", "size", "classes")
rows = [{**dict(zip(keys, c, strict=True)), "share": head_share(*c)} for c in conditions]
verdict = FAILS
### END SOLUTION

# %% name="ex-1-5-test" nbgrader={"grade": true, "grade_id": "ex-1-5-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
ps1.check_experiment(head_share, rows, verdict)
### BEGIN HIDDEN TESTS
from gaplab.coursework import fresh_seed as hidden_fresh_seed

ps1.check_experiment(head_share, rows, verdict, seed=hidden_fresh_seed())
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: explain (4 points, marked by hand)
#
# An interviewer has read your rows and asks: *"So does pooling save computation or not?"* Answer in three sentences that name: what decides the head's share of the multiply-adds,
# the condition of yours that speaks most strongly against the claim, with its number, and what your experiment still does not tell about **time**.

# %% [markdown] name="ex-1-6" nbgrader={"grade": true, "grade_id": "ex-1-6", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# A linear layer uses each weight once a picture and a convolution uses it at every position, so the head's share falls with the picture's area and grows with the number of
# classes (and, flattened, with the map). For ResNet-50 on pictures of 32 px with 21,841 classes even the GAP head does about a third of the multiply-adds, while at 224 px and 1000 classes it does 0.05 %;
# so at the usual size pooling saves little, and for tiny pictures or very many classes it can save a lot. Multiply-adds are not seconds: at batch size 1 a linear layer is bound by reading its weights from memory, so I would have to
# time both heads at several batch sizes on the machine in question.
#
# === BEGIN MARK SCHEME ===
# 1 point: each weight is used once a picture in a linear layer and once a position in a convolution, or says in other words that the backbone's work grows with the area and the head's with the classes.
# 1 point: names one condition of the student's own rows with its percentage, and the number is in the rows.
# 1 point: draws a conclusion with its range of validity (where it holds and where not), not "yes" or "no".
# 1 point: memory bandwidth, batch size or a like reason why multiply-adds do not predict time.
# Take off 1 point if the answer is longer than five sentences. "FLOPs" for multiply-adds is accepted.
# === END MARK SCHEME ===
# ### END SOLUTION
