"""Shared by all tests: seeded property tests, one thread a worker."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

# Derandomised: a red test is red for everybody. No deadline: a first call may load libraries.
settings.register_profile("psm", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("psm")
torch.set_num_threads(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the worst deviation from the published implementation, module by module."""
    worst: dict[str, tuple[float, float]] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "deviation":
                module = report.nodeid.partition("::")[0].rpartition("/")[2]
                worst[module] = max(worst.get(module, (0.0, 0.0)), tuple(value))
    if worst:
        terminalreporter.section("largest deviation from the published implementation")
    for module, (deviation, within) in sorted(worst.items()):
        terminalreporter.write_line(f"{module}: {deviation:.1e} (allowed {within:.0e})")
