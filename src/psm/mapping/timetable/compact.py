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
would see. The variance of the squared distance follows in the same way, with a core and query modes
of its own. ``docs/coefficients.md`` describes the file and how to read it.
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

_RANK, _TIME_MODES, _QUERY_MODES = 192, 160, 128
_SPREAD_TIME_MODES, _SPREAD_QUERY_MODES = 96, 96
"""How many are kept, at most: coefficients a cell, and modes of the distance and its variance."""

_ROUNDING, _CORE_ROUNDING, _SPREAD_ROUNDING = 0.0003, 0.0005, 0.002
"""Shares of a map's variance that rounding costs: of the coefficients, of the core, and of that of
the variance, which nobody ranks places by."""

_SPREAD_IMPORTANCE = 0.05  # of a coefficient: that of the variance beside that of the distance
_SOME_STATES = tuple(range(0, len(STATES), 14))  # importance is measured at these
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
    # How much each query says of the coefficients at some states, all maps of one variance.
    roots, asked = [], []
    for components, weights_of in ((basis, csd_weights), (spread_basis, variance_weights)):
        own = components.shape[1]
        weights = weights_of(queries)[0].float()
        at = torch.stack([components[state] @ weights.T for state in _SOME_STATES])
        spread = torch.einsum("skm,kl,slm->m", at, covariance[:own, :own], at)
        share = importance / importance.sum() * len(_SOME_STATES) / spread.clamp_min(1e-30)
        roots.append(share.sqrt()[:, None] * weights)
        at = at * share.sqrt()
        asked.append(torch.einsum("skm,slm->kl", at, at) / len(_SOME_STATES))
    need = asked[0].clone()
    need[:narrow, :narrow] += _SPREAD_IMPORTANCE * asked[1]
    # Coefficients turned so that few of them hold most of what is asked for, and so that one step
    # costs the same on each: principal components under the metric of the queries.
    metric = _root(need)
    turn = metric @ _leading(metric @ covariance @ metric, _RANK)
    turned = centred @ turn
    varies = float(turned.square().sum(-1).mean())
    step = max(math.sqrt(12.0 * _ROUNDING * varies / turned.shape[1]), 1e-12)
    whole = _rounded(turned / step)
    whole = whole[:, : max(1, int(whole.any(0).sum()))]  # the last ones may be all zero
    turned = whole * step
    # What the kept ones say of the others is least squares, rounding and all.
    normal = (turned.T @ turned).double()
    normal += torch.eye(len(normal)) * (1e-9 * normal.trace() + 1e-30)
    known = torch.linalg.solve(normal, (turned.T @ centred).double()).float()
    size = torch.cat([torch.ones(1), turned.square().mean(0).sqrt()])
    csd = _factors(
        basis, _flat(expansion.mean), middle, known, size, roots[0],
        time_modes=_TIME_MODES, query_modes=_QUERY_MODES, rounding=_CORE_ROUNDING,
    )  # fmt: skip
    variance = _factors(
        spread_basis, _flat(expansion.spread_mean), middle[:narrow], known[:, :narrow], size,
        roots[1], time_modes=_SPREAD_TIME_MODES, query_modes=_SPREAD_QUERY_MODES,
        rounding=_SPREAD_ROUNDING,
    )  # fmt: skip
    maps = torch.stack([basis[s].T @ covariance @ basis[s] for s in _SOME_STATES]).mean(0)
    projection = QueryProjection(
        csd.projection, csd.centre, variance.projection, variance.centre, csd.reconstruction,
        _root(maps).numpy(),
    )  # fmt: skip
    found = CompactTimetable(whole.numpy().astype(np.int16), step, csd.factors, variance.factors)
    return found, projection


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
    asked: Float[Tensor, "m terms"],
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
        size: root mean square of what stands at each place of the core's second axis.
        asked: weights of queries, by how much each counts.
        time_modes, query_modes: at most.
        rounding: share of a map's variance that the rounding of the core costs.
    """
    # Queries as combinations of white ones, so that every direction counts as it is asked for.
    _, sizes, directions = torch.linalg.svd(asked, full_matrices=False)
    kept = sizes > _NOISE * sizes[0]
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
    tensor *= size[None, :, None]
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
    times = _rounded(time / time_step)
    factors = Factors(
        times.numpy().astype(np.int16),
        time_step.numpy(),
        _rounded(core / step).numpy().astype(np.int16),
        (step / size.clamp_min(1e-12)).numpy(),
    )
    projection = query.T @ (directions / sizes[:, None])
    return _Tucker(factors, projection.numpy(), (white @ query).numpy(), centre.numpy())


def _flat(values: Tensor) -> Tensor:
    return values.reshape(len(STATES), *values.shape[2:])


def _rounded(values: Tensor) -> Tensor:
    return values.round().clamp(-_MOST, _MOST)


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
