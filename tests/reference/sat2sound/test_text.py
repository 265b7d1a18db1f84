"""Group e: token ids to the states of a small T5, in a padded batch."""

from __future__ import annotations

from pathlib import Path

import torch

from psm.config import TextTowerConfig
from psm.encoders.tokentowers.t5 import build_t5
from tests.reference.conftest import Close
from tests.reference.sat2sound.beside import load, needs_recordings, relatively, write_t5

pytestmark = needs_recordings


def test_states_are_the_published_ones(tmp_path: Path, close: Close) -> None:
    write_t5(tmp_path)
    tower = build_t5(TextTowerConfig(kind="t5", weights=str(tmp_path))).eval()
    recorded = {name: torch.from_numpy(values) for name, values in load("e_text").items()}
    mask = recorded["attention_mask"]
    with torch.inference_mode():
        states = tower.states(recorded["input_ids"], mask)
    relatively(close, states, recorded["hidden"])
