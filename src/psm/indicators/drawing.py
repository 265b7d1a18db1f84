"""Maps and profiles of indicators: a value with its interval in every cell, at any moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from psm.calibration import UNCALIBRATED, Calibration
from psm.indicators.definitions import Indicator
from psm.indicators.expectation import ExpectedSounds
from psm.indicators.vocabulary import OURS, Vocabulary
from psm.mapping import Moment, SoundscapeMap
from psm.mapping.bands import MEASURED, UNCERTAINTY, Band
from psm.mapping.compare import map_of_places, require_covered
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.query import Combination
from psm.mapping.scale import ColourScale
from psm.model import PSM


@dataclass(frozen=True)
class FixedScale(ColourScale):
    """Colours of an indicator: the same on all of its maps.

    Attributes:
        low: value of the first colour.
    """

    low: float = 0.0

    @classmethod
    def of(cls, indicator: Indicator) -> FixedScale:
        """The colours of an indicator.

        Args:
            indicator: any.
        """
        low, high = indicator.colour_ends
        return cls(top=high, uncertainty_top=0.0, highest=high, base_rate=None, low=low)

    def ends(self, band: Band) -> tuple[float, float] | None:
        """Values at the ends of the colours of a band; ``None`` of its uncertainty."""
        return None if band.name == UNCERTAINTY.name else (self.low, self.top)

    @property
    def words(self) -> str:
        """For a legend."""
        return "the same colours on every map of it"


def bands_of(indicator: Indicator) -> tuple[Band, Band, Band, Band]:
    """Value, lower and upper end of an interval of 90 %, and the standard deviation.

    Args:
        indicator: any.

    Returns:
        The bands of its maps; files leave out the last unless they are asked.
    """
    value = Band(
        name=MEASURED,
        short_name=MEASURED,
        long_name=indicator.long_name,
        description=indicator.description,
        value_range=indicator.value_range,
        colours=indicator.colours,
        unit=indicator.unit,
    )
    ends = [
        replace(
            value,
            name=side,
            short_name=side,
            long_name=f"{indicator.long_name}, {side} end of 90 %",
            description=f"The {side} end of an interval of 90 % around it.",
        )
        for side in ("lower", "upper")
    ]
    doubt = replace(
        UNCERTAINTY,
        long_name=f"standard deviation of the {indicator.long_name}",
        description="How far the model takes its value to be off, one standard deviation.",
        unit=indicator.unit,
        is_standard=False,
    )
    return value, ends[0], ends[1], doubt


def query_of(indicator: Indicator, vocabulary: Vocabulary) -> Combination:
    """What a map of an indicator says that it is of.

    Args:
        indicator: any.
        vocabulary: that was asked for.

    Returns:
        Its name in words, and what it stands on.
    """
    tags = {
        "indicator": indicator.name,
        "unit": indicator.unit,
        "vocabulary": f"{len(vocabulary)} sounds: {vocabulary.name}",
        "interval": "90 %, from the uncertainty of each sound, taken to be independent",
    }
    label = indicator.long_name[0].upper() + indicator.long_name[1:]
    return Combination(label, tuple(tags.items()))


def map_indicator(
    model: PSM,
    places: EmbeddedRegion,
    indicator: Indicator,
    moment: Moment | None = None,
    *,
    calibration: Calibration | None = None,
    vocabulary: Vocabulary = OURS,
) -> SoundscapeMap:
    """The map of an indicator at one moment; see :func:`map_indicators`.

    Args:
        model: in evaluation mode.
        places: embedded cells, a timetable, or a globe that comes with a model.
        indicator: what is mapped.
        moment: when; month and hour unknown by default.
        calibration: turns distances into calibrated probabilities.
        vocabulary: the sounds that it is made of.

    Returns:
        The map: value, lower and upper end of an interval of 90 %, and the standard deviation.

    Warns:
        UnfamiliarQuery: some of the sounds are unlike anything that the model was trained on.

    Raises:
        MissingData: the model covers none of the places.
        CheckpointMismatch: the calibration is of other weights.

    Example:
        >>> embedded = embed_cells(model, BlueMarble(), Cells.globe(1.0))
        >>> found = map_indicator(model, embedded, INDICATORS["biophony"], Moment(month=5, hour=5))
    """
    maps = map_indicators(
        model, places, indicator, [moment or Moment()],
        calibration=calibration, vocabulary=vocabulary,
    )  # fmt: skip
    return next(maps)


def map_indicators(
    model: PSM,
    places: EmbeddedRegion,
    indicator: Indicator,
    moments: Sequence[Moment],
    *,
    calibration: Calibration | None = None,
    vocabulary: Vocabulary = OURS,
) -> Iterator[SoundscapeMap]:
    """The map of an indicator at every moment, made as they are asked for.

    Args:
        model, places, indicator, calibration, vocabulary: as of :func:`map_indicator`.
        moments: when.

    Returns:
        A map a moment.

    Raises:
        MissingData, CheckpointMismatch: as of :func:`map_indicator`.
    """
    require_covered(model, places)
    expected = ExpectedSounds.of(model, vocabulary, calibration)
    for moment in moments:
        found = expected.at(places.distances(model, expected.asked, moment))
        values = indicator.interval(vocabulary, *found)
        yield indicated_map(
            model, places, indicator, moment, values,
            expected=expected, calibration=calibration, vocabulary=vocabulary,
        )  # fmt: skip


def indicated_map(
    model: PSM,
    places: EmbeddedRegion,
    indicator: Indicator,
    moment: Moment,
    values: Sequence[Float[np.ndarray, " n"]],
    *,
    expected: ExpectedSounds,
    calibration: Calibration | None = None,
    vocabulary: Vocabulary = OURS,
) -> SoundscapeMap:
    """The map of what an indicator comes to in every cell.

    Args:
        model, places, indicator, calibration, vocabulary: as of :func:`map_indicator`.
        moment: when.
        values: of :func:`bands_of`, in their order.
        expected: the vocabulary in the space of the model.

    Returns:
        The map, with everything that says what it is.
    """
    bands = bands_of(indicator)
    numbers = {band.name: part.astype(np.float32) for band, part in zip(bands, values, strict=True)}
    return map_of_places(
        model, places, numbers, bands=bands, query=query_of(indicator, vocabulary), moment=moment,
        calibration=expected.statement
        or (UNCALIBRATED if calibration is None else calibration.summary),
        familiarity=expected.familiarity, scale=FixedScale.of(indicator),
    )  # fmt: skip
