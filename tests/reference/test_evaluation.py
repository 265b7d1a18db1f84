"""The published evaluation of the tiny checkpoint, end to end: every figure, every first ten."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM
from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, Recording
from psm.evaluation.psm2024 import Psm2024Result, evaluate_psm2024
from psm.gaussian import csd
from psm.inference.split import (
    SplitFeatures,
    raw_audio,
    raw_locations,
    raw_text,
)
from psm.published.checkpoint import import_checkpoint
from psm.reference import published_composition
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("j_evaluate")
ABOUT = json.loads((recorded.VECTORS / "j_evaluate.json").read_text())
DIRECTIONS = {"I2S": "image_to_audio", "S2I": "audio_to_image"}


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


@pytest.fixture(scope="module")
def features(model: PSM) -> SplitFeatures:
    """Of the recorded views, log-mels and captions."""
    zooms = [int(name.removeprefix("views_zoom")) for name in RECORDED if "views_zoom" in name]
    views = {zoom: recorded.floats(RECORDED[f"views_zoom{zoom}"]) for zoom in zooms}
    gsd_m = model.config.imagery.gsd_m
    with torch.inference_mode():
        return SplitFeatures(
            recordings=tuple(recording(row) for row in range(len(ABOUT["keys"]))),
            images={
                zoom: model.image_features(seen, torch.full((len(seen),), gsd_m * zoom))
                for zoom, seen in views.items()
            },
            audio=model.audio_features(recorded.floats(RECORDED["mel"])),
            text=model.text_features(ABOUT["captions"]),
        )


def recording(row: int) -> Recording:
    month, hour = RECORDED["month"][row], RECORDED["hour"][row]
    return Recording(
        key=ABOUT["keys"][row],
        lat=float(RECORDED["lat"][row]),
        lon=float(RECORDED["lon"][row]),
        audio_source=AUDIO_SOURCES[RECORDED["audio_source"][row]],
        caption_source=CAPTION_SOURCES[RECORDED["caption_source"][row]],
        caption=ABOUT["captions"][row],
        split="test",
        cell="N00E000",
        month=None if np.isnan(month) else int(month),
        hour=None if np.isnan(hour) else float(hour),
    )


@pytest.fixture(scope="module")
def found(model: PSM, features: SplitFeatures) -> Psm2024Result:
    return evaluate_psm2024(model, features, share=ABOUT["results"][0]["R_k"] / len(features))


EVERY_RESULT = pytest.mark.parametrize(
    "expected",
    ABOUT["results"],
    ids=lambda e: f"zoom{e['test_zoom_level']}-{e['metadata_type']}-text-{e['add_text']}",
)


@EVERY_RESULT
def test_recalls_and_median_ranks(expected: dict, found: Psm2024Result) -> None:
    assert found.definitions == "published"
    zoom, fields = expected["test_zoom_level"], recorded.fields(expected["metadata_type"])
    for published, direction in DIRECTIONS.items():
        row = found.row(zoom, fields, direction, composed=expected["add_text"] == "true")
        recall = next(value for name, value in expected[published].items() if "R@" in name)
        assert row.recall == pytest.approx(recall)
        assert row.median_rank == expected[published]["Median Rank"]


@EVERY_RESULT
@torch.inference_mode()
def test_first_tens_and_spreads(
    expected: dict, model: PSM, features: SplitFeatures, close: Close
) -> None:
    zoom, fields = expected["test_zoom_level"], recorded.fields(expected["metadata_type"])
    query = raw_locations(model, features, zoom, fields)
    if expected["add_text"] == "true":
        query = published_composition(query, raw_text(model, features))
    order = csd(query.unit(), raw_audio(model, features).unit()).argsort(dim=1)[:, :10]
    for row, keys in zip(order, expected["I2S_top"], strict=False):
        assert [ABOUT["keys"][item] for item in row] == keys
    spread = query.log_var.mul(0.5).exp().sum(dim=1)
    close(spread[: len(expected["I2S_keystd"])], expected["I2S_keystd"], within=1e-4)
