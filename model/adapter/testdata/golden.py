"""Writes the folders beside it: tiny models, adapters that Hugging Face's PEFT itself saves, and what it computes with them,
as an oracle for this package. Run it with the folder src of a checkout of that project, version 0.13.2, and any PyTorch
from 1.13 on:

    PYTHONHASHSEED=0 python3 golden.py CHECKOUT/src

Nothing of PEFT is copied or installed: its files are loaded as they are, and what they import beside PyTorch is stood in
for below. Each folder has base/ (config.json, model.safetensors), adapter/ (as save_pretrained writes it) and
golden.safetensors. In that, for each module M of the adapter: "M.x", some inputs, and "M.y", what PEFT's layer gives of them
while the adapter is beside it; and for every weight W of the model "W.merged", as merge_and_unload leaves it. Weights are
float32, all is computed in float64 and rounded to float32 in the end.
"""

import importlib.abc
import importlib.machinery
import json
import pathlib
import struct
import sys
import types

import pip._vendor.packaging.version
import torch
from torch import nn


def save_safetensors(tensors, path, metadata=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, t in sorted(tensors.items()):
        b = t.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(b)]}
        data += b
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(h)) + h + data)


class Conv1D(nn.Module):
    """The linear map of the original GPT-2, with its weight as (in, out)."""

    def __init__(self, out, inn):
        super().__init__()
        self.nf = out
        self.weight = nn.Parameter(torch.zeros(inn, out))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x):
        return x @ self.weight + self.bias


class Nothing(type):
    """A class that has whatever it is asked for, another one."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(name, (), {})


class StandIn(types.ModuleType):
    __path__, __version__ = [], "4.45.0"
    known = {
        "Conv1D": Conv1D,
        "save_file": save_safetensors,
        "is_deepspeed_zero3_enabled": lambda: False,
        "tqdm": lambda list, **_: list,
        "storage_ptr": lambda t: t.storage().data_ptr(),
        "storage_size": lambda t: t.nelement() * t.element_size(),
    }

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.known.get(name) or Nothing(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("transformers", "accelerate", "huggingface_hub", "safetensors", "tqdm", "psutil"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def load_peft(src):
    sys.meta_path.insert(0, Finder())
    sys.modules["packaging"] = pip._vendor.packaging
    sys.modules["packaging.version"] = pip._vendor.packaging.version
    sys.path.insert(0, src)
    import peft

    peft.PeftModel.create_or_update_model_card = lambda self, dir: None
    return peft


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
    yield "transformer.wte.weight", (c["vocab_size"], C)
    yield "transformer.wpe.weight", (c["n_positions"], C)
    for i in range(c["n_layer"]):
        b = f"transformer.h.{i}."
        for n in "ln_1", "ln_2":
            yield b + n + ".weight", (C,)
            yield b + n + ".bias", (C,)
        for n, rows, cols in ("attn.c_attn", C, 3 * C), ("attn.c_proj", C, C), ("mlp.c_fc", C, 4 * C), ("mlp.c_proj", 4 * C, C):
            yield b + n + ".weight", (rows, cols)  # Conv1D: (in, out)
            yield b + n + ".bias", (cols,)
    yield "transformer.ln_f.weight", (C,)
    yield "transformer.ln_f.bias", (C,)


class Weights(nn.Module):
    """A norm, or what else has weights and is no linear map."""


def tree(shapes):
    """The modules that Hugging Face's models have under these names. Nobody calls the whole."""
    root = nn.Module()
    for name, shape in shapes:
        *path, leaf, field = name.split(".")
        at = root
        for word in path:
            if word not in at._modules:
                at.add_module(word, nn.Module())
            at = at._modules[word]
        if leaf not in at._modules:
            at.add_module(leaf, kind(leaf, shape))
        module = at._modules[leaf]
        if field not in module._parameters:
            module.register_parameter(field, nn.Parameter(torch.zeros(shape)))
        module._parameters[field].data = torch.randn(shape) * 0.3
    root.name_or_path = "tiny"
    if "lm_head" in root._modules:  # PEFT saves these where one of them is adapted
        root.get_input_embeddings = lambda: root.model.embed_tokens
        root.get_output_embeddings = lambda: root.lm_head
    return root


def kind(leaf, shape):
    if leaf.startswith("c_"):
        return Conv1D(shape[1], shape[0])
    if leaf in ("embed_tokens", "wte", "wpe"):
        return nn.Embedding(*shape)
    if len(shape) == 2:
        return nn.Linear(shape[1], shape[0], bias=False)
    return Weights()


def golden(peft, name, config, shapes, safe=True, **settings):
    torch.manual_seed(len(name))
    here = pathlib.Path(__file__).parent / name
    (here / "base").mkdir(parents=True, exist_ok=True)
    (here / "base/config.json").write_text(json.dumps(config, indent=1) + "\n")
    base = tree(shapes(config))
    # GPT-2's published file has no "transformer." in front.
    save_safetensors({n.removeprefix("transformer."): t for n, t in base.state_dict().items()}, here / "base/model.safetensors")

    model = peft.get_peft_model(base, peft.LoraConfig(task_type=None, **settings))
    for n, p in model.named_parameters():
        if p.requires_grad:  # as if it had been trained
            p.data = torch.rand_like(p) + 0.5 if "magnitude" in n else torch.randn_like(p) * 0.5
    targets = settings["target_modules"]
    model.save_pretrained(here / "adapter", safe_serialization=safe, save_embedding_layers="embed_tokens" in targets)
    (here / "adapter/README.md").unlink(missing_ok=True)

    model.double().eval()
    out = {}
    for n, module in model.named_modules():
        if isinstance(module, peft.tuners.lora.layer.LoraLayer):
            n = n.removeprefix("base_model.model.").removeprefix("transformer.")
            embedding = isinstance(module, peft.tuners.lora.layer.Embedding)
            x = torch.randint(module.in_features, (5,)) if embedding else torch.randn(5, module.in_features).double()
            out[n + ".x"], out[n + ".y"] = x.double(), module(x)
    for n, t in model.merge_and_unload().state_dict().items():
        out[n.removeprefix("transformer.") + ".merged"] = t
    save_safetensors(out, here / "golden.safetensors")


if __name__ == "__main__":
    peft = load_peft(sys.argv[1])
    golden(peft, "llama", LLAMA, llama_shapes, r=2, lora_alpha=3, target_modules=["down_proj", "q_proj", "v_proj", "embed_tokens"],
           modules_to_save=["lm_head", "norm"], rank_pattern={"model.layers.0.self_attn.q_proj": 4}, alpha_pattern={"v_proj": 5})
    golden(peft, "llama-rslora", LLAMA, llama_shapes, r=3, lora_alpha=2, use_rslora=True, layers_to_transform=[1],
           target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "gate_proj"])
    golden(peft, "llama-dora", LLAMA, llama_shapes, r=2, lora_alpha=4, use_dora=True, target_modules=r".*\.(q_proj|o_proj|up_proj)")
    golden(peft, "gpt2", GPT2, gpt2_shapes, safe=False, r=2, lora_alpha=6, fan_in_fan_out=True, target_modules=["c_attn", "c_proj", "c_fc"])
    golden(peft, "gpt2-dora", GPT2, gpt2_shapes, r=2, lora_alpha=6, fan_in_fan_out=True, use_dora=True, target_modules=["attn.c_proj"], bias="all")
