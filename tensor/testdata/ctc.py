"""Writes ctc.json: what PyTorch's F.ctc_loss says of sequences of several lengths, as an
oracle for the package's CTC. Run it with any PyTorch from 1.13 on:

    python3 ctc.py

Logits hold the sequences end to end; a case's weights multiply their losses. Everything is
computed in float64 from float32 numbers. PyTorch's gradient is that of the logits through
log_softmax. Infinity is null.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F


def case(seed, classes, blank, sequences, zero, spread=1.5):
    """sequences are pairs of a number of rows and a target."""
    torch.manual_seed(seed)
    logits = [(torch.randn(rows, classes) * spread).float().double().requires_grad_() for rows, _ in sequences]
    weights = torch.rand(len(sequences)).float().double() + 0.5
    losses = []
    for x, (rows, target) in zip(logits, sequences):
        losses.append(F.ctc_loss(
            F.log_softmax(x, -1)[:, None], torch.tensor([target], dtype=torch.long).view(1, -1), torch.tensor([rows]),
            torch.tensor([len(target)]), blank=blank, reduction="none", zero_infinity=zero)[0])
    finite = [l * w for l, w in zip(losses, weights) if math.isfinite(l)]
    sum(finite).backward()
    flat = lambda t: [float("%.9g" % v) for v in t.flatten().tolist()]
    return {
        "classes": classes, "blank": blank, "zero_infinity": zero,
        "rows": [rows for rows, _ in sequences], "targets": [target for _, target in sequences],
        "weights": flat(weights.detach()),
        "logits": [v for x in logits for v in flat(x.detach())],
        "losses": [float("%.9g" % l) if math.isfinite(l) else None for l in losses],
        # of an infinite loss there is none
        "gradients": [v for x, l in zip(logits, losses) for v in (flat(x.grad) if x.grad is not None else [0.0] * x.numel())],
    }


cases = {
    "several lengths": case(1, 6, 0, [(9, [1, 2, 3]), (4, [5]), (12, [4, 1, 2, 5, 3, 1]), (1, [2]), (7, [3, 5])], False),
    "repeats": case(2, 4, 0, [(8, [1, 1, 1]), (9, [2, 2, 3, 3]), (5, [1, 1, 1]), (6, [3, 2, 3, 2])], False),
    "empty": case(3, 5, 0, [(6, []), (1, []), (4, [2])], False),
    "last class blank": case(4, 5, 4, [(7, [0, 1, 0]), (5, [3, 3]), (3, [2])], False),
    "too short": case(5, 4, 0, [(2, [1, 2, 3]), (3, [1, 1]), (2, [1, 1]), (5, [3, 1])], False),
    "too short, zero infinity": case(5, 4, 0, [(2, [1, 2, 3]), (3, [1, 1]), (2, [1, 1]), (5, [3, 1])], True),
    "long and sure": case(6, 12, 0, [(60, [i % 11 + 1 for i in range(0, 75, 3)]), (40, [7] * 15)], False, spread=12),
}
path = pathlib.Path(__file__).with_name("ctc.json")
path.write_text(json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")) + "\n")
