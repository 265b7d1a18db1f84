"""Numbers of a question: what a page needs beside a store's coefficients to draw all its maps."""

from __future__ import annotations

import base64

import numpy as np
from jaxtyping import Float

from psm.calibration import Calibration
from psm.curves import QueryCurves
from psm.mapping.matching import EncodedQuery
from psm.mapping.timetable.storedcoefficients import StoredCoefficients
from psm.model import PSM
from psm.server.coefficients.schemas import (
    CurveModel,
    ErrorModel,
    ModesModel,
    NumbersModel,
    OpinionModel,
    TermModel,
)
from psm.uncertainty import INFLATION, SPREAD, UNKNOWN

_MOST_LEFT_OVER = 0.002  # of a map's variance; more would be seen in the ranks of places
_MOST = 32767


def numbers_of(
    query: EncodedQuery,
    curves: QueryCurves,
    coefficients: StoredCoefficients,
    model: PSM,
    calibration: Calibration | None,
) -> NumbersModel | None:
    """The numbers of a question; ``None`` where the coefficients cannot hold it.

    Args:
        query: in the space of the model.
        curves: of its terms.
        coefficients: of the store that is asked.
        model: in evaluation mode.
        calibration: of the model, that the curves come from.
    """
    if any(ceiling < 1.0 for ceiling in query.ceilings):
        return None  # what the model does not know is held down, which a page has no rule for
    if not query.is_uncertainty_known:
        return None  # a page would take points to be sure
    modes = coefficients.projection(query.asked)
    if float(modes.left_over.max()) > _MOST_LEFT_OVER:
        return None
    opinions, uncertainty = query.opinions, model.uncertainty
    terms = []
    for k, power in enumerate(query.powers):
        opinion = None
        if opinions is not None:
            other = len(query) + k
            opinion = OpinionModel(
                csd=_modes(modes.csd[other], modes.csd_offset[other]),
                offset=float(opinions.offset[k]),
                trust=float(opinions.trust[k]),
            )
        terms.append(
            TermModel(
                power=power,
                is_wanted=k < query.wanted,
                offset=float(curves.offset[k]),
                variance=float(curves.variance[k]),
                csd=_modes(modes.csd[k], modes.csd_offset[k]),
                csd_variance=_modes(modes.variance[k], modes.variance_offset[k])
                if opinion is None
                else None,
                opinion=opinion,
            )
        )
    error = None
    if opinions is not None and uncertainty is not None:
        error = ErrorModel(
            scale=uncertainty.scale,
            lapse=uncertainty.lapse,
            shift=uncertainty.shift,
            slope=uncertainty.slope,
            spread=SPREAD,
            unknown=UNKNOWN,
            inflation=INFLATION,
        )
    return NumbersModel(
        coefficients=coefficients.id,
        is_any=query.is_any,
        curve=_curve(model, calibration),
        terms=terms,
        error=error,
    )


def _curve(model: PSM, calibration: Calibration | None) -> CurveModel:
    if calibration is None:
        scale, shift = float(model.negative_scale), float(model.shift)
        return CurveModel(scale=scale, shift=shift, distances=[], probabilities=[])
    return CurveModel(
        scale=calibration.negative_scale,
        shift=calibration.shift,
        distances=list(calibration.distances),
        probabilities=list(calibration.probabilities),
    )


def _modes(values: Float[np.ndarray, " modes"], offset: float) -> ModesModel:
    step = float(np.abs(values).max()) / _MOST or 1.0
    whole = np.round(values / step).astype("<i2")
    return ModesModel(
        offset=float(offset), step=step, values=base64.b64encode(whole.tobytes()).decode()
    )
