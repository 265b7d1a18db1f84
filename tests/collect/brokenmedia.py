"""Recordings that are broken, lie about themselves, or want more than they should."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.collect.media import box, chunk, encoded, film, patched, sound, wav, waveform

Made = dict[str, tuple[bytes | Callable[[Path], None], str | None]]
CUT, UNREADABLE, DAMAGED = "cut short", "not readable as sound", "damaged: it stops being readable"
MUTE = "a film without sound"
ODD = "implausible channels or sample rate"


def broken(canary: Path, url: str) -> Made:
    """File names with content and expected reason; some refer to a file outside or to a server."""
    return {**_wavs(), **_flacs(), **_oggs(), **_mp3s(), **_films(), **_mp4s(canary, url)}


def _wavs() -> Made:
    whole = sound("wav")
    rate = 16_000
    cuts = {f"cut-at-{at}.wav": (whole[:at], CUT) for at in (20, 43, 45, 30_000, -3)}
    floats = {
        "nan.wav": np.where(np.arange(rate) == 8000, np.nan, 0.1),
        "infinite.wav": np.where(np.arange(rate) == 8000, np.inf, 0.1),
    }
    return {
        **cuts,
        **{
            name: (encoded(samples.astype(np.float32), "float"), "NaN or infinite samples")
            for name, samples in floats.items()
        },
        "huge-floats.wav": (
            encoded(np.full(rate, 1e30, np.float32), "float"), "samples far beyond full scale"
        ),
        "integers-as-floats.wav": (
            encoded(20_000 * waveform(1.0), "float"), "samples far beyond full scale"
        ),
        "cut-at-9.wav": (whole[:9], "a RIFF file, but no WAV"),
        "no-samples.wav": (wav(sound=b""), "no samples"),
        "short.wav": (encoded(waveform(0.1), "wav"), "too short"),
        "one-sample.wav": (wav(sound=b"\1\2"), "too short"),
        "riff-says-more.wav": (wav(riff_bytes=10**6), CUT),
        "data-says-more.wav": (wav(data_bytes=10**6), CUT),
        "data-says-4-gb.wav": (wav(data_bytes=0xFFFFFFF0), CUT),
        "no-channel.wav": (wav(channels=0), UNREADABLE),
        "64-channels.wav": (wav(channels=64, block=128), ODD),
        "65535-channels.wav": (wav(channels=65535, block=65535), UNREADABLE),
        "no-rate.wav": (wav(rate_hz=0), UNREADABLE),
        "slow.wav": (wav(rate_hz=10), ODD),
        "fast.wav": (wav(rate_hz=2_000_000_000), ODD),
        "no-bits.wav": (wav(bits=0, block=0), UNREADABLE),
        "255-bits.wav": (wav(bits=255, block=32), UNREADABLE),
        "unknown-codec.wav": (wav(tag=0x9999), UNREADABLE),
        "bare.wav": (b"RIFF\4\0\0\0WAVE", UNREADABLE),
        "no-format.wav": (_riff(chunk(b"data", b"\1\2" * 9000)), UNREADABLE),
        "no-data.wav": (_riff(chunk(b"fmt ", wav()[20:36])), UNREADABLE),
        "endless-format.wav": (_riff(chunk(b"fmt ", wav()[20:36], 0xFFFFFFF0)), UNREADABLE),
        "rf64-lies.wav": (_lying_rf64(), None),
        "streamed.wav": (wav(sound=whole[44:], riff_bytes=0xFFFFFFFF, data_bytes=0xFFFFFFFF), None),
        "more-after-end.wav": (whole + b"more" * 100, "bytes after the end of the WAV"),
        "wrong-rate.wav": (patched(whole, 24, struct.pack("<I", 8000)), None),
    }  # fmt: skip


def _flacs() -> Made:
    whole, rng = sound("flac"), np.random.default_rng(1)
    said = int.from_bytes(whole[18:26], "big") >> 36 << 36
    return {
        "cut-at-start.flac": (whole[:20], UNREADABLE),
        "cut-in-middle.flac": (whole[: len(whole) // 2], DAMAGED),
        "endless.flac": (patched(whole, 18, (said | 2**36 - 1).to_bytes(8, "big")), DAMAGED),
        "says-more.flac": (patched(whole, 18, (said | 64_000).to_bytes(8, "big")), DAMAGED),
        "random-after-head.flac": (whole[:200] + rng.bytes(9000), DAMAGED),
        "random.flac": (b"fLaC" + rng.bytes(9000), UNREADABLE),
        "flipped.flac": (patched(whole, 20_000, rng.bytes(500)), DAMAGED),
        "no-rate.flac": (patched(whole, 18, b"\0\0\0"), UNREADABLE),
        "endless-picture.flac": (whole[:42] + b"\6\xff\xff\xff" + whole[42:], UNREADABLE),
        "hours-in-kilobytes.flac": (encoded(np.zeros(3600 * 8000, np.int16), "flac", 8000), None),
    }


def _oggs() -> Made:
    whole, rng = sound("ogg"), np.random.default_rng(2)
    return {
        "cut-at-60.ogg": (whole[:60], UNREADABLE),
        "cut-in-setup.ogg": (whole[:2000], UNREADABLE),
        "random.ogg": (b"OggS" + rng.bytes(9000), UNREADABLE),
        "cut-in-middle.ogg": (whole[: len(whole) * 2 // 3], CUT),
        "endless.ogg": (_ending(whole, 2**62), "endless by its header"),
        "says-more.ogg": (_ending(whole, 64_000), CUT),
        "before-time.ogg": (_ending(whole, -5), None),
        "cut.opus": (sound("opus")[:100], UNREADABLE),
        "random.opus": (sound("opus")[:200] + rng.bytes(5000), UNREADABLE),
        "no-streams.ogg": (b"OggS" + b"\0" * 23, UNREADABLE),
    }


def _mp3s() -> Made:
    whole, rng = sound("mp3"), np.random.default_rng(3)
    return {
        "random.mp3": (b"\xff\xfb" + rng.bytes(50_000), UNREADABLE),
        "one-frame.mp3": (whole[:100], UNREADABLE),
        "tag-only.mp3": (b"ID3\3\0\0\0\0\x01\0" + b"\0" * 128, UNREADABLE),
        "tag-of-256-mb.mp3": (b"ID3\3\0\0\x7f\x7f\x7f\x7f" + whole, UNREADABLE),
        "tags-in-tags.mp3": ((b"ID3\3\0\0\0\0\0\x0a" * 20_000), UNREADABLE),
        "picture-after-tag.mp3": (
            b"ID3\3\0\0\0\0\0\x0a" + b"\0" * 10 + b"\xff\xd8\xff" + b"\0" * 999, UNREADABLE,
        ),
        "frames-that-say-more.mp3": (_xing(whole, 1_000_000), CUT),
        "cut-in-middle.mp3": (whole[: len(whole) // 2], CUT),
        "silence-after-end.mp3": (whole + b"\0" * 100_000, None),
        "joined.mp3": (whole + whole, None),
    }  # fmt: skip


def _films() -> Made:
    rng = np.random.default_rng(4)
    magic = {
        "random.webm": b"\x1a\x45\xdf\xa3", "random.flv": b"FLV\1\5\0\0\0\x09",
        "random.wmv": film("wmv")[:16], "random.mpg": b"\0\0\1\xba", "random.aac": b"\xff\xf1",
        "random.mp4": film("mp4")[:32],
    }  # fmt: skip
    # Streams that do not say how long they are: what there is of them is whole.
    whole = dict.fromkeys(("wmv", "mpg", "ts"), None)
    halves = dict.fromkeys(("webm", "mkv", "avi", "flv"), CUT) | {"mov": UNREADABLE} | whole
    heads = dict.fromkeys(halves, UNREADABLE) | {"mpg": MUTE, "flv": CUT}
    return {
        **{name: (head + rng.bytes(20_000), UNREADABLE) for name, head in magic.items()},
        **{f"half.{x}": (film(x)[: len(film(x)) // 2], why) for x, why in halves.items()},
        **{f"head-only.{x}": (film(x)[:400], why) for x, why in heads.items()},
        "random.avi": (film("avi")[:12] + rng.bytes(20_000), MUTE),
        "random.amr": (b"#!AMR\n" + rng.bytes(20_000), DAMAGED),
        "mute.mp4": (film("mute"), MUTE),
    }


def _mp4s(canary: Path, url: str) -> Made:
    whole, rng = film("m4a"), np.random.default_rng(5)
    start = whole.index(b"moov") - 4
    (size,) = struct.unpack(">I", whole[start : start + 4])
    counts = {name: whole.index(name) for name in (b"stsz", b"stco", b"stts", b"stsc", b"mdhd")}
    most = b"\xff" * 4
    outside = {"alias": str(canary), "url": url}
    return {
        **{
            f"refers-to-{name}.mov": (_referring(film("mov"), where), None)
            for name, where in outside.items()
        },
        "no-moov.m4a": (whole[:start], UNREADABLE),
        "half-moov.m4a": (whole[: start + size // 2], UNREADABLE),
        "empty-moov.mp4": (box(b"ftyp", b"isom\0\0\2\0") + box(b"moov"), MUTE),
        "endless-mdat.mp4": (box(b"ftyp", b"isom\0\0\2\0") + box(b"mdat", says=0), UNREADABLE),
        "tiny-box.mp4": (box(b"ftyp", b"isom\0\0\2\0") + box(b"moov", says=1), UNREADABLE),
        "nested.mp4": (_nested(2000), UNREADABLE),
        "bomb-in-moov.mov": (_bomb(), MUTE),
        "random-sound.m4a": (_random_sound(whole, start, rng), DAMAGED),
        "4e9-sizes.m4a": (patched(whole, counts[b"stsz"] + 12, most), UNREADABLE),
        "4e9-chunks.m4a": (patched(whole, counts[b"stco"] + 8, most), None),
        "4e9-times.m4a": (patched(whole, counts[b"stts"] + 8, most), UNREADABLE),
        "4e9-runs.m4a": (patched(whole, counts[b"stsc"] + 8, most), UNREADABLE),
        "chunks-outside.m4a": (patched(whole, counts[b"stco"] + 12, b"\x7f" + most[:3]), CUT),
        "endless.m4a": (patched(whole, counts[b"mdhd"] + 20, b"\x7f" + most[:3]), None),
    }  # fmt: skip


def _riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _lying_rf64() -> bytes:
    whole = sound("rf64")
    return patched(whole, whole.index(b"ds64") + 8, struct.pack("<QQQ", *[2**62] * 3))


def _ending(ogg: bytes, samples: int) -> bytes:
    """The last page says where the sound ends; its checksum is right."""
    at = ogg.rindex(b"OggS")
    page = patched(patched(ogg[at:], 6, struct.pack("<q", samples)), 22, b"\0" * 4)
    check = 0
    for byte in page:
        check ^= byte << 24
        for _ in range(8):
            check = check << 1 ^ (0x04C11DB7 if check & 0x80000000 else 0)
            check &= 0xFFFFFFFF
    return ogg[:at] + patched(page, 22, struct.pack("<I", check))


def _xing(data: bytes, frames: int) -> bytes:
    at = max(data.find(b"Xing"), data.find(b"Info"))
    return patched(data, at + 8, struct.pack(">I", frames))


def _nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"isom\0\0\2\0") + inner


def _bomb() -> bytes:
    packed = zlib.compress(b"\0" * 50_000_000, 9)
    moved = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 50_000_000) + packed)
    return box(b"ftyp", b"qt  \0\0\2\0") + box(b"moov", box(b"cmov", moved))


def _random_sound(whole: bytes, moov: int, rng: np.random.Generator) -> bytes:
    at = whole.index(b"mdat") + 4
    return patched(whole, at, rng.bytes(moov - at))


def _referring(whole: bytes, where: str) -> bytes:
    """Its samples are said to lie in another file, as QuickTime's references have it."""
    at = whole.index(b"dref") + 12
    (size,) = struct.unpack(">I", whole[at : at + 4])
    kind = b"url " if where.startswith("http") else b"alis"
    entry = box(kind, (b"\0\0\0\0" + where.encode())[: size - 8].ljust(size - 8, b"\0"))
    return patched(whole, at, entry)
