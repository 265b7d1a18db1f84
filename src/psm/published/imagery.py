"""The imagery that published models saw and published tiles hold."""

from __future__ import annotations

from psm.config import ImageryConfig
from psm.errors import ConfigError

IMAGERY = {
    "sentinel": ImageryConfig(name="sentinel-2", gsd_m=10.0, zooms=(1, 3, 5)),
    "bingmap": ImageryConfig(name="bing", gsd_m=0.6, zooms=(1, 3, 5)),
    "googleEarth": ImageryConfig(name="google-earth", gsd_m=0.2, zooms=(1,)),
}


def imagery_named(name: str | None, origin: str) -> ImageryConfig:
    """The imagery that the published code calls ``name``; ``origin`` is for the error.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in IMAGERY:
        raise ConfigError(
            f"{origin}: of which imagery? {name!r} is not known; give one of {', '.join(IMAGERY)}"
        )
    return IMAGERY[name]
