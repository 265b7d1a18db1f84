"""Framing of sound for a model: shards that were made for another one are refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from psm.data.audio import AudioConfig
from psm.data.framing import Framing, require_framed
from psm.errors import ConfigError

OURS, CLAP = AudioConfig(), AudioConfig.clap()
SHAPE = (5, 1, OURS.frames, OURS.n_mels)


def note(folder: Path, name: str, values: object) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(values))


def test_log_mels_of_the_size_and_rate_of_the_model_pass(tmp_path: Path) -> None:
    require_framed(tmp_path, SHAPE, OURS)
    note(tmp_path, "earth.json", {"format": 1, "audio": asdict(OURS)})
    require_framed(tmp_path, SHAPE, OURS)
    note(tmp_path, "import/source.json", {"framing": Framing(audio=OURS).to_json()})
    (tmp_path / "earth.json").write_text("broken")
    require_framed(tmp_path, SHAPE, OURS)


def test_another_size_is_said_with_both_and_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"251 x 64; the model hears 1001 x 64, 10 s at 48000 Hz"
                       r".*psm earth build.*--preset"):  # fmt: skip
        require_framed(tmp_path, SHAPE, CLAP)


@pytest.mark.parametrize("name", ["earth.json", "import/source.json"])
def test_another_rate_of_the_same_size_is_told_by_the_note(tmp_path: Path, name: str) -> None:
    slow = replace(OURS, sample_rate_hz=16_000, hop=320, f_max_hz=8000.0)
    assert (slow.frames, slow.n_mels) == (OURS.frames, OURS.n_mels)
    audio = asdict(slow)
    note(
        tmp_path, name, {"audio": audio} if name == "earth.json" else {"framing": {"audio": audio}}
    )
    with pytest.raises(ConfigError, match=r"5 s at 16000 Hz; the model hears .* 5 s at 32000 Hz"):
        require_framed(tmp_path, SHAPE, OURS)
    require_framed(tmp_path, SHAPE, slow)
