"""Writes sum.json … attention.json and pair.json: what PyTorch computes for tiny models that fuse
a picture, a sound and a name, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under their names and in PyTorch's order of dimensions,
examples with what each of them has, what the model says of them with the norms of training and with
those after it, the loss, the gradient of every weight, and the losses of six AdamW steps. Weights
are float32, everything is computed in float64. The references are written from the papers, example
by example: Arevalo et al. 2017 for the gated units, Vaswani et al. 2017 for the attention, van den
Oord et al. 2018 and Radford et al. 2021 for the loss of pairs.
"""

import base64
import json
import math
import pathlib

import torch
import torch.nn.functional as F

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
CHARACTERS = "abcd七"
ENCODERS = {"modalities": ["picture", "sound", "name"], "image_size": [6, 5], "sampling_rate": 8000, "num_frames": 7, "num_mel_bins": 4,
            "characters": CHARACTERS, "letter_size": 3, "hidden_sizes": [2, 3], "hidden_size": 4}
NAMES = ["ab", "七", "dcba", "x", ""]
# What each example has, as bits: picture 1, sound 2, name 4. The last name is there and empty.
PRESENT = [7, 5, 3, 2, 6]


def grid(w, running, prefix, x, training):
    """Returns the vector (B, C) and the map (B, C', h, w) of pictures (B, H, W)."""
    x = x[:, None]
    for i in range(len(ENCODERS["hidden_sizes"])):
        s = f"{prefix}.stages.{i}."
        x = F.conv2d(x, w[s + "conv.weight"], padding=1)
        x = F.batch_norm(x, running[s + "norm.running_mean"], running[s + "norm.running_var"], w[s + "norm.weight"], w[s + "norm.bias"], training)
        x = x.relu()
        if min(x.shape[2:]) > 1:
            x = F.max_pool2d(x, 2)
    flat = x.permute(0, 2, 3, 1).flatten(1)
    return (flat @ w[prefix + ".out.weight"].T + w[prefix + ".out.bias"]).relu(), x


def read(w, name):
    """Returns the vector (C) and what is known after each character (L, C)."""
    ids = [CHARACTERS.find(c) + 1 for c in name] or [0]
    C = ENCODERS["hidden_size"]
    h, all = torch.zeros(C).double(), []
    for i in ids:
        x = w["name.characters.weight"][i]
        a = w["name.rnn.weight_ih_l0"] @ x + w["name.rnn.bias_ih_l0"]
        b = w["name.rnn.weight_hh_l0"] @ h + w["name.rnn.bias_hh_l0"]
        r, z = torch.sigmoid(a[:C] + b[:C]), torch.sigmoid(a[C:2 * C] + b[C:2 * C])
        n = torch.tanh(a[2 * C:] + r * b[2 * C:])
        h = (1 - z) * n + z * h
        all.append(h)
    return (w["name.out.weight"] @ h + w["name.out.bias"]).relu(), torch.stack(all)


def dense(w, name, x):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def fuse(c, w, x, parts):
    """Fuses vectors {m: (C)} and parts {m: (rows, C)} of one example, for those m that it has."""
    way = c["fusion"]
    if way == "sum":
        return sum(x.values())
    if way == "mean":
        return sum(x.values()) / len(x)
    if way == "weighted":
        a = torch.stack([w["weights.weight"][m] for m in x]).softmax(0)
        return sum(a[i] * v for i, v in enumerate(x.values()))
    C = ENCODERS["hidden_size"]
    side = torch.cat([x.get(m, torch.zeros(C).double()) for m in range(3)])
    if way == "concat":
        return side
    if way == "gated":
        return sum(torch.sigmoid(dense(w, f"gated.{m}.gate", side)) * torch.tanh(dense(w, f"gated.{m}.value", v)) for m, v in x.items())
    seen = torch.cat([parts[m] for m in x])
    H = c["num_attention_heads"]
    k, v = (dense(w, f"cross.{n}_proj", seen).view(-1, H, C // H) for n in "kv")
    answers = []
    for y in x.values():
        q = dense(w, "cross.q_proj", y).view(H, C // H)
        p = (torch.einsum("hd,rhd->hr", q, k) / math.sqrt(C // H)).softmax(1)
        answers.append(y + dense(w, "cross.out_proj", torch.einsum("hr,rhd->hd", p, v).flatten()))
    return sum(answers) / len(answers)


def encode(w, running, pictures, sounds, training, tokens):
    """Returns vectors and parts of each example, for every modality."""
    grids = [grid(w, running, n, x, training) for n, x in (("picture", pictures), ("sound", sounds))]
    names = [read(w, n) for n in NAMES]
    vectors, parts = [], []
    for b in range(len(NAMES)):
        vectors.append({0: grids[0][0][b], 1: grids[1][0][b], 2: names[b][0]})
        parts.append({2: names[b][1]})
        for m, n in ((0, "picture"), (1, "sound")) if tokens else ():
            cells = grids[m][1][b].flatten(1).T
            parts[b][m] = dense(w, n + ".part", cells) + w[n + ".place.weight"]
    return vectors, parts


def fusion(c, w, running, pictures, sounds, training):
    vectors, parts = encode(w, running, pictures, sounds, training, c["fusion"] == "attention")
    rows = [fuse(c, w, {m: v for m, v in vectors[b].items() if PRESENT[b] >> m & 1}, parts[b]) for b in range(len(NAMES))]
    return dense(w, "classifier", torch.stack(rows))


def shapes(c):
    C, letters = ENCODERS["hidden_size"], ENCODERS["letter_size"]
    way = c.get("fusion")

    def linear(n, out, inn):
        yield n + ".weight", (out, inn)
        yield n + ".bias", (out,)

    for prefix, (h, w) in (("picture", ENCODERS["image_size"]), ("sound", (ENCODERS["num_frames"], ENCODERS["num_mel_bins"]))):
        width = 1
        for i, out in enumerate(ENCODERS["hidden_sizes"]):
            s = f"{prefix}.stages.{i}."
            yield s + "conv.weight", (out, width, 3, 3)
            for n in ("weight", "bias", "running_mean", "running_var"):
                yield s + "norm." + n, (out,)
            if min(h, w) > 1:
                h, w = h // 2, w // 2
            width = out
        yield from linear(prefix + ".out", C, h * w * width)
        if way == "attention":
            yield from linear(prefix + ".part", C, width)
            yield prefix + ".place.weight", (h * w, C)
    yield "name.characters.weight", (1 + len(CHARACTERS), letters)
    yield "name.rnn.weight_ih_l0", (3 * C, letters)
    yield "name.rnn.weight_hh_l0", (3 * C, C)
    yield "name.rnn.bias_ih_l0", (3 * C,)
    yield "name.rnn.bias_hh_l0", (3 * C,)
    yield from linear("name.out", C, C)
    if way is None:
        for m in ("picture", "sound", "name"):
            yield f"to_{m}.weight", (c["projection_size"], C)
        yield "scale.weight", (1,)
        return
    if way == "weighted":
        yield "weights.weight", (3,)
    for m in range(3) if way == "gated" else ():
        yield from linear(f"gated.{m}.value", C, C)
        yield from linear(f"gated.{m}.gate", C, 3 * C)
    for n in "qkv" if way == "attention" else ():
        yield from linear(f"cross.{n}_proj", C, C)
    if way == "attention":
        yield from linear("cross.out_proj", C, C)
    yield from linear("classifier", len(c["classes"]), 3 * C if way == "concat" else C)


def decays(name):
    """Weight decay is for matrices and filters alone."""
    return name.endswith(("weight", "weight_ih_l0", "weight_hh_l0")) and not any(n in name for n in ("norm", "place", "characters", "weights.", "scale."))


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(c, said, loss, seed):
    torch.manual_seed(seed)
    w, running = {}, {}
    for name, shape in shapes(c):
        x = torch.randn(shape) * 0.4
        if "running" in name:
            running[name] = (x.abs() + 0.5).double()
            continue
        if "norm" in name and name.endswith("weight"):
            x = x + 1
        if name.endswith("out.bias"):
            x = x.abs() + 0.5  # no vector that ReLU leaves next to nothing of: its direction would be noise
        w[name] = x.double().requires_grad_()
    first = {n: x.clone() for n, x in {**w, **running}.items()}
    B = len(NAMES)
    pictures, sounds = torch.rand(B, *ENCODERS["image_size"]).double(), torch.randn(B, ENCODERS["num_frames"], ENCODERS["num_mel_bins"]).double()
    after = said(c, w, {n: x.clone() for n, x in running.items()}, pictures, sounds, False)
    logits = said(c, w, running, pictures, sounds, True)
    value = loss(c, w, logits)
    value.backward()
    result = {
        "config": c, "pictures": b64(pictures), "sounds": b64(sounds), "names": NAMES, "present": PRESENT, "targets": TARGETS,
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "said": b64(logits), "after": b64(after), "loss": value.item(), "grads": {n: b64(x.grad) for n, x in w.items()},
        "adamw": ADAMW, "losses": [],
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(6):
        optimizer.zero_grad()
        value = loss(c, w, said(c, w, running, pictures, sounds, True))
        value.backward()
        optimizer.step()
        result["losses"].append(value.item())
    return result


TARGETS = [0, 2, 1, 2, 0]


def classes(c, w, logits):
    return F.cross_entropy(logits, torch.tensor(TARGETS))


def spaces(c, w, running, pictures, sounds, training):
    """Returns the unit vectors of every modality, (3, B, E)."""
    vectors, _ = encode(w, running, pictures, sounds, training, False)
    rows = []
    for m, n in enumerate(("picture", "sound", "name")):
        x = torch.stack([v[m] for v in vectors]) @ w[f"to_{n}.weight"].T
        rows.append(x / (x.square().sum(1, keepdim=True) + 1e-12).sqrt())
    return torch.stack(rows)


def nce(c, w, e):
    """The mean over ordered pairs of modalities of −log p(own partner | all partners of the batch)."""
    total, pairs = 0, 0
    for a in range(3):
        for b in range(3):
            if a != b:
                scores = e[a] @ e[b].T * w["scale.weight"].exp()
                total = total + F.cross_entropy(scores, torch.arange(len(scores)))
                pairs += 1
    return total / pairs


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    jobs = []
    for i, way in enumerate(("sum", "mean", "weighted", "concat", "gated", "attention")):
        c = {"model_type": "fusion", "fusion": way, "hidden_dropout_prob": 0.0, "classes": ["a", "b", "c"], **ENCODERS}
        if way == "attention":
            c["num_attention_heads"] = 2
        jobs.append((way, c, fusion, classes, i + 1))
    jobs.append(("pair", {"model_type": "contrastive", "projection_size": 3, "classes": ["a", "b", "c", "d", "e"], **ENCODERS}, spaces, nce, 9))
    for name, c, said, loss, seed in jobs:
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(c, said, loss, seed), indent=1, ensure_ascii=False) + "\n")
        print(path.name, path.stat().st_size, "bytes")
