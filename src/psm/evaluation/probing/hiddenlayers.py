"""Hidden layers in the image features: how well a linear probe ranks places by each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from psm.data.recording import Recording
from psm.earth.imputation import VIEW_REACH_KM
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
        distance: the layer that it is a nearness of, where it is one.
    """

    name: str
    is_visible: bool
    value: Callable[[LayerValues], Floats]
    distance: str = ""


def _near(name: str, distance: str) -> HiddenLayer:
    def nearness(place: LayerValues) -> Floats:
        return np.asarray(-np.log1p(np.asarray(getattr(place, distance), float)))

    return HiddenLayer(name=name, is_visible=True, value=nearness, distance=distance)


def _layer(
    name: str, value: Callable[[LayerValues], Floats], *, is_visible: bool = True
) -> HiddenLayer:
    return HiddenLayer(name=name, is_visible=is_visible, value=value)


HIDDEN_LAYERS: tuple[HiddenLayer, ...] = (
    _near("nearness to the coast", "coast_km"),
    _near("nearness to a river", "river_km"),
    _near("nearness to a lake", "lake_km"),
    _near("nearness to a town", "town_km"),
    _near("nearness to a main road", "road_km"),
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
        in_view: share of the places in whose view the coast, river or town lies; ``None`` for
            layers that are no distances.
    """

    layer: str
    is_visible: bool
    spearman: float
    in_view: float | None


def probe_layers(
    features: Float[np.ndarray, "n dim"],
    recordings: Sequence[Recording],
    folds: Folds,
    *,
    reach_km: float = VIEW_REACH_KM,
) -> tuple[LayerScore, ...]:
    """Ask a probe of image features for every hidden layer.

    Args:
        features: of the views of the recordings, before fusion.
        recordings: whose places are asked for.
        folds: of the recordings.
        reach_km: half the width of the view.
    """
    place = Layers.load().at(
        lat=[recording.lat for recording in recordings],
        lon=[recording.lon for recording in recordings],
    )
    truth = np.stack([layer.value(place) for layer in HIDDEN_LAYERS], axis=1)
    found = probe_values(features, truth, folds)
    scores = spearman(found.T, truth.T)
    return tuple(
        LayerScore(
            layer=layer.name,
            is_visible=layer.is_visible,
            spearman=float(score),
            in_view=float((getattr(place, layer.distance) <= reach_km).mean())
            if layer.distance
            else None,
        )
        for layer, score in zip(HIDDEN_LAYERS, scores, strict=True)
    )
