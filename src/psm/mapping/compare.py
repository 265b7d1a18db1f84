"""Maps of queries: every cell compared with every query at every moment."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from psm.calibration import UNCALIBRATED, Calibration, curves_of
from psm.coverage import WORTH_SAYING, percent
from psm.errors import MissingData, NotCovered, UnfamiliarQuery
from psm.familiarity import QueryFamiliarity
from psm.gaussian import concatenate
from psm.mapping.distances import Distances, EmbeddedRegion
from psm.mapping.matching import answer
from psm.mapping.moment import Moment, Sources
from psm.mapping.query import Query
from psm.mapping.scale import ColourScale, scale_of
from psm.mapping.soundscape_map import SoundscapeMap
from psm.model import PSM

_log = logging.getLogger(__name__)


def map_query(
    model: PSM,
    embedded: EmbeddedRegion,
    query: Query,
    moment: Moment | None = None,
    *,
    calibration: Calibration | None = None,
) -> SoundscapeMap:
    """The map of one query at one moment; see :func:`map_queries`.

    Args:
        model: in evaluation mode.
        embedded: cells at one zoom level or several, or a timetable.
        query: what to listen for.
        moment: when; month and hour unknown by default.
        calibration: turns distances into calibrated probabilities; by default they are as learnt.

    Returns:
        The map: match probability, its uncertainty, and the distance.

    Warns:
        UnfamiliarQuery: the query is unlike anything that the model was trained on.
        NotCovered: so are some of the places, which are left out.

    Raises:
        MissingData: so are all of them.
        CorruptRecording: an audio file of the query cannot be read.
        ConfigError: the model does not know about the sources of the query.
        CheckpointMismatch: the calibration is of other weights.

    Example:
        >>> embedded = embed_cells(model, BlueMarble(), Cells.globe(1.0))
        >>> found = map_query(model, embedded, Query.parse("frogs"), Moment(month=4, hour=22))
        >>> found.write("frogs.png")
    """
    moments = [moment or Moment()]
    return next(map_queries(model, embedded, [query], moments, calibration=calibration))


@torch.inference_mode()
def map_queries(
    model: PSM,
    embedded: EmbeddedRegion,
    queries: Sequence[Query],
    moments: Sequence[Moment],
    *,
    calibration: Calibration | None = None,
) -> Iterator[SoundscapeMap]:
    """The map of every query at every moment, moment by moment.

    A query is encoded once and the locations once a moment (and source that queries name), so that
    another query at the same moment costs next to nothing.

    Args:
        model: in evaluation mode.
        embedded: cells at one zoom level or several.
        queries: what to listen for.
        moments: when.
        calibration: turns distances into calibrated probabilities; by default they are as learnt.

    Returns:
        Maps, made as they are asked for: all queries of the first moment, then of the next.

    Warns:
        UnfamiliarQuery: a query is unlike anything that the model was trained on.
        NotCovered: so are some of the places, which are left out.

    Raises:
        MissingData: so are all of them.
        CorruptRecording: an audio file of a query cannot be read.
        ConfigError: the model does not know about the sources of a query.
        CheckpointMismatch: the calibration is of other weights.
    """
    require_covered(model, embedded)
    encoded = [query.encode(model) for query in queries]
    for familiarity in (query.familiarity for query in encoded):
        if familiarity is not None and not familiarity.is_familiar:
            warnings.warn(familiarity.statement, UnfamiliarQuery, stacklevel=2)
    asked = concatenate([query.asked for query in encoded])
    columns = np.cumsum([0, *(query.columns for query in encoded)])
    curves = [curves_of(model, calibration, query.gaussians) for query in encoded]
    scales = [scale_of(query, calibration) for query in encoded]
    for moment in moments:
        measured: dict[Sources, Distances] = {}
        for number, query in enumerate(queries):
            told = Sources(query.audio_source, query.caption_source)
            if told not in measured:
                measured[told] = embedded.distances(model, asked, moment, told)
                _log.info("%d cells compared with the query, %s", len(embedded.cells), moment)
            own = slice(columns[number], columns[number + 1])
            distance, variance = (values[:, own] for values in measured[told])
            values = answer(encoded[number], distance, variance, curves[number])
            numbers = {name: value.cpu().numpy() for name, value in values.items()}
            yield soundscape_map(
                model, embedded, query, moment, numbers,
                calibration=calibration, familiarity=encoded[number].familiarity,
                scale=scales[number],
            )  # fmt: skip


def soundscape_map(
    model: PSM,
    places: EmbeddedRegion,
    query: Query,
    moment: Moment,
    values: Mapping[str, np.ndarray],
    *,
    calibration: Calibration | None = None,
    familiarity: QueryFamiliarity | None = None,
    scale: ColourScale | None = None,
) -> SoundscapeMap:
    """The map of an answer, with everything that says what it is.

    Args:
        model: that answered.
        places: that were asked.
        query: what they were asked for.
        moment: when.
        values: of the cells, by name of the band.
        calibration: that was applied.
        familiarity: of the query, where the model says.
        scale: colours of the query.
    """
    return map_of_places(
        model, places, values, query=query, moment=moment,
        calibration=_calibrated(calibration, query), familiarity=familiarity, scale=scale,
    )  # fmt: skip


def map_of_places(
    model: PSM, places: EmbeddedRegion, values: Mapping[str, np.ndarray], **about: Any
) -> SoundscapeMap:
    """A map of whatever a model says of places, with what it stands on.

    Args:
        model: that answered.
        places: that were asked.
        values: of the cells, by name of the band.
        about: what else a map knows: its bands, query, moment and the like.

    Returns:
        The map; model, imagery, licence and the places that are not covered are told.
    """
    left_out = places.not_covered
    return SoundscapeMap.of_cells(
        places.cells,
        values,
        zoom=places.zoom,
        model=model.config.name,
        attribution=places.attribution,
        licence=places.licence,
        approximation=places.approximation or "",
        provenance=model.provenance,
        **about,
        not_covered=None
        if left_out is None
        else places.cells.raster(left_out.astype(np.float32)) == 1.0,
    )


def require_covered(model: PSM, places: EmbeddedRegion) -> None:
    """Say how much of the places the model does not cover; refuse where that is all.

    Args:
        model: that is asked.
        places: that it is asked for.

    Warns:
        NotCovered: some of them are not covered.

    Raises:
        MissingData: none of them is.
    """
    left_out = places.not_covered
    if left_out is None or not left_out.any():
        return
    like = "" if model.coverage is None else f": covered is what lies {model.coverage.statement}"
    name = model.config.name
    if left_out.all():
        raise MissingData(f"none of these places is covered by what {name} learnt{like}")
    area = places.cells.frame.row_km2[places.cells.rows]
    share = float(area[left_out].sum() / area.sum())
    if share < WORTH_SAYING:
        return
    warnings.warn(
        f"{percent(share)} of the area is not covered by what {name} learnt, and left out{like}",
        NotCovered,
        stacklevel=4,
    )


def _calibrated(calibration: Calibration | None, query: Query) -> str:
    if calibration is None:
        return UNCALIBRATED
    terms = query.all_terms
    is_as_fitted = len(terms) == 1 and terms[0].is_wanted and terms[0].audio is None
    carried = "" if is_as_fitted else " (fitted to single texts, carried over to this query)"
    return calibration.summary + carried
