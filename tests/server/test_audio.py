"""Recordings: what is understood, and the many things that are refused."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from starlette.testclient import TestClient

from psm.server.uploads import file_name
from tests.data.sound.containers import content, seconds

AUDIO = "/api/v1/audio"


def _wav(seconds: float = 0.5, *, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 32_000))
    out = io.BytesIO()
    soundfile.write(out, noise.astype(np.float32), 32_000, format=form, subtype=subtype)
    return out.getvalue()


def _send(client: TestClient, data: bytes, name: str = "noise.wav") -> object:
    return client.post(AUDIO, files={"file": (name, data, "audio/wav")})


def test_a_recording_is_understood_and_can_be_asked(client: TestClient) -> None:
    found = _send(client, _wav())
    assert found.status_code == 201, found.text
    upload = found.json()
    assert upload["duration_s"] == pytest.approx(0.5)
    assert len(upload["waveform"]) == 200
    assert max(upload["waveform"]) == 1.0
    assert len(upload["heard"]) == 5
    answer = client.get(
        "/api/v1/stores/world/answer", params={"text": "frogs", "audio": upload["id"]}
    )
    assert answer.status_code == 200
    assert answer.json()["label"] == "“frogs” + noise.wav"
    assert answer.headers["cache-control"].startswith("private")
    again = _send(client, _wav()).json()
    assert again["id"] == upload["id"]


@pytest.mark.parametrize(
    ("form", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
)
def test_other_formats_are_understood(client: TestClient, form: str, subtype: str) -> None:
    found = _send(client, _wav(1.0, form=form, subtype=subtype), f"noise.{form.lower()}")
    assert found.status_code == 201, found.text
    assert found.json()["duration_s"] == pytest.approx(1.0, abs=0.1)


def test_recordings_are_forgotten(make: Callable[..., FastAPI]) -> None:
    with TestClient(make(uploads=1)) as opened:
        first = _send(opened, _wav(0.4)).json()["id"]
        _send(opened, _wav(0.3))
        found = opened.get("/api/v1/stores/world/answer", params={"audio": first})
        assert found.status_code == 404
        assert found.json()["type"] == "/problems/unknown-audio"


def _nan() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.full(8000, np.nan, np.float32), 16_000, format="WAV", subtype="FLOAT")
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "hello")
    return out.getvalue()


def _giant_wav() -> bytes:
    """A WAV whose header says 4 GB."""
    head = b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 8000, 16_000, 2, 16
    )  # fmt: skip
    return head + b"data" + struct.pack("<I", 0xFFFFFF00) + b"\0" * 2000


def _endless_wav() -> bytes:
    """As a recorder writes it that never came to its end: the rest of the file is the sound."""
    data = bytearray(_giant_wav())
    data[4:8] = data[40:44] = b"\xff" * 4
    return bytes(data)


def _flac(total_samples: int) -> bytes:
    """A FLAC with another length in its header."""
    data = bytearray(_wav(form="FLAC"))
    packed = int.from_bytes(data[18:26], "big")
    packed = packed >> 36 << 36 | total_samples
    data[18:26] = packed.to_bytes(8, "big")
    return bytes(data)


def _silence(minutes: int) -> bytes:
    """Some kilobytes that are hours when decoded."""
    out = io.BytesIO()
    silence = np.zeros(minutes * 60 * 8000, np.int16)
    soundfile.write(out, silence, 8000, format="FLAC")
    return out.getvalue()


def _many_channels() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros((100, 64), np.int16), 8000, format="WAV")
    return out.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty": (lambda: b"", 422, "empty"),
    "text": (lambda: b"hello world", 415, "not an audio file"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 415, "PNG"),
    "zip": (_zip, 415, "ZIP"),
    "elf": (lambda: b"\x7fELF" + b"\0" * 100, 415, "program"),
    "webm": (lambda: b"\x1a\x45\xdf\xa3" + b"\0" * 100, 415, "WebM"),
    "random after a good start": (lambda: b"fLaC" + np.random.default_rng(1).bytes(5000), 422, ""),
    "random mp3": (lambda: b"\xff\xfb" + np.random.default_rng(2).bytes(50_000), 422, ""),
    "bare riff": (lambda: b"RIFF\x04\0\0\0WAVE", 422, ""),
    "riff, no wave": (lambda: b"RIFF\x04\0\0\0AVI ", 415, "no WAV"),
    "no samples": (lambda: _wav(0.0), 422, ""),
    "nan": (_nan, 422, "NaN"),
    "truncated wav": (lambda: _wav()[:9000], 422, "cut short"),
    "truncated flac": (lambda: _wav(2.0, form="FLAC")[:20_000], 422, ""),
    "truncated ogg": (lambda: _wav(2.0, form="OGG", subtype="VORBIS")[:60], 422, ""),
    "giant wav header": (_giant_wav, 422, "cut short"),
    "giant flac header": (lambda: _flac(2**36 - 1), 422, ""),
    "flac bomb": (lambda: _silence(180), 422, "send at most 120 s"),
    "many channels": (_many_channels, 422, "channels"),
    "wav and zip": (lambda: _wav() + _zip(), 415, "ZIP"),
    "wav and more": (lambda: _wav() + b"more" * 100, 422, "after the end"),
    "wav and html": (
        lambda: b"RIFF\x24\0\0\0WAVEJUNK\x1c\0\0\0<script>alert(1)</script>....", 415, "two kinds"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_recordings_are_refused_with_a_reason(client: TestClient, kind: str) -> None:
    data, status, words = HOSTILE[kind]
    found = _send(client, data())
    assert found.status_code == status, found.text
    problem = found.json()
    assert problem["type"] == "/problems/not-audio"
    assert words in problem["detail"]
    assert len(problem["detail"]) < 200
    assert client.get("/health/ready").status_code == 200


def test_a_recording_without_an_end_is_taken_as_far_as_it_goes(client: TestClient) -> None:
    found = _send(client, _endless_wav())
    assert found.status_code == 201, found.text
    assert found.json()["duration_s"] == pytest.approx(0.125)


def test_decoders_get_little_memory_and_time(make: Callable[..., FastAPI]) -> None:
    with TestClient(make(decode_mb=8)) as opened:
        found = _send(opened, _wav(60.0))
        assert found.status_code == 422
        assert _send(opened, _wav(0.2)).status_code == 201
    with TestClient(make(decode_s=-4.99)) as opened:  # the process has 5 s more to start
        found = _send(opened, _wav())
        assert found.status_code == 422
        assert "to decode" in found.json()["detail"]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_large_files_are_refused_as_they_come(
    make: Callable[..., FastAPI], is_streamed: bool
) -> None:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n"
    )

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(1000):
            yield b"x" * 10_000

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with TestClient(make(upload_mb=0.5)) as opened:
        content = body() if is_streamed else b"".join(body())
        found = opened.post(AUDIO, content=content, headers=kind)
        assert found.status_code == 413
        assert "0.5 MB" in found.json()["detail"]
        assert _send(opened, _wav(0.2)).status_code == 201


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("audio/wav", b"RIFF", 415),
        ("", b"x", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"", 422),
        ("multipart/form-data; boundary=b", b"--b\r\ngarbage\r\n--b--", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b--\r\n',
            422,
        ),
    ],
)
def test_forms_that_are_none(client: TestClient, kind: str, body: bytes, status: int) -> None:
    found = client.post(AUDIO, content=body, headers={"Content-Type": kind} if kind else {})
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"


def test_two_files_are_one_too_many(client: TestClient) -> None:
    files = [("file", ("a.wav", _wav())), ("file", ("b.wav", _wav()))]
    assert client.post(AUDIO, files=files).status_code == 400


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\sounds\\rain.wav", "rain.wav"),
        ("a\x00b\n.wav", "ab.wav"),
        ("<img src=x>.wav", "img src=x.wav"),
        ("", "recording"),
        ("..", "recording"),
        (None, "recording"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_are_made_harmless(given: str | None, shown: str) -> None:
    assert file_name(given) == shown


def _channels(left: np.ndarray, right: np.ndarray, rate_hz: int = 48_000) -> bytes:
    out = io.BytesIO()
    samples = np.stack([left, right], axis=1).astype(np.float32)
    soundfile.write(out, samples, rate_hz, format="WAV", subtype="FLOAT")
    return out.getvalue()


def _noise(level: float = 0.1, size: int = 48_000) -> np.ndarray:
    return level * np.random.default_rng(1).standard_normal(size)


NOT_HEARD: dict[str, tuple[Callable[[], bytes], str]] = {
    "far beyond full scale": (lambda: _channels(*[np.full(9000, 3e38)] * 2), "beyond full scale"),
    "half an ogg": (
        lambda: _half(_wav(2.0, form="OGG", subtype="VORBIS")), "cut short"
    ),
    "chained oggs": (
        lambda: _wav(1.0, form="OGG", subtype="VORBIS") * 50, "several recordings in one file"
    ),
    "two flacs": (lambda: _wav(form="FLAC") * 2, "several recordings in one file"),
    "opposite phase": (lambda: _channels(_noise(), -_noise()), "the channels cancel each other"),
    "a bat": (
        lambda: _channels(*[np.sin(2 * np.pi * 45_000 * np.arange(96_000) / 192_000)] * 2, 192_000),
        "nothing to hear between",
    ),
    "17 channels": (lambda: _channels_of(17), "17 channels"),
}  # fmt: skip


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _channels_of(count: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros((100, count), np.int16), 8000, format="WAV")
    return out.getvalue()


@pytest.mark.parametrize("kind", NOT_HEARD)
def test_recordings_that_would_give_a_wrong_map_are_refused(client: TestClient, kind: str) -> None:
    data, words = NOT_HEARD[kind]
    found = _send(client, data())
    assert found.status_code == 422, found.text
    assert found.json()["type"] == "/problems/not-audio"
    assert words in found.json()["detail"]


@pytest.mark.parametrize("name", ["aac.m4a", "one.webm", "film.mov", "piped.flac", "piped.mp3"])
def test_what_phones_and_pipes_write_is_understood(client: TestClient, name: str) -> None:
    found = _send(client, content(name), name)
    assert found.status_code == 201, found.text
    assert found.json()["duration_s"] == pytest.approx(seconds(name), abs=0.02)
    assert found.json()["warning"] is None


@pytest.mark.parametrize(
    ("level", "warning"),
    [(0.0, "silence: there is nothing to hear in it"), (1e-4, "hardly a sound")],
)
def test_silence_is_understood_and_said(client: TestClient, level: float, warning: str) -> None:
    found = _send(client, _channels(_noise(level), _noise(level)))
    assert found.status_code == 201, found.text
    assert found.json()["warning"].startswith(warning)
