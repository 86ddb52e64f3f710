"""Writes style.json: what PyTorch computes for style transfer through a tiny CNN, as an oracle
for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

The file holds a config.json and weights of a CNN with their order of dimensions in safetensors
files, a content, a style of another size and a picture (H, W, C), both losses of the picture
(relative errors of one layer's map, and of all layers' Gram matrices), the gradient of
content + 10·style by the picture, and the losses before each of six steps of Adam that start
from the content, pixels brought back to 0 and 1 after each. Weights are float32, everything is
computed in float64. The reference is written from Gatys et al. 2016, equations 1 to 7.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

CONFIG = {"model_type": "cnn", "image_size": [8, 8], "num_channels": 2, "hidden_sizes": [3, 4], "hidden_dropout_prob": 0.0,
          "image_mean": 0.4, "image_std": 0.5, "id2label": {"0": "round", "1": "square"}}
LAYER = 1  # of 1 and 2
ALPHA, BETA, LR, STEPS = 1.0, 10.0, 0.02, 6


def maps(w, x):
    """What each layer sees of a picture (H, W, C), as (N, M)."""
    x = (x.permute(2, 0, 1)[None] - CONFIG["image_mean"]) / CONFIG["image_std"]
    seen = []
    for i in range(2):
        s = f"stages.{i}."
        n = s + "norm."
        x = F.conv2d(x, w[s + "conv.weight"], padding=1)
        x = F.batch_norm(x, w[n + "running_mean"], w[n + "running_var"], w[n + "weight"], w[n + "bias"], False).relu()
        seen.append(x[0].flatten(1))
        x = F.max_pool2d(x, 2)
    return seen


def grams(seen):
    return [f @ f.T / f.shape[1] for f in seen]


def losses(w, x, content, style):
    seen = maps(w, x)
    p = maps(w, content)[LAYER - 1]
    l_content = ((seen[LAYER - 1] - p) ** 2).sum() / (p ** 2).sum()
    pairs = list(zip(grams(seen), grams(maps(w, style))))
    return l_content, sum(((g - a) ** 2).sum() / (a ** 2).sum() for g, a in pairs) / len(pairs)


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


if __name__ == "__main__":
    torch.manual_seed(1)
    w, width = {}, CONFIG["num_channels"]
    for i, out in enumerate(CONFIG["hidden_sizes"]):
        w[f"stages.{i}.conv.weight"] = torch.randn(out, width, 3, 3) * 0.3
        for n, shift in (("weight", 1), ("bias", 0), ("running_mean", 0)):
            w[f"stages.{i}.norm.{n}"] = torch.randn(out) * 0.3 + shift
        w[f"stages.{i}.norm.running_var"] = torch.rand(out) + 0.5
        width = out
    w["classifier.weight"], w["classifier.bias"] = torch.randn(2, width), torch.zeros(2)
    w = {n: x.float().double() for n, x in w.items()}
    content, picture = (torch.rand(6, 10, 2).float().double() for _ in range(2))
    style = torch.rand(7, 5, 2).float().double()
    x = picture.clone().requires_grad_()
    l = losses(w, x, content, style)
    (ALPHA * l[0] + BETA * l[1]).backward()
    result = {
        "config": CONFIG, "shapes": {n: list(t.shape) for n, t in w.items()}, "weights": {n: b64(t) for n, t in w.items()},
        "content": b64(content), "style": b64(style), "picture": b64(picture),
        "losses": [v.item() for v in l], "grad": b64(x.grad), "steps": [],
    }
    x = content.clone().requires_grad_()
    adam = torch.optim.Adam([x], lr=LR)
    for _ in range(STEPS):
        adam.zero_grad()
        l = losses(w, x, content, style)
        result["steps"].append([v.item() for v in l])
        (ALPHA * l[0] + BETA * l[1]).backward()
        adam.step()
        x.data.clamp_(0, 1)
    result["last"] = b64(x)
    path = pathlib.Path(__file__).parent / "style.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path.name, path.stat().st_size, "bytes")
