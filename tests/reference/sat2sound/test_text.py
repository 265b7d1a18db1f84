"""Group e: token ids to the states of a small T5, in a padded batch."""

from __future__ import annotations

from pathlib import Path

import torch

from psm.config import TextTowerConfig
from psm.encoders.codebook import Codebook
from psm.encoders.tokens import Tokens
from psm.encoders.tokentowers.t5 import build_t5
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    load,
    manifest,
    needs_recordings,
    published_head,
    relatively,
    weights,
    write_t5,
)

pytestmark = needs_recordings


def test_states_are_the_published_ones(tmp_path: Path, close: Close) -> None:
    write_t5(tmp_path)
    tower = build_t5(TextTowerConfig(kind="t5", weights=str(tmp_path))).eval()
    recorded = {name: torch.from_numpy(values) for name, values in load("e_text").items()}
    mask = recorded["attention_mask"]
    with torch.inference_mode():
        states = tower.states(recorded["input_ids"], mask)
    relatively(close, states, recorded["hidden"])
    codes, width = manifest("e_text")["codebook"]
    head = published_head(weights("e_text"), "txt", Codebook(codes, width, 1000.0), "zeroed")
    with torch.inference_mode():
        batch = Tokens(states, mask.bool())
        relatively(close, head.token_scores(batch) / width**0.5, recorded["token_att"])
        relatively(close, head.weights(batch.packed()), recorded["weights"])
        relatively(close, head.raw(batch.packed()).mean, recorded["embedding"])
        alone = [head.raw(Tokens.all_known(states[[row], : int(mask[row].sum())]).packed()).mean
                 for row in range(len(mask))]  # fmt: skip
    relatively(close, torch.cat(alone), recorded["embedding_alone"])
