"""Captions for a place: ranked as queries of a map are, and read from where the user says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from psm.calibration import curves_of
from psm.curves import learnt_curve
from psm.data.shards import write_shard
from psm.errors import ConfigError, MissingData
from psm.familiarity import Likeness
from psm.gaussian import csd
from psm.inference.batches import location_gaussians
from psm.inference.queries import text_terms
from psm.mapping import Moment
from psm.mapping.captionsearch import (
    EncodedCaptions,
    FoundCaption,
    best_captions,
    captions_of,
    search_captions,
)
from psm.mapping.moment import Sources
from psm.mapping.profile import look
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery
from tests.tiny import tiny_samples

TEXTS = ("frogs in a pond", "traffic in a street", "rain on a roof", "church bells", "gulls")
WHERE = {"lat": 48.2, "lon": 16.4}
NOON = Moment(month=6, hour=12.0)


@torch.inference_mode()
def test_captions_are_ranked_by_match_probability(model: PSM, imagery: PlaceImagery) -> None:
    sources = Sources.named("aporee", "meta")
    found = search_captions(model, imagery, TEXTS, moment=NOON, sources=sources, **WHERE)
    features = look(model, imagery, zoom=1, **WHERE)
    context = NOON.context(lat=np.array([48.2]), lon=np.array([16.4]), sources=sources)
    place = location_gaussians(model, features, context)
    naive = {
        text: float(learnt_curve(model)(csd(place, term.gaussian)))
        for text, term in zip(TEXTS, text_terms(model, TEXTS), strict=True)
    }
    assert [one.caption for one in found] == sorted(TEXTS, key=lambda text: -naive[text])
    assert [one.probability for one in found] == pytest.approx(
        [naive[one.caption] for one in found]
    )
    other = search_captions(model, imagery, TEXTS, moment=Moment(month=1, hour=0.0), **WHERE)
    assert [one.probability for one in other] != [one.probability for one in found]


def test_what_is_unfamiliar_is_held_below_the_base_rate(model: PSM, imagery: PlaceImagery) -> None:
    features = look(model, imagery, zoom=1, **WHERE)
    plain = EncodedCaptions.of(model, TEXTS)
    curves = curves_of(model, None, plain.gaussians)
    (first, *_) = best_captions(model, features, plain, curves, moment=NOON, **WHERE)
    known = [
        Likeness(0.0 if text == first.caption else 0.5, (("frogs", 0.9),), 0.01) for text in TEXTS
    ]
    doubted = EncodedCaptions(plain.texts, plain.gaussians, tuple(known))
    found = {one.caption: one for one in best_captions(
        model, features, doubted, curves, moment=NOON, **WHERE
    )}  # fmt: skip
    assert found[first.caption].probability == pytest.approx(0.01 * first.probability)
    assert not found[first.caption].is_familiar
    assert found[first.caption].row["familiar"] == "no"
    assert list(found)[-1] == first.caption


def test_equal_captions_count_once_and_empty_ones_not_at_all(
    model: PSM, imagery: PlaceImagery
) -> None:
    given = ["", " frogs  in a pond ", *TEXTS, "\t"]
    found = search_captions(model, imagery, given, moment=NOON, count=50, **WHERE)
    assert sorted(one.caption for one in found) == sorted(TEXTS)
    assert len(search_captions(model, imagery, given, moment=NOON, count=2, **WHERE)) == 2
    with pytest.raises(ConfigError, match="every line is empty"):
        EncodedCaptions.of(model, ["", " "])
    with pytest.raises(ConfigError, match="one at least"):
        search_captions(model, imagery, TEXTS, moment=NOON, count=0, **WHERE)


def test_an_uncertainty_that_is_not_known_is_left_out() -> None:
    told = FoundCaption("frogs", 0.25, 0.125)
    assert told.row == {
        "probability": 0.25, "uncertainty": 0.125, "familiar": "yes", "caption": "frogs",
    }  # fmt: skip
    assert "uncertainty" not in FoundCaption("frogs", 0.25, float("nan")).row


def test_captions_come_from_a_file_or_a_gallery(model: PSM, tmp_path: Path) -> None:
    listed = tmp_path / "captions.txt"
    listed.write_bytes("\ufefffrogs\r\nVögel am Morgen\n".encode())
    assert list(captions_of(model, str(listed))) == ["frogs", "Vögel am Morgen"]
    write_shard(tmp_path / "test-00000.tar", tiny_samples("test", 4))
    assert set(captions_of(model, "gallery", tmp_path)) == {
        "frogs in a pond",
        "traffic in a street",
    }
    with pytest.raises(MissingData, match=r"tiny keeps no captions of its own: name a data set"):
        captions_of(model, "gallery")
    with pytest.raises(ConfigError, match="--captions gallery"):
        captions_of(model, str(listed), tmp_path)
    with pytest.raises(MissingData, match="not readable as captions"):
        captions_of(model, str(tmp_path))


def test_the_packaged_model_keeps_the_phrases_that_it_learnt() -> None:
    phrases = captions_of(PSM.from_pretrained("earth-small"), "gallery")
    assert len(phrases) > 100
    assert len(set(phrases)) == len(phrases)
