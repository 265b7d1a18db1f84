"""The demo's report: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from psm import __version__
from psm.config import Experiment
from psm.evaluation.knownfaults import known_faults
from psm.evaluation.mapreport import MapReport
from psm.evaluation.probing.seeing import QUERY_NAMES, SeeingReport, visibility
from psm.evaluation.retrieval import COMPOSED, CONTEXT, IMAGE, SOURCE_FREE
from psm.evaluation.retrievalreport import RetrievalReport
from psm.files import atomic_path

_QUERIES = {
    IMAGE: "image only",
    CONTEXT: "image + context",
    SOURCE_FREE: "image + context, no source tags",
    COMPOSED: "composed with the caption",
}
_DIRECTIONS = {"image_to_audio": "location → sound", "audio_to_image": "sound → location"}
_RESTRICTIONS = {"all": "all recordings", "same_source": "same source only"}


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
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (resources.files("psm.demo") / name).read_text(encoding="utf-8")
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = lambda v: "–" if v is None else f"{v:.2f}"
    environment.filters["recall"] = lambda v: "–" if v is None else f"{v:.3f}"
    environment.filters["percent"] = lambda v: "–" if v is None else f"{v:.0%}"
    html = environment.get_template("report.html.j2").render(
        result=result,
        version=__version__,
        rows=[_labelled(row) for row in (*result.retrieval.rows, *result.retrieval.reference)],
        maps=result.maps.to_json(),
        faults=known_faults(result.maps),
        seeing=None if result.seeing is None else _seeing(result.seeing),
        curve=_picture(_save_curve(folder)),
        plots={p.stem: _picture(p) for p in sorted((folder / "evaluation").glob("*.png"))},
        sheets={
            p.stem.replace("-", " ").replace(".", ", "): _picture(p)
            for p in sorted((folder / "maps").glob("*.png"))
        },
        log=_log(folder)[-1],
    )
    with atomic_path(path) as aside:
        aside.write_text(html, encoding="utf-8")


def _labelled(row: Any) -> dict[str, Any]:
    return {
        "model": row.model,
        "query": _QUERIES.get(row.query, row.query),
        "direction": _DIRECTIONS[row.direction],
        "restriction": _RESTRICTIONS[row.restriction],
        "gallery": row.gallery,
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
        figure.savefig(aside, dpi=110)
    return path


def _picture(path: Path) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
