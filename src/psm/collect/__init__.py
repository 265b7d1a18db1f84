"""Builds a data set of recordings from their archives: resumable, with licences, for anyone.

:func:`build` runs all stages; ``psm collect`` is the same on the command line. A stage stands in
the file of its rule, and :mod:`psm.collect.builder` calls all of them in their order.

Example:
    A data set of 500 field recordings around Vienna; run again, it goes on where it stopped::

        from pathlib import Path

        from psm.collect import BuildConfig, build

        config = BuildConfig(sources={"aporee": {}}, region="Vienna, 300km", limit=500)
        report = build(Path("vienna"), config)
        print(*report.lines(), sep="\\n")
        report.check()  # raises what to do where an archive was down

    An archive of one's own is a class with ``name``, ``terms``, ``list`` and ``fetch``
    (:class:`Archive`); its keywords, with their types, are its options. One on the web gets its
    client, its limits and ``fetch`` from :class:`WebArchive`::

        from pathlib import Path

        from psm.collect import (
            ARCHIVES, ArchiveKind, ArchiveTerms, ListedRecording, ListingPart, WebArchive, pages,
        )

        TERMS = ArchiveTerms(
            title="Birdsong of Elsewhere",
            home="https://example.org",
            terms_url="https://example.org/terms",
            attribution="Birdsong of Elsewhere and its recordists",
            requests_per_s=1.0,
        )


        class Elsewhere(WebArchive):
            def __init__(self, *, state: Path, base_url: str = "https://example.org/api/"):
                super().__init__("elsewhere", TERMS, base_url=base_url, state=state)

            def list(self, wanted, cursor=None):
                return pages(wanted, cursor, read=self._read, record=self._record, name=_id)

            def _read(self, after):
                answer = self.client.json("sounds", {"after": after})
                return ListingPart(answer["sounds"], answer["next"] or None)

            def _record(self, entry):
                return ListedRecording(
                    source=self.name, id=_id(entry), url=entry["file"], lat=entry["lat"],
                    lon=entry["lon"], licence=entry["licence"], suffix=".mp3",
                )


        def _id(entry):
            return str(entry["id"])


        ARCHIVES["elsewhere"] = ArchiveKind(Elsewhere, TERMS)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psm.collect.archives.archive import (
        Archive,
        ArchiveTerms,
        ListedRecording,
        ListingRequest,
        Page,
    )
    from psm.collect.archives.pages import ListingPart, pages
    from psm.collect.archives.registry import ARCHIVES, ArchiveKind, open_archive
    from psm.collect.archives.webarchive import WebArchive
    from psm.collect.buildconfig import BuildConfig
    from psm.collect.builder import BuildReport, Retry, build
    from psm.collect.buildsettings import read_settings
    from psm.collect.refusal import RateLimited, Refused
    from psm.collect.status import BuildStatus, read_status
    from psm.data.dates import Clock

__all__ = [
    "ARCHIVES",
    "Archive",
    "ArchiveKind",
    "ArchiveTerms",
    "BuildConfig",
    "BuildReport",
    "BuildStatus",
    "Clock",
    "ListedRecording",
    "ListingPart",
    "ListingRequest",
    "Page",
    "RateLimited",
    "Refused",
    "Retry",
    "WebArchive",
    "build",
    "open_archive",
    "pages",
    "read_settings",
    "read_status",
]

_HOMES = {
    "psm.collect.archives.archive": (
        "Archive", "ArchiveTerms", "ListedRecording", "ListingRequest", "Page",
    ),
    "psm.collect.archives.pages": ("ListingPart", "pages"),
    "psm.collect.archives.registry": ("ARCHIVES", "ArchiveKind", "open_archive"),
    "psm.collect.archives.webarchive": ("WebArchive",),
    "psm.collect.builder": ("BuildReport", "Retry", "build"),
    "psm.collect.buildconfig": ("BuildConfig",),
    "psm.collect.buildsettings": ("read_settings",),
    "psm.collect.refusal": ("RateLimited", "Refused"),
    "psm.collect.status": ("BuildStatus", "read_status"),
    "psm.data.dates": ("Clock",),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported on first use: decoding processes, which need none of it, start faster so.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'psm.collect' has no attribute {name!r}")
