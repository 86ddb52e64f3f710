"""Writes non-saturating.json, wasserstein.json and plain.json: what PyTorch computes for tiny
GANs of images, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under their names and in their order of dimensions in
safetensors files, a batch (images (B, H, W, C), classes, noise, the places between real and
generated images), the generated images with the norms of training and those after it, both
losses of one turn with the gradients of every weight, the running averages after it, and the
losses of five turns of Adam. Weights are float32, everything is computed in float64. The
gradient penalty goes through double backward. plain.json has no classes.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

ADAM = dict(lr=1e-2, b1=0.5, b2=0.9, eps=1e-8)
WEIGHT = 10.0
B = 5

CONFIG = {"model_type": "gan", "image_size": [4, 8], "num_channels": 2, "hidden_sizes": [3, 4], "latent_size": 6,
          "class_embed_size": 2, "class_names": ["round", "square", "neither"], "discriminator_norm": True}


def batch_norm(w, running, x, name, training):
    return F.batch_norm(x, running[name + ".running_mean"], running[name + ".running_var"], w[name + ".weight"], w[name + ".bias"], training)


def generator(c, w, running, z, labels, training):
    h, ww = (n >> len(c["hidden_sizes"]) for n in c["image_size"])
    if labels is not None:
        z = torch.cat([z, w["generator.class_embed.weight"][labels]], 1)
    x = (z @ w["generator.start.weight"].T).view(len(z), h, ww, -1).permute(0, 3, 1, 2)
    x = batch_norm(w, running, x, "generator.norm", training).relu()
    for i in range(len(c["hidden_sizes"]) - 1):
        s = f"generator.layers.{i}."
        x = F.conv_transpose2d(x, w[s + "conv.weight"], stride=2, padding=1)
        x = batch_norm(w, running, x, s + "norm", training).relu()
    return F.conv_transpose2d(x, w["generator.out.weight"], w["generator.out.bias"], stride=2, padding=1).sigmoid()


def discriminator(c, w, running, x, labels):
    x = 2 * x - 1
    for i in range(len(c["hidden_sizes"])):
        s = f"discriminator.layers.{i}."
        x = F.conv2d(x, w[s + "conv.weight"], w.get(s + "conv.bias"), stride=2, padding=1)
        if s + "norm.weight" in w:
            x = batch_norm(w, running, x, s + "norm", True)
        x = F.leaky_relu(x, 0.2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    y = (x @ w["discriminator.score.weight"].T + w["discriminator.score.bias"])[:, 0]
    return y if labels is None else y + (x * w["discriminator.class_embed.weight"][labels]).sum(1)


def penalty(c, w, running, real, fake, mix, labels):
    x = (mix * real + (1 - mix) * fake.detach()).requires_grad_()
    g, = torch.autograd.grad(discriminator(c, w, running, x, labels).sum(), x, create_graph=True)
    norms = g.flatten(1).norm(dim=1)
    return WEIGHT * ((norms - 1) ** 2).mean()


def shapes(c, labelled):
    h, w = (n >> len(c["hidden_sizes"]) for n in c["image_size"])
    W, E = c["hidden_sizes"], c["class_embed_size"] if labelled else 0

    def norm(n, width):
        for p in ("weight", "bias", "running_mean", "running_var"):
            yield f"{n}.{p}", (width,)

    if labelled:
        yield "generator.class_embed.weight", (3, E)
        yield "discriminator.class_embed.weight", (3, h * w * W[-1])
    yield "generator.start.weight", (h * w * W[-1], c["latent_size"] + E)
    yield from norm("generator.norm", W[-1])
    for i, (a, b) in enumerate(zip(W[:0:-1], W[-2::-1])):
        yield f"generator.layers.{i}.conv.weight", (a, b, 4, 4)
        yield from norm(f"generator.layers.{i}.norm", b)
    yield "generator.out.weight", (W[0], c["num_channels"], 4, 4)
    yield "generator.out.bias", (c["num_channels"],)
    for i, (a, b) in enumerate(zip([c["num_channels"]] + W, W)):
        yield f"discriminator.layers.{i}.conv.weight", (b, a, 4, 4)
        if i == 0 or not c["discriminator_norm"]:
            yield f"discriminator.layers.{i}.conv.bias", (b,)
        else:
            yield from norm(f"discriminator.layers.{i}.norm", b)
    yield "discriminator.score.weight", (1, h * w * W[-1])
    yield "discriminator.score.bias", (1,)


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(name, c, labelled, seed):
    torch.manual_seed(seed)
    w, running = {}, {}
    for n, shape in shapes(c, labelled):
        x = (torch.randn(shape) * 0.3).double()
        if "running" in n:
            running[n] = (x.abs() + 0.5).float().double()
            continue
        if "norm" in n and n.endswith("weight"):
            x = x + 1
        w[n] = x.float().double().requires_grad_()
    first = {n: x.clone() for n, x in {**w, **running}.items()}
    real = torch.rand(B, *c["image_size"], c["num_channels"]).float().double().permute(0, 3, 1, 2)
    labels = torch.randint(3, (B,)) if labelled else None
    z, mix = torch.randn(B, c["latent_size"]).float().double(), torch.rand(B).float().double()

    def d_loss():
        fake = generator(c, w, running, z, labels, True).detach()
        on_real, on_fake = (discriminator(c, w, running, x, labels) for x in (real, fake))
        if name != "wasserstein":
            return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        return on_fake.mean() - on_real.mean() + penalty(c, w, running, real, fake, mix.view(-1, 1, 1, 1), labels)

    def g_loss():
        y = discriminator(c, w, running, generator(c, w, running, z, labels, True), labels)
        return -y.mean() if name == "wasserstein" else F.softplus(-y).mean()

    halves = [[x for n, x in w.items() if n.startswith(half)] for half in ("discriminator", "generator")]
    names = [[n for n in w if n.startswith(half)] for half in ("discriminator", "generator")]
    copy = {n: x.clone() for n, x in running.items()}
    after = generator(c, w, copy, z, labels, False)
    fake = generator(c, w, copy, z, labels, True)
    grads, values = {}, []
    for loss, half, n in zip((d_loss, g_loss), halves, names):
        value = loss()
        values.append(value.item())
        grads.update(zip(n, torch.autograd.grad(value, half)))
    result = {
        "config": c, "images": b64(real.permute(0, 2, 3, 1)), "classes": labels.tolist() if labelled else None, "noise": b64(z), "mix": b64(mix),
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "fake": b64(fake.permute(0, 2, 3, 1)), "after": b64(after.permute(0, 2, 3, 1)), "values": values, "grads": {n: b64(x) for n, x in grads.items()},
        "running": {n: b64(x) for n, x in running.items()}, "adam": ADAM, "losses": [],
    }
    optimizers = [torch.optim.Adam(half, lr=ADAM["lr"], betas=(ADAM["b1"], ADAM["b2"]), eps=ADAM["eps"]) for half in halves]
    for _ in range(5):
        for loss, o in zip((d_loss, g_loss), optimizers):
            for other in optimizers:
                other.zero_grad()
            value = loss()
            value.backward()
            o.step()
            result["losses"].append(value.item())
    return result


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    plain = {n: x for n, x in CONFIG.items() if not n.startswith("class")} | {"class_embed_size": 0}
    for name, c, labelled, seed in (("non-saturating", CONFIG, True, 1), ("wasserstein", CONFIG | {"discriminator_norm": False}, True, 2),
                                    ("plain", plain, False, 3)):
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(name, c, labelled, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
