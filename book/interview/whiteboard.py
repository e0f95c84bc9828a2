# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Sixteen coding questions of interviews on pooling and ResNet, from global pooling in NumPy to an anti-aliased stride, each with a stub, an instant check, a follow-up and a model solution."
# ---

# %% [markdown]
# # The whiteboard
#
# Coding questions as an interviewer asks them, with the minutes that you would have. Write your answer in the stub and run the cell below it: the check answers at once with
# one sentence about the first thing that is wrong. The last cell of the page is the hidden check. It judges all your answers with numbers that nobody has seen; nothing else
# differs.
#
# **Where to write.** `nox -s lab` opens your own copy of this notebook, `interview/whiteboard.ipynb`. The questions that need no PyTorch are also judged right here: open
# *Write it in this page* below such a question. The page brings MicroPython for that, a small Python without NumPy, so an array is there a list of lists, `x[n][c][i][j]`, what you return is one too, and float32 is not tried.
#
# **What holds for every question.** Maps have the shape `(N, C, H, W)`: pictures, channels, rows, columns. Your code works for any such shape unless the question says otherwise: one picture, one channel and one
# cell included, and H and W need not be equal. They come as NumPy arrays in the questions that have *Write it in this page* below them, and as PyTorch tensors in the others. Your code does not change what it is given. An array or tensor that it returns has the number type of the one that came in,
# float32 or float64. Only what it computes is judged, gradients included, so any style will do.
#
# On paper first: say aloud what you are going to do, write it, work it through by hand on one picture with one channel and a 2 x 3 map, and only then run the check.

# %% name="imports"
import numpy as np  # noqa: F401 for your answers
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import whiteboard

# Full precision: GPUs round what convolutions read to ten bits unless told not to.
torch.backends.cudnn.conv.fp32_precision = "ieee"

# %% name="judge-of-page" tags=["remove-input"]
whiteboard.judge_of_page()

# %% [markdown]
# ## Pooling by hand

# %% [markdown]
# ### Global average pooling, forward and backward

# %% name="avg_pool" tags=["remove-input"]
whiteboard.ask("avg_pool")


# %% name="avg_pool-stub"
def avg_pool(x):
    """Return the mean of each channel, (N, C)."""
    ...


def avg_pool_backward(grad, shape):
    """Return the gradient at the input, (N, C, H, W), for grad (N, C)."""
    ...


# %% name="avg_pool-check"
whiteboard.check("avg_pool", avg_pool, avg_pool_backward)

# %% name="avg_pool-here" tags=["remove-input"]
whiteboard.judge_in_page("avg_pool")

# %% name="avg_pool-after" tags=["remove-input"]
whiteboard.after("avg_pool")

# %% [markdown]
# ### Global max pooling, forward and backward

# %% name="max_pool" tags=["remove-input"]
whiteboard.ask("max_pool")


# %% name="max_pool-stub"
def max_pool(x):
    """Return the largest value of each channel, (N, C)."""
    ...


def max_pool_backward(grad, x):
    """Return the gradient at the input, (N, C, H, W), for grad (N, C)."""
    ...


# %% name="max_pool-check"
whiteboard.check("max_pool", max_pool, max_pool_backward)

# %% name="max_pool-here" tags=["remove-input"]
whiteboard.judge_in_page("max_pool")

# %% name="max_pool-after" tags=["remove-input"]
whiteboard.after("max_pool")

# %% [markdown]
# ### Adaptive average pooling

# %% name="adaptive_pool" tags=["remove-input"]
whiteboard.ask("adaptive_pool")


# %% name="adaptive_pool-stub"
def adaptive_pool(x, size):
    """Average maps (N, C, H, W) to (N, C, h, w), size = (h, w)."""
    ...


# %% name="adaptive_pool-check"
whiteboard.check("adaptive_pool", adaptive_pool)

# %% name="adaptive_pool-here" tags=["remove-input"]
whiteboard.judge_in_page("adaptive_pool")

# %% name="adaptive_pool-after" tags=["remove-input"]
whiteboard.after("adaptive_pool")

# %% [markdown]
# ### Mean over padded maps

# %% name="masked_mean" tags=["remove-input"]
whiteboard.ask("masked_mean")


# %% name="masked_mean-stub"
def masked_mean(x, sizes):
    """Return the mean of each channel over a picture's own cells, (N, C)."""
    ...


# %% name="masked_mean-check"
whiteboard.check("masked_mean", masked_mean)

# %% name="masked_mean-here" tags=["remove-input"]
whiteboard.judge_in_page("masked_mean")

# %% name="masked_mean-after" tags=["remove-input"]
whiteboard.after("masked_mean")

# %% [markdown]
# ### Class activation map

# %% name="class_map" tags=["remove-input"]
whiteboard.ask("class_map")


# %% name="class_map-stub"
def class_map(x, weight, bias, k):
    """Return what each cell says for class k, (N, H, W)."""
    ...


# %% name="class_map-check"
whiteboard.check("class_map", class_map)

# %% name="class_map-here" tags=["remove-input"]
whiteboard.judge_in_page("class_map")

# %% name="class_map-after" tags=["remove-input"]
whiteboard.after("class_map")

# %% [markdown]
# ### GeM pooling with a learned p

# %% name="gem" tags=["remove-input"]
whiteboard.ask("gem")


# %% name="gem-stub"
class GeM(nn.Module):
    """Generalised mean pooling: maps (N, C, H, W) to (N, C)."""

    def __init__(self, p=3.0, eps=1e-6):
        """Keep what forward needs."""
        super().__init__()

    def forward(self, x):
        """Return the output for x."""
        ...


# %% name="gem-check"
whiteboard.check("gem", GeM)

# %% name="gem-after" tags=["remove-input"]
whiteboard.after("gem")

# %% [markdown]
# ## Blocks and layers

# %% [markdown]
# ### A residual block with projection

# %% name="residual_block" tags=["remove-input"]
whiteboard.ask("residual_block")


# %% name="residual_block-stub"
class ResidualBlock(nn.Module):
    """ResNet's basic block: (N, in_channels, H, W) to (N, out_channels, H', W')."""

    def __init__(self, in_channels, out_channels, stride=1):
        """Build the layers."""
        super().__init__()

    def forward(self, x):
        """Return the output for x."""
        ...


# %% name="residual_block-check"
whiteboard.check("residual_block", ResidualBlock)

# %% name="residual_block-after" tags=["remove-input"]
whiteboard.after("residual_block")

# %% [markdown]
# ### Batch norm, forward and backward

# %% name="batch_norm" tags=["remove-input"]
whiteboard.ask("batch_norm")


# %% name="batch_norm-stub"
def batch_norm(x, gamma, beta, eps):
    """Normalise each channel of maps, then scale and shift, (N, C, H, W)."""
    ...


def batch_norm_backward(grad, x, gamma, eps):
    """Return (dx, dgamma, dbeta) for grad at the output, (N, C, H, W)."""
    ...


# %% name="batch_norm-check"
whiteboard.check("batch_norm", batch_norm, batch_norm_backward)

# %% name="batch_norm-here" tags=["remove-input"]
whiteboard.judge_in_page("batch_norm")

# %% name="batch_norm-after" tags=["remove-input"]
whiteboard.after("batch_norm")

# %% [markdown]
# ### Fully-connected layer as convolution

# %% name="fc_as_conv" tags=["remove-input"]
whiteboard.ask("fc_as_conv")


# %% name="fc_as_conv-stub"
def as_convolution(linear, channels, height, width):
    """Return an nn.Conv2d that does what linear does on a flattened map."""
    ...


# %% name="fc_as_conv-check"
whiteboard.check("fc_as_conv", as_convolution)

# %% name="fc_as_conv-after" tags=["remove-input"]
whiteboard.after("fc_as_conv")

# %% [markdown]
# ### BlurPool

# %% name="blur_pool" tags=["remove-input"]
whiteboard.ask("blur_pool")


# %% name="blur_pool-stub"
def blur_pool(x, stride=2):
    """Filter each channel with the binomial kernel, and subsample."""
    ...


# %% name="blur_pool-check"
whiteboard.check("blur_pool", blur_pool)

# %% name="blur_pool-after" tags=["remove-input"]
whiteboard.after("blur_pool")

# %% [markdown]
# ### An anti-aliased stride

# %% name="antialias" tags=["remove-input"]
whiteboard.ask("antialias")


# %% name="antialias-stub"
from gaplab.whiteboard.blur_pool import blur_pool as blur  # noqa: F401 to use


def antialiased(x, weight, bias):
    """Do what the strided layer does, blurred before it is subsampled."""
    ...


# %% name="antialias-check"
whiteboard.check("antialias", antialiased)

# %% name="antialias-after" tags=["remove-input"]
whiteboard.after("antialias")

# %% [markdown]
# ## Counting and checking

# %% [markdown]
# ### Counting parameters and multiply-adds

# %% name="cost_counter" tags=["remove-input"]
whiteboard.ask("cost_counter")


# %% name="cost_counter-stub"
def cost(layers, channels, height, width):
    """Return (parameters, multiply_adds) of a list of layers."""
    ...


# %% name="cost_counter-check"
whiteboard.check("cost_counter", cost)

# %% name="cost_counter-here" tags=["remove-input"]
whiteboard.judge_in_page("cost_counter")

# %% name="cost_counter-after" tags=["remove-input"]
whiteboard.after("cost_counter")

# %% [markdown]
# ### Receptive field

# %% name="receptive_field" tags=["remove-input"]
whiteboard.ask("receptive_field")


# %% name="receptive_field-stub"
def receptive_field(layers):
    """Return (field, spacing) in pixels of a list of (kernel, stride, dilation)."""
    ...


# %% name="receptive_field-check"
whiteboard.check("receptive_field", receptive_field)

# %% name="receptive_field-here" tags=["remove-input"]
whiteboard.judge_in_page("receptive_field")

# %% name="receptive_field-after" tags=["remove-input"]
whiteboard.after("receptive_field")

# %% [markdown]
# ### A gradient check that catches a wrong pool

# %% name="gradient_check" tags=["remove-input"]
whiteboard.ask("gradient_check")


# %% name="gradient_check-stub"
def is_gradient(pool, slope):
    """Tell whether slope(cells) is the gradient of pool(cells)."""
    ...


# %% name="gradient_check-check"
whiteboard.check("gradient_check", is_gradient)

# %% name="gradient_check-here" tags=["remove-input"]
whiteboard.judge_in_page("gradient_check")

# %% name="gradient_check-after" tags=["remove-input"]
whiteboard.after("gradient_check")

# %% [markdown]
# ## Spot the bugs

# %% [markdown]
# ### A head

# %% name="spot_head" tags=["remove-input"]
whiteboard.ask("spot_head")


# %% name="spot_head-stub"
def logits(x, weight, bias):
    """Average each channel, apply the linear layer: (N, C, H, W) to (N, K)."""
    pooled = F.avg_pool2d(x, 7).squeeze()
    return pooled @ weight.view(weight.shape[1], weight.shape[0]) + bias


# %% name="spot_head-check"
whiteboard.check("spot_head", logits)

# %% name="spot_head-after" tags=["remove-input"]
whiteboard.after("spot_head")

# %% [markdown]
# ### Running statistics

# %% name="spot_statistics" tags=["remove-input"]
whiteboard.ask("spot_statistics")


# %% name="spot_statistics-stub"
def update(mean, var, x, momentum):
    """Return the new running mean and variance, both (C,)."""
    for c in range(len(mean)):
        values = [value for picture in x for row in picture[c] for value in row]
        batch_mean = sum(values) / len(values)
        batch_var = sum((value - batch_mean) ** 2 for value in values) / len(values)
        mean[c] = momentum * mean[c] + (1 - momentum) * batch_mean
        var[c] = momentum * var[c] + (1 - momentum) * batch_var
    return mean, var


# %% name="spot_statistics-check"
whiteboard.check("spot_statistics", update)

# %% name="spot_statistics-here" tags=["remove-input"]
whiteboard.judge_in_page("spot_statistics")

# %% name="spot_statistics-after" tags=["remove-input"]
whiteboard.after("spot_statistics")

# %% [markdown]
# ## The hidden check
#
# It judges every answer above once more, with new numbers each time that you run it.

# %% name="hidden"
whiteboard.hidden(globals())

# %% name="open-linked-answer" tags=["remove-input"]
from gaplab.interview import pages

pages.open_linked_answer()
