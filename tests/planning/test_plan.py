"""Plans: sites of a region, as a table, waypoints and a picture; months as people say them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
import torch
from PIL import Image

from psm.errors import ConfigError
from psm.mapping import EmbeddedCells, embed_cells
from psm.mapping.region import Region
from psm.measures import fit_measures
from psm.model import PSM
from psm.planning import plan_sites, write_plan
from psm.planning.surveying import months_of
from tests.mapping.store.fakes import PlaceImagery, tiny_config
from tests.measures.conftest import table


@pytest.fixture(scope="module")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config()).eval()


@pytest.fixture(scope="module")
def region(model: PSM, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedCells:
    cells = Region.parse("2,42,22,54").grid(100_000.0).cells()
    return embed_cells(model, PlaceImagery(), cells, store=tmp_path_factory.mktemp("store"))


def test_sites_come_in_the_order_of_what_they_add(model: PSM, region: EmbeddedCells) -> None:
    plan = plan_sites(model, region, sites=6, recorders=4, months=(4, 5, 6), apart_km=150.0)
    adds = [site.adds for site in plan.sites]
    assert adds == sorted(adds, reverse=True)
    assert plan.sites[-1].left == pytest.approx(1.0 - sum(adds), abs=1e-3)
    assert {visit.month for visit in plan.visits} == {4, 5, 6}
    assert plan.recorders == 4
    assert ((plan.error > 0.0) & (plan.error <= 1.0 + 1e-3)).all()
    best = plan.sites[0].cell
    assert plan.error[best] < np.median(plan.error)


def test_what_is_there_counts_and_access_is_kept(model: PSM, region: EmbeddedCells) -> None:
    east = shapely.box(12.0, 42.0, 22.0, 54.0)
    first = plan_sites(model, region, sites=1, months=(6,), access=east)
    at = [(float(region.cells.lat[s.cell]), float(region.cells.lon[s.cell])) for s in first.sites]
    assert at[0][1] >= 12.0
    again = plan_sites(model, region, sites=1, months=(6,), access=east, existing=np.array(at))
    assert again.sites[0].cell != first.sites[0].cell
    assert again.known == pytest.approx(first.sites[0].adds, rel=1e-6)
    assert first.known == 0.0
    with pytest.raises(ConfigError, match="where --access allows"):
        plan_sites(model, region, sites=1, access=shapely.box(100, 0, 101, 1))


def test_a_measure_decides_by_what_it_knows(
    model: PSM, region: EmbeddedCells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path / "cache"))
    path = table(tmp_path / "levels.csv")
    (made,) = fit_measures(path, ["laeq_db"], model, PlaceImagery(), baselines=False)
    plan = plan_sites(model, region, sites=2, measure=made.measure)
    # Sixty places are known already: the map is not empty at the beginning.
    assert plan.known > 0.1
    assert plan.sites[0].left + plan.sites[0].adds == pytest.approx(1.0)


@pytest.mark.parametrize("suffix", [".csv", ".geojson", ".gpx", ".png"])
def test_a_plan_is_written_for_the_field(
    model: PSM, region: EmbeddedCells, tmp_path: Path, suffix: str
) -> None:
    plan = plan_sites(
        model, region, sites=3, months=(4,), existing=np.array([[48.0, 12.0]]),
        about={"model": "tiny", "statement": "a test"},
    )  # fmt: skip
    path = write_plan(plan, tmp_path / f"plan{suffix}")
    if suffix == ".csv":
        with path.open() as stream:
            rows = list(csv.DictReader(stream))
        assert [row["site"] for row in rows] == ["1", "2", "3"]
        assert rows[0]["months"] == "4"
    elif suffix == ".geojson":
        features = json.loads(path.read_text())["features"]
        assert [feature["properties"]["hours"] for feature in features] == ["0-24"] * 3
    elif suffix == ".gpx":
        root = ElementTree.parse(path).getroot()
        points = root.findall("{http://www.topografix.com/GPX/1/1}wpt")
        assert float(points[0].attrib["lat"]) == pytest.approx(plan.rows[0]["lat"])
    else:
        with Image.open(path) as picture:
            assert picture.text["model"] == "tiny"


def test_months_are_read_as_people_say_them() -> None:
    assert months_of("4-7") == (4, 5, 6, 7)
    assert months_of("11-2") == (11, 12, 1, 2)
    assert months_of("3, 6,9") == (3, 6, 9)
    for wrong in ("", "0-3", "summer", "13"):
        with pytest.raises(ConfigError, match="write 4-7"):
            months_of(wrong)
