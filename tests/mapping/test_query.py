from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch

from psm.errors import ConfigError, CorruptRecording
from psm.gaussian import combine
from psm.inference import text_gaussians
from psm.mapping import Query
from psm.model import PSM
from psm.seeding import generator


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, generator(1, "tone").normal(0, 0.1, 24_000), 16_000)
    return path


def test_a_text_is_its_own_gaussian(model: PSM) -> None:
    gaussian = Query(texts=("church bells",)).gaussian(model)
    expected = text_gaussians(model, ["church bells"])
    assert gaussian.mean.shape == (1, 16)
    torch.testing.assert_close(gaussian.mean, expected.mean)
    torch.testing.assert_close(gaussian.log_var, expected.log_var)


def test_texts_and_recordings_are_combined(model: PSM, tone: Path) -> None:
    both = Query(texts=("rain", "wind"), audio=(tone,)).gaussian(model)
    alone = [Query(texts=(text,)).gaussian(model) for text in ("rain", "wind")]
    expected = combine([*alone, Query(audio=(tone,)).gaussian(model)])
    torch.testing.assert_close(both.mean, expected.mean)
    torch.testing.assert_close(both.log_var, expected.log_var)


def test_the_label_names_everything_asked(tone: Path) -> None:
    assert Query(texts=(" church\n bells ",), audio=(tone,)).label == "“church bells” + tone.wav"


@pytest.mark.parametrize(
    ("texts", "message"), [((), "needs a query"), (("rain", " \n"), "is empty")]
)
def test_nothing_to_ask_for(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Query(texts=texts)


def test_one_string_is_not_taken_for_many_letters() -> None:
    with pytest.raises(ConfigError, match="tuple of texts"):
        Query(texts="rain")


def test_an_unreadable_recording_is_named(model: PSM, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"not audio")
    with pytest.raises(CorruptRecording, match=r"broken\.wav"):
        Query(audio=(path,)).gaussian(model)
