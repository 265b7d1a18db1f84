"""Answers about quantities: each computed once, in the model's thread, and remembered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from psm.cartography.style import ends_of
from psm.mapping.moment import Moment
from psm.server.jobs import SharedJobs, WorkerThread
from psm.server.lrucache import LRUCache
from psm.server.problems import Problem
from psm.server.quantities.kinds import Ends, Quantity, Values
from psm.server.served import ServedStore

QuantityLayer = Literal["value", "lower", "upper", "width"]
LAYERS: tuple[QuantityLayer, ...] = get_args(QuantityLayer)
"""What tiles of a quantity show; the width is that of its interval."""

_MONTHS, _HOURS = (1, 4, 7, 10), (0.0, 6.0, 12.0, 18.0)
_TICKS = MaxNLocator(10, steps=[1, 2, 5, 10])


@dataclass(frozen=True, eq=False)
class QuantityMap:
    """The map of a quantity at one moment, as numbers of the cells.

    Attributes:
        values: see :data:`psm.server.quantities.kinds.Values`.
        seconds: that it took.
    """

    values: Values
    seconds: float

    @property
    def size_bytes(self) -> int:
        """In memory."""
        return int(self.values.nbytes)

    def layer(self, name: QuantityLayer) -> NDArray[np.float32]:
        """A layer of all cells."""
        return layer_of(self.values, name)


def layer_of(values: Values, name: QuantityLayer) -> NDArray[np.float32]:
    """A layer, of values of the bands."""
    if name == "width":
        return np.asarray(values[2] - values[1], np.float32)
    return np.asarray(values[LAYERS.index(name)], np.float32)


class QuantityAnswers:
    """Answers about the quantities of a server.

    Args:
        quantities: by id.
        worker: the thread of the model.
        memory_bytes: for maps.
    """

    def __init__(
        self, quantities: dict[str, Quantity], *, worker: WorkerThread, memory_bytes: float
    ) -> None:
        self.quantities = quantities
        self._maps: LRUCache[QuantityMap] = LRUCache(memory_bytes, lambda made: made.size_bytes)
        self._small: LRUCache[Any] = LRUCache(1024)
        self._shared = SharedJobs(worker)

    def quantity(self, id_: str, store: ServedStore) -> Quantity:
        """A quantity that can be drawn on a store.

        Raises:
            Problem: 404, there is none; 422, the store cannot answer it.
        """
        found = self.quantities.get(id_)
        if found is None:
            known = ", ".join(self.quantities)
            raise Problem(
                404, f"There is no such quantity; there are {known}.", kind="unknown-quantity"
            )
        refusal = found.refusal(store)
        if refusal is not None:
            raise Problem(422, f"{store.name}: {refusal}", kind="no-quantity")
        return found

    async def map_of(self, store: ServedStore, quantity: Quantity, moment: Moment) -> QuantityMap:
        """Its map at a moment; asked of the model once, however many tiles want it."""

        def work() -> QuantityMap:
            start = time.perf_counter()
            values = quantity.values(store.places, moment)
            return QuantityMap(values, time.perf_counter() - start)

        key = (store.id, store.version, quantity.id, moment)
        return await self._shared.result(self._maps, key, work)

    async def ends(self, store: ServedStore, quantity: Quantity) -> dict[QuantityLayer, Ends]:
        """Ends of the colours of each layer that stay as time moves, at round numbers.

        Those of the quantity, or what a store holds over seasons and parts of the day.
        """

        def work() -> dict[QuantityLayer, Ends]:
            area, places = store.sample()
            moments = [Moment(month=month, hour=hour) for month in _MONTHS for hour in _HOURS]
            found = np.stack([quantity.values(places, moment) for moment in moments], axis=1)
            # The value and the ends of its interval have the same colours.
            value = quantity.ends or rounded_ends(
                *ends_of(found[0], area), quantity.band.value_range
            )
            width = ends_of(layer_of(found, "width"), area)[1]
            wide = rounded_ends(0.0, width, (0.0, np.inf))
            return {"value": value, "lower": value, "upper": value, "width": wide}

        key = ("range", store.id, store.version, quantity.id)
        return await self._shared.result(self._small, key, work)

    async def through_time(
        self, store: ServedStore, quantity: Quantity, cell: int
    ) -> NDArray[np.float64]:
        """Value, lower and upper end of a cell by month and local hour, ``(3, 12, 24)``."""

        def work() -> NDArray[np.float64]:
            place = store.place(cell)
            return np.asarray(quantity.through_time(store.features(cell), **place))

        key = ("profile", store.id, store.version, quantity.id, cell)
        return await self._shared.result(self._small, key, work)


def rounded_ends(low: float, high: float, within: Ends) -> Ends:
    """Round numbers that hold two ends, within what is possible: for a legend.

    Args:
        low, high: ends, ``low`` below ``high``.
        within: smallest and largest possible number.
    """
    ticks = _TICKS.tick_values(low, high)
    least, most = (float(f"{end:.12g}") for end in (ticks[0], ticks[-1]))
    return max(least, within[0]), min(most, within[1])
