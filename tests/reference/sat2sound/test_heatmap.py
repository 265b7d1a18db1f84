"""Group h: the heat of words in a view of the tiny checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from psm import PSM
from psm.encoders.tokens import Tokens
from psm.inference.wordheat import (
    enlarged,
    first_containing,
    first_of_word,
    heat_of_tokens,
    scaled_as_published,
    word_heat,
)
from psm.published.checkpoint import import_checkpoint
from tests.reference.conftest import Close
from tests.reference.sat2sound.recorded import (
    FOLDER,
    load,
    manifest,
    needs_recordings,
    relatively,
    write_t5,
)

pytestmark = needs_recordings


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PSM:
    folder = tmp_path_factory.mktemp("sat2sound")
    write_t5(folder / "t5")
    import_checkpoint(
        FOLDER / "i_tiny.ckpt", folder / "model", text_weights=str(folder / "t5"), satellite_heads=4
    )
    return PSM.from_pretrained(folder / "model")


def test_heat_is_the_published_one(model: PSM, close: Close) -> None:
    recorded, about = load("h_heatmap"), manifest("h_heatmap")
    fused, said = (torch.from_numpy(recorded[f"{name}_tokens"]) for name in ("fused", "text"))
    ids = torch.from_numpy(recorded["input_ids"])
    with torch.inference_mode():
        states = model.text.states(ids, torch.ones_like(ids))
        scores = model.text_head.token_scores(Tokens.all_known(said))
    relatively(close, states, recorded["text_tokens"])
    relatively(close, scores / np.sqrt(model.config.dim), recorded["att_txt"])
    for case in about["cases"]:
        at = [first_containing(about["pieces"], word) for word in case["words"]]
        assert at == case["token_index"]
        found = heat_of_tokens(
            patches=Tokens.all_known(fused[:, :196]),
            texts=Tokens.all_known(said),
            at=at,
            places=model.location_head,
            words=model.text_head,
        )
        assert list(found.codes) == case["codes"]
        name = f"word{case['n']}"
        each = [recorded[f"{name}_{place}_patches"] for place in range(len(at))]
        relatively(close, found.heat, np.mean(each, axis=0))
        raw = found.enlarged(224)
        relatively(close, raw[::8, ::8], recorded[f"{name}_map_raw_every8"])
        if f"{name}_map" in recorded:
            relatively(close, scaled_as_published(raw), recorded[f"{name}_map"])


def test_a_whole_word_is_not_a_part_of_another() -> None:
    pieces = manifest("h_heatmap")["pieces"]
    assert first_of_word(pieces, "Birdsgulls") == 0
    assert first_of_word(pieces, "wind") == 4
    with pytest.raises(Exception, match="'i' is not in the caption 'birdsgulls wind wind"):
        first_of_word(pieces, "i")


def test_a_caption_is_asked_as_a_whole(model: PSM) -> None:
    with torch.inference_mode():
        views = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(2))
        image = model.image_features(views, torch.tensor([0.6]))
    found = word_heat(model, image, "wind in the rain", ["wind", "rain"])
    assert found.tokens == (0, 3)
    assert found.heat.shape == (14, 14)
    each = [word_heat(model, image, "wind in the rain", [word]).heat for word in ("wind", "rain")]
    torch.testing.assert_close(found.heat, torch.stack(each).mean(0))
    assert enlarged(found.heat, 224).max() <= found.heat.max()
