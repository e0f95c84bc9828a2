"""Answers to problem set 1 that its tests must accept, and plausible ones that they must not."""

PARAMETERS = (
    "percent of the parameters in a head of 21,841 classes",
    "megabytes of that head under Adam",
)
GROWTH = (
    "backbone's multiply-adds, 448 px over 224 px",
    "GAP head's multiply-adds, 448 px over 224 px",
    "flattened head's weights, 257 px over 256 px",
)


def predicted(share=65.6, megabytes=716, backbone=4, gap=1, step=1.2656):
    parameters = dict(zip(PARAMETERS, (share, megabytes), strict=True))
    growth = dict(zip(GROWTH, (backbone, gap, step), strict=True))
    return f"parameters = {parameters!r}\ngrowth = {growth!r}\n"


def share(result):
    return f"def classes_for_share(backbone, channels, percent):\n    import math\n    return {result}\n"


def macs(linear="layer.weight.numel()", convolution="layer.weight.numel() * x.shape[2] * x.shape[3]", result="total"):
    return f"""
def head_macs(head, channels, height, width):
    total, x = 0, torch.zeros(1, channels, height, width)
    for layer in head:
        before, x = x, layer(x)
        if isinstance(layer, nn.Linear):
            total += {linear}
        elif isinstance(layer, nn.Conv2d):
            total += {convolution}
    return {result}
"""


HOOKS = """
def head_macs(head, channels, height, width):
    counts = []
    def note(layer, inputs, output):
        counts.append(layer.weight.numel() * output[0, 0].numel())
    handles = [m.register_forward_hook(note) for m in head.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    with torch.no_grad():
        head(torch.zeros(1, channels, height, width))
    for handle in handles:
        {clean}
    return sum(counts)
"""
COUNTER = """
def head_macs(head, channels, height, width):
    from torch.utils.flop_counter import FlopCounterMode
    counter = FlopCounterMode(display=False)
    with counter:
        head(torch.zeros(1, channels, height, width))
    return counter.get_total_flops() // 2
"""


def memory(
    parameters="network.parameters()",
    size="p.element_size()",
    gradient="p.numel() * size if p.grad is not None else 0",
    state="optimiser.state.values()",
    tensor="t.numel() * t.element_size()",
):
    return f"""
def training_bytes(network, optimiser):
    total = 0
    for p in {parameters}:
        size = {size}
        total += p.numel() * size
        total += {gradient}
    for state in {state}:
        for t in filter(torch.is_tensor, state.values()):
            total += {tensor}
    return total
"""


ARITHMETIC = """
def training_bytes(network, optimiser):
    return counting.training_bytes(models.count_parameters(network), "adam")
"""

MEASURE = """
def head_share(network, head, size, classes):
    with torch.device("meta"):
        built = models.torchvision_resnet(network, head, classes=classes, size={size}).eval()
    macs = counting.macs_by_module(built, {size})
    return {result}
"""
ROWS = """
conditions = {conditions}
keys = ("network", "head", "size", "classes")
rows = [{{**dict(zip(keys, c)), "share": {share}}} for c in conditions]
verdict = {verdict}
"""
CONDITIONS = """[(n, h, s, k) for n in ("resnet18", "resnet50") for h in ("gap", "flatten")
                 for s, k in ((32, 21_841), (224, 1000))]"""

ONE_NETWORK = """[("resnet18", h, s, k) for h in ("gap", "flatten") for s in (32, 224) for k in (1000, 21_841)]"""


def experiment(
    conditions=CONDITIONS, share="head_share(*c)", verdict="FAILS", size="size", result='100 * macs["fc"] / macs[""]'
):
    measure = MEASURE.format(size=size, result=result)
    return measure + ROWS.format(conditions=conditions, share=share, verdict=verdict)


BY_HAND = """
def head_share(network, head, size, classes):
    trunk = counting.macs_by_module(counting.on_meta(network), size)
    shape = counting.last_map(network)
    work = shape.channels * classes * (shape.side(size) ** 2 if head == "flatten" else 1)
    return 100 * work / (work + trunk[""] - trunk["fc"])
"""

ANSWERS = {
    "ex-1-1": {
        "right": [predicted(65, 720.0, 4.0, 1, (9 / 8) ** 2)],
        "wrong": [
            ("a fraction for a percentage", predicted(share=0.656)),
            ("the share at 1000 classes", predicted(share=8.0)),
            ("momentum instead of Adam", predicted(megabytes=537)),
            ("weights alone", predicted(megabytes=179)),
            ("linear in the side", predicted(backbone=2)),
            ("the head works at every position", predicted(gap=4)),
            ("the map does not step", predicted(step=1)),
            ("the step's side, not its area", predicted(step=9 / 8)),
            ("one of five right", predicted(1, 1, 1, 1, 1)),
            ("a name left out", predicted().replace(", 'megabytes of that head under Adam': 716", "")),
            ("text for a number", predicted(share="65.6 %")),
            (
                "listens to the check",
                "from gaplab.coursework import checking\nheard = {}\n"
                "checking.predicted = lambda given, names: heard.update(dict.fromkeys(names, 0.0)) or heard\n"
                "checking.off = lambda names, total: None\nps1.check_parameters({})\nparameters = dict(heard)\n"
                "heard.clear()\nps1.check_growth({})\ngrowth = dict(heard)\n"
                "import importlib\nimportlib.reload(checking)\n",
            ),
            ("nothing predicted", predicted(None, None, None, None, None)),
        ],
    },
    "ex-1-2": {
        "right": [
            share("math.ceil(__import__('fractions').Fraction(percent * backbone, (100 - percent) * (channels + 1)))"),
            share("(percent * backbone - 1) // ((100 - percent) * (channels + 1)) + 1"),
        ],
        "wrong": [
            ("floats, which end at 2**53", share("math.ceil(percent * backbone / ((100 - percent) * (channels + 1)))")),
            ("forgets the bias", share("-(-percent * backbone // ((100 - percent) * channels))")),
            ("rounds down", share("percent * backbone // ((100 - percent) * (channels + 1))")),
            ("adds one always", share("percent * backbone // ((100 - percent) * (channels + 1)) + 1")),
            ("rounds to the nearest", share("round(percent * backbone / ((100 - percent) * (channels + 1)))")),
            ("share of the backbone, not of all", share("-(-percent * backbone // (100 * (channels + 1)))")),
            ("percent taken for a fraction", share("math.ceil(percent * backbone / ((1 - percent) * (channels + 1)))")),
            ("a float", share("-(-percent * backbone // ((100 - percent) * (channels + 1))) * 1.0")),
            ("typed in for ResNet-50", share("11_474")),
            ("half of all only", share("-(-backbone // (channels + 1))")),
            (
                "single precision",
                share("math.ceil(float(torch.tensor(percent * backbone / ((100 - percent) * (channels + 1)))))"),
            ),
        ],
    },
    "ex-1-3": {
        "right": [
            HOOKS.format(clean="handle.remove()"),
            macs("layer.in_features * layer.out_features", "x[0].numel() * layer.weight[0].numel()"),
            "import functools\n" + macs().replace("def head_macs", "@functools.lru_cache\ndef head_macs"),
            "import functools\n"
            + macs().replace("def head_macs", "def count")
            + "head_macs = functools.partial(count)\n",
            "class Count:\n"
            + "".join(f"    {line}\n" for line in macs().replace("head_macs(", "__call__(self, ").splitlines())
            + "head_macs = Count()\n",
        ],
        "wrong": [
            ("counts weights, not uses", macs(convolution="layer.weight.numel()")),
            (
                "positions of the input, not of the output",
                macs(convolution="layer.weight.numel() * before[0, 0].numel()"),
            ),
            ("square maps only", macs(convolution="layer.weight.numel() * x.shape[2] ** 2")),
            ("counts biases", macs(linear="sum(p.numel() for p in layer.parameters())")),
            ("counts operations", macs(result="2 * total")),
            (
                "forgets groups",
                macs(
                    convolution="layer.in_channels * layer.out_channels * layer.weight[0, 0].numel() * x[0, 0].numel()"
                ),
            ),
            (
                "square windows only",
                macs(convolution="layer.weight[:, :, 0, 0].numel() * layer.kernel_size[0] ** 2 * x[0, 0].numel()"),
            ),
            ("linear layers only", macs(convolution="0")),
            ("the last layer only", macs(linear="layer.weight.numel() - total")),
            (
                "counts the pool's additions",
                macs().replace("    return total", "        else:\n            total += x.numel()\n    return total"),
            ),
            ("a tensor", macs(result="torch.tensor(total)")),
            ("leaves its hooks", HOOKS.format(clean="pass")),
            ("calls the counter", COUNTER),
            (
                "calls the counter in a helper",
                COUNTER.replace("def head_macs", "def helper") + "head_macs = lambda *a: helper(*a)\n",
            ),
            (
                "lets the book call it",
                "def head_macs(head, *shape):\n    return counting.total_macs(head, (1, *shape))\n",
            ),
            (
                "empties the weights",
                macs().replace("    return", "    for p in head.parameters(): p.data.zero_()\n    return"),
            ),
            ("leaves the head in evaluation mode", HOOKS.format(clean="handle.remove()\n    head.eval()")),
            (
                "remembers heads by their text",
                "SEEN = {}\n"
                + macs()
                .replace("    total, x", "    if str(head) in SEEN: return SEEN[str(head)]\n    total, x")
                .replace("    return total", "    SEEN[str(head)] = total\n    return total"),
            ),
            (
                "the stride of rows for columns too",
                macs(
                    convolution="layer.weight.numel() * x.shape[2] * "
                    "((before.shape[3] + 2 * layer.padding[1] - layer.kernel_size[1]) // layer.stride[0] + 1)"
                ),
            ),
        ],
    },
    "ex-1-4": {
        "right": [
            memory(gradient="p.numel() * size if p.requires_grad else 0"),
            memory(tensor="t.nbytes"),
        ],
        "wrong": [
            ("the colleague's", "training_bytes = colleague_bytes\n"),
            (
                "nested modules again and again",
                memory(parameters="(p for m in network.modules() for p in m.parameters())"),
            ),
            ("four bytes a number", memory(size="4", tensor="4 * t.numel()")),
            ("four bytes a number of the state", memory(tensor="4 * t.numel()")),
            ("a gradient for frozen weights too", memory(gradient="p.numel() * size")),
            (
                "frozen weights take no memory",
                memory(parameters="(p for p in network.parameters() if p.requires_grad)"),
            ),
            ("the optimiser's weights only", memory(parameters="optimiser.param_groups[0]['params']")),
            ("without Adam's step counters", memory(tensor="t.nbytes if t.dim() else 0")),
            (
                "takes every state for a tensor",
                memory().replace("filter(torch.is_tensor, state.values())", "state.values()"),
            ),
            ("erases the gradients", memory().replace("    return", "    network.zero_grad()\n    return")),
            ("thaws the network", memory().replace("    return", "    network.requires_grad_(True)\n    return")),
            ("without gradients", memory(gradient="0")),
            ("without the state", memory(state="()")),
            (
                "Adam's arithmetic for all",
                ARITHMETIC,
            ),
            ("running statistics as weights", memory(parameters="network.state_dict().values()")),
            ("numbers, not bytes", memory(size="1", tensor="t.numel()")),
            (
                "gradients erased",
                memory()
                .replace("    return", "    network.zero_grad(set_to_none=True)\n    return")
                .replace("for p in", "network.zero_grad()\n    for p in"),
            ),
        ],
    },
    "ex-1-5": {
        "right": [
            BY_HAND + ROWS.format(conditions=CONDITIONS, share="head_share(*c)", verdict="CAVEATS"),
            experiment(conditions=CONDITIONS.replace('"resnet50"', '"resnet34"')),
        ],
        "wrong": [
            ("a fraction for a percentage", experiment(result='macs["fc"] / macs[""]')),
            (
                "share of parameters",
                experiment(result="100 * models.count_parameters(built.fc) / models.count_parameters(built)"),
            ),
            ("head against backbone, not against all", experiment(result='100 * macs["fc"] / (macs[""] - macs["fc"])')),
            ("measured at 224 px whatever the size", experiment(size="224")),
            (
                "one network only",
                experiment(conditions=ONE_NETWORK),
            ),
            ("where the claim is strong only", experiment(conditions=CONDITIONS.replace("(32, 21_841)", "(256, 500)"))),
            ("where the claim is weak only", experiment(conditions=CONDITIONS.replace("(224, 1000)", "(64, 20_000)"))),
            ("a verdict against the rows", experiment(verdict="HOLDS")),
            ("a verdict in other words", experiment(verdict="'false'")),
            ("one row made up", experiment() + "rows[5]['share'] = 12.0\n"),
            (
                "asks the check",
                "head_share = ps1._share\n"
                + ROWS.format(conditions=CONDITIONS, share="head_share(*c)", verdict="FAILS"),
            ),
            ("rows typed in", experiment(share="25.0 if c[2] == 32 else 1.0")),
            ("the same row eight times", experiment(conditions='[("resnet18", "gap", 32, 21_841)] * 8')),
            (
                "the same work for both heads",
                BY_HAND.replace('if head == "flatten"', "if False")
                + ROWS.format(conditions=CONDITIONS, share="head_share(*c)", verdict="FAILS"),
            ),
        ],
    },
}
