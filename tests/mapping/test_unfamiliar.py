"""Queries that a model cannot know: held below the base rate, and said to be so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from psm.curves import QueryCurves
from psm.errors import UnfamiliarQuery
from psm.familiarity import TAG, Likeness, TermFamiliarity
from psm.gaussian import Gaussian, csd, csd_variance
from psm.inference.queries import EncodedTerm
from psm.mapping import EmbeddedCells, Query, map_query
from psm.mapping.bands import PROBABILITY, UNCERTAINTY
from psm.mapping.matching import EncodedQuery, answer
from psm.mapping.outputs.profileplot import write_profile
from psm.mapping.profile import profile
from psm.model import PSM
from psm.seeding import generator
from tests.familiar import knowing_phrases
from tests.mapping.store.fakes import PlaceImagery

RATE = 0.04


@pytest.fixture
def knowing(model: PSM) -> Iterator[PSM]:
    """A model that is familiar with two phrases and with no recording at all."""
    model.familiarity = knowing_phrases(model, ("frogs", "church bells"), least=0.6, rate=RATE)
    yield model
    model.familiarity = None


def curves(count: int) -> QueryCurves:
    return QueryCurves(
        lambda distance: torch.sigmoid(5.0 - 5.0 * distance), torch.zeros(count), torch.zeros(count)
    )


def gaussians(count: int, seed: int) -> Gaussian:
    made = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return Gaussian(made, torch.full((count, 8), -5.0)).unit()


def answers(query: EncodedQuery) -> dict[str, torch.Tensor]:
    places = gaussians(50, seed=0)
    distance, variance = (f(places, query.asked) for f in (csd, csd_variance))
    return answer(query, distance, variance, curves(len(query)))


def asked(*familiarities: float, wanted: int = 1, is_any: bool = False) -> EncodedQuery:
    count = len(familiarities)
    query = EncodedQuery(gaussians(3, seed=1).rows(slice(count)), (1.0,) * count, wanted, is_any)
    known = [[TermFamiliarity("x", Likeness(f, (), RATE))] for f in familiarities]
    return query.with_familiarity(known, "tiny")


def test_no_probability_of_what_is_unfamiliar_is_above_the_base_rate_and_the_order_stays() -> None:
    plain, held = (answers(asked(familiarity)) for familiarity in (0.5, 0.01))
    name = PROBABILITY.name
    assert plain[name].max() > 0.5
    torch.testing.assert_close(held[name], RATE * plain[name])
    assert held[name].max() <= RATE


def test_what_is_unfamiliar_is_as_unsure_as_the_base_rate() -> None:
    found = answers(asked(0.01))
    torch.testing.assert_close(found[UNCERTAINTY.name], torch.full((50,), RATE))


def test_one_unfamiliar_term_holds_down_all_of_them_but_not_any() -> None:
    name = PROBABILITY.name
    assert answers(asked(0.9, 0.01, wanted=2))[name].max() <= RATE
    either = answers(asked(0.9, 0.01, wanted=2, is_any=True))[name]
    assert either.max() > 0.5
    assert (either >= answers(asked(0.9))[name] - 1e-6).all()


def test_what_is_unfamiliar_and_unwanted_shuts_next_to_nothing_out() -> None:
    with_it, alone = (answers(query)[PROBABILITY.name] for query in (asked(0.9, 0.01), asked(0.9)))
    assert (with_it >= (1.0 - RATE) * alone - 1e-6).all()


def test_a_map_of_nonsense_says_so(knowing: PSM, embedded: EmbeddedCells) -> None:
    with pytest.warns(UnfamiliarQuery, match="“asdfgh qwerty” is unlike anything that tiny has"):
        found = map_query(knowing, embedded, Query(texts=("asdfgh qwerty",)))
    assert not found.is_familiar
    assert np.nanmax(found.values()) <= RATE
    assert '"is_familiar": false' in found.tags[TAG]
    assert "unlike anything that the model has learnt" in found.when
    assert not (found * 2.0).is_familiar


def test_a_map_of_what_is_known_says_nothing(knowing: PSM, embedded: EmbeddedCells) -> None:
    found = map_query(knowing, embedded, Query(texts=("frogs",)))
    assert found.is_familiar
    assert '"is_familiar": true' in found.tags[TAG]
    knowing.familiarity = None
    plain = map_query(knowing, embedded, Query(texts=("asdfgh qwerty",)))
    assert plain.is_familiar
    assert TAG not in plain.tags


def test_pictures_of_nonsense_are_pale(
    knowing: PSM, embedded: EmbeddedCells, tmp_path: Path
) -> None:
    from PIL import Image

    known = map_query(knowing, embedded, Query(texts=("frogs",)))
    with pytest.warns(UnfamiliarQuery):
        strange = map_query(knowing, embedded, Query(texts=("asdfgh qwerty",)))
    dark = []
    for found in (known, strange):
        path = found.to_png(tmp_path / "map.png", width_px=400, uncertainty="none")
        with Image.open(path) as picture:
            assert (TAG in picture.info) == (found.familiarity is not None)
            dark.append((np.asarray(picture.convert("L"))[60:180] < 120).mean())
    assert dark[1] < dark[0]


@pytest.mark.parametrize(
    ("text", "is_familiar"),
    [("frogs|church bells", True), ("frogs|asdfgh qwerty", False)],
)
def test_every_wording_has_to_be_known(knowing: PSM, text: str, is_familiar: bool) -> None:
    found = Query.parse(text).encode(knowing).familiarity
    assert found is not None
    assert found.is_familiar == is_familiar
    assert [term.name for term in found.terms] == [f"“{part}”" for part in text.split("|")]


def test_a_template_is_a_manner_of_speaking(knowing: PSM) -> None:
    query = Query(texts=("frogs",), templates=("{}", "quarterly earnings of {} limited"))
    found = query.encode(knowing).familiarity
    assert found is not None
    assert found.is_familiar
    assert [term.name for term in found.terms] == ["“frogs”"]


def test_a_blend_is_as_strange_as_its_strangest_term(knowing: PSM) -> None:
    query = Query.parse("frogs", "asdfgh qwerty", without=["church bells"]).encode(knowing)
    assert query.ceilings == (RATE, 1.0)


def test_a_recording_that_is_like_no_other_is_named(knowing: PSM, tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, generator(1, "tone").normal(0, 0.1, 24_000), 16_000)
    query = Query(audio=(path,)).encode(knowing)
    assert query.familiarity is not None
    assert query.familiarity.statement.startswith("tone.wav is unlike")
    told = EncodedTerm(query.gaussians, None)
    assert Query(audio=(path,)).encode(knowing, {path: told}).familiarity is None


def test_a_profile_marks_what_is_unfamiliar(
    knowing: PSM, imagery: PlaceImagery, tmp_path: Path
) -> None:
    texts = ("frogs", "asdfgh qwerty")
    with pytest.warns(UnfamiliarQuery, match="asdfgh"):
        found = profile(knowing, imagery, texts, lat=48.2, lon=16.4)  # type: ignore[arg-type]
    assert [found.is_familiar(row) for row in range(2)] == [True, False]
    assert found.probability[1].max() <= RATE
    assert not found.to_json()["familiarity"]["is_familiar"]
    path = write_profile(found, tmp_path / "profile.svg")
    assert path.stat().st_size > 0
