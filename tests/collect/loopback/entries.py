"""Recordings as each archive writes them down in its documented form."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

from tests.collect.loopback.world import Made, Trouble

Entry = dict[str, Any]


def _surprise(made: Made, entry: Entry, *fields: str) -> Entry:
    """Another form, where that is the trouble: a field is missing, null or of another type."""
    if made.trouble is not Trouble.SURPRISE:
        return entry
    field = fields[made.number % len(fields)]
    kind = made.number // len(fields) % 3
    if kind == 0:
        return {name: value for name, value in entry.items() if name != field}
    return {**entry, field: None if kind == 1 else {"unexpected": [1, 2]}}


def aporee(made: Made) -> Entry:
    """An item as the Internet Archive's search gives it: places as text, absent if unknown."""
    when = f"{made.when:%Y-%m-%dT%H:%M:00Z}" if made.time_is_known else f"{made.when:%Y-%m-%d}"
    entry: Entry = {
        "identifier": made.id,
        "title": made.title,
        "creator": made.author,
        "date": when,
        "description": made.text or None,
        "subject": list(made.tags) if made.number % 3 else "; ".join(made.tags),
        "licenseurl": made.licence or None,
        "latitude": None if made.lat is None else f"{made.lat:.6f}",
        "longitude": None if made.lon is None else f"{made.lon:.6f}",
    }
    entry = {name: value for name, value in entry.items() if value is not None}
    return _surprise(made, entry, "identifier")


def aporee_files(made: Made, size: int, md5: str) -> list[Entry]:
    """The files of an item; sizes are text."""
    name = f"{made.id}.mp3"
    return [
        {"name": f"{made.id}_meta.xml", "source": "original", "format": "Metadata"},
        {"name": f"{made.id}.png", "source": "derivative", "format": "PNG", "original": name},
        {
            "name": name,
            "source": "original",
            "format": "VBR MP3",
            "size": str(size),
            "md5": md5,
            "length": "1.53",
        },
    ]


def freesound(made: Made, root: str) -> Entry:
    """A sound as Freesound's search gives it."""
    entry: Entry = {
        "id": int(made.id),
        "url": f"https://freesound.org/people/{quote_plus(made.author)}/sounds/{made.id}/",
        "name": f"{made.title}.wav",
        "tags": list(made.tags),
        "description": made.text,
        "geotag": f"{made.lat} {made.lon}",
        "created": f"{made.when + datetime.timedelta(days=3):%Y-%m-%dT%H:%M:%S.123}",
        "license": made.licence,
        "username": made.author,
        "type": "wav",
        "filesize": 1234567,
        "md5": hashlib.md5(made.id.encode()).hexdigest(),
        "previews": {
            f"preview-{quality}-{kind}": f"{root}/freesound-cdn/previews/{made.id}-{quality}.{kind}"
            for quality in ("hq", "lq")
            for kind in ("mp3", "ogg")
        },
    }
    return _surprise(made, entry, "previews", "id", "geotag")


def observations(made: Sequence[Made], root: str) -> list[Entry]:
    """iNaturalist's observations; some have two sounds."""
    grouped: dict[int, list[Made]] = {}
    for one in made:
        grouped.setdefault(int(one.id.split("-")[0]), []).append(one)
    return [_observation(number, grouped[number], root) for number in sorted(grouped)]


def _observation(number: int, made: Sequence[Made], root: str) -> Entry:
    first = made[0]
    offset = datetime.timezone(datetime.timedelta(hours=round((first.lon or 0.0) / 15)))
    when = first.when.replace(tzinfo=offset)
    place = None if first.lat is None else f"{first.lat},{first.lon}"
    genus = first.species.split()[0]
    entry: Entry = {
        "id": number,
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "uri": f"https://www.inaturalist.org/observations/{number}",
        "quality_grade": "research",
        "observed_on": f"{when:%Y-%m-%d}",
        "time_observed_at": when.isoformat() if first.time_is_known else None,
        "observed_time_zone": "Etc/UTC",
        "description": first.text or None,
        "tags": list(first.tags),
        "species_guess": first.common_name,
        "place_guess": "somewhere",
        "location": place,
        "geojson": place and {"type": "Point", "coordinates": [first.lon, first.lat]},
        "obscured": first.is_obscured,
        "geoprivacy": None,
        "taxon_geoprivacy": "obscured" if first.is_obscured else None,
        "positional_accuracy": None if number % 5 == 0 else 12 + number % 40,
        "public_positional_accuracy": 28000 if first.is_obscured else 12 + number % 40,
        "license_code": "cc-by",
        "taxon": {
            "id": 1,
            "name": genus if number % 11 == 0 else first.species,
            "rank": "genus" if number % 11 == 0 else "species",
            "preferred_common_name": first.common_name,
        },
        "user": {"id": 7, "login": first.author.replace(" ", ""), "name": first.author},
        "sounds": [_sound(one, root) for one in made],
        "photos": [],
    }
    return _surprise(first, entry, "sounds", "taxon", "location")


def _sound(made: Made, root: str) -> Entry:
    number = made.id.split("-")[1]
    kinds = {".mp3": "audio/mpeg", ".wav": "audio/x-wav", ".ogg": "audio/ogg"}
    return {
        "id": int(number),
        "license_code": made.licence or None,
        "attribution": f"(c) {made.author}, some rights reserved",
        "native_sound_id": None,
        "secret_token": None,
        "file_url": f"{root}/inaturalist-static/sounds/{number}{made.suffix}?1624793769",
        "file_content_type": kinds[made.suffix],
        "play_local": True,
        "subtype": None,
        "flags": [],
    }


def xenocanto(made: Made, root: str) -> Entry:
    """A recording of xeno-canto: numbers are text, addresses may lack their scheme."""
    genus, name = made.species.split()
    is_restricted = made.number % 37 == 36
    entry: Entry = {
        "id": made.id,
        "gen": genus,
        "sp": name,
        "ssp": "",
        "grp": "birds",
        "en": made.common_name,
        "rec": made.author,
        "cnt": "Nowhere",
        "loc": made.title,
        "lat": None if made.lat is None else str(made.lat),
        ("lng" if made.number % 4 == 3 else "lon"): None if made.lon is None else str(made.lon),
        "alt": "120",
        "type": "song",
        "sex": "",
        "stage": "adult",
        "method": "field recording",
        "url": f"//xeno-canto.org/{made.id}",
        "file": "" if is_restricted else f"{root}/xenocanto/{made.id}/download",
        "file-name": f"XC{made.id}-song{made.suffix}",
        "sono": {"small": f"//xeno-canto.org/sounds/{made.id}-small.png"},
        "lic": made.licence,
        "q": "A",
        "length": "0:02",
        "time": f"{made.when:%H:%M}" if made.time_is_known else "?",
        "date": f"{made.when:%Y-%m-%d}" if made.number % 29 else f"{made.when:%Y}-00-00",
        "uploaded": "2022-01-01",
        "also": ["Parus major"],
        "rmk": made.text,
        "animal-seen": "yes",
        "smp": "48000",
    }
    return _surprise(made, entry, "id", "lat", "file")


def yfcc(made: Made) -> str:
    """A line of YFCC100M's table: 25 columns, texts quoted as in addresses."""
    number, page = made.id, f"http://www.flickr.com/photos/39019111@N00/{made.id}/"
    taken = f"{made.when:%Y-%m-%d %H:%M:%S}.0"
    columns = [
        str(made.number), number, made.digest, "39019111@N00", quote_plus(made.author), taken,
        "1331840483", "Canon+PowerShot", quote_plus(made.title), quote_plus(made.text),
        ",".join(map(quote_plus, made.tags)), "", str(made.lon), str(made.lat),
        str(10 + made.number % 7), page, f"http://www.flickr.com/videos/{number}/play/orig/",
        "Attribution License", made.licence, "7205", "8", "df7747990d", "692d7e0a7f", "mp4", "1",
    ]  # fmt: skip
    if made.trouble is Trouble.SURPRISE:
        columns[12 if made.number % 2 else 2] = "surprise"
    return "\t".join(columns)


def yfcc_photo(number: int) -> str:
    """A line that is about a photo."""
    return "\t".join(
        [str(number), str(number), f"{number:032x}", *[""] * 9, "1", "2", *[""] * 10, "0"]
    )


def dumps(value: object) -> bytes:
    """As archives answer."""
    return json.dumps(value).encode()
