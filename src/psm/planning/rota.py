"""Balanced rota: which site has a recorder in which month, and in which part of the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Visit:
    """A recorder at a site for a month.

    Attributes:
        site: number of the site, from 0.
        month: 1..12.
        hours: begin and end of its part of the day, local time; 0 to 24 is all of it.
    """

    site: int
    month: int
    hours: tuple[int, int]


def balanced_rota(
    sites: int, recorders: int, months: Sequence[int], *, shifts: int = 1
) -> list[Visit]:
    """A rota in which every site has its turn as often as any other, and in different months.

    Sites follow one another around a circle, so that numbers of visits differ by one at the most
    (a cyclic design; John & Williams 1995, "Cyclic and Computer Generated Designs"). With parts of
    the day, a site begins with another one at each of its visits.

    Args:
        sites: how many.
        recorders: how many stand at the same time, at most one a site.
        months: in which there is recording, in their order.
        shifts: parts of a day, of which a recorder runs one in each month: 24 is a multiple.

    Returns:
        Visits, month by month.
    """
    at_once = min(sites, recorders)
    length = 24 // shifts
    visits, times = [], [0] * sites
    for period, month in enumerate(months):
        for turn in range(at_once):
            site = (period * at_once + turn) % sites
            part = (site + times[site]) % shifts
            visits.append(Visit(site, month, (part * length, (part + 1) * length)))
            times[site] += 1
    return visits
