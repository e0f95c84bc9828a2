# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Ten real bugs around global pooling from public repositories, as spot-the-bug exercises: the code, what was seen, the fault, and the test that would have caught it."
# ---

# %% [markdown]
# # Museum of real bugs
#
# Interviewers like to show a piece of code and to ask what is wrong. Here are ten pieces. Each is a bug that stood in a public repository or forum thread, written anew and
# as small as it gets. Read the code, say the fault aloud, then unfold the answer. Behind each stands the test that would have caught it: it is run here, it fails on
# the bug, and it passes on the mend.
#
# No exhibit is there to laugh at. Most were found by a reader who wrote a clear report.
#
# Everything here is small and runs on the CPU. Shapes are (N, C, H, W): pictures, channels, rows, columns.

# %% name="setup"
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from gaplab.interview import museum
from gaplab.interview.museum import caught

_ = torch.manual_seed(0)

# %% [markdown]
# ## 1. The end of Network in Network
#
# From a textbook. The text says what the comment says. **Seen:** by no check, for months: every cell ran. One reader of a port saw a difference, in a curve.


# %% name="exhibit-1"
def nin_end():
    """Turn one map for each class into one number for each class."""
    return nn.Sequential(
        nn.AdaptiveMaxPool2d((1, 1)),  # global average pooling
        nn.Flatten(),
    )


# %% name="answer-1" tags=["remove-input"]
one_hot = torch.zeros(1, 1, 7, 7)
one_hot[..., 3, 3] = 49
found, meant = nin_end()(one_hot).item(), one_hot.mean().item()
museum.answer(f"""
The comment says average, the layer takes the **maximum**. Both have the same output shape and no parameters, and both train, so no run fails and a
curve alone looks right. One reader of an older port saw a difference in March 2020, in a curve: with the average, says the report, the network “will train a lot slower”. No check saw it. One hot cell in a map of 49 tells them apart: the average of a map with one 49 in it is {meant:g}, this code gives {found:g}.

It stood in four sections of the PyTorch edition of *Dive into Deep Learning* from May 2020, and was found one section at a time; the last was mended in January 2022. The older
port, by others, had it too. The lesson: test a layer by its value on an input where its rivals differ, never by its shape.
""", {
    "NiN, mended in August 2020": "https://github.com/d2l-ai/d2l-en/pull/1362",
    "ResNet, mended in August 2020": "https://github.com/d2l-ai/d2l-en/pull/1392",
    "GoogLeNet, mended in December 2020": "https://github.com/d2l-ai/d2l-en/pull/1571",
    "DenseNet, mended in January 2022": "https://github.com/d2l-ai/d2l-en/pull/2016",
    "the older port, reported in March 2020": "https://github.com/dsgiitr/d2l-pytorch/issues/104",
})  # fmt: skip


# %% name="test-1" tags=["hide-input"]
def averages(end):
    maps = torch.zeros(1, 10, 7, 7)
    maps[..., 3, 3] = 49  # the mean is 1, the maximum 49
    torch.testing.assert_close(end()(maps), torch.ones(1, 10))


def mended_end():
    return nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten())


caught(averages, nin_end, mended_end)

# %% [markdown]
# ## 2. A ResNet's head
#
# From a library of networks. **Seen:** `size mismatch, m1: [4 x 8192], m2: [2048 x 1000]`, on random pictures of 244 x 244 pixels.


# %% name="exhibit-2"
class Head(nn.Module):
    """Pool the last map and classify: (N, C, H, W) to (N, classes)."""

    def __init__(self, channels=8, classes=5):
        super().__init__()
        self.avgpool = nn.AvgPool2d(7, stride=1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.avgpool(x)
        return self.fc(x.view(x.size(0), -1))


# %% name="answer-2" tags=["remove-input"]
side = -(-244 // 32)
left = side - 7 + 1
museum.answer(f"""
The pool is not global: its **window is 7 x 7**, which is the whole map for pictures of 193 to 224 pixels and for no others. A picture of 244 x 244 ends in a map of {side} x {side}; the window
fits into it {left} x {left} times, and {left * left} x 2048 = {left * left * 2048} numbers reach a classifier that takes 2048. Smaller maps do not hold the window at all.

The author of the report took 244 for the standard size, and so found the bug by a slip. The mend was asked for in April 2017 and made in November 2018. It is one line,
`nn.AdaptiveAvgPool2d((1, 1))`. The lesson: what is said to work at any size is tested at two sizes at least.
""", {
    "the report with this error": "https://github.com/pytorch/vision/issues/633",
    "the same, answered by a maintainer": "https://github.com/pytorch/vision/issues/651",
    "the first request": "https://github.com/pytorch/vision/issues/140",
    "the mend": "https://github.com/pytorch/vision/pull/643",
})  # fmt: skip


# %% name="test-2" tags=["hide-input"]
def takes_every_size(head_class):
    head = head_class()
    for side in (2, 7, 8, 10):
        maps = torch.rand(3, 8, side, side)
        torch.testing.assert_close(head(maps), head.fc(maps.mean(dim=(2, 3))))


class MendedHead(Head):
    def __init__(self, channels=8, classes=5):
        super().__init__(channels, classes)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))


caught(takes_every_size, Head, MendedHead)

# %% [markdown]
# ## 3. One epoch of training
#
# From segmentation code, where a branch pools the whole map for context. **Seen:** a run with a batch size of four stops in its first epoch: `Expected more than 1 value per channel when
# training`.


# %% name="exhibit-3"
def branch():
    """Image-level context: pool, project, normalise. (N, 8, H, W) to (N, 4, 1, 1)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(8, 4, 1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
    )


def train_one_epoch(maps, network):
    network.train()
    for batch in DataLoader(maps, batch_size=4, shuffle=True):
        network(batch)


# %% name="answer-3" tags=["remove-input"]
pictures = 9
museum.answer(f"""
The **last batch**. {pictures} pictures in batches of four leave a batch of {pictures % 4}, and behind a global pool its maps have one cell. Batch norm then has one number a channel, and one number has no variance. In
evaluation mode nothing happens, since the running statistics are used; with a number of pictures that four divides nothing happens either. So it depends on the data set.

The mend here is `drop_last=True`. With a batch size of one it does not help: then normalise by groups or layers, or keep batch norm in evaluation mode. The threads tell people to use a larger batch, which is not enough, as
the run with four shows. (The cause in that run is our reading of its report.)
""", {
    "a run with a batch size of four": "https://github.com/jfzhang95/pytorch-deeplab-xception/issues/143",
    "the same behind ResNeSt's pool, with an explanation": "https://github.com/zhanghang1989/ResNeSt/issues/46",
    "the same in DeepLabV3+": "https://github.com/VainF/DeepLabV3Plus-Pytorch/issues/27",
})  # fmt: skip


# %% name="test-3" tags=["hide-input"]
def survives_every_count(train):
    for count in (8, 9, 10):
        train(torch.rand(count, 8, 3, 3), branch())


def mended_epoch(maps, network):
    network.train()
    for batch in DataLoader(maps, batch_size=4, shuffle=True, drop_last=True):
        network(batch)


caught(survives_every_count, train_one_epoch, mended_epoch)

# %% [markdown]
# ## 4. Pretrained weights for three classes
#
# From a project that recognises cars. **Seen:** `size mismatch for fc.weight: copying a param with shape torch.Size([1000, 2048]) from checkpoint, the shape in current model is
# torch.Size([3, 2048])`. A reader then tried what you see here, and the error stayed.


# %% name="exhibit-4"
class Small(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        return self.fc(F.relu(self.body(x)).mean(dim=(2, 3)))


def for_other_classes(state, classes):
    """A network with pretrained weights and a new classifier."""
    network = Small(classes)
    network.load_state_dict(state, strict=False)
    return network


# %% name="answer-4" tags=["remove-input"]
museum.answer("""
`strict=False` forgives **names** that are missing or too many. It does not forgive a **shape**: both networks have an `fc.weight`, and the two do not fit. Leave the classifier's entries out of the state, or
load all of it into a network with the old number of classes and put a new `fc` in its place.

The first answer in the thread guessed that the picture had the wrong size. It cannot have: the error comes while weights are loaded, before any picture. With a global pool the size of the
picture never reaches `fc` at all. That is worth saying in an interview, for with a flattened head it would.
""", {
    "the report and the guesses": "https://github.com/Helias/Car-Model-Recognition/issues/2",
})  # fmt: skip


# %% name="test-4" tags=["hide-input"]
def keeps_the_body_and_changes_the_end(build):
    state = Small(1000).state_dict()
    network = build(state, 3)
    assert network(torch.rand(2, 3, 9, 9)).shape == (2, 3)
    torch.testing.assert_close(network.body.weight, state["body.weight"])


def mended_classes(state, classes):
    network = Small(classes)
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if value.shape == own[name].shape}
    missing, extra = network.load_state_dict(fitting, strict=False)
    assert (extra, set(missing)) == ([], {"fc.weight", "fc.bias"})  # and nothing else
    return network


caught(keeps_the_body_and_changes_the_end, for_other_classes, mended_classes)

# %% [markdown]
# ## 5. An adaptive pool for a new device
#
# From a framework's backend. An adaptive pool cuts a map of any side into `output` x `output` windows. **Seen:** on that device the values differ from the CPU's, without an error: for the numbers 0 to
# 24 in a 5 x 5 map, pooled to 3 x 3, the first number is 12 and should be 6.


# %% name="exhibit-5"
def adaptive_max_pool2d(x, output):
    """Pool (N, C, S, S) to (N, C, output, output)."""
    side = x.shape[-1]
    stride = side // output
    window = side - (output - 1) * stride
    return F.max_pool2d(x, window, stride)


# %% name="answer-5" tags=["remove-input"]
counted = torch.arange(25.0).reshape(1, 1, 5, 5)
theirs = adaptive_max_pool2d(counted, 3).flatten().int().tolist()
right = F.adaptive_max_pool2d(counted, 3).flatten().int().tolist()
museum.answer(f"""
One window and one stride for all cells. The rule is another one: cell *i* of *n* begins at floor(*i S* / *n*) and ends before ceil((*i* + 1) *S* / *n*), so where *n* does not divide *S* the windows have **different sizes and
overlap**. Here they begin at 0, 1 and 3 and are 2, 3 and 2 cells wide. The code gives {theirs}, the CPU {right}.

Where *n* divides *S* both agree, and for *n* = 1 always: a ResNet's head never shows it, VGG's pool to 7 x 7 does. On Apple's GPUs the average answers with an error, reported in March 2023, which is honest; the
maximum answered with wrong numbers, reported in July 2026, which is not. The lesson: compare a backend with another one over shapes that do not divide.
""", {
    "the average raises (open when this was written)": "https://github.com/pytorch/pytorch/issues/96056",
    "the maximum is wrong, with these numbers": "https://github.com/pytorch/pytorch/issues/190064",
})  # fmt: skip


# %% name="test-5" tags=["hide-input"]
def agrees_with_the_cpu(pool):
    for side in range(3, 10):
        for output in range(1, side + 1):
            x = torch.rand(1, 2, side, side)
            torch.testing.assert_close(pool(x, output), F.adaptive_max_pool2d(x, output))


def mended_pool(x, output):
    side = x.shape[-1]
    cuts = [slice(i * side // output, -(-(i + 1) * side // output)) for i in range(output)]
    rows = [torch.stack([x[..., r, c].amax(dim=(2, 3)) for c in cuts], dim=-1) for r in cuts]
    return torch.stack(rows, dim=-2)


caught(agrees_with_the_cpu, adaptive_max_pool2d, mended_pool)

# %% [markdown]
# ## 6. Where did it look?
#
# A class activation map, from a question about a book's notebook. With VGG it worked. **Seen:** with a ResNet the heat map is black.


# %% name="exhibit-6"
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def last_block(self, x):
        return F.relu(x + self.bn(self.conv(x)))

    def forward(self, x):
        return self.fc(self.last_block(x).mean(dim=(2, 3)))


def class_map(net, x, label):
    """The last maps, weighted by the label's weights: (N, C, H, W) to (N, H, W)."""
    maps = net.bn(net.conv(x))
    return torch.einsum("c,nchw->nhw", net.fc.weight[label], maps)


# %% name="answer-6" tags=["remove-input"]
museum.answer("""
The last layer with a name is not the last map. `bn` is the end of the **branch**; the classifier sees branch plus shortcut, after the ReLU. VGG has no shortcut, so there the last layer and the last map are the same.
In the thread the layer was `bn5c_branch2c`, whose name says branch; the copy that we read has no answer, and the diagnosis is ours.

There is a test that needs no picture and no eye: the mean of a class activation map, plus the class's bias, **is the logit**. If it is not, the map is of another layer.
""", {
    "the question": "https://github.com/fchollet/deep-learning-with-python-notebooks/issues/18",
    "another reader suspects the lost shortcut": "https://github.com/sidml/EfficientNet-GradCam-Visualization/issues/3",
})  # fmt: skip


# %% name="test-6" tags=["hide-input"]
def averages_to_the_logit(mapper):
    net, x = Net().eval(), torch.randn(2, 8, 7, 7)
    for label in range(5):
        logit = mapper(net, x, label).mean(dim=(1, 2)) + net.fc.bias[label]
        torch.testing.assert_close(logit, net(x)[:, label])


def mended_map(net, x, label):
    return torch.einsum("c,nchw->nhw", net.fc.weight[label], net.last_block(x))


caught(averages_to_the_logit, class_map, mended_map)

# %% [markdown]
# ## 7. Exported
#
# A head averages over the whole map. It is exported by running it once and writing down what it did. **Seen:** right numbers at the size of the example; at other sizes an error, or worse, none.


# %% name="exhibit-7"
def head(x, fc):
    """Average over the whole map, whatever its size, and classify."""
    return fc(F.avg_pool2d(x, kernel_size=x.shape[2:]).flatten(1))


def export(fc, example):
    """The same head for a runtime that knows no Python."""
    window = tuple(example.shape[2:])
    return lambda x: fc(F.avg_pool2d(x, kernel_size=window).flatten(1))


# %% name="answer-7" tags=["remove-input"]
classify = nn.Linear(8, 5)
exported = export(classify, torch.rand(1, 8, 7, 7))
bright = torch.zeros(1, 8, 8, 8)
bright[..., 7, 7] = 64
blind = torch.equal(exported(bright), exported(torch.zeros(1, 8, 8, 8)))
assert blind
museum.answer("""
The window was an expression, and the export made it a **constant**. From a map of 14 x 14 on, more than one window fits, and the classifier gets too many numbers. From 8 x 8 to 13 x 13 exactly one fits: there is no error,
and the last rows and columns are not read. A bright cell in the last corner of an 8 x 8 map changes no logit here.

Real exporters do this whenever Python computes a size from a tensor: PyTorch's tracer warned of it, and ONNX has no pool whose window is computed. Write the average as `x.mean(dim=(2, 3))` or as an adaptive pool: then there is no
size to freeze. And compare an export with its original at a size that it was *not* exported at.
""", {
    "a window of 7 in a TensorRT port, pictures of 1024 x 1024": "https://github.com/wang-xinyu/tensorrtx/issues/193",
    "HRNet's head becomes a mean for ONNX": "https://github.com/HRNet/HRNet-Image-Classification/pull/13",
    "a window computed from the input cannot be traced by FX": "https://github.com/pytorch/pytorch/issues/65320",
})  # fmt: skip


# %% name="test-7" tags=["hide-input"]
def equals_the_original_elsewhere(exporter):
    fc = nn.Linear(8, 5)
    frozen = exporter(fc, torch.rand(1, 8, 7, 7))
    for side in (7, 8, 14):
        x = torch.rand(2, 8, side, side)
        torch.testing.assert_close(frozen(x), head(x, fc))


def mended_export(fc, example):
    return lambda x: fc(x.mean(dim=(2, 3)))


caught(equals_the_original_elsewhere, export, mended_export)

# %% [markdown]
# ## 8. The mean of a text
#
# Texts of several lengths are padded to one length; `mask` is 1 at a token and 0 at the padding. **Seen:** the vector of a text depends on which texts are in the batch with it. Two
# versions, from two projects. Which is right?


# %% name="exhibit-8"
def embed(states, mask):
    """One vector a text: (N, T, C) states and (N, T) mask to (N, C)."""
    return states.mean(dim=1)


def embed_masked(states, mask):
    """The same, with the padding set to zero."""
    return (states * mask.unsqueeze(-1)).mean(dim=1)


# %% name="answer-8" tags=["remove-input"]
states = torch.tensor([[[1.0], [3.0], [5.0], [5.0]]])
mask = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
plain, masked = embed(states, mask).item(), embed_masked(states, mask).item()
museum.answer(f"""
**Neither.** The first averages the padding too, which has states of its own. The second sets them to zero and still divides by the **padded length**. Two tokens with 1 and 3 and two of padding with 5: the mean of the text is 2, the first
gives {plain:g}, the second {masked:g}. Divide by the number of tokens: `(states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)`.

It is the same bug as averaging pictures of several sizes that were padded to one. The test: more padding must not change anything.
""", {
    "the first, mended in LightRAG in August 2026": "https://github.com/HKUDS/LightRAG/pull/3675",
    "the second, and the maintainer's answer": "https://github.com/CyberZHG/keras-bert/issues/34",
    "a reader finds that the batch size changes results": "https://github.com/huggingface/transformers/issues/17463",
    "Keras's own pool learns to mask, in 2018": "https://github.com/keras-team/keras/pull/10913",
})  # fmt: skip


# %% name="test-8" tags=["hide-input"]
def padding_changes_nothing(embedder):
    states, mask = torch.rand(2, 7, 4), torch.ones(2, 7)
    alone = embedder(states, mask)
    more = (
        torch.cat([states, torch.rand(2, 5, 4)], dim=1),
        torch.cat([mask, torch.zeros(2, 5)], dim=1),
    )
    torch.testing.assert_close(embedder(*more), alone)


def mended_embed(states, mask):
    mask = mask.unsqueeze(-1)
    return (states * mask).sum(dim=1) / mask.sum(dim=1).clamp_min(1)


for version in (embed, embed_masked):
    caught(padding_changes_nothing, version, mended_embed)

# %% [markdown]
# ## 9. The loss behind the average
#
# From a library's example of Network in Network: average the map of each class, then cross-entropy. **Seen**, on handwritten digits: it goes well for a few steps, then accuracy and loss drop at once.


# %% name="exhibit-9"
def nin_loss(maps, labels):
    """Cross-entropy of (N, classes, H, W) maps and (N,) labels."""
    scores = F.relu(maps).mean(dim=(2, 3))
    shares = scores / scores.sum(dim=1, keepdim=True)
    return F.nll_loss(shares.log(), labels)


# %% name="answer-9" tags=["remove-input"]
dead = nin_loss(torch.full((1, 3, 2, 2), -1.0), torch.tensor([0]))
museum.answer(f"""
There is **no softmax**. The example asked for the library's cross-entropy of probabilities, which divides the scores by their sum; it should have asked for the one that takes scores and applies softmax behind the average. A share of
scores is no softmax: a class whose map is zero everywhere gets probability zero and an infinite loss, and where the ReLU has silenced every map the loss is 0 / 0, here `{dead.item()}`. (The library clips the
shares before the logarithm, which hides the infinity and cuts the gradient off.)

A tempting mend puts the softmax **in front of** the average, at each cell. That is another function (chapter 2: the mean of probabilities is not the softmax of the mean), and one confident cell can no longer outvote
many unsure ones. The test refuses it too. Network in Network has the order average, then softmax.
""", {
    "the report and its mend": "https://github.com/tflearn/tflearn/pull/362",
})  # fmt: skip


# %% name="test-9" tags=["hide-input"]
def is_softmax_of_the_average(loss):
    labels = torch.tensor([0, 2])
    for maps in (torch.randn(2, 3, 4, 4), torch.full((2, 3, 4, 4), -1.0)):
        expected = F.cross_entropy(F.relu(maps).mean(dim=(2, 3)), labels)
        torch.testing.assert_close(loss(maps, labels), expected)


def softmax_at_each_cell(maps, labels):
    return F.nll_loss(F.relu(maps).softmax(dim=1).mean(dim=(2, 3)).log(), labels)


def mended_loss(maps, labels):
    return F.cross_entropy(F.relu(maps).mean(dim=(2, 3)), labels)


for version in (nin_loss, softmax_at_each_cell):
    caught(is_softmax_of_the_average, version, mended_loss)

# %% [markdown]
# ## 10. The test itself
#
# From a compiler's testing tools. A check compares a pool with the mean, to one part in a million. **Seen:** all checks pass.


# %% name="exhibit-10"
def allclose(x, y, tol=1e-2):
    """Is the largest difference, as a part of the largest number, below tol?"""
    difference = (x - y).abs().max()
    largest = torch.max(x.max(), y.max())
    tol = 1e-2
    return difference / largest < tol


def check(pool):
    """Raise an error unless a pool is the mean over the map."""
    maps = 10 + torch.rand(4, 8, 7, 7)
    assert allclose(pool(maps), maps.mean(dim=(2, 3)), tol=1e-6)


# %% name="answer-10" tags=["remove-input"]
maps = 10 + torch.rand(4, 8, 7, 7)
wrong, true = maps[..., :-1].mean(dim=(2, 3)), maps.mean(dim=(2, 3))
off = ((wrong - true).abs().max() / true.max()).item()
assert 1e-6 < off < 1e-2
museum.answer("""
`tol` is an argument, and the line `tol = 1e-2` **overwrites** it: every caller got one part in a hundred, whatever was asked for. A pool that leaves out the last column is off by less than that on these maps, and passes.

There is a second fault, ours to learn from: the input. Values between 10 and 11 make all means alike, so that a wrong pool is hard to tell from the right one at any threshold. An input where the rivals are far apart, such as one hot
cell, needs no fine tolerance. And a check has to be tried on something wrong once, or nobody knows that it can fail.
""", {
    "the report": "https://github.com/triton-lang/triton/issues/723",
    "the mend": "https://github.com/triton-lang/triton/pull/724",
    "another project finds tolerances that refuse nothing": "https://github.com/vprusso/toqito/issues/1661",
})  # fmt: skip


# %% name="test-10" tags=["hide-input"]
def refuses_wrong_pools(checker):
    checker(lambda x: x.mean(dim=(2, 3)))
    for wrong in (
        lambda x: x[..., :-1].mean(dim=(2, 3)),
        lambda x: x.square().mean(dim=(2, 3)).sqrt(),
    ):
        assert museum.failure(checker, wrong), "a wrong pool was let through"


def mended_check(pool):
    maps = torch.zeros(1, 8, 7, 7)
    maps[..., 6, 6] = 49  # in the last row and column
    torch.testing.assert_close(pool(maps), maps.mean(dim=(2, 3)))


caught(refuses_wrong_pools, check, mended_check)

# %% [markdown]
# ## What they have in common
#
# - **Shapes agreed.** Nothing is raised in exhibits 1, 5, 6, 8, 9 and 10, and in 7 at some sizes. A test of shapes passes them.
# - **The size that everybody uses hides it.** 224 pixels, a number of pictures that the batch size divides, a side that the output divides, the size of the example.
# - **One property finds it.** A known value; every size; more padding changes nothing; the map averages to the logit; the export equals the original elsewhere; the check
#   refuses something wrong. Say the property, and the test writes itself.
