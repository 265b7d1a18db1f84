"""Corrupted, mislabelled and hostile files, each with what has to come of it.

Nothing here is stored: every file is written from code when a test asks for it. ``None`` stands for
files that look bad and do no harm: what can be heard of them is taken.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from tests.collect.brokenmedia import Made, broken
from tests.collect.media import box, chunk, film, sound, wav

TWO, ZIPPED = "two kinds of file in one", "a ZIP archive hides in it"


def corpus(canary: Path, url: str) -> Made:
    """File names with content and expected reason.

    Args:
        canary: a sound file outside; nothing may open it.
        url: of a server; nothing may ask it.
    """
    return {
        **_mislabelled(),
        **_scripts(canary, url),
        **_polyglots(),
        **broken(canary, url),
        **_not_files(canary),
    }


def _not(what: str) -> str:
    return f"not an audio file but {what}"


def _mislabelled() -> Made:
    rng = np.random.default_rng(0)
    heads = {
        "jpeg.mp3": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture"),
        "png.wav": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        "gif.ogg": (b"GIF89a", "a GIF picture"), "bmp.wav": (b"BM\x36\0\0\0", "a BMP picture"),
        "tiff.wav": (b"II*\0", "a TIFF picture"), "tiff-be.wav": (b"MM\0*", "a TIFF picture"),
        "heif.m4a": (b"\0\0\0\x18ftypheic", "a HEIF picture"),
        "avif.mp4": (b"\0\0\0\x18ftypavif", "a HEIF picture"),
        "zstd.wav": (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
        "7z.mp3": (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        "rar.mp3": (b"Rar!\x1a\7", "a RAR archive"),
        "pdf.mp3": (b"%PDF-1.7\n", "a PDF"), "elf.wav": (b"\x7fELF\2\1\1", "a program"),
        "exe.mp3": (b"MZ\x90\0", "a program"), "script.wav": (b"#!/bin/sh\nrm x\n", "a program"),
        "midi.mp3": (b"MThd\0\0\0\6", "notes without sound (MIDI)"),
        "database.wav": (b"SQLite format 3\0", "a database"),
    }  # fmt: skip
    return {
        **{name: (head + b"\0" * 500, _not(what)) for name, (head, what) in heads.items()},
        "empty.mp3": (b"", "the file is empty"),
        "one-byte.wav": (b"R", _not("text")),
        "zeros.wav": (b"\0" * 10_000, _not("bytes of no known kind")),
        "random.mp3": (b"\xaa" + rng.bytes(20_000), _not("bytes of no known kind")),
        "text.wav": (b"This is not a recording.\n" * 50, _not("text")),
        "utf16.mp3": ("no sound".encode("utf-16"), _not("text")),
        "webp.wav": (b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 24, "a RIFF file, but no WAV"),
        "zip.wav": (_zip(), _not("a ZIP archive")),
        "zip-empty.wav": (b"PK\5\6" + b"\0" * 18, _not("a ZIP archive")),
        "zip-bomb.mp3": (_zip(10_000_000), _not("a ZIP archive")),
        "gzip.wav": (gzip.compress(sound("wav")), _not("a gzip archive")),
        "gzip-bomb.wav": (gzip.compress(b"\0" * 10_000_000), _not("a gzip archive")),
        "bzip2.wav": (bz2.compress(sound("wav")), _not("a bzip2 archive")),
        "xz.wav": (lzma.compress(b"RIFF" * 1000), _not("an XZ archive")),
        "tar.wav": (_tar(), _not("a tar archive")),
        "wav-called.mp3": (sound("wav"), None),
        "mp3-called.mp4": (sound("mp3"), None),
        "film-called.wav": (film("mp4"), None),
    }


def _scripts(canary: Path, url: str) -> Made:
    path = str(canary)
    page, playlist = _not("a web page"), _not("a playlist")
    texts = {
        "list.m3u": (f"#EXTM3U\n{path}\n", playlist),
        "hls-file.mp3": (f"#EXTM3U\n#EXTINF:9,\n{path}\n#EXT-X-ENDLIST\n", playlist),
        "hls-url.mp4": (f"#EXTM3U\n#EXTINF:9,\n{url}/a.ts\n#EXT-X-ENDLIST\n", playlist),
        "hls-bom.mp4": (f"\ufeff#EXTM3U\n#EXTINF:9,\n{url}/a.ts\n", playlist),
        "hls-key.ts": (f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n{path}\n', playlist),
        "list.pls": (f"[playlist]\nFile1={url}/a.mp3\n", playlist),
        "concat.mp4": (f"ffconcat version 1.0\nfile '{path}'\n", playlist),
        "concat-bare.wav": (f"file '{path}'\nfile '{url}/a.wav'\n", playlist),
        "links.mp3": (f"{url}/a.mp3\n", playlist),
        "list.asx": (f'<ASX version="3.0"><Entry><Ref href="{url}"/></Entry></ASX>', playlist),
        "list.smil": (f'<smil><body><audio src="{url}"/></body></smil>', playlist),
        "dash.mp4": (f'<?xml version="1.0"?><MPD><BaseURL>{url}</BaseURL></MPD>', "XML"),
        "svg.mp3": (f'<svg xmlns="x"><image href="{url}"/></svg>', _not("an SVG picture")),
        "page.mp3": (f'<!DOCTYPE html><audio src="{url}">', page),
        "error-page.ogg": ("<html><body>429 Too Many Requests</body></html>", page),
        "session.wav": ("v=0\no=- 0 0 IN IP4 127.0.0.1\n", _not("a description of a stream")),
        "error.mp3": ('{"detail": "Throttled"}', _not("JSON")),
    }
    reasons = {"XML": _not("an XML document")}
    return {name: (text.encode(), reasons.get(why, why)) for name, (text, why) in texts.items()}


def _polyglots() -> Made:
    page = b"<script>alert(1)</script>"
    tag = b"ID3\3\0\0\0\0\0\x7f" + b"COMM" + page.ljust(123, b" ")
    junk = b"WAVE" + chunk(b"JUNK", page + b"\0") + sound("wav")[12:]
    mp4 = film("m4a")
    return {
        "wav-and-zip.wav": (sound("wav") + _zip(), ZIPPED),
        "mp3-and-zip.mp3": (sound("mp3") + _zip(), ZIPPED),
        "film-and-zip.mp4": (film("mp4") + _zip(), ZIPPED),
        "wav-and-page.wav": (b"RIFF" + struct.pack("<I", len(junk)) + junk, TWO),
        "mp3-and-page.mp3": (tag + sound("mp3"), TWO),
        "flac-and-php.flac": (
            b"fLaC" + b"\4\0\0\x20" + b"<?php system('id'); ?>".ljust(32) + sound("flac")[4:], TWO,
        ),
        "film-and-playlist.mp4": (mp4[:32] + box(b"free", b"#EXTM3U\n/a.mp3\n") + mp4[32:], TWO),
        "wav-and-pdf.wav": (wav(sound=b"%PDF-1.7" * 100), TWO),
    }  # fmt: skip


def _not_files(canary: Path) -> Made:
    odd = "not a plain file"

    def sparse(path: Path) -> None:
        path.write_bytes(sound("wav"))
        os.truncate(path, 5 * 2**30)

    return {
        "link.wav": (lambda path: path.symlink_to(canary), odd),
        "loop.wav": (lambda path: path.symlink_to(path.name), odd),
        "device.wav": (lambda path: path.symlink_to("/dev/zero"), odd),
        "folder.wav": (lambda path: path.mkdir(), odd),
        "pipe.wav": (os.mkfifo, odd),
        "missing.wav": (lambda path: None, "no media file"),  # noqa: ARG005
        "sparse.wav": (sparse, "the file is too large"),
    }


def _zip(size: int = 5) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"\0" * size)
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.wav"))
    return out.getvalue()
