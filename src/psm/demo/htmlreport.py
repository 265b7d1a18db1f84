"""The demo's report: one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from psm import __version__
from psm.config import Experiment
from psm.demo import findings
from psm.evaluation.knownfaults import known_faults
from psm.evaluation.mapreport import MapReport
from psm.evaluation.probing.seeing import QUERY_NAMES, SeeingReport, visibility
from psm.evaluation.retrieval import COMPOSED, CONTEXT, IMAGE, SOURCE_FREE
from psm.evaluation.retrievalreport import ENOUGH, REFERENCES, RetrievalReport, RetrievalRow
from psm.files import atomic_path
from psm.htmlpage import picture, render

_QUERIES = {
    IMAGE: "image only",
    CONTEXT: "image + context",
    SOURCE_FREE: "image + context, no source tags",
    COMPOSED: "composed with the caption",
}
_DIRECTIONS = {"image_to_audio": "location → sound", "audio_to_image": "sound → location"}
_RESTRICTIONS = {
    "all": "among all recordings",
    "same_source": "among those of the same source",
}
_TRUTH = ".truth"  # at the end of the name of a picture that shows it


@dataclass(frozen=True)
class DemoResult:
    """What the demo found; :func:`write_report` draws it."""

    experiment: Experiment
    seed: int
    retrieval: RetrievalReport
    maps: MapReport
    seconds: Mapping[str, float]
    folder: Path
    seeing: SeeingReport | None = None

    def to_json(self) -> dict[str, Any]:
        """``report.json``."""
        return {
            "model": self.experiment.model.name,
            "seed": self.seed,
            "version": __version__,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            **self.retrieval.to_json(),
            "maps": self.maps.to_json(),
            **({"seeing": self.seeing.to_json()} if self.seeing else {}),
        }


def write_report(result: DemoResult, path: Path) -> None:
    """Write ``report.html`` from what the demo found; pictures are inside."""
    folder = result.folder
    html = render(
        "psm.demo",
        result=result,
        version=__version__,
        enough=ENOUGH,
        sections=_sections(result.retrieval),
        maps=result.maps.to_json(),
        faults=known_faults(result.maps),
        seeing=None if result.seeing is None else _seeing(result.seeing),
        pictures=_pictures(result),
        sheets=[_sheet(path) for path in sorted((folder / "maps").glob("*.png"))],
        log=_log(folder)[-1],
    )
    with atomic_path(path) as aside:
        aside.write_text(html, encoding="utf-8")


def _sections(report: RetrievalReport) -> list[dict[str, Any]]:
    """Rows of retrieval as tables, one for each direction and kind of gallery."""
    every = (*report.rows, *report.reference)
    named = dict.fromkeys((row.direction, row.restriction) for row in every)
    return [
        {
            "title": f"{_DIRECTIONS[direction]}, {_RESTRICTIONS[restriction]}",
            "rows": [
                _labelled(row)
                for row in every
                if (row.direction, row.restriction) == (direction, restriction)
            ],
        }
        for direction, restriction in named
    ]


def _labelled(row: RetrievalRow) -> dict[str, Any]:
    name = _QUERIES.get(row.query, row.query)
    if row.model in REFERENCES:
        name = row.model if row.query == "none" else f"{row.model}: {name.replace('+', ', ')}"
    return {
        "name": name,
        "is_reference": row.model in REFERENCES,
        "gallery": row.gallery,
        "too_few": row.too_few,
        "recall": row.r_at_10pct,
        "ci95": row.ci95,
        "median_rank": row.median_rank,
        "share": row.attainable_share,
        "visible_share": row.visible_share,
    }


def _seeing(report: SeeingReport) -> dict[str, Any]:
    """Both tables of who sees and who hears, ready to be drawn."""
    columns = [(query, direction) for query in QUERY_NAMES for direction in _DIRECTIONS]
    return {
        "columns": [f"{QUERY_NAMES[query]}, {_DIRECTIONS[to]}" for query, to in columns],
        "rows": [
            {
                "sees": sees,
                "hears": hears,
                "scores": [report.score(sees, hears, *column) for column in columns],
            }
            for sees, hears in report.pairings()
        ],
        "layers": [
            {"name": layer.layer, "visible": visibility(layer), "spearman": layer.spearman}
            for layer in report.layers
        ],
    }


def _log(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "model" / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _save_curve(folder: Path) -> Path:
    """Loss and validation recall over the epochs."""
    log = _log(folder)
    epochs = [row["epoch"] for row in log]
    figure = Figure(figsize=(9, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["train/loss"] for row in log], marker=".")
    left.set(xlabel="epoch", ylabel="training loss")
    for name, label in (
        ("image_to_audio", "image only → sound"),
        ("image_context_to_audio", "image + context → sound"),
        ("text_to_audio", "caption → sound"),
    ):
        right.plot(epochs, [row[f"val/{name}_r10"] for row in log], marker=".", label=label)
    right.axhline(0.1, color="0.6", linestyle="--", linewidth=1, label="chance")
    right.set(xlabel="epoch", ylabel="validation R@10%", ylim=(0, None))
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path = folder / "model" / "curve.png"
    with atomic_path(path) as aside:
        figure.savefig(aside, dpi=160)
    return path


def _pictures(result: DemoResult) -> dict[str, dict[str, Any]]:
    """The charts that there are, by name."""
    folder, maps = result.folder, result.maps
    told = {
        "retrieval": findings.of_retrieval(result.retrieval),
        "sounds": findings.of_sounds(maps),
        "reliability": findings.of_reliability(maps),
    }
    if maps.risk:
        told["risk-coverage"] = findings.of_risk(maps)
    charts = {name: picture(folder / "evaluation" / f"{name}.png", alt)
              for name, alt in told.items()}  # fmt: skip
    curve = picture(_save_curve(folder), findings.of_training(_log(folder)))
    return {**charts, "curve": curve}


def _sheet(path: Path) -> dict[str, Any]:
    """The maps of a query, and where and when it is likeliest; or one of them and its truth."""
    query = path.stem.removesuffix(_TRUTH).replace("-", " ")
    if path.stem.endswith(_TRUTH):
        return {"query": query, **picture(path, findings.of_truth(query, path))}
    rasters = sorted(path.parent.glob(f"{path.stem}-??-??h.tif"))
    return {"query": query, **picture(path, findings.of_maps(query, rasters))}
