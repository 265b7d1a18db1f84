"""Recordings that never were: where, when, by whom, and what goes wrong with each."""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SHARES = {
    "aporee": 0.25,
    "freesound": 0.20,
    "inaturalist": 0.25,
    "yfcc": 0.12,
    "xenocanto": 0.13,
    "local": 0.05,
}
"""Of the recordings, by archive."""

LICENCES = {
    "aporee": (
        "https://creativecommons.org/licenses/by-nc-sa/3.0/",
        "http://creativecommons.org/licenses/by/3.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "http://creativecommons.org/publicdomain/mark/1.0/",
        "",
    ),
    "freesound": (
        "http://creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "http://creativecommons.org/licenses/sampling+/1.0/",
    ),
    "inaturalist": ("cc0", "cc-by", "cc-by-nc", "cc-by-nc-sa", ""),
    "yfcc": (
        "http://creativecommons.org/licenses/by/2.0/",
        "http://creativecommons.org/licenses/by-nc-nd/2.0/",
        "http://creativecommons.org/licenses/by-sa/2.0/",
    ),
    "xenocanto": (
        "//creativecommons.org/licenses/by-nc-sa/4.0/",
        "https://creativecommons.org/licenses/by-sa/4.0/",
        "//creativecommons.org/licenses/by-nc-nd/4.0/",
    ),
    "local": ("CC-BY-4.0",),
}

_TOWNS = (
    ("Berlin", 52.52, 13.40), ("Lisbon", 38.72, -9.14), ("Kyoto", 35.01, 135.77),
    ("Nairobi", -1.29, 36.82), ("Manaus", -3.12, -60.02), ("Hobart", -42.88, 147.33),
    ("Boulder", 40.01, -105.27), ("Kolkata", 22.57, 88.36), ("Tromsø", 69.65, 18.96),
    ("Cape Town", -33.92, 18.42),
)  # fmt: skip
_SPECIES = (
    ("Turdus merula", "Common Blackbird"), ("Erithacus rubecula", "European Robin"),
    ("Strix aluco", "Tawny Owl"), ("Rana temporaria", "Common Frog"),
    ("Corvus corax", "Common Raven"), ("Gryllus campestris", "Field Cricket"),
)  # fmt: skip
_SOUNDS = (
    "frogs in a pond", "market with voices", "rain on a tent", "waves on pebbles",
    "church bells on Sunday", "wind in pines", "tram at a crossing", "dawn chorus",
    "thunder far away", "sheep with bells",
)  # fmt: skip
_PHRASES = (
    "{sound} near {town}",
    "<b>{sound}</b>, {town}<br />recorded with a <a href='https://example.org/r?a=1'>PCM-D100</a>",
    "{sound}. More at http://example.org/sounds &amp; www.example.org",
    "{sound} &mdash; {town}; Zoom H4n, 24 bit/48 kHz",
    "Aufnahme aus {town}: man hört es am frühen Morgen, {sound}",
    "{sound}",
    "",
)


class Trouble(StrEnum):
    """What goes wrong with the media of a recording."""

    NONE = "none"
    BUSY = "busy"
    """429 with ``Retry-After`` at first."""
    FLAKY = "flaky"
    """503 at first."""
    CUT = "cut"
    """Half of the body at first."""
    SLOW = "slow"
    """The body comes in small pieces."""
    GONE = "gone"
    """404."""
    SHORT = "short"
    """Always half of the body."""
    PAGE = "page"
    """A web page instead."""
    NOISE = "noise"
    """Bytes that are no recording."""
    SILENT = "silent"
    """A recording of nothing."""
    SURPRISE = "surprise"
    """The entry in the listing has another form."""


PASSES = (Trouble.BUSY, Trouble.FLAKY, Trouble.CUT)
_OFTEN = {
    Trouble.NONE: 84, Trouble.BUSY: 2, Trouble.FLAKY: 3, Trouble.CUT: 2, Trouble.SLOW: 1,
    Trouble.GONE: 2, Trouble.SHORT: 1, Trouble.PAGE: 1, Trouble.NOISE: 1, Trouble.SILENT: 1,
    Trouble.SURPRISE: 2,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Made:
    """A recording of an archive that never was.

    Attributes:
        source, number, id: its archive, its place there, and its id.
        lat, lon: of the place; ``None`` where the archive says none.
        is_obscured: the archive moved the place.
        when: civil time; ``time_is_known`` whether the archive says the hour.
        title, text, tags, author, licence, species, common_name: as the archive writes them.
        sound: seed of the sound; the same where the same recording is in two archives.
        suffix: of its file.
        trouble: what goes wrong with it.
    """

    source: str
    number: int
    id: str
    lat: float | None
    lon: float | None
    is_obscured: bool
    when: datetime.datetime
    time_is_known: bool
    title: str
    text: str
    tags: tuple[str, ...]
    author: str
    licence: str
    species: str
    common_name: str
    sound: int
    suffix: str
    trouble: Trouble

    @property
    def key(self) -> str:
        return f"{self.source}-{self.id}"

    @property
    def digest(self) -> str:
        """32 hex digits of its own, as YFCC names files."""
        return hashlib.md5(self.key.encode()).hexdigest()


def make(count: int, seed: int = 0) -> tuple[Made, ...]:
    """So many recordings of all archives together, the same for the same seed."""
    counts = {name: round(share * count) for name, share in SHARES.items()}
    counts["aporee"] += count - sum(counts.values())
    made: list[Made] = []
    for source, many in counts.items():
        for number in range(many):
            made.append(_one(source, number, random.Random(f"{seed} {source} {number}"), made))
    return tuple(made)


def _one(source: str, number: int, chance: random.Random, before: Sequence[Made]) -> Made:
    town, lat, lon = chance.choice(_TOWNS)
    if chance.random() < 0.3:  # far from any town
        town, lat, lon = "nowhere", chance.uniform(-55, 70), chance.uniform(-180, 180)
    place = (round(lat + chance.gauss(0, 0.08), 5), round(lon + chance.gauss(0, 0.1), 5))
    species, common_name = chance.choice(_SPECIES)
    sound = chance.choice(_SOUNDS)
    when = datetime.datetime(2012, 1, 1) + datetime.timedelta(
        minutes=chance.randrange(12 * 365 * 24 * 60)
    )
    seed = chance.randrange(2**31)
    trouble = chance.choices(list(_OFTEN), list(_OFTEN.values()))[0]
    if before and chance.random() < 0.03:  # somebody gave the same recording twice
        other = chance.choice(before)
        if other.suffix != ".mp4" and source != "yfcc" and other.lat is not None:
            seed, when, place = other.sound, other.when, (other.lat, other.lon or 0.0)
    has_place = source in ("freesound", "yfcc", "local") or chance.random() > 0.03
    return Made(
        source=source,
        number=number,
        id=_id(source, number),
        lat=place[0] if has_place else None,
        lon=round((place[1] + 180.0) % 360.0 - 180.0, 5) if has_place else None,
        is_obscured=source == "inaturalist" and chance.random() < 0.1,
        when=when,
        time_is_known=chance.random() < 0.8,
        title=f"{town}: {sound}",
        text=chance.choice(_PHRASES).format(sound=sound, town=town),
        tags=("field-recording", sound.split()[0]),
        author=f"recordist {chance.randrange(40)}",
        licence=chance.choice(LICENCES[source]),
        species=species if source in ("inaturalist", "xenocanto") else "",
        common_name=common_name,
        sound=seed,
        suffix=_suffix(source, chance),
        trouble=trouble,
    )


def _id(source: str, number: int) -> str:
    if source == "aporee":
        return f"aporee_{1000 + number}_{5000 + 2 * number}"
    if source == "inaturalist":  # an observation and a sound of it; some have two
        return f"{700 + number - number % 7 // 6}-{90000 + number}"
    if source == "local":
        return f"site{number % 4}-{number:04d}"
    return str({"freesound": 300000, "yfcc": 2500000000, "xenocanto": 400000}[source] + 3 * number)


def _suffix(source: str, chance: random.Random) -> str:
    if source in ("aporee", "freesound"):
        return ".mp3"
    if source == "yfcc":
        return ".mp4"
    if source == "local":
        return ".wav"
    return chance.choice((".mp3", ".wav", ".ogg") if source == "inaturalist" else (".mp3", ".wav"))
