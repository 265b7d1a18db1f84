"""Data-parallel training whose gradients are those of one process on the joint batch.

Every rank computes the same joint loss, from the Gaussians of all ranks. The gradients here are of
the sum of these equal losses, which DistributedDataParallel divides by their number: so each
parameter, of a tower or of the loss, gets the gradient that one process would compute on the joint
batch. In one process everything here returns what it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function

from psm.gaussian import Gaussian


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if _is_distributed() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _is_distributed() else 1


def of_all_ranks(gaussians: Sequence[Gaussian]) -> tuple[Gaussian, ...]:
    """Each batch of Gaussians with the rows of all ranks, in their order, with gradient.

    Args:
        gaussians: batches of one shape, the same on every rank.
    """
    if world_size() == 1:
        return tuple(gaussians)
    # Means and log-variances of all batches side by side: one exchange instead of one for each.
    stacked = torch.stack([values for gaussian in gaussians for values in gaussian], dim=1)
    columns = _apply(_Gathered, stacked).unbind(1)
    return tuple(map(Gaussian, columns[::2], columns[1::2]))


def share_of(total: int) -> slice:
    """The rows, of ``total``, that this rank works on; all where there are fewer than ranks."""
    return _shares(total)[rank()]


@torch.no_grad()
def from_shares(own: Gaussian, total: int) -> Gaussian:
    """All ``total`` rows, on every rank, from those of :func:`share_of`; without gradient."""
    shares = _shares(total)
    if world_size() == 1 or shares[0] == slice(0, total):
        return own
    # Shares differ by a row at most: padded to the largest they can be gathered at once.
    sizes = [share.stop - share.start for share in shares]
    values = torch.stack([own.mean, own.log_var])
    padded = torch.nn.functional.pad(values, (0, 0, 0, max(sizes) - values.shape[1]))
    parts = _gather(padded)
    return Gaussian(
        *torch.cat([part[:, :size] for part, size in zip(parts, sizes, strict=True)], 1)
    )


def batch_norm_forwards(model: nn.Module) -> dict[nn.Module, Any]:
    """For every batch norm of ``model``, a forward with the statistics of all ranks."""
    norms = (module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
    return {module: partial(_batch_norm, module) for module in norms}


def _batch_norm(module: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    # torch.nn.SyncBatchNorm does the same, but on GPUs only.
    if not module.training:
        return nn.BatchNorm2d.forward(module, maps)
    # Statistics of the joint batch: the mean over ranks of means, then of squared deviations.
    wide = maps.float()
    mean = _apply(_Mean, wide.mean((0, 2, 3)))
    centred = wide - mean[:, None, None]
    var = _apply(_Mean, centred.square().mean((0, 2, 3)))
    # Running statistics move as PyTorch moves them, with the unbiased variance.
    with torch.no_grad():
        count = world_size() * maps.numel() / len(mean)
        momentum = module.momentum
        assert module.running_mean is not None
        assert module.running_var is not None
        assert module.num_batches_tracked is not None
        assert momentum is not None
        module.running_mean.lerp_(mean, momentum)
        module.running_var.lerp_(var * count / (count - 1), momentum)
        module.num_batches_tracked += 1
    scale = module.weight * (var + module.eps).rsqrt()
    normal = centred * scale[:, None, None] + module.bias[:, None, None]
    return normal.to(maps.dtype)


class _Gathered(Function):
    """Rows of all ranks; the gradient of a row is the sum of what every rank makes of it."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        ctx.rows = len(own)
        return torch.cat(_gather(own))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        start = rank() * ctx.rows
        return _sum(grad)[start : start + ctx.rows]


class _Mean(Function):
    """The mean over ranks, and so the mean of their gradients."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        return _sum(own) / world_size()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ARG004
        return _sum(grad) / world_size()


def _apply(function: type[Function], own: Tensor) -> Tensor:
    result: Tensor = function.apply(own)  # type: ignore[no-untyped-call]
    return result


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def _shares(total: int) -> list[slice]:
    count = world_size()
    if total < count:
        return [slice(0, total)] * count
    bounds = [total * number // count for number in range(count + 1)]
    return [slice(*pair) for pair in pairwise(bounds)]


def _gather(own: Tensor) -> list[Tensor]:
    own = own.contiguous()
    parts = [torch.empty_like(own) for _ in range(world_size())]
    dist.all_gather(parts, own)
    return parts


def _sum(own: Tensor) -> Tensor:
    total = own.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
