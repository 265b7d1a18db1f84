from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from psm.collect.comparing.heldout import SplitCandidate, assign
from psm.collect.outputs.facts import leakage
from psm.data.splits import HoldOutRules
from psm.errors import ConfigError
from psm.geodata.sphere import chord_to_km, unit_vectors
from tests.collect.outputs.test_recordings import row

SOURCES = ("aporee", "freesound", "inaturalist", "yfcc")
RULES = HoldOutRules(buffer_km=17.0)


def world(count: int, *, towns: int = 300, seed: int = 0) -> list[SplitCandidate]:
    """Recordings that crowd around towns, most of them around a few."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((-55.0, -180.0), (70.0, 180.0), (towns, 2))
    crowd = rng.pareto(1.0, towns) + 0.1
    town = rng.choice(towns, count, p=crowd / crowd.sum())
    places = centres[town] + rng.normal(0.0, 0.3, (count, 2))
    shares = np.cumsum(rng.dirichlet((4.0, 3.0, 2.0, 0.5), towns), axis=1)
    loud = (rng.random((count, 1)) > shares[town, :-1]).sum(axis=1)
    return [
        SplitCandidate(f"r-{i}", float(lat), float((lon + 180.0) % 360.0 - 180.0), SOURCES[s])
        for i, ((lat, lon), s) in enumerate(zip(places, loud, strict=True))
    ]


@given(order=st.permutations(range(120)), seed=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_splits_follow_from_the_set_of_recordings_alone(order, seed):
    places = world(120, towns=40)
    rules = HoldOutRules(buffer_km=17.0, seed=seed)
    assert assign([places[i] for i in order], rules) == assign(places, rules)


@pytest.mark.parametrize("count", [200, 3000])
def test_no_two_splits_come_closer_than_the_buffer(count):
    places = world(count)
    found = assign(places, RULES)
    points = unit_vectors(lat=[p.lat for p in places], lon=[p.lon for p in places])
    split = np.array([found[p.key].split for p in places])
    for a, b in (("train", "val"), ("train", "test"), ("val", "test")):
        gap = chord_to_km(cKDTree(points[split == a]).query(points[split == b])[0]).min()
        assert gap >= RULES.buffer_km


@given(
    places=st.lists(
        st.tuples(st.integers(-90, 90), st.integers(-180, 180), st.sampled_from(SOURCES)),
        min_size=1,
        max_size=40,
    ),
    near=st.sampled_from([0.02, 1.0]),
    rules=st.sampled_from([
        RULES, HoldOutRules(buffer_km=0), HoldOutRules(buffer_km=480, val=0.1, test=0.1, seed=3),
    ]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_few_recordings_are_split_or_the_error_says_what_is_needed(places, near, rules):
    spread = [SplitCandidate(str(i), a * near, b * near, s) for i, (a, b, s) in enumerate(places)]
    try:
        found = assign(spread, rules)
    except ConfigError:
        with pytest.raises(ConfigError, match="collect from more places, or set a smaller"):
            assign(spread[::-1], rules)
    else:
        assert found.keys() == {place.key for place in spread}
        assert {"train", "val", "test"} <= {split for split, _ in found.values()}


def test_a_cell_belongs_to_one_split():
    splits: dict[str, set[str]] = {}
    for split, cell in assign(world(3000), RULES).values():
        splits.setdefault(cell, set()).add(split)
    assert all(len(found - {"buffer"}) <= 1 for found in splits.values())


def test_as_many_are_held_out_as_asked_and_at_most_a_tenth_and_a_fifth():
    def held_out(**rules):
        counts = Counter(
            a.split for a in assign(world(8000), HoldOutRules(buffer_km=1, **rules)).values()
        )
        return counts["val"], counts["test"]

    assert held_out(val=300, test=600) == pytest.approx((300, 600), rel=0.1)
    assert held_out(val=0.02, test=0.05) == pytest.approx((160, 400), rel=0.1)
    assert held_out() == pytest.approx((800, 1600), rel=0.1)


def test_held_out_cells_have_many_recordings_and_the_mix_of_all():
    places = world(8000)
    found = assign(places, HoldOutRules(val=300, test=1000, buffer_km=0))
    size = Counter(a.cell for a in found.values())
    assert min(size[a.cell] for a in found.values() if a.split in ("val", "test")) >= 25
    whole = Counter(p.source for p in places)
    test = Counter(p.source for p in places if found[p.key].split == "test")
    for source in SOURCES:
        assert test[source] / test.total() == pytest.approx(whole[source] / 8000, rel=0.3)


def test_a_city_alone_cannot_be_split():
    city = [SplitCandidate(str(i), 48.2 + i / 1e4, 16.4, "aporee") for i in range(500)]
    with pytest.raises(ConfigError, match=r"500 recordings in 1 cells of 1 degrees.*cell_deg"):
        assign(city, RULES)
    assert assign([], RULES) == {}


def test_leakage_counts_what_is_shared_with_training():
    rows = [
        row(split="train", species="Turdus merula", author="Ada"),
        row(split="test", species="Turdus merula", author="Ada"),
        row(split="test", species="Turdus merula", author="Ada", source="freesound"),
        row(split="test", species="Corvus corax"),
    ]
    found = {(one.split, one.kind): one for one in leakage(rows)}
    species, people = found["test", "species"], found["test", "recordist"]
    assert (species.names, species.shared, species.recordings) == (2, 1, 2)
    assert species.share == pytest.approx(2 / 3)
    assert (people.names, people.shared, people.share) == (2, 1, 0.5)
    assert found["val", "species"].names == 0
