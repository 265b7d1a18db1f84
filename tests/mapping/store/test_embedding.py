from __future__ import annotations

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from zarr.storage import LocalStore

from psm.errors import ConfigError, MissingData, StoreMismatch
from psm.imagery import Reason, View
from psm.inference.batches import image_features
from psm.mapping import Cells, Moment, Query, map_query
from psm.mapping.store import EmbeddedCells, Header, LocalExecutor, Store, embed, estimate, plan
from psm.mapping.store.creation import create_store
from psm.mapping.store.place import writing
from psm.model import PSM
from tests.mapping.store.fakes import PlaceImagery


def _exact(model: PSM, imagery: PlaceImagery, cells: Cells, zoom: int) -> torch.Tensor:
    view = View(16, 1000.0 * zoom)
    pictures = imagery.read(lat=cells.lat, lon=cells.lon, view=view)
    return image_features(model, np.stack([p.pixels for p in pictures]), view.gsd_m)


def test_features_are_those_of_the_views_in_the_order_of_the_cells(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    store = embed(tmp_path / "s.zarr", model, imagery, cells, header).store
    np.testing.assert_array_equal(store.cells.flat, cells.flat)
    for zoom in (1, 3):
        found = torch.from_numpy(store.features(zoom)).float()
        torch.testing.assert_close(found, _exact(model, imagery, cells, zoom), rtol=1e-3, atol=1e-3)


def test_a_store_says_what_it_is(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    header = plan(model, imagery, cells, zooms=(3,), month=7)
    embed(tmp_path / "s.zarr", model, imagery, cells, header)
    store = Store.open(tmp_path / "s.zarr")
    assert store.header == header
    assert (store.zooms, store.month, store.licence) == ((3,), 7, "CC0-1.0")
    assert store.frame == cells.frame
    assert len(store) == len(cells)


def test_the_second_time_nothing_is_drawn(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    assert embed(tmp_path / "s.zarr", model, imagery, cells, header).views == 2 * len(cells)
    assert imagery.drawn == 2 * len(cells)
    assert embed(tmp_path / "s.zarr", model, imagery, cells, header).views == 0
    assert imagery.drawn == 2 * len(cells)


def test_an_interrupted_store_is_the_undisturbed_one_byte_for_byte(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path, tree
) -> None:
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    embed(whole, model, imagery, cells, header)

    class Breaks(PlaceImagery):
        def read(self, **where: object):  # type: ignore[no-untyped-def]
            for answer in super().read(**where):  # type: ignore[arg-type]
                if self.drawn > 150:
                    raise ConfigError("no more imagery")
                yield answer

    with pytest.raises(ConfigError, match="no more imagery"):
        embed(cut, model, Breaks(), cells, header)
    assert tree(cut) != tree(whole)
    imagery.drawn = 0
    embed(cut, model, imagery, cells, header)
    assert imagery.drawn == 2 * len(cells) - 128
    assert tree(cut) == tree(whole)


def test_features_without_their_status_are_made_anew(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path, tree
) -> None:
    place = tmp_path / "s.zarr"
    embed(place, model, imagery, cells, header)
    before = tree(place)
    (place / "zoom-3/status/c.1").unlink()
    (place / "zoom-3/features/c.1.0").write_bytes(b"cut short")
    embed(place, model, imagery, cells, header)
    assert tree(place) == before


@pytest.mark.parametrize("files", range(8))
def test_a_creation_that_was_cut_off_is_done_again(
    files: int,
    cells: Cells,
    header: Header,
    tmp_path: Path,
    tree,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, cut = tmp_path / "whole.zarr", tmp_path / "cut.zarr"
    create_store(whole, header, cells)
    written = itertools.count()
    put = LocalStore.set

    async def killed(self: LocalStore, key: str, value: object) -> None:
        if next(written) >= files:
            raise OSError("the end")
        await put(self, key, value)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "set", killed)
    with pytest.raises(OSError, match="the end"):
        create_store(cut, header, cells)
    monkeypatch.undo()
    with pytest.raises(MissingData, match="is there; make it with"):
        Store.open(cut)
    create_store(cut, header, cells)
    assert tree(cut) == tree(whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"month": 8}, r"other month \(7, not 8\)"),
        ({"zooms": (1,)}, "other zooms"),
        ({"imagery": PlaceImagery(flavour=2)}, "other imagery"),
        ({"cells": Cells.globe(15.0)}, "other cells, other frame"),
    ],
)
def test_another_store_in_the_way_is_named_by_what_differs(
    change: dict[str, object],
    words: str,
    model: PSM,
    cells: Cells,
    imagery: PlaceImagery,
    tmp_path: Path,
    tree,
) -> None:
    asked = {"imagery": imagery, "cells": cells, "zooms": (1, 3), "month": 7}

    def header(of: dict[str, object]) -> Header:
        return plan(model, of["imagery"], of["cells"], zooms=of["zooms"], month=of["month"])  # type: ignore[arg-type]

    place = tmp_path / "s.zarr"
    create_store(place, header(asked), cells)
    before = tree(place)
    other = asked | change
    with pytest.raises(StoreMismatch, match=rf"s\.zarr: a store with {words}; choose") as problem:
        embed(place, model, other["imagery"], other["cells"], header(other))  # type: ignore[arg-type]
    assert "\n" not in str(problem.value)
    assert tree(place) == before


def test_other_weights_are_another_store(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    create_store(tmp_path / "s.zarr", header, cells)
    weight = model.satellite.patch.weight
    with torch.no_grad():
        kept = weight.clone()
        weight[0, 0, 0, 0] += 1e-3
        changed = plan(model, imagery, cells, zooms=(1, 3), unit=64)
        weight.copy_(kept)
    with pytest.raises(StoreMismatch, match="a store with other weights; choose"):
        create_store(tmp_path / "s.zarr", changed, cells)


def test_what_is_no_store_is_left_alone(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path, tree
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreMismatch, match="holds files that are not a store"):
        embed(tmp_path, model, imagery, cells)
    assert tree(tmp_path) == {"thesis.txt": b"years of work"}


def test_an_unknown_zoom_is_refused_before_anything_is_written(
    model: PSM, cells: Cells, imagery: PlaceImagery
) -> None:
    with pytest.raises(ConfigError, match="zoom 2: tiny knows 1, 3"):
        plan(model, imagery, cells, zooms=(2,))


def test_cells_without_imagery_are_no_data_with_a_reason(
    model: PSM, cells: Cells, imagery: PlaceImagery, tmp_path: Path
) -> None:
    places = [(round(float(cells.lat[k]), 6), round(float(cells.lon[k]), 6)) for k in (3, 70)]
    imagery.missing = {places[0]: Reason.OUTSIDE, places[1]: Reason.CLOUD}
    header = plan(model, imagery, cells, unit=64)
    report = embed(tmp_path / "s.zarr", model, imagery, cells, header)
    counts = {"embedded": len(cells) - 2, "outside of the imagery": 1, "clouds": 1}
    assert report.counts == {1: counts}
    embedded = report.store.embedded()
    gone = np.isnan(embedded.features.numpy()).all(axis=1)
    assert np.flatnonzero(gone).tolist() == [3, 70]
    found = map_query(model, embedded, Query(texts=("frogs",)), Moment(month=3, hour=6.0))
    shown = found.values()[cells.rows, cells.columns]
    np.testing.assert_array_equal(np.isnan(shown), gone)
    whole = embed(tmp_path / "w.zarr", model, PlaceImagery(), cells, header).store.embedded()
    full = map_query(model, whole, Query(texts=("frogs",)), Moment(month=3, hour=6.0))
    np.testing.assert_allclose(
        shown[~gone], full.values()[cells.rows, cells.columns][~gone], atol=1e-6
    )


def test_a_failure_that_passes_is_asked_again_and_leaves_no_trace(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path, tree
) -> None:
    whole, place = tmp_path / "whole.zarr", tmp_path / "s.zarr"
    embed(whole, model, PlaceImagery(), cells, header)
    imagery.missing = {
        (round(float(cells.lat[k]), 6), round(float(cells.lon[k]), 6)): Reason.FAILED
        for k in (0, 5, 100)
    }
    assert embed(place, model, imagery, cells, header).counts[3]["not answered"] == 3
    imagery.missing, imagery.drawn = {}, 0
    assert embed(place, model, imagery, cells, header, retry=False).views == 0
    embed(place, model, imagery, cells, header)
    assert imagery.drawn == 6
    assert tree(place) == tree(whole)


def test_two_at_the_same_store_at_once_make_one(
    model: PSM, cells: Cells, header: Header, tmp_path: Path, tree
) -> None:
    whole, place = tmp_path / "whole.zarr", tmp_path / "s.zarr"
    embed(whole, model, PlaceImagery(), cells, header)
    problems: list[BaseException] = []

    def one() -> None:
        try:
            embed(place, model, PlaceImagery(delay_s=2e-4), cells, header)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert tree(place) == tree(whole)


def test_what_a_kill_leaves_is_swept_by_whoever_is_alone(
    cells: Cells, header: Header, tmp_path: Path
) -> None:
    place = tmp_path / "s.zarr"
    create_store(place, header, cells)
    left = place / "zoom-1" / "features" / "c.0.0123.partial"
    left.write_bytes(b"half")
    with writing(str(place)):
        assert not left.exists()
        left.write_bytes(b"of somebody who lives")
        with writing(str(place)):
            pass
        assert left.exists()
    assert not left.exists()


def test_any_file_system_will_do(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    url = f"memory://{tmp_path.name}/s.zarr"
    here = embed(tmp_path / "s.zarr", model, imagery, cells, header).store
    there = embed(url, model, imagery, cells, header).store
    np.testing.assert_array_equal(there.features(3), here.features(3))
    np.testing.assert_array_equal(there.features(1, slice(60, 70)), here.features(1)[60:70])
    assert Store.open(url).header == header
    assert embed(url, model, imagery, cells, header).views == 0
    with pytest.raises(ConfigError, match="no such kind of URL"):
        Store.open("nowhere://s.zarr")


@pytest.mark.parametrize("rows", [slice(None), slice(10, 200), slice(63, 65), slice(5, 5)])
def test_rows_are_read_from_the_files_as_zarr_reads_them(
    rows: slice, model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    store = embed(tmp_path / "s.zarr", model, imagery, cells, header).store
    plain = store.group["zoom-3/features"][:][rows]
    np.testing.assert_array_equal(store.features(3, rows), plain)
    into = np.zeros(plain.shape, np.float16)
    assert store.features(3, rows, out=into) is into
    np.testing.assert_array_equal(into, plain)


def test_a_file_cut_short_is_an_error_that_names_it(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    store = embed(tmp_path / "s.zarr", model, imagery, cells, header).store
    (tmp_path / "s.zarr/zoom-1/features/c.1.0").write_bytes(b"short")
    with pytest.raises(MissingData, match=r"c\.1\.0: cut short"):
        store.features(1)


def test_several_processes_make_the_same_store(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path, tree
) -> None:
    embed(tmp_path / "one.zarr", model, imagery, cells, header)
    report = embed(tmp_path / "two.zarr", model, imagery, cells, header, executor=LocalExecutor(2))
    assert report.views == 2 * len(cells)
    assert tree(tmp_path / "two.zarr") == tree(tmp_path / "one.zarr")


def test_an_estimate_counts_what_is_left(
    model: PSM, cells: Cells, imagery: PlaceImagery, header: Header, tmp_path: Path
) -> None:
    imagery.delay_s = 2e-3
    guess = estimate(tmp_path / "s.zarr", model, imagery, cells, header)
    assert (guess.cells, guess.views) == (len(cells), 2 * len(cells))
    assert guess.seconds == pytest.approx(2 * len(cells) * 2e-3, rel=1.0)
    assert str(guess).startswith(f"{len(cells):,} cells, {2 * len(cells):,} views, ")
    assert not (tmp_path / "s.zarr").exists()
    imagery.delay_s = 0.0
    embed(tmp_path / "s.zarr", model, imagery, cells, header)
    size = sum(path.stat().st_size for path in (tmp_path / "s.zarr").rglob("*.0"))
    assert guess.size_bytes == pytest.approx(size, rel=0.5)
    left = estimate(tmp_path / "s.zarr", model, imagery, cells, header)
    assert (left.views, left.seconds) == (0, 0.0)


def test_embedded_cells_carry_whose_imagery_it_is(embedded: EmbeddedCells) -> None:
    assert (embedded.attribution, embedded.licence) == ("nobody", "CC0-1.0")
