"""True values of indicators on a simulated Earth, from the rules that its recordings follow."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from psm.earth.soundscape import normaliser, odds, probability
from psm.earth.worlds import OUR_EARTH, World
from psm.indicators.definitions import Indicator
from psm.indicators.vocabulary import SoundClass, class_of, vocabulary_of


def true_values(
    indicator: Indicator,
    *,
    lat: ArrayLike,
    lon: ArrayLike,
    month: ArrayLike,
    hour: ArrayLike,
    world: World = OUR_EARTH,
) -> Float[np.ndarray, " n"]:
    """The true value of an indicator at N places and times (arguments broadcast).

    That nothing of people is heard is known exactly, though sounds of a recording are not
    independent: it holds one to three sounds, and P(none of A) = Z(all but A) / Z(all).

    Args:
        indicator: any.
        lat, lon: degrees.
        month, hour: 1..12 and local hours in [0, 24).
        world: whose truth it is.

    Returns:
        ``(N,)``.

    Raises:
        InvalidContext: a coordinate or a time is out of range.
    """
    values = odds(lat=lat, lon=lon, month=month, hour=hour, world=world)
    if indicator.name == "tranquillity":
        people = np.array([class_of(s) is SoundClass.ANTHROPOPHONY for s in world.sounds])
        return np.asarray(normaliser(values[:, ~people]) / normaliser(values))
    queries = [(sound, str(sound)) for sound in world.sounds]
    return indicator.value(vocabulary_of(queries), probability(values))
