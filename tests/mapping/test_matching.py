from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from psm.curves import QueryCurves
from psm.data.recording import AudioSource
from psm.errors import ConfigError
from psm.gaussian import Gaussian, csd, csd_variance, mixture
from psm.mapping import (
    EmbeddedCells,
    MixedZooms,
    Moment,
    Query,
    all_of,
    any_of,
    embed_cells,
    map_query,
)
from psm.mapping.bands import BANDS
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.moment import Sources
from psm.model import PSM


def gaussians(count: int, seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = F.normalize(torch.randn(count, 128, generator=generator), dim=-1)
    return Gaussian(mean, torch.full_like(mean, -8.0))


def curve(distance: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(10.0 - 5.0 * distance)


@pytest.mark.parametrize("is_any", [False, True])
def test_answers_agree_with_monte_carlo(is_any: bool) -> None:
    places, terms = gaussians(4, 0), gaussians(4, 1)
    query = EncodedQuery(terms, powers=(1.0, 2.0, 1.0, 2.0), wanted=2, is_any=is_any)
    distance = csd(places, terms)
    curves = QueryCurves.alike(curve, terms)
    found = answer(query, distance, csd_variance(places, terms), curves)
    generator = torch.Generator().manual_seed(2)
    # Each term meets a draw of its own of the place: terms are taken as independent.
    drawn = torch.stack(
        [
            places.sample(10_000, generator) - terms.rows(slice(k, k + 1)).sample(10_000, generator)
            for k in range(4)
        ],
        dim=-2,
    )

    def combined(p: torch.Tensor) -> torch.Tensor:
        absent = 1 - p
        both = p[..., 0] * p[..., 1] ** 2
        either = 1 - absent[..., 0] * absent[..., 1] ** 2
        return (either if is_any else both) * absent[..., 2] * absent[..., 3] ** 2

    sampled = combined(curve(drawn.square().sum(-1)))
    torch.testing.assert_close(found["uncertainty"], sampled.std(0), rtol=0.06, atol=0.004)
    torch.testing.assert_close(found["match_probability"], combined(curve(distance)))
    torch.testing.assert_close(found["csd"], distance[:, :2] @ torch.tensor([1 / 3, 2 / 3]))


def test_an_unwanted_term_lowers_every_cell_by_its_own_map(
    model: PSM, embedded: EmbeddedCells
) -> None:
    alone, traffic, both = (
        map_query(model, embedded, Query.parse(*terms)).values()
        for terms in (("birds",), ("traffic",), ("birds", "-traffic*2"))
    )
    np.testing.assert_allclose(both, alone * (1 - traffic) ** 2, rtol=1e-4, equal_nan=True)


def test_all_and_any_are_what_the_algebra_of_maps_makes_of_them(
    model: PSM, embedded: EmbeddedCells
) -> None:
    single = [map_query(model, embedded, Query.parse(text)) for text in ("rain", "wind")]
    for together, algebra in (("all", all_of), ("any", any_of)):
        found = map_query(model, embedded, Query.parse("rain", "wind", together=together))
        expected = algebra(single).values()
        np.testing.assert_allclose(found.values(), expected, rtol=1e-4, atol=1e-6, equal_nan=True)


def test_a_map_of_what_is_not_heard(model: PSM, embedded: EmbeddedCells) -> None:
    quiet = map_query(model, embedded, Query.parse("-traffic"))
    traffic = map_query(model, embedded, Query.parse("traffic"))
    np.testing.assert_allclose(
        quiet.values(), 1.0 - traffic.values(), rtol=1e-5, atol=1e-6, equal_nan=True
    )
    np.testing.assert_allclose(
        quiet.values("uncertainty"), traffic.values("uncertainty"), atol=1e-5, equal_nan=True
    )
    assert np.isnan(quiet.values("csd")).all()


def test_a_source_changes_the_map_of_its_query_alone(model: PSM, embedded: EmbeddedCells) -> None:
    told = Query(texts=("birds",), audio_source=AudioSource.INAT)
    free, inat = (map_query(model, embedded, q) for q in (Query(texts=("birds",)), told))
    assert np.nanmax(np.abs(free.values("csd") - inat.values("csd"))) > 1e-4
    expected = csd(
        embedded.locations(model, Moment(), Sources(audio=AudioSource.INAT)), told.gaussian(model)
    )
    rows, columns = embedded.cells.rows, embedded.cells.columns
    np.testing.assert_allclose(
        inat.values("csd")[rows, columns], expected.detach()[:, 0], rtol=1e-5
    )


def test_zooms_are_mixed(model: PSM, embedded: EmbeddedCells, imagery, tmp_path) -> None:
    wide = embed_cells(model, imagery, embedded.cells, zoom=3, store=tmp_path)
    mixed = MixedZooms((embedded, wide))
    expected = mixture([part.locations(model, Moment()) for part in (embedded, wide)])
    torch.testing.assert_close(mixed.locations(model, Moment()), expected)
    found = map_query(model, mixed, Query(texts=("birds",)))
    assert found.tags["zoom"] == "1+3"
    distances = [map_query(model, part, found.query).values("csd") for part in (embedded, wide)]
    np.testing.assert_allclose(
        found.values("csd"), np.mean(distances, axis=0), rtol=1e-4, equal_nan=True
    )


def test_zooms_of_different_cells_are_not_mixed(embedded: EmbeddedCells) -> None:
    part = embedded.cells.part(slice(0, 5))
    fewer = replace(embedded, cells=part, features=embedded.features[:5], zoom=3)
    with pytest.raises(ConfigError, match="of different cells"):
        MixedZooms((embedded, fewer))
    with pytest.raises(ConfigError, match="mixed in once"):
        MixedZooms((embedded, embedded))
    with pytest.raises(ConfigError, match="at least one"):
        MixedZooms(())


def test_a_query_is_answered_by_every_band_of_a_map() -> None:
    gaussian = Gaussian(torch.zeros(1, 2), torch.zeros(1, 2))
    query = EncodedQuery(gaussians=gaussian, powers=(1.0,), wanted=1)
    found = answer(
        query, torch.ones(3, 1), torch.ones(3, 1), QueryCurves.alike(torch.sigmoid, gaussian)
    )
    assert list(found) == [band.name for band in BANDS]
