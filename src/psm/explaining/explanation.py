"""Explanations: a grid of numbers over one view, and the protocol of what makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, UInt8
from rasterio.transform import Affine

from psm.calibration import Calibration
from psm.familiarity import QueryFamiliarity
from psm.geodata.frame import Frame
from psm.mapping.bands import CSD, Band
from psm.mapping.moment import Moment
from psm.mapping.query import Query
from psm.mapping.scale import ColourScale
from psm.mapping.soundscape_map import SoundscapeMap
from psm.model import PSM

_DIGITS = 6


@dataclass(frozen=True, eq=False)
class SeenView:
    """A view of one place as a model is shown it.

    Attributes:
        lat, lon: the place in its middle, degrees.
        pixels: RGB, north up.
        gsd_m: metres of ground that a pixel covers.
        zoom: level of the view.
        attribution, licence: of the imagery.
    """

    lat: float
    lon: float
    pixels: UInt8[np.ndarray, "size size 3"]
    gsd_m: float
    zoom: int
    attribution: str = ""
    licence: str = ""

    def frame(self, cells: int) -> Frame:
        """A grid of ``cells`` by ``cells`` over the view, in metres east and north of the place.

        Distances and directions from the place are true (azimuthal equidistant), as in views.
        """
        half = len(self.pixels) * self.gsd_m / 2.0
        crs = f"+proj=aeqd +lat_0={self.lat!r} +lon_0={self.lon!r} +datum=WGS84 +units=m +type=crs"
        side = 2.0 * half / cells
        return Frame(crs, Affine(side, 0.0, -half, 0.0, -side, half), (cells, cells))


@dataclass(frozen=True, kw_only=True, eq=False)
class Heat:
    """What a way to explain gives.

    Attributes:
        values: by the name of each band ``(cells, cells)``, rows from the north.
        bands: what the numbers are; the heat map is the first.
        way: how they came about, a clause for people.
        calibration: what makes them believable, or that nothing does.
        familiarity: of the query, where the model says.
        scale: colours that belong to the query; none where it has none.
        ends: numbers at the ends of the colours otherwise, where what the number can be has no
            bounds.
    """

    values: Mapping[str, Float[np.ndarray, "cells cells"]]
    bands: tuple[Band, ...]
    way: str
    calibration: str
    familiarity: QueryFamiliarity | None = None
    scale: ColourScale | None = None
    ends: tuple[float, float] | None = None


class Explainer(Protocol):
    """A way to explain: a model, one view and a query become a grid of numbers over the view."""

    def __call__(
        self,
        model: PSM,
        view: SeenView,
        query: Query,
        moment: Moment,
        calibration: Calibration | None,
    ) -> Heat:
        """Explain.

        Args:
            model: in evaluation mode.
            view: that it is shown.
            query: what to listen for.
            moment: when.
            calibration: turns distances into calibrated probabilities, where there is one.

        Returns:
            The numbers, and what they are.

        Raises:
            ConfigError: the model or the query is none that this way can explain.
            MissingData: the model does not cover the place.
        """
        ...


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in a view a query is heard.

    Attributes:
        view: the picture.
        found: the numbers over it as a map in metres around the place, with everything that says
            what they are.
        way: how they came about.
        ends: see :class:`Heat`.
    """

    view: SeenView
    found: SoundscapeMap
    way: str
    ends: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, model: PSM, view: SeenView, query: Query, moment: Moment, heat: Heat
    ) -> Explanation:
        """What a way to explain gave, located on the Earth and with what it stands on."""
        cells = len(next(iter(heat.values.values())))
        found = SoundscapeMap.of_rasters(
            view.frame(cells),
            {name: np.asarray(grid, np.float32) for name, grid in heat.values.items()},
            bands=heat.bands,
            query=query,
            moment=moment,
            zoom=view.zoom,
            model=model.config.name,
            attribution=view.attribution,
            licence=view.licence,
            provenance=model.provenance,
            calibration=heat.calibration,
            familiarity=heat.familiarity,
            scale=heat.scale,
        )
        return cls(view, found, heat.way, heat.ends)

    @cached_property
    def values(self) -> Float[np.ndarray, "cells cells"]:
        """The heat map, rows from the north."""
        return self.found.values()

    @property
    def peak(self) -> tuple[int, int]:
        """Row and column of the highest cell."""
        # A calibration has steps, on which many cells are alike: then the nearest to the query is.
        nearness = -self.found.values(CSD.name) if CSD in self.found.bands else self.values
        highest = np.where(self.values == self.values.max(), nearness, -np.inf)
        row, column = np.unravel_index(int(highest.argmax()), highest.shape)
        return int(row), int(column)

    def place_of(self, row: int, column: int) -> tuple[float, float]:
        """Latitude and longitude of the middle of a cell."""
        lat, lon = self.found.frame.places(np.array([row]), np.array([column]))
        return float(lat[0]), float(lon[0])

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest number of the heat map."""
        return float(self.values.min()), float(self.values.max())

    def colour_ends(self) -> tuple[float, float]:
        """Numbers at the ends of the colours.

        Those of the sound, the upper one raised to the highest number of the view; where the sound
        has none, all that the number can be. Never stretched over what a picture holds, which would
        make a flat map look as sure as a sharp one.
        """
        own = self.found.colour_ends()
        if own is not None:
            return own[0], max(own[1], self.range[1])
        low, high = self.ends or self.found.quantity.value_range
        return (low, high) if np.isfinite([low, high]).all() else self.range

    def to_json(self) -> dict[str, Any]:
        """All of it, rounded to what it is good for."""
        found, (row, column) = self.found, self.peak
        lat, lon = self.place_of(row, column)
        low, high = self.range
        return {
            "lat": self.view.lat,
            "lon": self.view.lon,
            "query": found.query.label,
            "moment": f"{found.moment}",
            "model": found.model,
            "zoom": found.zoom,
            "gsd_m": self.view.gsd_m,
            "side_m": self.view.gsd_m * len(self.view.pixels),
            "crs": found.frame.crs,
            "quantity": found.quantity.long_name,
            "way": self.way,
            "lowest": round(low, _DIGITS),
            "highest": round(high, _DIGITS),
            "peak": {"row": row, "column": column, "lat": round(lat, 5), "lon": round(lon, 5)},
            "colours": dict(zip(("low", "high"), self.colour_ends(), strict=True)),
            "calibration": found.calibration,
            "provenance": found.provenance.summary,
            "familiarity": found.familiarity and found.familiarity.summary,
            "attribution": found.attribution,
            "licence": found.licence,
            "software": found.tags["software"],
            "values": {
                band.name: np.round(found.values(band.name).astype(float), _DIGITS).tolist()
                for band in found.bands
                if band.is_standard
            },
        }
