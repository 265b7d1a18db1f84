"""Making of a compact timetable: a prepared store in so few numbers that a browser draws its maps.

A timetable keeps 512 coefficients a cell and shared components of hundreds of megabytes
(:mod:`psm.mapping.timetable.expansion`). What the maps of real queries need of that is far less:

    z        coefficients of a cell, turned towards what queries ask    cells x rank
    times    modes in time                                              states x time modes
    core     what time, coefficients and query have to do with another  time x rank x query modes
    v        a query, projected to its modes                            query modes

    csd = offset of the query + [1, z] . (times[state] . core . v)

(a Tucker decomposition). Each of the three arrays is rounded with one step throughout, its axes
scaled by how much of a map hangs on them, so that entropy coding leaves out the bits that nobody
would see: what varies less than the step rounds to zero (reverse water-filling; Cover & Thomas
2006, section 10.3.3), which is cheaper than to leave out coefficients and round the others finely.
Every map counts alike, whatever its variance: places are ranked by each on its own. The variance of
the squared distance follows in the same way, with a core and query modes of its own.
``docs/coefficients.md`` describes the file and how to read it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from psm.gaussian import Gaussian, csd_weights, variance_weights
from psm.mapping.timetable.compacttimetable import CompactTimetable, Factors
from psm.mapping.timetable.expansion import STATES, Expansion
from psm.mapping.timetable.queryprojection import QueryProjection

_RANK, _TIME_MODES, _QUERY_MODES = 384, 224, 112
_SPREAD_RANK, _SPREAD_TIME_MODES, _SPREAD_QUERY_MODES = 128, 96, 64
"""How many are kept, at most: coefficients a cell, and modes of the distance and its variance."""

_ROUNDING, _CORE_ROUNDING, _SPREAD_ROUNDING = 0.00035, 0.00027, 0.01
"""Shares of a map's variance that rounding costs: of the coefficients, of the core, and of that of
the variance, which nobody ranks places by."""

_DEAD_ZONE = 0.58
"""What is less than so many steps, instead of half of one, is zero, and all the rest is rounded in
the same way: small numbers take few bits (a quantiser with a dead zone; Sullivan 1996)."""

_LEAST_USED = 0.002  # share of the cells that a coefficient must not be zero in

_SPREAD_IMPORTANCE = 0.05  # of a coefficient: that of the variance beside that of the distance
_SOME_STATES = tuple(range(0, len(STATES), 14))  # importance is measured at these
_SOME_QUERIES = 16  # one of so many says how much a state counts
_LEAST_VARIANCE = 0.05  # of that of the average moment
_MOST_DIRECTIONS = 512  # of the queries that are looked at
_NOISE = 1e-4  # of the largest singular value of the queries
_MOST = 32767


def compact(
    expansion: Expansion,
    coefficients: Float[Tensor, "cells full_rank"],
    queries: Gaussian,
    importance: Float[Tensor, " m"],
) -> tuple[CompactTimetable, QueryProjection]:
    """A timetable in few numbers, and how queries are put to it.

    Args:
        expansion: of the store.
        coefficients: of its cells with imagery.
        queries: ``(m, dim)``, of the kind that will be asked.
        importance: how much each of them counts.
    """
    middle = coefficients.mean(0)
    centred = coefficients - middle
    covariance = centred.T @ centred / len(centred)
    basis, spread_basis = _flat(expansion.basis), _flat(expansion.spread_basis)
    narrow = spread_basis.shape[1]
    asked = _asked(basis, covariance, csd_weights(queries)[0].float(), importance)
    spread_asked = _asked(
        spread_basis, covariance, variance_weights(queries)[0].float(), importance
    )
    need = asked.need.clone()
    need[:narrow, :narrow] += _SPREAD_IMPORTANCE * spread_asked.need
    # Coefficients turned so that few of them hold most of what is asked for, and so that one step
    # costs the same on each: principal components under the metric of the queries.
    metric = _root(need)
    turned = centred @ (metric @ _leading(metric @ covariance @ metric, _RANK))
    varies = float(turned.square().sum(-1).mean())
    step = max(math.sqrt(12.0 * _ROUNDING * varies / turned.shape[1]), 1e-12)
    whole = _rounded(turned / step)
    used = (whole != 0).float().mean(0) >= _LEAST_USED
    used[0] = True
    whole = whole[:, used]
    turned = whole * step
    size = torch.cat([torch.ones(1), turned.square().mean(0).sqrt()])
    csd = _factors(
        basis, _flat(expansion.mean), middle, _regression(turned, centred), size, asked,
        time_modes=_TIME_MODES, query_modes=_QUERY_MODES, rounding=_CORE_ROUNDING,
    )  # fmt: skip
    variance = _factors(
        spread_basis, _flat(expansion.spread_mean), middle[:narrow],
        _regression(turned[:, :_SPREAD_RANK], centred[:, :narrow]), size, spread_asked,
        time_modes=_SPREAD_TIME_MODES, query_modes=_SPREAD_QUERY_MODES,
        rounding=_SPREAD_ROUNDING,
    )  # fmt: skip
    maps = torch.stack([basis[s].T @ covariance @ basis[s] for s in _SOME_STATES]).mean(0)
    projection = QueryProjection(
        csd.projection, csd.centre, variance.projection, variance.centre, csd.reconstruction,
        _root(maps).numpy(),
    )  # fmt: skip
    found = CompactTimetable(whole.numpy().astype(np.int16), step, csd.factors, variance.factors)
    return found, projection


class _Asked(NamedTuple):
    """What queries ask of coefficients, every map of one variance.

    Attributes:
        weights: of the queries, by how much each counts.
        need: how much is asked of every two coefficients.
        states: how much each state counts, one on average.
    """

    weights: Float[Tensor, "m terms"]
    need: Float[Tensor, "rank rank"]
    states: Float[Tensor, " states"]


def _asked(
    basis: Float[Tensor, "states rank terms"],
    covariance: Float[Tensor, "full_rank full_rank"],
    weights: Float[Tensor, "m terms"],
    importance: Float[Tensor, " m"],
) -> _Asked:
    """What queries ask of the coefficients of an expansion.

    Args:
        basis: of the expansion.
        covariance: of the coefficients of the cells; the basis has the first of them.
        weights: of the queries.
        importance: how much each of them counts.
    """
    own = basis.shape[1]
    covariance = covariance[:own, :own]

    def counts(at: Tensor, importance: Tensor) -> Tensor:
        varies = torch.stack([(part * (covariance @ part)).sum(0) for part in at])
        # A map that hardly varies at a moment need not be exact to the last digit.
        least = (_LEAST_VARIANCE * varies.mean(0)).clamp_min(1e-30)
        return importance / importance.sum() / varies.maximum(least)

    at = torch.stack([basis[state] @ weights.T for state in _SOME_STATES])
    share = counts(at, importance)
    some = slice(None, None, _SOME_QUERIES)
    everywhere = counts(basis @ weights[some].T, importance[some])
    states = (everywhere / everywhere.mean(0)).mean(1)
    maps = (at * share.sqrt()[:, None]).permute(1, 0, 2).reshape(own, -1)
    return _Asked(
        share.mean(0).sqrt()[:, None] * weights,
        maps @ maps.T / len(_SOME_STATES),
        states / states.mean(),
    )


def _regression(
    known: Float[Tensor, "cells rank"], of: Float[Tensor, "cells n"]
) -> Float[Tensor, "rank n"]:
    """What some coefficients say of others, by least squares, rounding and all."""
    known, of = known.double(), of.double()
    normal = known.T @ known
    normal += torch.eye(len(normal)) * (1e-9 * normal.diagonal().mean() + 1e-30)
    found: Tensor = torch.linalg.solve(normal, known.T @ of).float()
    return found


class _Tucker(NamedTuple):
    """Factors, and how a query's weights enter them."""

    factors: Factors
    projection: Float32[np.ndarray, "query_modes terms"]
    reconstruction: Float32[np.ndarray, "terms query_modes"]
    centre: Float32[np.ndarray, " terms"]


def _factors(
    basis: Float[Tensor, "states full_rank terms"],
    mean: Float[Tensor, "states terms"],
    middle: Float[Tensor, " full_rank"],
    known: Float[Tensor, "rank full_rank"],
    size: Float[Tensor, " terms_of_cells"],
    asked: _Asked,
    *,
    time_modes: int,
    query_modes: int,
    rounding: float,
) -> _Tucker:
    """The Tucker decomposition of weights by state, coefficient and query.

    Args:
        basis, mean: of the expansion.
        middle: average coefficients of the cells, which move the mean.
        known: what the kept coefficients say of the full ones, by regression.
        size: root mean square of what stands at each place of the core's second axis; where
            nothing is known of the last ones, the core has zeros there.
        asked: what queries ask of it.
        time_modes, query_modes: at most.
        rounding: share of a map's variance that the rounding of the core costs.
    """
    # Queries as combinations of white ones, so that every direction counts as it is asked for.
    _, sizes, directions = torch.linalg.svd(asked.weights, full_matrices=False)
    kept = sizes > _NOISE * sizes[0]
    kept[_MOST_DIRECTIONS:] = False
    sizes, directions = sizes[kept], directions[kept]
    white = directions.T * sizes
    shared = mean + torch.einsum("k,skt->st", middle, basis)
    centre = shared.mean(0)
    tensor = torch.stack(
        [
            torch.cat([(own - centre)[None], known @ components]) @ white
            for own, components in zip(shared, basis, strict=True)
        ]
    )
    width, all_sizes, size = len(size), size, size[: tensor.shape[1]]
    often = asked.states.sqrt()[:, None]
    tensor *= size[:, None] * often[..., None]
    gram = torch.einsum("skt,sku->tu", tensor, tensor)
    query = _leading(gram, query_modes)
    tensor = tensor @ query
    flat = tensor.reshape(len(tensor), -1)
    time = _leading(flat @ flat.T, time_modes)
    core = (time.T @ flat).reshape(time.shape[1], *tensor.shape[1:])
    # A query is white in its modes: their number, times that of the coefficients, shares the error.
    step = math.sqrt(12.0 * rounding / (core.shape[1] * core.shape[2]))
    step = max(step, float(core.abs().max()) / _MOST)
    # A mode in time that hardly moves a map is rounded as coarsely as that allows.
    strength = core.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    time_step = math.sqrt(12.0 * rounding / time.shape[1]) / strength
    time_step = torch.maximum(time_step, time.abs().amax(0) / _MOST)
    times = (time / often / time_step).round().clamp(-_MOST, _MOST)
    whole = torch.zeros(core.shape[0], width, core.shape[2])
    whole[:, : core.shape[1]] = _rounded(core / step)
    factors = Factors(
        times.numpy().astype(np.int16),
        time_step.numpy(),
        whole.numpy().astype(np.int16),
        (step / all_sizes.clamp_min(1e-12)).numpy(),
    )
    projection = query.T @ (directions / sizes[:, None])
    return _Tucker(factors, projection.numpy(), (white @ query).numpy(), centre.numpy())


def _flat(values: Tensor) -> Tensor:
    return values.reshape(len(STATES), *values.shape[2:])


def _rounded(values: Tensor) -> Tensor:
    return values.sign() * (values.abs() + 1.0 - _DEAD_ZONE).floor().clamp(max=_MOST)


def _leading(symmetric: Float[Tensor, "n n"], count: int) -> Float[Tensor, "n k"]:
    """The leading eigenvectors, as columns; those of no energy are left out."""
    energy, vectors = torch.linalg.eigh(symmetric.double())
    energy, vectors = energy.flip(0), vectors.flip(1)
    count = min(count, max(1, int((energy > 1e-9 * energy[0]).sum())))
    leading: Tensor = vectors[:, :count].float()
    return leading


def _root(symmetric: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    energy, vectors = torch.linalg.eigh(symmetric.double())
    root: Tensor = ((vectors * energy.clamp_min(0.0).sqrt()) @ vectors.T).float()
    return root
