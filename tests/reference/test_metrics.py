"""Distances, ranks and recalls against values recorded from the published evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from psm.gaussian import Gaussian, csd
from psm.ranks import tied_ranks
from psm.reference import published_composition, published_hits
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("e_metrics")
RESULTS = recorded.MANIFEST["e_metrics"]["results"]
TOP = recorded.MANIFEST["e_metrics"]["k"]
RECALL = next(name for name in RESULTS["pcmepp_I2S"] if name.startswith("R@"))


def gaussian(mean: str, log_var: str) -> Gaussian:
    return Gaussian(
        normalize(recorded.floats(RECORDED[mean]), dim=-1), recorded.floats(RECORDED[log_var])
    )


IMAGE, SOUND = gaussian("mean1", "std1"), gaussian("mean2", "std2")


def tied() -> Gaussian:
    mean, log_var = SOUND.mean.clone(), SOUND.log_var.clone()
    mean[1::2], log_var[1::2] = mean[::2], log_var[::2]
    return Gaussian(mean, log_var)


def test_csd(close: Close) -> None:
    doubles = (Gaussian(g.mean.double(), g.log_var.double()) for g in (IMAGE, SOUND))
    close(-csd(*doubles), RECORDED["csd"], within=1e-5)


def test_ranks() -> None:
    np.testing.assert_array_equal(tied_ranks(IMAGE, SOUND).rank, RECORDED["gt_rank_I2S"])


@pytest.mark.parametrize(
    ("name", "query", "gallery"),
    [
        ("pcmepp_I2S", IMAGE, SOUND),
        ("pcmepp_S2I", SOUND, IMAGE),
        ("ties_pcmepp_I2S", IMAGE, tied()),
        ("infonce_I2S", IMAGE.mean, SOUND.mean),
        ("infonce_S2I", SOUND.mean, IMAGE.mean),
    ],
)
def test_recall_and_median_rank(
    name: str, query: Gaussian | torch.Tensor, gallery: Gaussian | torch.Tensor
) -> None:
    found = tied_ranks(query, gallery)
    assert published_hits(found.rank, TOP).mean() == pytest.approx(RESULTS[name][RECALL])
    assert found.median_rank == RESULTS[name]["Median Rank"]


def test_a_composed_query_as_published_and_what_is_right() -> None:
    raw = [recorded.floats(RECORDED[name]) for name in ("mean1", "std1", "mean_text", "std_text")]
    query = published_composition(Gaussian(*raw[:2]), Gaussian(*raw[2:]))
    found = tied_ranks(query, SOUND)
    expected = RESULTS["add_text_pcmepp_I2S"]
    assert published_hits(found.rank, TOP).mean() == pytest.approx(expected[RECALL])
    assert found.median_rank == expected["Median Rank"]
    # Adding log-variances multiplies variances: two unsure halves make one that is very sure.
    assert (query.var < 0.1 * raw[1].exp()).float().mean() > 0.9


def test_the_published_hits_misses_the_last_place() -> None:
    found = tied_ranks(IMAGE, SOUND)
    edge = found.rank[found.rank >= TOP].min()  # a rank that is taken, whatever the recorded k
    at_the_edge = (found.rank == edge).mean()
    assert at_the_edge > 0
    assert found.hit(edge).mean() == pytest.approx(
        published_hits(found.rank, edge).mean() + at_the_edge
    )
