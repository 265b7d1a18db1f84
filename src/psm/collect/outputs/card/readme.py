"""Text of the data card: what the data set is, what to mind, how to cite and rebuild it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import yaml

from psm.collect.outputs.attribution import (
    ATTRIBUTION,
    CITATION,
    archive_title,
    bibtex,
    licence_url,
)
from psm.collect.outputs.facts import UNKNOWN, Facts
from psm.collect.outputs.parquet import PARQUET, columns
from psm.collect.outputs.recordings import DataSetInfo
from psm.collect.outputs.written import Chunk
from psm.data.splits import IN_BUFFER, TEST, TRAIN, VAL
from psm.extras import install_line

_HUB_SPLITS = {TRAIN: "train", VAL: "validation", TEST: "test"}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


def readme(facts: Facts, about: DataSetInfo) -> str:
    """``README.md``: the head for the hub, then the card."""
    head = yaml.safe_dump(_head(facts, about), sort_keys=False, allow_unicode=True, width=100)
    parts = [f"---\n{head}---", *_sections(facts, about)]
    return "\n\n".join(parts) + "\n"


def _head(facts: Facts, about: DataSetInfo) -> dict[str, object]:
    total = len(facts.rows)
    whole = facts.whole_licence
    is_one = whole not in ("mixed", UNKNOWN) and not whole.startswith("LicenseRef-")
    return {
        "pretty_name": about.title,
        **(
            {"license": whole.lower()}
            if is_one
            else {
                "license": "other",
                "license_name": "of-each-recording",
                "license_link": ATTRIBUTION,
            }
        ),
        "language": facts.languages,
        "task_categories": ["audio-classification", "image-text-to-text", "feature-extraction"],
        "tags": [
            "audio", "satellite-imagery", "geospatial", "soundscape", "multimodal",
            "remote-sensing", "webdataset", "croissant",
        ],
        "size_categories": [next((name for most, name in _SIZES if total < most), "1M<n<10M")],
        "configs": [
            {
                # datasets keeps what it read by the names of folder and configuration alone.
                "config_name": f"{about.name}-{Chunk('', tuple(facts.rows)).digest[:8]}",
                "default": True,
                "data_files": [
                    {"split": _HUB_SPLITS[split], "path": f"{PARQUET}/{split}-*.parquet"}
                    for split, count in facts.splits.items()
                    if count
                ],
            }
        ],
    }  # fmt: skip


def _sections(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    yield f"# {about.title}"
    yield _summary(facts, about)
    yield "![Where the recordings are](card/map.png)"
    yield "## Use"
    yield _use(about)
    yield "## Splits"
    yield from _splits(facts, about)
    yield "## What was recorded, when and by whom"
    yield (
        f"Month and hour are local civil time. Of {len(facts.rows):,} recordings the month is "
        f"known of {sum(facts.months):,} and the hour of {sum(facts.hours):,}; what an archive "
        "does not say stays unknown."
    )
    yield "![Months, hours, durations, archives, licences, countries, languages](card/charts.png)"
    yield "## Captions"
    yield from _captions(facts, about)
    yield "## Imagery"
    yield from _imagery(facts, about)
    yield "## Licences and archives"
    yield from _licences(facts, about)
    yield "## What was refused"
    yield from _refused(facts, about)
    yield "## Columns"
    yield from _columns(about)
    yield "## Limits"
    yield _limits(facts)
    yield "## How to cite"
    yield f"See [{CITATION}]({CITATION}), and [{ATTRIBUTION}]({ATTRIBUTION}) for each recordist."
    yield f"```bibtex\n{bibtex(about)}\n```"
    yield "## How to build it again"
    yield from _rebuild(about)


def _summary(facts: Facts, about: DataSetInfo) -> str:
    names = listed([archive_title(name, about) for name in facts.counts("source")])
    countries = [name for name in facts.counts("country") if name != UNKNOWN]
    first, last = facts.years or (0, 0)
    years = f", {first} to {last}" if first < last else f", of {first}" if first else ""
    length = f"{facts.hours_long:,.0f} hours"
    if facts.hours_long < 2.0:
        length = f"{60.0 * facts.hours_long:.0f} minutes"
    built = f" Built on {about.date} by psm {about.version}." if about.date else ""
    return (
        f"{len(facts.rows):,} geotagged recordings from {names}, {length} of "
        f"sound as it was uploaded, from {len(countries)} countries{years}. Each has a caption, a "
        f"satellite image around its place, its month and hour where they are known, and its own "
        f"licence.{built}"
    )


def _use(about: DataSetInfo) -> str:
    return (
        "```python\n"
        "import datasets\n\n"
        f'recordings = datasets.load_dataset("{about.name}")  # or the path of this folder\n'
        'recordings["train"]["audio_caption"][0]\n'
        "```\n\n"
        "The Parquet files have the columns of "
        "[MVRL/GeoSound](https://huggingface.co/datasets/MVRL/GeoSound) and some more. The same "
        f"recordings as log-mels and tiles, as the preset `{about.preset}` wants them:\n\n"
        "```bash\n"
        f"psm train --preset {about.preset} --data shards --out runs/model\n"
        "psm data audit shards   # proves that no two splits share a place, a recording or a tile\n"
        "```"
    )


def _splits(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    total = max(len(facts.rows), 1)
    leaks = {(one.split, one.kind): one for one in facts.leakage}
    lines = []
    for split, count in facts.splits.items():
        inside = [row for row in facts.rows if row.split == split]
        shared = []
        for kind in ("species", "recordist"):
            leak = leaks.get((split, kind))
            shared.append(
                f"{leak.shared:,} of {leak.names:,} ({leak.share:.0%} of recordings)"
                if leak and leak.names
                else "–"
            )
        cells = len({row.cell for row in inside})
        countries = len({row.country for row in inside} - {""})
        lines.append(
            (split, f"{count:,}", f"{count / total:.1%}", f"{cells:,}", f"{countries}", *shared)
        )
    lost = about.refused.get(("split", IN_BUFFER), 0)
    yield (
        "Held out are whole cells of a degree, of all densities and archives. Between two splits "
        f"lie {about.buffer_km:.1f} km or more, so that no tiles of theirs share ground; what lies "
        f"in between is left out, {lost:,} of {total + lost:,} recordings "
        f"({lost / (total + lost):.1%}). What splits do share is species and recordists: the last "
        "two columns count those that are in training too."
    )
    yield table(
        ("split", "recordings", "share", "cells", "countries", "species", "recordists"),
        lines,
        numbers=4,
    )
    yield "![Which recordings are in which split](card/splits.png)"


def _captions(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    scorer = f" (`{about.models['score']}`)" if "score" in about.models else ""
    yield (
        "`meta` is the recordist's own text; the others are captioning models'. The best caption "
        f"is the one that fits the sound best by its CLAP score{scorer}; the column `captions` "
        "keeps all."
    )
    yield table(
        ("captions", "recordings", "chosen for", "mean CLAP score", "models"),
        (
            (
                style,
                f"{score.captions:,}",
                f"{score.best:,}",
                "–" if score.mean is None else f"{score.mean:.3f}",
                ", ".join(score.models) or "–",
            )
            for style, score in facts.scores.items()
        ),
        numbers=3,
    )


def _imagery(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    gsd = sorted({row.tile_gsd_m for row in facts.rows})
    span = f"{gsd[0]:g}" if len(gsd) == 1 else f"{gsd[0]:g} to {gsd[-1]:g}" if gsd else "–"
    credit = f" {about.imagery_attribution}." if about.imagery_attribution else ""
    yield (
        f"One tile a recording in the column `{about.imagery}_image`, {span} m a pixel, large "
        f"enough for the widest view of `{about.preset}`.{credit} Licence: "
        f"{about.imagery_licence or 'see each tile'}."
    )
    providers = Counter((row.tile_provider or "–", row.tile_licence or "–") for row in facts.rows)
    if len(providers) > 1:
        yield table(
            ("imagery", "licence", "tiles"),
            ((*names, f"{count:,}") for names, count in sorted(providers.items())),
        )


def _licences(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    restrictions = listed([f"{n:,} {what}" for what, n in facts.restrictions.items()])
    mind = f" Of all {len(facts.rows):,}, {restrictions}." if restrictions else ""
    yield (
        "Every recording keeps the licence that its recordist chose, in the column `licence` and "
        f"in [{ATTRIBUTION}]({ATTRIBUTION}); the selection as a whole gives no other right.{mind}"
    )
    yield table(
        ("licence", "recordings"),
        ((link(name, licence_url(name)), f"{n:,}") for name, n in facts.counts("licence").items()),
        numbers=1,
    )
    lines = []
    for name, count in facts.counts("source").items():
        terms = about.terms.get(name)
        lines.append(
            (
                link(archive_title(name, about), terms.home if terms else ""),
                f"{count:,}",
                link("terms", terms.terms_url) if terms and terms.terms_url else "–",
                terms.attribution if terms else "–",
            )
        )
    yield table(("archive", "recordings", "terms", "asks to be named as"), lines)


def _refused(facts: Facts, about: DataSetInfo) -> Iterator[str]:
    total = sum(about.refused.values())
    yield (
        f"Of {about.listed:,} candidates that the archives list, {len(facts.rows):,} are in the "
        f"data set and {total:,} {'was' if total == 1 else 'were'} refused. Nothing was put in "
        "their place."
    )
    ordered = sorted(about.refused.items(), key=lambda item: (-item[1], item[0]))
    if ordered:
        yield table(
            ("stage", "reason", "candidates"),
            ((stage, reason, f"{count:,}") for (stage, reason), count in ordered),
        )


def _columns(about: DataSetInfo) -> Iterator[str]:
    there = columns(about.imagery)
    yield table(
        ("column", "type", "meaning"),
        ((f"`{name}`", c.kind, c.meaning) for name, c in there.items() if not c.is_empty),
    )
    empty = listed([f"`{name}`" for name, column in there.items() if column.is_empty])
    yield f"Null in this build, and there for the sake of the schema: {empty}."


def _limits(facts: Facts) -> str:
    country, most = next(iter(facts.counts("country").items()), (UNKNOWN, 0))
    share = most / max(len(facts.rows), 1)
    flags = Counter(flag for row in facts.rows for flag in (*row.place_flags, *row.sound_flags))
    flagged = ", ".join(f"{flag} {count:,}" for flag, count in sorted(flags.items())) or "none"
    where = f" {share:.0%} come from {country}." if country != UNKNOWN else ""
    return "\n".join([
        f"- Recordings lie where recordists go, at hours and seasons when they go.{where}",
        "- A caption says what somebody noted, or a model guessed, not all that can be heard.",
        "- Places are as exact as the archives give them (`accuracy_m`); to protect species and "
        "people some are moved on purpose.",
        f"- Flags of places and sounds (`place_flags`, `sound_flags`): {flagged}.",
        "- Voices can be heard in some recordings, and names of recordists stand in the table: "
        "treat both as personal data.",
    ])  # fmt: skip


def _rebuild(about: DataSetInfo) -> Iterator[str]:
    yield (
        "With these settings as `build.yaml`, the command below lists, fetches and packs what the "
        "archives hold then, and goes on where it was interrupted."
    )
    yield f"```bash\n{install_line('collect')}\npsm collect build OUT --config build.yaml\n```"
    if about.config:
        yield f"```yaml\n{about.config.strip()}\n```"


def table(heading: Sequence[str], lines: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """A table; after the first column stand ``numbers`` columns set to the right."""
    marks = ["---:" if 0 < place <= numbers else "---" for place in range(len(heading))]
    rows = [heading, marks, *lines]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def link(text: str, url: str) -> str:
    """A link, or the text alone where there is no address."""
    return f"[{text}]({url})" if url else text


def listed(words: Sequence[str]) -> str:
    """Words with commas between them and an "and" before the last."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
