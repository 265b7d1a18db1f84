"""Hostile files: each has its reason, and the healthy ones between them are safe."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from psm.collect.decoding import DecodedClip, DecoderPool
from psm.collect.refusal import Refused
from psm.data.sound import ffmpeg
from psm.data.untrusted import FileKind
from psm.errors import UnusableSound
from tests.collect.brokenmedia import Made
from tests.collect.decoding.conftest import FRAMING, make_job
from tests.collect.hostile import corpus
from tests.collect.media import encoded, film, sound, waveform
from tests.collect.opened import Watch

HEALTHY = {
    "healthy.wav": sound("wav"), "healthy.mp3": sound("mp3"), "healthy.ogg": sound("ogg"),
    "healthy.mp4": film("mp4"), "healthy.webm": film("webm"),
}  # fmt: skip
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches files by inotify")

Outcomes = dict[str, DecodedClip | Refused]


class Bait:
    """A file that nobody may open and a port that nobody may call."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary.wav"
        self.file.write_bytes(encoded(waveform(3.0, seed=7), "wav"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._watch = Watch(self.file)

    def was_taken(self) -> bool:
        """Whether anybody opened the file or called."""
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return self._watch.was_opened()
        return True

    def close(self) -> None:
        """Put it away."""
        self._listener.close()
        self._watch.close()


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    """One for all files."""
    made = Bait(tmp_path_factory.mktemp("bait"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are and the clips go."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def made(bait: Bait) -> Made:
    """All files."""
    return corpus(bait.file, bait.url)


@pytest.fixture(scope="module")
def outcomes(folder: Path, made: Made) -> Outcomes:
    """What came of all files, with healthy ones in between."""
    jobs = []
    for place, (name, (content, _)) in enumerate(made.items()):
        jobs.append(make_job(folder, name, content))
        if place % 5 == 0:
            kind = list(HEALTHY)[place // 5 % len(HEALTHY)]
            jobs.append(make_job(folder, f"{place}-{kind}", HEALTHY[kind]))
    with DecoderPool(FRAMING, workers=2) as decoder:
        found = dict(decoder.decode_all(jobs))
    assert len(found) == len(jobs)
    return found


def test_each_is_refused_with_its_own_reason(made: Made, outcomes: Outcomes, folder: Path) -> None:
    assert len(made) > 150
    found = {name: getattr(outcomes[name], "reason", None) for name in made}
    assert found == {name: expected for name, (_, expected) in made.items()}
    for name in made:
        refused = outcomes[name]
        if isinstance(refused, Refused):
            assert not refused.may_pass, name
            assert len(refused.detail) < 150
            assert str(folder) not in refused.reason + refused.detail


def test_what_is_harmless_becomes_a_clip_and_nothing_else_does(
    outcomes: Outcomes, folder: Path
) -> None:
    decoded = {name: found for name, found in outcomes.items() if isinstance(found, DecodedClip)}
    clips = folder / "clips"
    assert {path.name for path in clips.iterdir()} == {
        f"{name}.{suffix}" for name in decoded for suffix in ("flac", "npy")
    }
    for name, found in decoded.items():
        clip = (clips / f"{name}.flac").read_bytes()
        assert hashlib.sha256(clip).hexdigest() == found.clip_sha256
        assert np.isfinite(np.load(clips / f"{name}.npy")).all()


def test_healthy_files_between_them_give_the_clips_they_give_alone(
    outcomes: Outcomes, folder: Path, tmp_path: Path
) -> None:
    with DecoderPool(FRAMING, workers=1) as decoder:
        jobs = [make_job(tmp_path, name, content) for name, content in HEALTHY.items()]
        alone = dict(decoder.decode_all(jobs))
    between = [name for name in outcomes if name.partition("-")[2] in HEALTHY]
    assert len(between) > 30
    for name in between:
        kind = name.partition("-")[2]
        assert outcomes[name] == alone[kind]
        for suffix in ("flac", "npy"):
            ours = (folder / "clips" / f"{name}.{suffix}").read_bytes()
            assert ours == (tmp_path / "clips" / f"{kind}.{suffix}").read_bytes()


def test_what_refers_elsewhere_leads_nowhere(outcomes: Outcomes, bait: Bait, folder: Path) -> None:
    assert outcomes
    assert not bait.was_taken()
    samples, _ = soundfile.read(bait.file)  # the bait works
    assert len(samples) == 48_000
    assert bait.was_taken()
    assert not (folder / "clips" / "link.wav.flac").exists()


@pytest.mark.parametrize("kind", [FileKind.MP4, FileKind.MATROSKA, FileKind.AAC])
@pytest.mark.parametrize("name", ["hls-file.mp3", "hls-url.mp4", "concat.mp4", "dash.mp4"])
def test_ffmpeg_follows_no_script_even_where_it_gets_one(
    name: str, kind: FileKind, made: Made, bait: Bait, tmp_path: Path
) -> None:
    content = made[name][0]
    assert isinstance(content, bytes)
    path = tmp_path / name
    path.write_bytes(content)
    file = os.open(path, os.O_RDONLY)
    with pytest.raises(UnusableSound), ffmpeg.Stream(file, kind):
        pass
    os.close(file)
    assert not bait.was_taken()
