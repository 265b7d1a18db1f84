"""Imagery without its colours: how much of a map follows from them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from psm.errors import ConfigError
from psm.imagery import NoImagery, Picture, Provider, View, open_imagery

_BRIGHTNESS = np.array([0.2126, 0.7152, 0.0722])  # of red, green, blue: ITU-R BT.709


class Grey:
    """Other imagery in shades of grey.

    Args:
        of: the other imagery, as ``--imagery`` takes it.
        month: 1 to 12, for imagery that has seasons.

    Raises:
        ConfigError: nothing is named, or nothing of this kind.
    """

    is_simulated: ClassVar[bool] = False  # said of every grey imagery; a map goes by its model

    def __init__(self, of: str = "", *, month: int | None = None) -> None:
        if not of:
            raise ConfigError("grey of what? grey:blue-marble, grey:'mosaic/*.tif'")
        self._of: Provider = open_imagery(of, month=month)

    @property
    def name(self) -> str:
        """For people."""
        return f"grey {self._of.name}"

    @property
    def attribution(self) -> str:
        """Of the other imagery."""
        return self._of.attribution

    @property
    def licence(self) -> str:
        """Of the other imagery."""
        return self._of.licence

    @property
    def settings(self) -> Mapping[str, object]:
        """What changes the pixels: the other imagery, and that it is grey."""
        return {"provider": "grey", "version": 1, "of": dict(self._of.settings)}

    @property
    def has_seasons(self) -> bool:
        """As the other imagery."""
        return self._of.has_seasons

    def read(
        self, *, lat: np.ndarray, lon: np.ndarray, view: View
    ) -> Iterator[Picture | NoImagery]:
        """The other imagery's views, each channel its brightness."""
        for seen in self._of.read(lat=lat, lon=lon, view=view):
            if isinstance(seen, NoImagery):
                yield seen
                continue
            grey = (seen.pixels @ _BRIGHTNESS).round().astype(np.uint8)
            yield Picture(np.repeat(grey[..., None], 3, axis=-1), seen.gsd_m)
