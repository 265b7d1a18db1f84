"""CLAP's fused log-mels of three clips against those of two versions of its extractor.

Every 20th frame was kept. Where the extractor draws its three windows of the long clip at random,
it drew those that begin at ``starts``.
"""

from __future__ import annotations

import numpy as np
import pytest

from psm.data.audio import AudioConfig, fused_log_mel, read_audio
from tests.reference import recorded
from tests.reference.conftest import Close

RECORDED = recorded.load("k_mel")
FRONT, MIDDLE, BACK = RECORDED["starts"].tolist()


def mel(clip: str, *, shrunk_first: bool = True) -> np.ndarray:
    config = AudioConfig.clap()
    waveform = read_audio(recorded.VECTORS / f"k_mel_{clip}.flac", config.sample_rate_hz)
    starts = (FRONT, MIDDLE, BACK)
    return fused_log_mel(waveform, config, starts=starts, shrunk_first=shrunk_first)


@pytest.mark.parametrize("version", ["457", "428"])
@pytest.mark.parametrize("clip", ["short", "exact"])
def test_up_to_ten_seconds_all_channels_are_one(clip: str, version: str, close: Close) -> None:
    ours = mel(clip)
    assert (ours == ours[0]).all()
    close(ours[:1, ::20], RECORDED[f"{clip}_{version}"], within=1e-3)


@pytest.mark.parametrize(("version", "shrunk_first"), [("457", True), ("428", False)])
def test_longer_clips_are_shrunk_and_cut(version: str, shrunk_first: bool, close: Close) -> None:
    ours = mel("long", shrunk_first=shrunk_first)
    close(ours[:, ::20], RECORDED[f"long_{version}"], within=1e-3)
