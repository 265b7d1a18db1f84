"""Names of a map's own columns beside those of somebody's table."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence

from psm.errors import RenamedColumns


def free_names(ours: Sequence[str], taken: Collection[object]) -> dict[str, str]:
    """What each of the map's columns is called beside columns that are there already.

    Theirs stay as they are: a column of the map whose name is taken is called ``map_NAME``. Case
    makes no difference, since it makes none in many formats.

    Args:
        ours: names of the map's columns.
        taken: names of the table's.

    Warns:
        RenamedColumns: a name was taken.
    """
    used = {str(name).casefold() for name in taken}
    names: dict[str, str] = {}
    for name in ours:
        prefixes = ("", "map_", *(f"map{number}_" for number in range(2, len(used) + 3)))
        names[name] = next(p + name for p in prefixes if (p + name).casefold() not in used)
        used.add(names[name].casefold())
    if renamed := [f"{name} is {new}" for name, new in names.items() if new != name]:
        warnings.warn(
            f"the table has columns named as the map's: of the map, {', '.join(renamed)}",
            RenamedColumns,
            stacklevel=2,
        )
    return names
