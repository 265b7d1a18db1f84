from __future__ import annotations

import pytest

from psm.errors import ConfigError, MissingData
from psm.geodata.gazetteer import find_town, find_towns, nearly
from psm.mapping.region import Region, format_length, parse_length


@pytest.mark.parametrize(
    ("text", "metres"),
    [("500m", 500.0), ("2km", 2000.0), (" 1.5 KM ", 1500.0), (".5km", 500.0), ("30 m", 30.0)],
)
def test_lengths_have_a_unit(text: str, metres: float) -> None:
    assert parse_length(text) == metres


@pytest.mark.parametrize("text", ["500", "km", "0m", "-2km", "1e3m", "2 miles", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="500m or 2km"):
        parse_length(text)


def test_lengths_are_written_as_they_are_read() -> None:
    assert [format_length(m) for m in (500.0, 2000.0, 1500.0)] == ["500 m", "2 km", "1.5 km"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("globe", "globe"),
        ("Vienna", "Vienna, AT"),
        ("wien", "Vienna, AT"),
        ("Vienna, US", "Vienna, US"),
        ("Vienna,us, 3km", "Vienna, US"),
        ("sao paulo", "São Paulo, BR"),
        ("48.2,16.37,5km", "5 km around 48.2,16.37"),
        ("-10,40,5,50", "-10,40,5,50"),
    ],
)
def test_a_region_by_its_words(text: str, name: str) -> None:
    assert Region.parse(text).name == name


def test_the_circle_of_a_town_follows_its_people_unless_a_radius_is_given() -> None:
    vienna, tiny = find_town("Vienna"), find_towns("Vienna")[-1]
    assert vienna.people > 1_000_000 > tiny.people
    assert vienna.radius_m > 11_000 > tiny.radius_m >= 2000
    assert Region.parse("Vienna").area_km2 == pytest.approx(
        3.1416e-6 * vienna.radius_m**2, rel=0.01
    )
    assert Region.parse("Vienna, 20km").area_km2 == pytest.approx(3.1416 * 400, rel=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Budapset", "did you mean Budapest, HU"),
        ("Atlantis beneath the waves", "no town or country is called"),
        ("Austria", "is a country, and outlines .* give a GeoJSON"),
        ("USA", "is a country"),
        ("Luxembourg", "the town is Luxembourg, LU"),
        ("Vienna, XX", "no town 'Vienna' in XX, but in AT"),
        ("Vienna, near the river", "two-letter country"),
        ("48.2,16.37", "a point needs a radius, as 48.2,16.37,5km"),
        ("48.2,16.37,5", "the radius needs a unit"),
        ("1,2,3,4,5", "a bbox is four numbers"),
        ("48.2,north,5km", "numbers and words mixed"),
        ("95,16.37,5km", "lat,lon"),
        ("", "name a place"),
        (",", "name a place"),
    ],
)
def test_an_error_says_how_to_write_it(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Region.parse(text)


def test_a_file_that_is_not_there_is_no_place() -> None:
    with pytest.raises(MissingData, match="no such file"):
        Region.parse("park.geojson")


def test_near_misses_are_offered_for_countries_too() -> None:
    assert "Austria" in nearly("Austira")
