"""Answers to problem set 5, right in another way or plausibly wrong; each replaces a whole answer cell."""

from editing import changed, edits


def predicted(cells=1, norm=10, amax=100, window=1, reach=25):
    return f"""
prediction = {{
    "cells with a gradient behind global max": {cells},
    "L2 norm behind max, as a multiple of average": {norm},
    "cells with a gradient, all equal, torch.amax": {amax},
    "cells with a gradient, all equal, F.max_pool2d": {window},
    "cells that one cell reaches, one block back": {reach},
}}
"""


GEM = """
def gem(x, p):
    peak = x.amax(dim=(2, 3), keepdim=True)
    mean = (x / peak).pow(p).mean(dim=(2, 3))
    return peak[:, :, 0, 0] * mean.pow(1 / p)
"""

GEM_GRADIENT = """
def gem_gradient(x, p, upstream):
    cells = x.shape[2] * x.shape[3]
    peak = x.amax(dim=(2, 3), keepdim=True)
    pooled = peak * (x / peak).pow(p).mean(dim=(2, 3), keepdim=True).pow(1 / p)
    return upstream[:, :, None, None] * (x / pooled).pow(p - 1) / cells
"""

LSE = """
def lse(x, r):
    peak = x.amax(dim=(2, 3), keepdim=True)
    mean = (r * (x - peak)).exp().mean(dim=(2, 3))
    return peak[:, :, 0, 0] + mean.log() / r
"""

CHECKER = """
def gradient_is_right(pool, gradient, x):
    given = gradient(x)
    x = x.detach().double().clone()
    wanted, step = torch.zeros_like(x), 1e-5
    for place in range(x.numel()):
        here = x.view(-1)[place].clone()
        x.view(-1)[place] = here + step
        up = pool(x).sum()
        x.view(-1)[place] = here - step
        down = pool(x).sum()
        x.view(-1)[place] = here
        wanted.view(-1)[place] = (up - down) / (2 * step)
    allowed = 1e-3 * wanted.abs().max()
    right = ((given.double() - wanted).abs() <= allowed).all()
    return bool(right)
"""

SPREAD = """
def gradient_spread(network, images, labels):
    outputs, was_training = {}, network.training
    def keep(name):
        def hook(module, inputs, output):
            outputs[name] = output
        return hook
    handles = [getattr(network, name).register_forward_hook(keep(name)) for name in ("layer1", "layer2", "layer3")]
    network.eval()
    loss = F.cross_entropy(network(images), labels.to(images.device), reduction="sum")
    gradients = torch.autograd.grad(loss, list(outputs.values()))
    network.train(was_training)
    for handle in handles:
        handle.remove()
    shares = {}
    for name, gradient in zip(outputs, gradients, strict=True):
        energy = gradient.cpu().double().square().sum(dim=1).flatten(1)
        cells = energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)
        shares[name] = (float((gradient != 0).float().mean()), float(cells.mean()) / energy.shape[1])
    return shares
"""

EXPERIMENT = """
rows = []
for head in ("gap", "max"):
    for seed in (0, 1, 2):
        shares = gradient_spread(weights.load(f"resnet20-{head}-s{seed}"), data.normalise(pictures), labels)
        for stage, (share, energy) in shares.items():
            rows.append({"head": head, "seed": seed, "stage": stage, "not_zero": share, "energy": energy})
experiment = pd.DataFrame(rows)
"""


ANSWERS = {
    "ex-5-1": {
        "right": [predicted(), predicted(norm=10.0)],
        "wrong": [
            ("a map of 7 x 7", predicted(norm=7, amax=49)),
            ("the same norm", predicted(norm=1)),
            ("the square of the norm", predicted(norm=100)),
            ("amax picks one", predicted(amax=1)),
            ("max_pool2d shares among ties", predicted(window=100)),
            ("one convolution back", predicted(reach=9)),
            ("the shortcut alone", predicted(reach=1)),
            ("the whole map", predicted(reach=100)),
            ("every cell gets a gradient", predicted(cells=100)),
            ("not answered", "prediction = {'cells with a gradient behind global max': 1}"),
        ],
    },
    "ex-5-2": {
        "right": [
            GEM,
            """
def gem(x, p):
    size = x.amax(dim=(2, 3), keepdim=True).detach()
    scaled = x / size
    return size.flatten(1) * torch.linalg.vector_norm(scaled, ord=p, dim=(2, 3)) / (x.shape[2] * x.shape[3]) ** (1 / p)
""",
        ],
        "wrong": [
            ("the definition as it stands", "def gem(x, p):\n    return x.pow(p).mean(dim=(2, 3)).pow(1 / p)"),
            ("the average", "def gem(x, p):\n    return x.mean(dim=(2, 3))"),
            ("the maximum", "def gem(x, p):\n    return x.amax(dim=(2, 3))"),
            *edits(
                GEM,
                ("the sum of the powers", ".pow(p).mean(", ".pow(p).sum("),
                ("without the root", "mean.pow(1 / p)", "mean"),
                ("over one axis, and then the average", "mean(dim=(2, 3))", "mean(dim=2).mean(dim=1, keepdim=True)"),
                (
                    "the maximum of the whole batch",
                    "x.amax(dim=(2, 3), keepdim=True)",
                    "x.amax().expand(*x.shape[:2], 1, 1)",
                ),
                ("square maps only", ".mean(dim=(2, 3))", ".sum(dim=(2, 3)) / x.shape[2] ** 2"),
                (
                    "two axes too many",
                    "peak[:, :, 0, 0] * mean.pow(1 / p)",
                    "(peak[:, :, 0, 0] * mean.pow(1 / p))[:, :, None, None]",
                ),
                ("batch of one", "peak[:, :, 0, 0] * mean.pow(1 / p)", "(peak[:, :, 0, 0] * mean.pow(1 / p))[:1]"),
                ("always float64", "    peak", "    x = x.double()\n    peak"),
                ("without a gradient", "    peak", "    x = x.detach()\n    peak"),
                ("wrong gradient: part of it detached", "mean.pow(1 / p)", "mean.detach().pow(1 / p)"),
                ("scales the maps in place", "(x / peak)", "x.data.div_(peak)"),
                ("clamped so high that small cells change", "    peak", "    x = x.clamp(min=0.1)\n    peak"),
            ),
            (
                "by logarithms, nan where a cell is zero",
                "def gem(x, p):\n    y = p * x.log().flatten(2)\n    return (y.exp().mean(dim=2).log() / p).exp()",
            ),
        ],
    },
    "ex-5-2b": {
        "right": [
            GEM_GRADIENT,
            """
def gem_gradient(x, p, upstream):
    ratio = x / x.amax(dim=(2, 3), keepdim=True)
    powers = ratio ** (p - 1)
    below = (ratio * powers).mean(dim=(2, 3), keepdim=True) ** ((p - 1) / p)
    return upstream.view(*upstream.shape, 1, 1) * powers / below / x[0, 0].numel()
""",
        ],
        "wrong": [
            (
                "autograd",
                """
def gem_gradient(x, p, upstream):
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        y = x.amax(dim=(2, 3)) * (x / x.amax(dim=(2, 3), keepdim=True)).pow(p).mean(dim=(2, 3)).pow(1 / p)
        return torch.autograd.grad(y, x, upstream)[0]
""",
            ),
            *edits(
                GEM_GRADIENT,
                ("not divided by the cells", " / cells", ""),
                ("the power p", "pow(p - 1)", "pow(p)"),
                ("nothing from above", "upstream[:, :, None, None] * ", ""),
                ("the sum of what comes from above", "upstream[:, :, None, None]", "upstream.sum()"),
                ("a factor p", "return ", "return p * "),
                ("the average's", "(x / pooled).pow(p - 1)", "torch.ones_like(x)"),
                ("normalised to one", "/ cells", "/ (x / pooled).pow(p - 1).sum(dim=(2, 3), keepdim=True)"),
                (
                    "powers before the ratio, which overflow",
                    "(x / pooled).pow(p - 1)",
                    "x.pow(p - 1) / pooled.pow(p - 1)",
                ),
                ("square maps only", "x.shape[2] * x.shape[3]", "x.shape[2] ** 2"),
                ("over the batch too", "mean(dim=(2, 3), keepdim=True)", "mean(dim=(0, 2, 3), keepdim=True)"),
                (
                    "changes what comes from above",
                    "    return upstream",
                    "    upstream /= 1.5\n    return 1.5 * upstream",
                ),
            ),
        ],
    },
    "ex-5-3": {
        "right": [
            LSE,
            """
import math

def lse(x, r):
    cells = x.shape[2] * x.shape[3]
    return (torch.logsumexp(r * x.flatten(2), dim=2) - math.log(cells)) / r
""",
        ],
        "wrong": [
            ("the definition as it stands", "def lse(x, r):\n    return (r * x).exp().mean(dim=(2, 3)).log() / r"),
            *edits(
                LSE,
                ("the sum instead of the mean", ".exp().mean(", ".exp().sum("),
                ("not divided by r", "mean.log() / r", "mean.log()"),
                ("over one axis", "mean(dim=(2, 3))", "mean(dim=2)[:, :, 0]"),
                ("square maps only", ".mean(dim=(2, 3))", ".sum(dim=(2, 3)) / x.shape[3] ** 2"),
                ("base two", "mean.log()", "mean.log2()"),
                ("subtracts the peak and never adds it", "peak[:, :, 0, 0] + ", ""),
                ("clears negative cells", "    peak", "    x = x.clamp(min=0)\n    peak"),
                ("always float32", "    peak", "    x = x.float()\n    peak"),
            ),
            ("r forgotten", changed(changed(LSE, "(r * (x - peak))", "(x - peak)"), " / r", "")),
            (
                "a mean weighted by the softmax",
                "def lse(x, r):\n    x = x.flatten(2)\n    return (torch.softmax(r * x, dim=2) * x).sum(dim=2)",
            ),
            ("the maximum", "def lse(x, r):\n    return x.amax(dim=(2, 3))"),
            ("the average", "def lse(x, r):\n    return x.mean(dim=(2, 3))"),
            (
                "without a gradient",
                changed(LSE, "return ", "return torch.tensor(1.0) * ").replace(
                    "    peak =", "    x = x.detach()\n    peak ="
                ),
            ),
        ],
    },
    "ex-5-4": {
        "right": [
            CHECKER,
            """
def gradient_is_right(pool, gradient, x):
    given = gradient(x.clone()).detach().double()
    exact = x.detach().double().clone().requires_grad_()
    wanted = torch.autograd.grad(pool(exact).sum(), exact)[0]
    return bool(torch.isclose(given, wanted, rtol=0, atol=1e-3 * float(wanted.abs().max())).all())
""",
            changed(CHECKER, "bool(right)", "right"),
            changed(CHECKER, "bool(right)", "right.numpy()[()]"),
        ],
        "wrong": [
            ("infinity believed", changed(CHECKER, "wanted.abs().max()", "given.abs().max().double()")),
            *edits(
                CHECKER,
                ("one right element is enough", ".all()", ".any()"),
                ("the largest, not the largest in size", "wanted.abs().max()", "wanted.max()"),
                ("most elements right is enough", "<= allowed).all()", "<= allowed).double().mean() > 0.5"),
                ("only the first channel of the first picture", "allowed).all()", "allowed)[0, 0].all()"),
                ("only the first picture", "allowed).all()", "allowed)[0].all()"),
                (
                    "the sums agree",
                    "((given.double() - wanted).abs() <= allowed).all()",
                    "(given.double() - wanted).sum().abs() <= allowed",
                ),
                (
                    "the average error is small",
                    "((given.double() - wanted).abs() <= allowed).all()",
                    "(given.double() - wanted).abs().mean() <= 0.02 * wanted.abs().max()",
                ),
                (
                    "the direction alone",
                    "((given.double() - wanted).abs() <= allowed).all()",
                    "F.cosine_similarity(given.double().flatten(), wanted.flatten(), dim=0) > 0.999",
                ),
                ("the size alone", "given.double() - wanted", "given.double().abs() - wanted.abs()"),
                ("a tolerance of 3e-2", "1e-3 * wanted.abs().max()", "3e-2"),
                ("ten per cent", "1e-3 * wanted", "0.1 * wanted"),
                ("divided by one step", "(2 * step)", "step"),
                (
                    "moves x itself",
                    "    x = x.detach().double().clone()\n",
                    "    x += 1e-3\n    x = x.double().clone()\n",
                ),
                ("stays in float32", "x.detach().double().clone()", "x.detach().clone()"),
                (
                    "nan counts as right",
                    "((given.double() - wanted).abs() <= allowed).all()",
                    "not ((given.double() - wanted).abs() > allowed).any()",
                ),
                ("a tolerance of half a per cent", "1e-3 * wanted", "6e-3 * wanted"),
                ("an absolute tolerance", "1e-3 * wanted.abs().max()", "1e-3"),
                (
                    "measured by the whole",
                    "((given.double() - wanted).abs() <= allowed).all()",
                    "(given.double() - wanted).norm() <= 1e-3 * wanted.norm()",
                ),
                ("closer than was asked", "1e-3 * wanted", "1e-5 * wanted"),
                ("stops instead of answering", "return bool(right)", "assert right\n    return True"),
            ),
            ("always yes", "def gradient_is_right(pool, gradient, x):\n    return True"),
            ("always no", "def gradient_is_right(pool, gradient, x):\n    return False"),
            ("shapes alone", "def gradient_is_right(pool, gradient, x):\n    return gradient(x).shape == x.shape"),
        ],
    },
    "ex-5-5": {
        "right": [SPREAD],
        "wrong": [
            *edits(
                SPREAD,
                ("in training mode", "network.eval()", "network.train()"),
                ("leaves the network in evaluation mode", "    network.train(was_training)\n", ""),
                ("hooks stay", "handle.remove()", "pass"),
                ("energies in float32", ".double().square()", ".square()"),
                ("small numbers taken for zero", "gradient != 0", "gradient.abs() > 1e-8"),
                (
                    "thaws or freezes the network",
                    "    network.eval()\n",
                    "    network.eval()\n    network.bn1.requires_grad_(False)\n",
                ),
                (
                    "leaves gradients in the weights",
                    "    network.train(was",
                    "    network(images).sum().backward()\n    network.train(was",
                ),
                ("one energy for all pictures", ".sum(dim=1).flatten(1)", ".sum(dim=(0, 1)).flatten()[None]"),
                ("the first picture alone", "cells.mean()", "cells[0]"),
                ("the energy of each channel", ".sum(dim=1).flatten(1)", ".flatten(2).flatten(0, 1)"),
                ("sizes instead of squares", ".square()", ".abs()"),
                (
                    "the inverse",
                    "energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)",
                    "(energy**2).sum(dim=1) / energy.sum(dim=1) ** 2",
                ),
                ("a number of cells, not a share", "float(cells.mean()) / energy.shape[1]", "float(cells.mean())"),
                ("zeros counted", "gradient != 0", "gradient == 0"),
                ("cells with anything in any channel", "(gradient != 0)", "(gradient != 0).any(dim=1)"),
                ("activations instead of gradients", "zip(outputs, gradients, strict=True)", "outputs.items()"),
                (
                    "gradient of all logits",
                    'F.cross_entropy(network(images), labels.to(images.device), reduction="sum")',
                    "network(images).sum()",
                ),
                ("percent", "float((gradient != 0).float().mean())", "100 * float((gradient != 0).float().mean())"),
                ("tensors", "float(cells.mean()) / energy.shape[1]", "cells.mean() / energy.shape[1]"),
                ("two stages", '("layer1", "layer2", "layer3")', '("layer2", "layer3")'),
                (
                    "what every batch norm saw is changed",
                    "network.eval()",
                    "network.train()\n    network(images)\n    network.eval()",
                ),
            ),
        ],
    },
    "ex-5-5b": {
        "right": [
            EXPERIMENT,
            EXPERIMENT + "experiment = experiment.sample(frac=1, random_state=1)\n",
            EXPERIMENT + "further = pd.DataFrame([{**rows[0], 'head': 'untrained'}])\n"
            "experiment = pd.concat([experiment, further])\n",
        ],
        "wrong": [
            *edits(
                EXPERIMENT,
                ("one seed", "in (0, 1, 2)", "in (0,)"),
                ("one head", '("gap", "max")', '("gap",)'),
                ("untrained networks", 'weights.load(f"resnet20-{head}-s{seed}")', "models.resnet20(head, seed=seed)"),
                ("columns swapped", '"not_zero": share, "energy": energy', '"not_zero": energy, "energy": share'),
            ),
            (
                "heads swapped",
                EXPERIMENT + "experiment['head'] = experiment['head'].map({'gap': 'max', 'max': 'gap'})\n",
            ),
            (
                "the same network under three seeds",
                changed(EXPERIMENT, "-s{seed}", "-s0") + "experiment.loc[:, 'energy'] = 0.5\n",
            ),
            ("other columns", EXPERIMENT + "experiment = experiment.rename(columns={'energy': 'share'})\n"),
            ("percent", EXPERIMENT + "experiment['energy'] *= 100\n"),
            ("every row twice", EXPERIMENT + "experiment = pd.concat([experiment, experiment])\n"),
            ("a row not measured", EXPERIMENT + "experiment.loc[3, 'energy'] = None\n"),
            (
                "one row made up",
                EXPERIMENT + "experiment.loc[4, 'energy'] = 0.9 * experiment.loc[4, 'energy'] + 0.05\n",
            ),
            ("no table", "experiment = None"),
        ],
    },
}
