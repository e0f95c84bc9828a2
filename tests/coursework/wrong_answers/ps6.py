"""Answers to problem set 6, right in another way or plausibly wrong; each replaces a whole answer cell."""

from editing import changed, edits


def pool(body, features="channels", before="", after=""):
    return f"""
class MyPool(nn.Module):
    def __init__(self, channels):
        super().__init__()
        {before or "pass"}

    def forward(self, x):
        {body}

def my_head(channels, classes):
    return MyPool(channels), nn.Linear({features}, classes)
{after}
"""


def predicted(parameters=650, work=640, read=64, share=26.5):
    return f"""
prediction = {{
    "parameters of the head": {parameters},
    "multiply-adds of the classifier": {work},
    "numbers that the classifier reads at 56 px": {read},
    "cells with a gradient behind the pool, %": {share},
}}
"""


BEHAVIOUR = """
def behaviour(network, images, labels):
    was_training = network.training
    network.eval()
    with torch.no_grad():
        still = network(data.normalise(images)).argmax(dim=1).cpu()
        same = []
        for dy in (-2, 0, 2):
            for dx in (-2, 0, 2):
                if dy or dx:
                    moved = torch.roll(images, (dy, dx), dims=(2, 3))
                    same.append(network(data.normalise(moved)).argmax(dim=1).cpu() == still)
        larger = network(data.normalise(data.resize(images, 40))).argmax(dim=1).cpu()
    network.train(was_training)
    return {
        "accuracy": float((still == labels).float().mean()),
        "consistency": float(torch.stack(same).float().mean()),
        "accuracy_at_40": float((larger == labels).float().mean()),
    }
"""

GRADIENTS = """
def gradients(network, images, labels):
    was_training = network.training
    network.eval()
    last = network.features(data.normalise(images))
    logits = network.fc(network.pool(last).flatten(1))
    loss = F.cross_entropy(logits, labels.to(where), reduction="sum")
    gradient = torch.autograd.grad(loss, last)[0].cpu().double()
    network.train(was_training)
    energy = gradient.square().sum(dim=1).flatten(1)
    cells = energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)
    return {
        "gradient_cells": float(cells.mean()) / energy.shape[1],
        "gradient_norm": float(energy.sum(dim=1).sqrt().mean()),
    }
"""

DECIDE = """
def decide(table, measure):
    gap = table[table["head"] == "gap"].set_index("seed")[measure].sort_index()
    mine = table[table["head"] == "mine"].set_index("seed")[measure].sort_index()
    gains = (mine - gap).to_numpy()
    difference, error = float(gains.mean()), float(gains.std(ddof=1) / len(gains) ** 0.5)
    if difference > 2 * error:
        verdict = "higher"
    elif difference < -2 * error:
        verdict = "lower"
    else:
        verdict = "undecided"
    return {"difference": difference, "error": error, "verdict": verdict}
"""

BY_COPY = """
import copy
import itertools

def behaviour(network, images, labels):
    judge = copy.deepcopy(network).eval()
    def classes(pictures):
        return judge(data.normalise(pictures)).detach().cpu().max(dim=1).indices
    still = classes(images)
    moves = [m for m in itertools.product((-2, 0, 2), repeat=2) if any(m)]
    stayed = sum((classes(images.roll(m, (2, 3))) == still).sum().item() for m in moves)
    return dict(
        accuracy=(still == labels).double().mean().item(),
        consistency=stayed / (len(moves) * len(images)),
        accuracy_at_40=(classes(data.resize(images, 40)) == labels).double().mean().item(),
    )
"""
# The class of the unmoved image takes the label's place.
BY_ACCURACY = """
def behaviour(network, images, labels):
    still = training.predict(network, images).argmax(dim=1).cpu()
    moved = [images.roll((dy, dx), dims=(-2, -1)) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if abs(dy) + abs(dx)]
    shares = [training.accuracy(network, (each, still)) for each in moved]
    return {
        "accuracy_at_40": training.accuracy(network, (data.resize(images, 40), labels)),
        "accuracy": training.accuracy(network, (images, labels)),
        "consistency": sum(shares) / 8,
    }
"""
BY_PICTURE = """
def gradients(network, images, labels):
    was_training = network.training
    network.eval()
    cells, norms = [], []
    for image, label in zip(images, labels):
        seen = models.parts(network, data.normalise(image[None]))
        loss = nn.CrossEntropyLoss()(seen.logits, label[None].to(where))
        gradient = torch.autograd.grad(loss, seen.feature_map)[0][0].cpu().double()
        energy = (gradient**2).sum(dim=0)
        cells.append((energy.sum() ** 2 / (energy**2).sum() / energy.numel()).item())
        norms.append(gradient.norm().item())
    network.train(was_training)
    return {"gradient_cells": sum(cells) / len(cells), "gradient_norm": sum(norms) / len(norms)}
"""
BY_HOOK = """
def gradients(network, images, labels):
    was_training, seen = network.training, []
    network.eval()
    handle = network.pool.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        scores = network(data.normalise(images))
    finally:
        handle.remove()
        network.train(was_training)
    chosen = scores.log_softmax(dim=1)[torch.arange(len(labels)), labels.to(where)]
    gradient = torch.autograd.grad(-chosen.sum(), seen[0])[0].to("cpu", torch.float64)
    energy = torch.einsum("nchw,nchw->nhw", gradient, gradient)
    share = energy.sum(dim=(1, 2)).square() / energy.square().mean(dim=(1, 2)) / energy[0].numel() ** 2
    return {"gradient_cells": share.mean().item(), "gradient_norm": gradient.flatten(1).norm(dim=1).mean().item()}
"""
BY_STATISTICS = """
import statistics

def decide(table, measure):
    at = {(row["head"], row["seed"]): row[measure] for _, row in table.iterrows()}
    gains = [at["mine", seed] - at["gap", seed] for head, seed in at if head == "gap"]
    mean, error = statistics.fmean(gains), statistics.stdev(gains) / len(gains) ** 0.5
    word = "undecided" if abs(mean) <= 2 * error else ("lower", "higher")[mean > 0]
    return {"verdict": word, "difference": float(mean), "error": float(error)}
"""
BY_MERGE = """
def decide(table, measure):
    halves = [table.loc[table["head"].eq(head), ["seed", measure]] for head in ("mine", "gap")]
    both = halves[0].merge(halves[1], on="seed", suffixes=("_mine", "_gap"))
    gains = both[f"{measure}_mine"] - both[f"{measure}_gap"]
    difference, error = gains.mean(), gains.sem()
    verdict = "higher" if difference > 2 * error else "lower" if -difference > 2 * error else "undecided"
    return {"difference": difference, "error": error, "verdict": verdict}
"""
BY_NUMPY = """
import numpy as np

def decide(table, measure):
    ordered = table.sort_values(["head", "seed"])
    gap, mine = ordered[measure].to_numpy().reshape(2, -1)
    gains = mine - gap
    difference = np.mean(gains)
    error = np.sqrt(np.sum((gains - difference) ** 2) / (gains.size - 1)) / np.sqrt(gains.size)
    verdict = {1: "higher", -1: "lower", 0: "undecided"}[int(np.sign(difference) * (abs(difference) > 2 * error))]
    return dict(difference=difference, error=error, verdict=verdict)
"""
BY_LOOP = """
def decide(table, measure):
    gains = []
    for seed, rows in table.groupby("seed"):
        value = rows.set_index("head")[measure]
        gains.append(float(value.loc["mine"] - value.loc["gap"]))
    n = len(gains)
    mean = sum(gains) / n
    error = (sum((gain - mean) ** 2 for gain in gains) / (n - 1) / n) ** 0.5
    if mean - 2 * error > 0:
        return {"difference": mean, "error": error, "verdict": "higher"}
    return {"difference": mean, "error": error, "verdict": "lower" if mean + 2 * error < 0 else "undecided"}
"""

ANSWERS = {
    "ex-6-1": {
        "right": [
            pool(
                "a = torch.sigmoid(self.mix); return a * x.mean(dim=(2, 3)) + (1 - a) * x.amax(dim=(2, 3))",
                before="self.mix = nn.Parameter(torch.zeros(()))",
            ),
            pool("return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)", "2 * channels"),
            pool(
                "w = self.look(x).flatten(2).softmax(dim=2); return (w * x.flatten(2)).sum(dim=2)",
                before="self.look = nn.Conv2d(channels, 1, 1)",
            ),
            pool("return F.adaptive_avg_pool2d(x, 2).amax(dim=(2, 3))"),
            pool("return F.adaptive_avg_pool2d(x, 2).flatten(1)", "4 * channels"),
            pool("return x.flatten(2).median(dim=2).values"),
            pool("c = 4 * x.flatten(2); return (c.logsumexp(dim=2) - torch.tensor(float(c.shape[2])).log()) / 4"),
            pool(
                "return x.clamp(min=1e-6).pow(self.p).mean(dim=(2, 3)).pow(1 / self.p)",
                before="self.p = nn.Parameter(torch.tensor(3.0))",
            ),
            pool(
                "m = x.mean(dim=(2, 3)); "
                "return torch.cat([m, ((x - m[:, :, None, None]) ** 2).mean(dim=(2, 3)).add(1e-4).sqrt()], dim=1)",
                "2 * channels",
            ),
            pool("c = x.flatten(2); return (c * c.softmax(dim=2)).sum(dim=2)"),
            pool(
                "return self.norm(x.mean(dim=(2, 3)) + self.drop(x.amax(dim=(2, 3))))",
                before="self.norm, self.drop = nn.LayerNorm(channels), nn.Dropout(0.1)",
            ),
        ],
        "wrong": [
            (
                "the average and a thousandth of the maximum",
                pool("return 0.999 * x.mean(dim=(2, 3)) + 0.001 * x.amax(dim=(2, 3))"),
            ),
            (
                "the average as long as it trains",
                pool("m = x.mean(dim=(2, 3)); return m if self.training else (m + x.amax(dim=(2, 3))) / 2"),
            ),
            (
                "one pool for all networks",
                changed(
                    pool(
                        "a = self.mix; return a * x.mean(dim=(2, 3)) + (1 - a) * x.amax(dim=(2, 3))",
                        before="self.mix = nn.Parameter(torch.tensor(0.5))",
                    ),
                    "def my_head(channels, classes):\n    return MyPool(channels)",
                    "ONCE = MyPool(0)\n\ndef my_head(channels, classes):\n    return ONCE",
                ),
            ),
            (
                "a cell by lot",
                pool("c = x.flatten(2); return c[:, :, int(torch.randint(c.shape[2], ()))] + c.amax(dim=2)"),
            ),
            ("the highest in the batch", pool("return x.mean(dim=(2, 3)) + x.amax(dim=(0, 2, 3))")),
            ("divided by the root of the cells", pool("return x.sum(dim=(2, 3)) / x[0, 0].numel() ** 0.5")),
            ("no room for a map of one cell", pool("return F.max_pool2d(x, 2).mean(dim=(2, 3))")),
            ("always float32", pool("x = x.float(); return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2")),
            (
                "a weight that does not learn",
                pool(
                    "a = self.mix.detach(); return a * x.mean(dim=(2, 3)) + (1 - a) * x.amax(dim=(2, 3))",
                    before="self.mix = nn.Parameter(torch.tensor(0.5))",
                ),
            ),
            ("the average", pool("return x.mean(dim=(2, 3))")),
            ("the average, a little more", pool("return 1.002 * x.mean(dim=(2, 3))")),
            ("twice the average", pool("return 2 * x.mean(dim=(2, 3))")),
            ("the average plus one", pool("return x.mean(dim=(2, 3)) + 1")),
            ("the average, channels in another order", pool("return x.mean(dim=(2, 3)).flip(1)")),
            ("the average of another channel mix", pool("return x.mean(dim=(2, 3)).cumsum(1)")),
            ("minus the maximum", pool("return -x.amax(dim=(2, 3))")),
            ("the maximum squared", pool("return x.amax(dim=(2, 3)) ** 2")),
            (
                "an infinite gradient on even maps",
                pool(
                    "return torch.cat([x.mean(dim=(2, 3)), x.var(dim=(2, 3), unbiased=False).sqrt()], dim=1)",
                    "2 * channels",
                ),
            ),
            ("the maximum", pool("return x.amax(dim=(2, 3))")),
            (
                "the average by another name",
                pool("return F.adaptive_avg_pool2d(F.adaptive_avg_pool2d(x, x.shape[2:]), 1).flatten(1)"),
            ),
            ("a flattened head", pool("return x.flatten(1)", "49 * channels")),
            ("a fixed window", pool("return F.avg_pool2d(x, 7).flatten(1)")),
            ("the sum", pool("return x.sum(dim=(2, 3))")),
            (
                "five best cells, or all of them",
                pool("c = x.flatten(2); return c.topk(min(5, c.shape[2]), dim=2).values.sum(dim=2)"),
            ),
            ("five best cells of small maps too", pool("return x.flatten(2).topk(5, dim=2).values.mean(dim=2)")),
            (
                "nan for a single cell",
                pool("return torch.cat([x.mean(dim=(2, 3)), x.std(dim=(2, 3))], dim=1)", "2 * channels"),
            ),
            ("no gradient", pool("return x.detach().mean(dim=(2, 3)) + x.detach().amax(dim=(2, 3))")),
            ("an infinite gradient at zero", pool("return x.sqrt().mean(dim=(2, 3)) ** 2")),
            (
                "an idle parameter",
                pool(
                    "return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2",
                    before="self.p = nn.Parameter(torch.ones(()))",
                ),
            ),
            ("looks at the whole batch", pool("return x.mean(dim=(2, 3)) / x.mean()")),
            ("changes the maps", pool("x.data.mul_(2); return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2")),
            ("the wrong axes", pool("return (x.mean(dim=(1, 2)) + x.amax(dim=(1, 2))) / 2")),
            ("the classifier reads too few", pool("return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)")),
            ("64 channels always", pool("return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2", "64")),
            (
                "ten classes always",
                changed(
                    pool("return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2"),
                    "(channels, classes)\n",
                    "(channels, 10)\n",
                ),
            ),
            ("two more axes", pool("return (x.mean(dim=(2, 3), keepdim=True) + x.amax(dim=(2, 3), keepdim=True)) / 2")),
            (
                "a deep classifier",
                changed(
                    pool("return (x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))) / 2"),
                    "nn.Linear(channels, classes)",
                    "nn.Sequential(nn.Linear(channels, 9), nn.Linear(9, classes))",
                ),
            ),
        ],
    },
    "ex-6-2": {
        "right": [predicted(), predicted(share=26), predicted("torch.tensor(650)", 640.0, "int(64)", "1300 / 49")],
        "wrong": [
            ("a quarter that is not rounded up", predicted(share=25)),
            ("a quarter that is rounded down", predicted(share=100 * 12 / 49)),
            ("the quarter at 56 px", predicted(share=100 * 49 / 196)),
            ("without the bias", predicted(parameters=640)),
            ("with the bias in the multiply-adds", predicted(work=650)),
            ("a flattened head", predicted(49 * 640 + 10, 49 * 640, 49 * 64)),
            ("a larger map gives more", predicted(read=4 * 64)),
            ("one cell", predicted(share=100 / 49)),
            ("every cell", predicted(share=100)),
            ("a fraction and not per cent", predicted(share=13 / 49)),
            ("left as it was", "prediction = dict.fromkeys(prediction) if 'prediction' in dir() else {}"),
        ],
    },
    "ex-6-3": {
        "right": [
            BEHAVIOUR,
            BY_COPY,
            BY_ACCURACY,
            changed(BEHAVIOUR, "with torch.no_grad():", "with torch.inference_mode():"),
            changed(
                BEHAVIOUR,
                "network(data.normalise(moved))",
                "torch.cat([network(data.normalise(part)) for part in moved.split(7)])",
            ),
        ],
        "wrong": [
            *edits(
                BEHAVIOUR,
                (
                    "what leaves is lost",
                    "moved = torch.roll(images, (dy, dx), dims=(2, 3))",
                    "moved = F.pad(images, (2, 2, 2, 2))[:, :, 2 - dy : 30 - dy, 2 - dx : 30 - dx]",
                ),
                ("each move on top of the last", "moved = torch", "moved = images = torch"),
                (
                    "moves the images themselves",
                    "moved = torch.roll(images, (dy, dx), dims=(2, 3))",
                    "moved = images.copy_(torch.roll(images, (dy, dx), dims=(2, 3)))",
                ),
                (
                    "the mean of batches of different sizes",
                    "float((still == labels).float().mean())",
                    "sum(float(p.float().mean()) for p in (still == labels).split(16)) / len(labels.split(16))",
                ),
                (
                    "only images that are right",
                    "torch.stack(same).float().mean()",
                    "torch.stack(same)[:, still == labels].float().mean()",
                ),
                (
                    "moves compared with each other",
                    "torch.stack(same).float().mean()",
                    "(torch.stack(same)[1:] == torch.stack(same)[:-1]).float().mean()",
                ),
                ("40 px by the nearest pixel", "data.resize(images, 40)", "F.interpolate(images.float(), 40)"),
                (
                    "the mode of the network alone is put back",
                    "    was_training = network.training\n    network.eval()\n",
                    "    was_training = network.training\n    network.eval()\n    network.layer1.train()\n",
                ),
            ),
            *edits(
                BEHAVIOUR,
                ("in training mode", "network.eval()", "network.train()"),
                ("leaves the network in evaluation mode", "    network.train(was_training)\n", ""),
                ("counts the right class and not the same class", ".cpu() == still)", ".cpu() == labels)"),
                ("the unmoved image counts too", "if dy or dx:", "if True:"),
                ("four moves", "if dy or dx:", "if bool(dy) != bool(dx):"),
                ("moves by one pixel", "(dy, dx), dims", "(dy // 2, dx // 2), dims"),
                (
                    "only if no move changes anything",
                    "torch.stack(same).float()",
                    "torch.stack(same).all(dim=0).float()",
                ),
                ("rolls the wrong axes", "dims=(2, 3)", "dims=(0, 2)"),
                ("40 px by a canvas", "data.resize(images, 40)", "data.place(images, 40)"),
                ("no larger than before", "data.resize(images, 40)", "images"),
                ("per cent", '"accuracy": float(', '"accuracy": 100 * float('),
                ("images that are not normalised", "data.normalise(images)", "images.float().to(where) / 255"),
                ("a count", "(still == labels).float().mean()", "(still == labels).sum()"),
                ("one key missing", '"accuracy_at_40"', '"accuracy_40"'),
                ("tensors", "float((still == labels).float().mean())", "(still == labels).float().mean()"),
            ),
        ],
    },
    "ex-6-3b": {
        "right": [
            GRADIENTS,
            BY_PICTURE,
            BY_HOOK,
            changed(changed(GRADIENTS, 'reduction="sum"', 'reduction="mean"'), ".double()", ".double() * len(images)"),
            changed(
                GRADIENTS,
                "    cells =",
                "    top = energy.amax(dim=1, keepdim=True)\n    energy = energy / top * top\n    cells =",
            ),
        ],
        "wrong": [
            *edits(
                GRADIENTS,
                ("squares in float32", ".cpu().double()", ".cpu()"),
                ("the class that is named and not the right one", "labels.to(where)", "logits.argmax(dim=1)"),
                (
                    "the ratio of the averages",
                    "energy.sum(dim=1) ** 2 / (energy**2).sum(dim=1)",
                    "(energy.sum(dim=1) ** 2).mean() / (energy**2).sum(dim=1).mean()",
                ),
                ("the mean over channels", ".square().sum(dim=1).flatten(1)", ".square().mean(dim=1).flatten(1)"),
                ("the sum before the square", ".square().sum(dim=1).flatten(1)", ".sum(dim=1).square().flatten(1)"),
                ("the first picture for all", "cells.mean()", "cells[0]"),
                (
                    "the weights stay frozen",
                    "    energy = grad",
                    "    network.requires_grad_(False)\n    energy = grad",
                ),
                (
                    "takes a step",
                    "    energy = grad",
                    "    [p.data.mul_(0.999) for p in network.parameters()]\n    energy = grad",
                ),
            ),
            *edits(
                GRADIENTS,
                ("the mean loss", 'reduction="sum"', 'reduction="mean"'),
                ("in training mode", "network.eval()", "network.train()"),
                ("leaves the network in evaluation mode", "    network.train(was_training)\n", ""),
                ("one norm for the batch", "energy.sum(dim=1).sqrt().mean()", "energy.sum().sqrt()"),
                ("the squared norm", "energy.sum(dim=1).sqrt().mean()", "energy.sum(dim=1).mean()"),
                ("the L1 norm", "energy.sum(dim=1).sqrt().mean()", "gradient.abs().flatten(1).sum(dim=1).mean()"),
                ("cells, not their share", " / energy.shape[1]", ""),
                (
                    "the share that is not zero",
                    "float(cells.mean()) / energy.shape[1]",
                    "float((gradient != 0).double().mean())",
                ),
                ("channels and cells mixed", ".square().sum(dim=1).flatten(1)", ".square().flatten(1)"),
                ("pictures mixed", ".square().sum(dim=1).flatten(1)", ".square().sum(dim=(0, 1)).flatten()[None]"),
                (
                    "the gradient of the pooled vector",
                    "logits = network.fc(network.pool(last).flatten(1))",
                    "last = network.pool(last).view(len(images), 64, 1, -1)\n    logits = network.fc(last.flatten(1))",
                ),
                (
                    "the gradient of the largest logit",
                    'F.cross_entropy(logits, labels.to(where), reduction="sum")',
                    "logits.amax(dim=1).sum()",
                ),
                (
                    "a hook that stays",
                    "    last = network.features",
                    "    network.pool.register_forward_hook(lambda *_: None)\n    last = network.features",
                ),
                ("tensors", "float(energy.sum(dim=1).sqrt().mean())", "energy.sum(dim=1).sqrt().mean()"),
            ),
            (
                "one layer earlier",
                changed(
                    GRADIENTS,
                    "network.features(data.normalise(images))",
                    "network.layer2(network.layer1(F.relu(network.bn1(network.conv1(data.normalise(images))))))",
                ).replace("network.pool(last)", "network.pool(network.layer3(last))"),
            ),
        ],
    },
    "ex-6-4": {
        "right": [
            *(DECIDE, BY_STATISTICS, BY_MERGE, BY_NUMPY, BY_LOOP),
            f"import torch\n{DECIDE}\nplain = decide\n\ndef decide(table, measure):\n    said = plain(table, measure)\n"
            "    return {k: v if k == 'verdict' else torch.tensor(v, dtype=torch.float64) for k, v in said.items()}\n",
        ],
        "wrong": [
            *edits(
                DECIDE,
                ("from the fence on", "difference > 2 * error", "difference >= 2 * error"),
                ("divided by the error", "difference > 2 * error", "difference / error > 2"),
                (
                    "no error below a thousandth",
                    "float(gains.std(ddof=1) / len(gains) ** 0.5)",
                    "max(0.001, float(gains.std(ddof=1) / len(gains) ** 0.5))",
                ),
                ("the first two seeds", "gains = (mine - gap).to_numpy()", "gains = (mine - gap).to_numpy()[:2]"),
                ("rounded", "float(gains.mean())", "round(float(gains.mean()), 3)"),
                ("in per cent of the average", "float(gains.mean())", "float(gains.mean() / abs(gap.mean()))"),
                ("numbers as text", '"error": error', '"error": f"{error:.6f}"'),
            ),
            (
                "1.96 standard errors",
                changed(changed(DECIDE, "-2 * error", "-1.96 * error"), "> 2 * error", "> 1.96 * error"),
            ),
            (
                "Student's quantile for three seeds",
                changed(changed(DECIDE, "-2 * error", "-4.303 * error"), "> 2 * error", "> 4.303 * error"),
            ),
            *edits(
                DECIDE,
                ("gap less mine", "(mine - gap)", "(gap - mine)"),
                ("not paired: rows in the order of the table", ".sort_index()", ".reset_index(drop=True)"),
                (
                    "not paired: spreads added",
                    "float(gains.std(ddof=1) / len(gains) ** 0.5)",
                    "float(((mine.var() + gap.var()) / len(gains)) ** 0.5)",
                ),
                ("divided by n", "ddof=1", "ddof=0"),
                ("the spread, not its standard error", " / len(gains) ** 0.5", ""),
                ("divided by n and not by its root", "len(gains) ** 0.5", "len(gains)"),
                ("whoever is ahead", "2 * error", "0 * error"),
                ("lower never", '"lower"', '"undecided"'),
                ("the median", "float(gains.mean())", "float(sorted(gains)[len(gains) // 2])"),
                ("three seeds always", "len(gains) ** 0.5", "3 ** 0.5"),
                (
                    "two rows for a seed changed in the table",
                    "    gap =",
                    "    table.sort_values('seed', inplace=True)\n    gap =",
                ),
                ("no error", '"error": error, ', ""),
            ),
            ("one standard error", changed(changed(DECIDE, "-2 * error", "-1 * error"), "> 2 * error", "> 1 * error")),
            (
                "accuracy alone",
                changed(
                    changed(DECIDE, 'set_index("seed")[measure]', 'set_index("seed")["score"]'),
                    "def decide",
                    "def decide",
                ),
            ),
        ],
    },
}
