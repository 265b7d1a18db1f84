"""Captions of tiles by vision-language models, run for real with tiny random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psm.collect.captions.captioners import ZOOMS, ImageCaptioner
from psm.collect.refusal import Refused
from psm.errors import ConfigError
from psm.seeding import generator
from tests.collect.captions.models import VIEW_PX, write_blip, write_llava, write_whisper

TILES = [
    generator(0, "tile", number).integers(0, 256, (5 * VIEW_PX, 5 * VIEW_PX, 3), dtype=np.uint8)
    for number in range(3)
] + [np.full((5 * VIEW_PX, 5 * VIEW_PX, 3), grey, np.uint8) for grey in (0, 128, 255)]


@pytest.fixture(scope="module", params=[write_llava, write_blip], ids=["llava", "blip"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.param(tmp_path_factory.mktemp("viewer") / "tiny")


def captioner(folder: Path, **settings: object) -> ImageCaptioner:
    return ImageCaptioner(str(folder), view_px=VIEW_PX, max_new_tokens=8, **settings)  # type: ignore[arg-type]


def as_words(answers: list[str | Refused]) -> list[str]:
    return [str(answer) for answer in answers]


def test_tiles_get_sentences_at_every_zoom(folder: Path) -> None:
    one = captioner(folder, batch_size=4)
    found = {zoom: as_words(one.caption(TILES, zoom=zoom)) for zoom in ZOOMS}
    assert len({word for words in found.values() for word in words}) > 3
    for zoom in ZOOMS:
        assert as_words(captioner(folder, batch_size=1).caption(TILES, zoom=zoom)) == found[zoom]
        assert as_words(one.caption(TILES[::-1], zoom=zoom))[::-1] == found[zoom]
        assert not any(set("<|>:[]") & set(words) for words in found[zoom])


def test_a_tile_that_is_too_small_is_refused_alone(folder: Path) -> None:
    small = np.zeros((2 * VIEW_PX, 2 * VIEW_PX, 3), np.uint8)
    one = captioner(folder)
    answers = one.caption([TILES[0], small], zoom=3)
    assert str(answers[1]) == "tile too small to caption"
    assert as_words(answers[:1]) == as_words(one.caption(TILES[:1], zoom=3))


def test_it_is_known_by_weights_prompt_and_view(folder: Path) -> None:
    one = captioner(folder)
    assert one.model.startswith("tiny@")
    assert captioner(folder).fingerprint == one.fingerprint
    assert captioner(folder, prompt="birds in the").fingerprint != one.fingerprint
    assert ImageCaptioner(str(folder), view_px=16).fingerprint != one.fingerprint


def test_a_model_that_listens_cannot_look(tmp_path: Path) -> None:
    write_whisper(tmp_path)
    with pytest.raises(ConfigError, match="captions of images; supported are blip, llava"):
        captioner(tmp_path)
