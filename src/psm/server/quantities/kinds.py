"""The two kinds of quantities: measures that somebody fitted, and indicators of all sounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from psm.calibration import Calibration
from psm.errors import ConfigError
from psm.indicators import INDICATORS, OURS, ExpectedSounds, Indicator
from psm.indicators.drawing import bands_of, indicated_map
from psm.indicators.expectation import Expected
from psm.indicators.throughtime import sounds_through_time
from psm.mapping.bands import Band
from psm.mapping.distances import EmbeddedRegion
from psm.mapping.moment import Moment
from psm.mapping.soundscape_map import SoundscapeMap
from psm.mapping.timetable.compactstore import CompactPlaces
from psm.measures import Measure
from psm.measures.drawing import measure_through_time, measured_map, values_of
from psm.measures.measure import folder_name
from psm.model import PSM
from psm.server.lrucache import LRUCache
from psm.server.served import ServedStore, slug, unique

_KEPT_BYTES = 64e6

Ends = tuple[float, float]
Values = Float[np.ndarray, "4 n"]
"""Value, lower and upper end of the interval of 90 %, standard deviation: the bands of its maps."""


class Quantity(ABC):
    """A number with a unit and an interval in every cell, at every month and hour.

    Attributes:
        id: in addresses.
        name: in words.
        kind: ``measure`` or ``indicator``.
        bands: of its maps, in the order of :data:`Values`.
    """

    id: str
    name: str
    kind: str
    bands: Sequence[Band]

    @property
    def band(self) -> Band:
        """What its maps are of."""
        return self.bands[0]

    @property
    def ends(self) -> Ends | None:
        """Ends of its colours, where they are the same on all maps."""
        return None

    @property
    @abstractmethod
    def version(self) -> str:
        """A short text that changes with whatever changes its maps, besides model and store."""

    @property
    @abstractmethod
    def slug(self) -> str:
        """For names of files."""

    @abstractmethod
    def refusal(self, store: ServedStore) -> str | None:
        """Why it cannot be drawn on a store, in one line; ``None`` where it can."""

    @abstractmethod
    def values(self, places: EmbeddedRegion, moment: Moment) -> Values:
        """In every cell; NaN without imagery. Only in the thread of the model."""

    @abstractmethod
    def through_time(
        self, features: Float[torch.Tensor, "1 dim"], *, lat: float, lon: float
    ) -> Float[np.ndarray, "3 12 24"]:
        """Value, lower and upper end at a place, by month and local hour."""

    @abstractmethod
    def drawn(self, places: EmbeddedRegion, moment: Moment, values: Values) -> SoundscapeMap:
        """Its values as a map that can be written."""


def means_refusal(model: PSM, store: ServedStore) -> str | None:
    """Why a store keeps no means of its cells, which measures and plans stand on.

    Args:
        model: of the server.
        store: any.

    Returns:
        One line; ``None`` where it keeps them.
    """
    if not isinstance(store.places, CompactPlaces):
        return None
    try:
        store.places.components(model, Moment(), torch.zeros(model.config.dim, 1), slice(0, 1))
    except ConfigError as problem:
        return str(problem)
    return None


@dataclass(eq=False)
class ServedMeasure(Quantity):
    """A measure of ``psm measure fit``.

    Attributes:
        measure: what was fitted.
        model: that it was fitted with.
        id: in addresses.
    """

    measure: Measure
    model: PSM
    id: str

    kind = "measure"

    def __post_init__(self) -> None:
        self.name = self.measure.name.replace("_", " ")
        self.bands = self.measure.bands

    @property
    def version(self) -> str:
        """Of the table it was fitted on, and what came of it."""
        about = self.measure.about
        return f"{about.fitted.sha256} {about.hyperparameters} {about.shrink} {about.stretch}"

    @property
    def slug(self) -> str:
        """See :class:`Quantity`."""
        return folder_name(self.measure.name)

    def refusal(self, store: ServedStore) -> str | None:
        """A globe that comes with its model keeps too few numbers."""
        return means_refusal(self.model, store)

    def values(self, places: EmbeddedRegion, moment: Moment) -> Values:
        """See :class:`Quantity`."""
        return np.stack(values_of(self.measure, self.model, places, moment))

    def through_time(
        self, features: Float[torch.Tensor, "1 dim"], *, lat: float, lon: float
    ) -> Float[np.ndarray, "3 12 24"]:
        """See :class:`Quantity`."""
        return measure_through_time(self.measure, self.model, features, lat=lat, lon=lon)

    def drawn(self, places: EmbeddedRegion, moment: Moment, values: Values) -> SoundscapeMap:
        """See :class:`Quantity`."""
        return measured_map(self.measure, self.model, places, moment, list(values))


class SharedSounds:
    """The vocabulary of all indicators of a server, encoded once.

    Args:
        model: in evaluation mode.
        calibration: of the model; without one, indicators are refused.
    """

    def __init__(self, model: PSM, calibration: Calibration | None) -> None:
        self.model, self.calibration = model, calibration
        self._kept: LRUCache[tuple[EmbeddedRegion, Expected]] = LRUCache(
            _KEPT_BYTES, lambda kept: float(kept[1][0].nbytes + kept[1][1].nbytes)
        )

    @cached_property
    def expected(self) -> ExpectedSounds:
        """In the space of the model; only in its thread."""
        return ExpectedSounds.of(self.model, OURS, self.calibration)

    @torch.inference_mode()
    def at(self, places: EmbeddedRegion, moment: Moment) -> Expected:
        """How likely each sound is in every cell: the same for all indicators, and remembered."""
        key = (id(places), moment)  # kept with its places, so that no others come to have its id
        known = self._kept.get(key)
        if known is not None:
            return known[1]
        found = self.expected.at(places.distances(self.model, self.expected.asked, moment))
        self._kept.put(key, (places, found))
        return found


@dataclass(eq=False)
class ServedIndicator(Quantity):
    """An indicator of all sounds, which nothing has to be fitted for.

    Attributes:
        indicator: which.
        sounds: that it is made of.
    """

    indicator: Indicator
    sounds: SharedSounds

    kind = "indicator"

    def __post_init__(self) -> None:
        self.id = self.indicator.name
        self.name = self.indicator.long_name
        self.bands = bands_of(self.indicator)

    @property
    def ends(self) -> Ends:
        """The same on all of its maps."""
        return self.indicator.colour_ends

    @property
    def version(self) -> str:
        """It changes with the package alone."""
        return ""

    @property
    def slug(self) -> str:
        """See :class:`Quantity`."""
        return self.indicator.name

    def refusal(self, store: ServedStore) -> str | None:
        """Probabilities that are not calibrated cannot be added up."""
        del store
        if self.sounds.calibration is not None:
            return None
        return (
            "indicators add up probabilities, and this model answers without a calibration; run "
            "psm calibrate, or serve it without --raw"
        )

    def values(self, places: EmbeddedRegion, moment: Moment) -> Values:
        """See :class:`Quantity`."""
        found = self.sounds.at(places, moment)
        return np.stack(self.indicator.interval(OURS, *found)).astype(np.float32)

    def through_time(
        self, features: Float[torch.Tensor, "1 dim"], *, lat: float, lon: float
    ) -> Float[np.ndarray, "3 12 24"]:
        """See :class:`Quantity`."""
        found = sounds_through_time(
            self.sounds.model, self.sounds.expected, features, lat=lat, lon=lon
        )
        return np.stack(self.indicator.interval(OURS, *found)[:3])

    def drawn(self, places: EmbeddedRegion, moment: Moment, values: Values) -> SoundscapeMap:
        """See :class:`Quantity`."""
        return indicated_map(
            self.sounds.model, places, self.indicator, moment, list(values),
            expected=self.sounds.expected, calibration=self.sounds.calibration,
        )  # fmt: skip


def quantities_of(
    model: PSM, calibration: Calibration | None, measures: Iterable[Measure]
) -> dict[str, Quantity]:
    """All that a server offers, by id: measures as they were given, then the indicators.

    Args:
        model: of the server.
        calibration: of the model.
        measures: that were fitted with it.

    Raises:
        CheckpointMismatch: a measure was fitted with another model.
    """
    sounds = SharedSounds(model, calibration)
    indicators = [ServedIndicator(indicator, sounds) for indicator in INDICATORS.values()]
    taken = {indicator.id for indicator in indicators}
    found: dict[str, Quantity] = {}
    for measure in measures:
        measure.require_model(model)
        id_ = unique(slug(measure.name), {*taken, *found})
        found[id_] = ServedMeasure(measure, model, id_)
    return found | {indicator.id: indicator for indicator in indicators}
