"""Selection: filters, one of each place and minute, fair shares; whatever the order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psm.collect.comparing.selection import Candidate, Rules, select

ROW = Candidate(
    key="aporee-1", source="aporee", lat=52.5, lon=13.4, year=2020, month=5, day=3, hour=6.2,
    country="DE", author="Jane", licence="CC-BY-4.0",
)  # fmt: skip


def kept(rows: list[Candidate], rules: Rules) -> list[str]:
    left_out = select(rows, rules)
    assert set(left_out) <= {row.key for row in rows}
    return sorted(row.key for row in rows if row.key not in left_out)


def test_without_rules_everything_is_kept() -> None:
    assert select([ROW, replace(ROW, key="b", author="John")], Rules()) == {}


@pytest.mark.parametrize(
    ("rules", "change", "reason"),
    [
        (Rules(licences=frozenset({"CC-BY"})), {"licence": "CC-BY-NC-4.0"}, "licence not wanted"),
        (Rules(licences=frozenset({"CC-BY-4.0"})), {"licence": "CC-BY-3.0"}, "licence not wanted"),
        (Rules(licences=frozenset({"CC-BY"})), {"licence": "unknown"}, "licence not wanted"),
        (Rules(months=frozenset({5, 6})), {"month": None}, "month not wanted"),
        (Rules(countries=frozenset({"DE"})), {"country": "FR"}, "country not wanted"),
    ],
)
def test_what_is_not_wanted_is_left_out(
    rules: Rules, change: dict[str, object], reason: str
) -> None:
    other = replace(ROW, key="b", author="John", **change)  # type: ignore[arg-type]
    assert select([ROW, other], rules) == {"b": reason}


def test_of_one_place_and_minute_one_is_kept() -> None:
    takes = [replace(ROW, key=f"aporee-{n}", lat=52.5 + n * 2e-4) for n in range(4)]  # 22 m apart
    others = [
        replace(ROW, key="far", lat=52.6),
        replace(ROW, key="later", hour=6.25),
        replace(ROW, key="another", author="John"),
        replace(ROW, key="nobody", author=""),
        replace(ROW, key="nobody too", author=""),
        replace(ROW, key="some time", hour=None),
        replace(ROW, key="some time too", hour=None),
    ]
    found = select(takes + others, Rules())
    assert found == dict.fromkeys(
        ["aporee-1", "aporee-2", "aporee-3"], "same place and minute as another"
    )
    copy = replace(ROW, key="freesound-9", source="freesound", author="JANE")
    assert kept([ROW, copy], Rules(preferred=("freesound", "aporee"))) == ["freesound-9"]
    assert kept([ROW, copy], Rules(preferred=("aporee",))) == ["aporee-1"]


def birds(count: int) -> list[Candidate]:
    """Nine of ten at one place, as where many watchers live."""
    return [
        Candidate(
            key=f"inaturalist-{n}",
            source="inaturalist",
            lat=10.5 + (n % 10 == 0) * (n // 10),
            lon=20.5,
            species="Turdus merula" if n % 20 else "Corvus corax",
        )
        for n in range(count)
    ]


def test_species_are_balanced_and_spread_over_places() -> None:
    rows = birds(200)
    chosen = set(kept(rows, Rules(per_species=12)))
    of = Counter(row.species for row in rows if row.key in chosen)
    assert of == {"Turdus merula": 12, "Corvus corax": 10}
    thrushes = [row for row in rows if row.species == "Turdus merula"]
    places = {row.lat for row in thrushes}
    assert {row.lat for row in thrushes if row.key in chosen} == places
    assert chosen != set(kept(rows, Rules(per_species=12, seed=1)))
    # Every source has a share of its own, and what names no species is not counted.
    more = [replace(row, key=f"x{row.key}", source="xenocanto") for row in rows]
    silent = [replace(row, key=f"s{row.key}", species="") for row in rows]
    assert len(kept(rows + more + silent, Rules(per_species=12))) == 22 + 22 + 200


def test_quotas_and_a_limit() -> None:
    rows = birds(60) + [replace(row, key=f"a{row.key}", source="aporee") for row in birds(60)]
    rules = Rules(quotas={"inaturalist": 20, "aporee": 500, "nobody": 1})
    assert Counter(key[0] for key in kept(rows, rules)) == {"i": 20, "a": 60}
    rules = replace(rules, limit=30)
    assert len(kept(rows, rules)) == 30
    reasons = Counter(select(rows, rules).values())
    assert reasons == {"quota of its source is full": 40, "limit reached": 50}
    assert kept(rows, replace(rules, limit=0)) == []


ROWS = st.lists(
    st.builds(
        Candidate,
        key=st.uuids().map(str),
        source=st.sampled_from(["aporee", "freesound", "inaturalist"]),
        lat=st.sampled_from([0.0, 0.0001, 0.0002, 45.0, 89.9999, 90.0]),
        lon=st.sampled_from([-180.0, 179.9999, 0.0, 0.0001, 180.0]),
        year=st.sampled_from([2020, None]),
        month=st.sampled_from([1, 5, None]),
        day=st.just(3),
        hour=st.sampled_from([6.2, None]),
        country=st.sampled_from(["DE", ""]),
        species=st.sampled_from(["", "Corvus corax", "Turdus merula"]),
        author=st.sampled_from(["", "Jane"]),
        licence=st.sampled_from(["CC0-1.0", "CC-BY-4.0", "unknown"]),
    ),
    unique_by=lambda row: row.key,
    max_size=30,
)
RULES = st.builds(
    Rules,
    licences=st.sampled_from([frozenset(), frozenset({"CC0"})]),
    months=st.sampled_from([frozenset(), frozenset({5})]),
    per_species=st.sampled_from([None, 1, 3]),
    quotas=st.sampled_from([{}, {"aporee": 2}]),
    limit=st.sampled_from([None, 4]),
    preferred=st.sampled_from([(), ("freesound",)]),
    seed=st.integers(0, 3),
)


@given(rows=ROWS, rules=RULES, data=st.data())
def test_the_order_of_the_candidates_makes_no_difference(
    rows: list[Candidate], rules: Rules, data: st.DataObject
) -> None:
    left_out = select(rows, rules)
    assert select(data.draw(st.permutations(rows)), rules) == left_out
    # What was chosen would be chosen again.
    chosen = [row for row in rows if row.key not in left_out]
    assert select(chosen, rules) == {}


@given(rows=ROWS, most=st.integers(0, 10))
def test_a_larger_limit_only_adds(rows: list[Candidate], most: int) -> None:
    smaller, larger = (set(kept(rows, Rules(limit=limit))) for limit in (most, most + 3))
    assert smaller <= larger
