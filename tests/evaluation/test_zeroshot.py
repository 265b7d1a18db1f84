"""Real recordings called by the 28 phrases: the order is that of the distance, shares are exact."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from rich.console import Console

from psm import PSM
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import SOUNDS
from psm.errors import ConfigError, MissingData
from psm.evaluation.zeroshot import (
    NamedRecording,
    ZeroShotReport,
    name_recordings,
    zeroshot_table,
)
from psm.gaussian import csd
from psm.inference.batches import text_gaussians
from psm.mapping import Query
from tests.tiny import tiny_experiment


def named(sound: str, rank: int) -> NamedRecording:
    """A recording whose right sound, or whose first, stands at ``rank``."""
    others = [one for one in SOUNDS if one != sound]
    others.insert(rank - 1, sound or others.pop())
    return NamedRecording(
        file=f"{sound or 'none'}-{rank}.ogg", sounds=(sound,) if sound else (), names=tuple(others)
    )


@pytest.fixture(scope="module")
def report() -> ZeroShotReport:
    counted = [named("waves", 1), named("owls", 1), named("rain", 4), named("wind", 9)]
    return ZeroShotReport("tiny", (*counted, named("", 1)))


def test_shares_are_of_those_within_the_vocabulary(report: ZeroShotReport) -> None:
    found = report.top(1)
    assert found is not None
    assert found[0] == 0.5
    # Wilson (1927) by hand: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), p = 1/2, n = 4
    z = 1.959964
    half = z * np.sqrt(0.25 / 4 + z**2 / 64) / (1 + z**2 / 4)
    assert found[1] == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)
    assert report.top(5)[0] == 0.75  # type: ignore[index]
    content = json.loads(json.dumps(report.to_json()))
    assert (content["counted"], content["others"]) == (4, 1)
    assert [one["rank"] for one in content["recordings"]] == [1, 1, 4, 9, None]
    assert (content["top_1"], content["top_5"]) == (0.5, 0.75)


def test_any_of_several_right_names_counts() -> None:
    either = replace(named("owls", 4), sounds=("owls", named("owls", 4).names[1]))
    assert either.rank == 2


def test_nobody_within_the_vocabulary_is_no_share() -> None:
    nobody = ZeroShotReport("tiny", (named("", 1),))
    assert nobody.top(1) is None
    assert nobody.to_json()["top_1"] is None


def test_the_table_shows_first_phrases_and_shares(report: ZeroShotReport) -> None:
    console = Console(file=StringIO(), width=200)
    console.print(zeroshot_table(report))
    printed = console.file.getvalue()
    assert "top 1: 50%" in printed
    assert "1 of none of the 28 sounds" in " ".join(printed.split())
    assert QUERY_PHRASES[SOUNDS[0]] in printed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, 0.1 * rng.normal(size=32_000), 32_000)
    (tmp_path / "manifest.csv").write_text("file,sound,caption\na.wav,rain,x\nb.wav,,y\n")
    return tmp_path


@pytest.fixture(scope="module")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PSM(tiny_experiment().model).eval()


def test_the_nearest_phrase_comes_first(model: PSM, folder: Path) -> None:
    report = name_recordings(model, folder)
    assert [one.file for one in report.recordings] == ["a.wav", "b.wav"]
    first, other = report.recordings
    assert (other.sounds, other.rank) == ((), None)
    texts = text_gaussians(model, list(QUERY_PHRASES.values()))
    distance = csd(Query(audio=(folder / "a.wav",)).gaussian(model), texts)[0]
    assert first.names[0] == list(QUERY_PHRASES)[int(distance.argmin())]
    assert first.rank == 1 + int((distance < distance[SOUNDS.index("rain")]).sum())  # type: ignore[arg-type]
    assert sorted(first.names) == sorted(SOUNDS)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ("file\na.wav\n", ConfigError, "sound"),
        ("file,sound\na.wav,unicorn\n", ConfigError, "line 2: 'unicorn' is no sound"),
        ("file,sound\nc.wav,rain\n", MissingData, "line 2: there is no .*c.wav"),
        ("file,sound\n", MissingData, "names no recording"),
        (None, MissingData, "columns file and sound"),
    ],
)
def test_a_wrong_manifest_is_named(
    model: PSM, folder: Path, table: str | None, error: type[Exception], message: str
) -> None:
    path = folder / "manifest.csv"
    path.unlink() if table is None else path.write_text(table)
    with pytest.raises(error, match=message):
        name_recordings(model, folder)
