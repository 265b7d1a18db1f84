"""The data of a map: values of every band, where they lie, and what says what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import rioxarray  # noqa: F401  (gives every data set its .rio)
import xarray as xr
from jaxtyping import Bool, Float

import psm
from psm.calibration import UNCALIBRATED
from psm.coverage import TAG as COVERAGE_TAG
from psm.coverage import WORTH_SAYING, percent
from psm.errors import InvalidContext
from psm.familiarity import TAG as FAMILIARITY_TAG
from psm.familiarity import QueryFamiliarity
from psm.geodata.frame import Frame
from psm.mapping.bands import BANDS, UNCERTAINTY, UNCERTAINTY_UNKNOWN, Band
from psm.mapping.cells import Cells
from psm.mapping.moment import Moment
from psm.mapping.query import Combination, Query
from psm.mapping.scale import ColourScale
from psm.provenance import TAG, UNRECORDED, Provenance

_AXES = {
    name: {"axis": axis, "standard_name": standard_name, "units": units}
    for name, axis, standard_name, units in (
        ("lat", "Y", "latitude", "degrees_north"),
        ("lon", "X", "longitude", "degrees_east"),
        ("y", "Y", "projection_y_coordinate", "m"),
        ("x", "X", "projection_x_coordinate", "m"),
    )
}


@dataclass(frozen=True, eq=False)
class MapData:
    """Data of a map; :class:`~psm.mapping.SoundscapeMap` adds what can be done with it.

    Attributes:
        data: a variable of each band over the rows and columns of the frame, float32, NaN where
            there is no cell, with CRS and transform; what was asked is in its attributes.
        frame: where the rows and columns lie.
        query: what was asked for.
        moment: when.
        zoom: zoom level of the views, as ``1+3`` where several are mixed.
        model: name of the model.
        attribution: whose data the map stands on.
        licence: SPDX name of the licence that follows from it, if known.
        provenance: what the model learnt from.
        calibration: what makes the probabilities believable, or that nothing does.
        familiarity: how well the query lies within what the model learnt, where the model says.
        scale: colours that belong to the query; ``None``: those of what the map holds.
        not_covered: rows and columns that were seen and left out, since the model covers no such
            place (:mod:`psm.coverage`); ``None``: none.
        bands: what the variables of ``data`` are; the map is one of the first.
        approximation: what stands in for fusing every cell, in words; empty: nothing does.
    """

    data: xr.Dataset
    frame: Frame
    query: Query | Combination
    moment: Moment
    zoom: int | str
    model: str
    attribution: str
    licence: str
    provenance: Provenance = UNRECORDED
    calibration: str = UNCALIBRATED
    familiarity: QueryFamiliarity | None = None
    scale: ColourScale | None = None
    not_covered: Bool[np.ndarray, "rows columns"] | None = None
    bands: tuple[Band, ...] = BANDS
    approximation: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", self.data.assign_attrs(self.tags))

    @classmethod
    def of_cells(cls, cells: Cells, values: Mapping[str, np.ndarray], **about: Any) -> Self:
        """A map from the values of cells.

        Args:
            cells: the places.
            values: by the name of a band, ``(N,)`` numbers.
            about: the other attributes of the class, but for ``data`` and ``frame``.
        """
        rasters = {name: cells.raster(value) for name, value in values.items()}
        return cls.of_rasters(cells.frame, rasters, **about)

    @classmethod
    def of_rasters(
        cls,
        frame: Frame,
        rasters: Mapping[str, Float[np.ndarray, "rows columns"]],
        *,
        bands: tuple[Band, ...] = BANDS,
        **about: Any,
    ) -> Self:
        """A map from rasters of its frame, by the name of a band; see :meth:`of_cells`."""
        return cls(data=_dataset(frame, rasters, bands), frame=frame, bands=bands, **about)

    @property
    def quantity(self) -> Band:
        """What the map is of: the first of its bands."""
        return self.bands[0]

    @property
    def knows_uncertainty(self) -> bool:
        """False where there is an uncertainty to be told and nobody knows it."""
        if UNCERTAINTY.name not in self.data or not np.isfinite(self.values()).any():
            return True
        return bool(np.isfinite(self.values(UNCERTAINTY.name)).any())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.frame.shape

    def colour_ends(self, band: Band | None = None) -> tuple[float, float] | None:
        """Values at the ends of the colours of a band, the quantity by default.

        ``None``: colours go by what the map holds.
        """
        return None if self.scale is None else self.scale.ends(band or self.quantity)

    def with_own_colours(self) -> Self:
        """The same, drawn in colours that go by what this map holds."""
        return replace(self, scale=None)

    def values(self, name: str | None = None) -> Float[np.ndarray, "rows columns"]:
        """One variable as an array, rows from the north; by default that of the quantity."""
        return np.asarray(self.data[name or self.quantity.name].values)

    def at(self, *, lat: float, lon: float) -> dict[str, float]:
        """The variables in the cell that holds a place, NaN where there is none.

        Raises:
            InvalidContext: there is no such place.
        """
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise InvalidContext(f"{lat:g}, {lon:g} is no latitude and longitude in degrees")
        row, column = self.frame.index(lat=lat, lon=lon)
        return {
            name: float(self.values(name)[row, column]) if row >= 0 else float("nan")
            for name in (band.name for band in self.bands)
        }

    @property
    def tags(self) -> dict[str, str]:
        """What was asked of which model, for the metadata of files; unknown parts are left out."""
        base_rate = None if self.scale is None else self.scale.base_rate
        tags: Mapping[str, object | None] = {
            **self.query.tags,
            "moment": f"{self.moment}",
            "month": self.moment.month,
            "local_hour": self.moment.hour,
            "utc_hour": self.moment.utc,
            "quantity": self.quantity.long_name,
            "calibration": self.calibration,
            "uncertainty": None if self.knows_uncertainty else UNCERTAINTY_UNKNOWN,
            "base_rate": None if base_rate is None else f"{base_rate:.4f}",
            "zoom": self.zoom,
            "approximation": self.approximation or None,
            "model": self.model,
            TAG: self.provenance.tag,
            FAMILIARITY_TAG: self.familiarity and self.familiarity.tag,
            COVERAGE_TAG: self.not_covered_share or None,
            "attribution": self.attribution,
            "licence": self.licence,
            "software": f"psm {psm.__version__}",
        }
        return {name: f"{value}" for name, value in tags.items() if value is not None}

    @property
    def told(self) -> dict[str, str]:
        """What every row of a table says: how familiar the query is, what the model stands on."""
        tags = self.tags
        return {name: tags[name] for name in (FAMILIARITY_TAG, TAG) if name in tags}

    @property
    def is_familiar(self) -> bool:
        """Whether nothing of the query is known to be unlike what the model learnt."""
        return self.familiarity is None or self.familiarity.is_familiar

    @property
    def not_covered_share(self) -> float:
        """Share of the mapped area that the model does not cover, to three digits."""
        if self.not_covered is None:
            return 0.0
        area = np.broadcast_to(self.frame.row_km2[:, None], self.shape)
        asked = self.not_covered | np.isfinite(self.values())
        whole = float(area[asked].sum())
        return float(f"{area[self.not_covered].sum() / whole:.3g}") if whole else 0.0

    @property
    def when(self) -> str:
        """The moment, and what has to be said beside it: of the query, the places, the Earth."""
        left_out = self.not_covered_share
        badges = [
            self.familiarity.badge if self.familiarity else "",
            f"{percent(left_out)} of the area not covered" if left_out >= WORTH_SAYING else "",
            self.provenance.badge,
        ]
        return " · ".join(filter(None, [f"{self.moment}", *badges]))

    @property
    def rights(self) -> str:
        """Whose data the map stands on and under which licence, in one line."""
        return f"{self.attribution}; licence: {self.licence}"


def _dataset(frame: Frame, rasters: Mapping[str, np.ndarray], bands: Sequence[Band]) -> xr.Dataset:
    """Rasters, by the name of a band, with their axes and where they lie on the Earth."""
    vertical, horizontal = frame.dims
    data = xr.Dataset(
        {band.name: (frame.dims, rasters[band.name], band.attributes) for band in bands},
        coords={
            vertical: (vertical, frame.y, _AXES[vertical]),
            horizontal: (horizontal, frame.x, _AXES[horizontal]),
        },
    )
    located: xr.Dataset = data.rio.write_crs(frame.crs).rio.write_transform(frame.transform)
    return located
