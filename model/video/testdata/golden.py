"""Writes convlstm.json: what PyTorch computes for a tiny model of clips, as an oracle for this
package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

The file holds a config.json, weights under their names and in their order of dimensions in
safetensors files, clips (T, B, H, W) with their condition and the number of frames given, digits
with classes and noise, the logits of the frames that follow and of the digits, the loss of both,
the gradient of every weight and of the clips, and the losses of ten AdamW steps. Weights are
float32, everything is computed in float64. The reference is written from Shi et al. 2015,
equation 3 without peepholes, Finn et al. 2016, section 3.3, Gregor et al. 2015, section 3.2, and
Kingma & Welling 2013, appendices B and C.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
CONFIG = {"model_type": "convlstm", "image_size": [4, 6], "patch_size": 2, "hidden_sizes": [3, 5], "kernel_size": 3, "global_size": 4, "num_motions": 2,
          "classes": ["round", "square", "neither"], "digit_size": [3, 2], "drawer_hidden_size": 7, "latent_size": 2,
          "context_frames": 2, "num_frames": 5}
T, B, GIVEN, DIGITS = 5, 2, 2, 4


def patches(x):
    """(B, H, W) to (B, P, h, w)"""
    return F.pixel_unshuffle(x[:, None], CONFIG["patch_size"])


def frames(x):
    return F.pixel_shuffle(x, CONFIG["patch_size"])[:, 0]


def shifted(x, dy, dx, a):
    """x (H, W) moved by each whole number of rows and columns, weighted; beyond the edge is black."""
    H, W = x.shape
    weights = [torch.softmax(torch.stack([-a * (n - d) ** 2 for n in range(-size, size)]), 0) for d, size in ((dy, H), (dx, W))]
    rows = sum(p * torch.roll(F.pad(x, (0, 0, H, H)), n, 0)[H:2 * H] for p, n in zip(weights[0], range(-H, H)))
    return sum(p * torch.roll(F.pad(rows, (W, W)), n, 1)[:, W:2 * W] for p, n in zip(weights[1], range(-W, W)))


def centres(layers):
    """(B, M, H, W) to (B, M, 2)"""
    places = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in layers.shape[2:]), indexing="ij"))
    return (layers[:, :, None] * places).sum((3, 4)) / (1 + layers.sum((2, 3)))[:, :, None]


def lstm(w, n, x, h, c, padding):
    a, f, g, o = F.conv2d(torch.cat([x, h], 1), w[n + "weight"], w[n + "bias"], padding=padding).chunk(4, 1)
    c = f.sigmoid() * c + a.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def rollout(w, clip, classes, directions):
    told = w["class.weight"][classes] + directions @ w["direction.weight"].T
    M, (H, W), p = CONFIG["num_motions"], CONFIG["image_size"], CONFIG["patch_size"]
    zeros = lambda c, *places: torch.zeros(B, c, *places, dtype=torch.float64)
    h = [zeros(c, H // p, W // p) for c in CONFIG["hidden_sizes"]]
    c = [x.clone() for x in h]
    hw, cw = zeros(CONFIG["global_size"], 1, 1), zeros(CONFIG["global_size"], 1, 1)
    expected, predicted, centre = zeros(M, H, W), [], None
    for t in range(T - 1):
        frame = clip[t] if t < GIVEN else predicted[-1]
        x = torch.cat([patches(frame)] + [patches(expected[:, m]) for m in range(M)], 1)
        x = F.conv2d(x, w["stem.weight"], w["stem.bias"]) + told[:, :, None, None]
        for i in range(len(h)):
            x = h[i], c[i] = lstm(w, f"layers.{i}.", x, h[i], c[i], 1)
            x = x[0]
        seen = torch.cat(h, 1)
        if t < GIVEN:
            masks = F.conv2d(seen, w["mover.masks.weight"], w["mover.masks.bias"]).sigmoid()
            layers = torch.stack([frames(x) for x in masks.chunk(M, 1)], 1) * frame[:, None]
            moved, before, centre = torch.zeros(B, M, 2, dtype=torch.float64), centre, centres(layers)
            step = torch.zeros(B, M, 2, dtype=torch.float64) if before is None else centre - before
        x = torch.cat([seen.mean((2, 3)), centre.reshape(B, -1) / p, step.reshape(B, -1)], 1)
        hw, cw = lstm(w, "mover.whole.", x[:, :, None, None], hw, cw, 0)
        motions = linear(w, "mover.motion", hw[:, :, 0, 0]).reshape(B, M, 3)
        step = motions[:, :, :2]
        moved, centre = moved + step, centre + step
        expected = torch.stack([torch.stack([shifted(layers[b, m], *moved[b, m], (motions[b, m, 2] - 2).exp()) for m in range(M)]) for b in range(B)])
        predicted.append(1 - (1 - expected).prod(1))
    return torch.stack(predicted)


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
    M, G = CONFIG["num_motions"], CONFIG["global_size"]
    yield "stem.weight", (C0, (1 + M) * P, 1, 1)
    yield "stem.bias", (C0,)
    inn = C0
    for i, c in enumerate(CONFIG["hidden_sizes"]):
        yield f"layers.{i}.weight", (4 * c, inn + c, 3, 3)
        yield f"layers.{i}.bias", (4 * c,)
        inn = c
    seen = sum(CONFIG["hidden_sizes"])
    yield "mover.whole.weight", (4 * G, seen + 4 * M + G, 1, 1)
    yield "mover.whole.bias", (4 * G,)
    yield "mover.motion.weight", (3 * M, G)
    yield "mover.motion.bias", (3 * M,)
    yield "mover.masks.weight", (M * P, seen, 1, 1)
    yield "mover.masks.bias", (M * P,)
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
        predicted = rollout(w, clip, classes, directions)
        apart = (centres(predicted) - centres(clip[1:])).square().sum()
        return predicted, F.mse_loss(predicted, clip[1:]) + apart / predicted.numel(), draw_loss(w, digits, of, noise)

    predicted, loss, drawn = losses()
    (loss + drawn).backward()
    result = {
        "config": CONFIG, "given": GIVEN, "frames": T, "clips": b64(clip), "classes": classes.tolist(), "directions": b64(directions),
        "digits": b64(digits), "of": of.tolist(), "noise": b64(noise),
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "predicted": b64(predicted), "drawn": b64(draw(w, noise, of)), "loss": loss.item(), "draw_loss": drawn.item(),
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
