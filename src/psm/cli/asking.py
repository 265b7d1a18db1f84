"""What a map is of, as the command line says it: a query, or a measure instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psm.calibration import Calibration
    from psm.mapping import Moment, Query, SoundscapeMap
    from psm.mapping.distances import EmbeddedRegion
    from psm.measures import Measure
    from psm.model import PSM


@dataclass(frozen=True)
class Subject:
    """A query, or a measure: either of them alone.

    Attributes:
        query: what to listen for.
        measure: a number that was fitted.
    """

    query: Query | None = None
    measure: Measure | None = None

    @property
    def name(self) -> str:
        """For names of files."""
        if self.query is not None:
            return self.query.slug
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
