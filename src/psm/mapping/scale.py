"""Colour scale of a sound: the same colours mean the same probability on every map of it.

Colours that are stretched over whatever a map holds make a sound that is rare everywhere look
common somewhere. So they go from 0 to a rounded value that belongs to the sound, its 99th
percentile over all land, months and hours, and the base rate stands beside them. Both come from
places that the model folder carries, see :attr:`psm.gallery.Gallery.places`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from psm.calibration import Calibration
from psm.gaussian import Gaussian, csd, csd_variance
from psm.mapping.bands import PROBABILITY, UNCERTAINTY, Band
from psm.mapping.matching import EncodedQuery, answer

NOW_AND_THEN, OFTEN = 0.05, 0.25
"""From which probability on a sound is heard now and then, and often; below it is rare."""

WORDS: tuple[tuple[float, str], ...] = (
    (0.0, "rare"),
    (NOW_AND_THEN, "now and then"),
    (OFTEN, "often"),
)
"""What probabilities are called, from each on."""

_HIGHEST = 0.99  # quantile over land and time
_TOPS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class ColourScale:
    """Ends of the colours of a query, and how common it is.

    Attributes:
        top: probability of the last colour; the first is that of 0. At least 5 %, so that what is
            rare everywhere is drawn pale.
        uncertainty_top: the same of the uncertainty.
        highest: 99th percentile of the probability over all land, months and hours.
        base_rate: its mean there; ``None`` of a query that the model is not familiar with.
    """

    top: float
    uncertainty_top: float
    highest: float
    base_rate: float | None

    @property
    def is_rare(self) -> bool:
        """Whether the sound is rare everywhere and at all times."""
        return self.base_rate is not None and self.highest < NOW_AND_THEN

    def ends(self, band: Band) -> tuple[float, float] | None:
        """Values at the ends of the colours of a band; ``None`` where it has colours of its own."""
        tops = {PROBABILITY.name: self.top, UNCERTAINTY.name: self.uncertainty_top}
        return (0.0, tops[band.name]) if band.name in tops else None

    @property
    def words(self) -> str:
        """How common the query is, for a legend."""
        if self.base_rate is None:
            return "how common it is, nobody knows"
        mean = f"{_percent(self.base_rate)} on average over land and time"
        return f"rare everywhere, {mean}" if self.is_rare else mean


@torch.inference_mode()
def scale_of(query: EncodedQuery, calibration: Calibration | None) -> ColourScale | None:
    """The colour scale of a query; ``None`` where the model carries no places to tell it by.

    Args:
        query: in the space of the model.
        calibration: that its probabilities come from.
    """
    places = None if calibration is None else calibration.places
    if calibration is None or places is None:
        return None
    asked = query.asked
    places = Gaussian(places.mean.to(asked.mean), places.log_var.to(asked.mean))
    curves = calibration.curves(query.gaussians)
    found = answer(query, csd(places, asked), csd_variance(places, asked), curves)
    probability, uncertainty = (found[band.name].double() for band in (PROBABILITY, UNCERTAINTY))
    highest = float(probability.quantile(_HIGHEST))
    is_familiar = query.familiarity is None or query.familiarity.is_familiar
    return ColourScale(
        top=_rounded_up(highest),
        uncertainty_top=_rounded_up(float(uncertainty.nan_to_num(0.0).quantile(_HIGHEST))),
        highest=highest,
        base_rate=float(probability.mean()) if is_familiar else None,
    )


def _rounded_up(value: float) -> float:
    return next((top for top in _TOPS if value <= top), _TOPS[-1])


def _percent(value: float) -> str:
    return f"{100.0 * value:.1f} %" if value < 0.1 else f"{100.0 * value:.0f} %"
