"""Hidden layers in the image features: how well a linear probe ranks places by each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from psm.data.recording import Recording
from psm.earth.layers import Layers, LayerValues
from psm.earth.scene import climate
from psm.evaluation.agreement import spearman
from psm.evaluation.probing.probes import Folds, probe_values

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class HiddenLayer:
    """A layer of the simulated Earth that a probe is asked for.

    Attributes:
        name: in plain words.
        is_visible: whether the pixels of a view show it.
        value: of N places, on a scale on which a probe can be linear.
    """

    name: str
    is_visible: bool
    value: Callable[[LayerValues], Floats]


def _nearness(name: str) -> Callable[[LayerValues], Floats]:
    return lambda place: -np.log1p(np.asarray(getattr(place, name), float))


def _layer(
    name: str, value: Callable[[LayerValues], Floats], *, is_visible: bool = True
) -> HiddenLayer:
    return HiddenLayer(name=name, is_visible=is_visible, value=value)


HIDDEN_LAYERS: tuple[HiddenLayer, ...] = (
    _layer("nearness to the coast", _nearness("coast_km")),
    _layer("nearness to a river", _nearness("river_km")),
    _layer("nearness to a lake", _nearness("lake_km")),
    _layer("nearness to a town", _nearness("town_km")),
    _layer("nearness to a main road", _nearness("road_km")),
    _layer("people of the dominating town", lambda place: np.log10(place.people + 1.0)),
    _layer("forest", lambda place: place.forest),
    _layer("bare ground", lambda place: place.bare),
    _layer("ice", lambda place: place.ice),
    _layer("relief (ruggedness)", lambda place: place.ruggedness),
    _layer("temperature of the year", lambda place: climate(place)[0], is_visible=False),
    _layer("swing of temperature", lambda place: climate(place)[1], is_visible=False),
    _layer("wetness of the year", lambda place: climate(place)[2], is_visible=False),
    _layer("swing of wetness", lambda place: climate(place)[3], is_visible=False),
    _layer("latitude, south to north", lambda place: place.lat, is_visible=False),
    _layer(
        "churches ring in the country",
        lambda place: np.asarray(place.has_bells, float),
        is_visible=False,
    ),
)


@dataclass(frozen=True, kw_only=True)
class LayerScore:
    """How well a probe of the image features knows a hidden layer.

    Attributes:
        layer: its name.
        is_visible: whether the pixels of a view show it.
        spearman: rank correlation of what the probe reads and the truth, on places whose
            neighbours it was not trained on; NaN where the layer is everywhere the same.
    """

    layer: str
    is_visible: bool
    spearman: float


def probe_layers(
    features: Float[np.ndarray, "n dim"], recordings: Sequence[Recording], folds: Folds
) -> tuple[LayerScore, ...]:
    """Ask a probe of image features for every hidden layer.

    Args:
        features: of the views of the recordings, before fusion.
        recordings: whose places are asked for.
        folds: of the recordings.
    """
    place = Layers.load().at(
        lat=[recording.lat for recording in recordings],
        lon=[recording.lon for recording in recordings],
    )
    truth = np.stack([layer.value(place) for layer in HIDDEN_LAYERS], axis=1)
    found = probe_values(features, truth, folds)
    return tuple(
        LayerScore(layer=layer.name, is_visible=layer.is_visible, spearman=float(score))
        for layer, score in zip(HIDDEN_LAYERS, spearman(found.T, truth.T), strict=True)
    )
