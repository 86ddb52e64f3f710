"""Trains the BERT that bench's masked comparison trains, in PyTorch at its best
setting: the same architecture (256 wide, 4 layers, 4 heads, F 1024, tied head),
the same weights, tokens and masks, AdamW with PyTorch's fused loops. It prints one JSON
object: seconds a step and the losses.

    python3 bert.py --weights model.safetensors --batches batches.json --steps 200 --threads 2
"""

import argparse
import json
import struct
import time

import torch
import torch.nn.functional as F


def safetensors(path):
    """All tensors of a file of float32."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {
        n: torch.frombuffer(bytearray(data[t["data_offsets"][0] : t["data_offsets"][1]]), dtype=torch.float32).view(t["shape"]).requires_grad_()
        for n, t in header.items() if n != "__metadata__"
    }


def loss(c, w, ids, rows, targets):
    """ids (B, T); the mean cross-entropy at the flat places rows."""
    B, T = ids.shape
    C, H = c["hidden_size"], c["num_attention_heads"]
    linear = lambda x, n: F.linear(x, w[n + ".weight"], w[n + ".bias"])
    norm = lambda x, n: F.layer_norm(x, (C,), w[n + ".weight"], w[n + ".bias"], c["layer_norm_eps"])
    e = "bert.embeddings."
    x = F.embedding(ids, w[e + "word_embeddings.weight"]) + w[e + "position_embeddings.weight"][:T] + w[e + "token_type_embeddings.weight"][0]
    x = norm(x, e + "LayerNorm")
    for i in range(c["num_hidden_layers"]):
        b = f"bert.encoder.layer.{i}."
        q, k, v = (linear(x, b + "attention.self." + n).view(B, T, H, C // H).transpose(1, 2) for n in ("query", "key", "value"))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = (q @ k.transpose(-1, -2) * (C // H) ** -0.5).softmax(-1) @ v
        x = norm(x + linear(y.transpose(1, 2).reshape(B, T, C), b + "attention.output.dense"), b + "attention.output.LayerNorm")
        x = norm(x + linear(F.gelu(linear(x, b + "intermediate.dense")), b + "output.dense"), b + "output.LayerNorm")
    p = "cls.predictions."
    h = norm(F.gelu(linear(x.view(B * T, C)[rows], p + "transform.dense")), p + "transform.LayerNorm")
    return F.cross_entropy(F.linear(h, w[e + "word_embeddings.weight"], w[p + "bias"]), targets)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", required=True)
    parser.add_argument("--batches", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    w = safetensors(o.weights)
    file = json.load(open(o.batches))
    decays = lambda n: n.endswith("weight") and "LayerNorm" not in n and "embeddings" not in n
    groups = [{"params": [x for n, x in w.items() if decays(n)], "weight_decay": file["decay"]},
              {"params": [x for n, x in w.items() if not decays(n)], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=file["lr"], betas=(0.9, file["beta2"]), eps=1e-8, foreach=True)
    losses, seconds = [], []
    for i in range(o.steps):
        batch = file["batches"][i % len(file["batches"])]
        began = time.perf_counter()
        ids = torch.tensor(batch["ids"]).view(-1, file["context"])
        value = loss(file["config"], w, ids, torch.tensor(batch["rows"]), torch.tensor(batch["targets"]))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        losses.append(value.item())
        seconds.append(time.perf_counter() - began)
    seconds = sorted(seconds[min(2, len(seconds) - 1):])
    print(json.dumps({"version": torch.__version__, "seconds": seconds[len(seconds) // 2], "losses": losses}))


main()
