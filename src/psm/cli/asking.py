"""What a map is of, as the command line says it: a query, a measure or an indicator instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from psm.calibration import Calibration
    from psm.indicators import Indicator, Vocabulary
    from psm.mapping import Moment, Query, SoundscapeMap
    from psm.mapping.distances import EmbeddedRegion
    from psm.measures import Measure
    from psm.model import PSM


@dataclass(frozen=True)
class Subject:
    """A query, a measure or an indicator: one of them alone.

    Attributes:
        query: what to listen for.
        measure: a number that was fitted.
        indicator: a number that follows from all sounds, and these.
    """

    query: Query | None = None
    measure: Measure | None = None
    indicator: tuple[Indicator, Vocabulary] | None = None

    @property
    def name(self) -> str:
        """For names of files."""
        if self.query is not None:
            return self.query.slug
        if self.indicator is not None:
            return self.indicator[0].name
        assert self.measure is not None
        return self.measure.name

    def maps(
        self,
        model: PSM,
        places: EmbeddedRegion,
        moments: Sequence[Moment],
        calibration: Calibration | None,
    ) -> Iterator[SoundscapeMap]:
        """Its map at every moment, made as they are asked for."""
        if self.query is not None:
            from psm.mapping import map_queries

            return map_queries(model, places, [self.query], moments, calibration=calibration)
        if self.indicator is not None:
            from psm.indicators import map_indicators

            indicator, sounds = self.indicator
            return map_indicators(
                model, places, indicator, moments, calibration=calibration, vocabulary=sounds
            )
        from psm.measures import map_measures

        assert self.measure is not None
        return map_measures(self.measure, model, places, moments)


def measured(path: str) -> Subject:
    """The measure of a folder, or of a name.

    Raises:
        MissingData: there is none.
        ConfigError, CheckpointMismatch: it is broken.
    """
    from psm.measures import Measure

    return Subject(measure=Measure.load(path))


def indicated(name: str, vocabulary: Path | None) -> Subject:
    """The indicator of a name, of all known sounds or of those of a table.

    Raises:
        ConfigError: there is none such, or the table is no vocabulary.
        MissingData: there is no such table.
    """
    from psm.indicators import indicator_named

    return Subject(indicator=(indicator_named(name), classed(vocabulary)))


def classed(path: Path | None) -> Vocabulary:
    """Sounds with their classes, of a table or all that are known.

    Raises:
        ConfigError: the table is no vocabulary.
        MissingData: there is no such table.
    """
    from psm.indicators import OURS, read_vocabulary

    return OURS if path is None else read_vocabulary(path)


def require_calibrated(calibration: Calibration | None, model: str) -> None:
    """Refuse to add up what are no probabilities.

    Raises:
        ConfigError: the model has no calibration.
    """
    from psm.errors import ConfigError

    if calibration is None:
        raise ConfigError(
            f"--model {model}: indicators add up probabilities, and it has no calibration; run "
            f"`psm calibrate --model {model}`"
        )
