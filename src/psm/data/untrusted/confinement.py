"""A process that decodes strangers' files gets no more memory, time or files than that needs."""

from __future__ import annotations

import contextlib

try:
    import resource
except ImportError:  # Windows: decoders run unconfined there
    resource = None  # type: ignore[assignment]  # asked for before it is used


def confine(*, memory_mb: int, file_mb: int = 0) -> None:
    """Take from this process, for good, what decoding does not need.

    Args:
        memory_mb: beyond what the process has mapped already.
        file_mb: largest file that it may write.
    """
    if resource is None:
        return
    pages = 0
    with contextlib.suppress(OSError), open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    if pages:
        most = pages * resource.getpagesize() + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_mb * 2**20, file_mb * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_cpu(seconds: int) -> None:
    """From now on, this process may compute for so long; then it dies of SIGXCPU."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
