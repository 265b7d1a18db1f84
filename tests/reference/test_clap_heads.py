"""CLAP towers and heads against outputs recorded from the published implementation."""

from __future__ import annotations

import pytest
import torch

from psm.config import AudioTowerConfig, HeadConfig, TextTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audioencoding import AudioTower
from psm.encoders.audiotowers import build_audio_tower
from psm.encoders.heads import GaussianHead
from psm.encoders.textencoding import TextTower
from psm.encoders.texttowers import build_text_tower
from psm.published.checkpoint import rename
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("f_clap_heads")
ABOUT = recorded.MANIFEST["f_clap_heads"]
DIM, FEATURES = ABOUT["fc_dim"], ABOUT["clap_config"]["projection_dim"]


def tower(kind: str) -> AudioTower | TextTower:
    clap = {"projection_dim": FEATURES, **ABOUT["clap_config"][f"{kind}_config"]}
    if kind == "audio":
        built = build_audio_tower(AudioTowerConfig(kind="clap", clap=clap), AudioConfig(), DIM)
    else:
        built = build_text_tower(
            TextTowerConfig(kind="clap", weights=None, clap=clap, frozen=False),
            DIM,
            recorded.FOLDER / "tokenizer",
        )
    missing, unexpected = built.load_state_dict(weights(kind, f"{kind}."), strict=False)
    assert not unexpected
    assert all(name.endswith(("index", "tracked", "_ids")) for name in missing)
    return built.eval()


def head(kind: str, probabilistic: bool) -> GaussianHead:
    built = GaussianHead(FEATURES, DIM, HeadConfig(probabilistic=probabilistic))
    built.load_state_dict(weights(kind, f"{kind}_head.", probabilistic))
    return built.eval()


def weights(kind: str, prefix: str, probabilistic: bool = True) -> dict[str, torch.Tensor]:
    shapes = {
        name.removeprefix(f"{kind}."): shape
        for name, shape in ABOUT["weights"].items()
        if name.startswith(f"{kind}.")
    }
    if not probabilistic:
        shapes = {
            name.replace("mean_head", "head"): shape
            for name, shape in shapes.items()
            if "std_head" not in name
        }
    named, unknown = rename({f"{kind}_encoder.{n}": t for n, t in recorded.weights(shapes).items()})
    assert not unknown
    return {n.removeprefix(prefix): t for n, t in named.items() if n.startswith(prefix)}


@pytest.mark.parametrize(("name", "longer"), [("longer1", (1, 1)), ("longermix", (1, 0))])
@torch.inference_mode()
def test_audio(name: str, longer: tuple[int, int], close: Close) -> None:
    mel = recorded.floats(RECORDED["input_features"])
    features = tower("audio")(mel, torch.tensor(longer).bool())
    gaussian = head("audio", probabilistic=True)(features)
    close(gaussian.mean, RECORDED[f"probCLAP_audio_{name}_mean"], within=1e-4)
    close(gaussian.log_var, RECORDED[f"probCLAP_audio_{name}_std"], within=1e-4)
    point = head("audio", probabilistic=False)(features)
    close(point.mean, RECORDED[f"baselineCLAP_audio_{name}_mean"], within=1e-4)


@torch.inference_mode()
def test_text(close: Close) -> None:
    tokens = {k: torch.from_numpy(RECORDED[k]) for k in ("input_ids", "attention_mask")}
    features = tower("text").model(**tokens).text_embeds
    close(features, RECORDED["probCLAP_text_embeds"], within=1e-4)
    gaussian = head("text", probabilistic=True)(features)
    close(gaussian.mean, RECORDED["probCLAP_text_mean"], within=1e-4)
    close(gaussian.log_var, RECORDED["probCLAP_text_std"], within=1e-4)
    point = head("text", probabilistic=False)(features)
    close(point.mean, RECORDED["baselineCLAP_text_mean"], within=1e-4)
