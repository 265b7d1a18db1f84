"""The heat map of a word by the codebook of an imported checkpoint, against the recorded scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from psm import PSM
from psm.encoders.tokens import Tokens
from psm.errors import ConfigError
from psm.explaining import SeenView, explain, write_explanation
from psm.explaining.codewords import SCORE, codewords
from psm.inference.batches import image_features, picture_px
from psm.mapping import Moment, Query
from psm.published.checkpoint import import_checkpoint
from tests.explaining.conftest import SpotImagery
from tests.reference.sat2sound.recorded import FOLDER, needs_recordings, write_t5

pytestmark = needs_recordings


@pytest.fixture(scope="module")
def chooser(tmp_path_factory: pytest.TempPathFactory) -> PSM:
    folder = tmp_path_factory.mktemp("sat2sound")
    write_t5(folder / "t5")
    import_checkpoint(
        FOLDER / "i_tiny.ckpt", folder / "model", text_weights=str(folder / "t5"), satellite_heads=4
    )
    return PSM.from_pretrained(folder / "model")


def test_a_codebook_explains_by_the_codes_of_the_words(chooser: PSM, tmp_path: Path) -> None:
    zoom = chooser.config.imagery.zooms[0]
    moment = Moment(month=5, hour=12.0)
    found = explain(
        chooser, SpotImagery(), Query(texts=("wind",)), moment, lat=48.0, lon=16.0, zoom=zoom
    )
    assert found.values.shape == (14, 14)
    assert found.found.quantity == SCORE
    head = chooser.location_head
    with torch.inference_mode():
        said = chooser.text.tokens(["wind"])
        code = int(chooser.text_head.token_scores(said)[0, 0].argmax())
        features = image_features(chooser, found.view.pixels[None].copy(), found.view.gsd_m)
        context = moment.context(lat=np.array([48.0]), lon=np.array([16.0]))
        fused = Tokens.unpacked(chooser.location_features(features, context), head.width)
        scores = head.token_scores(Tokens.all_known(fused.values[:, :196]))[0]
    expected = scores[:, code].reshape(14, 14).numpy()
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-3)
    low, high = found.colour_ends()
    assert low == 0.0
    assert high >= found.values.max()  # of any code, not of this one
    assert write_explanation(found, tmp_path / "wind.tif").is_file()
    assert write_explanation(found, tmp_path / "wind.png", width_px=400).is_file()


def test_what_is_no_single_text_is_refused(chooser: PSM, model: PSM) -> None:
    view = SeenView(48.0, 16.0, np.zeros((256, 256, 3), np.uint8), 10.0, 1)
    assert picture_px(chooser.config) >= 224
    with pytest.raises(ConfigError, match="the words of one text"):
        codewords(chooser, view, Query(texts=("wind", "rain")), Moment())
    with pytest.raises(ConfigError, match="tiny: has no codebook"):
        codewords(model, view, Query(texts=("wind",)), Moment())
