from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from psm.collect import gathering, paths
from psm.collect.columns import Stage
from psm.collect.gathering import DOWN, gather
from psm.collect.listing import list_all
from psm.collect.refusal import RateLimited, Refused
from psm.errors import ConfigError, NoRoom
from tests.collect.little import RATE_HZ, Little
from tests.collect.sites import cleaned, site

PASSING = Refused("the archive does not answer", may_pass=True, detail="HTTP 503")


def begun(folder, *sources, **changes):
    """A site whose archives are listed and cleaned."""
    with site(folder, *sources, **changes) as opened:
        list_all(opened)
        cleaned(opened)
    return site(folder, *sources, **changes)


def media(folder):
    return [path for path in (folder / paths.MEDIA).rglob("*") if path.is_file()]


def test_clips_are_there_and_media_are_gone(tmp_path):
    with begun(tmp_path, Little("aporee"), Little("yfcc", size=3)) as opened:
        gather(opened)
        rows = opened.catalogue.passed(Stage.DECODE, ("clip_sha256", "mel_sha256", "duration_s"))
        assert len(rows) == 9
        for row in rows:
            assert paths.sha256(paths.clip(tmp_path, row["key"])) == row["clip_sha256"]
            assert paths.sha256(paths.mel(tmp_path, row["key"])) == row["mel_sha256"]
            assert row["duration_s"] == pytest.approx(1.0)
        assert not media(tmp_path)
        assert not opened.troubles


def test_media_stay_where_that_is_wanted(tmp_path):
    with begun(tmp_path, Little(), keep_media=True) as opened:
        gather(opened)
        rows = opened.catalogue.passed(Stage.FETCH, ("media_sha256",))
        kept = {paths.sha256(path) for path in media(tmp_path)}
        assert kept == {row["media_sha256"] for row in rows}


def test_what_cannot_be_used_is_refused_and_the_rest_goes_on(tmp_path):
    little = Little()
    little.broken = {"1": Refused("gone"), "2": b"no sound at all", "3": PASSING}
    with begun(tmp_path, little) as opened:
        gather(opened)
        refused = opened.catalogue.refusals()
        assert {stage for stage, _ in refused} == {"fetch", "decode"}
        assert refused["fetch", "gone"] == refused["fetch", PASSING.reason] == 1
        assert opened.catalogue.counts() == {("aporee", "decoded"): 3, ("aporee", "refused"): 3}
        little.broken = {}
        assert opened.catalogue.put_back() == 1
        gather(opened)
        assert opened.catalogue.counts()["aporee", "decoded"] == 4
        assert not opened.troubles


def test_what_nobody_hears_is_refused_and_leaves_no_clip(tmp_path):
    little = Little()
    little.broken = {"2": silence()}
    with begun(tmp_path / "out", little) as opened:
        gather(opened)
        assert opened.catalogue.refusals() == {("decode", "nothing is heard"): 1}
        assert not paths.clip(tmp_path / "out", "aporee-2").exists()
    with begun(tmp_path / "all", little, refused_sounds=[]) as opened:
        gather(opened)
        rows = opened.catalogue.passed(Stage.DECODE, ("sound_flags",))
        assert {row["key"]: row["sound_flags"] for row in rows}["aporee-2"] == ["silent"]


def silence():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(RATE_HZ), RATE_HZ, format="WAV")
    return buffer.getvalue()


def test_a_row_that_is_through_is_not_asked_for_again(tmp_path):
    little = Little()
    with begun(tmp_path, little) as opened:
        gather(opened)
        gather(opened)
    assert sorted(little.fetched) == [str(number) for number in range(6)]


def test_an_archive_that_is_down_stops_no_other_and_is_not_asked_to_the_end(tmp_path):
    down, up = Little("freesound", size=60), Little("aporee", size=5)
    with begun(tmp_path, down, up) as opened:
        down.is_down = True
        gather(opened)
        counts = opened.catalogue.counts()
        assert counts["aporee", "decoded"] == 5
        assert DOWN <= counts["freesound", "refused"] == len(down.fetched) < 60
        assert counts["freesound", "listed"] == 60 - len(down.fetched)
        assert opened.troubles == {"freesound": "the archive does not answer (HTTP 503)"}
        assert opened.catalogue.silent() == {"freesound": "the archive does not answer"}
        down.is_down = False
        opened.troubles.clear()
        gather(opened)
        opened.catalogue.put_back()
        gather(opened)
        assert opened.catalogue.counts()["freesound", "decoded"] == 60
        assert not opened.troubles
        assert not opened.catalogue.silent()


def test_recordings_that_fail_now_and_then_are_no_sign_of_an_archive_that_is_down(tmp_path):
    little = Little(size=120)
    little.broken = {str(i): PASSING if i % 6 else Refused("gone") for i in range(90)}
    with begun(tmp_path, little) as opened:
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "decoded"): 30, ("aporee", "refused"): 90}
        assert not opened.troubles


def test_an_archive_that_may_not_be_asked_now_refuses_no_recording(tmp_path):
    little = Little(size=40)
    little.broken = {
        "13": RateLimited("what the archive allows in a day is used up", detail="later")
    }
    with begun(tmp_path, little) as opened:
        gather(opened)
        assert not opened.catalogue.refusals()
        assert opened.catalogue.counts()["aporee", "listed"] >= 1
        assert "later" in opened.troubles["aporee"]


def test_a_wrong_key_stops_no_other_archive(tmp_path):
    locked, up = Little("freesound", size=5), Little("aporee", size=5)
    locked.broken = {str(i): ConfigError("FREESOUND_TOKEN is not accepted") for i in range(5)}
    with begun(tmp_path, locked, up) as opened:
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "decoded"): 5, ("freesound", "listed"): 5}
        assert "FREESOUND_TOKEN" in opened.troubles["freesound"]


def test_a_disk_that_is_full_ends_the_build_and_blames_no_recording(tmp_path):
    little = Little()
    little.broken = {"3": OSError(28, "No space left on device")}
    with begun(tmp_path, little) as opened:
        with pytest.raises(NoRoom, match="the disk is full"):
            gather(opened)
        assert not opened.catalogue.refusals()


def test_media_that_changed_are_fetched_again(tmp_path, monkeypatch):
    little = Little()
    with begun(tmp_path, little) as opened:
        monkeypatch.setattr(gathering, "decode_rows", lambda _run, _rows: iter(()))
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "fetched"): 6}
        monkeypatch.undo()
        changed, gone, *_ = sorted(media(tmp_path))
        changed.write_bytes(b"something else")
        gone.unlink()
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "decoded"): 6}
    assert sorted(little.fetched[6:]) == sorted(path.stem.split("-")[1] for path in (changed, gone))


def test_files_that_no_row_waits_for_go(tmp_path):
    with begun(tmp_path, Little()) as opened:
        left = paths.media(tmp_path, "aporee-0", "aporee", ".wav")
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half a rec")
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "decoded"): 6}
    assert not media(tmp_path)


def test_an_interrupt_keeps_what_was_fetched(tmp_path, monkeypatch):
    little = Little(size=40)
    with begun(tmp_path, little) as opened:
        monkeypatch.setattr(opened, "beat", interrupt_at(3))
        with pytest.raises(KeyboardInterrupt):
            gather(opened)
    with site(tmp_path, little) as opened:
        assert opened.catalogue.counts()["aporee", "listed"] < 40
        gather(opened)
        assert opened.catalogue.counts() == {("aporee", "decoded"): 40}


def interrupt_at(count):
    beats = iter(range(count))

    def beat():
        if next(beats, None) is None:
            raise KeyboardInterrupt

    return beat
