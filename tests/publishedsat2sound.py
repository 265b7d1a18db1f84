"""A tiny checkpoint of Sat2Sound, of random weights under their published names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from psm.encoders.tokentowers.mgaclap import MGACLAPTower

WIDTH, DIM, CODES, VIT, SOUND, T5_WIDTH = 16, 12, 20, 24, 64, 16
AUDIO = {
    "patch_embeds_hidden_size": 8, "hidden_size": SOUND, "depths": [1, 1, 1, 2],
    "num_attention_heads": [2, 2, 4, 4],
}  # fmt: skip
T5 = {"vocab_size": 32, "d_model": T5_WIDTH, "d_kv": 4, "d_ff": 24, "num_layers": 1,
      "num_heads": 4}  # fmt: skip
SETTINGS = {
    "fc_dim": WIDTH, "codebook_dim": DIM, "codebook_size": CODES, "sat_type": "bingmap",
    "sat_input_size": 32, "dataset_type": "GeoSound", "pseudo_match_alpha": 0.1,
    "metadata_type": "latlong_month_time_asource_tsource", "fdt_weight": 1.0, "recall_at": 10,
    "combined_modality_loss": 1, "satmae_ckpt_path": "ckpts/SATMAE/pretrain-vit-base-e199.pth",
}  # fmt: skip
PARTS = {
    "batch_norm": "bn0", "layernorm_before": "norm1", "layernorm_after": "norm2",
    "attention.output.dense": "attn.proj", "attention.self.relative": "attn.relative",
    "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
}  # fmt: skip


def published_names(tower: MGACLAPTower) -> dict[str, Tensor]:
    """Weights of the audio tower under the names of MGA-CLAP's code, from after ``audio_enc.``."""
    found: dict[str, Tensor] = {}
    joint: dict[str, list[Tensor]] = {}
    for ours, tensor in tower.encoder.state_dict().items():
        name = ours
        for part, theirs in PARTS.items():
            name = name.replace(part, theirs)
        attention, _, rest = name.partition("attention.self.")
        if rest:
            qkv = f"{attention}attn.qkv.{rest.rpartition('.')[2]}"
            joint.setdefault(qkv, []).append(tensor)
        else:
            found[name] = tensor
    return found | {name: torch.cat(tensors) for name, tensors in joint.items()}


def linear(name: str, rows: int, columns: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Weight and bias of a linear layer."""
    yield f"{name}.weight", (rows, columns)
    yield f"{name}.bias", (rows,)


def norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Weight and bias of a layer norm."""
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    vit, fuser = "satmae_backbone.backbone", "sat_encoder.meta_fuser"
    yield f"{vit}.patch_embed.proj.weight", (VIT, 3, 16, 16)
    yield f"{vit}.patch_embed.proj.bias", (VIT,)
    yield from norm(f"{vit}.blocks.0.norm1", VIT)
    yield from linear(f"{vit}.blocks.0.attn.qkv", 3 * VIT, VIT)
    yield from linear(f"{vit}.blocks.0.attn.proj", VIT, VIT)
    yield from norm(f"{vit}.blocks.0.norm2", VIT)
    yield from linear(f"{vit}.blocks.0.mlp.fc1", 4 * VIT, VIT)
    yield from linear(f"{vit}.blocks.0.mlp.fc2", VIT, 4 * VIT)
    yield from linear("satmae_backbone.projector.linear1", WIDTH, VIT)
    yield from linear("satmae_backbone.projector.linear2", WIDTH, WIDTH)
    layer = f"{fuser}.transformer_encoder.layers.0"
    yield f"{layer}.self_attn.in_proj_weight", (3 * WIDTH, WIDTH)
    yield f"{layer}.self_attn.in_proj_bias", (3 * WIDTH,)
    yield from linear(f"{layer}.self_attn.out_proj", WIDTH, WIDTH)
    yield from linear(f"{layer}.linear1", 32, WIDTH)
    yield from linear(f"{layer}.linear2", WIDTH, 32)
    yield from norm(f"{layer}.norm1", WIDTH)
    yield from norm(f"{layer}.norm2", WIDTH)
    for name, size in (("audio", 4), ("caption", 3)):
        yield f"{fuser}.meta_embed.{name}_source_fc.source_embed.weight", (size, WIDTH)
    for name, size in (("location", 4), ("month", 2), ("time", 2)):
        yield from linear(f"{fuser}.meta_embed.{name}_fc.fc1", 64, size)
        yield from linear(f"{fuser}.meta_embed.{name}_fc.fc2", WIDTH, 64)
    yield "fdt.space_dict", (CODES, DIM)
    for name, size in (("img", WIDTH), ("audio", SOUND), ("txt", T5_WIDTH)):
        query = f"fdt.{name}_query_model.q_map"
        yield from norm(f"{query}.0", size)
        yield from linear(f"{query}.1", DIM, size)
        yield from norm(f"{query}.3", DIM)
        yield from linear(f"{query}.4", DIM, DIM)
    for name in ("ia", "it", "at", "i_at", "it_a", "fdt"):
        yield f"logit_scale_{name}", ()


def checkpoint(sound: dict[str, Tensor]) -> dict[str, Any]:
    """A Lightning checkpoint; ``sound`` are the weights of the audio tower."""
    drawn = torch.Generator().manual_seed(5)
    tensors = {name: torch.randn(shape, generator=drawn) * 0.3 for name, shape in _shapes()}
    audio = {f"audio_encoder.model.audio_enc.{name}": t for name, t in sound.items()}
    unused = {"tscam_conv.weight": torch.zeros(5, SOUND, 2, 3), "head.bias": torch.zeros(5)}
    audio |= {f"audio_encoder.model.audio_enc.{name}": t for name, t in unused.items()}
    return {"epoch": 3, "global_step": 7, "state_dict": tensors | audio,
            "hyper_parameters": dict(SETTINGS)}  # fmt: skip


def write_t5(folder: Path) -> str:
    """A T5 of random weights in ``folder``, with a tokenizer."""
    from transformers import T5Config, T5EncoderModel

    from tests.tinyt5 import write_tokenizer

    torch.manual_seed(3)
    T5EncoderModel(T5Config(**T5)).save_pretrained(folder)
    write_tokenizer(folder)
    return str(folder)
