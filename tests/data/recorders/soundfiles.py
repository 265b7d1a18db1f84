"""Small WAV and FLAC files with the headers of recorders, after their published formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

SOUND = np.zeros(80, np.int16).tobytes()


def chunk(name: bytes, content: bytes, *, is_padded: bool = True) -> bytes:
    """A chunk of RIFF; some recorders leave out the byte that fills up an odd one."""
    fill = b"\0" if len(content) % 2 and is_padded else b""
    return name + struct.pack("<I", len(content)) + content + fill


def wav(path: Path, *chunks: bytes, before: bytes = b"") -> Path:
    """A WAV file with these chunks behind its sound, or ``before`` it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
    body = b"WAVE" + form + before + chunk(b"data", SOUND) + b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def info(**texts: str) -> bytes:
    """A list of texts, as AudioMoth writes its comment."""
    inside = b"".join(chunk(k.encode(), v.encode() + b"\0\0") for k, v in texts.items())
    return chunk(b"LIST", b"INFO" + inside)


def guano(*lines: str) -> bytes:
    return chunk(b"guan", "\n".join(("GUANO|Version: 1.0", *lines)).encode())


def wamd(**texts: str) -> bytes:
    """A chunk of Wildlife Acoustics."""
    tags = {"model": 1, "serial": 2, "prefix": 4, "time": 5, "first": 6, "automatic": 11,
            "manual": 12, "last": 0x14}  # fmt: skip
    parts = [struct.pack("<HIH", 0, 2, 1)]
    parts += [struct.pack("<HI", tags[k], len(v)) + v.encode() for k, v in texts.items()]
    return chunk(b"wamd", b"".join(parts) + struct.pack("<HI", 0xFFFF, 2) + b"\0\0")


def bext(date: str, time: str, originator: str = "") -> bytes:
    head = b"".join(
        text.encode().ljust(size, b"\0")
        for text, size in (("", 256), (originator, 32), ("", 32), (date, 10), (time, 8))
    )
    return chunk(b"bext", head.ljust(602, b"\0"))


def flac(path: Path, **comments: str) -> Path:
    """A FLAC file whose comments are these alone."""
    soundfile.write(path, np.zeros(800, np.int16), 8000)
    whole = path.read_bytes()
    texts = [f"{name}={value}".encode() for name, value in comments.items()]
    block = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(texts))
    block += b"".join(struct.pack("<I", len(text)) + text for text in texts)
    place, kept = 4, []
    while True:
        kind, size = whole[place], int.from_bytes(whole[place + 1 : place + 4], "big")
        content = whole[place + 4 : place + 4 + size]
        place += 4 + size
        if kind & 0x7F != 4:
            kept.append(bytes([kind & 0x7F]) + size.to_bytes(3, "big") + content)
        if kind & 0x80:
            break
    last = b"\x84" + len(block).to_bytes(3, "big") + block
    path.write_bytes(b"fLaC" + b"".join(kept) + last + whole[place:])
    return path
