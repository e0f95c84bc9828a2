"""Answers to problem set 2 that its tests must accept, and plausible ones that they must not."""

SHIFTS = (
    "gap, windows wrap around",
    "gap, zero padding",
    "flatten, windows wrap around",
    "flatten, zero padding",
)
ORDERS = ("global average", "average of each column", "flatten")


def predicted(shifts=(7, 1, 1, 1), orders=(1, 90, 720)):
    same, different = (dict(zip(*pair, strict=True)) for pair in ((SHIFTS, shifts), (ORDERS, orders)))
    return f"same_logits = {same!r}\ndifferent_orders = {different!r}\n"


def head(result):
    return f"def indifferent(weight, channels, height, width):\n    return {result}\n"


def agree(body):
    return f"def consistency(logits):\n    classes = logits.argmax(dim=2)\n    {body}\n"


PAIRS = """from itertools import combinations
    pairs = [(a == b) for a, b in combinations(classes, 2)]
    return """
SHARE = PAIRS + "torch.stack(pairs).float().mean().item()"


def drift(
    before="network.eval()",
    moved="images.roll(shift, dims=3)",
    norm=".norm(dim=1) / first.norm(dim=1)",
    over="drifts.max()",
    after="network.train(mode)",
    result=".item()",
):
    return f"""
def largest_drift(network, images, shifts):
    mode, drifts = network.training, []
    {before}
    with torch.no_grad():
        first = network(images)
        for shift in shifts:
            drifts.append((network({moved}) - first){norm})
    {after}
    drifts = torch.stack(drifts)
    return {over}{result}
"""


def tiles(orders="torch.randperm(count, generator=draws)", start="", result="out", tile="tile", each=True):
    order = "for picture in range(len(images)):\n        order = " + orders
    if not each:
        order = f"order = {orders}\n    for picture in range(len(images)):\n        pass"
    return f"""
def scramble(images, tile, seed):
    draws = torch.Generator().manual_seed(seed)
    out = torch.empty_like(images)
    side = images.shape[-1]
    corners = [(y, x) for y in range(0, side, {tile}) for x in range(0, side, {tile})]
    count = len(corners)
    {start}
    {order}
        for (y, x), source in zip(corners, order.tolist()):
            v, u = corners[source]
            out[picture, :, y : y + {tile}, x : x + {tile}] = images[picture, :, v : v + {tile}, u : u + {tile}]
    return {result}
"""


ON_A_COPY = """
import copy

def largest_drift(network, images, shifts):
    judge = copy.deepcopy(network).eval()
    largest = 0.0
    for image in images:
        before = judge(image[None])[0].detach()
        for shift in shifts:
            after = judge(image[None].roll((0, shift), dims=(2, 3)))[0].detach()
            largest = max(largest, float(torch.linalg.norm(after - before) / torch.linalg.norm(before)))
    return largest
"""
BY_NUMPY = """
import numpy as np

def scramble(images, tile, seed):
    draws, side = np.random.default_rng(seed), images.shape[-1]
    out = images.clone()
    for picture, old in zip(out, images):
        places = [(slice(y, y + tile), slice(x, x + tile)) for y in range(0, side, tile) for x in range(0, side, tile)]
        for (y, x), source in zip(places, draws.permutation(len(places))):
            v, u = places[source]
            picture[:, y, x] = old[:, v, u]
    return out
"""
CUT = """
def tiles_of(images, tile, seed):
    draws = torch.Generator().manual_seed(seed)
    n, c, side, _ = images.shape
    across = side // tile
    cut = images.unfold(2, tile, tile).unfold(3, tile, tile).reshape(n, c, across * across, tile, tile)
    orders = torch.stack([torch.randperm(across * across, generator=draws) for _ in range(n)])
    cut = torch.stack([picture[:, order] for picture, order in zip(cut, orders)])
    return cut.view(n, c, across, across, tile, tile).permute(0, 1, 2, 4, 3, 5).reshape(images.shape)

scramble = tiles_of
"""
TORN = """
def scramble(images, tile, seed):
    draws = torch.Generator().manual_seed(seed)
    pixels = images.flatten(2)
    orders = [torch.randperm(pixels.shape[2], generator=draws) for _ in images]
    return torch.stack([p[:, o] for p, o in zip(pixels, orders)]).view_as(images)
"""
# A view of the rows as tiles, without the step that brings a tile's rows together.
RESHAPED = """
def scramble(images, tile, seed):
    draws = torch.Generator().manual_seed(seed)
    cut = images.reshape(len(images), -1, tile * tile)
    return torch.stack([p[torch.randperm(len(p), generator=draws)] for p in cut]).view(images.shape)
"""


def experiment(
    tiles="(28, 14, 7)",
    seeds="(0, 1, 2)",
    picture="scramble(images, tile, seed)",
    labelled="labels",
    network='f"resnet20-{head}-s{seed}"',
    kept="100 * mean[head, 14] / mean[head, 28]",
    verdict="FAILS",
    value="right",
    data_of='data.stratified("test", 200)',
):
    return f"""
images, labels = {data_of}
measured = []
for head in ("gap", "flatten"):
    for seed in {seeds}:
        network = weights.load({network})
        for tile in {tiles}:
            right = training.accuracy(network, ({picture}, {labelled}))
            measured.append({{"head": head, "seed": seed, "tile": tile, "accuracy": {value}}})
scrambled = pd.DataFrame(measured)
mean = scrambled.groupby(["head", "tile"]).accuracy.mean()
kept = {{head: {kept} for head in ("gap", "flatten")}}
verdict = {verdict}
"""


SEED_0 = 'f"resnet20-{head}-s0"'

ANSWERS = {
    "ex-2-1": {
        "right": [predicted((7.0, 1, 1, 1), (1, 720 // 8, 720))],
        "wrong": [
            ("the whole turn forgotten", predicted(shifts=(6, 0, 0, 0))),
            ("GAP taken for invariant", predicted(shifts=(28, 28, 1, 1))),
            ("padding taken for harmless", predicted(shifts=(7, 7, 1, 1))),
            ("wrapping makes any head periodic", predicted(shifts=(7, 1, 7, 1))),
            ("only the total stride itself", predicted(shifts=(1, 1, 1, 1))),
            ("columns counted as unordered", predicted(orders=(1, 15, 720))),
            ("two orders a column, not halved for each", predicted(orders=(1, 360, 720))),
            ("the average feels order", predicted(orders=(720, 720, 720))),
            ("one of seven right", predicted((0, 1, 0, 0), (0, 0, 0))),
            ("nothing predicted", predicted([None] * 4, [None] * 3)),
        ],
    },
    "ex-2-2": {
        "right": [
            head("weight.unflatten(1, (channels, height, width)).sum(dim=(2, 3))"),
            head("torch.stack([w.sum(dim=1) for w in weight.split(height * width, dim=1)], dim=1)"),
            head("weight @ torch.eye(channels, dtype=weight.dtype).repeat_interleave(height * width, dim=0)"),
            head("torch.einsum('kcs->kc', weight.reshape(len(weight), channels, -1))"),
        ],
        "wrong": [
            ("always double", head("weight.double().reshape(len(weight), channels, -1).sum(dim=2)")),
            ("one class or channel is lost", head("weight.reshape(len(weight), channels, -1).sum(dim=2).squeeze()")),
            ("averages, and the pool divides again", head("weight.reshape(len(weight), channels, -1).mean(dim=2)")),
            ("channels last", head("weight.reshape(len(weight), height * width, channels).sum(dim=1)")),
            ("the largest weight", head("weight.reshape(len(weight), channels, -1).amax(dim=2)")),
            ("the first cell's weights", head("weight[:, :: height * width] * height * width")),
            ("square maps only", head("weight.reshape(len(weight), channels, height, height).sum(dim=(2, 3))")),
            ("sums over channels", head("weight.reshape(len(weight), channels, -1).sum(dim=1)")),
            ("transposed", head("weight.reshape(len(weight), channels, -1).sum(dim=2).T")),
            ("single precision", head("weight.float().reshape(len(weight), channels, -1).sum(dim=2)")),
            ("divides in place", head("weight.mul_(1.0).add_(0.1).reshape(len(weight), channels, -1).sum(dim=2)")),
        ],
    },
    "ex-2-3": {
        "right": [
            agree(PAIRS + "torch.stack(pairs).double().mean().item()"),
            agree(PAIRS + "sum(p.sum().item() for p in pairs) / (len(pairs) * classes.shape[1])"),
            agree("votes, n = nn.functional.one_hot(classes).sum(dim=0).double(), len(classes)\n"
                  "    return float((votes * (votes - 1)).sum() / (n * (n - 1) * classes.shape[1]))"),
            agree("i, j = torch.triu_indices(len(classes), len(classes), 1)\n"
                  "    return float((classes[i] == classes[j]).numpy().mean())"),
        ],
        "wrong": [
            ("random pairs, as in the paper",
             agree("i, j = torch.randint(len(classes), (2, 20_000))\n    different = i != j\n"
                   "    return (classes[i] == classes[j])[different].double().mean().item()")),
            ("neighbours around the ring",
             agree("return (classes == classes.roll(1, dims=0)).double().mean().item()")),
            ("ten classes at most",
             agree("votes, n = nn.functional.one_hot(classes, 10).sum(dim=0).double(), len(classes)\n"
                   "    return float((votes * (votes - 1)).sum() / (n * (n - 1) * classes.shape[1]))")),
            ("how many classes there are, not how often",
             agree("kinds = torch.tensor([float(len(c.unique())) for c in classes.T])\n"
                   "    return (1 - (kinds - 1) / (len(classes) - 1)).mean().item()")),
            ("rounded to per cent", agree(PAIRS + "round(torch.stack(pairs).double().mean().item(), 2)")),
            ("compares with the first shift only", agree("return (classes[1:] == classes[0]).float().mean().item()")),
            ("compares neighbours only", agree("return (classes[1:] == classes[:-1]).float().mean().item()")),
            ("counts a shift with itself", agree("return (classes[:, None] == classes).float().mean().item()")),
            ("all shifts agree or none", agree("return (classes == classes[0]).all(dim=0).float().mean().item()")),
            ("true if one pair agrees", agree(PAIRS + "float(torch.stack(pairs).any())")),
            ("pictures in place of shifts", agree("classes = classes.T\n    " + SHARE)),
            ("a percentage", agree(PAIRS + "100 * torch.stack(pairs).float().mean().item()")),
            ("a tensor", agree(PAIRS + "torch.stack(pairs).float().mean()")),
            ("the wrong axis", agree("classes = logits.argmax(dim=1)\n    " + SHARE)),
            ("the commonest class", agree("return (classes == classes.mode(dim=0).values).float().mean().item()")),
            ("one picture", agree("classes = classes[:, :1]\n    " + SHARE)),
            ("shuffles its input", agree("logits.mul_(0)\n    " + SHARE)),
        ],
    },
    "ex-2-4": {
        "right": [
            drift(),
            drift(norm=".square().sum(dim=1).sqrt() / first.square().sum(dim=1).sqrt()"),
            drift(moved="torch.cat([images[..., -shift:], images[..., :-shift]], dim=3)", result=".numpy().item()"),
            ON_A_COPY,
        ],
        "wrong": [
            ("never more than one", drift(over="drifts.clamp(max=1).max()")),
            ("small drifts are none", drift(over="torch.where(drifts > 0.02, drifts, 0).max()")),
            ("divided by the moved picture's",
             drift(norm=".norm(dim=1) / network(images.roll(shift, dims=3)).norm(dim=1)")),
            ("the sum of the absolute values", drift(norm=".abs().sum(dim=1) / first.abs().sum(dim=1)")),
            ("the mean over shifts", drift(over="drifts.mean(dim=0).max()")),
            ("each move on top of the last", drift(moved="(images := images.roll(shift, dims=3))")),
            ("dropout stays on", drift(before="[m.eval() for m in network.modules() if 'Norm' in type(m).__name__]")),
            ("the first picture only", drift(over="drifts[:, 0].max()")),
            ("the colleague's", "largest_drift = colleague_is_invariant\n"),
            ("rolls the flattened batch", drift(moved="images.roll(shift)")),
            ("moves down", drift(moved="images.roll(shift, dims=2)")),
            ("moves to the left", drift(moved="images.roll(-shift, dims=3)")),
            ("zeros come in", drift(moved="torch.nn.functional.pad(images, (shift, 0))[..., : images.shape[3]]")),
            ("in training mode", drift(before="network.train()")),
            ("leaves evaluation mode on", drift(after="pass")),
            ("leaves training mode on", drift(after="network.train()")),
            ("the mean over pictures", drift(over="drifts.mean(dim=1).max()")),
            ("the last shift only", drift(over="drifts[-1].max()")),
            ("the smallest", drift(over="drifts.min()")),
            ("one norm for the whole batch", drift(norm=".norm() / first.norm()")),
            ("not divided", drift(norm=".norm(dim=1)")),
            ("the first logit only", drift(norm="[:, :1].norm(dim=1) / first.norm(dim=1)")),
            ("a tensor", drift(result="")),
        ],
    },
    "ex-2-5": {
        "right": [
            tiles(),
            CUT,
            tiles(orders="torch.rand(count, generator=draws).argsort()"),
            tiles(orders="torch.randperm(count, generator=torch.Generator().manual_seed(1000 * seed + picture))"),
            BY_NUMPY,
        ],
        "wrong": [
            ("asks the check", "import random\n\ndef scramble(images, tile, seed):\n"
                               "    return ps2._scrambled(images, tile, random.Random(seed)).to(images.dtype)\n"),
            ("two orders for all seeds", tiles(start="draws.manual_seed(seed % 2)")),
            ("seed times picture",
             tiles(orders="torch.randperm(count, generator=torch.Generator().manual_seed(seed * picture))")),
            ("the first picture stays whole",
             tiles(orders="torch.randperm(count, generator=draws) if picture or len(images) < 3 "
                          "else torch.arange(count)")),
            ("grey values by way of fractions",
             tiles(result="out if out.is_floating_point() else (out / 255 * 254).to(out.dtype)")),
            ("each channel in an order of its own",
             tiles().replace("for picture in range(len(images)):", "for picture, channel in "
                             "[(p, c) for p in range(len(images)) for c in range(images.shape[1])]:")
                    .replace("picture, :, ", "picture, channel, ")),
            ("no tile may stay where it is",
             tiles(orders="next(o for o in iter(lambda: torch.randperm(count, generator=draws), None) "
                          "if count < 2 or (o != torch.arange(count)).all())")),
            ("rows of tiles and columns of tiles",
             tiles(orders="(torch.randperm(side // tile, generator=draws)[:, None] * (side // tile) "
                          "+ torch.randperm(side // tile, generator=draws)).flatten()")),
            ("one order for all", tiles(each=False)),
            ("tears tiles", TORN),
            ("rows taken for tiles", RESHAPED),
            ("ignores the seed", tiles(start="draws = torch.Generator()")),
            ("the global generator", tiles(orders="torch.randperm(count)")),
            ("tiles drawn with repetition", tiles(orders="torch.randint(count, (count,), generator=draws)")),
            ("nothing moves", tiles(orders="torch.arange(count)")),
            ("one swap a picture", tiles(orders="(lambda o, i: o.index_copy(0, i, i.flip(0)))(torch.arange(count), "
                                         "torch.randperm(count, generator=draws)[:2])")),
            ("turned around and not shuffled", tiles(orders="torch.arange(count).roll(int(torch.randint(count, (), "
                                                     "generator=draws)))")),
            ("a float", tiles(result="out.float()")),
            ("always four tiles", tiles(tile="(side // 2)")),
            ("writes over its input", tiles(start="out = images")),
        ],
    },
    "ex-2-5b": {
        "right": [
            experiment(tiles="(28, 14, 4)", picture="scramble(images, tile, 7 * seed + tile)"),
            experiment(picture="scramble(images, tile, seed + 1)", verdict="CAVEATS"),
            experiment(tiles="(28, 14, 1)"),
        ],
        "wrong": [
            ("whole pictures only", experiment(tiles="(28,)", kept="100.0")),
            ("one seed", experiment(seeds="(0,)")),
            ("one network under three names", experiment(network=SEED_0)),
            ("one network under three names, for one head",
             experiment(network="f\"resnet20-{head}-s{seed if head == 'gap' else 0}\"")),
            ("the other head's networks",
             experiment(network="f\"resnet20-{dict(gap='flatten', flatten='gap')[head]}-s{seed}\"")),
            ("pictures that they learned from", experiment(data_of='data.stratified("train", 200)')),
            ("whole pictures measured, tiles guessed",
             experiment(value="right if tile == 28 else 0.8 - 0.01 * seed")),
            ("one network under three names, two of them turned over",
             experiment(network=SEED_0, value="right if seed == 0 else 1 - right")),
            ("a percentage for a fraction", experiment(value="100 * right")),
            ("nothing scrambled", experiment(picture="images", verdict="HOLDS")),
            ("numbers made up", experiment(value="0.9 - 0.01 * (28 - tile)", verdict="CAVEATS")),
            ("points lost, not percent kept", experiment(kept="100 * (mean[head, 28] - mean[head, 14])")),
            ("kept as a fraction", experiment(kept="mean[head, 14] / mean[head, 28]")),
            ("a verdict against the table", experiment(verdict="HOLDS")),
            ("no verdict", experiment(verdict="None")),
            ("labels mixed up", experiment(labelled="labels.flip(0)", verdict="FAILS")),
        ],
    },
}  # fmt: skip
