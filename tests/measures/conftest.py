"""A table of measurements whose truth is known, and what a tiny model makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from psm.measures import ColumnSettings, FittedMeasure, fit_measures
from psm.model import PSM
from psm.seeding import generator
from tests.mapping.store.fakes import PlaceImagery, tiny_config
from tests.tiny import tiny_experiment

ROWS = 60


def table(path: Path, **columns: object) -> Path:
    """A CSV of places around 48 N, 12 E with a level that grows to the east and at noon."""
    rng = generator(0, "measurements")
    lat, lon = rng.uniform(40, 56, ROWS), rng.uniform(0, 24, ROWS)
    month, hour = rng.integers(1, 13, ROWS), rng.uniform(0, 24, ROWS)
    level = -60 + 1.2 * lon - 4.0 * np.cos(hour / 12 * np.pi) + rng.normal(0, 1.0, ROWS)
    share = 1.0 / (1.0 + np.exp(-(lat - 48) / 4))
    every = {
        "lat": lat.round(4), "lon": lon.round(4), "month": month, "hour": hour.round(2),
        "laeq_db": level.round(2), "share": share.round(3), **columns,
    }  # fmt: skip
    lines = [
        ",".join(every),
        *(",".join(map(str, row)) for row in zip(*every.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_desk(folder: Path) -> Path:
    """A folder with a model, imagery of central Europe and a table, for the verbs."""
    PSM(tiny_experiment().model).save_pretrained(folder / "model")
    pixels = generator(0, "imagery").integers(1, 256, (3, 1000, 1300)).astype(np.uint8)
    with rasterio.open(
        folder / "world.tif", "w", driver="GTiff", width=1300, height=1000, count=3, dtype="uint8",
        crs="EPSG:4326", transform=rasterio.Affine(0.02, 0.0, -1.0, 0.0, -0.02, 58.0),
    ) as raster:  # fmt: skip
        raster.write(pixels)
    table(folder / "levels.csv", constant=["1"] * ROWS)
    return folder


@pytest.fixture(scope="session")
def model() -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config()).eval()


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSM_CACHE", str(_cache))


@pytest.fixture(scope="session")
def levels(tmp_path_factory: pytest.TempPathFactory, _cache: Path, model: PSM) -> FittedMeasure:
    """The level of the table, fitted."""
    path = table(tmp_path_factory.mktemp("levels") / "levels.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSM_CACHE", str(_cache))
        (made,) = fit_measures(
            path, ["laeq_db"], model, PlaceImagery(), settings=ColumnSettings(unit="dB")
        )
    return made
