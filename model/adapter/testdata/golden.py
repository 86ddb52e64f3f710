"""Writes the folders beside it: tiny models, adapters in the form of Hugging Face's PEFT, and what PyTorch computes with
them, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each folder has base/ (config.json, model.safetensors), adapter/ (adapter_config.json and adapter_model.safetensors or
adapter_model.bin) and golden.safetensors. In that, for each module M of the adapter: "M.x", some inputs, "M.y", what the
module and the adapter beside it give of them, never merged, as PEFT's layers compute it in training; and for every weight
of the model "W.merged". For DoRA the layer divides by the norm of the merged rows. Weights are float32, all else is
float64, rounded to float32 in the end. Written from the papers and from PEFT's documentation, apart from the Go code.
"""

import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F


def save_safetensors(path, tensors):
    header, data = {}, b""
    for name, t in sorted(tensors.items()):
        b = t.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(b)]}
        data += b
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    path.write_bytes(struct.pack("<Q", len(h)) + h + data)


LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 11, "max_position_embeddings": 16,
    "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 4, "rope_theta": 100.0, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False,
}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 11, "n_positions": 16, "n_embd": 8,
    "n_layer": 2, "n_head": 2, "n_inner": None, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
}


def llama_shapes(c):
    C, Fw, D = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    q, kv = c["num_attention_heads"] * D, c["num_key_value_heads"] * D
    yield "model.embed_tokens.weight", (c["vocab_size"], C)
    for i in range(c["num_hidden_layers"]):
        b = f"model.layers.{i}."
        yield b + "input_layernorm.weight", (C,)
        yield b + "post_attention_layernorm.weight", (C,)
        for n, out, inn in ("q", q, C), ("k", kv, C), ("v", kv, C), ("o", C, q):
            yield f"{b}self_attn.{n}_proj.weight", (out, inn)
        for n, out, inn in ("gate", Fw, C), ("up", Fw, C), ("down", C, Fw):
            yield f"{b}mlp.{n}_proj.weight", (out, inn)
    yield "model.norm.weight", (C,)
    yield "lm_head.weight", (c["vocab_size"], C)


def gpt2_shapes(c):
    C = c["n_embd"]
    yield "wte.weight", (c["vocab_size"], C)  # as the published file has the names
    yield "wpe.weight", (c["n_positions"], C)
    for i in range(c["n_layer"]):
        b = f"h.{i}."
        for n in "ln_1", "ln_2":
            yield b + n + ".weight", (C,)
            yield b + n + ".bias", (C,)
        for n, rows, cols in ("attn.c_attn", C, 3 * C), ("attn.c_proj", C, C), ("mlp.c_fc", C, 4 * C), ("mlp.c_proj", 4 * C, C):
            yield b + n + ".weight", (rows, cols)  # Conv1D: (in, out)
            yield b + n + ".bias", (cols,)
    yield "ln_f.weight", (C,)
    yield "ln_f.bias", (C,)


def adapter_config(**changed):
    """What PEFT writes, with its defaults."""
    return {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": "tiny", "bias": "none", "corda_config": None,
        "eva_config": None, "exclude_modules": None, "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True,
        "layer_replication": None, "layers_pattern": None, "layers_to_transform": None, "loftq_config": {}, "lora_alpha": 8,
        "lora_bias": False, "lora_dropout": 0.05, "megatron_config": None, "megatron_core": "megatron.core",
        "modules_to_save": None, "peft_type": "LORA", "qalora_group_size": 16, "r": 2, "rank_pattern": {}, "revision": None,
        "target_modules": [], "target_parameters": None, "task_type": "CAUSAL_LM", "trainable_token_indices": None,
        "use_dora": False, "use_qalora": False, "use_rslora": False, **changed,
    }


def golden(name, config, shapes, settings, modules, conv1d=False, torch_file=False, saved=(), prefix=""):
    """modules are (path, rank, alpha), where rank and alpha are what the settings mean for this one."""
    torch.manual_seed(len(name))
    w = {n: (torch.randn(s) * 0.3).double() for n, s in shapes(config)}
    state, out, merged = {}, {}, dict(w)
    for path, r, alpha in modules:
        scale = alpha / math.sqrt(r) if settings["use_rslora"] else alpha / r
        W = w[path + ".weight"]
        key = f"base_model.model.{prefix}{path}."
        if path.endswith("embed_tokens"):
            V, C = W.shape
            A, B = (torch.randn(r, V) * 0.5).double(), (torch.randn(C, r) * 0.5).double()
            x = torch.randint(V, (5,))
            y = W[x] + scale * F.embedding(x, A.T) @ B.T
            state[key + "lora_embedding_A"], state[key + "lora_embedding_B"] = A, B
            merged[path + ".weight"] = W + scale * (B @ A).T
            out[path + ".x"], out[path + ".y"] = x.double(), y
            continue
        linear = W.T if conv1d else W  # (out, in)
        o, i = linear.shape
        A, B = (torch.randn(r, i) * 0.5).double(), (torch.randn(o, r) * 0.5).double()
        x = torch.randn(5, i).double()
        adapter = "default." if torch_file else ""
        state[key + f"lora_A.{adapter}weight"], state[key + f"lora_B.{adapter}weight"] = A, B
        y, m = x @ linear.T + scale * (x @ A.T) @ B.T, linear + scale * B @ A
        if settings["use_dora"]:
            magnitude = torch.rand(o).double() + 0.5
            state[key + "lora_magnitude_vector"] = magnitude
            stretch = magnitude / m.norm(dim=1)
            y, m = y * stretch, m * stretch[:, None]
        out[path + ".x"], out[path + ".y"] = x, y
        merged[path + ".weight"] = m.T if conv1d else m
    for n in saved:
        state["base_model.model." + prefix + n] = merged[n] = torch.randn(w[n].shape).double()
    here = pathlib.Path(__file__).parent / name
    for sub in "base", "adapter":
        (here / sub).mkdir(parents=True, exist_ok=True)
    (here / "base/config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_safetensors(here / "base/model.safetensors", w)
    (here / "adapter/adapter_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    if torch_file:
        torch.save({n: t.float().contiguous() for n, t in state.items()}, here / "adapter/adapter_model.bin")
    else:
        save_safetensors(here / "adapter/adapter_model.safetensors", state)
    out.update({n + ".merged": t for n, t in merged.items()})
    save_safetensors(here / "golden.safetensors", out)


def layers(names, r, alpha, form="model.layers.%d.", which=(0, 1)):
    return [((form + n) % i, r, alpha) for i in which for n in names]


if __name__ == "__main__":
    golden("llama", LLAMA, llama_shapes,
           adapter_config(r=2, lora_alpha=3, target_modules=["down_proj", "q_proj", "v_proj", "embed_tokens"], modules_to_save=["lm_head", "norm"],
                          rank_pattern={"model.layers.0.self_attn.q_proj": 4}, alpha_pattern={"v_proj": 5}),
           [("model.layers.0.self_attn.q_proj", 4, 3), ("model.layers.1.self_attn.q_proj", 2, 3), ("model.embed_tokens", 2, 3)]
           + layers(["self_attn.v_proj"], 2, 5) + layers(["mlp.down_proj"], 2, 3),
           saved=["lm_head.weight", "model.norm.weight"])
    golden("llama-rslora", LLAMA, llama_shapes,
           adapter_config(r=3, lora_alpha=2, use_rslora=True, layers_to_transform=[1], target_modules=r".*\.(q|k|v|o|up|gate)_proj"),
           layers(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.gate_proj"], 3, 2, which=[1]))
    golden("llama-dora", LLAMA, llama_shapes,
           adapter_config(r=2, lora_alpha=4, use_dora=True, target_modules=["q_proj", "o_proj", "up_proj"]),
           layers(["self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj"], 2, 4))
    golden("gpt2", GPT2, gpt2_shapes,
           adapter_config(r=2, lora_alpha=6, fan_in_fan_out=True, target_modules=["c_attn", "c_proj", "c_fc"]),
           layers(["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"], 2, 6, form="h.%d."), conv1d=True, torch_file=True, prefix="transformer.")
    golden("gpt2-dora", GPT2, gpt2_shapes,
           adapter_config(r=2, lora_alpha=6, fan_in_fan_out=True, use_dora=True, target_modules=["attn.c_proj"], bias="all"),
           layers(["attn.c_proj"], 2, 6, form="h.%d."), conv1d=True, prefix="transformer.",
           saved=[n for n, _ in gpt2_shapes(GPT2) if n.endswith(".bias")])
