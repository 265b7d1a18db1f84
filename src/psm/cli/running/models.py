"""Models as commands load them: what one learnt from is said when it has answered."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psm.model import PSM
    from psm.precision import Precision

_log = logging.getLogger(__name__)
_statements: list[str] = []


def load_model(checkpoint: str | Path, *, precision: Precision = "float32") -> PSM:
    """A model in evaluation mode, whose provenance :func:`say_provenance` says afterwards.

    Raises:
        MissingData, ConfigError, CheckpointMismatch: as :meth:`psm.PSM.from_pretrained`.
    """
    from psm import PSM, checkpoints

    _log.info("everything imported")
    model = PSM.from_pretrained(checkpoint, precision=precision)
    folder = checkpoints.resolve(checkpoint)
    _log.info("model %s loaded from %s, computes in %s", checkpoint, folder, model.computes_in)
    _statements.append(f"{model.config.name}: {model.provenance.statement}")
    return model


def say_provenance() -> None:
    """Print one line on the error stream for each model that answered; errors stay one line."""
    if not _statements:
        return
    from psm.progress import console

    for statement in _statements:
        console().print(statement, style="dim")


def forget_models() -> None:
    """Begin a command: nobody has answered yet."""
    _statements.clear()
