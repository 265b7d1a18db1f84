"""Indicators of a soundscape: each a number of the probabilities of a whole vocabulary.

With p_k how likely sound k is, B, G and A the expected numbers of sounds of animals, of ground and
sky, and of people (sums of their p_k), and N = B + G + A:

    biophony, geophony, anthropophony    B / N, G / N, A / N
    sounds                               N, of a recording
    predicted_ndsi                       (B - A) / (B + A)
    tranquillity                         Π (1 - p_k) over the sounds of people
    pleasantness, eventfulness           see :mod:`psm.indicators.rating`

NDSI (Kasten et al. 2012) is of the power in two bands of a recording. What is predicted has its
form and no power in it, and so its own name. Tranquillity is the chance that a recording holds
nothing of people, one less the share of time in which they are audible: the measure of natural
quiet of the US National Park Service (Lynch, Joyce & Fristrup 2011, "An assessment of noise
audibility and sound levels in U.S. National Parks", Landscape Ecology 26). The tool TRAPT
(Pheasant, Horoshenkov & Watts 2010) rates it by level and by what is seen; levels are not known.

Uncertainty goes through by the delta method: var f = Σ (∂f/∂p_k)² var p_k, errors of different
sounds taken to be independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from psm.errors import ConfigError
from psm.indicators.rating import (
    COMPLETELY,
    EVENTFUL,
    NOT_AT_ALL,
    PLEASANT,
    RatingModel,
    dominance_of,
)
from psm.indicators.vocabulary import SoundClass, SoundSource, Vocabulary
from psm.mapping.bands import INFINITY
from psm.uncertainty import DEVIATIONS

Values = Float[np.ndarray, "*n"]
Probabilities = Float[np.ndarray, "*n sounds"]

Slopes = Callable[[Vocabulary, Probabilities], tuple[Values, Probabilities]]
"""An indicator and its derivatives by the probabilities of a vocabulary."""

_LEAST = 1e-12  # of an expected number: nothing at all is heard


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One number of a soundscape.

    Attributes:
        name: in commands and files.
        long_name: in words, for legends.
        description: a sentence for somebody who meets it for the first time.
        value_range: smallest and largest possible value.
        colour_ends: values at the ends of its colours, on all maps.
        colours: name of one of :data:`psm.cartography.style.COLOURS`.
        unit: ``1`` for a pure number.
        slopes: value and its derivatives by the probabilities.
    """

    name: str
    long_name: str
    description: str
    value_range: tuple[float, float]
    colour_ends: tuple[float, float]
    colours: str = "ember"
    unit: str = "1"
    slopes: Slopes

    def value(self, vocabulary: Vocabulary, probability: Probabilities) -> Values:
        """The indicator.

        Args:
            vocabulary: of K sounds.
            probability: of each, ``(*n, K)``.

        Returns:
            ``(*n,)``, NaN where nothing at all is heard.
        """
        return self.slopes(vocabulary, probability)[0]

    def interval(
        self, vocabulary: Vocabulary, probability: Probabilities, uncertainty: Probabilities
    ) -> tuple[Values, Values, Values, Values]:
        """The indicator with an interval of 90 %.

        Args:
            vocabulary: of K sounds.
            probability: of each, ``(*n, K)``.
            uncertainty: standard deviation of each.

        Returns:
            Value, lower and upper end, within the range of the indicator, and standard deviation.
        """
        value, slopes = self.slopes(vocabulary, probability)
        deviation = np.sqrt(np.einsum("...k,...k->...", np.square(slopes), np.square(uncertainty)))
        low, high = (
            np.clip(value + side * DEVIATIONS * deviation, *self.value_range) for side in (-1, 1)
        )
        return value, low, high, deviation


def _share(member: Float[np.ndarray, " sounds"], p: Probabilities) -> tuple[Values, Probabilities]:
    """Share of some sounds of all, and its derivatives."""
    whole = p.sum(axis=-1)
    whole = np.where(whole > _LEAST, whole, np.nan)
    share = p @ member / whole
    return share, (member - share[..., None]) / whole[..., None]


def _share_of(kind: SoundClass) -> Slopes:
    return lambda vocabulary, p: _share(vocabulary.of_kind(kind).astype(float), p)


def _number(_: Vocabulary, p: Probabilities) -> tuple[Values, Probabilities]:
    return p.sum(axis=-1), np.ones_like(p)


def _ndsi(vocabulary: Vocabulary, p: Probabilities) -> tuple[Values, Probabilities]:
    animals = vocabulary.of_kind(SoundClass.BIOPHONY).astype(float)
    people = vocabulary.of_kind(SoundClass.ANTHROPOPHONY).astype(float)
    both = p @ (animals + people)
    both = np.where(both > _LEAST, both, np.nan)
    value = (p @ (animals - people)) / both
    return value, ((animals - people) - value[..., None] * (animals + people)) / both[..., None]


def _tranquillity(vocabulary: Vocabulary, p: Probabilities) -> tuple[Values, Probabilities]:
    people = vocabulary.of_kind(SoundClass.ANTHROPOPHONY)
    absent = np.where(people, 1.0 - p, 1.0)
    value = absent.prod(axis=-1)
    others = value[..., None] / np.maximum(absent, _LEAST)
    return value, np.where(people, -others, 0.0)


def _rated(model: RatingModel) -> Slopes:
    def rate(vocabulary: Vocabulary, p: Probabilities) -> tuple[Values, Probabilities]:
        found = [_share(vocabulary.of_source(s).astype(float), p) for s in SoundSource]
        shares = np.stack([share for share, _ in found], axis=-1)
        steps = (COMPLETELY - NOT_AT_ALL) * np.array(model.slopes)
        slopes = sum(step * slope for step, (_, slope) in zip(steps, found, strict=True))
        return model.rate(dominance_of(shares)), np.asarray(slopes)

    return rate


_ALL = (
    Indicator(
        name="biophony",
        long_name="share of biophony",
        description="Which share of the sounds that are expected of a recording are of animals.",
        value_range=(0.0, 1.0),
        colour_ends=(0.0, 1.0),
        slopes=_share_of(SoundClass.BIOPHONY),
    ),
    Indicator(
        name="geophony",
        long_name="share of geophony",
        description="The same of wind, water, rain and thunder.",
        value_range=(0.0, 1.0),
        colour_ends=(0.0, 1.0),
        slopes=_share_of(SoundClass.GEOPHONY),
    ),
    Indicator(
        name="anthropophony",
        long_name="share of anthropophony",
        description="The same of people, their machines, bells and steps.",
        value_range=(0.0, 1.0),
        colour_ends=(0.0, 1.0),
        slopes=_share_of(SoundClass.ANTHROPOPHONY),
    ),
    Indicator(
        name="sounds",
        long_name="expected number of sounds",
        description="How many of the vocabulary's sounds a recording is expected to hold.",
        value_range=(0.0, INFINITY),
        colour_ends=(0.0, 3.0),
        unit="sounds",
        slopes=_number,
    ),
    Indicator(
        name="predicted_ndsi",
        long_name="predicted NDSI: animals against people",
        description="Expected sounds of animals less those of people, of both; no power is in it.",
        value_range=(-1.0, 1.0),
        colour_ends=(-1.0, 1.0),
        colours="purple-orange",
        slopes=_ndsi,
    ),
    Indicator(
        name="tranquillity",
        long_name="chance that nothing of people is heard",
        description="The chance that a recording holds no sound of people or of their machines.",
        value_range=(0.0, 1.0),
        colour_ends=(0.0, 1.0),
        slopes=_tranquillity,
    ),
    Indicator(
        name="pleasantness",
        long_name="expected pleasantness (ISO/TS 12913-3)",
        description="What people are expected to rate on average; single answers differ more.",
        value_range=(-1.0, 1.0),
        colour_ends=(0.0, 0.7),
        slopes=_rated(PLEASANT),
    ),
    Indicator(
        name="eventfulness",
        long_name="expected eventfulness (ISO/TS 12913-3)",
        description="What people are expected to rate on average; single answers differ more.",
        value_range=(-1.0, 1.0),
        colour_ends=(-0.25, 0.25),
        colours="purple-orange",
        slopes=_rated(EVENTFUL),
    ),
)

INDICATORS: Mapping[str, Indicator] = {indicator.name: indicator for indicator in _ALL}
"""By name."""


def indicator_named(name: str) -> Indicator:
    """The indicator of a name, as people write it: NDSI is the predicted one.

    Args:
        name: of it; case, blanks and underscores do not matter.

    Returns:
        It.

    Raises:
        ConfigError: there is none such.
    """
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    if plain not in INDICATORS:
        hint = "; NDSI is predicted here: predicted_ndsi" if plain == "ndsi" else ""
        raise ConfigError(f"--indicator {name!r}: choose {', '.join(INDICATORS)}{hint}")
    return INDICATORS[plain]
