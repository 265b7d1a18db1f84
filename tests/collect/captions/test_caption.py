"""Which caption a recording is given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.captions.caption import Caption, best, meta_caption
from psm.collect.refusal import Refused


def caption(style: str, text: str = "frogs", score: float | None = None) -> Caption:
    return Caption(source=style, style=style, text=text, score=score, model="" if style == "meta" else "m@1")  # noqa: E501  # fmt: skip


def test_the_recordists_own_words_are_a_caption() -> None:
    assert meta_caption("Frogs at night") == caption("meta", "Frogs at night")
    assert meta_caption("") is None


@pytest.mark.parametrize(
    ("captions", "place"),
    [
        ([caption("qwen", score=0.2), caption("pengi", score=0.3), caption("meta", score=0.1)], 1),
        ([caption("qwen", score=0.3), caption("meta", score=0.3), caption("pengi", score=0.3)], 1),
        ([caption("pengi", score=0.3), caption("qwen", score=0.3)], 1),
        ([caption("pengi"), caption("qwen"), caption("meta")], 2),
        ([caption("pengi"), caption("qwen"), caption("meta", "")], 1),
        ([caption("meta"), caption("pengi", score=-0.9)], 1),
        ([caption("meta", ""), caption("qwen", score=-0.1)], 1),
    ],
)
def test_the_best_has_the_highest_score_or_the_earliest_style(
    captions: list[Caption], place: int
) -> None:
    assert best(captions) is captions[place]


def test_without_a_caption_a_recording_is_refused() -> None:
    for captions in ([], [caption("meta", "")]):
        with pytest.raises(Refused, match="no caption"):
            best(captions)


CAPTIONS = st.builds(
    Caption,
    source=st.sampled_from(["meta", "qwen", "pengi", "other"]),
    style=st.sampled_from(["meta", "qwen", "pengi"]),
    text=st.sampled_from(["frogs", "bells"]),
    score=st.sampled_from([None, -0.1, 0.3]),
)


@given(captions=st.lists(CAPTIONS, min_size=1, max_size=6), data=st.data())
def test_the_choice_forgets_the_order(captions: list[Caption], data: st.DataObject) -> None:
    assert best(data.draw(st.permutations(captions))) == best(captions)


@given(CAPTIONS)
def test_captions_travel_as_json(one: Caption) -> None:
    assert Caption(**json.loads(json.dumps(one.to_json()))) == one
