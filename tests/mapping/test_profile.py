from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psm.errors import ConfigError, InvalidContext, MissingData
from psm.geodata.frame import Frame
from psm.imagery import Reason
from psm.mapping import Cells, Moment, Query, embed_cells, map_query
from psm.mapping.outputs.profileplot import place_name, write_profile
from psm.mapping.profile import profile
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery

SOUNDS = ("frogs", "rain", "church bells")


def test_a_profile_is_what_maps_say_of_the_place(model: PSM, tmp_path: Path) -> None:
    frame = Frame.globe(10.0)
    cells = Cells(frame, *(np.atleast_1d(at) for at in frame.index(lat=45.0, lon=15.0)))
    embedded = embed_cells(model, PlaceImagery(), cells, store=tmp_path)
    found = profile(model, PlaceImagery(), SOUNDS, lat=45.0, lon=15.0)
    assert found.probability.shape == found.uncertainty.shape == (3, 12, 24)
    for sound, month, hour in ((0, 7, 5), (2, 1, 23)):
        moment = Moment(month=month, hour=float(hour))
        soundscape = map_query(model, embedded, Query(texts=(SOUNDS[sound],)), moment)
        at = soundscape.at(lat=45.0, lon=15.0)
        expected = (at["match_probability"], at["uncertainty"])
        values = (
            found.probability[sound, month - 1, hour],
            found.uncertainty[sound, month - 1, hour],
        )
        assert values == pytest.approx(expected, rel=0.02)  # a store keeps float16
        assert values[1] > 0.0


def test_the_likeliest_sound_comes_first_and_its_peak_is_found(model: PSM) -> None:
    found = profile(model, PlaceImagery(), SOUNDS, lat=-3.0, lon=-60.0)
    order = found.loudest()
    peaks = found.probability.max((1, 2))
    assert sorted(order) == [0, 1, 2]
    assert np.all(np.diff(peaks[order]) <= 0)
    month, hour = found.peak(order[0])
    assert found.probability[order[0], month - 1, hour] == peaks[order[0]]


def test_a_profile_is_drawn_and_written(model: PSM, tmp_path: Path) -> None:
    found = profile(model, PlaceImagery(), SOUNDS, lat=-3.0, lon=-60.0)
    with Image.open(write_profile(found, tmp_path / "place.png", dpi=60)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    with pytest.raises(ConfigError, match="1 to 28 sounds"):
        write_profile(found, tmp_path / "place.png", most=0)
    assert place_name(lat=-3.1, lon=-60.0) == "3.10° S, 60.00° W"


def test_no_place_no_zoom_and_no_imagery_are_said(model: PSM) -> None:
    with pytest.raises(InvalidContext, match="latitude"):
        profile(model, PlaceImagery(), SOUNDS, lat=95.0, lon=0.0)
    with pytest.raises(ConfigError, match="zoom 2: tiny knows 1, 3"):
        profile(model, PlaceImagery(), SOUNDS, lat=5.0, lon=0.0, zoom=2)
    nothing = PlaceImagery(missing={(5.0, 0.0): Reason.CLOUD})
    with pytest.raises(MissingData, match="5, 0: clouds"):
        profile(model, nothing, SOUNDS, lat=5.0, lon=0.0)
