"""A park that is made up: cards of twelve AudioMoths, deployments, detections and imagery.

The landscape is Blue Marble's of Galicia, shrunk to twenty kilometres: what is sea there is a lake
here. What is heard at a site follows from what the imagery shows there and from the hour, so that
a model can learn the park; the sounds are the simulated Earth's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import UInt8
from pyproj import Transformer
from scipy import ndimage

from psm.earth.sounds import Sound
from psm.earth.synthesis import mix
from psm.geodata import packages
from psm.seeding import generator
from tests.data.recorders.soundfiles import info
from tests.imagery.scene import from_origin, middles, write

LAT, LON = 53.3, 12.0
"""The middle, where two zones of UTM meet, as tiles of Sentinel-2 do."""

SIDE_KM = 20.0
PIXEL_M = 20.0
RECORDERS, CLIPS = 12, 5
CLIP_S, RATE_HZ = 2.5, 16_000
_SITES_WITHIN_KM = 14.0  # around each lies a tile
_LEAST_APART_KM = 1.0
_CORNER, _CROP_PX = (647, 2515), 120  # row and column of Blue Marble
_HOURS = ("043000", "063000", "120000", "213000", "233000")
_DAYS = ("20240512", "20240513", "20240602", "20240603", "20240620")

HEARD: Mapping[str, tuple[Sound, Sound]] = {
    "lake": (Sound.GULLS, Sound.FROGS),
    "wood": (Sound.SONGBIRDS, Sound.OWLS),
    "heath": (Sound.SHEEP, Sound.CRICKETS),
}
"""What is heard by day and by night, by what the imagery shows."""

NAMES: Mapping[Sound, tuple[str, str]] = {
    Sound.GULLS: ("Larus argentatus", "European Herring Gull"),
    Sound.FROGS: ("Hyla arborea", "European Tree Frog"),
    Sound.SONGBIRDS: ("Turdus merula", "Eurasian Blackbird"),
    Sound.OWLS: ("Strix aluco", "Tawny Owl"),
    Sound.SHEEP: ("Ovis aries", "Domestic Sheep"),
    Sound.CRICKETS: ("Gryllus campestris", "European Field Cricket"),
}
"""As a classifier names them."""


@dataclass(frozen=True)
class ParkSite:
    """A recorder, and where it stands."""

    recorder: str
    name: str
    lat: float
    lon: float
    habitat: str


@dataclass(frozen=True)
class ParkClip:
    """A recording, and what is true of it."""

    site: ParkSite
    file: str
    month: int
    hour: float
    sound: Sound


@dataclass(frozen=True)
class Park:
    """The files of a park, and what is in them.

    Attributes:
        card: folder with a folder of every recorder.
        deployments: table of the sites.
        detections: folder with a table of every recorder.
        imagery: pattern of the rasters.
        clips: of every recording, by its file below the card.
    """

    card: Path
    deployments: Path
    detections: Path
    imagery: str
    clips: Mapping[str, ParkClip]

    @property
    def sites(self) -> tuple[ParkSite, ...]:
        """The twelve sites."""
        return tuple(dict.fromkeys(clip.site for clip in self.clips.values()))


def make_park(folder: Path, seed: int = 0) -> Park:
    """Write the cards, tables and rasters of a park.

    Args:
        folder: of all of it.
        seed: of where the recorders stand and of every sound.
    """
    sites = _sites(seed)
    clips = [clip for site in sites for clip in _clips_of(site)]
    for number, clip in enumerate(clips):
        path = folder / "card" / clip.file
        rng = generator(seed, "park", number)
        _write_wav(path, mix([clip.sound], rng, CLIP_S, RATE_HZ), _comment(clip))
    rows = [f"{s.recorder},{s.name},{s.lat!r},{s.lon!r},2024-05-01,2024-06-30" for s in sites]
    deployments = folder / "sites.csv"
    deployments.write_text("\n".join(("recorder,site,latitude,longitude,from,to", *rows)) + "\n")
    for site in sites:
        _write_detections(folder / "birdnet", [clip for clip in clips if clip.site == site])
    write_imagery(folder / "sentinel")
    return Park(
        card=folder / "card",
        deployments=deployments,
        detections=folder / "birdnet",
        imagery=str(folder / "sentinel" / "*.tif"),
        clips={clip.file: clip for clip in clips},
    )


def write_imagery(folder: Path) -> None:
    """The park in two rasters, one of each zone of UTM; they overlap a little."""
    half, overlap = SIDE_KM * 500.0, 500.0
    for name, crs, west, east in (
        ("T32UQD", "EPSG:32632", -half, overlap),
        ("T33UUU", "EPSG:32633", -overlap, half),
    ):
        x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(LON, LAT)
        # Zones are turned against each other: what lies beyond the park is more of the crop.
        transform = from_origin(x + west - 500.0, y + half + 500.0, PIXEL_M, PIXEL_M)
        shape = round((2 * half + 1000.0) / PIXEL_M), round((east - west + 1000.0) / PIXEL_M)
        lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(
            *middles(transform, shape)
        )
        pixels = np.moveaxis(_colours(lat, lon), -1, 0)
        write(
            folder / f"{name}_TCI.tif", pixels, crs=crs, transform=transform,
            compress="JPEG", photometric="YCBCR", tags={"TIFFTAG_COPYRIGHT": "NASA Blue Marble"},
        )  # fmt: skip


def _sites(seed: int) -> list[ParkSite]:
    """A third of the sites in each habitat, and none beside another."""
    rng = generator(seed, "park", "sites")
    found: list[ParkSite] = []
    wanted = dict.fromkeys(HEARD, RECORDERS // len(HEARD))
    while len(found) < RECORDERS:
        east_km, north_km = rng.uniform(-_SITES_WITHIN_KM / 2, _SITES_WITHIN_KM / 2, 2).tolist()
        lat = round(LAT + north_km / 111.2, 5)
        lon = round(LON + east_km / (111.2 * cos(radians(LAT))), 5)
        habitat = _habitat(_colours(np.array([lat]), np.array([lon]))[0])
        if not wanted[habitat] or any(_apart_km(lat, lon, s) < _LEAST_APART_KM for s in found):
            continue
        wanted[habitat] -= 1
        device = f"24F3190{len(found):X}5FDF{rng.integers(16**5):05X}"[:16]
        found.append(ParkSite(device, f"{habitat} {wanted[habitat] + 1}", lat, lon, habitat))
    return found


def _clips_of(site: ParkSite) -> list[ParkClip]:
    clips = []
    for day, time in zip(_DAYS, _HOURS, strict=True):
        hour = int(time[:2]) + int(time[2:4]) / 60.0
        sound = HEARD[site.habitat][not 6.0 <= hour < 20.0]
        file = f"{site.recorder}/{day}_{time}.WAV"  # alike for all recorders, as true schedules
        clips.append(ParkClip(site, file, int(day[4:6]), hour, sound))
    return clips


def _comment(clip: ParkClip) -> str:
    day, time = clip.file[-19:-4].split("_")
    return (
        f"Recorded at {time[:2]}:{time[2:4]}:{time[4:]} {day[6:]}/{day[4:6]}/{day[:4]} (UTC+2) "
        f"by AudioMoth {clip.site.recorder} at medium gain while battery was 4.2V and "
        "temperature was 11.5C."
    )


def _write_wav(path: Path, waveform: np.ndarray, comment: str) -> None:
    """As AudioMoths write it: the comment stands between the format and the sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform, RATE_HZ, subtype="PCM_16", format="WAV")
    whole = path.read_bytes()
    sound = whole.index(b"data")
    body = (
        whole[8:sound]
        + info(ICMT=comment, IART=f"AudioMoth {comment.partition('AudioMoth ')[2][:16]}")
        + whole[sound:]
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _write_detections(folder: Path, clips: list[ParkClip]) -> None:
    """What BirdNET-Analyzer says, on another computer, of the recordings of a card."""
    folder.mkdir(exist_ok=True)
    rows = ["Start (s),End (s),Scientific name,Common name,Confidence,File"]
    for clip in clips:
        file = "D:\\Park\\" + clip.file.replace("/", "\\")
        rows.append(f"0.0,{CLIP_S},{','.join(NAMES[clip.sound])},0.9134,{file}")
        rows.append(f"0.0,{CLIP_S},Corvus corax,Common Raven,0.1203,{file}")
    path = folder / f"{clips[0].site.recorder}.BirdNET.results.csv"
    path.write_text("\n".join(rows) + "\n")


def _colours(lat: np.ndarray, lon: np.ndarray) -> UInt8[np.ndarray, "... 3"]:
    """The landscape at places."""
    crop = _crop()
    north_km = (np.asarray(lat) - LAT) * 111.2
    east_km = (np.asarray(lon) - LON) * 111.2 * cos(radians(LAT))
    scale = (_CROP_PX - 1) / (SIDE_KM + 4.0)  # a little more than the park
    where = (_CROP_PX - 1) / 2 - north_km * scale, (_CROP_PX - 1) / 2 + east_km * scale
    bands = [
        ndimage.map_coordinates(crop[..., b], where, order=1, mode="nearest") for b in range(3)
    ]
    return np.stack(bands, -1)


@lru_cache(maxsize=1)
def _crop() -> UInt8[np.ndarray, "side side 3"]:
    row, column = _CORNER
    crop = packages.blue_marble().crop((column, row, column + _CROP_PX, row + _CROP_PX))
    return np.asarray(crop)


def _habitat(colour: UInt8[np.ndarray, " 3"]) -> str:
    red, green, blue = colour.astype(int).tolist()
    if blue > max(red, green):
        return "lake"
    return "wood" if green >= red else "heath"


def _apart_km(lat: float, lon: float, site: ParkSite) -> float:
    north_km = (lat - site.lat) * 111.2
    east_km = (lon - site.lon) * 111.2 * cos(radians(LAT))
    return float(np.hypot(north_km, east_km))
