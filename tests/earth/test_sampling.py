from __future__ import annotations

import numpy as np
import pytest
import shapely

from psm.data.recording import AUDIO_SOURCES, CAPTION_SOURCES, AudioSource
from psm.earth.layers import Layers
from psm.earth.sampling import (
    SHARES,
    SHORE_KM,
    SampledPlaces,
    hour_weight,
    sample_places,
    source_bias,
    source_biases,
)
from psm.earth.sounds import SOUNDS, Sound
from psm.errors import ConfigError
from psm.geodata.land import land_grid


@pytest.fixture(scope="module")
def places() -> SampledPlaces:
    return sample_places(3000, 1)


def test_places_lie_on_land_or_near_its_shore(places):
    layers = Layers.load().at(lat=places.lat, lon=places.lon)
    assert (layers.is_land | (layers.coast_km <= SHORE_KM)).all()
    assert places.lat.min() > -60
    assert places.lat.max() < 84
    assert (np.abs(places.lon) <= 180).all()


def test_both_hemispheres_and_the_wild_are_well_covered(places):
    assert (places.lat < 0).mean() > 0.4
    assert (places.lat < -20).mean() > 0.25
    assert (places.lat > 25).mean() > 0.3
    town_km = Layers.load().at(lat=places.lat, lon=places.lon).town_km
    assert (town_km < 5).mean() > 0.3
    assert (town_km > 20).mean() > 0.15


def test_places_of_a_region_lie_in_it_and_do_not_depend_on_how_many_are_drawn() -> None:
    alps = shapely.Polygon([(5, 44), (17, 45), (16, 49), (6, 48)])
    some, more = (sample_places(n, 3, region=alps) for n in (100, 300))
    np.testing.assert_array_equal(more.lat[:100], some.lat)
    assert np.isfinite(more.lat).mean() > 0.95
    found = more.rows(np.flatnonzero(np.isfinite(more.lat)))
    assert shapely.contains_xy(alps, found.lon, found.lat).all()
    layers = Layers.load().at(lat=found.lat, lon=found.lon)
    assert 0.3 < (layers.town_km < 5).mean() < 0.95
    fiji = shapely.MultiPolygon(
        [shapely.box(177, -19, 180, -16), shapely.box(-180, -19, -178, -16)]
    )
    lon = sample_places(50, 3, region=fiji).lon
    assert (lon > 0).any()
    assert (lon < 0).any()


def test_times_and_sources_have_their_shares(places):
    months = np.bincount(places.month, minlength=13)[1:]
    assert months.min() > 0.8 * len(places) / 12
    assert ((places.hour >= 0) & (places.hour < 24)).all()
    at_night = (places.hour < 6) | (places.hour >= 20)
    assert at_night.mean() > 0.2
    for source in AUDIO_SOURCES:
        mine = places.audio_source == source
        assert mine.mean() == pytest.approx(SHARES[source], abs=0.04)
        assert at_night[mine].mean() > 0.1
    for caption_source in CAPTION_SOURCES:
        assert (places.caption_source == caption_source).mean() > 0.3


def test_freesound_has_no_hour(places):
    hidden = ~places.has_hour
    np.testing.assert_array_equal(hidden, places.audio_source == AudioSource.FREESOUND)


def test_each_place_depends_on_its_number_alone():
    whole, part = sample_places(30, 5), sample_places(4, 5, start=20)
    for name in vars(whole):
        np.testing.assert_array_equal(getattr(whole, name)[20:24], getattr(part, name))
    assert not np.array_equal(whole.lat, sample_places(30, 6).lat)


def test_rows_and_concatenate_undo_each_other():
    whole = sample_places(6, 2)
    again = SampledPlaces.concatenate([whole.rows(np.arange(2)), whole.rows(np.arange(2, 6))])
    for name in vars(whole):
        np.testing.assert_array_equal(getattr(whole, name), getattr(again, name))


def test_no_places_and_negative_numbers():
    assert len(sample_places(0, 1)) == 0
    with pytest.raises(ConfigError, match="negative"):
        sample_places(-1, 1)


def test_land_grid_covers_the_land():
    lat, lon = land_grid(2.0)
    cells = set(zip(lat.tolist(), lon.tolist(), strict=True))
    assert len(cells) == len(lat)
    assert {(47.0, 9.0), (-25.0, 133.0), (71.0, -41.0)} <= cells
    assert not {(31.0, -41.0), (-77.0, 41.0), (87.0, 1.0)} & cells
    assert 0.28 < np.cos(np.deg2rad(lat)).sum() * 4 / (360 * 360 / np.pi) < 0.4


def test_land_grid_agrees_with_the_layers():
    lat, lon = land_grid(5.0)
    every_lat, every_lon = np.meshgrid(np.arange(-57.5, 84, 5.0), np.arange(-177.5, 180, 5.0))
    values = Layers.load().at(lat=every_lat.ravel(), lon=every_lon.ravel())
    centres = zip(every_lat.ravel()[values.is_land], every_lon.ravel()[values.is_land], strict=True)
    assert set(centres) <= set(zip(lat.tolist(), lon.tolist(), strict=True))


@pytest.mark.parametrize("step", [0.0, -1.0, 0.7, 60.0])
def test_unusable_grid_step_is_refused(step):
    with pytest.raises(ConfigError, match="grid step"):
        land_grid(step)


def test_sources_hear_what_they_are_known_for():
    bias = {source: dict(zip(SOUNDS, source_bias(source), strict=True)) for source in AUDIO_SOURCES}
    loudest = {sound: max(AUDIO_SOURCES, key=lambda s: bias[s][sound]) for sound in SOUNDS}
    assert loudest[Sound.SONGBIRDS] == AudioSource.INAT
    assert loudest[Sound.VOICES] == AudioSource.YFCC
    assert loudest[Sound.SHEEP] == AudioSource.APOREE
    assert loudest[Sound.THUNDER] == AudioSource.FREESOUND
    assert source_biases().shape == (4, 28)
    assert (source_biases() > 0).all()
    hours = np.arange(0.0, 24.0, 0.1)
    for source in AUDIO_SOURCES:
        assert hour_weight(source, hours).mean() == pytest.approx(1.0, abs=0.01)
