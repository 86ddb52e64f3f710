"""Writes optimizers.json: ten steps of PyTorch's optimizers on given gradients.

Two tensors, (3, 4) and (5), get gradients that do not depend on the weights, so
that one wrong step cannot hide in the next. Written with torch 1.13.0:

    python3 optimizers.py > optimizers.json
"""

import json

import torch

torch.manual_seed(7)
STEPS = 10
weights = [torch.randn(3, 4), torch.randn(5)]
gradients = [[torch.randn(3, 4), torch.randn(5)] for _ in range(STEPS)]

CASES = [
    ("sgd", "SGD", dict(lr=0.1)),
    ("sgd decay", "SGD", dict(lr=0.1, weight_decay=0.05)),
    ("sgd momentum", "SGD", dict(lr=0.1, momentum=0.9)),
    ("sgd momentum decay", "SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.05)),
    ("sgd nesterov", "SGD", dict(lr=0.1, momentum=0.9, nesterov=True)),
    ("adam", "Adam", dict(lr=0.01)),
    ("adam decay", "Adam", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    ("adamw", "AdamW", dict(lr=0.01, weight_decay=0.0)),
    ("adamw decay", "AdamW", dict(lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)),
    ("adagrad", "Adagrad", dict(lr=0.1)),
    ("adagrad decay", "Adagrad", dict(lr=0.1, weight_decay=0.05, eps=1e-8)),
    ("rmsprop", "RMSprop", dict(lr=0.01)),
    ("rmsprop momentum", "RMSprop", dict(lr=0.01, momentum=0.9, alpha=0.95)),
    ("rmsprop decay", "RMSprop", dict(lr=0.01, weight_decay=0.05)),
]


def numbers(tensors):
    return [[float(x) for x in t.detach().flatten()] for t in tensors]


def run(name, options):
    params = [torch.nn.Parameter(w.clone()) for w in weights]
    optimizer = getattr(torch.optim, name)(params, **options)
    trace = []
    for step in gradients:
        for p, g in zip(params, step):
            p.grad = g.clone()
        optimizer.step()
        trace.append(numbers(params))
    return trace


print(json.dumps({
    "torch": torch.__version__,
    "shapes": [list(w.shape) for w in weights],
    "weights": numbers(weights),
    "gradients": [numbers(g) for g in gradients],
    "cases": [{"name": label, "rule": name, "options": options, "trace": run(name, options)}
              for label, name, options in CASES],
}, separators=(",", ":")))
