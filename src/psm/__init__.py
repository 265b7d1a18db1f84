"""PSM maps how the Earth sounds.

One probabilistic space for satellite imagery, audio and text, conditioned on place, time and
source. :class:`PSM` is the model, :class:`Gaussian` what it answers with; maps are made by
:mod:`psm.mapping`, models by :mod:`psm.training`, and judged by :mod:`psm.evaluation`.

Example:
    >>> from psm import PSM
    >>> model = PSM.from_pretrained("earth-small")
    >>> sounds = model.encode_text(["church bells", "frogs in a pond"])
    >>> tuple(sounds.mean.shape)
    (2, 256)
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from psm.extras import DISTRIBUTION

if TYPE_CHECKING:
    from psm.gaussian import Gaussian
    from psm.model import PSM

try:
    __version__ = version(DISTRIBUTION)
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = ["PSM", "Gaussian", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported on first use: `psm --help` and the workers that build the Earth need no PyTorch.
    if name == "PSM":
        from psm.model import PSM

        return PSM
    if name == "Gaussian":
        from psm.gaussian import Gaussian

        return Gaussian
    raise AttributeError(f"module 'psm' has no attribute {name!r}")
