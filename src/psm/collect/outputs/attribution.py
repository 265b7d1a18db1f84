"""Attribution of every recording as CSV, and how to cite the whole."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.collect.outputs.written import write_if_other

ATTRIBUTION, CITATION = "ATTRIBUTION.csv", "CITATION.cff"
COLUMNS = ("key", "title", "author", "licence", "licence_url", "page", "archive", "attribution")

_AUTHORS = (
    ("Subash", "Khanal"), ("Eric", "Xing"), ("Srikumar", "Sastry"), ("Aayush", "Dhakal"),
    ("Zhexiao", "Xiong"), ("Adeel", "Ahmad"), ("Nathan", "Jacobs"),
)  # fmt: skip
_TITLE = "PSM: Learning Probabilistic Embeddings for Multi-scale Zero-Shot Soundscape Mapping"
_PAPER = {
    "type": "article",
    "title": _TITLE,
    "authors": [{"family-names": family, "given-names": given} for given, family in _AUTHORS],
    "year": 2024,
    "url": "https://arxiv.org/abs/2408.07050",
    "notes": "GeoSound, the data set that this one is built after.",
}

_CC = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)(?:-([A-Z]+))?")
_PUBLIC = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-PDM-1.0": "https://creativecommons.org/publicdomain/mark/1.0/",
    "CC-PDDC": "https://creativecommons.org/licenses/publicdomain/",
    "CC-Sampling-Plus-1.0": "https://creativecommons.org/licenses/sampling+/1.0/",
    "LicenseRef-Pixabay": "https://pixabay.com/service/license-summary/",
}


def write(folder: Path, rows: Sequence[BuiltRecording], about: DataSetInfo) -> None:
    """Write :data:`ATTRIBUTION` and :data:`CITATION` into the folder of a build."""
    write_if_other(folder / ATTRIBUTION, attribution_csv(rows, about).encode())
    write_if_other(folder / CITATION, citation_cff(rows, about).encode())


def attribution_csv(rows: Iterable[BuiltRecording], about: DataSetInfo) -> str:
    """One line a recording, by key: what its licence asks to be said of it."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in sorted(rows, key=lambda row: row.key):
        table.writerow([
            row.key, row.title, row.author, row.licence, licence_url(row.licence), row.page,
            archive_title(row.source, about), attribution(row, about),
        ])  # fmt: skip
    return text.getvalue()


def attribution(row: BuiltRecording, about: DataSetInfo) -> str:
    """Attribution in a sentence: title, author, archive, licence, and that it was changed."""
    title = f"“{row.title}”" if row.title else "Untitled recording"
    by = f" by {row.author}" if row.author else ""
    page = f" ({row.page})" if row.page else ""
    terms = _plain_name(row.licence)
    return f"{title}{by}, {archive_title(row.source, about)}{page}, {terms}. Cut and mixed to mono."


def archive_title(name: str, about: DataSetInfo) -> str:
    """Name of an archive for people."""
    return about.terms[name].title if name in about.terms else name


def licence_url(licence: str) -> str:
    """Where a licence can be read; empty where nobody knows."""
    if licence in _PUBLIC:
        return _PUBLIC[licence]
    if found := _CC.fullmatch(licence):
        kind, version, port = found.groups()
        return "/".join(
            ["https://creativecommons.org/licenses", kind.lower(), version]
            + ([port.lower()] if port else [])
        ) + "/"  # fmt: skip
    return ""


def citation_cff(rows: Sequence[BuiltRecording], about: DataSetInfo) -> str:
    """How to cite: this build, the archives it draws on, and the paper it is built after."""
    archives = sorted({row.source for row in rows})
    built = {
        "cff-version": "1.2.0",
        "message": "Please cite this data set, the archives it draws on, and the paper.",
        "type": "dataset",
        "title": about.title,
        "abstract": f"{len(rows)} geotagged recordings with captions and satellite imagery, "
        f"from {', '.join(archive_title(name, about) for name in archives)}.",
        "authors": [{"name": f"The recordists named in {ATTRIBUTION}"}],
        **({"date-released": about.date} if about.date else {}),
        **({"version": about.version} if about.version else {}),
        "keywords": ["soundscape", "audio", "satellite imagery", "geospatial"],
        "references": [*(_reference(name, about) for name in archives), _PAPER],
    }
    return yaml.safe_dump(built, sort_keys=False, allow_unicode=True, width=100)


def bibtex(about: DataSetInfo) -> str:
    """This build and the paper, for LaTeX."""
    authors = " and ".join(f"{family}, {given}" for given, family in _AUTHORS)
    year = about.date[:4]
    return "\n".join([
        f"@misc{{{about.name},",
        f"  title = {{{about.title}}},",
        f"  author = {{{{The recordists named in {ATTRIBUTION}}}}},",
        *([f"  year = {{{year}}},"] if year else []),
        "  note = {Built with psm collect}",
        "}",
        "@article{khanal2024psm,",
        f"  title = {{{{{_TITLE}}}}},",
        f"  author = {{{authors}}},",
        "  year = {2024},",
        "  journal = {arXiv:2408.07050}",
        "}",
    ])  # fmt: skip


def _reference(name: str, about: DataSetInfo) -> dict[str, object]:
    url = about.terms[name].home if name in about.terms else ""
    home = {"url": url} if url else {}  # CFF takes no empty address
    title = archive_title(name, about)
    return {"type": "database", "title": title, "authors": [{"name": title}], **home}


def _plain_name(licence: str) -> str:
    """As its deed writes it: ``CC BY-NC 4.0``."""
    if licence == "unknown":
        return "licence unknown"
    if found := _CC.fullmatch(licence):
        return " ".join(part for part in ("CC", *found.groups()) if part)
    return licence.removeprefix("LicenseRef-").replace("-", " ")
