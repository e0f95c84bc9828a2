# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "A real, trained network runs inside this page, forward and backward: move a picture of your own, scale it, swap the pool, and see maps, votes, logits and gradients answer at once."
# ---

# %% [markdown]
# # Question the network
#
# A trained network runs inside this page, forward and backward, with no server and no network connection. Put a garment, a photograph or a picture of your own on
# the table, and repeat the experiments of the chapters on it: every number below is computed while you watch. What you bring along never leaves the page.

# %% name="setup" tags=["remove-input"]
from gaplab import data
from gaplab.figures import say
from gaplab.widgets import Laboratory

images, labels = data.fashion_mnist("test")
first = {data.CLASSES[label]: int((labels == label).nonzero()[0]) for label in range(10)}
garments = {name: images[index, 0].numpy() for name, index in first.items()}

# %% name="laboratory" tags=["remove-input"]
Laboratory(garments)

# %% [markdown]
# ## What each experiment asks
#
# - **Stages.** What does each stage hand on, and what part of the picture can one of its cells see?
# - **Move it.** How far does the vector that the head reads drift when the picture moves by a pixel ([chapter 2](02_translation_invariance.ipynb))?
# - **Votes.** What does each position of the last map add to a class's logit ([chapter 3](03_nin_lineage.ipynb))?
# - **Size.** What does the same network make of the picture at 16 to 448 pixels, and which head cannot follow ([chapter 4](04_variable_input_size.ipynb))?
# - **Pool and gradients.** Where does the gradient of a logit go behind each pool, and does it keep its direction when noise is added
#   ([chapter 5](05_average_vs_max_gradients.ipynb))?

# %% [markdown]
# ## How exact it is

# %% name="exact" tags=["remove-input"]
import torch
from gaplab import weights
from gaplab.live import exporting


def rounding(name, network, pictures):
    """Return the largest difference that rounded weights make to a logit."""
    with torch.no_grad():
        rounded = exporting.export(name, exporting.trained(name)).twin(pictures.cpu())
        exact = network.cpu()(pictures.cpu())
    same = torch.equal(rounded.argmax(1), exact.argmax(1))
    return float((rounded - exact).abs().max()), same


garment = rounding(
    "resnet20-gap-s0", weights.load("resnet20-gap-s0"), data.normalise(images[::10])
)
photographs = torch.cat([data.photograph(name).tensor for name in exporting.PHOTOGRAPHS])
photograph = rounding("efficientnet_lite0", weights.photo_network(), photographs)
assert garment[1]
assert photograph[1]
say(f"""
The page's engine computes the same layers as PyTorch from the same weights, and a test compares every block and every gradient. To keep the download small, the weights are rounded.
ResNet-20 has them in 16 bits: on {len(images[::10])} garments its logits move by at most {garment[0]:.3f}. EfficientNet-Lite0 has most of them in 8 bits: on these photographs its logits move by
at most {photograph[0]:.2f}, and the first class stays the same. Its gradients are shown as pictures, and their lengths are not printed. A photograph of your own is scaled by the page as the book's Python does it.
""")
