"""Identity of the recordings that a training reads, to tell the same data set from another one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from psm.data.members import FEATURES, MEL, RECORDING, TILE, view_name
from psm.data.tars import MemberIndex

_WHOLE_BYTES = 8_000_000_000
"""A split that takes more is told by a part of each file, or reading it would take minutes."""

_PART_BYTES = 4096
_THREADS = 4


def identity(
    members: MemberIndex, *, zooms: Sequence[int], view_px: int, whole_bytes: int = _WHOLE_BYTES
) -> str:
    """A hash of the recordings in their order: what is known of each, its log-mel and its views.

    It does not depend on how they lie in shards. Views that are stored count as they are, those
    that are not by the tile that they are cut from. All bytes count where they are fewer than
    ``whole_bytes``; else the size of every file and the bytes in its middle.

    Raises:
        CorruptShard: a member cannot be read.
    """
    views = [view_name(zoom, view_px) for zoom in zooms]

    def wanted(row: int) -> list[str]:
        stored = [name for name in views if members.has(name, row)]
        cut = [] if len(stored) == len(views) else [TILE]
        beside = [FEATURES] if members.has(FEATURES, row) else []
        return [RECORDING, MEL, *cut, *stored, *beside]

    rows = range(len(members))
    total = sum(int(members.spans[name][row, 1]) for row in rows for name in wanted(row))

    def hashed(row: int) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for name in wanted(row):
            size = int(members.spans[name][row, 1])
            start = max(0, (size - _PART_BYTES) // 2)
            part = (0, size) if total <= whole_bytes else (start, min(size, start + _PART_BYTES))
            digest.update(f"{name} {size} ".encode())
            digest.update(members.read(row, name, part)[0])
        return digest.digest()

    joint = hashlib.sha256()
    with ThreadPoolExecutor(_THREADS) as pool:
        for one in pool.map(hashed, rows):
            joint.update(one)
    return joint.hexdigest()
