"""Writes gpt2.json, llama.json and canon.json: what PyTorch computes for tiny
models, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under the names and in the layout of
Hugging Face's safetensors files, two sequences of different lengths, their
logits, the weighted loss, the gradient of every weight, and the losses of ten
AdamW steps. Weights are float32, everything is computed in float64. The
reference models below are written from the papers, apart from the Go code.
"""

import base64
import json
import math
import pathlib

import torch
import torch.nn.functional as F

LENGTHS = (9, 5)
ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)


def attend(q, k, v):
    """Causal softmax(q k^T / sqrt D) v for (T, H, D) and (T, G, D), G dividing H."""
    T, H, D = q.shape
    k = k.repeat_interleave(H // k.shape[1], 1)
    v = v.repeat_interleave(H // v.shape[1], 1)
    scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(D)
    scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), -math.inf)
    return torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).reshape(T, H * D)


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gpt2(c, w, ids):
    """Radford et al. 2019; Conv1D keeps its weight as (in, out)."""
    C, H, eps = c["n_embd"], c["n_head"], c["layer_norm_epsilon"]
    norm = lambda x, n: F.layer_norm(x, (C,), w[n + ".weight"], w[n + ".bias"], eps)
    conv1d = lambda x, n: x @ w[n + ".weight"] + w[n + ".bias"]
    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][: len(ids)]
    for i in range(c["n_layer"]):
        b = f"transformer.h.{i}."
        q, k, v = conv1d(norm(x, b + "ln_1"), b + "attn.c_attn").view(-1, 3, H, C // H).unbind(1)
        x = x + conv1d(attend(q, k, v), b + "attn.c_proj")
        x = x + conv1d(gelu_new(conv1d(norm(x, b + "ln_2"), b + "mlp.c_fc")), b + "mlp.c_proj")
    return norm(x, "transformer.ln_f") @ w["transformer.wte.weight"].T


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, c):
    """Su et al. 2021 with Hugging Face's pairs (i, i + D/2); linear scaling as in Chen et al. 2023."""
    T, _, D = x.shape
    factor = c["rope_scaling"]["factor"] if "rope_scaling" in c else 1
    freq = c["rope_theta"] ** (-torch.arange(0, D, 2, dtype=x.dtype) / D) / factor
    angle = (torch.arange(T, dtype=x.dtype)[:, None] * freq)[:, None]
    a, b = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def llama(c, w, ids):
    """Touvron et al. 2023; with canon_width also a causal convolution on the embeddings."""
    H, G, D, eps = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], c["rms_norm_eps"]
    x = w["model.embed_tokens.weight"][ids]
    if "canon_width" in c:
        taps = w["model.canon.weight"]  # (width, C): row k multiplies the token k places back
        x = sum(taps[k] * F.pad(x, (0, 0, k, 0))[: len(ids)] for k in range(c["canon_width"]))
    for i in range(c["num_hidden_layers"]):
        b = f"model.layers.{i}."
        linear = lambda x, n: x @ w[b + n + ".weight"].T
        h = rms_norm(x, w[b + "input_layernorm.weight"], eps)
        q = rotate(linear(h, "self_attn.q_proj").view(-1, H, D), c)
        k = rotate(linear(h, "self_attn.k_proj").view(-1, G, D), c)
        v = linear(h, "self_attn.v_proj").view(-1, G, D)
        x = x + linear(attend(q, k, v), "self_attn.o_proj")
        h = rms_norm(x, w[b + "post_attention_layernorm.weight"], eps)
        x = x + linear(F.silu(linear(h, "mlp.gate_proj")) * linear(h, "mlp.up_proj"), "mlp.down_proj")
    head = w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return rms_norm(x, w["model.norm.weight"], eps) @ head.T


GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 23, "n_positions": 12, "n_ctx": 12,
    "n_embd": 12, "n_layer": 2, "n_head": 3, "n_inner": None, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 23, "max_position_embeddings": 12,
    "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 4, "rope_theta": 20.0, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False,
}
CANON = {**LLAMA, "architectures": ["InkstoneCanonLlama"], "model_type": "inkstone_canon_llama", "canon_width": 4,
         "tie_word_embeddings": True, "rope_scaling": {"rope_type": "linear", "factor": 2.5}}


def gpt2_shapes(c):
    C = c["n_embd"]
    yield "transformer.wte.weight", (c["vocab_size"], C)
    yield "transformer.wpe.weight", (c["n_positions"], C)
    for i in range(c["n_layer"]):
        b = f"transformer.h.{i}."
        for n in "ln_1", "ln_2":
            yield b + n + ".weight", (C,)
            yield b + n + ".bias", (C,)
        for n, rows, cols in ("attn.c_attn", C, 3 * C), ("attn.c_proj", C, C), ("mlp.c_fc", C, 4 * C), ("mlp.c_proj", 4 * C, C):
            yield b + n + ".weight", (rows, cols)
            yield b + n + ".bias", (cols,)
    yield "transformer.ln_f.weight", (C,)
    yield "transformer.ln_f.bias", (C,)


def llama_shapes(c):
    C, Fw, D = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    q, kv = c["num_attention_heads"] * D, c["num_key_value_heads"] * D
    yield "model.embed_tokens.weight", (c["vocab_size"], C)
    if "canon_width" in c:
        yield "model.canon.weight", (c["canon_width"], C)
    for i in range(c["num_hidden_layers"]):
        b = f"model.layers.{i}."
        yield b + "input_layernorm.weight", (C,)
        yield b + "post_attention_layernorm.weight", (C,)
        for n, out, inn in ("q", q, C), ("k", kv, C), ("v", kv, C), ("o", C, q):
            yield f"{b}self_attn.{n}_proj.weight", (out, inn)
        for n, out, inn in ("gate", Fw, C), ("up", Fw, C), ("down", C, Fw):
            yield f"{b}mlp.{n}_proj.weight", (out, inn)
    yield "model.norm.weight", (C,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], C)


def decays(name):
    """Weight decay is for the matrices of the blocks and the head alone."""
    return name.endswith("weight") and not any(s in name for s in ("ln_", "norm", "wte", "wpe", "embed", "canon"))


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(forward, config, shapes, seed):
    torch.manual_seed(seed)
    w = {}
    for name, shape in shapes(config):
        x = torch.randn(shape) * 0.3 + (1.0 if len(shape) == 1 and name.endswith("weight") else 0.0)
        w[name] = x.double().requires_grad_()
    V = config["vocab_size"]
    ids = [torch.randint(V, (n,)) for n in LENGTHS]
    targets = [torch.randint(V, (n,)) for n in LENGTHS]
    weights = [torch.rand(n) * (torch.rand(n) < 0.8) for n in LENGTHS]
    total = sum(x.sum() for x in weights).double()

    def loss():
        logits = [forward(config, w, i) for i in ids]
        rows = [F.cross_entropy(l, t, reduction="none") * x for l, t, x in zip(logits, targets, weights)]
        return torch.cat(logits), sum(r.sum() for r in rows) / total

    logits, value = loss()
    value.backward()
    out = {
        "config": config,
        "lengths": LENGTHS,
        "ids": torch.cat(ids).tolist(),
        "targets": torch.cat(targets).tolist(),
        "target_weights": b64(torch.cat(weights)),
        "shapes": {n: list(x.shape) for n, x in w.items()},
        "weights": {n: b64(x) for n, x in w.items()},
        "logits": b64(logits),
        "loss": value.item(),
        "grads": {n: b64(x.grad) for n, x in w.items()},
        "adamw": ADAMW,
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    out["losses"] = []
    for _ in range(10):
        optimizer.zero_grad()
        _, value = loss()
        value.backward()
        optimizer.step()
        out["losses"].append(value.item())
    return out


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name, forward, config, shapes, seed in (
        ("gpt2", gpt2, GPT2, gpt2_shapes, 1), ("llama", llama, LLAMA, llama_shapes, 2), ("canon", llama, CANON, llama_shapes, 3)):
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(forward, config, shapes, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
