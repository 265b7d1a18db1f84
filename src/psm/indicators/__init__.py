"""Indicators of soundscapes without any labels, from a vocabulary and its probabilities.

Which share of what is heard is of animals, of ground and sky, of people; how many sounds; how
tranquil; how pleasant and how eventful it would be rated::

    found = map_indicator(model, embedded, indicator_named("biophony"), Moment(month=5, hour=5))
    found.write("biophony.tif")

:mod:`definitions` says what each is, :mod:`vocabulary` what sounds are, :mod:`rating` how people
rate, :mod:`truth` what is true on a simulated Earth.
"""

from __future__ import annotations

from psm.indicators.definitions import INDICATORS, Indicator, indicator_named
from psm.indicators.drawing import map_indicator, map_indicators
from psm.indicators.expectation import ExpectedSounds
from psm.indicators.throughtime import IndicatorProfile, profile_indicators
from psm.indicators.truth import true_values
from psm.indicators.vocabulary import OURS, Vocabulary, read_vocabulary

__all__ = [
    "INDICATORS",
    "OURS",
    "ExpectedSounds",
    "Indicator",
    "IndicatorProfile",
    "Vocabulary",
    "indicator_named",
    "map_indicator",
    "map_indicators",
    "profile_indicators",
    "read_vocabulary",
    "true_values",
]
