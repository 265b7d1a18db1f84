"""Queries against the cells of a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import rioxarray  # noqa: F401  (gives every data set its .rio)
import torch
import xarray as xr

from psm.gaussian import concatenate, csd
from psm.mapping.cells import Cells
from psm.mapping.moment import Moment
from psm.mapping.query import Query
from psm.mapping.soundscape_map import VARIABLES, SoundscapeMap
from psm.mapping.store import EmbeddedCells
from psm.model import PSM

_AXES = {
    name: {"axis": axis, "standard_name": standard_name, "units": units}
    for name, axis, standard_name, units in (
        ("lat", "Y", "latitude", "degrees_north"),
        ("lon", "X", "longitude", "degrees_east"),
        ("y", "Y", "projection_y_coordinate", "m"),
        ("x", "X", "projection_x_coordinate", "m"),
    )
}


def map_query(
    model: PSM, embedded: EmbeddedCells, query: Query, moment: Moment | None = None
) -> SoundscapeMap:
    """The map of one query at one moment.

    Raises:
        CorruptRecording: an audio file of the query cannot be read.
    """
    return next(map_queries(model, embedded, [query], [moment or Moment()]))


@torch.inference_mode()
def map_queries(
    model: PSM, embedded: EmbeddedCells, queries: Sequence[Query], moments: Sequence[Moment]
) -> Iterator[SoundscapeMap]:
    """The map of every query at every moment, moment by moment.

    A query is encoded once and the locations once a moment, so that another query at the same
    moment costs next to nothing.

    Raises:
        CorruptRecording: an audio file of a query cannot be read.
    """
    asked = concatenate([query.gaussian(model) for query in queries])
    for moment in moments:
        places = embedded.locations(model, moment)
        values = {
            "match_probability": model.match_probability(places, asked),
            "uncertainty": model.match_uncertainty(places, asked),
            "csd": csd(places, asked),
        }
        for column, query in enumerate(queries):
            yield SoundscapeMap(
                data=as_dataset(
                    embedded.cells,
                    {name: value[:, column].cpu().numpy() for name, value in values.items()},
                ),
                frame=embedded.cells.frame,
                query=query,
                moment=moment,
                zoom=embedded.zoom,
                model=model.config.name,
                attribution=embedded.attribution,
                licence=embedded.licence,
            )


def as_dataset(cells: Cells, values: dict[str, np.ndarray]) -> xr.Dataset:
    """Values of the cells, by name, as the georeferenced rasters of a :class:`SoundscapeMap`."""
    frame = cells.frame
    vertical, horizontal = frame.dims
    data = xr.Dataset(
        {
            name: (frame.dims, cells.raster(value), dict(VARIABLES[name]))
            for name, value in values.items()
        },
        coords={
            vertical: (vertical, frame.y, _AXES[vertical]),
            horizontal: (horizontal, frame.x, _AXES[horizontal]),
        },
    )
    located: xr.Dataset = data.rio.write_crs(frame.crs).rio.write_transform(frame.transform)
    return located
