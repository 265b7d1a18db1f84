"""Croissant metadata: files with checksums, columns, licence, responsible use.

The Croissant Format Specification 1.1 and its Responsible AI vocabulary 1.0, MLCommons. Written by
hand: mlcroissant, which validates it in the tests, takes pandas, rdflib and seconds to import.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from psm.collect.outputs.attribution import (
    ATTRIBUTION,
    CITATION,
    archive_title,
    bibtex,
    licence_url,
)
from psm.collect.outputs.facts import Facts
from psm.collect.outputs.parquet import PARQUET, columns
from psm.collect.outputs.recordings import BuiltRecording, DataSetInfo
from psm.collect.outputs.webdatasets import SHARDS
from psm.collect.outputs.written import notes, write_if_other
from psm.data.splits import TEST, TRAIN, VAL
from psm.files import sha256_of

FILE = "croissant.json"

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_SPEC = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_TYPES = {
    "string": "sc:Text",
    "float64": "sc:Float",
    "int64": "sc:Integer",
    "image": "sc:ImageObject",
    "audio": "sc:AudioObject",
}
_FORMATS = {".parquet": "application/x-parquet", ".tar": "application/x-tar"}
_MEANT_FOR = {
    TRAIN: "cr:TrainingSplit",
    VAL: "cr:ValidationSplit",
    TEST: "cr:TestSplit",
}


def write(folder: Path, rows: Sequence[BuiltRecording], about: DataSetInfo) -> None:
    """Write :data:`FILE` into the folder of a build whose other files are there."""
    text = json.dumps(croissant(folder, rows, about), indent=2, ensure_ascii=False) + "\n"
    write_if_other(folder / FILE, text.encode())


def croissant(folder: Path, rows: Sequence[BuiltRecording], about: DataSetInfo) -> dict[str, Any]:
    """The metadata as JSON-LD."""
    facts = Facts(rows)
    licences = [name for name in facts.counts("licence") if name != "unknown"]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": about.name,
        "description": f"{about.title}: {len(rows)} geotagged recordings with captions, satellite "
        f"imagery, month and hour, from "
        f"{', '.join(archive_title(name, about) for name in facts.counts('source'))}.",
        "conformsTo": list(_SPEC),
        "citeAs": bibtex(about),
        "license": [licence_url(name) or name for name in licences] or ["unknown"],
        **({"datePublished": about.date} if about.date else {}),
        "version": about.version or "1.0.0",
        "creator": {"@type": "sc:Organization", "name": f"The recordists named in {ATTRIBUTION}"},
        "keywords": ["soundscape", "audio", "satellite imagery", "geospatial", "captions"],
        "inLanguage": [name for name in facts.counts("language") if name != "unknown"] or ["en"],
        **({"url": about.url} if about.url else {}),
        **_responsible(facts, about),
        "distribution": list(_files(folder)),
        "recordSet": [_splits(), _recordings(about)],
    }


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    for part in (PARQUET, SHARDS):
        for name, note in sorted(notes(folder / part).items()):
            yield {
                "@type": "cr:FileObject",
                "@id": f"{part}/{name}",
                "name": name,
                "contentUrl": f"{part}/{name}",
                "contentSize": f"{note.bytes} B",
                "encodingFormat": _FORMATS[Path(name).suffix],
                "sha256": note.sha256,
            }
    for name, kind in ((ATTRIBUTION, "text/csv"), (CITATION, "application/yaml")):
        path = folder / name
        if path.is_file():
            yield {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "contentSize": f"{path.stat().st_size} B",
                "encodingFormat": kind,
                "sha256": sha256_of(path),
            }
    yield {
        "@type": "cr:FileSet",
        "@id": "tables",
        "name": "tables",
        "description": "All recordings, by split.",
        "encodingFormat": _FORMATS[".parquet"],
        "includes": f"{PARQUET}/*.parquet",
    }
    yield {
        "@type": "cr:FileSet",
        "@id": "webdataset",
        "name": "webdataset",
        "description": "The same recordings as log-mels and tiles, ready for psm train.",
        "encodingFormat": _FORMATS[".tar"],
        "includes": f"{SHARDS}/*.tar",
    }


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "Split by geographic cells, with a buffer between them.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "dataType": "sc:URL"},
        ],
        "data": [
            {"splits/name": name, "splits/url": _MEANT_FOR[name]} for name in (TRAIN, VAL, TEST)
        ],
    }


def _recordings(about: DataSetInfo) -> dict[str, Any]:
    file = {
        "@type": "cr:Field",
        "@id": "recordings/split",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": "tables"},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": rf"{PARQUET}/(\w+)-\d+-of-\d+\.parquet$"},
        },
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "recordings",
        "name": "recordings",
        "description": "One record a recording.",
        "key": {"@id": "recordings/sample_id"},
        "field": [file, *_fields(about)],
    }


def _fields(about: DataSetInfo) -> Iterator[dict[str, Any]]:
    for name, column in columns(about.imagery).items():
        if column.is_empty:
            continue
        source: dict[str, Any] = {
            "fileSet": {"@id": "tables"},
            "extract": {"column": name},
        }
        if column.kind in ("audio", "image"):
            source["transform"] = {"jsonPath": "bytes"}
        if column.kind == "audio":
            source["samplingRate"] = about.sample_rate_hz
        yield {
            "@type": "cr:Field",
            "@id": f"recordings/{name}",
            "description": column.meaning,
            "dataType": _TYPES[column.kind],
            "source": source,
        }


def _responsible(facts: Facts, about: DataSetInfo) -> dict[str, Any]:
    """What the Responsible AI vocabulary asks, as far as this build knows it."""
    sources, countries = facts.counts("source"), facts.counts("country")
    largest, most = next(iter(countries.items()), ("unknown", 0))
    names = ", ".join(f"{archive_title(s, about)} ({n})" for s, n in sources.items())
    share = most / max(len(facts.rows), 1)
    models = [f"{what}: {model}" for what, model in sorted(about.models.items())]
    frame = (
        {"rai:dataCollectionTimeFrame": [f"{year}-01-01" for year in facts.years]}
        if facts.years
        else {}
    )
    return {
        "rai:dataCollection": "Recordings were listed and fetched from public archives within "
        f"their rate limits: {names}. Each keeps its own licence.",
        "rai:dataCollectionType": ["Web API", "Secondary data analysis"],
        **frame,
        "rai:dataCollectionMissingData": "What an archive does not say stays unknown: month and "
        f"hour are known of {sum(facts.months)} and {sum(facts.hours)} of {len(facts.rows)}.",
        "rai:dataPreprocessingProtocol": [
            "Sound is decoded, mixed to mono, resampled and cut; silent and broken files are "
            "refused, not replaced.",
            "Texts are stripped of markup, addresses and boilerplate; times become local civil "
            "time.",
            "Duplicates are found by their bytes and by audio fingerprints.",
            f"Splits are cells of one degree, {about.buffer_km:.1f} km apart.",
        ],
        "rai:dataAnnotationProtocol": "Captions are the recordists' own texts and those of "
        "captioning models; of several the one that fits the sound best by a CLAP score is chosen, "
        "and all are kept.",
        **({"rai:machineAnnotationTools": models} if models else {}),
        "rai:dataUseCases": ["Soundscape mapping", "Cross-modal retrieval of sound and imagery"],
        "rai:dataBiases": [
            f"Recordings lie where recordists are: {share:.0%} come from one country ({largest}).",
            "Each archive attracts sounds of its own kind, at hours when people record them.",
        ],
        "rai:dataLimitations": "A caption says what somebody noted of a sound, not all that is "
        "heard. Places are as exact as archives give them, and some are moved on purpose.",
        "rai:personalSensitiveInformation": "Voices of people may be heard. Names of recordists "
        "and places of recordings are given as they published them.",
        "rai:dataReleaseMaintenancePlan": "Built by psm collect; the same settings build it again "
        "from what the archives hold then.",
    }
