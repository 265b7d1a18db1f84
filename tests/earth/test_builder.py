"""Building the Earth: the same seed gives the same bytes, however and how often it is built."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from psm.data.audio import AudioConfig
from psm.data.recording import AudioSource, Recording
from psm.data.shards import read_shard
from psm.earth.builder import EarthPlan, build_earth
from psm.earth.placing import draw_in_region
from psm.earth.worlds import world_named
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors

PLAN = EarthPlan(recordings=40, seed=5)


@pytest.fixture(scope="module")
def earth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earth")
    counts = build_earth(PLAN, folder, workers=1)
    assert sum(counts.values()) == PLAN.recordings
    return folder


def test_our_earth_is_what_it_was_before_there_were_others(earth: Path) -> None:
    manifest = json.loads((earth / "earth.json").read_text())
    assert list(manifest) == ["format", "recordings", "seed", "audio"]
    found = [sample for path in sorted(earth.glob("*.tar")) for sample in read_shard(path)]
    told = "\n".join(
        f"{r.key} {r.lat:.4f} {r.lon:.4f} {r.month} {r.caption} {r.sounds}"
        for r in (sample.recording for sample in found)
    )
    digest = hashlib.sha256(told.encode()).hexdigest()
    assert digest == "901dad40da4dcf3396509f0c5365bb236623ccc16da695e38b3af1ef2fec65ae"
    # Pixels and sound too, to what libraries of other machines may round otherwise.
    assert np.mean([s.tile.mean() for s in found]) == pytest.approx(82.8525, abs=0.01)
    assert np.mean([s.mel.astype(float).mean() for s in found]) == pytest.approx(1.0806, abs=0.01)


def test_a_world_and_a_region_of_it(earth: Path, tmp_path: Path) -> None:
    iberia = "POLYGON ((-10 36, 3 36, 3 44, -10 44, -10 36))"
    plan = EarthPlan(recordings=30, seed=5, world="Kepler", region=iberia)
    counts = build_earth(plan, tmp_path, workers=1)
    assert sum(counts.values()) == 30
    assert min(counts.values()) > 0
    manifest = json.loads((tmp_path / "earth.json").read_text())
    assert (manifest["world"], manifest["region"]) == ("kepler", iberia)
    build_earth(replace(plan, world="kepler"), tmp_path, workers=1)  # the same world
    with pytest.raises(ConfigError, match="another Earth"):
        build_earth(replace(plan, world="vulcan"), tmp_path)
    found = recordings(tmp_path)
    assert all(-10 <= r.lon <= 3 and 36 <= r.lat <= 44 for r in found)
    assert {sound for r in found for sound in r.sounds} <= set(world_named("kepler").sounds)
    assert not {r.key for r in found} & {r.key for r in recordings(earth)}


def test_splits_of_a_region_are_apart_and_what_cannot_be_split_is_refused() -> None:
    drawn = draw_in_region(300, 0, shapely.box(100, -10, 125, 8))
    parts = {
        name: unit_vectors(lat=drawn.places.lat[here], lon=drawn.places.lon[here])
        for name in ("train", "val", "test")
        for here in [drawn.split == name]
    }
    for name, other in (("train", "test"), ("train", "val"), ("val", "test")):
        chord = np.linalg.norm(parts[name][:, None] - parts[other][None], axis=-1)
        assert chord_to_km(chord.min()) > 90.0
    with pytest.raises(ConfigError, match="too small"):
        draw_in_region(20, 0, shapely.box(16, 48, 16.5, 48.5))
    with pytest.raises(ConfigError, match="hardly any land"):
        draw_in_region(20, 0, shapely.box(-150, -40, -140, -30))
    with pytest.raises(ConfigError, match="no polygon"):
        EarthPlan(recordings=1, region="POINT (1 1)")


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
