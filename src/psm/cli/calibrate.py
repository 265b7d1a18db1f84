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
        typer.Option(help="Share of positives; as found by default."),
    ] = None,
    base: Annotated[
        Literal["auto", "land", "archives"],
        typer.Option(
            help="Over what p is right on average: land and hours evenly, or recordings as "
            "archives make them. auto: land, where shores and towns are installed."
        ),
    ] = "auto",
    split: Annotated[str, typer.Option(help="Recordings not trained on.")] = "val",
    precision: PrecisionOption = "auto",
) -> None:
    """Fit the match probability to held-out recordings, so that it means what it says.

    Writes `gallery.safetensors`, `calibration.json` and `calibration.png` into the folder of the
    model, and what it was calibrated on into `provenance.json`; maps, profiles, searches, the
    server and `psm evaluate --maps` use them from then on. p becomes how likely a recording of this
    data set's kind, made there and then, holds the sound. How common a sound is, is heard in the
    gallery, a thousand training recordings as the model hears them. With `--prior`, recordings
    without labelled sounds are calibrated by their captions alone: p is how likely a caption is of
    the place rather than of another. What the model is familiar with is written into
    `familiarity.safetensors`, and which places it covers into `coverage.safetensors`, where DATA
    has a training split. A model without `uncertainty.safetensors`, which `psm train` writes, gets
    that too, if the recordings of DATA carry labels of sounds.
    """
    from psm import PSM, checkpoints
    from psm.evaluation.calibrationfit import calibrate as run
    from psm.evaluation.calibrationreport import calibration_table, plot_calibration
    from psm.files import atomic_path, require_folder
    from psm.inference import coveragefit, familiarityfit, uncertaintyfit
    from psm.inference.heldout import find_learnt
    from psm.progress import console
    from psm.provenance import DataSet

    folder = checkpoints.resolve(model)
    require_folder(folder)
    loaded = PSM.from_pretrained(folder, precision=precision)
    fit, gallery = run(loaded, data, split=split, method=method, prior=prior, base=base)
    console().print(calibration_table(fit))
    typer.echo(gallery.save(folder))
    typer.echo(fit.calibration.save(folder))
    used = DataSet.of(data, find_learnt(loaded, data, split)[1])
    typer.echo(loaded.provenance.model_copy(update={"calibrated_on": used}).save(folder))
    with atomic_path(folder / "calibration.png") as aside:
        plot_calibration(fit).savefig(aside)
    typer.echo(folder / "calibration.png")
    shared = fit.calibration.share.base if fit.calibration.share is not None else None
    familiarity = familiarityfit.fit_from_shards(loaded, data, split, gallery, shared)
    if familiarity is not None:
        typer.echo(familiarity.save(folder))
    coverage = coveragefit.fit_from_shards(loaded, data, split)
    if coverage is not None:
        typer.echo(coverage.save(folder))
    if loaded.uncertainty is None:
        about = uncertaintyfit.fit_from_shards(loaded, data)
        if about is not None:
            typer.echo(about.save(folder))
