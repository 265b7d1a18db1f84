"""Deduplicate stage: the same recording twice, by equal bytes or by audio fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from psm.collect.buildrun import BuildRun
from psm.collect.columns import Stage
from psm.collect.comparing.fingerprints import SAME, similarity
from psm.collect.comparing.lookalikes import lookalikes
from psm.collect.comparing.selection import preference
from psm.collect.refusal import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRecording:
    """The fields of a recording that are compared with those of others.

    Attributes:
        key: names it.
        source: its archive.
        sha256: of the media file as fetched.
        fingerprint: words of 32 bits, little-endian, one a frame, zero where nothing is heard;
            empty where there is none.
    """

    key: str
    source: str
    sha256: str = ""
    fingerprint: bytes = b""


def duplicates(
    rows: Iterable[ComparedRecording],
    similarity: Callable[[bytes, bytes], float],
    *,
    alike: float,
    preferred: Sequence[str] = (),
) -> dict[str, str]:
    """Find duplicates; each key of one maps to the key of the recording that is kept.

    Recordings that are alike in a chain, a like b and b like c, are one group. The same rows give
    the same answer in whatever order they come.

    Args:
        rows: the recordings.
        similarity: of two fingerprints.
        alike: fingerprints at least so similar are of one recording.
        preferred: archives, of which the earliest is kept; of one archive the lowest key.
    """
    heard = sorted(rows, key=lambda row: row.key)
    groups = DisjointSet(range(len(heard)))
    _join_same(groups, [row.sha256 for row in heard])
    _join_same(groups, [row.fingerprint for row in heard])
    for one, other in lookalikes([row.fingerprint for row in heard]):
        # Whether two of a group are alike is known; which pairs are left changes no group.
        if groups.connected(one, other):
            continue
        if similarity(heard[one].fingerprint, heard[other].fingerprint) >= alike:
            groups.merge(one, other)
    found: dict[str, str] = {}
    for group in groups.subsets():
        best = min((heard[number] for number in group), key=lambda r: preference(r, preferred))
        found |= {
            heard[number].key: best.key for number in sorted(group) if heard[number] is not best
        }
    return found


def _join_same(groups: DisjointSet, values: Sequence[str | bytes]) -> None:
    first: dict[str | bytes, int] = {}
    for number, value in enumerate(values):
        if value:
            groups.merge(first.setdefault(value, number), number)


def deduplicate_all(run: BuildRun) -> None:
    """Decide anew which recordings are left out as duplicates."""
    columns = ("source", "media_sha256", "fingerprint")
    rows = run.catalogue.ready(Stage.DEDUPLICATE, columns)
    if not rows:
        return
    run.heartbeat.begin(Stage.DEDUPLICATE, len(rows))
    heard = [
        ComparedRecording(
            key=row["key"],
            source=row["source"],
            sha256=row["media_sha256"],
            fingerprint=row["fingerprint"] or b"",
        )
        for row in rows
    ]
    preferred = tuple(run.plan.config.sources)
    again = duplicates(heard, similarity, alike=SAME, preferred=preferred)
    left_out = {key: Refused("the same as another", detail=kept) for key, kept in again.items()}
    run.catalogue.decide(Stage.DEDUPLICATE, left_out)
    run.beat()
