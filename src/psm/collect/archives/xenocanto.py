"""xeno-canto: geotagged recordings of birds and other wildlife."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from psm.collect.archives import fields
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import Bounds, ListingPart, box_and_page, boxes, next_box, pages
from psm.collect.archives.webarchive import WebArchive
from psm.collect.refusal import Refused

TERMS = ArchiveTerms(
    title="xeno-canto",
    home="https://xeno-canto.org",
    terms_url="https://xeno-canto.org/about/terms",
    attribution="xeno-canto and the recordists",
    requests_per_s=0.25,  # below the 1,000 an hour from which users are refused
    credential="XENO_CANTO_KEY",
    credential_help="Register and find your key at https://xeno-canto.org/account",
)

_PAGE_SIZE = 500
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_TIME = re.compile(r"\d{1,2}:\d{2}")
_NO_SPECIES = ("mystery", "sonus", "soundscape", "identity")
"""Genera that xeno-canto gives to what is of no known or of no single species."""


class XenoCanto(WebArchive):
    """API v3: recordings with a place.

    Args:
        state: folder that keeps the pace of requests.
        base_url: of the API.
        query: tags of xeno-canto's search besides the place, as ``grp:birds q:A``.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
    """

    def __init__(
        self,
        *,
        state: Path,
        base_url: str = "https://xeno-canto.org/api/3/",
        query: str = "",
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
    ) -> None:
        super().__init__(
            "xenocanto",
            TERMS,
            base_url=base_url,
            state=state,
            requests_per_s=requests_per_s,
            requests_per_day=requests_per_day,
            parameter="key",
        )
        self._query = query

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 500 recordings."""
        asked = boxes(wanted.bounds or _WORLD)

        def read(theirs: str) -> ListingPart:
            box, page = box_and_page(theirs, asked)
            answer = self.client.json(
                "recordings",
                {
                    "query": f"{self._query} {_box(asked[box])}".strip(),
                    "per_page": _PAGE_SIZE,
                    "page": page + 1,
                },
            )
            said = fields.entry(answer, "the listing")
            found = fields.entries(said.get("recordings"), "the listing")
            has_more = page + 1 < (fields.whole(said, "numPages") or 0)
            return ListingPart(found, f"{box} {page + 1}" if has_more else next_box(box, asked))

        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def _record(self, entry: object) -> ListedRecording:
        said = fields.entry(entry, "the entry")
        name = fields.identifier(said, "id")
        address = fields.text(said, "file")
        if not address:
            raise Refused("no file: the recordist or the species is protected")
        date, time = fields.text(said, "date"), fields.text(said, "time")
        return ListedRecording(
            source=self.name,
            id=name,
            url=address,
            page=f"https://xeno-canto.org/{name}",
            lat=fields.number(said, "lat"),
            lon=fields.number(said, "lon", "lng"),
            recorded=f"{date} {time}" if _TIME.fullmatch(time) else date,
            title=fields.text(said, "en"),
            description=fields.text(said, "rmk"),
            tags=fields.texts(said, "type"),
            species=_species(said),
            author=fields.text(said, "rec"),
            licence=fields.text(said, "lic"),
            suffix=fields.suffix(fields.text(said, "file-name"), ".mp3"),
        )


def _name(entry: object) -> str:
    return fields.identifier(fields.entry(entry, "the entry"), "id")


def _box(bounds: Bounds | None) -> str:
    west, south, east, north = bounds or _WORLD
    return f"box:{south:g},{west:g},{north:g},{east:g}"


def _species(said: fields.Entry) -> str:
    genus, name = fields.text(said, "gen"), fields.text(said, "sp")
    if not genus or not name or genus.lower() in _NO_SPECIES or name.lower().startswith("sp."):
        return ""
    return f"{genus} {name}"
