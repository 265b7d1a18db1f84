"""Adaptation of a trained model to somebody's own recordings: ``psm adapt``.

::

    done = adapt(Start.of("earth-small"), Path("runs/mine"), Path("runs/adapted"))
    write_report(done, open_imagery("sentinel/*.tif"))
"""

from psm.adaptation.pipeline import Adaptation, adapt
from psm.adaptation.report import write_report

__all__ = ["Adaptation", "adapt", "write_report"]
