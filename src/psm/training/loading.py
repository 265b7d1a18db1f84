"""Reading batches in processes beside the one that trains."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

from torch.utils.data import DataLoader

from psm.errors import PSMError
from psm.training.dataloader import Batch, BatchSource

_MOST_WORKERS = 8


class Loader:
    """The batches of one epoch after the other, each read by one of ``workers`` processes.

    Workers start when the first batch is asked for, so that they know the epoch which ``dataset``
    is set to by then; their number changes the time alone.

    Args:
        dataset: the batches.
        workers: processes; 0 reads in this one, ``None`` takes one a core, at most eight.
    """

    def __init__(self, dataset: BatchSource, workers: int | None) -> None:
        self.dataset = dataset
        self.workers = min(_cores(), _MOST_WORKERS) if workers is None else workers

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Batch]:
        with warnings.catch_warnings():
            # More workers than cores can be right: some wait for the disk.
            warnings.filterwarnings("ignore", message=".*worker processes in total.*")
            loader: DataLoader[Batch] = DataLoader(
                self.dataset,  # type: ignore[arg-type]  # a source need not be torch's Dataset
                batch_size=None,
                shuffle=False,
                num_workers=self.workers,
            )
            batches = iter(loader)
        try:
            yield from batches
        except PSMError as problem:
            # An error of a worker comes with its traceback in front.
            kind = type(problem)
            raise kind(str(problem).rpartition(f"{kind.__name__}: ")[2].strip()) from None


def _cores() -> int:
    """Cores that this process may use, which can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
