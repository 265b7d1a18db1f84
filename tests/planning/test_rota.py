"""Rota: everybody has a turn, nobody two more than another."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from psm.planning.rota import balanced_rota


@given(
    st.integers(1, 20), st.integers(1, 20), st.lists(st.integers(1, 12), min_size=1, unique=True),
    st.sampled_from([1, 2, 4, 6]),
)  # fmt: skip
def test_a_rota_is_balanced(sites: int, recorders: int, months: list[int], shifts: int) -> None:
    visits = balanced_rota(sites, recorders, months, shifts=shifts)
    at_once = min(sites, recorders)
    assert Counter(visit.month for visit in visits) == dict.fromkeys(months, at_once)
    assert len({(visit.site, visit.month) for visit in visits}) == len(visits)
    counts = Counter(dict.fromkeys(range(sites), 0))
    counts.update(visit.site for visit in visits)
    assert max(counts.values()) - min(counts.values()) <= 1
    for site in range(sites):
        parts = [visit.hours for visit in visits if visit.site == site]
        assert len(set(parts[:shifts])) == len(parts[:shifts])
        assert all(end - begin == 24 // shifts for begin, end in parts)


def test_four_recorders_go_round_six_sites() -> None:
    visits = balanced_rota(6, 4, [4, 5, 6], shifts=2)
    assert [visit.site for visit in visits if visit.month == 5] == [4, 5, 0, 1]
    assert [visit.hours for visit in visits if visit.site == 0] == [(0, 12), (12, 24)]
