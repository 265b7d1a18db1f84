"""A sheet of maps: one picture, one scale, one to four maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from psm.errors import ConfigError
from psm.mapping import EmbeddedCells, Moment, Query, map_queries
from psm.mapping.outputs.sheet import write_sheet
from psm.model import PSM


@pytest.mark.parametrize("count", [1, 4])
def test_a_sheet_is_one_picture(
    count: int, model: PSM, embedded: EmbeddedCells, tmp_path: Path
) -> None:
    moments = [Moment(month=month, hour=6.0) for month in range(1, count + 1)]
    maps = list(map_queries(model, embedded, [Query(texts=("frogs",))], moments))
    with Image.open(write_sheet(maps, tmp_path / "sheet.png", width_px=600)) as picture:
        assert picture.width == 600
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


@pytest.mark.parametrize("count", [0, 5])
def test_too_many_maps_or_none_are_refused(
    count: int, model: PSM, embedded: EmbeddedCells, tmp_path: Path
) -> None:
    moments = [Moment(month=month) for month in range(1, 6)]
    maps = list(map_queries(model, embedded, [Query(texts=("frogs",))], moments))[:count]
    with pytest.raises(ConfigError, match=f"not {count}"):
        write_sheet(maps, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
