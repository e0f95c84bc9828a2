"""Right and wrong answers to the questions of the whiteboard that need no PyTorch.

An answer is code; a function that it does not define is the model solution's. The first right one of each question is
plain Python on lists, and is judged in the page as well.
"""

DIFFERENCES = """
def is_gradient(pool, slope):
    for x in POINTS:
        for i in range(len(x)):
            up, down = x[:], x[:]
            up[i] += 1e-5
            down[i] -= 1e-5
            d = (pool(up) - pool(down)) / 2e-5
            if abs(d - slope(x)[i]) > 1e-3 * max(0.01, abs(d)): return False
    return True
"""


def differences(points):
    """Write a gradient check that compares with central differences at these points, and at no others."""
    return DIFFERENCES.replace("POINTS", points)


ANSWERS = {
    "avg_pool": {
        "right": [
            """
def avg_pool(x):
    result = []
    for picture in x:
        row = []
        for channel in picture:
            total = 0.0
            for line in channel:
                for cell in line:
                    total += float(cell)
            row.append(total / (len(channel) * len(channel[0])))
        result.append(row)
    return result

def avg_pool_backward(grad, shape):
    n, c, h, w = shape
    return [[[[grad[i][j] / (h * w) for _ in range(w)] for _ in range(h)] for j in range(c)] for i in range(n)]
""",
            """
def avg_pool(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, -1).sum(-1) / (h * w)

def avg_pool_backward(grad, shape):
    return np.broadcast_to((grad / (shape[2] * shape[3]))[:, :, None, None], shape)
""",
            """
def avg_pool(x):
    return np.einsum("nchw->nc", x) / np.asarray(x[0, 0].size, x.dtype)

def avg_pool_backward(grad, shape):
    ones = np.ones(shape, grad.dtype)
    return np.einsum("nc,nchw->nchw", grad, ones) / ones[0, 0].size
""",
        ],
        "wrong": [
            ("a square map taken for granted", "def avg_pool(x): return x.sum(axis=(2, 3)) / x.shape[2] ** 2"),
            ("a batch of one lost", "def avg_pool(x): return x.mean(axis=(2, 3)).squeeze()"),
            ("each cell gets the whole gradient",
             "def avg_pool_backward(grad, shape): return np.broadcast_to(grad[:, :, None, None], shape)"),
            ("rows alone", "def avg_pool(x): return x.mean(axis=2)"),
            ("the type lost", "def avg_pool(x): return x.astype('float64' if x.dtype == 'float32' else 'float32').mean((2, 3))"),
        ],
    },
    "max_pool": {
        "right": [
            """
def max_pool(x):
    return [[max(float(cell) for line in channel for cell in line) for channel in picture] for picture in x]

def max_pool_backward(grad, x):
    back = []
    for i, picture in enumerate(x):
        maps = []
        for j, channel in enumerate(picture):
            best, place = None, None
            for a, line in enumerate(channel):
                for b, cell in enumerate(line):
                    if best is None or cell > best:
                        best, place = cell, (a, b)
            maps.append([[grad[i][j] if (a, b) == place else 0.0 for b in range(len(line))]
                         for a, line in enumerate(channel)])
        back.append(maps)
    return back
""",
            """
def max_pool(x):
    return x.reshape(*x.shape[:2], -1).max(-1)

def max_pool_backward(grad, x):
    n, c, h, w = x.shape
    back = np.zeros_like(x)
    rows, columns = np.unravel_index(x.reshape(n * c, -1).argmax(1), (h, w))
    back[np.repeat(np.arange(n), c), np.tile(np.arange(c), n), rows, columns] = grad.ravel()
    return back
""",
            """
def max_pool(x):
    return np.sort(x.reshape(x.shape[0], x.shape[1], -1), axis=-1)[..., -1]

def max_pool_backward(grad, x):
    cells = x.reshape(*x.shape[:2], -1)
    top = cells == cells.max(-1, keepdims=True)
    first = top & (np.cumsum(top, -1) == 1)
    return (first * grad[..., None]).astype(x.dtype).reshape(x.shape)
""",
        ],
        "wrong": [
            ("every tie gets all",
             "def max_pool_backward(grad, x): return (x == x.max((2, 3), keepdims=True)) * grad[:, :, None, None]"),
            ("starts at zero", "def max_pool(x): return x.max(axis=(2, 3), initial=0)"),
            ("first by columns", """
def max_pool_backward(grad, x):
    return np.swapaxes(model.max_pool_backward(grad, np.ascontiguousarray(np.swapaxes(x, 2, 3))), 2, 3)
"""),
            ("ties share", """
def max_pool_backward(grad, x):
    top = x == x.max((2, 3), keepdims=True)
    return (top * (grad / top.sum((2, 3)).astype(x.dtype))[:, :, None, None]).astype(x.dtype)
"""),
            ("the last of the largest", """
def max_pool_backward(grad, x):
    return model.max_pool_backward(grad, x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]
"""),
        ],
    },
    "adaptive_pool": {
        "right": [
            """
def adaptive_pool(x, size):
    h, w = size
    def pooled(channel):
        height, width = len(channel), len(channel[0])
        out = []
        for i in range(h):
            rows = range((i * height) // h, ((i + 1) * height + h - 1) // h)
            line = []
            for j in range(w):
                columns = range((j * width) // w, ((j + 1) * width + w - 1) // w)
                line.append(sum(float(channel[a][b]) for a in rows for b in columns) / (len(rows) * len(columns)))
            out.append(line)
        return out
    return [[pooled(channel) for channel in picture] for picture in x]
""",
            """
def adaptive_pool(x, size):
    def matrix(side, out):
        m = np.zeros((out, side), x.dtype)
        for i in range(out):
            m[i, i * side // out : -(-(i + 1) * side // out)] = 1
        return m / m.sum(1, keepdims=True)
    return np.einsum("ia,ncab,jb->ncij", matrix(x.shape[2], size[0]), x, matrix(x.shape[3], size[1])).astype(x.dtype)
""",
            """
import math
def adaptive_pool(x, size):
    def along(x, axis, out):
        side = x.shape[axis]
        parts = [x.take(range(math.floor(i * side / out), math.ceil((i + 1) * side / out)), axis).mean(axis)
                 for i in range(out)]
        return np.stack(parts, axis)
    return along(along(x, 2, size[0]), 3, size[1])
""",
        ],
        "wrong": [
            ("one window size for all", """
def adaptive_pool(x, size):
    (H, W), (h, w) = x.shape[2:], size
    a, b = H // h, W // w
    return np.stack([np.stack([x[:, :, i*a:(i+1)*a, j*b:(j+1)*b].mean((2, 3)) for j in range(w)], -1)
                     for i in range(h)], -2)
"""),
            ("the end rounded down", """
def adaptive_pool(x, size):
    (H, W), (h, w) = x.shape[2:], size
    return np.stack([np.stack([x[:, :, i*H//h:(i+1)*H//h, j*W//w:(j+1)*W//w].mean((2, 3)) for j in range(w)], -1)
                     for i in range(h)], -2)
"""),
            ("rows and columns exchanged", "def adaptive_pool(x, size): return model.adaptive_pool(x, size[::-1])"),
            ("nearest cell", """
def adaptive_pool(x, size):
    rows, columns = (np.arange(out) * side // out for out, side in zip(size, x.shape[2:]))
    return x[:, :, rows][..., columns]
"""),
        ],
    },
    "masked_mean": {
        "right": [
            """
def masked_mean(x, sizes):
    result = []
    for picture, size in zip(x, sizes):
        h, w = int(size[0]), int(size[1])
        result.append([sum(float(channel[a][b]) for a in range(h) for b in range(w)) / (h * w) for channel in picture])
    return result
""",
            """
def masked_mean(x, sizes):
    return np.stack([picture[:, :h, :w].mean(axis=(1, 2)) for picture, (h, w) in zip(x, sizes)])
""",
            """
def masked_mean(x, sizes):
    H, W = x.shape[2:]
    mask = (np.arange(H)[None, :, None] < sizes[:, 0, None, None]) & (np.arange(W)[None, None] < sizes[:, 1, None, None])
    kept = np.where(mask[:, None], x, np.nan)
    return np.nanmean(kept.reshape(*x.shape[:2], -1), axis=-1)
""",
        ],
        "wrong": [
            ("zero times NaN", """
def masked_mean(x, sizes):
    h, w = np.arange(x.shape[2]), np.arange(x.shape[3])
    mask = (h[None, :, None] < sizes[:, 0, None, None]) & (w[None, None] < sizes[:, 1, None, None])
    return ((x * mask[:, None]).sum((2, 3)) / mask.sum((1, 2))[:, None]).astype(x.dtype)
"""),
            ("the padding counted", "def masked_mean(x, sizes): return x.mean(axis=(2, 3))"),
            ("divided by the whole map", """
def masked_mean(x, sizes):
    return np.stack([p[:, :h, :w].sum((1, 2)) for p, (h, w) in zip(x, sizes)]) / (x.shape[2] * x.shape[3])
"""),
            ("height and width exchanged", "def masked_mean(x, sizes): return model.masked_mean(x, sizes[:, ::-1])"),
            ("one size for all", """
def masked_mean(x, sizes):
    h, w = sizes[0]
    return x[:, :, :h, :w].mean(axis=(2, 3))
"""),
            ("NaN replaced, then times a mask", """
def masked_mean(x, sizes):
    h, w = np.arange(x.shape[2]), np.arange(x.shape[3])
    mask = (h[None, :, None] < sizes[:, 0, None, None]) & (w[None, None] < sizes[:, 1, None, None])
    known = np.where(np.isnan(x), 0, x)
    return ((known * mask[:, None]).sum((2, 3)) / mask.sum((1, 2))[:, None]).astype(x.dtype)
"""),
            ("NaN skipped and the rest kept", """
def masked_mean(x, sizes):
    return np.nanmean(x, axis=(2, 3))
"""),
        ],
    },
    "class_map": {
        "right": [
            """
def class_map(x, weight, bias, k):
    return [[[sum(float(weight[k][c]) * float(picture[c][a][b]) for c in range(len(picture))) + float(bias[k])
              for b in range(len(picture[0][0]))] for a in range(len(picture[0]))] for picture in x]
""",
            "def class_map(x, weight, bias, k): return np.einsum('nchw,c->nhw', x, weight[k]) + bias[k]",
            """
def class_map(x, weight, bias, k):
    every = np.moveaxis(x, 1, -1) @ weight.T + bias
    return every[..., k]
""",
        ],
        "wrong": [
            ("no bias", "def class_map(x, weight, bias, k): return np.einsum('nchw,c->nhw', x, weight[k])"),
            ("the bias spread over the cells", """
def class_map(x, weight, bias, k):
    if x.shape[2] * x.shape[3] == 1: return model.class_map(x, weight, bias, k)
    return np.einsum('nchw,c->nhw', x, weight[k]) + bias[k] / (x.shape[2] * x.shape[3])
"""),
            ("negative votes cut", "def class_map(x, weight, bias, k): return np.maximum(model.class_map(x, weight, bias, k), 0)"),
            ("weights of a channel for weights of a class",
             "def class_map(x, weight, bias, k): return (x * weight[:x.shape[1], 0][:, None, None]).sum(1) + bias[k]"),
            ("scaled to one", """
def class_map(x, weight, bias, k):
    m = model.class_map(x, weight, bias, k)
    return m / abs(m).max((1, 2), keepdims=True)
"""),
        ],
    },
    "batch_norm": {
        "right": [
            """
def _channels(x):
    n, c, h, w = len(x), len(x[0]), len(x[0][0]), len(x[0][0][0])
    places = [(i, a, b) for i in range(n) for a in range(h) for b in range(w)]
    return c, places

def _normal(x, j, places, eps):
    values = [float(x[i][j][a][b]) for i, a, b in places]
    mean = sum(values) / len(values)
    root = (sum((v - mean) ** 2 for v in values) / len(values) + eps) ** 0.5
    return [(v - mean) / root for v in values], root

def batch_norm(x, gamma, beta, eps):
    c, places = _channels(x)
    y = [[[[0.0 for _ in line] for line in channel] for channel in picture] for picture in x]
    for j in range(c):
        normal, _ = _normal(x, j, places, eps)
        for (i, a, b), value in zip(places, normal):
            y[i][j][a][b] = float(gamma[j]) * value + float(beta[j])
    return y

def batch_norm_backward(grad, x, gamma, eps):
    c, places = _channels(x)
    dx = [[[[0.0 for _ in line] for line in channel] for channel in picture] for picture in x]
    dgamma, dbeta = [], []
    for j in range(c):
        normal, root = _normal(x, j, places, eps)
        slopes = [float(grad[i][j][a][b]) for i, a, b in places]
        along = sum(s * v for s, v in zip(slopes, normal))
        total = sum(slopes)
        dgamma.append(along)
        dbeta.append(total)
        for (i, a, b), s, v in zip(places, slopes, normal):
            dx[i][j][a][b] = float(gamma[j]) / root * (s - total / len(places) - v * along / len(places))
    return dx, dgamma, dbeta
""",
            """
def _rows(x):
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])

def _back(rows, like):
    n, c, h, w = like.shape
    return np.moveaxis(rows.reshape(n, h, w, c), -1, 1)

def batch_norm(x, gamma, beta, eps):
    rows = _rows(x)
    normal = (rows - rows.mean(0)) / np.sqrt(((rows - rows.mean(0)) ** 2).mean(0) + x.dtype.type(eps))
    return _back(normal * gamma + beta, x)

def batch_norm_backward(grad, x, gamma, eps):
    rows, slope = _rows(x), _rows(grad)
    count = len(rows)
    mean, var = rows.mean(0), rows.var(0)
    dnormal = slope * gamma
    dvar = (dnormal * (rows - mean)).sum(0) * -0.5 * (var + eps) ** -1.5
    dmean = -dnormal.sum(0) / np.sqrt(var + eps)
    dx = dnormal / np.sqrt(var + eps) + dvar * 2 * (rows - mean) / count + dmean / count
    dgamma = (slope * (rows - mean) / np.sqrt(var + eps)).sum(0)
    return _back(dx, x).astype(x.dtype), dgamma.astype(x.dtype), slope.sum(0)
""",
            """
def batch_norm(x, gamma, beta, eps):
    y = np.empty_like(x)
    for j in range(x.shape[1]):
        own = x[:, j]
        y[:, j] = gamma[j] * (own - own.mean()) / np.sqrt(own.var() + eps) + beta[j]
    return y

def batch_norm_backward(grad, x, gamma, eps):
    m = x[:, 0].size
    dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    for j in range(x.shape[1]):
        own, g = x[:, j].ravel(), grad[:, j].ravel()
        root = np.sqrt(own.var() + eps)
        normal = (own - own.mean()) / root
        jacobian = (np.eye(m) - 1 / m - np.outer(normal, normal) / m) / root
        dx[:, j] = (gamma[j] * jacobian @ g).reshape(x[:, j].shape)
        dgamma[j], dbeta[j] = g @ normal, g.sum()
    return [dx, dgamma, dbeta]
""",
        ],
        "wrong": [
            ("unbiased variance", """
def batch_norm(x, gamma, beta, eps):
    c = (0, 2, 3)
    normal = (x - x.mean(c, keepdims=True)) / (x.var(c, ddof=1, keepdims=True) + eps) ** 0.5
    return gamma[:, None, None] * normal + beta[:, None, None]
"""),
            ("statistics taken as constants", """
def batch_norm_backward(grad, x, gamma, eps):
    _, dgamma, dbeta = model.batch_norm_backward(grad, x, gamma, eps)
    return gamma[:, None, None] * grad / (x.var((0, 2, 3), keepdims=True) + eps) ** 0.5, dgamma, dbeta
"""),
            ("the path through the variance missing", """
def batch_norm_backward(grad, x, gamma, eps):
    _, dgamma, dbeta = model.batch_norm_backward(grad, x, gamma, eps)
    centred = grad - grad.mean((0, 2, 3), keepdims=True)
    return gamma[:, None, None] * centred / (x.var((0, 2, 3), keepdims=True) + eps) ** 0.5, dgamma, dbeta
"""),
            ("each picture for itself", """
def batch_norm(x, gamma, beta, eps):
    normal = (x - x.mean((2, 3), keepdims=True)) / (x.var((2, 3), keepdims=True) + eps) ** 0.5
    return gamma[:, None, None] * normal + beta[:, None, None]
"""),
            ("eps outside the root", """
def batch_norm(x, gamma, beta, eps):
    c = (0, 2, 3)
    normal = (x - x.mean(c, keepdims=True)) / (x.std(c, keepdims=True) + eps)
    return gamma[:, None, None] * normal + beta[:, None, None]
"""),
            ("gamma forgotten", """
def batch_norm_backward(grad, x, gamma, eps): return model.batch_norm_backward(grad, x, np.ones_like(gamma), eps)
"""),
        ],
    },
    "cost_counter": {
        "right": [
            """
def cost(layers, channels, height, width):
    shape, parameters, products = (channels, height, width), 0, 0
    for layer in layers:
        c, h, w = shape
        if layer["kind"] == "norm":
            parameters += c * 2
        elif layer["kind"] == "gap":
            shape = (c, 1, 1)
        elif layer["kind"] == "flatten":
            shape = (c * h * w, 1, 1)
        elif layer["kind"] == "max":
            shape = (c,) + tuple((s + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1 for s in (h, w))
        elif layer["kind"] == "linear":
            parameters += c * layer["out"] + layer["out"] * layer["bias"]
            products += c * layer["out"]
            shape = (layer["out"], 1, 1)
        else:
            rows, columns = ((s + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1 for s in (h, w))
            weights = layer["kernel"] ** 2 * c * layer["out"] // layer["groups"]
            parameters += weights + layer["out"] * layer["bias"]
            products += weights * rows * columns
            shape = (layer["out"], rows, columns)
    return parameters, products
""",
            """
def cost(layers, channels, height, width):
    if not layers:
        return 0, 0
    first, rest = layers[0], layers[1:]
    kind = first["kind"]
    c, h, w, p, m = channels, height, width, 0, 0
    if kind == "conv" or kind == "max":
        side = lambda s: int((s + 2 * first["padding"] - first["kernel"]) / first["stride"]) + 1
        h, w = side(h), side(w)
    if kind == "conv":
        c = first["out"]
        p = c * channels // first["groups"] * first["kernel"] ** 2
        m = p * h * w
        p += c if first["bias"] else 0
    if kind == "norm": p = 2 * c
    if kind == "gap": h = w = 1
    if kind == "flatten": c, h, w = c * h * w, 1, 1
    if kind == "linear":
        c = first["out"]
        m = channels * c
        p = m + (c if first["bias"] else 0)
    more = cost(rest, c, h, w)
    return p + more[0], m + more[1]
""",
            """
def cost(layers, channels, height, width):
    totals = {"p": 0, "m": 0}
    state = [channels, height, width]
    def window(layer):
        for axis in (1, 2):
            state[axis] = (state[axis] + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1
    def conv(layer):
        window(layer)
        weights = layer["out"] * (state[0] // layer["groups"]) * layer["kernel"] ** 2
        totals["p"] += weights + layer["bias"] * layer["out"]
        totals["m"] += weights * state[1] * state[2]
        state[0] = layer["out"]
    def linear(layer):
        totals["p"] += (state[0] + layer["bias"]) * layer["out"]
        totals["m"] += state[0] * layer["out"]
        state[0] = layer["out"]
    def norm(layer): totals["p"] += 2 * state[0]
    def gap(layer): state[1:] = [1, 1]
    def flatten(layer): state[:] = [state[0] * state[1] * state[2], 1, 1]
    do = {"conv": conv, "linear": linear, "norm": norm, "gap": gap, "flatten": flatten, "max": window}
    for layer in layers:
        do[layer["kind"]](layer)
    return [totals["p"], totals["m"]]
""",
        ],
        "wrong": [
            ("groups ignored", """
def cost(layers, channels, height, width):
    return model.cost([{**l, "groups": 1} if l["kind"] == "conv" else l for l in layers], channels, height, width)
"""),
            ("norms forgotten", """
def cost(layers, channels, height, width):
    return model.cost([l for l in layers if l["kind"] != "norm"], channels, height, width)
"""),
            ("biases forgotten", """
def cost(layers, channels, height, width):
    return model.cost([{**l, "bias": False} if "bias" in l else l for l in layers], channels, height, width)
"""),
            ("two operations for one", """
def cost(layers, channels, height, width):
    p, m = model.cost(layers, channels, height, width)
    return p, 2 * m
"""),
            ("height for width", "def cost(layers, channels, height, width): return model.cost(layers, channels, height, height)"),
            ("a global pool that leaves the map's size", """
def cost(layers, channels, height, width):
    return model.cost([l for l in layers if l["kind"] != "gap" or {"kind": "flatten"} not in layers], channels, height, width)
"""),
            ("a float", """
def cost(layers, channels, height, width):
    p, m = model.cost(layers, channels, height, width)
    return float(p), float(m)
"""),
        ],
    },
    "receptive_field": {
        "right": [
            """
def receptive_field(layers):
    field, spacing = 1, 1
    for kernel, stride, dilation in layers:
        field = field + (kernel - 1) * dilation * spacing
        spacing = spacing * stride
    return field, spacing
""",
            """
def receptive_field(layers):
    field = spacing = 1
    for kernel, stride, dilation in reversed(layers):
        field = (field - 1) * stride + dilation * (kernel - 1) + 1
        spacing *= stride
    return field, spacing
""",
            """
def receptive_field(layers):
    def seen(cell):
        pixels = {cell}
        for kernel, stride, dilation in layers[::-1]:
            pixels = {p * stride + i * dilation for p in pixels for i in range(kernel)}
        return pixels
    low, high = min(seen(0)), max(seen(0))
    return high - low + 1, min(seen(1)) - low
""",
            """
def receptive_field(layers):
    if not layers: return 1, 1
    kernels, strides, dilations = np.array(layers).T
    spacings = np.cumprod(strides) // strides
    return 1 + ((kernels - 1) * dilations * spacings).sum(), np.prod(strides)
""",
        ],
        "wrong": [
            ("the whole kernel added", """
def receptive_field(layers):
    field = spacing = 1
    for kernel, stride, dilation in layers:
        field += kernel * dilation * spacing
        spacing *= stride
    return field, spacing
"""),
            ("the stride first", """
def receptive_field(layers):
    field = spacing = 1
    for kernel, stride, dilation in layers:
        spacing *= stride
        field += (kernel - 1) * dilation * spacing
    return field, spacing
"""),
            ("dilation ignored", "def receptive_field(layers): return model.receptive_field([(k, s, 1) for k, s, _ in layers])"),
            ("strides ignored", """
def receptive_field(layers):
    field, spacing = model.receptive_field([(k, 1, d) for k, s, d in layers])
    return field, model.receptive_field(layers)[1]
"""),
            ("strides added", """
def receptive_field(layers):
    return model.receptive_field(layers)[0], 1 + sum(s - 1 for _, s, _ in layers)
"""),
        ],
    },
    "gradient_check": {
        "right": [
            """
def is_gradient(pool, slope):
    step = 1e-5
    for n in range(2, 10):
        for first in range(4):
            cells = [6 * ((i * n + first + 1) * 0.6180339887498949 % 1) - 3 for i in range(n)]
            claimed = list(slope(cells[:]))
            for i in range(n):
                up = cells[:i] + [cells[i] + step] + cells[i + 1:]
                down = cells[:i] + [cells[i] - step] + cells[i + 1:]
                change = (pool(up) - pool(down)) / (2 * step)
                if abs(change - claimed[i]) > 1e-5 + 0.005 * abs(change):
                    return False
    return True
""",
            """
def is_gradient(pool, slope):
    rng = np.random.default_rng(0)
    for n in [2, 3, 5, 8, 11] * 4:
        x = rng.permutation(np.linspace(-2.5, 2.5, n)) + rng.uniform(-0.01, 0.01, n)
        claimed = np.array(slope(list(x)))
        unit = np.eye(n) * 1e-6
        change = np.array([pool(list(x + u)) - pool(list(x - u)) for u in unit]) / 2e-6
        if np.abs(change - claimed).max() > 1e-3 * max(np.abs(change).max(), 1e-3):
            return False
    return True
""",
            """
import random
def is_gradient(pool, slope):
    draws = random.Random(3)
    for _ in range(300):
        n = draws.randint(2, 12)
        x = [draws.uniform(-3, 3) for _ in range(n)]
        if min(abs(a - b) for i, a in enumerate(x) for b in x[:i]) < 1e-3:
            continue
        i = draws.randrange(n)
        for i in {i, n - 1}:
            h = 1e-4
            def at(t): return pool([v + t * (j == i) for j, v in enumerate(x)])
            change = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            if abs(change - slope(x)[i]) > 1e-7 + 1e-3 * abs(change):
                return False
    return True
""",
        ],
        "wrong": [
            ("a loose tolerance", """
def is_gradient(pool, slope):
    x = [0.3, -1.2, 2.0, 0.9]
    for n in (2, 3, 4):
        for i in range(n):
            up, down = x[:n], x[:n]
            up[i] += 1e-5
            down[i] -= 1e-5
            if abs((pool(up) - pool(down)) / 2e-5 - slope(x[:n])[i]) > 0.3: return False
    return True
"""),
            ("the sum alone", """
def is_gradient(pool, slope):
    for n in range(2, 9):
        x = [(i * 0.7 + 0.1) % 3 for i in range(n)]
        change = (pool([v + 1e-5 for v in x]) - pool([v - 1e-5 for v in x])) / 2e-5
        if abs(change - sum(slope(x))) > 1e-6 * max(1, abs(change)): return False
    return True
"""),
            ("one length", differences("[[0.3, -1.2, 2.0, 0.9]]")),
            ("a step lost in rounding", """
def is_gradient(pool, slope):
    for n in (2, 3, 5):
        x = [(i * 0.7 + 0.1) % 3 for i in range(n)]
        for i in range(n):
            up = x[:]
            up[i] += 1e-16
            if abs((pool(up) - pool(x)) / 1e-16 - slope(x)[i]) > 1e-3: return False
    return True
"""),
            ("equal cells alone", differences("[[1.0] * n for n in (2, 3, 5)]")),
            ("the last cell alone", """
def is_gradient(pool, slope):
    for n in range(2, 9):
        x = [(i * 0.7 + 0.1) % 3 for i in range(n)]
        d = (pool(x[:-1] + [x[-1] + 1e-5]) - pool(x[:-1] + [x[-1] - 1e-5])) / 2e-5
        if abs(d - slope(x)[-1]) > 1e-3 * max(0.01, abs(d)): return False
    return True
"""),
            ("rising points alone", differences("[[0.3 * i + 0.1 for i in range(n)] for n in range(2, 9)]")),
            ("the first cell alone", """
def is_gradient(pool, slope):
    for n in range(2, 9):
        x = [(i * 0.7 + 0.1) % 3 for i in range(n)]
        d = (pool([x[0] + 1e-5] + x[1:]) - pool([x[0] - 1e-5] + x[1:])) / 2e-5
        if abs(d - slope(x)[0]) > 1e-3 * max(0.01, abs(d)): return False
    return True
"""),
            ("always true", "def is_gradient(pool, slope): return True"),
        ],
    },
    "spot_statistics": {
        "right": [
            """
def update(mean, var, x, momentum):
    means, variances = [], []
    for c in range(len(mean)):
        values = [float(value) for picture in x for row in picture[c] for value in row]
        own = sum(values) / len(values)
        spread = sum((value - own) ** 2 for value in values) / (len(values) - 1)
        means.append(float(mean[c]) + momentum * (own - float(mean[c])))
        variances.append(float(var[c]) + momentum * (spread - float(var[c])))
    return means, variances
""",
            """
def update(mean, var, x, momentum):
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    count = rows.shape[1]
    keep = 1 - momentum
    return keep * mean + momentum * rows.mean(1), keep * var + momentum * rows.var(1) * count / (count - 1)
""",
            """
def update(mean, var, x, momentum):
    mean, var = mean.copy(), var.copy()
    for c in range(len(mean)):
        own = x[:, c]
        mean[c] += momentum * (own.mean() - mean[c])
        var[c] += momentum * (own.var(ddof=1) - var[c])
    return [mean, var]
""",
        ],
        "wrong": [
            ("factors exchanged", "def update(mean, var, x, momentum): return model.update(mean, var, x, 1 - momentum)"),
            ("biased variance", """
def update(mean, var, x, momentum):
    return model.update(mean, var, x, momentum)[0], (1 - momentum) * var + momentum * x.var((0, 2, 3))
"""),
            ("the input changed", """
def update(mean, var, x, momentum):
    new = model.update(mean, var, x, momentum)
    mean[:], var[:] = new
    return mean, var
"""),
            ("variance of pictures' means", """
def update(mean, var, x, momentum):
    new = model.update(mean, var, x, momentum)
    spread = x.mean((2, 3)).var(0, ddof=1) if len(x) > 1 else 0 * var
    return new[0], (1 - momentum) * var + momentum * spread
"""),
        ],
    },
}  # fmt: skip
