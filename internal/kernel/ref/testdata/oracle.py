"""Numbers of PyTorch for the oracle's own test: python3 oracle.py > oracle.json

Each case is a list of named float lists, row by row. Everything is computed in
float64, so the oracle (float64 inside, float32 outside) must agree to float32's
last place.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
cases = {}


def r(*shape):
    return torch.randn(*shape).float().double()  # numbers that float32 holds


def case(name, **tensors):
    cases[name] = {k: [float("%.9g" % v) for v in t.detach().flatten().tolist()] for k, t in tensors.items()}


def graded(name, f, dy=None, **inputs):
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = f(**leaves)
    dy = r(*y.shape) if dy is None else dy
    y.backward(dy)
    case(name, y=y, dy=dy, **inputs, **{"d" + k: v.grad for k, v in leaves.items()})


x = torch.linspace(-4, 4, 33) + 0.013
positive = torch.linspace(0.05, 6, 33)
unary = {
    "Neg": (torch.neg, x), "Abs": (torch.abs, x), "Exp": (torch.exp, x), "Log": (torch.log, positive),
    "Sqrt": (torch.sqrt, positive), "Rsqrt": (torch.rsqrt, positive), "Reciprocal": (torch.reciprocal, x),
    "Square": (torch.square, x), "Sin": (torch.sin, x), "Cos": (torch.cos, x), "Tanh": (torch.tanh, x),
    "Sigmoid": (torch.sigmoid, x), "Softplus": (F.softplus, x), "Erf": (torch.erf, x), "ReLU": (F.relu, x),
    "LeakyReLU": (lambda x: F.leaky_relu(x, 0.1), x), "ELU": (lambda x: F.elu(x, 1.5), x),
    "GELU": (lambda x: F.gelu(x, approximate="tanh"), x), "GELUErf": (F.gelu, x), "SiLU": (F.silu, x),
    "AddScalar": (lambda x: x + 1.5, x), "MulScalar": (lambda x: x * 1.5, x), "PowScalar": (lambda x: x ** 1.5, positive),
    "Clip": (lambda x: x.clamp(-1.5, 1.5), x),
}
for name, (f, at) in unary.items():
    graded("Unary" + name, lambda x: f(x), x=at.float().double())

graded("Softmax", lambda x: F.softmax(x, -1), x=r(3, 7))
graded("LogSoftmax", lambda x: F.log_softmax(x, -1), x=r(3, 7))
graded("LayerNorm", lambda x, w, b: F.layer_norm(x, (9,), w, b, 1e-3), x=r(4, 9), w=r(9), b=r(9))
graded("RMSNorm", lambda x, w: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-3) * w, x=r(4, 9), w=r(9))

targets = torch.tensor([2, 0, 5, 1])
for smoothing in (0.0, 0.25):
    graded("CrossEntropy%g" % smoothing,
           lambda x: F.cross_entropy(x, targets, ignore_index=0, reduction="none", label_smoothing=smoothing),
           dy=torch.tensor([1.0, 1.0, 0.5, 2.0]), x=r(4, 6))


def attention(q, k, v, cap=0.0, window=0):
    """Four heads of queries on two of keys, 5 tokens, 3 channels, causal."""
    T, H, G, D = 5, 4, 2, 3
    q, k, v = q.view(T, H, D), k.view(T, G, D), v.view(T, G, D)
    k, v = (t.repeat_interleave(H // G, 1) for t in (k, v))
    s = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(D)
    if cap:
        s = cap * torch.tanh(s / cap)
    i, j = torch.arange(T)[:, None], torch.arange(T)[None]
    mask = j <= i
    if window:
        mask = mask & (i - j < window)
    p = F.softmax(s.masked_fill(~mask, -math.inf), -1)
    return torch.einsum("hij,jhd->ihd", p, v).reshape(T, H * D)


for name, extra in {"Attention": {}, "AttentionCap": {"cap": 1.5}, "AttentionWindow": {"window": 2}}.items():
    graded(name, lambda q, k, v: attention(q, k, v, **extra), q=r(5, 12), k=r(5, 6), v=r(5, 6))

graded("CausalConv", lambda x, w: F.conv1d(F.pad(x.T[None], (2, 0)), w.flip(0).T[:, None], groups=4)[0].T, x=r(6, 4), w=r(3, 4))

rules = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.2),
    "SGDMomentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.875, weight_decay=0.2),
    "SGDNesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.875, nesterov=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.875, 0.9375), eps=1e-3, weight_decay=0.2),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.875, 0.9375), eps=1e-3, weight_decay=0.2),
    "AdaGrad": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-3, weight_decay=0.2),
    "RMSProp": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9375, eps=1e-3, weight_decay=0.2),
    "RMSPropMomentum": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9375, eps=1e-3, momentum=0.875),
}
for name, make in rules.items():
    start, grads = r(5), [r(5) for _ in range(3)]
    w = start.clone().requires_grad_()
    optimizer = make([w])
    for g in grads:
        w.grad = g.clone()
        optimizer.step()
    case("Update" + name, start=start, grads=torch.stack(grads), w=w)

json.dump({"torch": torch.__version__, "cases": cases}, sys.stdout, separators=(",", ":"))
print()
