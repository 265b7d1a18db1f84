"""The colours that tiles can be asked for in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from psm.cartography.style import COLOURS

ColoursId = Literal["magma", "inferno", "viridis", "cividis", "ember", "slate"]
_NAMES: dict[ColoursId, str] = {
    "magma": "Magma, bright is likely",
    "inferno": "Inferno, bright is likely",
    "viridis": "Viridis",
    "cividis": "Cividis, for colour-blind eyes",
    "ember": "Ember, dark is likely, as printed maps",
    "slate": "Slate, as printed maps of uncertainty",
}
_CSS_STEPS = 16


@dataclass(frozen=True, eq=False)
class Colours:
    """A palette.

    Attributes:
        id, name: what it is asked for by, and called.
        table: ``(256, 3)`` uint8; entry 0 is transparent, 1 the lowest value, 255 the highest.
    """

    id: str
    name: str
    table: NDArray[np.uint8]

    @property
    def css(self) -> list[str]:
        """16 steps from the lowest to the highest value, as #rrggbb."""
        steps = np.linspace(1, 255, _CSS_STEPS).round().astype(int)
        return ["#" + bytes(self.table[step].tolist()).hex() for step in steps]


@lru_cache(maxsize=1)
def all_colours() -> dict[str, Colours]:
    """Every palette by id."""
    return {id_: Colours(id_, name, _table(id_)) for id_, name in _NAMES.items()}


def _table(name: str) -> NDArray[np.uint8]:
    colours = COLOURS.get(name) or mpl.colormaps[name]
    table = np.zeros((256, 3), np.uint8)
    table[1:] = np.round(255.0 * colours(np.linspace(0.0, 1.0, 255))[:, :3])
    return table
