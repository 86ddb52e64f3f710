"""Writes convlstm.json: what PyTorch computes for a tiny model of clips, as an oracle for this
package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

The file holds a config.json, weights under their names and in their order of dimensions in
safetensors files, clips (T, B, H, W) with their condition and the number of frames given, digits
with classes and noise, the logits of the frames that follow and of the digits, the loss of both,
the gradient of every weight and of the clips, and the losses of ten AdamW steps. Weights are
float32, everything is computed in float64. The reference is written from Shi et al. 2015,
equation 3 without peepholes, and Kingma & Welling 2013, appendices B and C.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
CONFIG = {"model_type": "convlstm", "image_size": [4, 6], "patch_size": 2, "hidden_sizes": [3, 5], "kernel_size": 3,
          "classes": ["round", "square", "neither"], "digit_size": [3, 2], "drawer_hidden_size": 7, "latent_size": 2,
          "context_frames": 2, "num_frames": 5}
T, B, GIVEN, DIGITS = 5, 2, 2, 4


def patches(x):
    """(B, H, W) to (B, P, h, w)"""
    return F.pixel_unshuffle(x[:, None], CONFIG["patch_size"])


def frames(x):
    return F.pixel_shuffle(x, CONFIG["patch_size"])[:, 0]


def rollout(w, clip, classes, directions):
    told = w["class.weight"][classes] + directions @ w["direction.weight"].T
    h = [torch.zeros(B, c, 2, 3, dtype=torch.float64) for c in CONFIG["hidden_sizes"]]
    c = [torch.zeros_like(x) for x in h]
    logits = []
    for t in range(T - 1):
        x = patches(clip[t]) if t < GIVEN else torch.sigmoid(logits[-1])
        x = F.conv2d(x, w["stem.weight"], w["stem.bias"]) + told[:, :, None, None]
        for i in range(len(h)):
            n = f"layers.{i}."
            a, f, g, o = F.conv2d(torch.cat([x, h[i]], 1), w[n + "weight"], w[n + "bias"], padding=1).chunk(4, 1)
            c[i] = f.sigmoid() * c[i] + a.sigmoid() * g.tanh()
            x = h[i] = o.sigmoid() * c[i].tanh()
        logits.append(F.conv2d(torch.cat(h, 1), w["head.weight"], w["head.bias"]))
    return torch.stack([frames(x) for x in logits])


def linear(w, n, x):
    return F.linear(x, w[n + ".weight"], w[n + ".bias"])


def draw(w, z, classes):
    return linear(w, "drawer.out", (linear(w, "drawer.write", z) + w["drawer.write_class.weight"][classes]).relu())


def draw_loss(w, x, classes, noise):
    mean, log_var = linear(w, "drawer.moments", (linear(w, "drawer.read", x) + w["drawer.read_class.weight"][classes]).relu()).chunk(2, 1)
    p = torch.distributions.Normal(mean, (log_var / 2).exp())
    kl = torch.distributions.kl_divergence(p, torch.distributions.Normal(0.0, 1.0)).sum()
    bce = F.binary_cross_entropy_with_logits(draw(w, mean + noise * p.stddev, classes), x, reduction="sum")
    return (bce + kl) / x.numel()


def shapes():
    C0, P, D = CONFIG["hidden_sizes"][0], CONFIG["patch_size"] ** 2, CONFIG["digit_size"][0] * CONFIG["digit_size"][1]
    K, H, Z = len(CONFIG["classes"]), CONFIG["drawer_hidden_size"], CONFIG["latent_size"]
    yield "class.weight", (K + 1, C0)
    yield "direction.weight", (C0, 2)
    yield "stem.weight", (C0, P, 1, 1)
    yield "stem.bias", (C0,)
    inn = C0
    for i, c in enumerate(CONFIG["hidden_sizes"]):
        yield f"layers.{i}.weight", (4 * c, inn + c, 3, 3)
        yield f"layers.{i}.bias", (4 * c,)
        inn = c
    yield "head.weight", (P, sum(CONFIG["hidden_sizes"]), 1, 1)
    yield "head.bias", (P,)
    for n, out, inn in ("read", H, D), ("moments", 2 * Z, H), ("write", H, Z), ("out", D, H):
        yield f"drawer.{n}.weight", (out, inn)
        yield f"drawer.{n}.bias", (out,)
    yield "drawer.read_class.weight", (K, H)
    yield "drawer.write_class.weight", (K, H)


def decays(name):
    """Weight decay is for matrices and filters alone."""
    return name.endswith("weight") and "class" not in name


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def main():
    torch.manual_seed(3)
    w = {n: (torch.randn(s) * 0.4).float().double().requires_grad_() for n, s in shapes()}
    first = {n: x.detach().clone() for n, x in w.items()}
    clip = torch.rand(T, B, *CONFIG["image_size"]).float().double().requires_grad_()
    classes, directions = torch.tensor([1, 3]), torch.tensor([[0.6, -0.8], [0.0, 0.0]]).float().double()
    digits, of = torch.rand(DIGITS, 6).float().double(), torch.tensor([2, 0, 1, 1])
    noise = torch.randn(DIGITS, 2).float().double()

    def losses():
        logits = rollout(w, clip, classes, directions)
        return logits, F.binary_cross_entropy_with_logits(logits, clip[1:]), draw_loss(w, digits, of, noise)

    logits, loss, drawn = losses()
    (loss + drawn).backward()
    result = {
        "config": CONFIG, "given": GIVEN, "frames": T, "clips": b64(clip), "classes": classes.tolist(), "directions": b64(directions),
        "digits": b64(digits), "of": of.tolist(), "noise": b64(noise),
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "logits": b64(logits), "drawn": b64(draw(w, noise, of)), "loss": loss.item(), "draw_loss": drawn.item(),
        "grads": {n: b64(x.grad) for n, x in w.items()}, "dclips": b64(clip.grad), "adamw": ADAMW, "losses": [],
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(10):
        optimizer.zero_grad()
        _, loss, drawn = losses()
        (loss + drawn).backward()
        optimizer.step()
        result["losses"].append((loss + drawn).item())
    path = pathlib.Path(__file__).parent / "convlstm.json"
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n")


main()
