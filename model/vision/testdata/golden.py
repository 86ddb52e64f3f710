"""Writes cnn.json and vit.json: what PyTorch computes for tiny classifiers of images, as
an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under their names and in their order of
dimensions in safetensors files, images (B, H, W, C) with their classes, the logits with
the norms of training and those after it, the loss, the gradient of every weight and of
the images, the running averages after that one step, and the losses of ten AdamW steps. Weights are
float32, everything is computed in float64. The references are written from the
papers: Simonyan & Zisserman 2014 with batch normalisation, Dosovitskiy et al. 2020.
"""

import base64
import json
import math
import pathlib

import torch
import torch.nn.functional as F

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
LABELS = {"id2label": {"0": "round", "1": "square", "2": "neither"}}

CNN = {"model_type": "cnn", "image_size": [6, 5], "num_channels": 2, "hidden_sizes": [3, 4], "hidden_dropout_prob": 0.0,
       "image_mean": 0.4, "image_std": 0.5, **LABELS}
VIT = {"model_type": "vit", "image_size": [4, 6], "patch_size": 2, "num_channels": 2, "hidden_size": 8, "num_hidden_layers": 2,
       "num_attention_heads": 2, "intermediate_size": 12, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "initializer_range": 0.02,
       "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, **LABELS}


def cnn(c, w, running, x, training):
    x = (x - c["image_mean"]) / c["image_std"]
    for i in range(len(c["hidden_sizes"])):
        s = f"stages.{i}."
        x = F.conv2d(x, w[s + "conv.weight"], padding=1)
        x = F.batch_norm(x, running[s + "norm.running_mean"], running[s + "norm.running_var"], w[s + "norm.weight"], w[s + "norm.bias"], training)
        x = F.max_pool2d(x.relu(), 2)
    return x.mean((2, 3)) @ w["classifier.weight"].T + w["classifier.bias"]


def cnn_shapes(c):
    width = c["num_channels"]
    for i, out in enumerate(c["hidden_sizes"]):
        s = f"stages.{i}."
        yield s + "conv.weight", (out, width, 3, 3)
        for n in ("weight", "bias", "running_mean", "running_var"):
            yield s + "norm." + n, (out,)
        width = out
    yield "classifier.weight", (3, width)
    yield "classifier.bias", (3,)


def vit(c, w, running, x, training):
    C, H, p = c["hidden_size"], c["num_attention_heads"], c["patch_size"]
    linear = lambda x, n: x @ w[n + ".weight"].T + w[n + ".bias"]
    norm = lambda x, n: F.layer_norm(x, (C,), w[n + ".weight"], w[n + ".bias"], c["layer_norm_eps"])
    e = "vit.embeddings."
    x = F.conv2d(2 * x - 1, w[e + "patch_embeddings.projection.weight"], w[e + "patch_embeddings.projection.bias"], stride=p)
    x = x.flatten(2).transpose(1, 2)
    B = len(x)
    x = torch.cat([w[e + "cls_token"].expand(B, 1, C), x], 1) + w[e + "position_embeddings"]
    for i in range(c["num_hidden_layers"]):
        b = f"vit.encoder.layer.{i}."
        y = norm(x, b + "layernorm_before")
        q, k, v = (linear(y, b + "attention.attention." + n).view(B, -1, H, C // H).transpose(1, 2) for n in ("query", "key", "value"))
        y = (q @ k.transpose(-2, -1) / math.sqrt(C // H)).softmax(-1) @ v
        x = x + linear(y.transpose(1, 2).reshape(B, -1, C), b + "attention.output.dense")
        h = linear(norm(x, b + "layernorm_after"), b + "intermediate.dense")
        x = x + linear(0.5 * h * (1 + torch.erf(h / math.sqrt(2))), b + "output.dense")
    return linear(norm(x, "vit.layernorm")[:, 0], "classifier")


def vit_shapes(c):
    C, p = c["hidden_size"], c["patch_size"]
    patches = c["image_size"][0] // p * (c["image_size"][1] // p)

    def dense(n, out, inn):
        yield n + ".weight", (out, inn)
        yield n + ".bias", (out,)

    def norm(n):
        yield n + ".weight", (C,)
        yield n + ".bias", (C,)

    yield "vit.embeddings.cls_token", (1, 1, C)
    yield "vit.embeddings.position_embeddings", (1, 1 + patches, C)
    yield "vit.embeddings.patch_embeddings.projection.weight", (C, c["num_channels"], p, p)
    yield "vit.embeddings.patch_embeddings.projection.bias", (C,)
    for i in range(c["num_hidden_layers"]):
        b = f"vit.encoder.layer.{i}."
        yield from norm(b + "layernorm_before")
        for n in ("attention.attention.query", "attention.attention.key", "attention.attention.value", "attention.output.dense"):
            yield from dense(b + n, C, C)
        yield from norm(b + "layernorm_after")
        yield from dense(b + "intermediate.dense", c["intermediate_size"], C)
        yield from dense(b + "output.dense", C, c["intermediate_size"])
    yield from norm("vit.layernorm")
    yield from dense("classifier", 3, C)


def decays(name):
    """Weight decay is for matrices and filters alone."""
    return name.endswith("weight") and "norm" not in name


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(c, forward, shapes, seed):
    torch.manual_seed(seed)
    w, running = {}, {}
    for name, shape in shapes(c):
        x = (torch.randn(shape) * 0.3).double()
        if "running" in name:
            running[name] = x.abs() + 0.5
            continue
        if "norm" in name and name.endswith("weight"):
            x = x + 1
        w[name] = x.float().double().requires_grad_()
    running = {n: x.float().double() for n, x in running.items()}
    first = {n: x.clone() for n, x in {**w, **running}.items()}
    images = torch.rand(5, *c["image_size"], c["num_channels"]).float().double().requires_grad_()
    targets = torch.randint(3, (5,))
    pixels = lambda: images.permute(0, 3, 1, 2)
    after = forward(c, w, {n: x.clone() for n, x in running.items()}, pixels(), False)
    logits = forward(c, w, running, pixels(), True)
    value = F.cross_entropy(logits, targets)
    value.backward()
    result = {
        "config": c, "images": b64(images), "targets": targets.tolist(),
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "logits": b64(logits), "after": b64(after), "loss": value.item(), "grads": {n: b64(x.grad) for n, x in w.items()},
        "dimages": b64(images.grad), "running": {n: b64(x) for n, x in running.items()}, "adamw": ADAMW, "losses": [],
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(10):
        optimizer.zero_grad()
        value = F.cross_entropy(forward(c, w, running, pixels(), True), targets)
        value.backward()
        optimizer.step()
        result["losses"].append(value.item())
    return result


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name, c, forward, shapes, seed in (("cnn", CNN, cnn, cnn_shapes, 1), ("vit", VIT, vit, vit_shapes, 2)):
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(c, forward, shapes, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
