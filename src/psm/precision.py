"""Precision of the encoders: float32, or bfloat16 where the processor has it.

bfloat16 keeps 8 bits of a number's mantissa: products of matrices cost half, and means turn by less
than a hundredth of a radian (``docs/speed.md``). Everything probabilistic stays in float32.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def has_bfloat16(device: torch.device | None = None) -> bool:
    """Whether ``device``, by default the processor, multiplies bfloat16 natively.

    Where it does not, bfloat16 is emulated, many times slower than float32.
    """
    if device is not None and device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device is not None and device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def resolved(
    precision: Precision, device: torch.device, *, is_exact: bool = False
) -> Literal["float32", "bfloat16"]:
    """What ``precision`` comes to on ``device``: ``auto`` is bfloat16 where that is native.

    With ``is_exact``, ``auto`` is float32 everywhere.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if has_bfloat16(device) and not is_exact else "float32"


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """A block in which networks compute in ``precision``.

    ``float32`` changes nothing: a block of mixed precision around it stays one.
    """
    if resolved(precision, device) == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
