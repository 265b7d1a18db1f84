"""Map of the globe in Equal Earth: values cut at the coast, night on the sea."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from psm.cartography.equalearth import NORTH, SOUTH, Canvas, from_centre, project, world_edge
from psm.cartography.graticule import globe_graticule
from psm.cartography.night import Night
from psm.cartography.style import COAST, GRATICULE, NIGHT, NO_DATA, SEA
from psm.geodata.vectors import Line, read_shapes

_LAND_LEVELS, _LAKE_LEVELS = (1, 5), (2,)  # 5: Antarctica
_SMALLEST_ISLAND_KM2, _SMALLEST_LAKE_KM2 = 150.0, 4000.0


@lru_cache(maxsize=1)
def land() -> tuple[Line, ...]:
    """Rings of land, ``(points, 2)`` of lon, lat in degrees, largest first.

    A continent that crosses the antimeridian comes as an eastern and a western ring.

    Raises:
        BrokenPackageData: the shoreline files are missing or damaged.
    """
    return _rings(_LAND_LEVELS, _SMALLEST_ISLAND_KM2)


@lru_cache(maxsize=1)
def lakes() -> tuple[Line, ...]:
    """Rings of the great lakes and of the Caspian Sea, as those of :func:`land`."""
    return _rings(_LAKE_LEVELS, _SMALLEST_LAKE_KM2)


@lru_cache(maxsize=1)
def projected_land() -> tuple[Line, ...]:
    """Land in map coordinates, to be filled."""
    return tuple(_project(ring) for ring in land())


@lru_cache(maxsize=1)
def projected_lakes() -> tuple[Line, ...]:
    """Lakes in map coordinates, to be filled."""
    return tuple(_project(ring) for ring in lakes())


@lru_cache(maxsize=1)
def projected_coastlines() -> tuple[Line, ...]:
    """Shores in map coordinates as lines to stroke, without cuts along the antimeridian."""
    lines: list[Line] = []
    for ring in (*land(), *lakes()):
        closed = np.concatenate([ring, ring[:1]])
        on_cut = np.abs(closed[:, 0]) > 179.99
        breaks = np.flatnonzero(on_cut[:-1] & on_cut[1:]) + 1
        lines += [_project(part) for part in np.split(closed, breaks) if len(part) > 1]
    return tuple(lines)


def _rings(levels: tuple[int, ...], smallest_km2: float) -> tuple[Line, ...]:
    shapes = read_shapes("gshhs", "l")
    kept = np.flatnonzero(shapes.where(levels=levels, smallest_km2=smallest_km2))
    return tuple(shapes.lines[number] for number in kept)


def _project(ring: Line) -> Line:
    # Unwrapped, so that an island on the map's edge leaves the frame instead of crossing the map.
    lon = np.unwrap(from_centre(ring[:, 0]), period=360.0)
    return np.stack(project(lat=ring[:, 1], lon_from_centre=lon), -1)


_EMPTY = Path(np.zeros((0, 2)))


class World:
    """A world drawn into ``axes``; see :class:`psm.cartography.mapdrawing.Drawing`.

    Attributes:
        image: the values, cut at the coast.
        layers: what changes from one moment to the next and what lies above that, in the order of
            drawing.
    """

    def __init__(
        self,
        axes: Axes,
        canvas: Canvas,
        colours: Colormap,
        value_range: tuple[float, float],
        *,
        coast_pt: float = 0.3,
    ) -> None:
        self._canvas = canvas
        left, right, bottom, top = canvas.extent
        axes.set(xlim=(left - 0.02, right + 0.02), ylim=(bottom - 0.02, top + 0.02), aspect="equal")
        axes.axis("off")
        edge = Path(world_edge(south=SOUTH, north=NORTH))
        land, lakes = area(projected_land()), area(projected_lakes())
        self.image = axes.imshow(
            np.zeros((1, 1)),
            extent=canvas.extent,
            cmap=colours,
            vmin=value_range[0],
            vmax=value_range[1],
            interpolation="none",
        )
        self.image.set_clip_path(land, axes.transData)
        self._night = PathPatch(_EMPTY, facecolor=NIGHT, edgecolor="none")
        self._dusk = PathPatch(_EMPTY, facecolor="none", edgecolor=COAST, linewidth=0.7, alpha=0.6)
        self._dusk.set_linestyle((0, (4, 3)))
        still: tuple[Artist, ...] = (
            PathPatch(edge, facecolor=SEA, edgecolor="none"),
            LineCollection(globe_graticule(), colors=GRATICULE, linewidths=0.5),
        )
        self.layers: tuple[Artist, ...] = (
            self._night,
            PathPatch(land, facecolor=NO_DATA, edgecolor="none"),
            self.image,
            PathPatch(lakes, facecolor=SEA, edgecolor="none"),
            LineCollection(projected_coastlines(), colors=COAST, linewidths=coast_pt),
            self._dusk,
        )
        for order, artist in enumerate((*still, *self.layers)):
            artist.set_zorder(order)
            if artist is not self.image:
                # add_patch and add_collection would spend seconds on limits that are already set.
                axes.add_artist(artist)
                artist.set_clip_path(edge, axes.transData)

    def pixels(
        self, values: Float[np.ndarray, "rows columns"]
    ) -> Float[np.ndarray, "height width"]:
        """Values at the pixels of the image, masked outside of the data."""
        return self._canvas.image(values)

    def show(self, values: Float[np.ndarray, "rows columns"], night: Night | None = None) -> None:
        """Put values on the land, and night on the sea."""
        self.image.set_data(self.pixels(values))
        self._night.set_path(_EMPTY if night is None else Path(night.outline))
        self._dusk.set_path(_EMPTY if night is None else Path(night.terminator))


def area(rings: tuple[np.ndarray, ...]) -> Path:
    """Rings in map coordinates as one path to fill."""
    return Path.make_compound_path(*(Path(ring) for ring in rings))
