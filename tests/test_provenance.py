"""Provenance: what a model folder says that it learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from psm import PSM, checkpoints
from psm.errors import ConfigError
from psm.provenance import FILE_NAME, SIMULATED, UNRECORDED, DataSet, Provenance
from tests.tiny import tiny_experiment, tiny_samples

EARTH = DataSet(name=SIMULATED, is_simulated=True, recordings=1200)
ALPS = DataSet(name="alps", recordings=3000, archives={"aporee": 2000, "freesound": 1000})


def test_a_folder_with_the_manifest_of_an_earth_is_simulated(tmp_path: Path) -> None:
    recordings = [sample.recording for sample in tiny_samples("train", 3)]
    recordings[0] = replace(recordings[0], lat=48.2, lon=16.4, licence="CC-BY-4.0")
    real = DataSet.of(tmp_path, recordings)
    assert (real.name, real.is_simulated, real.recordings) == (tmp_path.name, False, 3)
    assert real.countries["Austria"] == 1
    assert real.licences["CC-BY-4.0"] == 1
    (tmp_path / "earth.json").write_text("{}")
    assert DataSet.of(tmp_path, recordings).is_simulated
    assert DataSet.of(tmp_path, recordings).name == SIMULATED
    (tmp_path / "earth.json").write_text('{"world": "kepler"}')
    foreign = DataSet.of(tmp_path, recordings)
    assert foreign.name == "simulated Earth, world kepler"
    assert foreign.words == "simulated Earth, world kepler, 3 recordings"
    assert Provenance(trained_on=(EARTH, foreign)).world == "kepler"
    assert Provenance(trained_on=(foreign, ALPS, EARTH)).world == ""


def test_any_part_that_is_simulated_makes_all_of_it_so() -> None:
    for known in (
        Provenance(trained_on=(EARTH,)),
        Provenance(trained_on=(ALPS, EARTH)),
        Provenance(trained_on=(ALPS,), calibrated_on=EARTH),
    ):
        assert known.is_simulated
        assert known.statement.startswith("Simulated Earth: ")
        assert "not for statements about real places" in known.limits
    real = Provenance(trained_on=(ALPS,), calibrated_on=ALPS)
    assert not real.is_simulated
    assert real.badge == ""
    assert real.statement == "Learnt from alps, 3,000 recordings (aporee 2,000, freesound 1,000)"
    assert "shared by people" in real.limits
    assert "shared by people" not in UNRECORDED.limits  # nobody knows
    assert UNRECORDED.statement == "What this model learnt from is not recorded"


def test_an_answer_of_several_models_stands_on_all_they_learnt_from() -> None:
    real, earth = Provenance(trained_on=(ALPS,)), Provenance(trained_on=(EARTH,))
    assert Provenance.together([real, real]) == real
    both = Provenance.together([real, earth, real])
    assert both.trained_on == (ALPS, EARTH)
    calibrated = real.model_copy(update={"calibrated_on": EARTH})
    assert Provenance.together([real, calibrated]).is_simulated


def test_it_stays_with_the_folder(tmp_path: Path) -> None:
    model = PSM(tiny_experiment().model)
    model.provenance = Provenance(trained_on=(EARTH,), calibrated_on=EARTH)
    model.save_pretrained(tmp_path / "first")
    again = PSM.from_pretrained(tmp_path / "first")
    assert again.provenance == model.provenance
    again.save_pretrained(tmp_path / "second", is_half=True)
    assert Provenance.load(tmp_path / "second") == model.provenance
    (tmp_path / "second" / FILE_NAME).unlink()
    assert PSM.from_pretrained(tmp_path / "second").provenance == UNRECORDED
    (tmp_path / "second" / FILE_NAME).write_text('{"trained_on": 3}')
    with pytest.raises(ConfigError, match=r"provenance\.json: trained_on"):
        PSM.from_pretrained(tmp_path / "second")


def test_the_packaged_model_says_that_it_is_simulated() -> None:
    assert Provenance.load(checkpoints.resolve("earth-small")).is_simulated
