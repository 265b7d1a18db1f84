"""The packaged text tower computes what transformers computes, without it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from psm.config import TextTowerConfig
from psm.encoders.minilm import MiniLMTower
from psm.encoders.textencoding import TextTower
from psm.encoders.texttowers import build_text_tower

TEXTS = (
    "church bells", "frogs croaking in a pond at night", "", "a " * 90, "Überraschung: 3,5 % café",
    "犬の鳴き声 and dogs", "[MASK] of words",
)  # fmt: skip


@pytest.fixture(scope="module")
def tower() -> TextTower:
    return build_text_tower(TextTowerConfig(), 16).eval()


def test_a_frozen_minilm_gives_what_transformers_gives(tower: TextTower) -> None:
    theirs = build_text_tower(TextTowerConfig(frozen=False), 16).eval()
    assert isinstance(tower, MiniLMTower)
    assert not isinstance(theirs, MiniLMTower)
    with torch.inference_mode():
        torch.testing.assert_close(tower(TEXTS), theirs(TEXTS), atol=2e-6, rtol=0)
    assert tower.lengths(TEXTS) == theirs.lengths(TEXTS)
    assert tower.vocabulary() == theirs.vocabulary()
    assert tower.out_dim == theirs.out_dim


def test_half_of_a_sign_is_read_as_a_question_mark(tower: TextTower) -> None:
    torch.testing.assert_close(tower(["half \ud83d of it"]), tower(["half ? of it"]))


def test_two_models_share_the_weights_of_the_packaged_tower(tower: TextTower) -> None:
    other = build_text_tower(TextTowerConfig(), 16)
    assert tower.get_buffer("word").data_ptr() == other.get_buffer("word").data_ptr()


def test_the_packaged_model_draws_maps_without_importing_transformers() -> None:
    asked = """
import sys
from psm import PSM, mapping
from psm.mapping import outputs
PSM.from_pretrained("earth-small").encode_text(["church bells"])
print(sorted({"transformers", "scipy.stats", "geopandas", "lightning"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
