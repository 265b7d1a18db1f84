"""YFCC100M: geotagged Flickr videos, of which the sound is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

from psm.collect.archives import fields
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import Lines, existing, pages
from psm.collect.archives.webarchive import WebArchive
from psm.collect.refusal import Refused
from psm.data.delimited import unpacked
from psm.errors import MissingData

TERMS = ArchiveTerms(
    title="YFCC100M, by the Multimedia Commons",
    home="https://multimediacommons.wordpress.com/yfcc100m-core-dataset/",
    terms_url="https://multimediacommons.wordpress.com/yfcc100m-core-dataset/",
    attribution="YFCC100M (Thomee et al. 2016), the Multimedia Commons, and the authors",
    requests_per_s=5.0,  # a public bucket without a limit of its own
)

_COLUMNS = (
    "line", "id", "hash", "user_nsid", "user", "taken", "uploaded", "device", "title",
    "description", "tags", "machine_tags", "longitude", "latitude", "accuracy", "page",
    "download", "licence", "licence_url", "server", "farm", "secret", "original_secret",
    "extension", "marker",
)  # fmt: skip
_PAGE_SIZE = 500
Columns = list[str]
_VIDEO = "1"
_HASH = re.compile(r"[0-9a-f]{32}")
_EQUATOR_M = 40_075_017.0


class YFCC(WebArchive):
    """The videos with a place in the metadata tables, in the order of these.

    Args:
        state: folder that keeps the pace of requests.
        metadata: ``yfcc100m_dataset``, plain or ``.bz2`` or ``.gz``, or a folder of its parts.
        base_url: where the videos are, in folders by the first digits of their hashes.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
    """

    def __init__(
        self,
        *,
        state: Path,
        metadata: Path,
        base_url: str = "https://multimedia-commons.s3-us-west-2.amazonaws.com/data/videos/mp4/",
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
    ) -> None:
        super().__init__(
            "yfcc",
            TERMS,
            base_url=base_url,
            state=state,
            requests_per_s=requests_per_s,
            requests_per_day=requests_per_day,
        )
        path = existing(metadata, "yfcc", "metadata")
        self._parts = sorted(path.glob("yfcc100m_dataset*")) if path.is_dir() else [path]
        if not self._parts:
            raise MissingData(f"archive yfcc: metadata={path}: no file yfcc100m_dataset* in it")

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 500 videos with a place."""
        read = Lines(self._lines, _PAGE_SIZE, keep=_may_be_used)
        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def _lines(self) -> Iterator[Columns]:
        for path in self._parts:
            try:
                with unpacked(path) as file:
                    for place, line in enumerate(file):
                        columns = line.decode("utf-8", "replace").rstrip("\r\n").split("\t")
                        if place == 0 and len(columns) != len(_COLUMNS):
                            raise Refused(
                                "the table has another form than documented",
                                detail=f"{path}: {len(columns)} columns instead of 25 by tabs",
                            )
                        yield columns
            except (EOFError, OSError) as problem:
                raise Refused("the table cannot be read", detail=f"{path}: {problem}") from None

    def _record(self, entry: object) -> ListedRecording:
        said = _by_name(entry)
        digest = said["hash"].lower()
        if not _HASH.fullmatch(digest):
            raise Refused("a hash that names no file", detail=digest[:40])
        return ListedRecording(
            source=self.name,
            id=fields.identifier(said, "id"),
            url=f"{self.client.base_url}{digest[:3]}/{digest[3:6]}/{digest}.mp4",
            page=said["page"],
            lat=fields.number(said, "latitude"),
            lon=fields.number(said, "longitude"),
            accuracy_m=_radius_m(fields.whole(said, "accuracy")),
            recorded=said["taken"],
            title=_unquoted(said, "title"),
            description=_unquoted(said, "description"),
            tags=tuple(map(unquote_plus, fields.texts(said, "tags"))),
            author=_unquoted(said, "user"),
            licence=said["licence_url"] or said["licence"],
            suffix=".mp4",
        )


def _may_be_used(entry: object) -> bool:
    """Whether a line is about a video with a place; a broken one is told of, if it may be."""
    if not isinstance(entry, list) or len(entry) != len(_COLUMNS):
        return True
    said = dict(zip(_COLUMNS, entry, strict=True))
    return bool(said["marker"].strip() == _VIDEO and said["longitude"] and said["latitude"])


def _by_name(entry: object) -> dict[str, str]:
    if not isinstance(entry, list) or len(entry) != len(_COLUMNS):
        raise Refused("a line without 25 columns")
    return dict(zip(_COLUMNS, entry, strict=True))


def _name(entry: object) -> str:
    return fields.identifier(_by_name(entry), "id")


def _unquoted(said: fields.Entry, name: str) -> str:
    return fields.text({name: unquote_plus(fields.text(said, name))}, name)


def _radius_m(level: int | None) -> float | None:
    """Half a side of a map tile: Flickr's accuracy is the zoom at which the place was chosen."""
    return None if not level or level > 24 else _EQUATOR_M / 2**level / 2
