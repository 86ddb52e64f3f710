"""Writes transformers.json: what the modelling code of Hugging Face's transformers
computes for tiny models of every architecture of this package. Run it with the
folder src/transformers of a checkout of that project, version 5:

    python3 transformers.py CHECKOUT/src/transformers

Nothing of it is copied or installed: its files of configurations, models, rotary
frequencies and masks are loaded as they are, and what they import beside that
(hub, kernels, caches, documentation) is stood in for below, so that PyTorch 1.13
is enough. Each case holds a config.json as folders have it, the names and shapes
of a folder's weights, two sequences, their logits, the mean loss and of each
weight's gradient its norm and its product with a random direction. Weights and
directions are a function of their name (see uniform), which the test repeats: they
are not stored. Everything is computed in float64, but for what the models
themselves do in float32 (norms, softmax, angles).
"""

import base64
import contextlib
import importlib
import json
import math
import pathlib
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F

LENGTHS = (13, 6)
IDS, VOCAB = 21, 24  # ids in use, rows of the embedding: vocabularies are padded


# --- What stands in for the rest of the library ---


def same(*args, **kwargs):
    """A decorator that changes nothing, with arguments or without."""
    if len(args) == 1 and not kwargs and callable(args[0]):
        return args[0]
    return lambda f: f


class Anything:
    """A base class or an annotation that does nothing."""

    def __init__(self, *args, **kwargs):
        pass

    def __class_getitem__(cls, item):
        return cls


class Outputs(dict):
    """What a model returns."""

    def __getattr__(self, key):
        return self.get(key)


class Interface(dict):
    """A registry that starts with the class's own entries."""

    _global_mapping = {}

    def __init__(self):
        super().__init__(self._global_mapping)

    def valid_keys(self):
        return list(self)


class Quiet:
    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def module(name, path=None, **content):
    m = types.ModuleType("transformers" + name)
    if path:
        m.__path__ = [str(path)]
    m.__dict__.update(content)
    sys.modules[m.__name__] = m
    return m


class Model(torch.nn.Module):
    """PreTrainedModel: it ties the head, as loading does."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def post_init(self):
        if hasattr(self, "lm_head") and self.config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight


def mount(root):
    """Makes the checkout importable, its package initialisers left out."""
    module("", root)
    module(".models", root / "models")
    for name in {c["model_type"].removesuffix("_text") for c in CASES.values()}:
        module(f".models.{name}", root / "models" / name)
    quiet = types.SimpleNamespace(get_logger=lambda name: Quiet())
    gelu = lambda x: F.gelu(x, approximate="tanh")
    module(".activations", ACT2FN={"silu": F.silu, "gelu_pytorch_tanh": gelu})
    module(".cache_utils", Cache=Anything, DynamicCache=Anything)
    module(".generation", GenerationMixin=type("GenerationMixin", (), {}))
    module(".integrations", use_kernel_forward_from_hub=same, use_kernel_func_from_hub=same, use_kernelized_func=lambda f: same)
    generic = [f"GenericFor{x}" for x in ("QuestionAnswering", "SequenceClassification", "TokenClassification")]
    module(".modeling_layers", GradientCheckpointingLayer=torch.nn.Module, **{n: type(n, (), {}) for n in generic})
    outputs = [f"{x}{y}" for x in ("Base", "Moe") for y in ("ModelOutputWithPast", "ModelOutputWithPooling")]
    outputs += ["CausalLMOutputWithPast", "MoeCausalLMOutputWithPast", "SequenceClassifierOutputWithPast"]
    module(".modeling_outputs", **{n: type(n, (Outputs,), {}) for n in outputs})
    module(".modeling_utils", PreTrainedModel=Model, ALL_ATTENTION_FUNCTIONS={})
    module(".modeling_flash_attention_utils", FlashAttentionKwargs=Anything)
    module(".processing_utils", Unpack=Anything)
    module(".initialization")
    module(".models.auto", AutoModel=Anything)
    module(".models.siglip", SiglipVisionConfig=Anything)
    module(".utils", logging=quiet, TransformersKwargs=Anything, auto_docstring=same, can_return_tuple=same, ModelOutput=Outputs,
           is_torch_available=lambda: True, is_torch_xpu_available=lambda: False)
    module(".utils.generic", GeneralInterface=Interface, check_model_inputs=same, OutputRecorder=Anything,
           maybe_autocast=lambda **kwargs: contextlib.nullcontext())
    no = lambda *args, **kwargs: False
    module(".utils.import_utils", is_torch_flex_attn_available=no, is_torch_greater_or_equal=no, is_tracing=no)
    rope = importlib.import_module("transformers.modeling_rope_utils")

    class Config(rope.RotaryEmbeddingConfigMixin):
        _attn_implementation = "eager"

        def __init__(self, tie_word_embeddings=True, **kwargs):
            kwargs.pop("ignore_keys_at_rope_validation", None)
            if hasattr(self, "rope_parameters"):
                kwargs = self.convert_rope_params_to_dict(**kwargs)
            self.tie_word_embeddings = tie_word_embeddings
            for key, value in kwargs.items():
                setattr(self, key, value)

    module(".configuration_utils", PreTrainedConfig=Config, layer_type_validation=lambda *args: None)


# --- Weights that both sides draw ---


def uniform(name, n):
    """n numbers in [-1/2, 1/2): 24 bits of SplitMix64 at the FNV-1a hash of name."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001B3 & (1 << 64) - 1
    with np.errstate(over="ignore"):
        z = np.uint64(h) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z = z ^ z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / (1 << 24) - 0.5


def drawn(name, shape, gemma):
    """A weight: gains about 1 (of Gemma, whose files hold gain - 1, about 0), maps with variance 1/in."""
    u = uniform(name, int(np.prod(shape)))
    if len(shape) > 1:
        u *= 2 * math.sqrt(3 / shape[-1])
    elif name.endswith("norm.weight") and not gemma:
        u += 1
    return u.astype(np.float32).astype(np.float64).reshape(shape)


# --- How the weights of a model and those of a folder correspond ---


def experts(name, p, kind):
    """The stacked experts of the library as a folder has them, one by one."""
    layer, what = name.split(".mlp.experts.")
    for e in range(p.shape[0]):
        if kind == "mixtral":
            at, parts = f"{layer}.block_sparse_moe.experts.{e}.", {"gate_up_proj": ("w1", "w3"), "down_proj": ("w2",)}
        else:
            at, parts = f"{layer}.mlp.experts.{e}.", {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}
        for i, part in enumerate(parts[what]):
            rows = p.shape[1] // len(parts[what])
            yield at + part + ".weight", lambda t, e=e, i=i, rows=rows: t[e, i * rows : (i + 1) * rows]


def entries(net, kind):
    """(name in a folder, parameter, the part of it) for every weight."""
    for name, p in net.named_parameters():
        if ".mlp.experts." in name:
            for n, part in experts(name, p, kind):
                yield n, p, part
        elif kind == "mixtral":
            yield name.replace(".mlp.gate.", ".block_sparse_moe.gate."), p, lambda t: t
        else:
            yield name, p, lambda t: t


def alone(net, ids):
    """The logits of one sequence: frequencies that went with the length of another are forgotten."""
    net.model.rotary_emb = type(net.model.rotary_emb)(net.config)
    return net(input_ids=ids[None]).logits[0]


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def case(name, config):
    kind = config["model_type"]
    folder = kind.removesuffix("_text")
    file = importlib.import_module(f"transformers.models.{folder}.modeling_{folder}")
    settings = importlib.import_module(f"transformers.models.{folder}.configuration_{folder}")
    architecture = config["architectures"][0]
    title = architecture.removesuffix("ForCausalLM")
    settings = getattr(settings, {"Gemma3": "Gemma3TextConfig"}.get(title, title + "Config"))
    net = getattr(file, architecture)(settings(**json.loads(json.dumps(config)), pad_token_id=None)).double()
    shapes = {}
    with torch.no_grad():
        for n, p, part in entries(net, kind):
            w = part(p)
            shapes[n] = list(w.shape)
            w.copy_(torch.from_numpy(drawn(n, tuple(w.shape), kind.startswith("gemma"))))
    rng = np.random.default_rng(7)
    ids = [torch.from_numpy(rng.integers(0, IDS, n)) for n in LENGTHS]
    targets = [torch.from_numpy(rng.integers(0, IDS, n)) for n in LENGTHS]
    logits = torch.cat([alone(net, i) for i in ids])
    loss = F.cross_entropy(logits, torch.cat(targets))
    loss.backward()
    grads = {}
    for n, p, part in entries(net, kind):
        g = part(p.grad).flatten().numpy()
        grads[n] = [float(np.sqrt((g * g).sum())), float((g * uniform(n + "/direction", g.size)).sum())]
    print(f"{name}: loss {loss.item():.4f}, {len(grads)} weights")
    return {"config": config, "lengths": LENGTHS, "ids": torch.cat(ids).tolist(), "targets": torch.cat(targets).tolist(),
            "shapes": shapes, "logits": b64(logits), "loss": loss.item(), "grads": grads}


# --- The cases: rows are multiples of 256, windows shorter than the sequences ---


def config(kind, architecture, **more):
    return {"architectures": [architecture + "ForCausalLM"], "model_type": kind, "vocab_size": VOCAB, "hidden_size": 256,
            "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-5, **more}


def llama(**more):
    return config("llama", "Llama", num_hidden_layers=1, **more)


CASES = {
    # attention wider than the model, biases, the scaling of Llama 3.1 as its files have it
    "llama3": llama(head_dim=64, attention_bias=True, mlp_bias=True, tie_word_embeddings=False, rope_theta=100.0,
                    rope_scaling={"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                  "original_max_position_embeddings": 32}),
    "llama-linear": llama(tie_word_embeddings=True, rope_scaling={"type": "linear", "factor": 3.0}),
    "llama-dynamic": llama(tie_word_embeddings=True, rope_scaling={"type": "dynamic", "factor": 3.0}),
    # sequences longer and shorter than the context: these two types change frequencies with the length
    "llama-dynamic-beyond": llama(tie_word_embeddings=True, max_position_embeddings=8, rope_theta=100.0,
                                  rope_scaling={"type": "dynamic", "factor": 3.0}),
    "phi3-longrope-beyond": config("phi3", "Phi3", num_hidden_layers=1, tie_word_embeddings=True, rope_theta=1000.0,
                                   original_max_position_embeddings=8, rope_scaling={
                                       "type": "longrope", "short_factor": [1 + i / 8 for i in range(16)],
                                       "long_factor": [2 + i / 2 for i in range(16)]}),
    "llama-yarn": llama(tie_word_embeddings=True, rope_parameters={
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 16}),
    "llama-yarn-settings": llama(tie_word_embeddings=True, rope_parameters={
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0,
        "beta_slow": 0.5, "mscale": 0.7, "mscale_all_dim": 0.3, "truncate": False}),
    "smollm3": config("smollm3", "SmolLM3", num_hidden_layers=3, no_rope_layer_interval=2, rope_theta=1000.0,
                      use_sliding_window=True, sliding_window=5),
    "mistral": config("mistral", "Mistral", head_dim=64, sliding_window=5, rope_theta=1000.0),
    "qwen2": config("qwen2", "Qwen2", tie_word_embeddings=True, rope_theta=1000.0, use_sliding_window=True,
                    sliding_window=5, max_window_layers=1),
    "qwen3": config("qwen3", "Qwen3", head_dim=64, tie_word_embeddings=True, rope_parameters={
        "rope_theta": 1000.0, "rope_type": "default"}, use_sliding_window=True, sliding_window=5,
        layer_types=["sliding_attention", "full_attention"]),
    "gemma2": config("gemma2", "Gemma2", head_dim=64, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=48,
                     sliding_window=5, final_logit_softcapping=3.0, attn_logit_softcapping=2.0),
    "gemma3": config("gemma3_text", "Gemma3", num_hidden_layers=3, head_dim=64, query_pre_attn_scalar=48, sliding_window=5,
                     sliding_window_pattern=2, rope_theta=1000.0, rope_local_base_freq=50.0,
                     rope_scaling={"rope_type": "linear", "factor": 2.0}),
    "phi3": config("phi3", "Phi3", sliding_window=5, rope_theta=1000.0, partial_rotary_factor=0.5),
    "phi3-longrope": config("phi3", "Phi3", num_hidden_layers=1, partial_rotary_factor=0.75, tie_word_embeddings=True,
                            original_max_position_embeddings=16, rope_theta=1000.0, rope_scaling={
                                "type": "longrope", "short_factor": [1 + i / 8 for i in range(12)],
                                "long_factor": [2 + i / 2 for i in range(12)]}),
    "qwen3-moe": config("qwen3_moe", "Qwen3Moe", num_hidden_layers=2, head_dim=64, rope_theta=1000.0, num_experts=4,
                        num_experts_per_tok=2, moe_intermediate_size=256, norm_topk_prob=True, mlp_only_layers=[0]),
    "qwen3-moe-plain": config("qwen3_moe", "Qwen3Moe", num_hidden_layers=1, head_dim=64, rope_theta=1000.0, num_experts=3,
                              num_experts_per_tok=2, moe_intermediate_size=256, tie_word_embeddings=True),
    "mixtral": config("mixtral", "Mixtral", num_hidden_layers=1, num_local_experts=4, num_experts_per_tok=2, sliding_window=5,
                      intermediate_size=256),
}


if __name__ == "__main__":
    mount(pathlib.Path(sys.argv[1]).resolve())
    cases = {name: case(name, c) for name, c in CASES.items()}
    path = pathlib.Path(__file__).parent / "transformers.json"
    lines = ",\n".join(f"{json.dumps(n)}: {json.dumps(c, separators=(',', ':'))}" for n, c in cases.items())
    path.write_text("{\n" + lines + "\n}\n")
    print(path.name, path.stat().st_size, "bytes")
