from __future__ import annotations

import threading
from collections import defaultdict

from psm.collect.lanes import LaneEnd, Lanes


def taken(lanes):
    items = defaultdict(list)
    for name, item in lanes:
        items[name].append(item)
    return items


def test_every_lane_gives_all_it_has_in_its_order():
    with Lanes(ahead=1) as lanes:
        for name, size in (("a", 5), ("b", 0), ("c", 50)):
            lanes.start(name, lambda size=size: iter(range(size)))
        items = taken(lanes)
    ends = [LaneEnd()]
    assert items == {"a": [*range(5), *ends], "b": ends, "c": [*range(50), *ends]}


def test_a_lane_that_waits_for_nothing_stops_no_other():
    never = threading.Event()

    def stuck():
        yield 1
        never.wait()

    with Lanes(ahead=4) as lanes:
        lanes.start("stuck", stuck)
        lanes.start("quick", lambda: iter("abc"))
        items = defaultdict(list)
        for name, item in lanes:
            items[name].append(item)
            if len(items["quick"]) == 4 and items["stuck"]:
                break
    assert items["quick"] == ["a", "b", "c", LaneEnd()]
    never.set()


def test_an_error_ends_its_lane_and_is_told():
    problem = ValueError("no such page")

    def broken():
        yield 1
        raise problem

    with Lanes(ahead=4) as lanes:
        lanes.start("broken", broken)
        lanes.start("whole", lambda: iter([1, 2]))
        items = taken(lanes)
    assert items == {"broken": [1, LaneEnd(problem)], "whole": [1, 2, LaneEnd()]}


def test_a_stopped_lane_ends_after_its_item_and_the_others_go_on():
    with Lanes(ahead=1) as lanes:
        lanes.start("endless", lambda: iter(int, 1))
        lanes.start("other", lambda: iter(range(3)))
        items = defaultdict(list)
        for name, item in lanes:
            items[name].append(item)
            lanes.stop("endless")
    assert items["other"] == [0, 1, 2, LaneEnd()]
    assert len(items["endless"]) <= 4
    assert items["endless"][-1] == LaneEnd()


def test_who_leaves_early_is_not_held_up():
    begun = threading.active_count()
    with Lanes(ahead=1) as lanes:
        for name in "abc":
            lanes.start(name, lambda: iter(int, 1))
        for _ in lanes:
            break
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(timeout=5)
    assert threading.active_count() <= begun
