"""iNaturalist: sounds of observed species; protected places are obscured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from psm.collect.archives import fields
from psm.collect.archives.archive import ArchiveTerms, ListedRecording, ListingRequest, Page
from psm.collect.archives.pages import (
    Lines,
    ListingPart,
    box_and_page,
    boxes,
    existing,
    next_box,
    pages,
    table,
)
from psm.collect.archives.webarchive import WebArchive
from psm.collect.refusal import Refused
from psm.data import delimited
from psm.errors import ConfigError

TERMS = ArchiveTerms(
    title="iNaturalist",
    home="https://www.inaturalist.org",
    terms_url="https://www.inaturalist.org/pages/api+recommended+practices",
    attribution="iNaturalist and its observers",
    requests_per_s=1.0,
    requests_per_day=10_000,
)

_BYTES_PER_DAY = 20 * 10**9
"""Of media. The archive blocks who takes 24 GB a day, or 5 GB an hour."""
_PAGE_SIZE = 200
_RANKS = ("species", "subspecies", "variety", "form", "hybrid")
_SUFFIXES = {
    "audio/mpeg": ".mp3", "audio/mp3": ".mp3", "audio/x-wav": ".wav", "audio/wav": ".wav",
    "audio/mp4": ".m4a", "audio/m4a": ".m4a", "audio/x-m4a": ".m4a", "audio/ogg": ".ogg",
}  # fmt: skip
_NUMBER = re.compile(r"/sounds/(\d+)")


@dataclass(frozen=True)
class _ObservedSound:
    """A sound of an observation."""

    observation: object
    sound: object


class INaturalist(WebArchive):
    """API v1, by the numbers of observations; every sound is a recording.

    Args:
        state: folder that keeps the pace of requests.
        base_url: of the API.
        taxon, place: numbers of a taxon and of a place at iNaturalist.
        quality: grade of the observations, as ``research``.
        export: table from the page https://www.inaturalist.org/observations/export, to take the
            listing from.
        requests_per_s, requests_per_day: other limits, for those who agreed on them.
    """

    def __init__(
        self,
        *,
        state: Path,
        base_url: str = "https://api.inaturalist.org/v1/",
        taxon: int | None = None,
        place: int | None = None,
        quality: str | None = None,
        export: Path | None = None,
        requests_per_s: float | None = None,
        requests_per_day: int | None = None,
    ) -> None:
        super().__init__(
            "inaturalist",
            TERMS,
            base_url=base_url,
            state=state,
            requests_per_s=requests_per_s,
            requests_per_day=requests_per_day,
            bytes_per_day=_BYTES_PER_DAY,
        )
        asked = {"taxon_id": taxon, "place_id": place, "quality_grade": quality}
        self._asked = {name: value for name, value in asked.items() if value is not None}
        self._export = None if export is None else existing(export, "inaturalist", "export")
        if export is not None and self._asked:
            raise ConfigError("archive inaturalist: an export has been filtered where it was made")

    def list(self, wanted: ListingRequest, cursor: str | None = None) -> Iterator[Page]:
        """Pages of 200 observations."""
        read: Callable[[str], ListingPart] = partial(self._observations, wanted)
        if self._export is not None:
            read = Lines(partial(_exported, self._export), _PAGE_SIZE)
        return pages(wanted, cursor, read=read, record=self._record, name=_name)

    def _observations(self, wanted: ListingRequest, theirs: str) -> ListingPart:
        asked = boxes(wanted.bounds)
        box, last = box_and_page(theirs, asked)
        parameters: dict[str, str | int] = {
            "sounds": "true",
            "order_by": "id",
            "order": "asc",
            "per_page": _PAGE_SIZE,
            "id_above": last,
            **self._asked,
        }
        if (bounds := asked[box]) is not None:
            sides = zip(("swlng", "swlat", "nelng", "nelat"), bounds, strict=True)
            parameters.update((name, f"{value:g}") for name, value in sides)
        said = fields.entry(self.client.json("observations", parameters), "the listing")
        found = fields.entries(said.get("results"), "the listing")
        numbers = [n for n in map(_number, found) if n is not None and n > last]
        if found and not numbers:
            raise Refused("the listing has another form than documented", detail="no ids")
        more = f"{box} {max(numbers)}" if numbers else next_box(box, asked)
        return ListingPart([heard for one in found for heard in _sounds(one)], more)

    def _record(self, entry: object) -> ListedRecording:
        assert isinstance(entry, _ObservedSound)
        said = fields.entry(entry.observation, "the observation")
        sound = fields.entry(entry.sound, "sounds")
        taxon = fields.entry(said.get("taxon") or {}, "taxon")
        user = fields.entry(said.get("user") or {}, "user")
        number, address = fields.identifier(said, "id"), fields.text(sound, "file_url")
        if not address:
            raise Refused("no file", detail="kept by another service")
        lat, lon = _place(fields.text(said, "location"))
        is_species = fields.text(taxon, "rank") in _RANKS
        kind = fields.text(sound, "file_content_type").lower()
        return ListedRecording(
            source=self.name,
            id=f"{number}-{fields.identifier(sound, 'id')}",
            url=address,
            page=f"https://www.inaturalist.org/observations/{number}",
            lat=lat,
            lon=lon,
            accuracy_m=fields.number(said, "public_positional_accuracy", "positional_accuracy"),
            is_obscured=fields.flag(said, "obscured"),
            recorded=fields.text(said, "time_observed_at", "observed_on"),
            title=fields.text(taxon, "preferred_common_name") or fields.text(said, "species_guess"),
            description=fields.text(said, "description"),
            tags=fields.texts(said, "tags"),
            species=fields.text(taxon, "name") if is_species else "",
            author=fields.text(user, "name", "login"),
            licence=fields.text(sound, "license_code") or "all rights reserved",
            suffix=fields.suffix(address, _SUFFIXES.get(kind, "")),
        )


def _sounds(observation: object) -> list[_ObservedSound]:
    found = observation.get("sounds") if isinstance(observation, Mapping) else None
    return (
        [_ObservedSound(observation, one) for one in found if found]
        if isinstance(found, list)
        else [_ObservedSound(observation, None)]
    )


def _number(observation: object) -> int | None:
    number = observation.get("id") if isinstance(observation, Mapping) else None
    return number if isinstance(number, int) else None


def _name(entry: object) -> str:
    assert isinstance(entry, _ObservedSound)
    said = fields.entry(entry.observation, "the observation")
    number = fields.identifier(said, "id")
    if isinstance(entry.sound, Mapping):
        return f"{number}-{fields.text(entry.sound, 'id')}"
    return number


def _place(location: str) -> tuple[float | None, float | None]:
    if not location:
        return None, None
    words = location.split(",")
    if len(words) != 2:
        raise Refused("location is not a place", detail=location[:40])
    said = {"latitude": words[0], "longitude": words[1]}
    return fields.number(said, "latitude"), fields.number(said, "longitude")


def _exported(path: Path) -> Iterator[_ObservedSound | Refused]:
    """The rows of an export as the API would have answered."""
    names = delimited.header_of(path)
    if "sound_url" not in names and "observation_uuid" in names:
        raise ConfigError(
            f"{path}: the open data of iNaturalist list photos, but no sounds; make an export "
            "with sound_url at https://www.inaturalist.org/observations/export"
        )
    if "sound_url" not in names or "id" not in names:
        raise ConfigError(f"{path}: an export of observations needs columns id and sound_url")
    for row in table(path, ()):
        yield row if isinstance(row, Refused) else _as_answered(row)


def _as_answered(row: Mapping[str, str]) -> _ObservedSound:
    said = {name: value for name, value in row.items() if value}
    address = said.get("sound_url", "")
    number = _NUMBER.search(address)
    place = (said.get("latitude"), said.get("longitude"))
    observation = {
        **said,
        "location": f"{place[0]},{place[1]}" if all(place) else None,
        "obscured": said.get("coordinates_obscured"),
        "tags": said.get("tag_list"),
        "taxon": {
            "name": said.get("scientific_name"),
            "rank": "species" if " " in said.get("scientific_name", "") else "other",
            "preferred_common_name": said.get("common_name"),
        },
        "user": {"name": said.get("user_name"), "login": said.get("user_login")},
    }
    sound = {
        "id": number[1] if number else None,
        "file_url": address,
        "license_code": said.get("license"),
    }
    return _ObservedSound(observation, sound)
