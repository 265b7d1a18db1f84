"""Select stage: filters, one recording of each place and minute, balanced species, quotas.

Every choice follows from the set of candidates alone, never from the order in which they came, and
what looks like chance is a hash of key and seed: the same candidates give the same choice in a
build that was killed ten times.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Protocol

from scipy.cluster.hierarchy import DisjointSet
from scipy.spatial import cKDTree

from psm.collect.buildrun import BuildRun
from psm.collect.cleaning.licences import family
from psm.collect.columns import Stage
from psm.collect.plan import BuildPlan
from psm.collect.refusal import Refused
from psm.geodata.sphere import km_to_chord, unit_vectors

_CELL_DEG = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A recording as it is known before it is fetched; see :mod:`psm.collect.cleaning`."""

    key: str
    source: str
    lat: float
    lon: float
    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: float | None = None
    country: str = ""
    species: str = ""
    author: str = ""
    licence: str = ""


_COLUMNS = tuple(field.name for field in fields(Candidate))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules of selection; an empty one lets everything pass.

    Attributes:
        licences: with version, ``CC-BY-4.0``, or of any, ``CC-BY``. That is not ``CC-BY-NC``.
        months, countries: those whose is unknown are left out where there is a rule.
        same_place_m: recordings of one author in the same minute nearer than this are one.
        per_species: most recordings of a species in each archive.
        quotas: most recordings of each archive.
        limit: most recordings.
        preferred: of recordings of the same place and minute, that of the earliest archive here is
            kept.
        seed: of what is left to chance.
    """

    licences: frozenset[str] = frozenset()
    months: frozenset[int] = frozenset()
    countries: frozenset[str] = frozenset()
    same_place_m: float = 30.0
    per_species: int | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    limit: int | None = None
    preferred: tuple[str, ...] = ()
    seed: int = 0


def select(rows: Iterable[Candidate], rules: Rules) -> dict[str, str]:
    """Apply the rules in their order; the keys that are left out, each with its reason."""
    left_out: dict[str, str] = {}
    kept = sorted(rows, key=lambda row: row.key)

    def leave(reason: str, losers: Iterable[Candidate]) -> None:
        nonlocal kept
        found = {row.key for row in losers}
        left_out.update(dict.fromkeys(sorted(found), reason))
        kept = [row for row in kept if row.key not in found]

    if wanted := rules.licences:
        leave(
            "licence not wanted",
            [row for row in kept if not {row.licence, family(row.licence)} & wanted],
        )
    if rules.months:
        leave("month not wanted", [row for row in kept if row.month not in rules.months])
    if rules.countries:
        leave("country not wanted", [row for row in kept if row.country not in rules.countries])
    leave("same place and minute as another", _repeated(kept, rules))
    if rules.per_species is not None:
        leave("enough of its species", _common_species(kept, rules.per_species, rules.seed))
    for archive, most in sorted(rules.quotas.items()):
        mine = [row for row in kept if row.source == archive]
        # "source" is the word of catalogues and cards that are there already.
        leave("quota of its source is full", _drawn(mine, rules.seed)[most:])
    if rules.limit is not None:
        leave("limit reached", _drawn(kept, rules.seed)[rules.limit :])
    return left_out


def _repeated(rows: Sequence[Candidate], rules: Rules) -> Iterable[Candidate]:
    """All but the preferred one of those that one author made at one place in one minute."""
    same: dict[tuple[object, ...], list[Candidate]] = defaultdict(list)
    for row in rows:
        moment = (row.year, row.month, row.day, row.hour)
        if row.author and None not in moment:
            assert row.hour is not None
            minute = round(row.hour * 60.0)
            same[(row.author.casefold(), *moment[:3], minute)].append(row)
    for group in same.values():
        if len(group) > 1:
            for nearby in _near(group, rules.same_place_m):
                best = min(nearby, key=lambda row: preference(row, rules.preferred))
                yield from (row for row in nearby if row is not best)


def _near(rows: list[Candidate], within_m: float) -> Iterable[list[Candidate]]:
    """Groups of rows that are connected by steps of at most ``within_m``."""
    spots: dict[tuple[float, float], list[Candidate]] = defaultdict(list)
    for row in rows:  # many may share one spot: a series of takes
        spots[row.lat, row.lon].append(row)
    lat, lon = zip(*spots, strict=True)
    tree = cKDTree(unit_vectors(lat=lat, lon=lon))
    groups = DisjointSet(range(len(spots)))
    for one, other in tree.query_pairs(km_to_chord(within_m / 1000.0)):
        groups.merge(one, other)
    members = list(spots.values())
    for group in groups.subsets():
        yield [row for number in sorted(group) for row in members[number]]


def _common_species(rows: Sequence[Candidate], most: int, seed: int) -> Iterable[Candidate]:
    """What is too much of each species in each archive; from every cell of it in turn is kept."""
    species: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for row in rows:
        if row.species:
            species[row.source, row.species.casefold()].append(row)
    for same in species.values():
        if len(same) > most:
            yield from _spread(same, seed)[most:]


def _spread(rows: Sequence[Candidate], seed: int) -> list[Candidate]:
    """The first of every cell of a degree, then the second of each, and so on."""
    taken: dict[tuple[int, int], int] = defaultdict(int)
    turns: list[tuple[int, int, Candidate]] = []
    for row in _drawn(rows, seed):
        cell = (math.floor(row.lat / _CELL_DEG), math.floor(row.lon / _CELL_DEG))
        turns.append((taken[cell], len(turns), row))
        taken[cell] += 1
    return [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])]


def _drawn(rows: Sequence[Candidate], seed: int) -> list[Candidate]:
    """All rows in the order of a lottery."""
    return sorted(rows, key=lambda row: (_lot(row.key, seed), row.key))


def _lot(key: str, seed: int) -> bytes:
    return blake2b(f"{seed} {key}".encode(), digest_size=8).digest()


class ArchiveItem(Protocol):
    """Anything that comes from an archive and has a key."""

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str: ...


def preference(row: ArchiveItem, archives: Sequence[str]) -> tuple[int, str]:
    """Sort key of recordings that are alike: the order of their archives, then the key."""
    return (archives.index(row.source) if row.source in archives else len(archives), row.key)


def select_all(run: BuildRun) -> None:
    """Choose anew among all rows of the archives that are listed to the end."""
    rows = run.catalogue.ready(Stage.SELECT, _COLUMNS, archives=run.listed())
    if not rows:
        return
    run.heartbeat.begin(Stage.SELECT, len(rows))
    left_out = select([Candidate(**row) for row in rows], rules(run.plan))
    run.catalogue.decide(Stage.SELECT, {key: Refused(why) for key, why in left_out.items()})
    run.beat()


def rules(plan: BuildPlan) -> Rules:
    """The rules that the settings of a build ask for."""
    config = plan.config
    return Rules(
        licences=frozenset(config.licences),
        months=frozenset(config.months),
        countries=frozenset(config.countries),
        per_species=config.most_per_species,
        quotas={name: s.quota for name, s in config.sources.items() if s.quota is not None},
        limit=config.limit,
        preferred=tuple(config.sources),
        seed=config.seed,
    )
