"""Recomputation of activations: batches and models that are larger than memory.

A batch is embedded part by part (GradCache), or layers compute their activations again (gradient
checkpointing). Both trade memory for a second forward pass and leave the gradient as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from psm.gaussian import Gaussian, concatenate
from psm.model import PSM
from psm.training.patching import replaced_forward

_KERNELS: dict[SDPBackend, Callable[[], bool]] = {
    SDPBackend.FLASH_ATTENTION: torch.backends.cuda.flash_sdp_enabled,
    SDPBackend.EFFICIENT_ATTENTION: torch.backends.cuda.mem_efficient_sdp_enabled,
    SDPBackend.CUDNN_ATTENTION: torch.backends.cuda.cudnn_sdp_enabled,
    SDPBackend.MATH: torch.backends.cuda.math_sdp_enabled,
}


def encode_by_parts(
    encode: Callable[[slice], tuple[Gaussian, ...]], views: Tensor, rows: int | None
) -> tuple[Gaussian, ...]:
    """Encode a batch ``rows`` rows at a time, in the memory of one such part (GradCache).

    Every part is embedded without keeping its activations; the loss sees the whole batch; in its
    backward pass each part is embedded again, with the same randomness, to pass on the gradients of
    its Gaussians (Gao et al. 2021, Scaling deep contrastive learning batch size under memory
    limited setup). PyTorch's checkpoint does just that, within one backward pass, so that gradient
    clipping, loss scaling and the reduction over processes need to know nothing of it.

    Args:
        encode: from the rows of a part to their Gaussians, each row apart from the others.
        views: ``(batch, ...)``; says how many rows there are, and on which device.
        rows: of a part; ``None`` encodes the batch in one piece.
    """
    total = len(views)
    if rows is None or rows >= total:
        return encode(slice(0, total))

    # Checkpoint restores the randomness of the devices of its tensors: it has to see one.
    def embed(_: Tensor, part: slice) -> tuple[Gaussian, ...]:
        return encode(part)

    parts = [slice(start, start + rows) for start in range(0, total, rows)]
    encoded = [checkpoint(embed, views, part, use_reentrant=False) for part in parts]
    return tuple(concatenate(gaussians) for gaussians in zip(*encoded, strict=True))


@contextmanager
def recomputed_activations(model: PSM) -> Iterator[None]:
    """Within the block, transformer layers keep their input alone and compute the rest again.

    These are the layers of the satellite encoder and those that the towers name, which hold nearly
    all activations of a model of published size.
    """
    layers: list[nn.Module] = [
        *model.satellite.layers_to_recompute(),
        *model.audio.layers_to_recompute(),
        *model.text.layers_to_recompute(),
    ]
    again = partial(checkpoint, use_reentrant=False, context_fn=_same_attention)
    with replaced_forward({layer: partial(again, layer.forward) for layer in layers}):
        yield


def _same_attention() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    # Which kernel a layer attends by may be set around it: computed again, it takes the same.
    return nullcontext(), sdpa_kernel([kernel for kernel, is_on in _KERNELS.items() if is_on()])
