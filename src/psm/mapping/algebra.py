"""Map algebra: mean, weighted sum, difference, log ratio, any of and all of several maps.

A mean of probabilities is a probability again; a difference is not, and says so by its quantity.

How the errors of two maps go together is not known, only that maps of one model rather share
theirs: the correlation is taken to lie anywhere in [0, 1], and the uncertainty is the largest that
it allows. With weights w and standard deviations s,

    uncertainty = hypot(sum over w > 0 of w s, sum over w < 0 of |w| s).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float

from psm.calibration import UNCALIBRATED
from psm.errors import ConfigError
from psm.familiarity import QueryFamiliarity
from psm.geodata.frame import Frame
from psm.mapping.bands import (
    LOG_RATIO,
    MEASURED,
    PROBABILITY,
    UNCERTAINTY,
    Band,
    uncertainty_of,
    weighted,
)
from psm.mapping.map_data import MapData
from psm.mapping.moment import Moment, Moments
from psm.mapping.query import Combination, Query
from psm.provenance import Provenance

_NAMED = 3  # more maps than these are counted, not listed

Map = TypeVar("Map", bound=MapData)
Raster = Float[np.ndarray, "rows columns"]
Words = Callable[[list[str], str], str]


def weighted_sum(maps: Sequence[Map], weights: Sequence[float]) -> Map:
    """The sum of ``weights`` times maps.

    With weights that are positive and sum to 1 it is a probability; with 1 and -1 a difference in
    [-1, 1]; else a number between the sums of the negative and of the positive weights.

    Args:
        maps: of one frame, all calibrated or none.
        weights: one a map, finite; a negative one subtracts.

    Returns:
        The sum, with the uncertainty that the least favourable correlation allows.

    Raises:
        ConfigError: the maps do not go together, or a weight is missing or no number.
    """
    _require_linear(maps, weights)

    def words(names: list[str], _kind: str) -> str:
        first, *rest = zip(weights, names, strict=True)
        text = _scaled(abs(first[0]), first[1])
        text = f"− {text}" if first[0] < 0 else text
        signs = ((" − " if w < 0 else " + ", abs(w), name) for w, name in rest)
        return text + "".join(f"{sign}{_scaled(size, name)}" for sign, size, name in signs)

    return _sum(maps, weights, words)


def mean(maps: Sequence[Map], weights: Sequence[float] | None = None) -> Map:
    """The average of maps, by weight where they are given: of a day from its hours, for instance.

    Args:
        maps: of one frame, all calibrated or none.
        weights: one a map, positive; equal ones by default.

    Returns:
        The average: a probability again where the maps are.

    Raises:
        ConfigError: the maps do not go together, or the weights are not positive numbers.

    Example:
        >>> day = mean(list(map_queries(model, embedded, [query], hours_of_day(month=5))))
    """
    factors = [1.0] * len(maps) if weights is None else list(weights)
    _require_linear(maps, factors)
    if min(factors) < 0.0 or sum(factors) <= 0.0:
        raise ConfigError(f"weights {factors}: a mean needs positive ones")

    def words(names: list[str], kind: str) -> str:
        weighted = "mean" if weights is None else "weighted mean"
        return f"{weighted} of {_listed(names, kind)}"

    return _sum(maps, [factor / sum(factors) for factor in factors], words)


def difference(a: Map, b: Map) -> Map:
    """``a - b``, with the uncertainty of two unrelated errors.

    Args:
        a, b: maps of one frame.

    Returns:
        Values in [-1, 1].

    Raises:
        ConfigError: the maps do not go together.
    """
    return weighted_sum([a, b], [1.0, -1.0])


def log_ratio(a: Map, b: Map) -> Map:
    """``log2(a / b)``: 1 where ``a`` is twice as likely as ``b``, -1 where half as likely.

    The uncertainty is that of the first order, ``hypot(sa / a, sb / b) / ln 2``.

    Args:
        a, b: maps of probabilities of one frame.

    Returns:
        The map of the ratio.

    Raises:
        ConfigError: the maps do not go together, or are no probabilities.
    """
    _require_probabilities([a, b])
    tiny = np.finfo(np.float32).tiny
    p, q = (np.maximum(m.values().astype(float), tiny) for m in (a, b))
    relative = np.hypot(_spread(a) / p, _spread(b) / q) / math.log(2.0)
    return _combined(
        [a, b], LOG_RATIO, np.log2(p / q), relative, lambda names, _: " : ".join(names)
    )


def any_of(maps: Sequence[Map]) -> Map:
    """The probability that at least one matches, ``1 - Π (1 - p)``, matches taken as independent.

    Args:
        maps: of probabilities, of one frame.

    Returns:
        The map of probabilities.

    Raises:
        ConfigError: the maps do not go together, or are no probabilities.
    """
    _require_probabilities(maps)
    absent, spread = _product([1.0 - m.values().astype(float) for m in maps], maps)
    return _combined(
        maps,
        PROBABILITY,
        1.0 - absent,
        spread,
        lambda names, kind: f"any of {_listed(names, kind)}",
    )


def all_of(maps: Sequence[Map]) -> Map:
    """The probability that all match, ``Π p``, matches taken as independent.

    Args:
        maps: of probabilities, of one frame.

    Returns:
        The map of probabilities.

    Raises:
        ConfigError: the maps do not go together, or are no probabilities.
    """
    _require_probabilities(maps)
    product, spread = _product([m.values().astype(float) for m in maps], maps)
    return _combined(
        maps, PROBABILITY, product, spread, lambda names, kind: f"all of {_listed(names, kind)}"
    )


def _sum(maps: Sequence[Map], weights: Sequence[float], words: Words) -> Map:
    value = sum(w * m.values().astype(float) for w, m in zip(weights, maps, strict=True))
    above, below = (
        sum(
            (abs(w) * _spread(m) for w, m in zip(weights, maps, strict=True) if (w > 0) == sign),
            np.zeros(maps[0].shape),
        )
        for sign in (True, False)
    )
    # A contrast among the maps may share its error with the others in either sense.
    is_mixed = any(m.quantity.is_diverging for m in maps)
    ends = [
        sorted(w * end for end in m.quantity.value_range)
        for w, m in zip(weights, maps, strict=True)
    ]
    quantity = weighted(sum(low for low, _ in ends), sum(high for _, high in ends))
    spread = above + below if is_mixed else np.hypot(above, below)
    return _combined(maps, quantity, np.asarray(value), spread, words)


def _product(factors: list[Raster], maps: Sequence[MapData]) -> tuple[Raster, Raster]:
    """The product of independent factors and its standard deviation."""
    first, second = np.ones(maps[0].shape), np.ones(maps[0].shape)
    for factor, soundscape in zip(factors, maps, strict=True):
        first, second = first * factor, second * (factor**2 + _spread(soundscape) ** 2)
    return first, np.sqrt(np.maximum(second - first**2, 0.0))


def _spread(soundscape: MapData) -> Raster:
    return soundscape.values(UNCERTAINTY.name).astype(float)


def _combined(
    maps: Sequence[Map], quantity: Band, value: Raster, spread: Raster, words: Words
) -> Map:
    first = maps[0]
    bands = (quantity, uncertainty_of(quantity))
    rasters = (raster.astype(np.float32) for raster in (value, spread))
    query, moment = _asked(maps, words)
    return type(first).of_rasters(
        first.frame,
        {band.name: raster for band, raster in zip(bands, rasters, strict=True)},
        bands=bands,
        query=query,
        moment=moment,
        zoom=first.zoom if len({m.zoom for m in maps}) == 1 else _joined(maps, "zoom", ", "),
        model=_joined(maps, "model", ", "),
        attribution=_joined(maps, "attribution", "; "),
        licence=_joined(maps, "licence", " AND "),
        provenance=Provenance.together(m.provenance for m in maps),
        familiarity=QueryFamiliarity.together(m.familiarity for m in maps),
        calibration=_joined(maps, "calibration", "; "),
        approximation=_joined(maps, "approximation", "; "),
        not_covered=_left_out(maps),
    )


def _left_out(maps: Sequence[MapData]) -> Bool[np.ndarray, "rows columns"] | None:
    """What any of the maps does not cover."""
    known = [m.not_covered for m in maps if m.not_covered is not None]
    return np.logical_or.reduce(known) if known else None


def _asked(maps: Sequence[MapData], words: Words) -> tuple[Query | Combination, Moment]:
    """What the maps asked for together, and when: only what differs is spelt out."""
    queries, moments = [_atom(m) for m in maps], [f"{m.moment}" for m in maps]
    one_query, one_moment = len(set(queries)) == 1, len(set(moments)) == 1
    if one_moment and (not one_query or len(maps) == 1):
        return Combination(words(queries, "queries")), maps[0].moment
    if one_moment:
        seen = [f"{q} ({m.model}, zoom {m.zoom})" for q, m in zip(queries, maps, strict=True)]
        return Combination(words(seen, "maps")), maps[0].moment
    shared = {
        name: getattr(maps[0].moment, name)
        for name in ("month", "hour", "utc")
        if len({getattr(m.moment, name) for m in maps}) == 1
    }
    if one_query:
        return maps[0].query, Moments(label=words(moments, "moments"), **shared)
    both = [f"{q} ({when})" for q, when in zip(queries, moments, strict=True)]
    return Combination(words(both, "maps")), Moments(label=f"{len(set(moments))} moments", **shared)


def _atom(soundscape: MapData) -> str:
    query = soundscape.query
    is_one = isinstance(query, Query) and len(query.all_terms) == 1
    return query.label if is_one else f"({query.label})"


def _scaled(size: float, name: str) -> str:
    return name if size == 1.0 else f"{size:.4g} × {name}"


def _listed(names: list[str], kind: str) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} {kind}"
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _joined(maps: Sequence[MapData], name: str, between: str) -> str:
    return between.join(dict.fromkeys(filter(None, (f"{getattr(m, name)}" for m in maps))))


def _require_linear(maps: Sequence[MapData], weights: Sequence[float]) -> None:
    _require_together(maps)
    if len(weights) != len(maps) or not all(map(math.isfinite, weights)) or not any(weights):
        raise ConfigError(f"{len(maps)} maps need as many finite weights, not {list(weights)}")
    if any(m.quantity == LOG_RATIO for m in maps):
        raise ConfigError("a log ratio cannot be added to other maps: combine them before")


def _require_probabilities(maps: Sequence[MapData]) -> None:
    _require_together(maps)
    for soundscape in maps:
        if soundscape.quantity != PROBABILITY:
            raise ConfigError(
                f"{soundscape.query.label}: a {soundscape.quantity.long_name}, "
                "where match probabilities are needed"
            )


def _require_together(maps: Sequence[MapData]) -> None:
    if not maps:
        raise ConfigError("no map to combine")
    for soundscape in maps:
        if soundscape.quantity.name == MEASURED:
            raise ConfigError(
                f"{soundscape.query.label}: algebra is of match probabilities; of a measure take "
                "the arrays, as .values() gives them"
            )
    first = maps[0].frame
    for soundscape in maps[1:]:
        frame = soundscape.frame
        if frame != first:
            raise ConfigError(
                f"maps lie on different rasters ({_named(first)} and {_named(frame)}): "
                "map both on the same cells"
            )
    if len({m.calibration == UNCALIBRATED for m in maps}) > 1:
        raise ConfigError("some maps are calibrated and others are not: map all in one way")


def _named(frame: Frame) -> str:
    rows, columns = frame.shape
    return (
        f"{frame.crs[:20]}, {rows} x {columns}, from {frame.transform.c:g}, {frame.transform.f:g}"
    )
