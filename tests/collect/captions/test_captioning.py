from __future__ import annotations

import json
import shutil

import pytest

from psm.collect import paths
from psm.collect.captions.captioning import PROMPTS, caption_all
from psm.collect.captions.listeners import WhisperListener
from psm.collect.columns import Stage
from psm.collect.gathering import gather
from psm.collect.listing import list_all
from psm.collect.refusal import Refused
from psm.errors import SettingsChanged
from tests.collect.captions.models import write_qwen, write_whisper
from tests.collect.little import Little
from tests.collect.sites import site
from tests.encoders.test_clap import write_clap


def heard(opened, text="frogs"):
    """Decode everything; the first recording is without words."""
    list_all(opened)
    rows = opened.catalogue.ready(Stage.CLEAN, ())
    found = {"lat": 1.0, "lon": 2.0, "licence": "CC0-1.0"}
    texts = ["", *(f"{text} {row['key']}" for row in rows[1:])]
    opened.catalogue.apply(
        Stage.CLEAN,
        [(row["key"], {**found, "text": words}) for row, words in zip(rows, texts, strict=True)],
    )
    gather(opened)


def captions(opened):
    rows = opened.catalogue.passed(Stage.CAPTION, ("captions", "caption", "caption_source"))
    return {row["key"]: (row, json.loads(row["captions"])) for row in rows}


def test_without_models_a_caption_is_what_the_recordist_wrote(tmp_path):
    with site(tmp_path, Little(size=3)) as opened:
        heard(opened)
        caption_all(opened)
        assert opened.catalogue.refusals() == {("caption", "no caption"): 1}
        row, kept = captions(opened)["aporee-1"]
        assert (row["caption"], row["caption_source"]) == ("frogs aporee-1", "meta")
        assert [caption["style"] for caption in kept] == ["meta"]


@pytest.fixture
def models(tmp_path):
    """Settings of a captioner and a scorer with tiny random weights."""
    listener = write_whisper(tmp_path / "listener")
    clap = tmp_path / "clap"
    write_clap(clap, fused=False)
    return {"captioners": [{"model": str(listener), "style": "qwen"}], "scorer": str(clap)}


def test_models_caption_and_rank_and_all_is_kept(tmp_path, models):
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        caption_all(opened)
        assert not opened.catalogue.refusals()
        found = captions(opened)
        for key, (row, kept) in found.items():
            scores = {caption["style"]: caption["score"] for caption in kept}
            assert set(scores) == ({"qwen"} if key == "aporee-0" else {"meta", "qwen"})
            assert row["caption_source"] == max(scores, key=scores.__getitem__)
        caption_all(opened)
        assert captions(opened) == found


def test_a_clip_that_is_broken_is_decoded_again_before_it_is_captioned(tmp_path, models):
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        paths.clip(tmp_path / "out", "aporee-1").write_bytes(b"")
        caption_all(opened)
        assert set(captions(opened)) == {"aporee-0", "aporee-2"}
        assert not opened.is_complete
        gather(opened)
        caption_all(opened)
        assert len(captions(opened)) == 3


def test_another_model_in_the_middle_of_a_build_is_an_error(tmp_path, models):
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        caption_all(opened)
        opened.catalogue.reset(Stage.CAPTION, ["aporee-2"])
        shutil.copytree(write_qwen(tmp_path / "other"), tmp_path / "listener", dirs_exist_ok=True)
        with pytest.raises(SettingsChanged, match="set its revision"):
            caption_all(opened)


def prompted(models, prompt):
    return {**models, "captioners": [{**models["captioners"][0], "prompt": prompt}]}


def texts(opened):
    return {
        key: [caption["text"] for caption in kept if caption["style"] == "qwen"]
        for key, (_, kept) in captions(opened).items()
    }


def test_under_another_prompt_all_captions_are_written_anew_and_tiles_stay(tmp_path, models):
    tile = {"tile_gsd_m": 10.0, "tile_sha256": "0"}
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        caption_all(opened)
        before = texts(opened)
        opened.catalogue.apply(Stage.IMAGE, [(key, tile) for key in before])
        opened.catalogue.decide(
            Stage.SPLIT,
            {"aporee-2": Refused("in the buffer between splits")},
            {key: {"split": "train", "cell": "0"} for key in ("aporee-0", "aporee-1")},
        )
    with site(tmp_path / "out", Little(size=3), **prompted(models, "birds in the")) as opened:
        caption_all(opened)
        after = texts(opened)
        assert set(after) == set(before)
        assert all(after[key] != before[key] for key in before)
        tiles = opened.catalogue.passed(Stage.IMAGE, ("tile_sha256",))
        assert [row["tile_sha256"] for row in tiles] == ["0", "0", "0"]
        assert opened.catalogue.count(Stage.IMAGE) == 0
        assert len(opened.catalogue.ready(Stage.SPLIT, ())) == 3
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        caption_all(opened)
        assert texts(opened) == before


def test_a_new_default_prompt_is_not_mixed_with_the_old_one(tmp_path, models, monkeypatch):
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        caption_all(opened)
        before = texts(opened)
        monkeypatch.setattr(WhisperListener, "prompt", "birds in the")
        caption_all(opened)
        assert texts(opened) == before  # all is captioned: no model is loaded to look
        opened.catalogue.reset(Stage.CAPTION, ["aporee-2"])
        caption_all(opened)
        assert all(texts(opened)[key] != before[key] for key in before)


def test_a_build_of_before_there_was_a_prompt_goes_on(tmp_path, models):
    with site(tmp_path / "out", Little(size=3), **models) as opened:
        heard(opened)
        caption_all(opened)
        before = captions(opened)
        (tmp_path / "out" / PROMPTS).unlink()
        opened.catalogue.reset(Stage.CAPTION, ["aporee-2"])
        caption_all(opened)
        assert captions(opened) == before
