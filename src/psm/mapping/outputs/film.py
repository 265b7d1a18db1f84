"""Frames of a film: one figure, of which only what moves is drawn anew."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from psm.cartography.mapdrawing import draw_map
from psm.cartography.style import (
    DIM,
    INK,
    colour_bar,
    colour_range,
    fit_text,
    new_figure,
)
from psm.cartography.window import Window
from psm.errors import ConfigError
from psm.mapping.map_data import MapData
from psm.mapping.outputs.render import colours_of, credit_line, night_of
from psm.progress import track

_WIDTH_IN, _HEADER_IN, _FOOT_IN = 9.0, 0.66, 0.875
_GLOBE_IN, _HIGHEST_IN = 3.763, 6.2
_SHARE = 0.01  # of the area at either end that the range of colours leaves out


class Film:
    """A film of maps of one query on one frame. Needs :func:`psm.cartography.style.figure_style`.

    The colours mean the same in every frame; by default they are those of the sound, or, where that
    has none, leave out the lowest and the highest 1 % of all frames together.

    Raises:
        ConfigError: there is no map, the maps lie on different frames, or the range is none.
    """

    def __init__(
        self,
        maps: Sequence[MapData],
        value_range: tuple[float, float] | None,
        width_px: int,
    ) -> None:
        if not maps:
            raise ConfigError("an animation needs at least one moment")
        if len({soundscape.frame for soundscape in maps}) > 1:
            raise ConfigError("the maps of an animation must share one frame")
        self._maps = maps
        first = maps[0]
        frame = first.frame
        span = colour_range(
            value_range or first.colour_ends(),
            *(m.values() for m in maps),
            frame=frame,
            share=_SHARE,
            is_diverging=first.quantity.is_diverging,
        )
        map_in = _GLOBE_IN
        if not frame.is_globe:
            map_in = min(_HIGHEST_IN, Window.of(frame).shape * 0.98 * _WIDTH_IN)
        # Video takes even sizes only.
        height_px = 2 * round(width_px * (_HEADER_IN + map_in + _FOOT_IN) / _WIDTH_IN / 2.0)
        height_in = height_px * _WIDTH_IN / width_px
        figure = new_figure(_WIDTH_IN, height_in, width_px)
        self._canvas: Any = figure.canvas  # has no types

        def up(inches: float) -> float:
            return inches / height_in

        title = figure.text(
            0.03, 1.0 - up(0.185), first.query.label, va="top", fontsize=17, weight="bold"
        )
        fit_text(title, room=0.58, smallest_pt=8.0)
        self._time = figure.text(
            0.97, 1.0 - up(0.24), "", va="top", ha="right", fontsize=13, color=INK
        )
        self._drawing = draw_map(
            figure.add_axes((0.01, up(_FOOT_IN), 0.98, up(map_in))),
            frame,
            colours_of(first),
            span,
            has_data=np.any([np.isfinite(m.values()) for m in maps], axis=0),
            width_px=width_px,
        )
        bar = figure.add_axes((0.58, up(0.61), 0.38, up(0.117)))
        colour_bar(bar, self._drawing.image, first.quantity.label, small=True)
        credit = figure.text(
            0.985, up(0.064), credit_line(first), ha="right", va="bottom", color=DIM, fontsize=5
        )
        fit_text(credit, room=0.97, smallest_pt=4.0)
        self._marker = _timeline(figure.add_axes((0.05, up(0.61), 0.44, up(0.117))), maps)
        self._moving: tuple[Artist, ...] = (*self._drawing.layers, self._time, self._marker)
        for artist in self._moving:
            artist.set_animated(True)

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """A picture of every map; one at a time is in memory."""
        self._canvas.draw()
        still = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        for number, soundscape in enumerate(track(self._maps, "draw frames")):
            self._drawing.show(soundscape.values(), night_of(soundscape.moment))
            self._time.set_text(soundscape.when)
            self._marker.set_xdata([number])
            self._canvas.restore_region(still)
            for artist in self._moving:
                self._canvas.figure.draw_artist(artist)
            yield np.ascontiguousarray(np.asarray(self._canvas.buffer_rgba())[..., :3])


def frame_seconds(count: int) -> float:
    """How long each of ``count`` frames is shown."""
    return 0.25 if count > 12 else 0.6


def _timeline(axes: Axes, maps: Sequence[MapData]) -> Line2D:
    """A scale of all moments, and the marker of the one shown."""
    axes.set(xlim=(-0.5, len(maps) - 0.5), ylim=(-1.0, 1.0), yticks=[])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(position=("data", 0.0), color=DIM, linewidth=0.8)
    moments = [soundscape.moment for soundscape in maps]
    if len({moment.month for moment in moments}) > 1:
        names = [calendar.month_abbr[m.month or 0] for m in moments]
        axes.set_xticks(range(len(maps)), names)
    else:
        hours = [m.utc if m.utc is not None else m.hour for m in moments]
        every = max(1, len(maps) // 8)
        ticks = range(0, len(maps), every)
        axes.set_xticks(ticks, ["" if hours[t] is None else f"{hours[t]:02.0f}" for t in ticks])
        label = "UTC" if moments[0].utc is not None else "local time"
        axes.set_xlabel(label, fontsize=7, color=INK)
    axes.tick_params(labelsize=6, colors=DIM, length=3, width=0.6)
    return axes.plot([0], [0], "o", markersize=7, color=INK, clip_on=False)[0]
