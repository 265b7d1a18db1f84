"""Building the Earth: the same seed gives the same bytes, however and how often it is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psm.data.audio import AudioConfig
from psm.data.recording import AudioSource, Recording
from psm.data.shards import read_shard
from psm.earth.builder import EarthPlan, build_earth
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors

PLAN = EarthPlan(recordings=40, seed=5)


@pytest.fixture(scope="module")
def earth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earth")
    counts = build_earth(PLAN, folder, workers=1)
    assert sum(counts.values()) == PLAN.recordings
    return folder


def recordings(folder: Path, split: str = "*") -> list[Recording]:
    paths = sorted(folder.glob(f"{split}-*.tar"))
    return [sample.recording for path in paths for sample in read_shard(path)]


def test_a_lost_shard_comes_back_with_the_same_bytes(earth: Path) -> None:
    shards = sorted(earth.glob("*.tar"))
    before = {path.name: path.read_bytes() for path in shards}
    shards[0].unlink()
    build_earth(PLAN, earth, workers=2)
    assert {path.name: path.read_bytes() for path in sorted(earth.glob("*.tar"))} == before


def test_another_earth_does_not_mix_in(earth: Path) -> None:
    before = sorted(path.name for path in earth.iterdir())
    with pytest.raises(ConfigError, match="another Earth"):
        build_earth(EarthPlan(recordings=40, seed=6), earth)
    assert sorted(path.name for path in earth.iterdir()) == before


def test_recordings_have_the_schema(earth: Path) -> None:
    found = recordings(earth)
    assert len({recording.key for recording in found}) == len(found) == PLAN.recordings
    for recording in found:
        assert 1 <= len(recording.sounds) <= 3
        assert recording.caption
        assert recording.licence == "CC0-1.0"
        has_hour = recording.audio_source is not AudioSource.FREESOUND
        assert (recording.hour is not None) == has_hour


def test_samples_are_framed_as_the_plan_says(earth: Path) -> None:
    sample = next(read_shard(next(earth.glob("train-*.tar"))))
    config = AudioConfig()
    assert sample.mel.shape == (1, config.frames, config.n_mels)
    assert sample.tile.shape == (320, 320, 3)
    assert sample.mel.astype(np.float32).std() > 1.0
    assert sample.tile.std() > 1.0


def test_splits_keep_their_distance(earth: Path) -> None:
    train, test = (
        unit_vectors(lat=[r.lat for r in part], lon=[r.lon for r in part])
        for part in (recordings(earth, "train"), recordings(earth, "test"))
    )
    chord = np.linalg.norm(train[:, None] - test[None], axis=-1)
    assert chord_to_km(chord.min()) > 320.0 * 2**0.5


def test_an_earth_without_recordings_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one recording"):
        EarthPlan(recordings=0)
