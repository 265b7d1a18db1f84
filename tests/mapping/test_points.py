"""A model that gives points: how far its maps may be off is not known, and everything says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from psm.config import HeadConfig
from psm.errors import ConfigError
from psm.mapping import Cells, EmbeddedCells, Moment, Query, SoundscapeMap, embed_cells, map_query
from psm.mapping.bands import UNCERTAINTY_UNKNOWN
from psm.mapping.outputs.render import draw
from psm.mapping.profile import profile
from psm.model import PSM
from psm.planning.surveying import uncertain
from tests.mapping.store.fakes import PlaceImagery, tiny_config

KINDS = {
    "points": HeadConfig(probabilistic=False),
    "codebook": HeadConfig(kind="codebook", codes=20, temperature=2.0, probabilistic=False),
}


@pytest.fixture(scope="module", params=KINDS)
def points(request: pytest.FixtureRequest) -> PSM:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return PSM(tiny_config().model_copy(update={"heads": KINDS[request.param]})).eval()


@pytest.fixture
def drawn(points: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path) -> SoundscapeMap:
    embedded: EmbeddedCells = embed_cells(points, imagery, cells, zoom=1, store=tmp_path / "store")
    return map_query(points, embedded, Query(texts=("bells",)), Moment(month=3, hour=4.0))


def test_a_map_of_points_knows_no_uncertainty(drawn: SoundscapeMap, tmp_path: Path) -> None:
    assert np.isfinite(drawn.values()).any()
    assert np.isnan(drawn.values("uncertainty")).all()
    assert not drawn.knows_uncertainty
    assert drawn.tags["uncertainty"] == UNCERTAINTY_UNKNOWN
    assert np.isnan(drawn.interval()[0]).all()
    with rasterio.open(drawn.write(tmp_path / "bells.tif")) as source:
        assert source.descriptions == ("match probability",)
        assert source.tags()["uncertainty"] == UNCERTAINTY_UNKNOWN


@pytest.mark.parametrize("how", ["inset", "hatch", "fade"])
def test_a_picture_says_so_and_draws_none(drawn: SoundscapeMap, how: str) -> None:
    figure = draw(drawn, value_range=None, width_px=400, uncertainty=how)
    words = [text.get_text() for text in figure.texts]
    assert sum("uncertainty not known" in text for text in words) == 1
    plain = draw(drawn, value_range=None, width_px=400, uncertainty="none")
    assert len(figure.axes) == len(plain.axes)


def test_a_profile_holds_none(points: PSM, imagery: PlaceImagery, tmp_path: Path) -> None:
    found = profile(points, imagery, ["bells", "frogs"], lat=45.0, lon=15.0)
    written = json.loads(found.write_json(tmp_path / "profile.json").read_text())
    assert all(sound["uncertainty"] is None for sound in written["sounds"].values())


def test_a_plan_by_uncertainty_is_refused(drawn: SoundscapeMap, cells: Cells) -> None:
    with pytest.raises(ConfigError, match="not known: the model gives points"):
        uncertain([drawn], cells)


def test_a_map_that_knows_one_says_nothing(drawn: SoundscapeMap) -> None:
    known = replace(drawn, data=drawn.data.assign(uncertainty=drawn.data["csd"]))
    assert known.knows_uncertainty
    assert "uncertainty" not in known.tags
