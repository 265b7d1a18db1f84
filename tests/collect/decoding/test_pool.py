"""The pool: what dies, hangs or fills the memory is refused, and the others go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import pytest

from psm.collect.decoding import DecodedClip, DecoderPool, DecodingJob, FileLimits, pool
from psm.collect.refusal import Refused
from psm.errors import ConfigError, WorkerLost
from tests.collect.decoding.conftest import FRAMING, Make
from tests.collect.media import encoded, film, sound, waveform


def _fake_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that misbehaves: what film it is makes no difference."""
    film("mp4")  # with the real one
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))


def _runs(process_id: int) -> bool:
    """Whether a process is there and not only waits to be buried."""
    try:
        said = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return said.rpartition(")")[2].split()[0] != "Z"


def _outcomes(
    jobs: list[DecodingJob], limits: FileLimits | None = None, workers: int = 2
) -> dict[str, DecodedClip | Refused]:
    with DecoderPool(FRAMING, limits, workers=workers) as decoder:
        found = list(decoder.decode_all(jobs))
    assert sorted(key for key, _ in found) == sorted(job.key for job in jobs)
    return dict(found)


def test_all_come_back_and_the_pool_can_be_asked_again(make: Make) -> None:
    jobs = [make(f"{n}.wav", encoded(waveform(1.0, seed=n), "wav")) for n in range(20)]
    with DecoderPool(FRAMING, workers=2) as decoder:
        first = dict(decoder.decode_all(iter(jobs)))
        second = dict(decoder.decode_all(reversed(jobs)))
    assert first == second
    assert (
        len({found.clip_sha256 for found in first.values() if isinstance(found, DecodedClip)}) == 20
    )
    assert not list(DecoderPool(FRAMING).decode_all([]))


def test_processes_are_replaced_in_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FILES_EACH", 2)
    found = _outcomes([make(f"{n}.wav", sound("wav")) for n in range(7)], workers=1)
    assert len(set(map(repr, found.values()))) == 1


def test_results_come_while_jobs_are_waited_for(make: Make) -> None:
    jobs: SimpleQueue[DecodingJob | None] = SimpleQueue()
    with DecoderPool(FRAMING, workers=2) as decoder:
        results = decoder.decode_all(iter(jobs.get, None))
        for n in range(3):
            jobs.put(make(f"{n}.wav", sound("wav")))
            assert next(results)[0] == f"{n}.wav"
        jobs.put(None)
        assert not list(results)


def test_an_error_of_the_jobs_comes_after_what_was_begun(make: Make) -> None:
    def failing() -> Iterator[DecodingJob]:
        yield make("a.wav", sound("wav"))
        raise ConfigError("no more")

    with DecoderPool(FRAMING, workers=1) as decoder:
        results = decoder.decode_all(failing())
        assert next(results)[0] == "a.wav"
        with pytest.raises(ConfigError, match="no more"):
            next(results)


def test_what_breaks_the_decoder_is_tried_twice_and_refused(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_ffmpeg(tmp_path, f"echo x >> {tmp_path}/tries; kill -SEGV $PPID", monkeypatch)
    jobs = [make(f"{n}.wav", sound("wav")) for n in range(6)]
    jobs.insert(1, make("breaking.mp4", film("mp4")))
    found = _outcomes(jobs)
    refused = found.pop("breaking.mp4")
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.detail) == ("breaks the decoder", "status -11")
    assert (tmp_path / "tries").read_text().split() == ["x", "x"]
    assert all(isinstance(answer, DecodedClip) for answer in found.values())


def test_what_hangs_is_given_up_for_now(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_ffmpeg(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600", monkeypatch)
    jobs = [make("first.wav", sound("wav")), make("hanging.mp4", film("mp4"))]
    jobs += [make(f"{n}.wav", sound("wav")) for n in range(3)]
    found = _outcomes(jobs, FileLimits(seconds=2.0), workers=1)
    refused = found.pop("hanging.mp4")
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.may_pass) == ("takes too long to decode on this machine", True)
    assert all(isinstance(answer, DecodedClip) for answer in found.values())
    assert not _runs(int((tmp_path / "pid").read_text()))


def test_what_computes_for_ever_is_given_up_for_good(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_ffmpeg(tmp_path, "kill -XCPU $PPID; sleep 600", monkeypatch)
    found = _outcomes([make("a.mp4", film("mp4")), make("a.wav", sound("wav"))])
    refused = found["a.mp4"]
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.may_pass) == ("takes too long to decode", False)
    assert isinstance(found["a.wav"], DecodedClip)


def test_what_fills_the_memory_is_refused(make: Make) -> None:
    # 59 MB for the second that is used
    wide = encoded(waveform(1.3, 768_000)[:, None].repeat(16, axis=1), "wav", 768_000)
    jobs = [make("wide.wav", wide), *(make(f"{n}.wav", sound("wav")) for n in range(3))]
    found = _outcomes(jobs, FileLimits(memory_mb=56), workers=1)
    refused = found.pop("wide.wav")
    assert isinstance(refused, Refused)
    assert refused.reason == "takes too much memory to decode"
    assert all(isinstance(answer, DecodedClip) for answer in found.values())


def test_who_waits_behind_a_memory_hog_is_not_blamed(make: Make) -> None:
    wide = encoded(waveform(1.3, 768_000)[:, None].repeat(16, axis=1), "wav", 768_000)
    jobs = [make(f"{n}.wav", wide if n % 2 else sound("wav")) for n in range(8)]
    found = _outcomes(jobs, FileLimits(memory_mb=56), workers=1)
    assert [isinstance(found[f"{n}.wav"], DecodedClip) for n in range(8)] == [True, False] * 4


def test_processes_that_do_not_start_are_an_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with (
        DecoderPool(FRAMING, workers=1) as decoder,
        pytest.raises(WorkerLost, match="did not start"),
    ):
        list(decoder.decode_all([make("a.wav", sound("wav"))]))


def test_a_process_that_is_killed_from_outside_costs_nothing(make: Make) -> None:
    jobs = [make(f"{n}.wav", encoded(waveform(1.0, seed=n), "wav")) for n in range(12)]
    undisturbed = _outcomes(jobs)
    with DecoderPool(FRAMING, workers=2) as decoder:
        results = decoder.decode_all(jobs)
        found = dict(islice(results, 3))
        os.killpg(decoder.process_ids[0], signal.SIGKILL)
        found |= dict(results)
    assert found == undisturbed


def test_who_stops_listening_leaves_no_process(make: Make) -> None:
    jobs = [make(f"{n}.wav", sound("wav")) for n in range(8)]
    with DecoderPool(FRAMING, workers=2) as decoder:
        results = decoder.decode_all(jobs)
        next(results)
        ids = decoder.process_ids
        results.close()
        assert not decoder.process_ids
        for process_id in ids:
            assert not _runs(process_id)


def test_what_was_half_written_is_swept_away(make: Make) -> None:
    job = make("[a].wav", b"")
    job.clip.parent.mkdir()
    left = job.clip.with_name(".[a].wav.x1.partial.flac")
    others = job.clip.with_name(".b.wav.x1.partial.flac")
    for path in (left, others):
        path.touch()
    job.sweep()
    assert not left.exists()
    assert others.exists()


def test_a_full_disk_is_no_fault_of_the_recording(make: Make, tmp_path: Path) -> None:
    job = make("a.wav", sound("wav"))
    (tmp_path / "clips").write_text("in the way")
    refused = _outcomes([job], workers=1)["a.wav"]
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.may_pass) == ("cannot be read or written here", True)
