"""``psm calibrate``: probabilities fitted to held-out recordings."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from psm.cli.options import EARTH, MODEL, Data, Model, PrecisionOption


def calibrate(
    model: Model = str(MODEL),
    data: Data = EARTH,
    method: Annotated[
        Literal["auto", "platt", "isotonic"],
        typer.Option(help="auto: the better one on cells left out."),
    ] = "auto",
    prior: Annotated[
        float | None,
        typer.Option(help="Share of positives; as found, or 0.5 where only captions are known."),
    ] = None,
    split: Annotated[str, typer.Option(help="Recordings not trained on.")] = "val",
    precision: PrecisionOption = "auto",
) -> None:
    """Fit the match probability to held-out recordings, so that it means what it says.

    Writes `calibration.json` and `calibration.png` into the folder of the model; `psm map` and
    `psm evaluate --maps` use it from then on. A model without `uncertainty.safetensors`, which
    `psm train` writes, gets that too, if the recordings of DATA carry labels of sounds. On
    recordings of the simulated Earth, p becomes how likely a recording made there and then holds
    the sound. On others, p becomes how likely a caption is of the place rather than of another, if
    `--prior` of the captions were.
    """
    from psm import PSM, checkpoints
    from psm.evaluation.calibrationfit import calibrate as run
    from psm.evaluation.calibrationreport import calibration_table, plot_calibration
    from psm.files import atomic_path, require_folder
    from psm.inference.uncertaintyfit import fit_from_shards
    from psm.progress import console

    folder = checkpoints.resolve(model)
    require_folder(folder)
    loaded = PSM.from_pretrained(folder, precision=precision)
    fit = run(loaded, data, split=split, method=method, prior=prior)
    console().print(calibration_table(fit))
    typer.echo(fit.calibration.save(folder))
    with atomic_path(folder / "calibration.png") as aside:
        plot_calibration(fit).savefig(aside)
    typer.echo(folder / "calibration.png")
    if loaded.uncertainty is None and (about := fit_from_shards(loaded, data)) is not None:
        typer.echo(about.save(folder))
