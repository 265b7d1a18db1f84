"""Shared by all tests: seeded property tests, one thread a worker, modules kept together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Derandomised: a red test is red for everybody. No deadline: a first call may load libraries.
settings.register_profile("psm", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("psm")
torch.set_num_threads(1)
PAGE = Path(__file__).parent / "web"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker gets all tests of a module, so that what its fixtures make is made once.

    The page's tests are the longest, share no more than a browser and come last, one by one: both
    workers end together.
    """
    for item in items:
        if PAGE not in item.path.parents and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was left out and why, and the worst deviations from the published code."""
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
    left_out = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    if left_out:
        terminalreporter.section("left out")
    for reason, count in left_out.most_common():
        terminalreporter.write_line(f"{count} of {reason}")


def _reason(report: pytest.TestReport) -> str:
    """Why a test was skipped, as its author says it."""
    place = report.longrepr
    words = place[2] if isinstance(place, tuple | list) else str(place)
    return words.removeprefix("Skipped: ")
