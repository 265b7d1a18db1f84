from __future__ import annotations

import subprocess
import sys

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psm.collect.archives.archive import ListedRecording, Page
from psm.collect.candidates import record_of
from psm.collect.catalogue import FILE, SNAPSHOT, BuildCatalogue
from psm.collect.columns import COLUMNS, COMPARING, STEPS, CandidateState, Stage
from psm.collect.refusal import Refused
from psm.data.dates import Clock
from psm.errors import ConfigError

ONE_BY_ONE = [stage for stage in STEPS if stage is not Stage.LIST and stage not in COMPARING]


def record(number, **changes):
    return ListedRecording(
        source="aporee", id=str(number), url=f"https://example.org/{number}", **changes
    )


def page(*numbers, cursor=None, refused=()):
    return Page(tuple(record(number) for number in numbers), cursor, tuple(refused))


def found(stage):
    """What a stage would fill, in short: its mark."""
    return {STEPS[stage].mark: stage}


def keys(rows):
    return [row["key"] for row in rows]


def everything(catalogue, folder):
    catalogue.snapshot(now=True)
    return parquet.read_table(folder / SNAPSHOT).to_pylist()


def test_a_record_comes_back_as_it_went_in(tmp_path):
    told = record(
        1, lat=-12.5, lon=179.0, clock=Clock.NONE, title="Dämmerung 🐦", tags=("frog", "rain"),
        suffix=".mp3", size_bytes=10**10, more={"file": "a b.mp3"},
    )  # fmt: skip
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", Page((told,), None))
        (row,) = catalogue.ready(Stage.CLEAN, ("record",))
    assert record_of(row) == told


def test_a_listing_goes_on_after_its_last_page(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1, 2, cursor="second"))
    with BuildCatalogue(tmp_path) as catalogue:
        assert catalogue.listing("aporee").cursor == "second"
        assert not catalogue.listing("freesound").count
        # Pages move while one reads them: what was on the first is on the second as well.
        after = catalogue.add_page("aporee", page(2, 3, refused=[("x7", "no place")]))
        assert (after.is_complete, after.count) == (True, 4)
        assert catalogue.counts() == {("aporee", "listed"): 3, ("aporee", "refused"): 1}
        assert catalogue.refusals() == {("list", "no place"): 1}
        assert catalogue.add_page("aporee", page(9)) == after


def test_a_listing_ends_with_the_most_that_is_wanted(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        assert not catalogue.add_page("aporee", page(1, 2, cursor="b"), most=3).is_complete
        assert catalogue.add_page("aporee", page(3, 4, cursor="c"), most=3).is_complete
        assert keys(catalogue.ready(Stage.CLEAN, ())) == ["aporee-1", "aporee-2", "aporee-3"]


@pytest.mark.parametrize("changes", [{"suffix": "/../x"}, {"suffix": ".mp3\n"}])
def test_what_is_no_file_name_is_refused(tmp_path, changes):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", Page((record("a/../b"), record(1, **changes)), None))
        assert catalogue.counts() == {("aporee", "refused"): 2}
        assert catalogue.put_back(every=True) == 0


def test_a_page_that_cannot_be_written_leaves_the_cursor(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1, cursor="second"))
        broken = Page((record(2, lat={1}),), "third")  # a set is nothing that JSON knows
        with pytest.raises(TypeError):
            catalogue.add_page("aporee", broken)
        assert catalogue.listing("aporee").cursor == "second"
        assert catalogue.add_page("aporee", page(2)).count == 2


def test_rows_go_from_stage_to_stage(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1))
        seen = []
        for stage in ONE_BY_ONE:
            if stage is Stage.PACK:
                filled = {"aporee-1": {"split": "val", "cell": "N00E000"}}
                catalogue.decide(Stage.SPLIT, {}, filled)
            assert keys(catalogue.ready(stage, ())) == ["aporee-1"]
            catalogue.apply(stage, [("aporee-1", found(stage))])
            assert catalogue.count(stage) == 0
            seen += [state for _, state in catalogue.counts()]
    assert seen == ["listed", "fetched", "decoded", "captioned", "imaged", "packed"]


def test_comparing_is_done_anew_and_brings_rows_back(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1, 2, 3))
        catalogue.apply(Stage.CLEAN, [(f"aporee-{i}", found(Stage.CLEAN)) for i in (1, 2, 3)])
        catalogue.decide(Stage.SELECT, {"aporee-1": Refused("too many of this species")})
        assert keys(catalogue.ready(Stage.FETCH, ())) == ["aporee-2", "aporee-3"]
        catalogue.apply(
            Stage.FETCH, [("aporee-2", Refused("gone")), ("aporee-3", found(Stage.FETCH))]
        )
        assert keys(catalogue.ready(Stage.SELECT, ())) == ["aporee-1", "aporee-2", "aporee-3"]
        left_out = {f"aporee-{i}": Refused("too many of this species") for i in (2, 3)}
        catalogue.decide(Stage.SELECT, left_out)
        assert catalogue.refusals() == {
            ("fetch", "gone"): 1, ("select", "too many of this species"): 1
        }  # fmt: skip
        catalogue.decide(Stage.SELECT, {})
        assert catalogue.counts() == {
            ("aporee", "fetched"): 1, ("aporee", "listed"): 1, ("aporee", "refused"): 1
        }  # fmt: skip


def test_another_split_has_its_row_packed_again(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1, 2))
        for stage in ONE_BY_ONE[:-1]:
            catalogue.apply(stage, [(f"aporee-{i}", found(stage)) for i in (1, 2)])
        both = {f"aporee-{i}": {"split": "val", "cell": "N00E000"} for i in (1, 2)}
        catalogue.decide(Stage.SPLIT, {}, both)
        catalogue.apply(Stage.PACK, [(key, {"shard": "val-00000"}) for key in both])
        catalogue.decide(Stage.SPLIT, {}, {**both, "aporee-2": {"split": "test", "cell": "X"}})
        assert keys(catalogue.ready(Stage.PACK, ())) == ["aporee-2"]
        assert catalogue.counts() == {("aporee", "imaged"): 1, ("aporee", "packed"): 1}


def test_retry_puts_back_what_may_pass_or_all_that_a_stage_refused(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(1, 2, 3, refused=[("x", "no id")]))
        catalogue.apply(
            Stage.CLEAN,
            [
                ("aporee-1", Refused("no place")),
                ("aporee-2", Refused("not answered", may_pass=True, detail="HTTP 503")),
                ("aporee-3", found(Stage.CLEAN)),
            ],
        )
        catalogue.decide(Stage.SELECT, {"aporee-3": Refused("over the limit")})
        assert catalogue.put_back() == 1
        assert keys(catalogue.ready(Stage.CLEAN, ())) == ["aporee-2"]
        assert catalogue.put_back(every=True) == 1
        assert keys(catalogue.ready(Stage.CLEAN, ())) == ["aporee-1", "aporee-2"]


OUTCOMES = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.sampled_from(ONE_BY_ONE), st.integers(0, 7)),
        st.tuples(st.just("refuse"), st.sampled_from(ONE_BY_ONE), st.booleans()),
        st.tuples(st.just("decide"), st.sampled_from(COMPARING), st.sets(st.integers(0, 7))),
        st.tuples(st.just("reset"), st.sampled_from(ONE_BY_ONE), st.integers(0, 7)),
        st.tuples(st.just("retry"), st.booleans(), st.none()),
        st.tuples(st.just("list"), st.lists(st.integers(0, 7), max_size=4), st.none()),
        st.tuples(st.just("reopen"), st.none(), st.none()),
    ),
    max_size=14,
)


@settings(max_examples=15)
@given(steps=OUTCOMES)
def test_whatever_happens_rows_are_unique_and_as_far_as_their_columns(steps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    catalogue = BuildCatalogue(folder)
    catalogue.add_page("aporee", page(*range(4), cursor="on"))
    try:
        for what, stage, value in steps:
            if what == "reopen":
                before = everything(catalogue, folder)
                catalogue.__exit__(None, None, None)
                catalogue = BuildCatalogue(folder)
                assert everything(catalogue, folder) == before
            else:
                change(catalogue, what, stage, value)
            check(everything(catalogue, folder), catalogue)
    finally:
        catalogue.__exit__(None, None, None)


def change(catalogue, what, stage, value):
    match what:
        case "pass":
            ready = keys(catalogue.ready(stage, ()))[:value]
            catalogue.apply(stage, [(key, found(stage)) for key in ready])
        case "refuse":
            ready = keys(catalogue.ready(stage, ()))[:2]
            catalogue.apply(stage, [(key, Refused("so", may_pass=value)) for key in ready])
        case "decide":
            compared = keys(catalogue.ready(stage, ()))
            out = {key: Refused("left out") for i, key in enumerate(compared) if i in value}
            rest = [key for key in compared if key not in out]
            filled = {key: found(stage) for key in rest} if stage is Stage.SPLIT else {}
            catalogue.decide(stage, out, filled)
        case "reset":
            catalogue.reset(stage, [f"aporee-{value}"])
        case "retry":
            catalogue.put_back(every=stage)
        case "list":
            catalogue.add_page("aporee", page(*stage, cursor="on"))


def check(rows, catalogue):
    assert len({row["key"] for row in rows}) == len(rows) == catalogue.listing("aporee").count
    for row in rows:
        assert (row["state"] == CandidateState.REFUSED) == (row["reason"] is not None)
        assert (row["stage"] is None) == (row["reason"] is None)
        if row["state"] != CandidateState.REFUSED:
            assert row["state"] == far(row)
    assert sum(catalogue.counts().values()) == len(rows)
    for stage in (Stage.CLEAN, *ONE_BY_ONE):
        waiting = {row["key"] for row in rows if waits(row, stage)}
        assert set(keys(catalogue.ready(stage, ()))) == waiting


def far(row):
    state = CandidateState.LISTED
    for step in STEPS.values():
        if row[step.mark] is None:
            break
        state = step.state or state
    return state


def waits(row, stage):
    before = [STEPS[s].mark for s in STEPS if s.place < stage.place]
    is_next = all(row[mark] is not None for mark in before) and row[STEPS[stage].mark] is None
    return is_next and row["state"] != CandidateState.REFUSED


def test_a_second_builder_is_told_who_is_there(tmp_path):
    with BuildCatalogue(tmp_path):
        code = (
            "import sys; from pathlib import Path\n"
            "from psm.collect.catalogue import BuildCatalogue\n"
            "try: BuildCatalogue(Path(sys.argv[1]))\nexcept Exception as problem: print(problem)"
        )
        run = [sys.executable, "-c", code, str(tmp_path)]
        told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "is building here" in told
    assert "process " in told


def test_a_file_that_is_no_catalogue_is_an_error(tmp_path):
    (tmp_path / FILE).write_bytes(b"something else" * 1000)
    with pytest.raises(ConfigError, match="not a catalogue"):
        BuildCatalogue(tmp_path)


def test_another_version_is_an_error(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue._db.execute("UPDATE schema SET version = 99")
    with pytest.raises(ConfigError, match="version 99"):
        BuildCatalogue(tmp_path)


def test_the_snapshot_has_all_columns_and_waits_its_time(tmp_path):
    with BuildCatalogue(tmp_path) as catalogue:
        catalogue.add_page("aporee", page(2, 1))
        assert catalogue.snapshot()
        assert not catalogue.snapshot()
        table = parquet.read_table(tmp_path / SNAPSHOT)
    assert table.column_names == list(COLUMNS)
    assert table.column("key").to_pylist() == ["aporee-1", "aporee-2"]


def test_a_builder_that_is_killed_leaves_what_it_committed(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from psm.collect.catalogue import BuildCatalogue\n"
        "from psm.collect.archives.archive import ListedRecording, Page\n"
        "catalogue = BuildCatalogue(Path(sys.argv[1]))\n"
        "page = Page((ListedRecording(source='aporee', id='1', url=''),), 'second')\n"
        "catalogue.add_page('aporee', page)\n"
        "catalogue._db.execute('BEGIN TRANSACTION')\n"
        "catalogue._db.execute('DELETE FROM rows')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    with BuildCatalogue(tmp_path) as catalogue:
        assert catalogue.listing("aporee").cursor == "second"
        assert catalogue.count(Stage.CLEAN) == 1
