"""Context: validity of each part, ranges, masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import Recording
from psm.errors import InvalidContext
from tests.tiny import tiny_samples


def test_what_is_unknown_is_invalid_and_finite() -> None:
    context = Context.of(
        lat=[1.0, np.nan], lon=[2.0, 3.0], month=[np.nan, 5], hour=None, audio_source=[-1, 2]
    )
    assert context.valid.tolist() == [
        [True, False, False, False, False],
        [False, True, False, True, False],
    ]
    for values in (context.latlon[1], context.month[:1], context.hour):
        assert not values.any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lat": 91.0}, "latitude 91"),
        ({"lon": 181.0}, "longitude 181"),
        ({"month": 13}, "month 13"),
        ({"month": 0}, "month 0"),
        ({"hour": 24.0}, "hour 24"),
        ({"audio_source": 4}, "audio source 4"),
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidContext, match=message):
        Context.of(**{"lat": 0.0, "lon": 0.0, **wrong})


def test_only_keeps_the_named_fields() -> None:
    context = Context.of(lat=0.0, lon=0.0, month=1, hour=2.0, audio_source=0, caption_source=1)
    kept = context.only("month", "hour").valid[0]
    assert dict(zip(CONTEXT_FIELDS, kept.tolist(), strict=True)) == {
        "latlon": False, "month": True, "hour": True,
        "audio_source": False, "caption_source": False,
    }  # fmt: skip
    with pytest.raises(InvalidContext, match="weather"):
        context.only("weather")


def test_dropping_masks_about_the_asked_share_and_adds_nothing() -> None:
    size = 4000
    context = Context.of(lat=np.zeros(size), lon=0.0, month=1, hour=None, audio_source=0)
    generator = torch.Generator().manual_seed(0)
    dropped = context.drop(field=0.5, everything=0.2, generator=generator)
    assert not (dropped.valid & ~context.valid).any()
    kept = dropped.valid[:, [0, 1, 3]].float().mean(0)
    torch.testing.assert_close(kept, torch.full((3,), 0.4), atol=0.03, rtol=0)


def test_sources_are_dropped_together() -> None:
    context = Context.of(lat=np.zeros(4000), lon=0.0, month=1, audio_source=0, caption_source=1)
    valid = context.drop(field=0.0, everything=0.0, sources=0.3).valid
    assert torch.equal(valid[:, 3], valid[:, 4])
    assert valid[:, :2].all()
    assert valid[:, 3].float().mean().item() == pytest.approx(0.7, abs=0.03)


def test_a_recording_of_no_archive_has_no_audio_source() -> None:
    (sample,) = tiny_samples("train", 1)
    recording = replace(sample.recording, audio_source=None)
    assert Recording.from_json(recording.to_json()) == recording
    valid = Context.of_recordings([recording, sample.recording]).valid[:, 3]
    assert valid.tolist() == [False, True]
