"""What CLAP's two towers share: settings that rebuild a tower without the place it came from."""

from __future__ import annotations

from typing import TypeVar

from transformers import PreTrainedModel

from psm.config import AudioTowerConfig, TextTowerConfig

TowerConfig = TypeVar("TowerConfig", AudioTowerConfig, TextTowerConfig)
_NOISE = ("transformers_version", "model_type", "architectures", "torch_dtype", "dtype")


def standalone(config: TowerConfig, model: PreTrainedModel) -> TowerConfig:
    """``config`` with the settings of ``model`` in full and no source."""
    settings = {k: v for k, v in model.config.to_diff_dict().items() if k not in _NOISE}
    return config.model_copy(update={"source": None, "clap": settings})
