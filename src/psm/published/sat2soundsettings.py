"""Settings of a Sat2Sound checkpoint: which variant it is, and its fields of the context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from psm.errors import ConfigError

_FIELDS = {
    "asource": "audio_source", "tsource": "caption_source", "latlong": "latlon", "month": "month",
    "time": "hour",
}  # fmt: skip
# What older runs could choose; only the first of each is the model of the paper.
_ONLY: dict[str, tuple[object, ...]] = {
    "metadata_fusion": ("early",),
    "audio_encoder_type": ("mgaclap",),
    "text_encoder_type": ("flant5",),
    "text_qmap": (1, "1"),
    "shared_codebook": (1, "1"),
    "use_combined_projectors": (0, "0", None, "none"),
}


def require_whole(
    published: Mapping[str, Tensor], settings: Mapping[str, Any], origin: str
) -> None:
    """Refuse variants of the published code that are another model, each with its reason.

    Raises:
        ConfigError: it is one.
    """
    if not any(name.startswith("audio_encoder.") for name in published):
        raise ConfigError(
            f"{origin}: matches images with captions only (sat2text, the baseline) and hears "
            "nothing; import one of sat2sound/*.ckpt"
        )
    for name, allowed in _ONLY.items():
        value = settings.get(name, allowed[0])
        if value not in allowed:
            raise ConfigError(
                f"{origin}: {name} is {value!r:.40}; only {name} {allowed[0]}, as in the paper, "
                "can be imported"
            )


def told_fields(settings: Mapping[str, Any], origin: str) -> tuple[str, ...] | None:
    """Fields of the context that the settings name, as the published code looks for them.

    Raises:
        ConfigError: they name them in no text.
    """
    told = settings.get("metadata_type")
    if told is None:
        return None
    if not isinstance(told, str):
        raise ConfigError(f"{origin}: its metadata_type is {told!r:.40}, not names of fields")
    return tuple(ours for theirs, ours in _FIELDS.items() if theirs in told)


def our_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """Fields that somebody named, by our names or by the published ones.

    Raises:
        ConfigError: one is not known.
    """
    named = [_FIELDS.get(field, field) for field in fields if field != "none"]
    if strangers := [field for field in named if field not in _FIELDS.values()]:
        raise ConfigError(
            f"fields: {', '.join(strangers)} not known; give some of "
            f"{', '.join(_FIELDS.values())}, or none"
        )
    return tuple(named)
