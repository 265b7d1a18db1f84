from __future__ import annotations

import json
import shutil

import pytest

from psm.collect import paths
from psm.collect.captions.captioning import caption_all
from psm.collect.columns import Stage
from psm.collect.gathering import gather
from psm.collect.listing import list_all
from psm.errors import ConfigError
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
        with pytest.raises(ConfigError, match="set its revision"):
            caption_all(opened)
