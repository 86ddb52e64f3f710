"""Writes caption.json: what PyTorch computes for a tiny model that captions pictures, as an oracle for
this package. Run it with any PyTorch from 1.13 on, beside golden.py:

    python3 caption.py

The file holds a config.json, weights, two pictures with a caption each, the logits with the norms
of training and those after it, the loss, the gradient of every weight and the losses of six AdamW
steps. The decoder is PyTorch's own torch.nn.TransformerDecoder.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

from golden import b64, module, positions, transformer_shapes

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.98, eps=1e-9, decay=0.1)
CONFIG = {"model_type": "caption", "image_size": [6, 5], "hidden_sizes": [2, 3], "languages": ["en", "zh"], "characters": "ab 七",
          "max_position_embeddings": 8, "d_model": 4, "decoder_layers": 2, "attention_heads": 2, "dropout": 0.0}
CAPTIONS = [(0, "a b"), (1, "七")]
TEXT = {"vocab_size": 7, "d_model": 4, "ffn_dim": 16, "encoder_layers": 1, "decoder_layers": 2, "attention_heads": 2}


def shapes():
    width, h, w = 1, *CONFIG["image_size"]
    for i, out in enumerate(CONFIG["hidden_sizes"]):
        s = f"picture.stages.{i}."
        yield s + "conv.weight", (out, width, 3, 3)
        for n in ("weight", "bias", "running_mean", "running_var"):
            yield s + "norm." + n, (out,)
        width, h, w = out, h // 2, w // 2
    yield "picture.bridge.weight", (4, width)
    yield "picture.bridge.bias", (4,)
    yield "picture.places.weight", (h * w, 4)
    for name, shape in transformer_shapes(TEXT):
        if not name.startswith("encoder"):
            yield "text." + name, shape


def tokens(language, text):
    ids = [3 + CONFIG["characters"].index(c) for c in text]
    return torch.tensor([1 + language] + ids), torch.tensor(ids + [0])


def said(w, running, pictures, training):
    x = pictures[:, None]
    for i in range(len(CONFIG["hidden_sizes"])):
        s = f"picture.stages.{i}."
        x = F.conv2d(x, w[s + "conv.weight"], padding=1)
        x = F.batch_norm(x, running[s + "norm.running_mean"], running[s + "norm.running_var"], w[s + "norm.weight"], w[s + "norm.bias"], training)
        x = F.max_pool2d(x.relu(), 2)
    cells = x.flatten(2).transpose(1, 2) @ w["picture.bridge.weight"].T + w["picture.bridge.bias"] + w["picture.places.weight"]
    text = {n[5:]: x for n, x in w.items() if n.startswith("text.")}
    _, decode = module(TEXT, text)
    rows = []
    for b, caption in enumerate(CAPTIONS):
        ids, _ = tokens(*caption)
        y = (text["shared.weight"][ids] * math.sqrt(4) + positions(len(ids), 4))[:, None]
        causal = torch.full((len(ids), len(ids)), -math.inf, dtype=torch.float64).triu(1)
        rows.append(decode(y, cells[b][:, None], causal)[:, 0] @ text["shared.weight"].T)
    return torch.cat(rows)


def decays(name):
    return name.endswith("weight") and not any(n in name for n in ("norm", "places", "shared"))


if __name__ == "__main__":
    torch.manual_seed(5)
    w, running = {}, {}
    for name, shape in shapes():
        x = torch.randn(shape) * 0.4
        if "running" in name:
            running[name] = (x.abs() + 0.5).double()
            continue
        if "norm" in name and name.endswith("weight"):
            x = x + 1
        w[name] = x.double().requires_grad_()
    first = {n: x.clone() for n, x in {**w, **running}.items()}
    pictures = torch.rand(2, *CONFIG["image_size"]).double()
    targets = torch.cat([tokens(*c)[1] for c in CAPTIONS])
    after = said(w, {n: x.clone() for n, x in running.items()}, pictures, False)
    logits = said(w, running, pictures, True)
    loss = lambda z: F.cross_entropy(z, targets, label_smoothing=0.1)
    value = loss(logits)
    value.backward()
    result = {"config": CONFIG, "pictures": b64(pictures), "captions": [{"Language": l, "Text": t} for l, t in CAPTIONS],
              "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
              "logits": b64(logits), "after": b64(after), "loss": value.item(), "grads": {n: b64(x.grad) for n, x in w.items()},
              "adamw": ADAMW, "losses": []}
    optimizer = torch.optim.AdamW([{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
                                  lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(6):
        optimizer.zero_grad()
        value = loss(said(w, running, pictures, True))
        value.backward()
        optimizer.step()
        result["losses"].append(value.item())
    path = pathlib.Path(__file__).parent / "caption.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(path.name, path.stat().st_size, "bytes")
