"""Films and cubes: a query mapped at several moments and written as one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image

from psm.calibration import Calibration
from psm.cartography.style import figure_style
from psm.errors import ConfigError
from psm.files import atomic_path
from psm.mapping.compare import map_queries
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment
from psm.mapping.outputs.cube import write_cube
from psm.mapping.outputs.film import Film, frame_seconds
from psm.mapping.outputs.filmfiles import save_gif, save_mp4
from psm.mapping.query import Query
from psm.model import PSM
from psm.progress import track

FILM_SUFFIXES, CUBE_SUFFIXES = (".gif", ".mp4"), (".nc", ".zarr")
"""Of files that hold several moments."""


class FilmWriter(Protocol):
    """:func:`write_gif` or :func:`write_mp4`."""

    def __call__(
        self,
        maps: Sequence[MapData],
        path: Path,
        *,
        value_range: tuple[float, float] | None = None,
        width_px: int = 900,
    ) -> Path: ...


def hours_of_day(*, month: int | None, utc: bool = False) -> list[Moment]:
    """The 24 hours of a day: one local hour everywhere, or one instant of UTC.

    Args:
        month: 1..12, or ``None`` for unknown.
        utc: hours of UTC, not local ones.

    Returns:
        24 moments.
    """
    return [Moment(month=month, **{"utc" if utc else "hour": float(h)}) for h in range(24)]


def months_of_year(*, hour: float | None = None, utc: float | None = None) -> list[Moment]:
    """The 12 months at one hour.

    Args:
        hour: local hour of all.
        utc: hour of UTC of all, instead.

    Returns:
        12 moments.

    Raises:
        InvalidContext: both hours are given, or one is out of range.
    """
    return [Moment(month=month, hour=hour, utc=utc) for month in range(1, 13)]


def animate(
    model: PSM,
    embedded: EmbeddedRegion,
    query: Query,
    moments: Sequence[Moment],
    path: str | Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 900,
    calibration: Calibration | None = None,
) -> Path:
    """Map a query at several moments and write the maps as one animation, GIF or MP4 by suffix.

    The image features are those of ``embedded``; only fusion and drawing happen for each moment.

    Args:
        model: in evaluation mode.
        embedded: the cells.
        query: what to listen for.
        moments: when, in the order of the film.
        path: ``.gif`` or ``.mp4``; complete or absent.
        value_range: values at the ends of the colours; by default all but 1 % at either end.
        width_px: width of the picture.
        calibration: turns distances into calibrated probabilities.

    Returns:
        The path.

    Raises:
        ConfigError: there is no moment, or the suffix is another one.
        CorruptRecording: an audio file of the query cannot be read.
        CheckpointMismatch: the calibration is of other weights.

    Example:
        >>> animate(model, embedded, query, hours_of_day(month=5), "dawn.mp4")
    """
    write = film_writer(Path(path))
    maps = map_queries(model, embedded, [query], moments, calibration=calibration)
    maps = track(maps, "map moments", len(moments))
    return write(list(maps), Path(path), value_range=value_range, width_px=width_px)


def write_series(
    model: PSM,
    embedded: EmbeddedRegion,
    query: Query,
    moments: Sequence[Moment],
    path: Path,
    *,
    calibration: Calibration | None = None,
    has_own_colours: bool = False,
) -> Path:
    """Map a query at several moments and write a film or a cube; the suffix says which.

    Args:
        model: in evaluation mode.
        embedded: the cells.
        query: what to listen for.
        moments: when; for a cube every month at every hour of them.
        path: ``.gif``, ``.mp4``, ``.nc`` or ``.zarr``; complete or absent.
        calibration: turns distances into calibrated probabilities.
        has_own_colours: whether the colours of a film go by what its maps hold, not by the sound.

    Returns:
        The path.

    Raises:
        ConfigError: there is no moment, or the suffix is another one.
        CorruptRecording: an audio file of the query cannot be read.
        CheckpointMismatch: the calibration is of other weights.
    """
    maps = map_queries(model, embedded, [query], moments, calibration=calibration)
    return write_moments(maps, moments, path, has_own_colours=has_own_colours)


def write_moments(
    maps: Iterable[MapData],
    moments: Sequence[Moment],
    path: Path,
    *,
    has_own_colours: bool = False,
) -> Path:
    """Write maps of one thing at several moments as a film or a cube; the suffix says which.

    Args:
        maps: one a moment, made as they are asked for.
        moments: when; for a cube every month at every hour of them.
        path: ``.gif``, ``.mp4``, ``.nc`` or ``.zarr``; complete or absent.
        has_own_colours: whether the colours of a film go by what its maps hold.

    Returns:
        The path.

    Raises:
        ConfigError: there is no moment, or the suffix is another one.
    """
    if path.suffix.lower() not in FILM_SUFFIXES:
        return write_cube(maps, path, moments=moments)
    made = track(maps, "map moments", len(moments))
    frames = [each.with_own_colours() if has_own_colours else each for each in made]
    return film_writer(path)(frames, path)


def film_writer(path: Path) -> FilmWriter:
    """What writes an animation of this suffix.

    Raises:
        ConfigError: nothing does.
    """
    writers: dict[str, FilmWriter] = {".gif": write_gif, ".mp4": write_mp4}
    if path.suffix.lower() not in writers:
        raise ConfigError(f"{path}: an animation is a {' or '.join(writers)} file")
    return writers[path.suffix.lower()]


def write_gif(
    maps: Sequence[MapData],
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 900,
) -> Path:
    """Write maps of one query on one frame as a looping GIF, complete or absent.

    The colours mean the same in every frame; by default their range leaves out the lowest and the
    highest 1 % of all frames together.

    Args:
        maps: of one query on one frame, in the order of the film.
        path: the GIF; complete or absent.
        value_range: values at the ends of the colours; by default all but 1 % at either end.
        width_px: width of the picture.

    Returns:
        The path.

    Raises:
        ConfigError: there is no map, the maps lie on different frames, or the range is none.
    """
    with figure_style():
        frames = [Image.fromarray(f) for f in Film(maps, value_range, width_px).frames()]
    with atomic_path(path) as aside:
        save_gif(frames, aside, seconds=frame_seconds(len(maps)), comment=_comment(maps[0]))
    return path


def write_mp4(
    maps: Sequence[MapData],
    path: Path,
    *,
    value_range: tuple[float, float] | None = None,
    width_px: int = 900,
) -> Path:
    """Write maps as an MP4 (H.264), as :func:`write_gif`; the width is rounded to an even one.

    Args:
        maps: of one query on one frame, in the order of the film.
        path: the MP4; complete or absent.
        value_range: values at the ends of the colours; by default all but 1 % at either end.
        width_px: width of the picture.

    Returns:
        The path.

    Raises:
        ConfigError: there is no map, the maps lie on different frames, or the range is none.
        MissingExtra: imageio-ffmpeg, which carries the encoder, is not installed.
    """
    with figure_style(), atomic_path(path) as aside:
        save_mp4(
            Film(maps, value_range, width_px + width_px % 2).frames(),
            aside,
            seconds=frame_seconds(len(maps)),
            title=f"{maps[0].query.label}",
            comment=_comment(maps[0]),
            rights=maps[0].rights,
        )
    return path


def _comment(soundscape: MapData) -> str:
    """What was asked of which model, in one line; the moment differs from frame to frame."""
    left_out = ("month", "local_hour", "utc_hour")
    tags = soundscape.tags.items()
    return "; ".join(f"{name}: {value}" for name, value in tags if name not in left_out)
