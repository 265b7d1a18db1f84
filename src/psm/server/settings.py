"""Settings of a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BLUE_MARBLE = "blue-marble"
"""The base map that comes along."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set; the defaults suit one machine and some dozens of people.

    Attributes:
        stores: URLs of stores of `psm embed`; without any, the whole embedded Earth.
        model: folder or hub id; by default that of the demo, or the one that comes along.
        raw: match probabilities as learnt, though the model has a calibration.
        measures: folders of `psm measure fit`, or names of measures, that are offered as maps.
        vocabulary: a text file with a sound in each line, instead of the 28 of the Earth.
        captions: a text file with a caption in each line, that places are held against; the phrases
            that the model keeps by default.
        step_deg: cell size of the embedded Earth.
        prepare: make month and hour of every store interactive, in the background.
        key: that every request to the API must carry; none by default.
        cors: origins whose pages may ask this server; none by default.
        base: the page's base map: ``blue-marble``, ``none``, or a tile URL with ``{z}/{x}/{y}``,
            which browsers fetch and this server never does.
        base_attribution: what has to stand on the map for such a URL.
        threads: of PyTorch; all cores by default.
        queue: questions that may wait for the model.
        cache_mb: memory for answers, and half as much for tiles.
        rate_per_s, burst: cost of the requests of one client; a tile costs 1, a file 20.
        timeout_s: until the answer of a request begins.
        requests: that are under way at the same time, not counting bodies that are coming in.
        arrivals, arrivals_a_client: recordings that may be coming in at the same time, of all and
            of one client; slow ones make way.
        stall_s, slow_bytes_per_s: a recording is given up after so long without a byte, or when it
            has been slower than that for so long.
        upload_mb, upload_s: largest and longest recording.
        decode_s, decode_mb: time and memory that decoding one may take.
        uploads: recordings that are kept, each for ``upload_kept_s`` after its last use.
        access_log: a line of JSON for each request, without names of clients or questions.
    """

    stores: tuple[str, ...] = ()
    model: str | None = None
    raw: bool = False
    measures: tuple[str, ...] = ()
    vocabulary: Path | None = None
    captions: str | None = None
    step_deg: float = 1.0
    prepare: bool = True
    key: str | None = None
    cors: tuple[str, ...] = ()
    base: str = BLUE_MARBLE
    base_attribution: str = ""
    threads: int | None = None
    queue: int = 64
    cache_mb: int = 256
    rate_per_s: float = 100.0
    burst: float = 1500.0
    timeout_s: float = 60.0
    requests: int = 256
    arrivals: int = 128
    arrivals_a_client: int = 16
    stall_s: float = 10.0
    slow_bytes_per_s: float = 4096.0
    upload_mb: float = 20.0
    upload_s: float = 120.0
    decode_s: float = 10.0
    decode_mb: int = 512
    uploads: int = 256
    upload_kept_s: float = 3600.0
    access_log: bool = False
