"""Maps in motion: the hours of a day or the months of a year as a GIF."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from psm.calibration import Calibration
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.mapping.canvas import Canvas
from psm.mapping.compare import map_queries
from psm.mapping.moment import Moment
from psm.mapping.places import Places
from psm.mapping.query import Query
from psm.mapping.render import credit_line
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.worldmap import (
    DIM,
    INK,
    NIGHT,
    NO_DATA,
    PAPER,
    PROBABILITY_COLOURS,
    SEA,
    World,
    colour_bar,
    colour_range,
    fit_text,
    style,
)
from psm.model import PSM
from psm.progress import track

_WIDTH_IN, _HEIGHT_IN = 9.0, 5.3
_PALETTE_FRAMES = 6
_PLAIN = (PAPER, SEA, NIGHT, NO_DATA, INK)


def hours_of_day(*, month: int | None, utc: bool = False) -> list[Moment]:
    """The 24 hours of a day: one local hour everywhere, or one instant of UTC."""
    return [Moment(month=month, **{"utc" if utc else "hour": float(h)}) for h in range(24)]


def months_of_year(*, hour: float | None = None, utc: float | None = None) -> list[Moment]:
    """The 12 months at one hour."""
    return [Moment(month=month, hour=hour, utc=utc) for month in range(1, 13)]


def animate(
    model: PSM,
    embedded: Places,
    query: Query,
    moments: Sequence[Moment],
    path: str | Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 900,
    calibration: Calibration | None = None,
) -> Path:
    """Map a query at several moments and write the maps as one looping GIF.

    The image features are those of ``embedded``; only fusion and drawing happen for each moment.

    Raises:
        ConfigError: there is no moment.
        CorruptRecording: an audio file of the query cannot be read.
        CheckpointMismatch: the calibration is of other weights.
    """
    maps = map_queries(model, embedded, [query], moments, calibration=calibration)
    maps = track(maps, "map moments", len(moments))
    return write_gif(list(maps), Path(path), value_range=value_range, width_px=width_px)


def write_gif(
    maps: Sequence[SoundscapeMap],
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 900,
) -> Path:
    """Write maps of one query on one frame as a looping GIF, complete or absent.

    The colours mean the same in every frame; by default their range leaves out the lowest and the
    highest 1 % of all frames together.

    Raises:
        ConfigError: there is no map, the maps lie on different frames, or the range is none.
    """
    if not maps:
        raise ConfigError("an animation needs at least one moment")
    if len({soundscape.shape for soundscape in maps}) > 1:
        raise ConfigError("the maps of an animation must share one frame")
    span = colour_range(value_range, *(m.values() for m in maps), share=0.01)
    with style():
        frames = _Film(maps, span, width_px).frames()
    palette = _palette(frames)
    images = [_to_palette(frame, palette) for frame in frames]
    with atomic_path(path) as aside:
        images[0].save(
            aside,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=250 if len(images) > 12 else 600,
            loop=0,
            comment=f"{maps[0].query.label} {maps[0].attribution}".encode(),
        )
    return path


class _Film:
    """One figure whose still parts are drawn once and copied into every frame."""

    def __init__(
        self, maps: Sequence[SoundscapeMap], span: tuple[float, float], width_px: int
    ) -> None:
        self._maps = maps
        figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), dpi=width_px / _WIDTH_IN, facecolor=PAPER)
        self._canvas: Any = FigureCanvasAgg(figure)  # has no types
        first = maps[0]
        title = figure.text(0.03, 0.965, first.query.label, va="top", fontsize=17, weight="bold")
        fit_text(title, room=0.58, smallest_pt=8.0)
        self._time = figure.text(0.97, 0.955, "", va="top", ha="right", fontsize=13, color=INK)
        has_data = np.any([np.isfinite(m.values()) for m in maps], axis=0)
        self._world = World(
            figure.add_axes((0.01, 0.165, 0.98, 0.71)),
            Canvas.of(has_data, width_px),
            PROBABILITY_COLOURS,
            span,
        )
        bar = figure.add_axes((0.58, 0.115, 0.38, 0.022))
        colour_bar(bar, self._world.image, "match probability", small=True)
        credit = credit_line(first)
        figure.text(0.985, 0.012, credit, ha="right", va="bottom", color=DIM, fontsize=5)
        self._marker = _timeline(figure.add_axes((0.05, 0.115, 0.44, 0.022)), maps)
        self._moving: tuple[Artist, ...] = (*self._world.layers, self._time, self._marker)
        for artist in self._moving:
            artist.set_animated(True)

    def frames(self) -> list[Image.Image]:
        """A picture of every map."""
        self._canvas.draw()
        still = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        pictures = []
        for number, soundscape in enumerate(track(self._maps, "draw frames")):
            self._world.show(soundscape.values(), soundscape.moment)
            self._time.set_text(f"{soundscape.moment}")
            self._marker.set_xdata([number])
            self._canvas.restore_region(still)
            for artist in self._moving:
                self._canvas.figure.draw_artist(artist)
            pixels = np.asarray(self._canvas.buffer_rgba())[..., :3]
            pictures.append(Image.fromarray(np.ascontiguousarray(pixels)))
        return pictures


def _timeline(axes: Axes, maps: Sequence[SoundscapeMap]) -> Line2D:
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


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """One palette for the whole film, or still colours would flicker; the plain areas are exact."""
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, _PALETTE_FRAMES).astype(int)]
    strip = Image.new("RGB", (frames[0].width, frames[0].height * len(chosen)))
    for row, frame in enumerate(chosen):
        strip.paste(frame, (0, row * frame.height))
    found = strip.quantize(256 - len(_PLAIN), method=Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*_plain_colours().ravel().tolist(), *(found.getpalette() or [])])
    return palette


def _to_palette(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """A frame in the film's colours. Pillow's search is not exact, which shows on plain areas."""
    picture = frame.quantize(palette=palette, dither=Image.Dither.NONE)
    rgb, index = np.asarray(frame), np.array(picture)
    for number, colour in enumerate(_plain_colours()):
        index[(rgb == colour).all(-1)] = number
    exact = Image.fromarray(index, "P")
    exact.putpalette(palette.getpalette() or [])
    return exact


def _plain_colours() -> NDArray[np.uint8]:
    return np.round(255.0 * np.array([to_rgb(name) for name in _PLAIN])).astype(np.uint8)
