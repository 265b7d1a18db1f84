"""Figures of regions, held against what they have to show."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from rasterio.transform import Affine

from psm.cartography.style import NO_DATA, figure_style
from psm.errors import ConfigError
from psm.mapping import Frame, SoundscapeMap
from psm.mapping.outputs.overlay import Uncertainty
from psm.mapping.outputs.render import draw
from psm.mapping.outputs.sheet import write_sheet

MakeFrame = Callable[..., Frame]
MakeMap = Callable[..., SoundscapeMap]


@pytest.fixture
def vienna(around: MakeFrame, place_map: MakeMap) -> SoundscapeMap:
    return place_map(around(lat=48.2, lon=16.4, rows=10, columns=12, step_m=5000.0))


def _words(figure: Figure) -> list[str]:
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_xlabel(), *(text.get_text() for text in axes.texts)]
    return found


def _draw(soundscape: SoundscapeMap, uncertainty: Uncertainty = "inset") -> Figure:
    with figure_style():
        return draw(soundscape, value_range=None, width_px=400, uncertainty=uncertainty)


def test_the_figure_names_what_it_shows(vienna: SoundscapeMap) -> None:
    words = _words(_draw(vienna))
    for part in ("“church bells”", "Vienna", "48°N", "N", "10 km", "no data"):
        assert part in words
    text = "\n".join(words)
    assert "July · 06:00 local time · cells of 5 km" in text
    assert "somebody's data, GSHHG (LGPL), GeoNames (CC BY 4.0) · licence CC-BY-4.0" in text


def test_names_of_towns_do_not_touch(vienna: SoundscapeMap) -> None:
    figure = _draw(vienna)
    names = [text for text in figure.axes[0].texts if re.fullmatch(r"[^\W\d]{3,}", text.get_text())]
    boxes = {text.get_text(): text.get_window_extent() for text in names}
    assert len(boxes) >= 2
    for name, box in boxes.items():
        assert box.count_overlaps([other for key, other in boxes.items() if key != name]) == 0
        room = figure.axes[0].get_window_extent()
        assert room.x0 <= box.x0 < box.x1 <= room.x1


def test_cells_are_drawn_where_they_lie(vienna: SoundscapeMap, tmp_path: Path) -> None:
    """The empty cell of the first row, and nothing else, has the colour of no data."""
    path = vienna.to_png(tmp_path / "bells.png", width_px=1200, uncertainty="none")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    with figure_style():
        figure = draw(vienna, value_range=None, width_px=1200, uncertainty="none")
    box = figure.axes[0].get_window_extent()
    is_empty = (pixels == np.round(255 * np.array(to_rgb(NO_DATA)))).all(-1)
    top, left = pixels.shape[0] - box.y1, box.x0
    inside = is_empty[int(top) + 1 : int(pixels.shape[0] - box.y0), int(left) + 1 : int(box.x1)]
    rows, columns = np.nonzero(inside)
    cell_px = box.width / 12
    # Shores, borders and the graticule cross the cell.
    assert inside.sum() > 0.6 * cell_px**2
    assert columns.min() >= cell_px - 2
    assert columns.max() <= 2 * cell_px + 2
    assert rows.max() <= cell_px + 2


@pytest.mark.parametrize(
    "frame",
    [
        Frame("EPSG:32633", Affine(1e3, 0.0, 5e5, 0.0, -1e3, 5.4e6), (1, 1)),
        Frame("EPSG:32633", Affine(1e3, 0.0, 5e5, 0.0, -1e3, 5.4e6), (3, 3)),
        Frame("EPSG:32633", Affine(1e4, 0.0, 5e5, 0.0, -1e4, 5.4e6), (1, 60)),
        Frame("EPSG:32633", Affine(1e4, 0.0, 5e5, 0.0, -1e4, 5.4e6), (60, 1)),
        Frame("EPSG:3413", Affine(2e5, 0.0, -2e6, 0.0, -2e5, 2e6), (20, 20)),
        Frame("EPSG:3832", Affine(1e5, 0.0, 2.5e6, 0.0, -1e5, -1.5e6), (9, 14)),
        Frame("EPSG:4326", Affine(0.5, 0.0, 5.0, 0.0, -0.5, 55.0), (10, 12)),
        Frame("ESRI:54008", Affine(2e6, 0.0, -2e7, 0.0, -2e6, 1e7), (10, 20)),
    ],
    ids=["one cell", "tiny", "strip", "column", "pole", "antimeridian", "degrees", "world"],
)
def test_any_shape_is_drawn_inside_the_picture(frame: Frame, place_map: MakeMap) -> None:
    figure = _draw(place_map(frame))
    figure.canvas.draw()
    width, height = figure.bbox.size
    assert 0.3 < height / width < 2.2
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent()
            assert -1 <= box.x0 <= box.x1 <= width + 1, text.get_text()
            assert -1 <= box.y0 <= box.y1 <= height + 1, text.get_text()
    for text in figure.texts:
        assert text.get_window_extent().x1 <= width + 1


def test_a_map_without_any_data_is_drawn_too(around: MakeFrame, place_map: MakeMap) -> None:
    soundscape = place_map(around(lat=48.2, lon=16.4, rows=3, columns=3, step_m=5000.0))
    soundscape.data["match_probability"][:] = np.nan
    soundscape.data["uncertainty"][:] = np.nan
    for uncertainty in ("inset", "hatch", "fade"):
        assert "no data" in _words(_draw(soundscape, uncertainty))


def test_a_map_of_more_cells_than_pixels_shows_their_means(
    around: MakeFrame, place_map: MakeMap
) -> None:
    figure = _draw(place_map(around(lat=48.2, lon=16.4, rows=3, columns=901, step_m=100.0)))
    shown = figure.axes[0].images[0]
    values = shown.get_array()
    assert values is not None
    assert values.shape[1] < 400
    assert np.all(np.diff(np.ma.compressed(values[0])) > 0.0)
    left, right, _, _ = shown.get_extent()
    assert left == -45_050.0
    assert right >= 45_050.0


def _laid_over(figure: Figure) -> np.ndarray:
    layer = figure.axes[0].images[1].get_array()
    assert layer is not None
    assert "uncertainty" in "\n".join(_words(figure))
    return np.asarray(layer)[..., 3]


def test_the_least_sure_third_is_hatched(vienna: SoundscapeMap) -> None:
    alpha = _laid_over(_draw(vienna, "hatch"))
    third = len(alpha) // 3
    assert alpha[:third].max() < 0.5 * alpha[-third:].max()  # the south is less sure


def test_colours_fade_by_what_is_unsure_of_themselves(vienna: SoundscapeMap) -> None:
    columns = vienna.shape[1]
    half = columns // 2
    vienna.data["uncertainty"][:] = 0.05
    vienna.data["match_probability"][:, :half] = 0.1
    vienna.data["match_probability"][:, half:] = 0.5
    alpha = _laid_over(_draw(vienna, "fade"))
    left, right = alpha[len(alpha) // 2, [3, -3]]
    assert left / right == pytest.approx((0.5 / 1.5) / (0.1 / 1.1), rel=1e-4)


def test_an_unknown_way_to_draw_uncertainty_is_refused(
    vienna: SoundscapeMap, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="'fog': choose one of inset, hatch, fade, none"):
        vienna.write(tmp_path / "bells.png", uncertainty="fog")
    assert not list(tmp_path.iterdir())


def test_a_png_says_whose_it_is(vienna: SoundscapeMap, tmp_path: Path) -> None:
    with Image.open(vienna.to_png(tmp_path / "bells.png", width_px=300)) as image:
        text = image.text
    assert text["Copyright"] == "somebody's data; licence: CC-BY-4.0"
    assert (text["query"], text["month"], text["model"]) == ("“church bells”", "7", "tiny")


def test_an_svg_has_words_lines_and_one_picture_a_map(
    vienna: SoundscapeMap, tmp_path: Path
) -> None:
    path = vienna.to_svg(tmp_path / "bells.svg", width_px=400)
    again = vienna.to_svg(tmp_path / "again.svg", width_px=400)
    assert path.read_bytes() == again.read_bytes()
    root = ElementTree.parse(path).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    words = {"".join(node.itertext()).strip() for node in root.iter(f"{svg}text")}
    assert {"“church bells”", "Vienna", "48°N"} <= words
    assert len(list(root.iter(f"{svg}path"))) > 20
    assert 2 <= len(list(root.iter(f"{svg}image"))) <= 4  # two maps, two colour bars
    assert "CC-BY-4.0" in path.read_text()


def test_a_sheet_of_regions(vienna: SoundscapeMap, tmp_path: Path) -> None:
    with Image.open(write_sheet([vienna] * 2, tmp_path / "sheet.png", width_px=400)) as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
