"""Maps made of numbers, without a model."""

from __future__ import annotations

import numpy as np

from psm.mapping import Cells, Frame, Moment, Query, SoundscapeMap

GLOBE = Frame.globe(5.0)


def soundscape(
    probability: np.ndarray,
    uncertainty: np.ndarray | None = None,
    *,
    text: str = "frogs",
    moment: Moment | None = None,
    frame: Frame = GLOBE,
    **fields: str,
) -> SoundscapeMap:
    """A map of these values, rows from the north."""
    rows, columns = (index.ravel() for index in np.indices(frame.shape))
    values = {
        "match_probability": np.ravel(probability),
        "uncertainty": np.ravel(np.full(frame.shape, 0.05) if uncertainty is None else uncertainty),
        "csd": 2.0 - np.ravel(probability),
    }
    about = {"model": "tiny", "attribution": "NASA", "licence": "CC-BY-4.0", **fields}
    return SoundscapeMap.of_cells(
        Cells(frame, rows, columns),
        values,
        query=Query(texts=(text,)),
        moment=moment or Moment(),
        zoom=1,
        **about,
    )
