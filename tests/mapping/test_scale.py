"""Colour scales that belong to a sound."""

from __future__ import annotations

import pytest
import torch

from psm.calibration import Calibration
from psm.familiarity import Likeness, TermFamiliarity
from psm.gallery import Gallery, Matching, compact
from psm.gaussian import Gaussian
from psm.mapping.bands import CSD, PROBABILITY, UNCERTAINTY
from psm.mapping.matching import EncodedQuery
from psm.mapping.scale import ColourScale, scale_of
from tests.test_calibration import calibration

DIM = 6


def query() -> EncodedQuery:
    return EncodedQuery(Gaussian(torch.eye(DIM)[:1], torch.full((1, DIM), -12.0)), (1.0,), 1)


def known(near: int, of: int = 1000, *, shift: float = 1.0) -> Calibration:
    """Places of which some are just where the query is, and all others at right angles to it."""
    rows = torch.zeros(of, DIM)
    rows[:, 1], rows[:near] = 1.0, torch.eye(DIM)[0]
    gallery = Gallery(
        sounds=compact(Gaussian(torch.eye(DIM), torch.full((DIM, DIM), -12.0))),
        weights={"archives": torch.ones(DIM), "land": torch.ones(DIM)},
        matching=Matching(20.0, 0.1),
        recordings=DIM,
        data="",
        model="x",
        places=compact(Gaussian(rows, torch.full((of, DIM), -12.0))),
    )
    share = {
        "base": "land", "slopes": {"land": 0.0}, "gallery": gallery.fingerprint,
        "recordings": DIM, "effective": float(DIM),
    }  # fmt: skip
    made = calibration(
        "x", schema_version=2, share=share, method="platt", negative_scale=4.0, shift=shift,
        distances=(), probabilities=(),
    )  # fmt: skip
    return made.with_gallery(gallery)


def test_colours_end_at_the_rounded_99th_percentile_over_land_and_time() -> None:
    near, far = torch.sigmoid(torch.tensor([1.0, 1.0 - 8.0])).tolist()  # 0.731, 0.001
    common = scale_of(query(), known(200))
    assert common is not None
    assert common.highest == pytest.approx(near, abs=1e-3)
    assert common.top == 0.8
    assert common.base_rate == pytest.approx(0.2 * near + 0.8 * far, abs=1e-3)
    assert common.ends(PROBABILITY) == (0.0, 0.8)
    assert common.ends(UNCERTAINTY) == (0.0, common.uncertainty_top)
    assert common.ends(CSD) is None
    assert not common.is_rare


def test_of_what_the_model_does_not_know_nobody_knows_how_common_it_is() -> None:
    strange = TermFamiliarity("“x”", Likeness(0.0, (), 0.04))
    scale = scale_of(query().with_familiarity([[strange]], "tiny"), known(200))
    assert scale is not None
    assert scale.base_rate is None
    assert not scale.is_rare
    assert scale.top == 0.05  # pale: 0.731 is held below 0.04
    assert "nobody knows" in scale.words


def test_what_is_rare_everywhere_keeps_the_pale_end_of_the_colours() -> None:
    # One place in two hundred has it: less than the hundredth part that the colours leave out.
    rare = scale_of(query(), known(5))
    assert rare is not None
    assert rare.is_rare
    assert rare.top == 0.05
    assert rare.words.startswith("rare everywhere, 0.5 % on average")


def test_without_places_a_map_has_colours_of_its_own() -> None:
    assert scale_of(query(), None) is None
    assert scale_of(query(), calibration("x")) is None


def test_the_words_of_a_scale_are_those_of_a_legend() -> None:
    scale = ColourScale(top=0.8, uncertainty_top=0.2, highest=0.7, base_rate=0.26)
    assert scale.words == "26 % on average over land and time"
