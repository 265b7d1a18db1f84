"""The stages of the demo: build, train, evaluate, map, report; each goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psm.config import Experiment
from psm.demo.htmlreport import DemoResult, write_report
from psm.earth.builder import EarthPlan, build_earth
from psm.earth.sounds import Sound
from psm.evaluation.suite import measure
from psm.experiments import load_experiment
from psm.files import atomic_path, sweep
from psm.locking import alone_in
from psm.mapping import EmbeddedCells, Moment, Query, SoundscapeMap, map_queries
from psm.mapping.outputs.sheet import write_sheet
from psm.mapping.outputs.truthsheet import write_truth_sheet
from psm.mapping.truth import true_map
from psm.model import PSM
from psm.progress import console, track
from psm.training import train

QUERIES = {
    "church bells": Sound.CHURCH_BELLS,
    "crickets at night": Sound.CRICKETS,
    "ocean waves": Sound.WAVES,
    "dawn chorus of birds": Sound.DAWN_CHORUS,
    "city traffic": Sound.TRAFFIC,
    "footsteps in snow": Sound.SNOW_STEPS,
}
"""What the demo maps, and the sounds that are meant."""
MOMENTS = tuple(Moment(month=month, hour=hour) for month in (1, 7) for hour in (6.0, 22.0))
BESIDE_TRUTH = Moment(month=7, hour=6.0)


def run_demo(
    out: Path, *, preset: str = "earth-tiny", seed: int = 0, overrides: dict[str, Any] | None = None
) -> DemoResult:
    """Run the whole system on the embedded Earth and write ``report.html`` into ``out``.

    Args:
        out: receives ``earth/``, ``model/``, ``evaluation/``, ``maps/`` and the report.
        preset: what to train.
        seed: of the Earth and of the training.
        overrides: dotted settings that differ from the preset's.

    Raises:
        ConfigError: another demo runs in ``out``.
        PSMError: any stage failed; what was finished stays and the next run goes on from there.
    """
    experiment = load_experiment(preset, overrides)
    with alone_in(out, "running the demo"):
        sweep(out)
        return _run(experiment, out, seed)


def _run(experiment: Experiment, out: Path, seed: int) -> DemoResult:
    clock = _Clock(out / "seconds.json")
    plan = EarthPlan(
        recordings=experiment.earth.recordings, seed=seed, audio=experiment.model.audio
    )
    console().rule("1/4  the simulated Earth")
    with clock.measure("build"):
        build_earth(plan, out / "earth")
    console().rule(f"2/4  training {experiment.model.name}")
    with clock.measure("train"):
        model = train(experiment, out / "earth", out / "model", seed=seed)
    console().rule("3/4  evaluation")
    with clock.measure("evaluate"):
        measured = measure(
            model,
            out / "earth",
            out / "evaluation",
            seed=seed,
            step_deg=experiment.earth.map_step_deg,
        )
    console().rule("4/4  maps")
    with clock.measure("map"):
        draw_maps(model, measured.cells, out / "maps")
    result = DemoResult(
        experiment, seed, measured.retrieval, measured.maps, clock.totals(), out, measured.seeing
    )
    with atomic_path(out / "report.json") as path:
        path.write_text(json.dumps(result.to_json(), indent=1) + "\n")
    write_report(result, out / "report.html")
    console().print(f"\nDone in {result.seconds['total'] / 60:.1f} min. Open {out / 'report.html'}")
    return result


def draw_maps(model: PSM, embedded: EmbeddedCells, out: Path) -> None:
    """Map ``QUERIES`` at ``MOMENTS``: a COG each; sheets of all four, and of one and its truth."""
    queries = [Query(texts=(text,)) for text in QUERIES]
    count = len(queries) * len(MOMENTS)
    drawn = track(map_queries(model, embedded, queries, MOMENTS), "maps", count)
    by_query: dict[Query, list[SoundscapeMap]] = {query: [] for query in queries}
    asked = [query for _ in MOMENTS for query in queries]
    for query, soundscape in zip(asked, drawn, strict=True):
        moment = soundscape.moment
        name = f"{_slug(query.texts[0])}-{moment.month:02d}-{moment.hour:02.0f}h"
        soundscape.to_cog(out / f"{name}.tif")
        by_query[query].append(soundscape)
    for query, maps in track(by_query.items(), "drawing", len(by_query)):
        path = write_sheet(maps, out / f"{_slug(query.texts[0])}.png")
        shown = maps[MOMENTS.index(BESIDE_TRUTH)]
        truth = true_map(shown, QUERIES[query.texts[0]])
        write_truth_sheet(shown, truth, path.with_suffix(".truth.png"))


class _Clock:
    """Seconds of each stage, kept on disk so that a resumed demo still knows them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seconds: dict[str, float] = {}
        if path.exists():
            self._seconds = json.loads(path.read_text())

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time a stage; the longest of its runs counts, since a finished stage is skipped."""
        start = time.monotonic()
        yield
        took = time.monotonic() - start
        self._seconds[stage] = max(took, self._seconds.get(stage, 0.0))
        with atomic_path(self._path) as aside:
            aside.write_text(json.dumps(self._seconds) + "\n")

    def totals(self) -> dict[str, float]:
        """Seconds by stage and their sum."""
        return {**self._seconds, "total": sum(self._seconds.values())}


def _slug(text: str) -> str:
    return "-".join(text.lower().split())
