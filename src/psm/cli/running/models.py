"""Models as commands load them: what one learnt from is said before it answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psm.model import PSM
    from psm.precision import Precision


def load_model(checkpoint: str | Path, *, precision: Precision = "float32") -> PSM:
    """A model in evaluation mode; its provenance goes to the error stream, in one line.

    Raises:
        MissingData, ConfigError, CheckpointMismatch: as :meth:`psm.PSM.from_pretrained`.
    """
    from psm import PSM
    from psm.progress import console

    model = PSM.from_pretrained(checkpoint, precision=precision)
    console().print(f"{model.config.name}: {model.provenance.statement}", style="dim")
    return model
