"""A region seen through files, tiles and scenes of the same pixels is the same map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from psm.config import ImageryConfig
from psm.imagery import open_imagery
from psm.mapping import Moment, Query, embed_cells, map_query
from psm.mapping.region import Region
from psm.model import PSM
from tests.imagery.scene import LAT, LON, scene_file
from tests.imagery.scenes import Scene, write_catalogue
from tests.imagery.tileserver import Server
from tests.mapping.store.fakes import tiny_config


# odc-geo 0.5 multiplies transforms and moves shapes as affine 2 and shapely 2.0 want it.
@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning:odc.geo")
@pytest.mark.filterwarnings(r"ignore:The 'shapely.ops:DeprecationWarning:odc.geo")
def test_files_tiles_and_scenes_make_the_same_map(tmp_path: Path, server: Server) -> None:
    scene_file(tmp_path / "files" / "a.tif", "EPSG:3035", 12.0, 500, overviews=(2, 4))
    catalogue = write_catalogue(
        tmp_path, [Scene("new", added=1000, properties={"s2:processing_baseline": "05.00"})]
    )
    imagery = ImageryConfig(view_px=16, gsd_m=40.0, zooms=(1, 3))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = PSM(tiny_config().model_copy(update={"imagery": imagery})).eval()
    cells = Region.circle(lat=LAT, lon=LON, radius_m=900.0).grid(250.0).cells()
    maps = []
    for name, options in (
        (str(tmp_path / "files"), {}),
        (f"xyz:{server.url}", {"rate": 1000.0}),
        (f"stac:{catalogue}", {"month": 7, "parallel": 1}),
    ):
        provider = open_imagery(name, **options)
        embedded = embed_cells(model, provider, cells, store=tmp_path / "stores")
        found = map_query(model, embedded, Query(texts=("frogs",)), Moment(month=7, hour=5.0))
        maps.append(found.values()[cells.rows, cells.columns])
        assert found.attribution == provider.attribution
    assert len(cells) > 30
    assert np.isfinite(maps).all()
    for other in maps[1:]:
        assert np.abs(other - maps[0]).max() < 0.05 * np.ptp(maps[0])
