"""Tables on the standard output: aligned columns that a narrow terminal and ``awk`` both read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

_DECIMALS = {"probability": 3, "uncertainty": 3, "lat": 2, "lon": 2}


def aligned(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Lines of a table, its head first; numbers stand at the right, words at the left.

    Args:
        rows: all with the same columns; numbers of known columns are rounded for reading.
    """
    if not rows:
        return
    head = list(rows[0])
    table = [head, *([_cell(name, row[name]) for name in head] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    is_number = [isinstance(rows[0][name], (int, float)) for name in head]
    for line in table:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def _cell(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{_DECIMALS.get(name, 4)}f}"
    return " ".join(f"{value}".split())
