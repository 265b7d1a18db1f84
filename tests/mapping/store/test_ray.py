"""A real cluster of two nodes on this machine; one of them does not live to see the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from psm.errors import ConfigError
from psm.mapping import Cells
from psm.mapping.store import EmbeddingJob, FinishedUnit, Header, Unit, embed
from psm.mapping.store.on_ray import RayExecutor
from psm.model import PSM
from tests.mapping.store.fakes import NodeImagery, PlaceImagery

# Sockets and log files that Ray leaves to the collector of garbage.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    quiet = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(["src", ".", os.environ.get("PYTHONPATH", "")]),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in quiet.items():
            patch.setenv(name, value)
        import ray
        from ray.cluster_utils import Cluster

        node = {
            "num_cpus": 1,
            "object_store_memory": 80 * 2**20,
            "include_dashboard": False,
        }
        soon = {
            "health_check_initial_delay_ms": 0,
            "health_check_period_ms": 200,
            "health_check_failure_threshold": 3,
            "worker_niceness": 0,  # by default workers yield to whatever else runs here
        }
        started = Cluster(initialize_head=True, head_node_args={**node, "_system_config": soon})
        started.add_node(**node)
        started.wait_for_nodes()
        ray.init(address=started.address, log_to_driver=False)
        yield started
        ray.shutdown()
        started.shutdown()


class _Watched(RayExecutor):
    """Runs something whenever a unit is done."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        object.__setattr__(self, "_then", then)

    def run(self, job: EmbeddingJob, units: Iterable[Unit]) -> Iterator[FinishedUnit]:
        for done in super().run(job, units):
            self._then()  # type: ignore[attr-defined]
            yield done


def test_a_node_killed_half_way_leaves_no_trace(
    cluster: Any, model: PSM, cells: Cells, tmp_path: Path, tree, header: Header
) -> None:
    import ray

    whole, place = tmp_path / "whole.zarr", tmp_path / "s.zarr"
    embed(whole, model, PlaceImagery(), cells, header)
    seen = tmp_path / "nodes"
    seen.mkdir()
    killed: list[str] = []

    def kill() -> None:
        if killed:
            return
        (victim,) = cluster.worker_nodes
        killed.append(victim.node_id)
        cluster.remove_node(victim, allow_graceful=False)

    imagery = NodeImagery(str(seen), delay_s=5e-3)
    report = embed(place, model, imagery, cells, header, executor=_Watched(kill))
    assert report.views == 2 * len(cells)
    assert report.counts == {zoom: {"embedded": len(cells)} for zoom in (1, 3)}
    assert tree(place) == tree(whole)
    assert sum(node["Alive"] for node in ray.nodes()) == 1
    assert len(killed) == 1
    assert killed[0] in {path.name for path in seen.iterdir()}


def test_what_is_wrong_with_the_imagery_is_said_as_anywhere(
    cluster: Any, model: PSM, cells: Cells, header: Header, tmp_path: Path
) -> None:
    assert cluster.head_node is not None
    with pytest.raises(ConfigError, match=r"^no more imagery$"):
        embed(
            tmp_path / "s.zarr",
            model,
            PlaceImagery(fails=True),
            cells,
            header,
            executor=RayExecutor(),
        )
