"""Who sees and who hears: a side that is perfect loses nothing, a blind one everything."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from psm.data.recording import AUDIO_SOURCES, Recording
from psm.earth import rules
from psm.earth.layers import Layers
from psm.earth.sampling import sample_places
from psm.earth.scene import Scene
from psm.earth.sounds import SOUNDS
from psm.earth.soundscape import all_sets, sample_sounds
from psm.evaluation.probing.decomposition import (
    HEARD,
    MODEL,
    PROBE,
    TRUE_SOUNDS,
    DecompositionRow,
    decompose,
    held_sets,
)
from psm.evaluation.probing.hiddenlayers import HIDDEN_LAYERS, probe_layers
from psm.evaluation.probing.probes import Folds
from psm.evaluation.probing.seeing import SeeingReport, seeing_table
from psm.evaluation.retrieval import IMAGE, EmbeddedCorpus
from psm.gaussian import Gaussian
from psm.seeding import generator

N = 160
PLACE, PIXELS = "oracle: place", "oracle: pixels"


@pytest.fixture(scope="module")
def places() -> list[Recording]:
    """Recordings drawn from the rules themselves."""
    drawn = sample_places(N, 3)
    layers = Layers.load().at(lat=drawn.lat, lon=drawn.lon)
    odds = rules.odds(Scene.of(layers, month=drawn.month, hour=drawn.hour))
    rng = generator(3, "decomposition")
    sets = [np.flatnonzero(sample_sounds(row, rng)) for row in odds]
    return [
        Recording(
            key=f"d{i}", lat=float(drawn.lat[i]), lon=float(drawn.lon[i]),
            audio_source=AUDIO_SOURCES[i % 4], caption_source="meta", caption="c", split="test",
            cell=f"c{i // 2}", month=int(drawn.month[i]), hour=float(drawn.hour[i]),
            sounds=tuple(SOUNDS[k] for k in sets[i]),
        )
        for i in range(N)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def rows(places: list[Recording]) -> tuple[DecompositionRow, ...]:
    """Of a model that hears perfectly, and whose places are noise."""
    heard = torch.from_numpy(held_sets(places)).float()
    noise = torch.randn(N, 28, generator=torch.Generator().manual_seed(0))

    def gaussian(mean: Tensor) -> Gaussian:
        unit = torch.nn.functional.normalize(mean, dim=-1)
        return Gaussian(unit, torch.full_like(unit, -6.0))

    embedded = EmbeddedCorpus(places, {IMAGE: gaussian(noise)}, gaussian(heard))
    return decompose(embedded, Folds.of(places))


def score(rows: tuple[DecompositionRow, ...], sees: str, hears: str, direction: str) -> float:
    (found,) = [
        row.r_at_10pct
        for row in rows
        if (row.sees, row.hears, row.direction) == (sees, hears, direction)
    ]
    return found


@pytest.mark.parametrize("direction", ["image_to_audio", "audio_to_image"])
def test_perfect_ears_lose_nothing_and_blind_eyes_all(
    rows: tuple[DecompositionRow, ...], direction: str
) -> None:
    oracle = score(rows, PLACE, TRUE_SOUNDS, direction)
    assert oracle > 0.3
    assert score(rows, PLACE, HEARD, direction) == pytest.approx(oracle, abs=0.06)
    assert 0.2 < score(rows, PIXELS, TRUE_SOUNDS, direction) < oracle + 0.02
    for sees, hears in ((PROBE, TRUE_SOUNDS), (PROBE, HEARD), (MODEL, MODEL)):
        assert score(rows, sees, hears, direction) == pytest.approx(0.1, abs=0.08)


def test_the_report_holds_every_pairing(
    rows: tuple[DecompositionRow, ...], places: list[Recording]
) -> None:
    layers = np.stack([layer.value(Layers.load().at(lat=[r.lat for r in places],
        lon=[r.lon for r in places])) for layer in HIDDEN_LAYERS], axis=1)  # fmt: skip
    known = probe_layers(layers[:, :4], places, Folds.of(places))
    found = {score.layer: score.spearman for score in known}
    assert found["nearness to the coast"] > 0.95  # it is among the features
    assert found["nearness to the coast"] > found["churches ring in the country"]
    report = SeeingReport("tiny", N, rows, known)
    assert report.pairings()[0] == (PLACE, TRUE_SOUNDS)
    assert report.pairings()[-1] == (MODEL, MODEL)
    assert report.score(PLACE, TRUE_SOUNDS, "image+context", "image_to_audio") is None
    content = json.loads(json.dumps(report.to_json()))
    assert len(content["retrieval"]) == 14
    assert len(content["hidden_layers"]) == len(HIDDEN_LAYERS)
    console = Console(file=StringIO(), width=100)
    console.print(seeing_table(report))
    printed = console.file.getvalue()
    assert "oracle: pixels" in printed
    assert f"{found['forest']:.2f}" in printed


def test_every_set_is_there_once() -> None:
    sets = all_sets(5)
    assert len(sets) == 5 + 10 + 10
    assert len(np.unique(sets, axis=0)) == len(sets)
    assert set(sets.sum(axis=1)) == {1, 2, 3}
    assert len(all_sets()) == 3682
