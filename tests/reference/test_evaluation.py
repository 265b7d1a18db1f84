"""The published evaluation of the tiny checkpoint, end to end: every figure, every first ten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from psm import PSM, Gaussian
from psm.data.context import Context
from psm.encoders.heads import GaussianHead
from psm.gaussian import csd
from psm.published.checkpoint import import_checkpoint
from psm.ranks import standing
from psm.reference import published_composition, published_recall
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("j_evaluate")
ABOUT = json.loads((recorded.VECTORS / "j_evaluate.json").read_text())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PSM:
    out: Path = tmp_path_factory.mktemp("imported")
    import_checkpoint(
        recorded.FOLDER / "checkpoints" / "tiny_weights.ckpt",
        out,
        tokenizer=str(recorded.FOLDER / "tokenizer"),
        satellite_heads=3,
        text_heads=4,
    )
    return PSM.from_pretrained(out)


def location(model: PSM, zoom: int, fields: tuple[str, ...]) -> tuple[Gaussian, Gaussian]:
    """Gaussians of the locations, and the same with means as they leave the head."""
    names = ("lat", "lon", "month", "hour", "audio_source", "caption_source")
    context = Context.of(**{name: RECORDED[name] for name in names}).only(*fields)
    views = recorded.floats(RECORDED[f"views_zoom{zoom}"])
    gsd_m = torch.full((len(views),), 10.0 * zoom)
    fused = model.fusion(model.image_features(views, gsd_m), context)
    return both(model.location_head, fused)


def both(head: GaussianHead, features: Tensor) -> tuple[Gaussian, Gaussian]:
    gaussian = head(features)
    return gaussian, Gaussian(head.mean(features), gaussian.log_var)


@pytest.mark.parametrize(
    "expected",
    ABOUT["results"],
    ids=lambda e: f"zoom{e['test_zoom_level']}-{e['metadata_type']}-text-{e['add_text']}",
)
@torch.inference_mode()
def test_ranks_recalls_and_spreads(expected: dict, model: PSM, close: Close) -> None:
    image, raw_image = location(
        model, expected["test_zoom_level"], recorded.fields(expected["metadata_type"])
    )
    mel = recorded.floats(RECORDED["mel"])
    sound, raw_sound = both(model.audio_head, model.audio_features(mel))
    _, raw_text = both(model.text_head, model.text_features(ABOUT["captions"]))
    queries = {"I2S": image, "S2I": sound}
    if expected["add_text"] == "true":  # to the query of either direction, never to the gallery
        queries = {
            "I2S": published_composition(raw_image, raw_text),
            "S2I": published_composition(raw_sound, raw_text),
        }
    top = expected["R_k"]
    for direction, gallery in (("I2S", sound), ("S2I", image)):
        place = standing(queries[direction], gallery)
        assert published_recall(place.rank, top) == pytest.approx(expected[direction][f"R@{top}"])
        assert place.median_rank == expected[direction]["Median Rank"]
    order = csd(queries["I2S"], sound).argsort(dim=1)[:, :10]
    for row, keys in zip(order, expected["I2S_top"], strict=False):
        assert [ABOUT["keys"][item] for item in row] == keys
    spread = queries["I2S"].log_var.mul(0.5).exp().sum(dim=1)
    close(spread[: len(expected["I2S_keystd"])], expected["I2S_keystd"], within=1e-4)
