"""Resource limits for a process that decodes untrusted files: memory, time, size of files."""

from __future__ import annotations

import contextlib

try:
    import resource
except ImportError:  # Windows: decoders run unconfined there
    resource = None  # type: ignore[assignment]  # asked for before it is used


def confine(*, memory_mb: int, file_mb: int = 0) -> None:
    """Limit the memory and the files of this process, for good.

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
    """Let this process compute for so many seconds from now on; then it dies of SIGXCPU."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
