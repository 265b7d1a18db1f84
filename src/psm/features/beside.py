"""Imagery with features beside it, as one provider that all of mapping can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from psm.config import FeaturesConfig, ModelConfig
from psm.errors import ConfigError
from psm.features.opening import computed
from psm.features.provider import FeatureProvider
from psm.imagery.provider import NoImagery, Picture, Provider, View


class SeenWithFeatures:
    """A provider whose pictures carry features of the place; without imagery, those alone.

    A place that one of the two knows nothing of is answered with that reason.

    Args:
        features: provider of the features.
        imagery: provider of the pictures; ``None`` where no picture is seen.
    """

    is_simulated: ClassVar[bool] = False

    def __init__(self, features: FeatureProvider, imagery: Provider | None) -> None:
        self.features, self.imagery = features, imagery
        parts: list[Provider | FeatureProvider] = [features]
        if imagery is not None:
            parts.insert(0, imagery)
        # Of this object: its parts decide it.
        vars(self)["is_simulated"] = any(part.is_simulated for part in parts)
        self.name = " + ".join(part.name for part in parts)
        self.attribution = _joined([part.attribution for part in parts])
        self.licence = _joined([part.licence for part in parts])
        self.has_seasons = any(part.has_seasons for part in parts)

    @property
    def settings(self) -> Mapping[str, object]:
        """Those of the imagery, and of the features under their own name."""
        seen = {"provider": self.features.name} if self.imagery is None else self.imagery.settings
        return {**seen, "features": dict(self.features.settings)}

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """See :meth:`psm.imagery.Provider.read`.

        Args:
            lat, lon: degrees.
            view: of the pictures; of none, 0 pixels wide.

        Returns:
            As many answers as places.
        """
        blank = Picture(np.zeros((view.size_px, view.size_px, 3), np.uint8), view.gsd_m)
        pictures: Iterator[Picture | NoImagery] = (
            (blank for _ in lat)
            if self.imagery is None
            else self.imagery.read(lat=lat, lon=lon, view=view)
        )
        known = self.features.read(lat=lat, lon=lon)
        for picture, vector in zip(pictures, known, strict=True):
            if isinstance(picture, NoImagery):
                yield picture
            elif isinstance(vector, NoImagery):
                yield vector
            else:
                yield replace(picture, features=vector)


def _joined(texts: list[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def seen_through(
    config: ModelConfig, imagery: Provider | None, features: FeatureProvider | None = None
) -> Provider:
    """What a model sees places through: imagery, features or both, as its settings say.

    Args:
        config: of the model.
        imagery: not read by a model that sees features alone; ``None`` will do for it.
        features: where the model reads some; those that are computed from the place alone, as
            ``place``, need not be given.

    Returns:
        ``imagery`` itself for a model of pixels.

    Raises:
        ConfigError: imagery or features are missing, features are of another kind, version or size,
            or given to a model that reads none.
    """
    wanted = config.satellite.features
    if config.satellite.kind != "features" and imagery is None:
        raise ConfigError(f"{config.name} sees pixels: name imagery")
    if wanted is None:
        if features is not None:
            raise ConfigError(
                f"--features {features.name}: {config.name} sees places through pixels alone"
            )
        assert imagery is not None  # said above
        return imagery
    found = features or computed(wanted.provider)
    if found is None:
        raise ConfigError(
            f"{config.name} sees places through features of {wanted.provider}: name them, as "
            f"--features {wanted.provider}:FILES"
        )
    require_alike(found, wanted, config.name)
    return SeenWithFeatures(found, None if config.satellite.kind == "features" else imagery)


def require_alike(found: FeatureProvider, wanted: FeaturesConfig, model: str) -> None:
    """Refuse features that a model did not learn to read.

    Args:
        found: that it is given.
        wanted: that it reads.
        model: its name, for the error.

    Raises:
        ConfigError: they are of another kind, version or size.
    """
    ours = (wanted.provider, wanted.version, wanted.size)
    theirs = (found.name, found.version, found.size)
    if ours != theirs:
        raise ConfigError(
            f"{model} reads features of {_words(*ours)}, these are {_words(*theirs)}: numbers of "
            "another kind or version mean something else"
        )


def _words(provider: str, version: str, size: int) -> str:
    return f"{provider}{f' {version}' if version else ''} ({size} numbers)"
