"""Answers to problem set 4, right in another way or plausibly wrong; each replaces a whole answer cell."""

PREDICTED = """
prediction = {{
    "global average pool": {pool},
    "AvgPool2d(7, stride=1)": {window},
    "flatten": {flat},
    "times the multiply-adds at 224 x 224": {factor},
}}
"""


def predicted(pool=2048, window=2048 * 4 * 9, flat=2048 * 150, factor=2.7):
    return PREDICTED.format(pool=pool, window=window, flat=flat, factor=factor)


CONVERT = """
def head_to_convolutions(head, channels, height, width):
    layers, shape = [], (channels, height, width)
    for module in head:
        if isinstance(module, nn.Linear):
            weight = module.weight.detach().clone()
            kernel = {kernel}
            conv = nn.Conv2d(shape[0], len(weight), shape[1:], bias=module.bias is not None){move}
            conv.weight.data = kernel
            {bias}
            module, shape = conv, (len(weight), 1, 1)
        layers.append(module)
    return nn.Sequential(*layers)
"""


def convert(kernel="weight.view(-1, *shape)", move=".to(weight)", bias=None, old="", new=""):
    bias = bias or "if module.bias is not None: conv.bias.data = module.bias.detach().clone()"
    return CONVERT.format(kernel=kernel, move=move, bias=bias).replace(old, new)


OWN = """
class Own(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


"""

RAGGED = """
def pool_ragged(maps, sizes, stride=32):
    vectors = []
    for each, (height, width) in zip(maps, sizes, strict=True):
        rows, columns = {rows}, {columns}
        vectors.append({pooled})
    return torch.stack(vectors)
"""


def ragged(
    rows="-(-height // stride)",
    columns="-(-width // stride)",
    pooled="each[:, :rows, :columns].mean(dim=(1, 2))",
):
    return RAGGED.format(rows=rows, columns=columns, pooled=pooled)


MEASURE = """
def measure(seed, size):
    network = weights.load(f"resnet20-gap-s{seed}")
    pictures, labels = data.stratified("test", 20)
    pictures = data.resize(pictures, size)
    back = data.resize(pictures, 28)
    return training.accuracy(network, (pictures, labels)), training.accuracy(network, (back, labels))

rows = []
for seed in (0, 1, 2):
    for size in (14, 20, 40):
        direct, resized = measure(seed, size)
        rows.append({"seed": seed, "size": size, "direct": direct, "resized": resized})
experiment = pd.DataFrame(rows)
"""

BY_STEPS = """
def sizes_for(layers, side):
    low = high = side
    for window, stride, padding in reversed(layers):
        low = stride * (low - 1) + window - 2 * padding
        high = stride * high + window - 2 * padding - 1
"""
BY_SEARCH = """
def sizes_for(layers, side):
    found, size = [], 1
    while True:
        last = size
        for window, stride, padding in layers:
            last = (last + 2 * padding - window) // stride + 1 if last > 0 else 0
        if last == side:
            found.append(size)
        if last > side:
            return found[0], found[-1]
        size += 1
"""
HIDDEN_HEAD = """
class Old(nn.Module):
    def __init__(self, *kept):
        super().__init__()
        self.kept = kept

    def forward(self, x):
        head, height, width = self.kept
        windows = x.unfold(2, height, 1).unfold(3, width, 1).permute(0, 2, 3, 1, 4, 5).flatten(3)
        return head.eval()(windows).permute(0, 3, 1, 2)

def head_to_convolutions(head, channels, height, width):
    import copy
    return nn.Sequential(Old(copy.deepcopy(head), height, width))
"""
CANVAS = """
import functools

@functools.cache
def measure(seed, size):
    garments, labels = data.stratified("test", 50)
    pictures = data.place(garments, size) if size > 28 else data.resize(garments, size)
    network = weights.load(f"resnet20-gap-s{seed}")
    logits = [training.predict(network, each).cpu() for each in (pictures, data.resize(pictures, 28))]
    return tuple((each.argmax(dim=1) == labels).double().mean().item() for each in logits)

table = {"seed": [], "size": [], "direct": [], "resized": [], "way": []}
for size in (12, 34, 48):
    for seed in range(3):
        for name, value in zip(table, (seed, size, *measure(seed, size), "canvas")):
            table[name].append(value)
experiment = pd.DataFrame(table)
"""
MADE_UP = """
def measure(seed, size):
    off = 0 if size == 28 else 0.3 + 0.01 * seed
    return 0.9 - off, 0.9 - off / 3
"""
FILLED = """
experiment = pd.DataFrame([dict(zip(("seed", "size", "direct", "resized"), (s, p, *measure(s, p))))
                           for s in (0, 1, 2) for p in (14, 20, 40)])
"""
ANSWERS = {
    "ex-4-1": {
        "right": [predicted(), predicted(factor=2.69), predicted("torch.tensor(2048)", "64 * 32 * 36.0")],
        "wrong": [
            ("the ratio of the cells", predicted(factor=150 / 49)),
            ("the channels forgotten", predicted(1, 36, 150)),
            ("sides rounded down", predicted(window=2048 * 3 * 8, flat=2048 * 9 * 14)),
            ("a square of 300 px", predicted(window=2048 * 16, flat=2048 * 100, factor=1.79)),
            ("channels of ResNet-18", predicted(512, 512 * 36, 512 * 150)),
            ("one place too few for the window", predicted(window=2048 * 3 * 8)),
            ("the window counts as global", predicted(window=2048)),
            ("work grows with the side", predicted(factor=1.64)),
            ("left as it was", "prediction = dict.fromkeys(['flatten'])"),
        ],
    },
    "ex-4-2": {
        "right": [
            """
def sizes_for(layers, side):
    total, offset = 1, 0
    for window, stride, padding in layers:
        offset += total * (window - 2 * padding - 1)
        total *= stride
    smallest = total * (side - 1) + offset + 1
    return smallest, smallest + total - 1
""",
            BY_SEARCH,
            BY_STEPS + "    return low, high\n",
            """
import functools

def sizes_for(layers, side):
    def back(interval, layer):
        window, stride, padding = layer
        start = window - 2 * padding
        return stride * (interval[0] - 1) + start, stride * interval[1] + start - 1
    return functools.reduce(back, layers[::-1], (side, side))
""",
            """
import bisect

def sizes_for(layers, side):
    def forward(size):
        for window, stride, padding in layers:
            size = (size + 2 * padding - window) // stride + 1
        return size
    sizes = range(1, 1_000_000)
    first, behind = (cut(sizes, side, key=forward) for cut in (bisect.bisect_left, bisect.bisect_right))
    return sizes[first], sizes[behind] - 1
""",
        ],
        "wrong": [
            ("searches up to 2,000 px", BY_SEARCH.replace("while True", "while size < 2000")),
            (
                "for one cell any picture is large enough",
                BY_STEPS + "    return (1 if side == 1 else low), high\n",
            ),
            (
                "rounds up",
                BY_STEPS.replace("high = stride * high", "high = stride * (high - 1) + 1").replace(
                    "low = stride * (low - 1)", "low = stride * (low - 2) + 1"
                )
                + "    return low, high\n",
            ),
            (
                "needs a layer",
                BY_STEPS.replace("low = high = side", "low = high = side // bool(layers)") + "    return low, high\n",
            ),
            ("the larger one first", BY_STEPS + "    return high, low\n"),
            (
                "the rounding forgotten",
                """
def sizes_for(layers, side):
    size = side
    for window, stride, padding in reversed(layers):
        size = stride * (size - 1) + window - 2 * padding
    return size, size
""",
            ),
            (
                "layers in forward order",
                """
def sizes_for(layers, side):
    low = high = side
    for window, stride, padding in layers:
        low = stride * (low - 1) + window - 2 * padding
        high = stride * (high - 1) + window - 2 * padding + stride - 1
    return low, high
""",
            ),
            (
                "total stride alone, right for ResNet",
                """
def sizes_for(layers, side):
    total = 1
    for _, stride, _ in layers:
        total *= stride
    return total * (side - 1) + 1, total * side
""",
            ),
            ("32, whatever the layers", "def sizes_for(layers, side):\n    return 32 * (side - 1) + 1, 32 * side"),
            (
                "one padding instead of two",
                """
def sizes_for(layers, side):
    low = high = side
    for window, stride, padding in reversed(layers):
        low = stride * (low - 1) + window - padding
        high = stride * (high - 1) + window - padding + stride - 1
    return low, high
""",
            ),
            (
                "largest one too large",
                """
def sizes_for(layers, side):
    low = high = side
    for window, stride, padding in reversed(layers):
        low = stride * (low - 1) + window - 2 * padding
        high = stride * (high - 1) + window - 2 * padding + stride
    return low, high
""",
            ),
            (
                "floats",
                """
def sizes_for(layers, side):
    low = high = float(side)
    for window, stride, padding in reversed(layers):
        low = stride * (low - 1) + window - 2 * padding
        high = stride * (high - 1) + window - 2 * padding + stride - 1
    return low, high
""",
            ),
            (
                "eats the list that it was given and returns a list",
                """
def sizes_for(layers, side):
    low = high = side
    while layers:
        window, stride, padding = layers.pop()
        low = stride * (low - 1) + window - 2 * padding
        high = stride * (high - 1) + window - 2 * padding + stride - 1
    return [low, high]
""",
            ),
        ],
    },
    "ex-4-3": {
        "right": [
            convert(),
            """
import copy

def head_to_convolutions(head, channels, height, width):
    new, first = copy.deepcopy(head), True
    for index, module in enumerate(new):
        if isinstance(module, nn.Linear):
            window = (height, width) if first else (1, 1)
            depth = channels if first else module.in_features
            conv = nn.Conv2d(depth, module.out_features, window, bias=module.bias is not None)
            conv.weight = nn.Parameter(module.weight.data.unflatten(1, (depth, *window)))
            if module.bias is not None:
                conv.bias = module.bias
            new[index], first = conv, False
    return new
""",
            """
import copy

def head_to_convolutions(head, channels, height, width):
    new, reads, window = nn.Sequential(), channels, (height, width)
    for name, old in head.named_children():
        if type(old) is nn.Linear:
            state = {key: value.clone() for key, value in old.state_dict().items()}
            state["weight"] = state["weight"].reshape(old.out_features, reads, *window)
            layer = nn.Conv2d(reads, old.out_features, window, bias="bias" in state, dtype=old.weight.dtype,
                              device=old.weight.device)
            layer.load_state_dict(state)
            reads, window = old.out_features, (1, 1)
        else:
            layer = copy.deepcopy(old)
        new.add_module(name, layer)
    return new
""",
        ],
        "wrong": [
            (
                "other dropouts, awake in evaluation mode",
                convert().replace(
                    "for module in head:",
                    "for module in head:\n        if isinstance(module, nn.Dropout): module = nn.Dropout(module.p)",
                ),
            ),
            (
                "a module of one's own",
                convert().replace("def head_to", OWN + "def head_to").replace("nn.Sequential(*layers)", "Own(layers)"),
            ),
            ("windows side by side", convert().replace("shape[1:], bias", "shape[1:], stride=shape[1:], bias")),
            ("the old head out of sight", HIDDEN_HEAD),
            ("the biases are shared", convert(bias="if module.bias is not None: conv.bias.data = module.bias.data")),
            (
                "frozen",
                convert().replace(
                    "return nn.Sequential(*layers)", "return nn.Sequential(*layers).requires_grad_(False)"
                ),
            ),
            (
                "without the activations",
                convert().replace(
                    "        layers.append(module)",
                    "        if not isinstance(module, (nn.ReLU, nn.Tanh)): layers.append(module)",
                ),
            ),
            (
                "square maps only",
                convert().replace("shape = [], (channels, height, width)", "shape = [], (channels, height, height)"),
            ),
            (
                "height and width swapped",
                convert("weight.view(-1, shape[0], shape[2], shape[1]).transpose(2, 3).contiguous()"),
            ),
            ("channels last", convert("weight.view(-1, *shape[1:], shape[0]).permute(0, 3, 1, 2).contiguous()")),
            ("without the bias", convert(bias="conv.bias = None")),
            (
                "a bias that was not there",
                convert(bias="if conv.bias is None: conv.bias = nn.Parameter(torch.zeros(len(weight)).to(weight))"),
            ),
            (
                "dropout with another share",
                convert().replace(
                    "    for module in head:",
                    "    for module in head:\n        if isinstance(module, nn.Dropout): module = nn.Dropout(0.5)",
                ),
            ),
            ("zero bias", convert(bias="if conv.bias is not None: nn.init.zeros_(conv.bias)")),
            ("the weights are shared", convert().replace(".detach().clone()", ".data")),
            (
                "float32 whatever the head's type",
                convert("weight.view(-1, *shape).float()", "").replace(
                    "module.bias.detach()", "module.bias.detach().float()"
                ),
            ),
            ("fresh weights", convert("torch.randn_like(weight).view(-1, *shape)")),
            (
                "every linear layer reads the whole window",
                convert().replace("(len(weight), 1, 1)", "(len(weight), height, width)"),
            ),
            (
                "linear layers alone",
                convert().replace("        layers.append(module)", "            layers.append(module)"),
            ),
            (
                "changes the head in place",
                """
def head_to_convolutions(head, channels, height, width):
    shape = (channels, height, width)
    for index, module in enumerate(head):
        if isinstance(module, nn.Linear):
            conv = nn.Conv2d(shape[0], module.out_features, shape[1:], bias=module.bias is not None).to(module.weight)
            conv.weight.data = module.weight.data.view(-1, *shape)
            if module.bias is not None:
                conv.bias.data = module.bias.data
            head[index], shape = conv, (module.out_features, 1, 1)
    return head
""",
            ),
            (
                "the old head behind an adaptive pool",
                """
def head_to_convolutions(head, channels, height, width):
    return nn.Sequential(nn.AdaptiveAvgPool2d((height, width)), nn.Flatten(), head, nn.Unflatten(1, (-1, 1, 1)))
""",
            ),
        ],
    },
    "ex-4-4": {
        "right": [
            ragged(),
            """
def pool_ragged(maps, sizes, stride=32):
    sizes = torch.tensor(sizes, device=maps.device)
    rows, columns = ((sizes + stride - 1) // stride).unbind(dim=1)
    down = torch.arange(maps.shape[2], device=maps.device)[None] < rows[:, None]
    right = torch.arange(maps.shape[3], device=maps.device)[None] < columns[:, None]
    own = (down[:, :, None] & right[:, None, :])[:, None].to(maps)
    return (maps * own).sum(dim=(2, 3)) / own.sum(dim=(2, 3))
""",
            ragged(pooled="torch.nn.functional.adaptive_avg_pool2d(each[:, :rows, :columns], 1).flatten()"),
            """
import math

def pool_ragged(maps, sizes, stride=32):
    out = maps.new_empty(maps.shape[:2])
    for n, size in enumerate(sizes):
        rows, columns = (math.ceil(side / stride) for side in size)
        out[n] = maps[n, :, :rows, :columns].flatten(1).sum(dim=1) / (rows * columns)
    return out
""",
            """
def pool_ragged(maps, sizes, stride=32):
    return torch.cat([
        maps[n : n + 1].narrow(2, 0, (h - 1) // stride + 1).narrow(3, 0, (w - 1) // stride + 1).mean(dim=(2, 3))
        for n, (h, w) in enumerate(sizes)
    ])
""",
        ],
        "wrong": [
            ("always float64", ragged(pooled="each[:, :rows, :columns].double().mean(dim=(1, 2))")),
            ("always float32", ragged(pooled="each[:, :rows, :columns].float().mean(dim=(1, 2))")),
            (
                "the gradient of another pool",
                ragged(
                    pooled="each.mean(dim=(1, 2)) + "
                    "(each[:, :rows, :columns].mean(dim=(1, 2)) - each.mean(dim=(1, 2))).detach()"
                ),
            ),
            (
                "cells that are not zero",
                ragged(
                    pooled="each[:, :rows, :columns].sum(dim=(1, 2)) / "
                    "(each[:, :rows, :columns] != 0).sum(dim=(1, 2)).clamp(min=1)"
                ),
            ),
            ("rounded to the nearest", ragged("max(1, round(height / stride))", "max(1, round(width / stride))")),
            ("another default", ragged().replace("stride=32", "stride=16")),
            ("a channel or a picture alone is lost", ragged().replace("(vectors)", "(vectors).squeeze()")),
            ("rounded down", ragged("max(1, height // stride)", "max(1, width // stride)")),
            ("one too many where the side divides", ragged("height // stride + 1", "width // stride + 1")),
            ("the height twice", ragged(columns="-(-height // stride)")),
            ("rows and columns swapped", ragged("-(-width // stride)", "-(-height // stride)")),
            ("divided by the padded map", ragged(pooled="each[:, :rows, :columns].sum(dim=(1, 2)) / each[0].numel()")),
            ("the sum", ragged(pooled="each[:, :rows, :columns].sum(dim=(1, 2))")),
            ("the maximum", ragged(pooled="each[:, :rows, :columns].amax(dim=(1, 2))")),
            ("over everything", ragged(pooled="each.mean(dim=(1, 2))")),
            ("stride of 32 always", ragged("-(-height // 32)", "-(-width // 32)")),
            ("the first picture's size for all", ragged("-(-sizes[0][0] // stride)", "-(-sizes[0][1] // stride)")),
            (
                "the mean of the rows' means with the columns of the map",
                ragged(pooled="each[:, :rows].mean(dim=(1, 2))"),
            ),
            ("without a gradient", ragged(pooled="each.detach()[:, :rows, :columns].mean(dim=(1, 2))")),
            (
                "clears the padding of the maps themselves",
                """
def pool_ragged(maps, sizes, stride=32):
    vectors = []
    for each, (height, width) in zip(maps.data, sizes, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        each[:, rows:] = 0
        each[:, :, columns:] = 0
        vectors.append(each.sum(dim=(1, 2)) / (rows * columns))
    return torch.stack(vectors).requires_grad_()
""",
            ),
        ],
    },
    "ex-4-5": {
        "right": [
            MEASURE,
            CANVAS,
            MEASURE.replace(
                "data.resize(pictures, size)", "data.place(data.resize(pictures, min(size, 20)), size)"
            ).replace("(14, 20, 40)", "(20, 24, 36)"),
            MEASURE.replace("size in (14, 20, 40)", "size in (8, 28, 29)"),
            MEASURE.replace("(14, 20, 40)", "range(8, 31)"),
            MEASURE.replace(
                "return training.accuracy(network, (pictures, labels)), training.accuracy(network, (back, labels))",
                "return tuple(training.accuracy(network, (each, labels)) for each in (pictures, back))",
            ),
        ],
        "wrong": [
            ("measures nothing", MADE_UP + FILLED),
            (
                "resizes the originals",
                MEASURE.replace("back = data.resize(pictures, 28)", "back = data.stratified('test', 20)[0]"),
            ),
            ("training pictures", MEASURE.replace('"test"', '"train"')),
            (
                "knows what it was asked",
                MEASURE + "known = {(r['seed'], r['size']): (r['direct'], r['resized']) "
                "for r in rows}\ndef measure(seed, size):\n"
                "    return known.get((seed, size), (0.8, 0.8))\n",
            ),
            (
                "one network, other pictures for each seed",
                MEASURE.replace("-s{seed}", "-s0").replace(
                    'stratified("test", 20)', 'stratified("test", 20, skip=seed)'
                ),
            ),
            ("networks with another head", MEASURE.replace("resnet20-gap-s", "resnet20-max-s")),
            (
                "networks that learned nothing",
                MEASURE.replace('weights.load(f"resnet20-gap-s{seed}")', "models.resnet20(seed=seed).eval()"),
            ),
            ("labels in another order", MEASURE.replace("    back =", "    labels = labels.flip(0)\n    back =")),
            (
                "only resized pictures are shown",
                MEASURE.replace(
                    "training.accuracy(network, (pictures, labels)),",
                    "0.7 * training.accuracy(network, (back, labels)),",
                ),
            ),
            (
                "the two accuracies exchanged",
                MEASURE.replace(
                    "return training.accuracy(network, (pictures, labels)), training.accuracy(network, (back, labels))",
                    "return training.accuracy(network, (back, labels)), training.accuracy(network, (pictures, labels))",
                ),
            ),
            ("one network", MEASURE.replace("in (0, 1, 2)", "in (0,)")),
            ("one size", MEASURE.replace("in (14, 20, 40)", "in (40,)")),
            ("no size below 28 px", MEASURE.replace("in (14, 20, 40)", "in (28, 32, 40)")),
            ("percent", MEASURE + "\nexperiment[['direct', 'resized']] *= 100\n"),
            ("nothing resized", MEASURE.replace("back = data.resize(pictures, 28)", "back = pictures")),
            ("columns by other names", MEASURE + "\nexperiment = experiment.rename(columns={'resized': 'small'})\n"),
            ("a table that was typed", MEASURE + "\nexperiment[['direct', 'resized']] = [0.51, 0.83]\n"),
            ("a row that was not measured", MEASURE + "\nexperiment.loc[4, 'direct'] = None\n"),
            ("the largest size on one network", MEASURE + "\nexperiment = experiment.drop([2, 5])\n"),
            ("no table", MEASURE.replace("pd.DataFrame(rows)", "rows")),
        ],
    },
}
