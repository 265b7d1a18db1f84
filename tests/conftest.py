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
HERE = Path(__file__).parent
_LONGEST = (
    "test_cli.py",
    "training/test_resuming.py",
    "test_extras.py",
    "web/test_page.py",
    "training/test_ranks.py",
    "web/test_access.py",
    "collect/test_kill.py",
    "mapping/timetable/test_timetable.py",
    "web/test_drawn.py",
    "collect/test_builder.py",
    "server/test_preparing.py",
    "web/test_trouble.py",
    "web/test_places.py",
    "web/test_published.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest, so that both workers end together.

    A module is run by one worker (``--dist loadfile``): what its fixtures make is made once. The
    page comes last, since Playwright keeps an event loop in the thread of the tests.
    """
    rank = {name: number for number, name in enumerate(_LONGEST)}

    def turn(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.relative_to(HERE).as_posix()
        return name.startswith("web/"), rank.get(name, len(rank))

    items.sort(key=turn)


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
