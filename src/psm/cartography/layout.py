"""Layouts of figures: where title, map and legends stand, in inches from the lower left corner."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Box = tuple[float, float, float, float]
"""Left, bottom, width, height."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places on a figure.

    Attributes:
        size: width and height of the figure.
        title, moment: upper left corners of the two lines on top.
        map: the map itself.
        bar: the colour bar of the map; ``how`` is written at its upper right end.
        small_map: the map of uncertainty, or what explains it otherwise.
        small_bar: its colour bar.
        credit: lower right corner; the lines may be ``credit_width`` long.
        key: lower left corner of the field that explains the colour of no data.
        scale: left and bottom of the scale bar, and the room for it; None where there is none.
        north: centre of the arrow.
        words_pt: size of the words on the map.
    """

    size: tuple[float, float]
    title: tuple[float, float]
    moment: tuple[float, float]
    map: Box
    bar: Box
    small_map: Box
    small_bar: Box
    credit: tuple[float, float]
    credit_width: float
    key: tuple[float, float] | None = None
    scale: tuple[float, float, float] | None = None
    north: tuple[float, float] = (0.0, 0.0)
    words_pt: float = 8.5

    def axes(self, figure: Figure, box: Box) -> Axes:
        """New axes in a box."""
        across, up = self.size
        left, bottom, width, height = box
        return figure.add_axes((left / across, bottom / up, width / across, height / up))

    def at(self, place: tuple[float, float]) -> tuple[float, float]:
        """A place as shares of the figure."""
        return place[0] / self.size[0], place[1] / self.size[1]


GLOBE = Layout(
    size=(12.0, 7.6),
    title=(0.36, 7.334),
    moment=(0.36, 6.855),
    map=(0.18, 1.52, 11.64, 5.054),
    bar=(6.36, 0.95, 5.04, 0.167),
    small_map=(0.24, 0.152, 3.12, 1.353),
    small_bar=(3.6, 0.95, 1.92, 0.106),
    credit=(11.82, 0.137),
    credit_width=8.0,
)
"""The whole Earth."""

_MARGIN, _LABELS, _HEADER, _CREDIT = 0.4, 0.62, 1.05, 0.42
_TALL = 0.62


def region_layout(shape: float) -> Layout:
    """Places for a map ``shape`` times as high as wide: its legend below, or beside a tall one."""
    return _beside(shape) if shape > _TALL else _below(shape)


def _below(shape: float) -> Layout:
    width = 12.0
    map_width = width - _LABELS - _MARGIN
    map_height = map_width * shape
    foot = 1.95
    height = _HEADER + map_height + 0.3 + foot
    return Layout(
        size=(width, height),
        title=(_MARGIN, height - 0.25),
        moment=(_MARGIN, height - 0.68),
        map=(_LABELS, foot + 0.3, map_width, map_height),
        bar=(7.4, 1.12, 4.2, 0.167),
        small_map=(_LABELS, 0.5, 2.4, 1.4),
        small_bar=(_LABELS + 2.6, 1.12, 1.5, 0.106),
        key=(7.4, 1.38),
        scale=(5.75, 0.78, 1.2),
        north=(6.35, 1.5),
        credit=(width - _MARGIN, 0.14),
        credit_width=width - 2.0 * _MARGIN,
    )


def _beside(shape: float) -> Layout:
    map_width = min(8.6, 8.2 / shape)
    map_height = map_width * shape
    middle = max(map_height, 5.6)  # the legend's own height
    left = _LABELS + map_width + 0.55
    column = 3.1
    width = left + column + _MARGIN
    bottom = _CREDIT + 0.35
    height = bottom + middle + _HEADER
    top = bottom + middle
    return Layout(
        size=(width, height),
        title=(_MARGIN, height - 0.25),
        moment=(_MARGIN, height - 0.68),
        map=(_LABELS, bottom + middle - map_height, map_width, map_height),
        bar=(left, top - 0.55, column, 0.167),
        key=(left, top - 0.29),
        small_map=(left, top - 3.6, column, 2.2),
        small_bar=(left, top - 3.85, column, 0.106),
        scale=(left + 0.12, bottom + 0.12, 1.9),
        north=(left + column - 0.35, bottom + 0.3),
        credit=(width - _MARGIN, 0.14),
        credit_width=width - 2.0 * _MARGIN,
    )
