"""Sizes of an imported model follow from shapes; what no shape tells is as published."""

from __future__ import annotations

import pytest
import torch

from psm.config import ModelConfig
from psm.data.audio import AudioConfig
from psm.experiments import load_experiment
from psm.published.checkpoint import rename
from psm.published.sizes import model_config
from tests.reference.recorded import FOLDER

Shapes = dict[str, tuple[int, ...]]
AUDIO, TEXT = "audio.model.audio_model.audio_encoder", "text.model.text_model"


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    content = torch.load(FOLDER / "checkpoints" / "tiny_weights.ckpt", weights_only=True)
    ours, _ = rename(content["state_dict"])
    return {name: tuple(tensor.shape) for name, tensor in ours.items()}


def sizes(shapes: Shapes, **given: int | None) -> ModelConfig:
    heads = {"satellite_heads": 3, "text_heads": 4, **given}
    return model_config(shapes, imagery="sentinel", view_px=64, origin="tiny.ckpt", **heads)


def wider(shape: tuple[int, ...], axis: int, times: int = 2) -> tuple[int, ...]:
    return (*shape[:axis], shape[axis] * times, *shape[axis + 1 :])


@pytest.mark.parametrize(
    ("name", "axis", "setting"),
    [
        ("satellite.blocks.layers.0.linear1.weight", 0, "satellite.mlp_ratio"),
        ("fusion.encoder.layers.0.linear1.weight", 0, "context.feedforward"),
        ("fusion.tokens.latlon.0.weight", 0, "context.hidden"),
        (f"{AUDIO}.batch_norm.weight", 0, "audio.n_mels"),
        (f"{AUDIO}.norm.weight", 0, "audio_tower.clap.hidden_size"),
        (f"{AUDIO}.layers.0.blocks.0.intermediate.dense.weight", 0, "audio_tower.clap.mlp_ratio"),
        ("audio.model.audio_projection.linear2.weight", 0, "audio_tower.clap.projection_dim"),
        (f"{TEXT}.embeddings.word_embeddings.weight", 0, "text_tower.clap.vocab_size"),
        (f"{TEXT}.encoder.layer.0.intermediate.dense.weight", 0,
         "text_tower.clap.intermediate_size"),
        ("text.model.text_projection.linear2.weight", 0, "text_tower.clap.projection_dim"),
        (f"{TEXT}.embeddings.position_embeddings.weight", 0,
         "text_tower.clap.max_position_embeddings"),
    ],
)  # fmt: skip
def test_a_size_follows_its_shape(name: str, axis: int, setting: str, shapes: Shapes) -> None:
    def value(config: ModelConfig) -> float:
        found = config.model_dump()
        for part in setting.split("."):
            found = found[part]
        return float(found)

    before = value(sizes(shapes))
    changed = {**shapes, name: wider(shapes[name], axis)}
    assert value(sizes(changed)) == 2 * before


def test_the_bottleneck_of_the_fusion_of_windows_follows_its_shape(shapes: Shapes) -> None:
    name = f"{AUDIO}.patch_embed.fusion_model.local_att.0.weight"
    before = sizes(shapes).audio_tower.clap["aff_block_r"]
    embed = shapes[f"{AUDIO}.patch_embed.proj.weight"][0]
    assert before == embed // shapes[name][0]
    changed = sizes({**shapes, name: wider(shapes[name], 0)}).audio_tower.clap["aff_block_r"]
    assert changed == before // 2


def test_heads_are_one_for_every_64_features_or_given(shapes: Shapes) -> None:
    patch = "satellite.patch.weight"
    wide = {**shapes, patch: (192, *shapes[patch][1:])}
    assert sizes(wide, satellite_heads=None).satellite.heads == 3
    assert sizes(wide, satellite_heads=6).satellite.heads == 6


def test_what_no_shape_tells_is_as_in_the_preset_of_the_published_size(shapes: Shapes) -> None:
    found, preset = sizes(shapes), load_experiment("psm-sentinel").model
    assert found.reference
    assert not preset.reference
    assert found.audio == preset.audio == AudioConfig.clap()
    assert found.text_tower.max_tokens == preset.text_tower.max_tokens == 128
    assert found.satellite.gsd_unit_m == preset.satellite.gsd_unit_m == 1.0
    assert found.imagery.mean == preset.imagery.mean
    assert found.imagery.std == preset.imagery.std
    for name in ("heads", "activation", "norm_first", "sun"):
        assert getattr(found.context, name) == getattr(preset.context, name)
