"""radio aporee: geotagged field recordings at the Internet Archive."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from psm.collect.archives import fields
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import Lines, ListingPart, existing, pages, table
from psm.collect.archives.webarchive import WebArchive
from psm.collect.refusal import Refused

TERMS = ArchiveTerms(
    title="radio aporee ::: maps, at the Internet Archive",
    home="https://archive.org/details/radio-aporee-maps",
    terms_url="https://archive.org/about/terms.php",
    attribution="radio aporee (Udo Noll), the Internet Archive, and the recordists",
    requests_per_s=2.0,  # the archive names no figure; it asks for one client, and to heed 429
)

_PAGE_SIZE = 1000
_FIELDS = "identifier,title,creator,date,description,subject,licenseurl,latitude,longitude,coverage"
_PLACE = re.compile(r"(-?\d+(?:\.\d+)?)\s*[,; ]\s*(-?\d+(?:\.\d+)?)")


class Aporee(WebArchive):
    """Items of the collection ``radio-aporee-maps``, by their identifiers.

    Args:
        state: folder that keeps the pace of requests.
        base_url: of the Internet Archive.
        metadata: the ``metadata.csv`` of SoundingEarth, to take the listing from.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
    """

    def __init__(
        self,
        *,
        state: Path,
        base_url: str = "https://archive.org/",
        metadata: Path | None = None,
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
    ) -> None:
        super().__init__(
            "aporee",
            TERMS,
            base_url=base_url,
            state=state,
            requests_per_s=requests_per_s,
            requests_per_day=requests_per_day,
        )
        self._metadata = None if metadata is None else existing(metadata, "aporee", "metadata")

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 1,000 items."""
        read: Callable[[str], ListingPart] = self._scrape
        if self._metadata is not None:
            read = Lines(partial(table, self._metadata, ("longitude", "latitude")), _PAGE_SIZE)
        return pages(wanted, cursor, read=read, record=self._record, name=_identifier)

    def fetch(self, record: ListedRecording, path: Path) -> None:
        """Find the MP3 among the files of the item, and write it to ``path``."""
        item = fields.entry(self.client.json(f"metadata/{record.id}"), "the item")
        if not item.get("files") or fields.flag(item, "is_dark"):
            raise Refused("gone", detail="no such item, or it was withdrawn")
        file = _recording(fields.entries(item["files"], "the item"))
        self.client.download(
            f"download/{record.id}/{quote(fields.text(file, 'name'))}",
            path,
            size=fields.whole(file, "size"),
            md5=fields.text(file, "md5"),
        )

    def _scrape(self, theirs: str) -> ListingPart:
        parameters = {
            "q": "collection:radio-aporee-maps",
            "fields": _FIELDS,
            "sorts": "identifier",
            "count": str(_PAGE_SIZE),
        }
        if theirs:
            parameters["cursor"] = theirs
        said = fields.entry(
            self.client.json("services/search/v1/scrape", parameters), "the listing"
        )
        found = fields.entries(said.get("items"), "the listing")
        return ListingPart(found, fields.text(said, "cursor") or None)

    def _record(self, entry: object) -> ListedRecording:
        said = fields.entry(entry, "the entry")
        name = _identifier(said)
        lat, lon = _place(said)
        return ListedRecording(
            source=self.name,
            id=name,
            url=f"{self.client.base_url}download/{name}",
            page=f"https://archive.org/details/{name}",
            lat=lat,
            lon=lon,
            # The archive's index writes a Z behind every date, whatever it is in.
            recorded=fields.text(said, "date").removesuffix("Z"),
            title=_joined(said, "title"),
            description=_joined(said, "description"),
            tags=fields.texts(said, "subject", ";"),
            author=_joined(said, "creator"),
            licence=fields.text(said, "licenseurl", "licence", "license"),
            suffix=".mp3",
        )


def _identifier(entry: object) -> str:
    """SoundingEarth's ``key`` is short, its ``long_key`` that of the archive."""
    said = fields.entry(entry, "the entry")
    for column in ("identifier", "long_key"):
        if column in said:
            return fields.identifier(said, column)
    return fields.identifier(said, "key")


def _joined(said: fields.Entry, name: str) -> str:
    """A field of which an item may have several."""
    return " ".join(fields.texts(said, name, "\0"))


def _place(said: fields.Entry) -> tuple[float | None, float | None]:
    lat, lon = fields.number(said, "latitude"), fields.number(said, "longitude")
    if lat is None and (found := _PLACE.search(fields.text(said, "coverage"))):
        return float(found[1]), float(found[2])
    return lat, lon


def _recording(files: list[object]) -> fields.Entry:
    """The MP3 that was uploaded, else one that the archive made of it."""
    found = []
    for one in files:
        file = fields.entry(one, "the item")
        name = fields.text(file, "name")
        if name.lower().endswith(".mp3") and ".." not in name:
            found.append((fields.text(file, "source") != "original", name, file))
    if not found:
        raise Refused("no MP3 in the item")
    return min(found, key=lambda candidate: candidate[:2])[2]
