"""Opens the provider of features that a text names, as ``--features`` takes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from psm.errors import ConfigError
from psm.features.alphaearth import AlphaEarth
from psm.features.earthlayers import EarthLayers
from psm.features.geoclip import GeoClip
from psm.features.majortom import MajorTom
from psm.features.owntable import OwnTable
from psm.features.place import Place
from psm.features.provider import FeatureProvider
from psm.features.tessera import Tessera

_PROVIDERS: dict[str, Callable[..., FeatureProvider]] = {
    # By what is written before the colon, which is also the name in a model's settings.
    "aef": AlphaEarth,
    "tessera": Tessera,
    "majortom": MajorTom,
    "table": OwnTable,
    "geoclip": GeoClip,
    "place": Place,
    "earth-layers": EarthLayers,
}
_COMPUTED = ("geoclip", "place", "earth-layers")
"""Kinds that are a function of latitude and longitude: they are computed, never kept."""
_WAYS = (
    "aef:FILES, tessera:ZARR, majortom:PARQUET, table:FILE.npz or .parquet, geoclip, place, or "
    "earth-layers of the simulated Earth"
)


def open_features(text: str, **options: object) -> FeatureProvider:
    """The provider of features that a text names.

    Args:
        text: a kind, a colon, and what it reads; a ``.npz`` or ``.parquet`` file alone is a
            ``table``.
        options: of the kind.

    Returns:
        A provider; its :meth:`~psm.features.FeatureProvider.read` gives the vectors.

    Raises:
        ConfigError: nothing of this kind, or an option that it does not have.
        MissingData: no such file.
        MissingExtra: the provider needs a package that is not installed.

    Example:
        >>> place = open_features("place")
        >>> (vector,) = place.read(lat=np.array([48.2]), lon=np.array([16.4]))
        >>> vector.shape
        (195,)
    """
    kind, _, rest = text.partition(":")
    if kind in ("npz", "parquet"):
        kind = "table"
    elif kind not in _PROVIDERS and text.endswith((".npz", ".parquet")):
        kind, rest = "table", text
    if kind not in _PROVIDERS:
        raise ConfigError(f"features {text!r}: of no known kind; there are {_WAYS}")
    maker = _PROVIDERS[kind]
    accepted = inspect.signature(maker).parameters
    known = [name for name, one in accepted.items() if one.kind is one.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            has = ", ".join(known) or "none"
            raise ConfigError(f"features of kind {kind} have no option {name!r}; they have {has}")
    first = next((one for one in accepted.values() if one.kind is not one.KEYWORD_ONLY), None)
    if first is None and rest:
        raise ConfigError(f"features {text!r}: {kind} reads no file; write {kind}")
    if first is not None and first.default is first.empty and not rest:
        raise ConfigError(f"features {text!r} name nothing: {_WAYS}")
    return maker(*([rest] if rest else []), **options)


def computed(kind: str) -> FeatureProvider | None:
    """The provider of features that follow from the place alone; ``None`` of other kinds.

    Args:
        kind: as a model's settings name it.
    """
    return open_features(kind) if kind in _COMPUTED else None
