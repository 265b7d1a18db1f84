from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from psm.cartography.equalearth import CENTRAL_LON, unproject
from psm.cartography.night import night_side
from psm.cartography.style import PAPER, SEA, figure_style, robust_range
from psm.errors import ConfigError
from psm.geodata.sun import elevation
from psm.mapping import EmbeddedCells, Frame, Moment, Query, SoundscapeMap, map_query
from psm.mapping.outputs import animate, hours_of_day, months_of_year, write_gif
from psm.mapping.outputs.render import draw
from psm.model import PSM

BELLS = Query(texts=("church bells",))


@pytest.fixture
def soundscape(model: PSM, embedded: EmbeddedCells) -> SoundscapeMap:
    return map_query(model, embedded, BELLS, Moment(month=7, hour=6.0))


def _texts(soundscape: SoundscapeMap, value_range: tuple[float, float] | None = None) -> str:
    with figure_style():
        figure = draw(soundscape, value_range=value_range, width_px=300)
    labels = [axes.get_xlabel() for axes in figure.axes]
    return "\n".join([*(text.get_text() for text in figure.texts), *labels])


def test_the_figure_says_what_is_mapped(soundscape: SoundscapeMap) -> None:
    texts = _texts(soundscape)
    for part in ("“church bells”", "July · 06:00 local time", "match probability", "uncertainty"):
        assert part in texts
    assert "2nd to 98th percentile" in texts
    assert soundscape.attribution in texts
    assert "fixed range" in _texts(soundscape, (0.0, 1.0))


def test_a_range_of_colours_needs_two_ends(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"colour range 0\.5 to 0\.5"):
        soundscape.to_png(tmp_path / "bells.png", value_range=(0.5, 0.5))
    assert not list(tmp_path.glob("*.png"))


def test_a_long_query_is_made_to_fit(model: PSM, embedded: EmbeddedCells) -> None:
    query = Query(texts=("a very long description of all that is heard " * 8,))
    with figure_style():
        found = map_query(model, embedded, query)
        figure = draw(found, value_range=None, width_px=400)
        title = figure.texts[0]
        assert title.get_text().endswith("…")
        assert title.get_window_extent().x1 <= figure.bbox.width


def test_the_png_is_a_picture_of_land_and_sea(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    path = soundscape.to_png(tmp_path / "maps" / "bells.png", width_px=600)
    assert dict(mpl.rcParams) == before
    with Image.open(path) as image:
        assert image.width == 600
        assert "psm" in image.text["Software"]
        pixels = np.asarray(image.convert("RGB"))
    is_sea = (pixels == np.round(255 * np.array(to_rgb(SEA)))).all(-1)
    assert 0.2 < is_sea.mean() < 0.6
    assert tuple(pixels[0, 0]) == (255, 255, 255) == tuple(int(255 * c) for c in to_rgb(PAPER))
    assert [entry.name for entry in path.parent.iterdir()] == ["bells.png"]


def test_the_same_map_gives_the_same_picture(soundscape: SoundscapeMap, tmp_path: Path) -> None:
    first, second = (soundscape.to_png(tmp_path / f"{n}.png", width_px=300) for n in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_range_of_colours_leaves_out_the_extremes_of_the_area() -> None:
    raster = np.full((180, 360), np.nan, np.float32)
    raster[90] = np.linspace(0.0, 1.0, 360)
    raster[0] = 50.0  # a whole row beside the pole, but next to no area
    low, high = robust_range(raster, frame=Frame.globe(1.0))
    assert low == pytest.approx(0.02, abs=0.01)
    assert high == pytest.approx(0.98, abs=0.02)
    flat = robust_range(np.full((18, 36), 0.25, np.float32), frame=Frame.globe(10.0))
    assert flat[0] < 0.25 < flat[1]


@pytest.mark.parametrize(("month", "utc"), [(1, 0.0), (3, 7.5), (7, 6.0), (9, 23.0)])
def test_the_sun_stands_on_the_horizon_along_the_terminator(month: int, utc: float) -> None:
    night = night_side(month=month, utc=utc)
    assert night is not None
    lat, lon = unproject(night.terminator[1:-1, 0], night.terminator[1:-1, 1])
    hour = (utc + (lon + CENTRAL_LON) / 15.0) % 24.0
    np.testing.assert_allclose(elevation(lat=lat, month=month, hour=hour), 0.0, atol=1e-3)


def test_night_is_known_for_an_instant_only() -> None:
    assert night_side(month=7, utc=None) is None
    assert night_side(month=None, utc=6.0) is None


def test_an_animation_has_a_frame_for_every_moment(
    model: PSM, embedded: EmbeddedCells, tmp_path: Path
) -> None:
    moments = hours_of_day(month=7, utc=True)[::6]
    path = animate(model, embedded, BELLS, moments, tmp_path / "bells.gif", width_px=360)
    with Image.open(path) as film:
        assert (film.n_frames, film.width, film.info["loop"]) == (4, 360, 0)
        frames = []
        for number in range(4):
            film.seek(number)
            frames.append(np.asarray(film.convert("RGB")).astype(int))
    assert all((frame[0, 0] == 255).all() for frame in frames)
    changed = [np.abs(a - b).max(-1) > 0 for a, b in pairwise(frames)]
    assert all(0.01 < part.mean() < 0.7 for part in changed)


def test_moments_of_a_day_and_of_a_year() -> None:
    assert [moment.hour for moment in hours_of_day(month=7)] == list(range(24))
    assert {moment.utc for moment in hours_of_day(month=7)} == {None}
    assert [moment.month for moment in months_of_year(utc=6.0)] == list(range(1, 13))


def test_an_animation_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one moment"):
        write_gif([], tmp_path / "none.gif")
    assert not list(tmp_path.iterdir())
