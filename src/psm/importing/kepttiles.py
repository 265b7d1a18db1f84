"""Keeps tiles that were cut from remote imagery, so that no place is fetched twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from psm.geodata.cache import cache_folder
from psm.imagery import Provider, View
from psm.imagery.opening import fetches_anew
from psm.imagery.tiledownload import TileCache

FOLDER = "cuts"
"""In the user's cache folder."""

_BYTES_KEPT = 4_000_000_000


@dataclass(frozen=True)
class KeptTiles:
    """Tiles of one size, cut from one provider, as files in the user's cache.

    Attributes:
        cache: what holds them.
        cut: digest of the provider's settings and the view.
    """

    cache: TileCache
    cut: str

    @classmethod
    def of(cls, provider: Provider, view: View) -> KeptTiles | None:
        """The kept tiles of a provider; ``None`` where asking again costs no fetching."""
        if not fetches_anew(provider):
            return None
        said = json.dumps([dict(provider.settings), view.size_px, view.gsd_m], sort_keys=True)
        return cls(
            TileCache(cache_folder() / FOLDER, _BYTES_KEPT),
            hashlib.sha256(said.encode()).hexdigest()[:24],
        )

    def read(self, at: tuple[float, float]) -> bytes | None:
        """The JPEG of a place, if it is kept.

        Args:
            at: latitude and longitude in degrees.
        """
        return self.cache.read(self.cut, *_name(at)) or None

    def write(self, at: tuple[float, float], jpeg: bytes) -> None:
        """Keep the tile of a place.

        Args:
            at: latitude and longitude in degrees.
            jpeg: the tile.
        """
        self.cache.write(self.cut, *_name(at), jpeg)


def _name(at: tuple[float, float]) -> tuple[str, str]:
    digest = hashlib.sha256(repr(at).encode()).hexdigest()
    return digest[:2], digest[2:24]
