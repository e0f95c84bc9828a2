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

ANSWERS = {
    "ex-4-1": {
        "right": [predicted(), predicted(factor=2.69)],
        "wrong": [
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
            """
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
""",
        ],
        "wrong": [
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
        ],
        "wrong": [
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
        ],
        "wrong": [
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
        "right": [MEASURE],
        "wrong": [
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
