"""Indicators: what follows from probabilities, how far that is off, and what is true."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psm.cli import main
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import SOUNDS, Sound
from psm.earth.soundscape import all_sets, log_set_probability, odds, true_probability
from psm.earth.worlds import world_named
from psm.errors import ConfigError
from psm.evaluation.indicatortruth import indicator_table, score_indicators
from psm.indicators import (
    INDICATORS,
    OURS,
    IndicatorProfile,
    indicator_named,
    read_vocabulary,
    true_values,
)
from psm.indicators.rating import EVENTFUL, PLEASANT, dominance_of
from psm.indicators.vocabulary import SoundClass, SoundSource, class_of, source_of
from psm.provenance import UNRECORDED

SHARES = ("biophony", "geophony", "anthropophony")
PLACES = {"lat": np.array([48.2, -3.1, 0.0, 64.1]), "lon": np.array([16.4, -60.0, 32.5, -21.9])}


def probabilities(seed: int, shape: tuple[int, ...] = (5,)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.beta(0.4, 3.0, (*shape, len(OURS))).clip(1e-4, 1.0 - 1e-4)


@pytest.mark.parametrize("name", INDICATORS)
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 9999))
def test_derivatives_are_those_of_the_value(name: str, seed: int) -> None:
    indicator, p = INDICATORS[name], probabilities(seed)
    value, slopes = indicator.slopes(OURS, p)
    steps = 1e-6 * np.eye(len(OURS))
    up, down = (indicator.value(OURS, p[:, None] + sign * steps) for sign in (1, -1))
    assert value.shape == (5,)
    np.testing.assert_allclose(slopes, (up - down) / 2e-6, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 9999))
def test_shares_are_of_one_whole_and_intervals_hold_their_value(seed: int) -> None:
    p, doubt = probabilities(seed), 0.5 * probabilities(seed + 1)
    shares = sum(INDICATORS[name].value(OURS, p) for name in SHARES)
    np.testing.assert_allclose(shares, 1.0)
    for indicator in INDICATORS.values():
        value, low, high, _ = indicator.interval(OURS, p, doubt)
        least, most = indicator.value_range
        assert (least <= low).all()
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()
        assert (high <= most).all()


def test_the_interval_is_that_of_many_draws() -> None:
    p, rng = probabilities(3, (1,)), np.random.default_rng(0)
    doubt = np.full_like(p, 0.004)
    drawn = p + doubt * rng.standard_normal((20_000, len(OURS)))
    for indicator in INDICATORS.values():
        deviation = indicator.interval(OURS, p, doubt)[3]
        assert indicator.value(OURS, drawn).std() == pytest.approx(deviation[0], rel=0.05)


def test_where_nothing_is_heard_there_is_no_share() -> None:
    nothing = np.zeros((1, len(OURS)))
    assert np.isnan(INDICATORS["biophony"].value(OURS, nothing)).all()
    assert np.isnan(INDICATORS["predicted_ndsi"].value(OURS, nothing)).all()
    assert INDICATORS["sounds"].value(OURS, nothing)[0] == 0.0
    assert INDICATORS["tranquillity"].value(OURS, nothing)[0] == 1.0


def test_every_sound_has_its_class_and_its_source() -> None:
    kinds = {kind: {s for s in SOUNDS if class_of(s) is kind} for kind in SoundClass}
    assert [len(kinds[kind]) for kind in SoundClass] == [12, 5, 11]
    assert Sound.FROGS in kinds[SoundClass.BIOPHONY]
    assert Sound.CHURCH_BELLS in kinds[SoundClass.ANTHROPOPHONY]
    assert source_of(Sound.SIRENS) is SoundSource.OTHER
    assert class_of(Sound.LAKE_ICE) is SoundClass.GEOPHONY
    assert class_of(Sound.FOG_HORNS) is SoundClass.ANTHROPOPHONY
    assert OURS.texts == list(QUERY_PHRASES.values())


def test_nature_is_rated_more_pleasant_and_people_more_eventful() -> None:
    # Of traffic, other noise, people and nature alone.
    alone = dominance_of(np.eye(4))
    assert alone.min() == 1.0
    assert alone.max() == 5.0
    assert PLEASANT.rate(alone).argsort().tolist() == [0, 1, 2, 3]
    assert EVENTFUL.rate(alone).argmax() == 2
    assert EVENTFUL.rate(alone).argmin() == 3
    assert PLEASANT.ends == pytest.approx((0.1006, 0.6406), abs=1e-6)


def test_what_nobody_hears_of_people_is_the_sum_over_all_sets() -> None:
    found = true_values(INDICATORS["tranquillity"], **PLACES, month=6, hour=8.0)
    sets = all_sets()
    likely = np.exp(log_set_probability(odds(**PLACES, month=6, hour=8.0), sets))
    people = np.array([class_of(s) is SoundClass.ANTHROPOPHONY for s in SOUNDS])
    np.testing.assert_allclose(found, likely @ ~(sets & people).any(axis=1), rtol=1e-9)


@pytest.mark.parametrize("world", ["", "kepler"])
def test_true_shares_sum_to_one_in_any_world(world: str) -> None:
    where = {**PLACES, "month": 6, "hour": 8.0, "world": world_named(world)}
    shares = [true_values(INDICATORS[name], **where) for name in SHARES]
    np.testing.assert_allclose(sum(shares), 1.0)
    number = true_values(INDICATORS["sounds"], **where)
    assert ((number >= 1.0) & (number <= 3.0)).all()


def test_the_truth_itself_has_no_error() -> None:
    lat, lon = PLACES["lat"], PLACES["lon"]
    where = {"lat": lat, "lon": lon, "months": (1, 7), "hours": (6.0, 18.0)}
    times = [(month, hour) for month in where["months"] for hour in where["hours"]]
    truth = np.stack(
        [true_probability(lat=lat, lon=lon, month=month, hour=hour) for month, hour in times]
    )
    scores = {s.name: s for s in score_indicators(truth, 0.01 + 0.0 * truth, OURS, **where)}
    for name in set(INDICATORS) - {"tranquillity"}:
        assert scores[name].spearman == pytest.approx(1.0)
        assert scores[name].bias == pytest.approx(0.0, abs=1e-6)
        assert scores[name].held == 1.0
    # Sounds of a recording are not independent: at most three are heard.
    assert 0.9 < scores["tranquillity"].spearman < 1.0
    assert indicator_table(scores.values()).row_count == len(INDICATORS)


def test_a_vocabulary_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "sounds.csv"
    path.write_text("sound,class,source\nfrogs,biophony,\na tram,anthropophony,traffic\n")
    found = read_vocabulary(path)
    assert found.texts == ["frogs", "a tram"]
    assert [s.source for s in found.sounds] == [SoundSource.NATURE, SoundSource.TRAFFIC]
    share = INDICATORS["biophony"].value(found, np.array([0.3, 0.1]))
    assert share == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sound,class\nfrogs,animal\n", "line 2: 'animal' is none of biophony"),
        ("sound,class\n,biophony\n", "line 2: no sound"),
        ("name\nfrogs\n", "no sound; columns are sound, class"),
        ("sound,class\nfrogs,biophony\nfrogs,biophony\n", "'frogs' stands there twice"),
        ("sound,class\n", "no sounds in it"),
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "sounds.csv").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_vocabulary(tmp_path / "sounds.csv")


def test_names_are_found_as_people_write_them() -> None:
    assert indicator_named("Predicted NDSI").name == "predicted_ndsi"
    with pytest.raises(ConfigError, match="NDSI is predicted here: predicted_ndsi"):
        indicator_named("ndsi")
    with pytest.raises(ConfigError, match="choose biophony, geophony"):
        indicator_named("beauty")


def profile() -> IndicatorProfile:
    p = probabilities(5, (12, 24))
    return IndicatorProfile(
        lat=48.2, lon=16.4, vocabulary=OURS, probability=p, uncertainty=0.1 * p,
        indicators=tuple(INDICATORS.values()), model="toy", provenance=UNRECORDED,
        attribution="nobody", licence="CC0-1.0", calibration="none",
    )  # fmt: skip


def test_a_table_through_the_year_has_the_names_that_soundscapy_knows(tmp_path: Path) -> None:
    found = profile()
    with found.write_csv(tmp_path / "place.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 288
    assert {"LocationID", "ISOPleasant", "ISOEventful", "biophony_lower"} <= set(rows[0])
    pleasant = found.values(INDICATORS["pleasantness"])[0]
    assert float(rows[25]["ISOPleasant"]) == pytest.approx(pleasant[1, 1], rel=1e-4)
    peak = found.highest(INDICATORS["biophony"])
    assert peak["highest"] >= peak["lowest"]


def test_a_picture_through_the_year(tmp_path: Path) -> None:
    from PIL import Image

    found = profile()
    with Image.open(found.write_picture(tmp_path / "place.png")) as picture:
        assert min(picture.size) > 800


def psm(*arguments: str | Path) -> int:
    before, sys.argv = sys.argv, ["psm", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


def test_the_command_writes_a_table_of_a_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--indicator", "pleasantness", "--indicator", "sounds", "--json")
    assert psm("profile", "48.2", "16.4", *asked, "--out", tmp_path / "vienna.csv") == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["indicator"] for row in document["indicators"]] == ["pleasantness", "sounds"]
    assert document["calibration"].startswith("second opinions")
    with (tmp_path / "vienna.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 288
    assert all(0.10 <= float(row["ISOPleasant"]) <= 0.65 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("map", "--indicator", "beauty"), "choose biophony"),
        (("map", "frogs", "--indicator", "biophony"), "--indicator biophony: it is mapped instead"),
        (("map", "frogs", "--vocabulary", "x.csv"), "only an --indicator has sounds with classes"),
        (("profile", "48", "16", "--out", "x.csv"), "only indicators are written as CSV"),
        (("map", "--indicator", "sounds", "--vocabulary", "none.csv"), "not readable as a vocab"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert psm(*arguments) == 2
    said = capsys.readouterr().err.strip()
    assert complaint in said
    assert said.count("\n") == 0


def test_soundscapy_reads_the_table(tmp_path: Path) -> None:
    soundscapy = pytest.importorskip("soundscapy")
    import pandas

    table = pandas.read_csv(profile().write_csv(tmp_path / "place.csv"))
    assert soundscapy.scatter(table) is not None
