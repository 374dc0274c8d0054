"""Writes files as the clock-and-pizza code does, and says in plain numpy what their nets answer."""

import json

import numpy as np
import torch
from scipy.special import erf, softmax

TRANSFORMER = {
    "name": "modular_addition", "funcs": "lambda x: (x[0]+x[1])%5", "C": 5, "n_heads": 2, "d_model": 9, "n_layers": 1,
    "attention_dir": "casual", "act_fn": "ReLU", "epoch": 20000, "batch_size": 25, "lr": 0.001, "weight_decay": 2,
    "frac": 0.8, "attn_coeff": 1, "runid": "abc123", "func": None,
}  # fmt: skip
LINEAR = {
    "C": 5, "n_vocab": 5, "d_model": 6, "d_hidden": 7, "epoch": 20000, "lr": 0.001, "weight_decay": 2, "frac": 0.8,
    "runid": "abc123", "func": None,
}  # fmt: skip
ACTIVATIONS = {
    "ReLU": lambda x: np.maximum(x, 0),
    "GeLU": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "Tanh": np.tanh,
}


def transformer(*, seed=0, **changes):
    """A random transformer: its configuration and its tensors by name, float32."""
    config = TRANSFORMER | changes
    width, heads = config["d_model"], config["n_heads"]
    size, count = width // heads, 3 if config.get("eqn_sign") else 2
    tokens = config["C"] * (2 if config.get("diff_vocab") else 1) + count - 2
    shapes = {"embed.W_E": (width, tokens), "pos_embed.W_pos": (count, width), "unembed.W_U": (width, tokens)}
    for layer in range(config["n_layers"]):
        shapes |= {f"blocks.{layer}.attn.W_{letter}": (heads, size, width) for letter in "KQV"}
        shapes |= {
            f"blocks.{layer}.attn.W_O": (width, heads * size),
            f"blocks.{layer}.attn.mask": (count, count),
            f"blocks.{layer}.mlp.W_in": (4 * width, width),
            f"blocks.{layer}.mlp.b_in": (4 * width,),
            f"blocks.{layer}.mlp.W_out": (width, 4 * width),
            f"blocks.{layer}.mlp.b_out": (width,),
        }
    return config, drawn(shapes, seed)


def linear(kind, *, seed=0, **changes):
    """A random linear model of a letter."""
    config = LINEAR | {"model_type": kind} | changes
    vocabulary, width, hidden = config["n_vocab"], config["d_model"], config["d_hidden"]
    table = (vocabulary, width // 2 if kind == "D" else width)
    shapes = {"embed1.weight": table, "embed2.weight": table} if kind == "X" else {"embed.weight": table}
    shapes |= {"unembed.weight": (vocabulary, hidden), "l1.weight": (hidden, width), "l1.bias": (hidden,)}
    if kind in "BC":
        shapes |= {"l2.weight": (hidden, hidden), "l2.bias": (hidden,)}
    return config, drawn(shapes, seed)


def drawn(shapes, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.5 for name, shape in shapes.items()}


def written(folder, config, tensors, run="abc123"):
    """The path of model_RUN.pt, with its configuration beside it."""
    (folder / f"config_{run}.json").write_text(json.dumps(config))
    path = folder / f"model_{run}.pt"
    torch.save(tensors, path)
    return path


def transformer_logits(config, tensors):
    """The logits of all pairs, (p, p, tokens), in plain numpy."""
    t = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    p, heads = config["C"], config["n_heads"]
    size = config.get("d_head", config["d_model"] // heads)
    act, rate = ACTIVATIONS[config["act_fn"]], config["attn_coeff"]
    out = np.empty((p, p, t["embed.W_E"].shape[1]))
    for a in range(p):
        for b in range(p):
            row = [a, b + (p if config.get("diff_vocab") else 0)]
            row += [t["embed.W_E"].shape[1] - 1] if config.get("eqn_sign") else []
            x = np.stack([t["embed.W_E"][:, token] + t["pos_embed.W_pos"][at] for at, token in enumerate(row)])
            for layer in range(config["n_layers"]):
                block = {
                    name.split(f"blocks.{layer}.")[1]: value for name, value in t.items() if f"blocks.{layer}." in name
                }
                mixed = []
                for head in range(heads):
                    key, query, value = (x @ block[f"attn.W_{letter}"][head].T for letter in "KQV")
                    weights = rate * softmax(query @ key.T / np.sqrt(size), axis=1) + (1 - rate)
                    mixed.append(weights @ value)
                x = x + np.concatenate(mixed, axis=1) @ block["attn.W_O"].T
                x = x + act(x @ block["mlp.W_in"].T + block["mlp.b_in"]) @ block["mlp.W_out"].T + block["mlp.b_out"]
            out[a, b] = x[-1] @ t["unembed.W_U"]
    return out


def linear_logits(config, tensors):
    """The logits of all pairs, (p, p, p), in plain numpy."""
    t = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    kind, p = config["model_type"], config["C"]

    def relu(x):
        return np.maximum(x, 0)

    def first(x):
        return x @ t["l1.weight"].T + t["l1.bias"]

    one, other = (t["embed1.weight"], t["embed2.weight"]) if kind == "X" else (t["embed.weight"],) * 2
    out = np.empty((p, p, p))
    for a in range(p):
        for b in range(p):
            ea, eb = one[a], other[b]
            if kind == "C":
                hidden = relu(first(ea) + first(eb))
            else:
                hidden = relu(first(np.concatenate([ea, eb]) if kind == "D" else ea + eb))
            if kind in "BC":
                hidden = relu(hidden @ t["l2.weight"].T + t["l2.bias"])
            out[a, b] = hidden @ t["unembed.weight"].T
    return out
