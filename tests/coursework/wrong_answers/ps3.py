"""Answers to problem set 3 that its tests must accept, and plausible ones that they must not."""

COSTS = (
    "parameters of the new head",
    "times the multiply-adds of the old head",
)
CELLS = (
    "cells of the last map at 320 px",
    "gradient of a logit at one cell, 320 px over 224 px",
    "times the logits at 224 px if the head sums instead",
)


def predicted(parameters=2_049_000, work=49, cells=100, gradient=0.49, logits=49):
    costs = dict(zip(COSTS, (parameters, work), strict=True))
    at_cells = dict(zip(CELLS, (cells, gradient, logits), strict=True))
    return f"costs = {costs!r}\ncells = {at_cells!r}\n"


def pool(result):
    return f"def global_avg_pool(x):\n    return {result}\n"


def vote(result, before="pass"):
    return f"def vote_map(feature_map, weight, bias, classes):\n    {before}\n    return {result}\n"


SCORES = "F.conv2d(feature_map, weight[:, :, None, None], bias)"
EACH = "torch.arange(len(feature_map)), classes"


def turned(weight="convolution.weight[:, :, 0, 0]", bias="convolution.bias", layer="nn.Linear(c, k, bias is not None)"):
    return f"""
def linear_from_nin(convolution):
    k, c = convolution.weight.shape[:2]
    weight, bias = {weight}, {bias}
    linear = {layer}.to(convolution.weight)
    with torch.no_grad():
        linear.weight.copy_(weight)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear
"""


ALIASED = """
def linear_from_nin(convolution):
    k, c = convolution.weight.shape[:2]
    linear = nn.Linear(c, k, convolution.bias is not None)
    linear.weight = nn.Parameter(convolution.weight.detach().flatten(1))
    linear.bias = convolution.bias
    return linear
"""
# Reads the matrix from the convolution's answers to unit vectors, and needs no look at its weights.
PROBED = """
def linear_from_nin(convolution):
    k, c = convolution.out_channels, convolution.in_channels
    linear = nn.Linear(c, k, convolution.bias is not None).to(convolution.weight)
    with torch.no_grad():
        nothing = torch.zeros(1, c, 1, 1).to(convolution.weight)
        unit = torch.eye(c).to(convolution.weight)[:, :, None, None]
        at_rest = convolution(nothing).flatten()
        linear.weight.copy_((convolution(unit)[:, :, 0, 0] - at_rest).T)
        if convolution.bias is not None:
            linear.bias.copy_(at_rest)
    return linear
"""


def probabilities(result):
    return f"def nin_probabilities(class_maps):\n    return {result}\n"


AVERAGE = "class_maps.mean(dim=(2, 3))"


def catches(maps, wanted="maps.mean(dim=(2, 3)).softmax(dim=1)", test="not torch.allclose(found, wanted, atol=1e-5)"):
    return f"""
def catches(implementation):
    for maps in {maps}:
        wanted = {wanted}
        try:
            found = implementation(maps.clone())
        except Exception:
            return True
        if found.shape != wanted.shape or {test}:
            return True
    return False
"""


OBLONG = "[3 * torch.randn(3, 4, 5, 7), 3 * torch.randn(1, 6, 4, 2)]"
# Known answers only: class maps that are constant but for one cell.
BY_CASES = """
def catches(implementation):
    for pictures, classes, height, width in ((1, 3, 2, 5), (4, 6, 3, 3)):
        for y in range(height):
            for x in range(width):
                maps = torch.full((pictures, classes, height, width), -2.0)
                maps[0, 1, y, x] += 4.0
                top = torch.tensor(4.0 / (height * width)).exp()
                wanted = torch.full((pictures, classes), 1 / classes)
                wanted[0] = 1 / (classes - 1 + top)
                wanted[0, 1] *= top
                try:
                    found = implementation(maps)
                except Exception:
                    return True
                if found.shape != wanted.shape or not torch.allclose(found, wanted, atol=1e-6):
                    return True
    return False
"""


def ratio(
    start="network.train()\n    network.zero_grad()",
    first="network.layer1[0].conv1.weight.grad",
    last="network.layer3[-1].conv1.weight.grad",
    result="(first.norm() / last.norm()).item()",
    loss="F.cross_entropy(network(inputs), labels)",
    end="pass",
):
    return f"""
def first_to_last(network, inputs, labels):
    {start}
    {loss}.backward()
    {end}
    first, last = {first}, {last}
    return {result}
"""


BY_AUTOGRAD = """
def first_to_last(network, inputs, labels):
    loss = F.cross_entropy(network.train()(inputs), labels)
    ends = (network.layer1[0].conv1.weight, list(network.layer3)[-1].conv1.weight)
    first, last = torch.autograd.grad(loss, ends)
    return float(first.square().sum().sqrt() / last.square().sum().sqrt())
"""
STEP = "torch.optim.SGD(network.parameters(), lr=0.1).step()"


MEASURE = "first_to_last(models.build(f'{kind}{depth}', seed=seed), inputs, labels)"
VANISHES, NEITHER, ALL_VANISH = (
    repr({"plain": plain, "resnet": resnet})
    for plain, resnet in (("vanishes", "neither"), ("neither", "neither"), ("vanishes", "vanishes"))
)


def experiment(
    depths="(8, 20, 56)",
    seeds="(0, 1, 2)",
    value=MEASURE,
    conclusion='{"plain": "explodes", "resnet": "neither"}',
    verdict="FAILS",
):
    return f"""
measured = [
    {{"kind": kind, "depth": depth, "seed": seed, "ratio": {value}}}
    for kind in ("plain", "resnet") for depth in {depths} for seed in {seeds}
]
gradients = pd.DataFrame(measured)
conclusion = {conclusion}
verdict = {verdict}
"""


ANSWERS = {
    "ex-3-1": {
        "right": [predicted(2_049_000.0, 49.0, 100, 49 / 100, 49)],
        "wrong": [
            ("the bias forgotten", predicted(parameters=2_048_000)),
            ("weights for each position", predicted(parameters=49 * 2_048_000 + 1000)),
            ("the same multiply-adds", predicted(work=1)),
            ("fewer multiply-adds", predicted(work=1 / 49)),
            ("rounds the side down", predicted(cells=81)),
            ("the side, not the cells", predicted(cells=10)),
            ("one cell too many", predicted(cells=101)),
            ("more cells, more gradient", predicted(gradient=100 / 49)),
            ("the side's ratio", predicted(gradient=0.7)),
            ("the logits are the same", predicted(logits=1)),
            ("two right of five", predicted(0, 49, 100, 0, 0)),
            ("nothing predicted", predicted(*[None] * 5)),
        ],
    },
    "ex-3-2": {
        "right": [
            pool("torch.from_numpy(x.numpy().mean(axis=(2, 3)))"),
            pool("F.adaptive_avg_pool2d(x, 1).flatten(1)"),
            pool("x.sum(dim=(2, 3)) / x[0, 0].numel()"),
        ],
        "wrong": [
            ("the maximum", pool("x.amax(dim=(2, 3))")),
            ("the sum", pool("x.sum(dim=(2, 3))")),
            ("the wrong axis", pool("x.mean(dim=(1, 2))")),
            ("batch or channel of one is lost", pool("F.adaptive_avg_pool2d(x, 1).squeeze()")),
            ("keeps the space", pool("x.mean(dim=(2, 3), keepdim=True)")),
            ("square maps only", pool("x.sum(dim=(2, 3)) / x.shape[2] ** 2")),
            ("always 49 cells", pool("x.sum(dim=(2, 3)) / 49")),
            ("averages the batch as well", pool("x.mean(dim=(0, 2, 3)).expand(x.shape[:2])")),
            ("passes over nan", pool("x.nanmean(dim=(2, 3))")),
            ("cells that are not zero", pool("x.sum(dim=(2, 3)) / (x != 0).sum(dim=(2, 3)).clamp(min=1)")),
            ("single precision", pool("x.float().mean(dim=(2, 3))")),
            ("one cell", pool("x[:, :, 0, 0]")),
            ("the median", pool("x.flatten(2).median(dim=2).values")),
        ],
    },
    "ex-3-2b": {
        "right": [
            vote(f"{SCORES}[{EACH}]"),
            vote("(feature_map * weight[classes][:, :, None, None]).sum(dim=1) + bias[classes].view(-1, 1, 1)"),
        ],
        "wrong": [
            ("without bias", vote("torch.einsum('nchw,nc->nhw', feature_map, weight[classes])")),
            ("the sum is the logit", vote(f"{SCORES}[{EACH}] / feature_map[0, 0].numel()")),
            ("no negative votes", vote(f"{SCORES}[{EACH}].relu()")),
            ("scaled to 0 to 1", vote("(v - v.min()) / (v.max() - v.min())", f"v = {SCORES}[{EACH}]")),
            ("the first picture's class for all", vote(f"{SCORES}[:, classes[0]]")),
            ("the class that wins", vote(f"{SCORES}.amax(dim=1)")),
            ("probabilities", vote(f"{SCORES}.softmax(dim=1)[{EACH}]")),
            ("rows and columns exchanged", vote(f"{SCORES}[{EACH}].transpose(1, 2)")),
            ("all classes", vote(SCORES)),
            ("the mean over channels", vote("feature_map.mean(dim=1)")),
            ("right on average only", vote("v.mean(dim=(1, 2), keepdim=True).expand_as(v)", f"v = {SCORES}[{EACH}]")),
            ("one cell right", vote("v * (torch.arange(v[0].numel()).view_as(v[0]) == 0)", f"v = {SCORES}[{EACH}]")),
        ],
    },
    "ex-3-3": {
        "right": [PROBED, turned(weight="convolution.weight.squeeze(3).squeeze(2)")],
        "wrong": [
            ("random weights", turned(weight="torch.randn(k, c)")),
            ("the bias forgotten", turned(bias="None")),
            ("a bias always", turned(layer="nn.Linear(c, k)")),
            ("shares the weights", ALIASED),
            ("transposed", turned(weight="convolution.weight[:, :, 0, 0].T")),
            ("times the cells", turned(weight="49 * convolution.weight[:, :, 0, 0]")),
            ("over the cells", turned(weight="convolution.weight[:, :, 0, 0] / 49")),
            ("the bias over the cells", turned(bias="convolution.bias / 49 if convolution.bias is not None else None")),
            ("single precision", turned().replace(".to(convolution.weight)", "")),
            ("frozen", turned().replace("return linear", "return linear.requires_grad_(False)")),
            ("the convolution itself", "def linear_from_nin(convolution):\n    return convolution\n"),
        ],
    },
    "ex-3-4": {
        "right": [probabilities("F.softmax(F.adaptive_avg_pool2d(class_maps, 1).flatten(1), dim=1)")],
        "wrong": [
            ("the colleague's", "nin_probabilities = colleague_probabilities\n"),
            ("still the maximum", probabilities("class_maps.amax(dim=(2, 3)).softmax(dim=1)")),
            ("still softmax first", probabilities("class_maps.softmax(dim=1).mean(dim=(2, 3))")),
            ("still squeezes", probabilities("F.adaptive_avg_pool2d(class_maps, 1).squeeze().softmax(dim=-1)")),
            ("the sum", probabilities("class_maps.sum(dim=(2, 3)).softmax(dim=1)")),
            ("softmax over pictures", probabilities(f"{AVERAGE}.softmax(dim=0)")),
            ("no softmax", probabilities(AVERAGE)),
            ("logarithms", probabilities(f"{AVERAGE}.log_softmax(dim=1)")),
            ("divides instead of softmax", probabilities(f"{AVERAGE} / {AVERAGE}.sum(dim=1, keepdim=True)")),
            ("square maps only", probabilities(f"({AVERAGE} * class_maps.shape[3] / class_maps.shape[2]).softmax(1)")),
        ],
    },
    "ex-3-4b": {
        "right": [catches(OBLONG), BY_CASES],
        "wrong": [
            ("the colleague's", "catches = colleague_catches\n"),
            ("rejects everything", "def catches(implementation):\n    return True\n"),
            ("accepts everything", "def catches(implementation):\n    return False\n"),
            ("square maps only", catches("[3 * torch.randn(3, 4, 6, 6), 3 * torch.randn(1, 6, 4, 4)]")),
            ("never one picture", catches("[3 * torch.randn(3, 4, 5, 7)]")),
            ("one element right is enough", catches(OBLONG, test="not torch.isclose(found, wanted).any()")),
            ("all maps constant", catches("[torch.ones(3, 4, 5, 7), torch.ones(1, 4, 2, 6)]")),
            ("positive maps only", catches("[3 * torch.rand(3, 4, 5, 7), 3 * torch.rand(1, 6, 4, 2)]")),
            ("the winner only", catches(OBLONG, test="(found.argmax(dim=1) != wanted.argmax(dim=1)).any()")),
            ("expects the maximum", catches(OBLONG, wanted="maps.amax(dim=(2, 3)).softmax(dim=1)")),
            ("asks for equal bits", catches(OBLONG, test="not torch.equal(found, wanted + 1e-9)")),
            ("compares with its own", catches(OBLONG, wanted="nin_probabilities(maps)")),
            ("a wide tolerance", catches(OBLONG, test="not torch.allclose(found, wanted, atol=0.02)")),
            ("nan slips through", catches(OBLONG, test="((found - wanted).abs() > 1e-4).any()")),
            ("the first picture only", catches(OBLONG, test="not torch.allclose(found[0], wanted[0], atol=1e-5)")),
            ("one cell a map", catches("[torch.randn(3, 4, 1, 1), torch.randn(1, 4, 1, 1)]")),
        ],
    },
    "ex-3-5": {
        "right": [BY_AUTOGRAD, ratio(loss="nn.CrossEntropyLoss()(network(inputs), labels)")],
        "wrong": [
            ("upside down", ratio(result="(last.norm() / first.norm()).item()")),
            ("adds up over calls", ratio(start="network.train()", first="network.layer1[0].conv1.weight.grad")),
            ("in evaluation mode", ratio(start="network.eval()\n    network.zero_grad()")),
            ("the stem", ratio(first="network.conv1.weight.grad")),
            ("the last stage's first block", ratio(last="network.layer3[0].conv1.weight.grad")),
            ("the second convolution", ratio(last="network.layer3[-1].conv2.weight.grad")),
            ("weights, not gradients", ratio().replace(".grad\n", "\n").replace(".grad,", ",")),
            ("the mean of the absolute values", ratio(result="(first.abs().mean() / last.abs().mean()).item()")),
            ("squared norms", ratio(result="(first.square().sum() / last.square().sum()).item()")),
            ("takes a step", ratio(end=STEP)),
            ("a tensor", ratio(result="first.norm() / last.norm()")),
        ],
    },
    "ex-3-5b": {
        "right": [
            experiment(seeds="(3, 5, 8)"),
            experiment(depths="(8, 20, 32, 56)", verdict="CAVEATS"),
        ],
        "wrong": [
            ("shallow networks only", experiment(depths="(8, 20, 32)")),
            ("one seed", experiment(seeds="(0,)")),
            ("one run three times", experiment(value=MEASURE.replace("seed=seed", "seed=0"))),
            (
                "without batch norm",
                experiment(value=MEASURE.replace("seed=seed", "seed=seed, norm=False"), conclusion=NEITHER),
            ),
            ("upside down", experiment(value="1 / " + MEASURE, conclusion=VANISHES, verdict="HOLDS")),
            ("the textbook's conclusion", experiment(conclusion=VANISHES)),
            ("the textbook's verdict", experiment(verdict="HOLDS")),
            ("all explodes", experiment(conclusion='{"plain": "explodes", "resnet": "explodes"}')),
            ("other words", experiment(conclusion='{"plain": "grows", "resnet": "stays"}')),
            (
                "numbers made up",
                experiment(value="0.5 ** depth * (1 + seed)", conclusion=ALL_VANISH, verdict="HOLDS"),
            ),
        ],
    },
}  # fmt: skip
