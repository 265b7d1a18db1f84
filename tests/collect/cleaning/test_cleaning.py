from __future__ import annotations

from dataclasses import replace

from psm.collect.cleaning.clean import clean_all
from psm.collect.columns import Stage
from psm.collect.listing import list_all
from tests.collect.little import Little
from tests.collect.sites import site


class Placed(Little):
    """Recordings in Vienna, Bratislava, Sydney, and one of nowhere."""

    places = ((48.2082, 16.3738), (48.1486, 17.1077), (-33.8688, 151.2093), (None, None))

    def __init__(self):
        super().__init__("aporee", 4)

    def record(self, number):
        lat, lon = self.places[number]
        return replace(super().record(number), lat=lat, lon=lon)


def clean(folder, **changes):
    with site(folder, Placed(), **changes) as opened:
        list_all(opened)
        clean_all(opened)
        clean_all(opened)
        rows = opened.catalogue.ready(Stage.SELECT, ("country", "hour", "licence", "timezone"))
        return {row["key"]: row for row in rows}, opened.catalogue.refusals()


def test_what_is_known_of_a_place_is_in_the_row(tmp_path):
    rows, refused = clean(tmp_path)
    assert {key: row["country"] for key, row in rows.items()} == {
        "aporee-0": "AT", "aporee-1": "SK", "aporee-2": "AU"
    }  # fmt: skip
    assert rows["aporee-2"]["timezone"] == "Australia/Sydney"
    assert rows["aporee-0"]["licence"] == "CC-BY-4.0"
    assert sum(refused.values()) == 1


def test_a_region_narrows_it_down(tmp_path):
    rows, refused = clean(tmp_path, region="15,47,18,49")
    assert set(rows) == {"aporee-0", "aporee-1"}
    assert refused["clean", "outside of the region"] == 1


def test_the_other_side_of_the_antimeridian_is_in_a_region_across_it(tmp_path):
    rows, _ = clean(tmp_path, region="150,-40,-170,-30")
    assert set(rows) == {"aporee-2"}
