"""What a model hears of a recording: values, channels in opposite phase, ultrasound, silence."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from psm.data.audio import AudioConfig, decode_audio, read_audio
from psm.data.sound.hearing import hearing
from psm.errors import CorruptRecording, FaintRecording, MissingExtra

BAND_HZ = AudioConfig().band_hz
RATE_HZ = 48_000
RNG = np.random.default_rng(3)


def _tone(hertz: float, level: float = 0.3, rate_hz: int = RATE_HZ) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(2 * rate_hz) / rate_hz)


def _noise(level: float = 0.1) -> np.ndarray:
    return level * RNG.standard_normal(2 * RATE_HZ)


def _stack(*channels: np.ndarray | float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(*channels), axis=1).astype(np.float32)


def _wav(samples: np.ndarray, rate_hz: int = RATE_HZ, subtype: str = "FLOAT") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format="WAV", subtype=subtype)
    return out.getvalue()


W, X = _noise(), _noise()
CANCEL = {
    "left is right turned over": _stack(W, -W),
    "nearly": _stack(W, -0.9 * W),
    "over a hum of both": _stack(_tone(20) + W, _tone(20) - W),
    "over an offset of both": _stack(0.3 + W, 0.3 - W),
    "with some hiss": _stack(W + _noise(0.01), -W + _noise(0.01)),
    "four microphones": _stack(W, -W, W, -W),
    "two pairs": _stack(W, -W, X, -X),
    "late": _stack(*(np.r_[np.zeros(RATE_HZ), sign * W[RATE_HZ:]] for sign in (1, -1))),
}
HEARD = {
    "mono": W[:, None].astype(np.float32),
    "both alike": _stack(W, W),
    "nothing to do with each other": _stack(W, X),
    "one channel is dead": _stack(W, 0.0),
    "one channel is an offset": _stack(W, 0.4),
    "offsets that cancel": _stack(0.3 + W, -0.3 + W),
    "hums that cancel": _stack(_tone(20) + W, -_tone(20) + W),
    "ambisonics": _stack(W, 0.6 * W, -0.5 * W, 0.2 * W),
    "one of sixteen": _stack(W, *[0.0] * 15),
    "mid and side": _stack(W, 0.3 * X),
    "some cancels": _stack(W + X, W - X),
    "a click": np.eye(1, 2 * RATE_HZ, RATE_HZ, dtype=np.float32).T,
}


@pytest.mark.parametrize("case", CANCEL)
def test_channels_that_cancel_are_refused(case: str) -> None:
    with pytest.raises(CorruptRecording, match=r"^a: the channels cancel each other.*keep one"):
        decode_audio(_wav(CANCEL[case]), 32_000, "a", band_hz=BAND_HZ)


@pytest.mark.parametrize("case", HEARD)
def test_channels_that_do_not_cancel_are_heard_as_their_mean(case: str) -> None:
    found = decode_audio(_wav(HEARD[case]), RATE_HZ, "a", band_hz=BAND_HZ)
    assert found == pytest.approx(HEARD[case].mean(axis=1), abs=1e-6)


LOST: dict[str, Callable[[], tuple[np.ndarray, int]]] = {
    "a bat": lambda: (_tone(45_000, 0.3, 192_000)[:, None], 192_000),
    "a bat in a little hiss": lambda: (
        (_tone(45_000, 0.3, 192_000) + 1e-5 * RNG.standard_normal(384_000))[:, None], 192_000,
    ),
    "above the band at 48 kHz": lambda: (_tone(20_000)[:, None], RATE_HZ),
    "an offset": lambda: (np.full((RATE_HZ, 1), 0.3), RATE_HZ),
}  # fmt: skip


@pytest.mark.parametrize("case", LOST)
def test_sound_of_which_nothing_is_heard_is_refused(case: str) -> None:
    samples, rate_hz = LOST[case]()
    with pytest.raises(CorruptRecording, match="a: nothing to hear between 50 Hz and 14 kHz"):
        decode_audio(_wav(samples, rate_hz), 32_000, "a", band_hz=BAND_HZ)


def test_rumble_below_the_band_is_silence() -> None:
    assert hearing(_tone(8)[:, None].astype(np.float32), RATE_HZ, BAND_HZ).is_silent


def test_a_bat_over_other_sounds_is_heard() -> None:
    samples = _tone(45_000, 0.3, 192_000) + _tone(3000, 0.003, 192_000)
    assert decode_audio(_wav(samples[:, None], 192_000), 32_000, "a", band_hz=BAND_HZ).size


@pytest.mark.parametrize("level", [1e-2, 1e-3])
def test_levels_are_those_in_the_band(level: float) -> None:
    samples = (_tone(1000, level) + _tone(20_000, 0.1))[:, None].astype(np.float32)
    found = hearing(samples, RATE_HZ, (100.0, 5000.0))
    at_least = 20 * math.log10(level / math.sqrt(2)) if level < 1e-3 else -66.0
    assert found.heard_db >= at_least - 0.2
    faint = hearing(samples * np.float32(1e-2), RATE_HZ, (100.0, 5000.0))
    assert faint.heard_db == pytest.approx(20 * math.log10(level * 1e-2 / math.sqrt(2)), abs=0.2)


def test_silence_is_a_recording_and_is_said_where_somebody_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    path.write_bytes(_wav(np.zeros((RATE_HZ, 2))))
    with warnings.catch_warnings(action="error"):
        assert not read_audio(path, 32_000, band_hz=BAND_HZ).any()
    with pytest.warns(FaintRecording, match=r"quiet\.wav: silence: there is nothing to hear"):
        read_audio(path, 32_000, band_hz=BAND_HZ, is_query=True)
    path.write_bytes(_wav(_noise(1e-4)[:, None]))
    with pytest.warns(FaintRecording, match=r"quiet\.wav: hardly a sound in it \(-8\d dB"):
        read_audio(path, 32_000, band_hz=BAND_HZ, is_query=True)


def test_a_query_whose_middle_is_silent_is_said(tmp_path: Path) -> None:
    path = tmp_path / "late.wav"
    path.write_bytes(_wav(np.r_[np.zeros(8 * RATE_HZ), _noise()][:, None]))
    with pytest.warns(FaintRecording, match=r"late\.wav: hardly a sound in its middle 5 s"):
        read_audio(path, 32_000, band_hz=BAND_HZ, is_query=True, window_s=5.0)
    with warnings.catch_warnings(action="error"):
        read_audio(path, 32_000, band_hz=BAND_HZ, is_query=True)


@pytest.mark.parametrize(
    ("value", "subtype", "reason"),
    [
        (3e38, "FLOAT", "samples far beyond full scale"),
        (20_000.0, "FLOAT", "samples far beyond full scale; full scale is 1: divide them"),
        (-33.0, "DOUBLE", "samples far beyond full scale"),
        (1e300, "DOUBLE", "NaN or infinite samples"),
        (math.nan, "FLOAT", "NaN or infinite samples"),
        (-math.inf, "DOUBLE", "NaN or infinite samples"),
    ],
)
@pytest.mark.parametrize("share", [1.0, 1e-4])
def test_values_that_are_no_sound_are_refused(
    value: float, subtype: str, reason: str, share: float
) -> None:
    samples = _stack(W, W).astype(np.float64)
    samples[: max(1, round(share * len(samples))), 1] = value
    with pytest.raises(CorruptRecording, match=f"^a: {re.escape(reason)}"):
        decode_audio(_wav(samples, subtype=subtype), 32_000, "a", band_hz=BAND_HZ)


def test_a_little_beyond_full_scale_is_sound() -> None:
    samples = _tone(440, 4.0)[:, None].astype(np.float32)
    assert decode_audio(_wav(samples), RATE_HZ, "a") == pytest.approx(samples[:, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such file"),  # noqa: ARG005
        (lambda path: path.mkdir(), "a folder, no file"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_text("<html>not found</html>"), "a web page"),
        (lambda path: path.write_bytes(b"PK\3\4" + b"\0" * 99), "a ZIP archive"),
        (lambda path: path.write_bytes(_wav(np.zeros((0, 1)))), "no samples"),
        (lambda path: path.write_bytes(_wav(np.ones((4799, 1)))), r"too short \(0\.100 s\)"),
        (lambda path: path.write_bytes(_wav(np.ones((3, 1)))), r"too short \(0\.000 s\)"),
        (lambda path: path.write_bytes(_wav(np.zeros((100, 17)))), r"17 channels, 48000 Hz"),
        (lambda path: path.write_bytes(_wav(np.zeros((100, 1)), 999)), "1 channels, 999 Hz"),
    ],
)
def test_what_is_no_recording_is_said_in_one_line(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(CorruptRecording, match=f"a.wav: .*{message}") as caught:
        read_audio(path, 32_000)
    assert "\n" not in str(caught.value)


def test_without_ffmpeg_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from psm.data.sound import ffmpeg
    from tests.data.sound.containers import content

    def missing(name: str, extra: str) -> None:
        raise MissingExtra(f"{name} is not installed: {extra}")

    path = tmp_path / "call.m4a"
    path.write_bytes(content("aac.m4a"))
    monkeypatch.setattr(ffmpeg, "require", missing)
    ffmpeg._program.cache_clear()
    try:
        line = re.escape("call.m4a: takes ffmpeg to be read: pip install 'psm-maps[audio]'")
        with pytest.raises(MissingExtra, match=line):
            read_audio(path, 32_000)
        with pytest.raises(CorruptRecording, match="audio: takes ffmpeg to be read"):
            decode_audio(path.read_bytes(), 32_000, "audio")  # one of many is counted
        for name in ("zero.wav", "piped.flac", "tagged-piped.mp3", "minus-one.caf"):
            assert decode_audio(content(name), 32_000, "audio").size
    finally:
        ffmpeg._program.cache_clear()
