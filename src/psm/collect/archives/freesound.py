"""Freesound: geotagged sounds of all kinds, dated by their upload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from psm.collect.archives import fields
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import Bounds, ListingPart, box_and_page, boxes, next_box, pages
from psm.collect.archives.webarchive import WebArchive
from psm.collect.refusal import Refused
from psm.data.dates import Clock

TERMS = ArchiveTerms(
    title="Freesound",
    home="https://freesound.org",
    terms_url="https://freesound.org/help/tos_api/",
    attribution="Freesound, Universitat Pompeu Fabra, and the authors of the sounds",
    requests_per_s=1.0,
    requests_per_day=2000,
    credential="FREESOUND_TOKEN",
    credential_help="Get an API key at https://freesound.org/apiv2/apply",
)

_BEARER = "FREESOUND_BEARER"
_BEARER_HELP = (
    "Originals need an OAuth2 access token, valid for 24 hours: "
    "https://freesound.org/docs/api/authentication.html"
)
_PAGE_SIZE = 150
_FIELDS = "id,url,name,tags,description,geotag,created,license,username,type,previews"
_OF_ORIGINALS = ",filesize,md5"
_TYPES = ("wav", "aiff", "aif", "ogg", "mp3", "m4a", "flac")


class Freesound(WebArchive):
    """APIv2: geotagged sounds, oldest upload first.

    Args:
        state: folder that keeps the pace of requests.
        base_url: of the API.
        originals: fetch what was uploaded instead of the MP3 previews.
        query: words that the sounds should have.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
    """

    def __init__(
        self,
        *,
        state: Path,
        base_url: str = "https://freesound.org/apiv2/",
        originals: bool = False,
        query: str = "",
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
    ) -> None:
        terms = TERMS
        if originals:
            terms = replace(TERMS, credential=_BEARER, credential_help=_BEARER_HELP)
        super().__init__(
            "freesound",
            terms,
            base_url=base_url,
            state=state,
            requests_per_s=requests_per_s,
            requests_per_day=requests_per_day,
            scheme="Bearer" if originals else "Token",
        )
        self._originals, self._query = originals, query

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 150 sounds."""
        asked = boxes(wanted.bounds)

        def read(theirs: str) -> ListingPart:
            box, page = box_and_page(theirs, asked)
            answer = self.client.json(
                "search/text/",
                {
                    "query": self._query,
                    "filter": _filter(asked[box]),
                    "fields": _FIELDS + (_OF_ORIGINALS if self._originals else ""),
                    "sort": "created_asc",
                    "page_size": _PAGE_SIZE,
                    "page": page + 1,
                },
            )
            said = fields.entry(answer, "the listing")
            found = fields.entries(said.get("results"), "the listing")
            more = f"{box} {page + 1}" if said.get("next") else next_box(box, asked)
            return ListingPart(found, more)

        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def _record(self, entry: object) -> ListedRecording:
        said = fields.entry(entry, "the entry")
        name = fields.identifier(said, "id")
        lat, lon = _place(fields.text(said, "geotag"))
        original = fields.text(said, "type").lower()
        if self._originals and original not in _TYPES:
            raise Refused("a file of another type", detail=original[:20])
        return ListedRecording(
            source=self.name,
            id=name,
            url=f"{self.client.base_url}sounds/{name}/download/"
            if self._originals
            else _preview(said),
            page=fields.text(said, "url"),
            lat=lat,
            lon=lon,
            recorded=fields.text(said, "created"),
            clock=Clock.UPLOAD,
            title=fields.text(said, "name"),
            description=fields.text(said, "description"),
            tags=fields.texts(said, "tags"),
            author=fields.text(said, "username"),
            licence=fields.text(said, "license"),
            suffix=f".{original}" if self._originals else ".mp3",
            size_bytes=fields.whole(said, "filesize") if self._originals else None,
            md5=fields.text(said, "md5") if self._originals else "",
        )


def _name(entry: object) -> str:
    return fields.identifier(fields.entry(entry, "the entry"), "id")


def _filter(bounds: Bounds | None) -> str:
    if bounds is None:
        return "is_geotagged:true"
    return 'geotag:"Intersects({:g} {:g} {:g} {:g})"'.format(*bounds)


def _place(geotag: str) -> tuple[float | None, float | None]:
    if not geotag:
        return None, None
    words = geotag.split()
    if len(words) != 2:
        raise Refused("geotag is not a place", detail=geotag[:40])
    said = {"latitude": words[0], "longitude": words[1]}
    return fields.number(said, "latitude"), fields.number(said, "longitude")


def _preview(said: fields.Entry) -> str:
    address = fields.text(fields.entry(said.get("previews"), "previews"), "preview-hq-mp3")
    if not address:
        raise Refused("no preview")
    return address
