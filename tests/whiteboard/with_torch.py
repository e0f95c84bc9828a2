"""Right and wrong answers to the questions of the whiteboard that are about PyTorch; see ``without_torch.py``."""

BLOCK = """
class ResidualBlock(nn.Module):
    def __init__(self, i, o, stride=1):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
            nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.short = None
        if PROJECTED:
            self.short = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))
    def forward(self, x):
        s = x if self.short is None else self.short(x)
        return FORWARD
"""


def block(forward="torch.relu(self.branch(x) + s)", projected="stride != 1 or i != o", text=()):
    """Write a residual block, with pieces of its text replaced."""
    code = BLOCK.replace("FORWARD", forward).replace("PROJECTED", projected)
    for old, new in text:
        assert old in code
        code = code.replace(old, new, 1)
    return code


ANSWERS = {
    "gem": {
        "right": [
            """
class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.exponent = nn.Parameter(torch.ones(1) * p)
        self.eps = eps
    def forward(self, x):
        powers = F.adaptive_avg_pool2d(torch.clamp(x, min=self.eps) ** self.exponent, 1)
        return powers.flatten(1) ** (1.0 / self.exponent)
""",
            """
class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.register_parameter("p", nn.Parameter(torch.full((1, 1), float(p))))
        self.eps = eps
    def forward(self, x):
        n, c, h, w = x.shape
        logs = torch.maximum(x, torch.full_like(x, self.eps)).log().reshape(n, c, h * w) * self.p
        return ((torch.logsumexp(logs, -1) - torch.log(torch.tensor(float(h * w), dtype=x.dtype))) / self.p).exp()
""",
            """
class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.p, self.eps = nn.Parameter(torch.tensor(float(p))), eps
    def forward(self, x):
        x = torch.where(x < self.eps, self.eps, x)
        top = x.amax((2, 3), keepdim=True)
        return top[:, :, 0, 0] * ((x / top) ** self.p).mean((2, 3)) ** (1 / self.p)
""",
        ],
        "wrong": [
            ("p is not learned", """
class GeM(nn.Module):
    def __init__(self, p=3.0, eps=1e-6):
        super().__init__()
        self.p, self.eps = p, eps
    def forward(self, x): return x.clamp(min=self.eps).pow(self.p).mean((2, 3)).pow(1 / self.p)
"""),
            ("no root", "class GeM(model.GeM):\n    def forward(self, x): return x.clamp(min=self.eps).pow(self.p).mean((2, 3))"),
            ("no clamp", "class GeM(model.GeM):\n    def forward(self, x): return x.pow(self.p).mean((2, 3)).pow(1 / self.p)"),
            ("a sum", "class GeM(model.GeM):\n    def forward(self, x): return x.clamp(min=self.eps).pow(self.p).sum((2, 3)).pow(1 / self.p)"),
            ("the root's exponent detached",
             "class GeM(model.GeM):\n    def forward(self, x): return x.clamp(min=self.eps).pow(self.p).mean((2, 3)).pow(1 / self.p.item())"),
            ("nothing for the layers before",
             "class GeM(model.GeM):\n    def forward(self, x): return super().forward(x.detach())"),
            ("eps fixed", "class GeM(model.GeM):\n    def __init__(self, p=3.0, eps=1e-6): super().__init__(p, 1e-6)"),
            ("p fixed", "class GeM(model.GeM):\n    def __init__(self, p=3.0, eps=1e-6): super().__init__(3.0, eps)"),
        ],
    },
    "residual_block": {
        "right": [
            block(),
            block(text=[("self.short = None", "self.short = nn.Identity()"),
                        ("s = x if self.short is None else self.short(x)", "s = self.short(x)")],
                  forward="F.relu(s + self.branch(x))"),
            """
class ResidualBlock(nn.Module):
    def __init__(self, inner, outer, stride=1):
        super().__init__()
        make = lambda a, b, k, s: nn.Conv2d(a, b, k, s, padding=k // 2, bias=False)
        self.projects = (stride, inner) != (1, outer)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outer) for _ in range(2 + self.projects))
        if self.projects:
            self.match = make(inner, outer, 1, stride)
        self.second = make(outer, outer, 3, 1)
        self.first = make(inner, outer, 3, stride)
    def forward(self, x):
        y = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)), inplace=True)))
        y += self.norms[2](self.match(x)) if self.projects else x
        return y.clamp(min=0)
""",
        ],
        "wrong": [
            ("ReLU before the addition", block("torch.relu(self.branch(x)) + s")),
            ("no ReLU at the end", block("self.branch(x) + s")),
            ("no shortcut", block("torch.relu(self.branch(x))")),
            ("no projection for a stride alone", block(projected="i != o")),
            ("always a projection", block(projected="True")),
            ("the stride at the second convolution", block(
                text=[("3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()", "3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()"),
                      ("nn.Conv2d(o, o, 3, 1, 1", "nn.Conv2d(o, o, 3, stride, 1")])),
            ("biases", block(text=[("3, 1, 1, bias=False", "3, 1, 1")])),
            ("no norm on the projection", block(
                text=[("nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))", "nn.Conv2d(i, o, 1, stride, bias=False)")])),
            ("nothing for the layers before", block("torch.relu(self.branch(x.detach()) + s.detach())", text=[("s = x if", "x = x.detach(); s = x if")])),
            ("no gradient through the shortcut", block("torch.relu(self.branch(x) + s.detach())")),
            ("a norm that learns nothing", block(text=[("nn.BatchNorm2d(o), nn.ReLU()", "nn.BatchNorm2d(o, affine=False), nn.ReLU()")])),
            ("a norm without running statistics", block(text=[("nn.BatchNorm2d(o), nn.ReLU()", "nn.BatchNorm2d(o, track_running_stats=False), nn.ReLU()")])),
            ("the input changed", block("torch.relu(x.add_(self.branch(x))) if self.short is None else torch.relu(self.branch(x) + s)")),
        ],
    },
    "fc_as_conv": {
        "right": [
            """
def as_convolution(linear, channels, height, width):
    conv = nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None, dtype=linear.weight.dtype)
    conv.weight.data = linear.weight.detach().clone().view(-1, channels, height, width)
    if linear.bias is not None:
        conv.bias.data = linear.bias.detach().clone()
    return conv
""",
            """
def as_convolution(linear, channels, height, width):
    conv = nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None).to(linear.weight.dtype)
    state = {"weight": linear.weight.detach().unflatten(1, (channels, height, width))}
    if linear.bias is not None:
        state["bias"] = linear.bias.detach()
    conv.load_state_dict(state)
    return conv
""",
            """
import copy
def as_convolution(linear, channels, height, width):
    own = copy.deepcopy(linear)
    conv = nn.Conv2d(channels, own.out_features, (height, width), bias=False)
    conv.weight = nn.Parameter(own.weight.reshape(own.out_features, channels, height, width).detach())
    conv.bias = own.bias
    return conv
""",
        ],
        "wrong": [
            ("channels last", """
def as_convolution(linear, channels, height, width):
    conv = model.as_convolution(linear, channels, height, width)
    k = linear.out_features
    conv.weight.data = linear.weight.detach().clone().view(k, height, width, channels).permute(0, 3, 1, 2).contiguous()
    return conv
"""),
            ("rows for columns", """
def as_convolution(linear, channels, height, width):
    conv = model.as_convolution(linear, channels, height, width)
    w = linear.weight.detach().clone()
    conv.weight.data = w.view(-1, channels, width, height).transpose(2, 3).contiguous()
    return conv
"""),
            ("memory shared", """
def as_convolution(linear, channels, height, width):
    conv = model.as_convolution(linear, channels, height, width)
    conv.weight.data = linear.weight.data.view(-1, channels, height, width)
    return conv
"""),
            ("the bias lost", """
def as_convolution(linear, channels, height, width):
    conv = model.as_convolution(linear, channels, height, width)
    conv.bias = None
    return conv
"""),
            ("one cell's window", """
def as_convolution(linear, channels, height, width):
    conv = nn.Conv2d(channels, linear.out_features, 1, bias=linear.bias is not None).to(linear.weight)
    conv.weight.data = linear.weight.detach().view(-1, channels, height, width).mean((2, 3), keepdim=True)
    if linear.bias is not None: conv.bias.data = linear.bias.detach().clone()
    return conv
"""),
            ("the type lost", """
def as_convolution(linear, channels, height, width): return model.as_convolution(linear, channels, height, width).float()
"""),
        ],
    },
    "blur_pool": {
        "right": [
            """
def blur_pool(x, stride=2):
    n, c, h, w = x.shape
    k = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16
    padded = F.pad(x.reshape(n * c, 1, h, w), (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded, k[None, None], stride=stride).reshape(n, c, -(-h // stride), -(-w // stride))
""",
            """
def blur_pool(x, stride=2):
    p = F.pad(x, (1,) * 4, mode="reflect")
    rows = (p[:, :, :-2] + 2 * p[:, :, 1:-1] + p[:, :, 2:]) / 4
    both = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4
    return both[:, :, ::stride, ::stride]
""",
            """
def blur_pool(x, stride=2):
    def matrix(side):
        m = torch.zeros(side, side, dtype=x.dtype)
        for i in range(side):
            for step, weight in ((-1, 1), (0, 2), (1, 1)):
                j = abs(i + step)
                m[i, j if j < side else 2 * side - 2 - j] += weight / 4
        return m[::stride]
    return torch.einsum("ia,ncab,jb->ncij", matrix(x.shape[2]), x, matrix(x.shape[3]))
""",
        ],
        "wrong": [
            ("zeros at the border", """
def blur_pool(x, stride=2):
    k = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16
    return F.conv2d(x, k.expand(x.shape[1], 1, 3, 3), stride=stride, padding=1, groups=x.shape[1])
"""),
            ("the edge repeated", """
def blur_pool(x, stride=2):
    k = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16
    return F.conv2d(F.pad(x, (1,) * 4, mode="replicate"), k.expand(x.shape[1], 1, 3, 3), stride=stride, groups=x.shape[1])
"""),
            ("channels mixed", """
def blur_pool(x, stride=2):
    c = x.shape[1]
    k = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16 / c
    return F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), k.expand(c, c, 3, 3), stride=stride)
"""),
            ("no blur", "def blur_pool(x, stride=2): return x[:, :, ::stride, ::stride]"),
            ("not divided", "def blur_pool(x, stride=2): return 16 * model.blur_pool(x, stride)"),
            ("a box", """
def blur_pool(x, stride=2): return F.avg_pool2d(F.pad(x, (1,) * 4, mode="reflect"), 3, stride)
"""),
            ("stride fixed", "def blur_pool(x, stride=2): return model.blur_pool(x, 2)"),
        ],
    },
    "antialias": {
        "right": [
            """
def antialiased(x, weight, bias):
    dense = torch.relu(F.conv2d(x, weight, bias, stride=1, padding=1))
    return model_blur(dense, 2)
""",
            """
def antialiased(x, weight, bias):
    y = torch.clamp(F.conv2d(x, weight, padding="same") + bias[:, None, None], min=0)
    k = torch.tensor([[1., 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16
    y = F.pad(y, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(y, k.repeat(y.shape[1], 1, 1, 1), stride=2, groups=y.shape[1])
""",
            """
def antialiased(x, weight, bias):
    n, _, h, w = x.shape
    columns = F.unfold(x, 3, padding=1)
    y = (weight.flatten(1) @ columns + bias[:, None]).view(n, -1, h, w)
    return model_blur(y * (y > 0), 1)[:, :, ::2, ::2]
""",
        ],
        "wrong": [
            ("the input blurred", """
def antialiased(x, weight, bias):
    return F.relu(F.conv2d(model_blur(x, 1), weight, bias, stride=2, padding=1))
"""),
            ("blurred when it is too late", """
def antialiased(x, weight, bias):
    y = F.relu(F.conv2d(x, weight, bias, stride=2, padding=1))
    return model_blur(y, 1) if min(y.shape[2:]) > 1 else y
"""),
            ("ReLU behind the blur", "def antialiased(x, weight, bias): return F.relu(model_blur(F.conv2d(x, weight, bias, padding=1), 2))"),
            ("no blur", "def antialiased(x, weight, bias): return F.relu(F.conv2d(x, weight, bias, stride=2, padding=1))"),
            ("an average for the blur", """
def antialiased(x, weight, bias):
    return F.avg_pool2d(F.relu(F.conv2d(x, weight, bias, padding=1)), 2, ceil_mode=True)
"""),
        ],
    },
    "spot_head": {
        "right": [
            "def logits(x, weight, bias): return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), weight, bias)",
            "def logits(x, weight, bias): return torch.einsum('nchw,kc->nkhw', x, weight).mean((-1, -2)) + bias",
            """
def logits(x, weight, bias):
    pooled = F.avg_pool2d(x, x.shape[-2:]).view(x.shape[0], -1)
    return torch.addmm(bias, pooled, weight.t())
""",
        ],
        "wrong": [
            ("a fixed window", "def logits(x, weight, bias): return F.linear(F.avg_pool2d(x, 7).flatten(1), weight, bias)"),
            ("squeezed", "def logits(x, weight, bias): return x.mean((2, 3)).squeeze() @ weight.T + bias"),
            ("view for transpose", """
def logits(x, weight, bias): return x.mean((2, 3)) @ weight.view(weight.shape[1], weight.shape[0]) + bias
"""),
            ("the first 7 x 7 window alone", "def logits(x, weight, bias): return x[:, :, :7, :7].mean((2, 3)) @ weight.T + bias"),
            ("the maximum", "def logits(x, weight, bias): return x.amax((2, 3)) @ weight.T + bias"),
        ],
    },
}  # fmt: skip
